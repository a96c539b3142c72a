//! A resource without its type: the edge between values and models.

use std::any::Any;
use std::marker::PhantomData;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::object::{Attributes, ObjectInfo};
use crate::cx::Cx;
use crate::diagnostics::Diagnostic;
use crate::error::Error;
use crate::model::{Fault, Key};
use crate::outcome::{BeforeWrite, Deleted, Outcome, Read, Slot, Unwritten, Updated};
use crate::path::Path;
use crate::plan::{Change, Findings, Found, Say};
use crate::resource::{Resource, Stored};

/// A planned change, for the object's own `plan`.
pub(crate) struct Hook {
    pub(crate) prior: Option<Attributes>,
    /// None when the object is to be destroyed.
    pub(crate) config: Option<Attributes>,
    pub(crate) plan: Option<Attributes>,
}

/// What the object's own `plan` made of it.
pub(crate) struct Hooked {
    /// The typed plan before and after, as values.
    pub(crate) before: Attributes,
    pub(crate) after: Attributes,
    pub(crate) replace: Vec<Path>,
    pub(crate) said: Vec<Diagnostic>,
}

/// How a create ended.
pub(crate) enum CreateEnd {
    /// Nothing exists.
    Failed(Error),
    Made(Attributes),
    Unfinished(Attributes, Error),
    Promised(Attributes, Error),
}

/// A resource without its type.
pub(crate) trait AnyResource<A>: Send + Sync {
    fn info(&self) -> &ObjectInfo;

    fn validate(&self, config: &Attributes) -> Result<Vec<Diagnostic>, Fault>;

    fn plan(&self, cx: Arc<Cx<A>>, hook: Hook) -> BoxFuture<'static, Result<Hooked, Error>>;

    fn create(&self, cx: Arc<Cx<A>>, want: Attributes) -> BoxFuture<'static, CreateEnd>;

    /// `state` holds the key's attributes at least; `imported` means: no more than those.
    fn read(
        &self,
        cx: Arc<Cx<A>>,
        state: Attributes,
        imported: bool,
    ) -> BoxFuture<'static, Result<Read<Attributes>, Error>>;

    fn update(
        &self,
        cx: Arc<Cx<A>>,
        prior: Attributes,
        want: Attributes,
    ) -> BoxFuture<'static, Result<Updated<Attributes>, Error>>;

    fn delete(&self, cx: Arc<Cx<A>>, was: Attributes) -> BoxFuture<'static, Result<Deleted<Attributes>, Error>>;

    /// What the object is outside of Terraform, from a state or a plan.
    fn place(&self, attributes: &Attributes) -> Option<String>;

    /// What speaks against a planned create or update.
    fn possible(
        &self,
        cx: Arc<Cx<A>>,
        planned: Attributes,
        prior: Option<Attributes>,
    ) -> BoxFuture<'static, Result<Found, Error>>;

    /// What speaks against a planned removal.
    fn removable(&self, cx: Arc<Cx<A>>, was: Attributes) -> BoxFuture<'static, Result<Found, Error>>;

    /// The key's attributes, from an import id.
    fn parse_id(&self, id: &str) -> Result<Attributes, Error>;

    /// The key's attributes, from an object that holds them; none as long as one is null or unknown.
    fn key(&self, attributes: &Attributes) -> Option<Attributes>;

    fn import(&self, cx: Arc<Cx<A>>, key: Attributes) -> BoxFuture<'static, Result<(), Error>>;

    fn upgrade(&self, version: i64, stored: Stored) -> Result<Stored, Error>;
}

pub(super) struct Registered<R> {
    info: ObjectInfo,
    model: PhantomData<fn() -> R>,
}

impl<R: crate::model::Keyed> Registered<R> {
    pub(super) fn new<A: Send + Sync + 'static>() -> Self
    where
        R: Resource<A>,
    {
        let mut info = ObjectInfo::keyed::<R>();
        info.updates_settle = R::UPDATES_SETTLE;
        info.plain = R::PLAIN;
        info.needs = R::needs;
        info.left_out = R::left_out();
        Self { info, model: PhantomData }
    }
}

impl<A: Send + Sync + 'static, R: Resource<A>> AnyResource<A> for Registered<R> {
    fn info(&self) -> &ObjectInfo {
        &self.info
    }

    fn validate(&self, config: &Attributes) -> Result<Vec<Diagnostic>, Fault> {
        let mut say = Say::default();
        R::validate(&R::decode_plan(config)?, &mut say);
        Ok(say.into_said())
    }

    fn plan(&self, cx: Arc<Cx<A>>, hook: Hook) -> BoxFuture<'static, Result<Hooked, Error>> {
        async move {
            let twin = |attributes: Option<Attributes>| attributes.map(|a| R::decode_plan(&a)).transpose();
            let prior = match &hook.prior {
                Some(prior) => Some((R::decode(prior)?, R::decode_plan(prior)?)),
                None => None,
            };
            let mut change = Change::<R>::new(prior, twin(hook.config)?, twin(hook.plan)?);
            let before = R::encode_plan(&change.plan);
            let mut say = Say::default();
            R::plan(&cx, &mut change, &mut say).await;
            let (plan, replace) = change.into_parts();
            Ok(Hooked { before, after: R::encode_plan(&plan), replace, said: say.into_said() })
        }
        .boxed()
    }

    fn create(&self, cx: Arc<Cx<A>>, want: Attributes) -> BoxFuture<'static, CreateEnd> {
        async move {
            let want = match R::decode(&want) {
                Ok(want) => want,
                Err(fault) => return CreateEnd::Failed(fault.into()),
            };
            let slot = Slot::<R>::with(written_down::<A, R>(&cx));
            let creation = R::create(&cx, &want, Unwritten::new(slot.clone()));
            // The slot is made to be looked at after a panic; `want` and `cx` are not used for anything that depends on
            // what was going on in them.
            match (AssertUnwindSafe(creation).catch_unwind().await, slot.noted()) {
                (Ok(Ok(created)), _) => {
                    let model = created.model.encode();
                    match created.outcome {
                        Outcome::Made => CreateEnd::Made(model),
                        Outcome::Unfinished(why) => CreateEnd::Unfinished(model, why),
                        Outcome::Promised(why) => CreateEnd::Promised(model, why),
                    }
                }
                // A `Failed` from before the first write, kept and returned after it: something may exist.
                (Ok(Err(failed)), Some(noted)) => CreateEnd::Unfinished(noted.encode(), failed.into_error()),
                (Ok(Err(failed)), None) => CreateEnd::Failed(failed.into_error()),
                (Err(panic), Some(noted)) => CreateEnd::Unfinished(noted.encode(), panicked(panic.as_ref())),
                (Err(panic), None) => CreateEnd::Failed(panicked(panic.as_ref())),
            }
        }
        .boxed()
    }

    fn read(
        &self,
        cx: Arc<Cx<A>>,
        state: Attributes,
        imported: bool,
    ) -> BoxFuture<'static, Result<Read<Attributes>, Error>> {
        async move {
            let key = R::Key::decode(&state)?;
            let prior = if imported { None } else { decode_prior::<R>(&state) };
            Ok(match R::read(&cx, &key, prior.as_ref()).await? {
                Read::Found(model) => Read::Found(model.encode()),
                Read::Gone => Read::Gone,
                Read::Unreachable(why) => Read::Unreachable(why),
            })
        }
        .boxed()
    }

    fn update(
        &self,
        cx: Arc<Cx<A>>,
        prior: Attributes,
        want: Attributes,
    ) -> BoxFuture<'static, Result<Updated<Attributes>, Error>> {
        async move {
            let want = R::decode(&want)?;
            let Some(prior) = prior_model::<A, R>(&cx, &prior).await? else {
                let detail = "It is in the state and is to be changed. Plan again.";
                return Err(Error::new("The object does not exist any more", detail));
            };
            Ok(match R::update(&cx, &prior, &want).await? {
                Updated::Done(model) => Updated::Done(model.encode()),
                Updated::Unfinished(model, why) => Updated::Unfinished(model.encode(), why),
                Updated::Promised(model, why) => Updated::Promised(model.encode(), why),
            })
        }
        .boxed()
    }

    fn delete(&self, cx: Arc<Cx<A>>, was: Attributes) -> BoxFuture<'static, Result<Deleted<Attributes>, Error>> {
        async move {
            let Some(was) = prior_model::<A, R>(&cx, &was).await? else { return Ok(Deleted::Gone) };
            Ok(match R::delete(&cx, &was).await? {
                Deleted::Gone => Deleted::Gone,
                Deleted::Unfinished(model, why) => Deleted::Unfinished(model.encode(), why),
            })
        }
        .boxed()
    }

    fn place(&self, attributes: &Attributes) -> Option<String> {
        R::place(&R::decode_plan(attributes).ok()?)
    }

    fn possible(
        &self,
        cx: Arc<Cx<A>>,
        planned: Attributes,
        prior: Option<Attributes>,
    ) -> BoxFuture<'static, Result<Found, Error>> {
        async move {
            let mut found = Findings::ahead();
            let prior = prior.and_then(|prior| decode_prior::<R>(&prior));
            let want = R::decode_plan(&planned)?;
            let looked = R::possible(&cx, &want, prior.as_ref(), &mut found).await;
            Ok(found.seen(looked))
        }
        .boxed()
    }

    fn removable(&self, cx: Arc<Cx<A>>, was: Attributes) -> BoxFuture<'static, Result<Found, Error>> {
        async move {
            let Some(was) = decode_prior::<R>(&was) else { return Ok(Found::default()) };
            let mut found = Findings::ahead();
            let looked = R::removable(&cx, &was, &mut found).await;
            Ok(found.seen(looked))
        }
        .boxed()
    }

    fn parse_id(&self, id: &str) -> Result<Attributes, Error> {
        match id.parse::<R::Key>() {
            Ok(key) => Ok(key.encode()),
            Err(error) => Err(Error::new(format!("Import id {id:?} does not fit"), format!("For this type, {error}."))),
        }
    }

    fn key(&self, attributes: &Attributes) -> Option<Attributes> {
        R::Key::decode(attributes).ok().map(|key| key.encode())
    }

    fn import(&self, cx: Arc<Cx<A>>, key: Attributes) -> BoxFuture<'static, Result<(), Error>> {
        async move { R::import(&cx, &R::Key::decode(&key)?).await }.boxed()
    }

    fn upgrade(&self, version: i64, stored: Stored) -> Result<Stored, Error> {
        R::upgrade(version, stored)
    }
}

/// Before the first write of a create, what is about to exist is written down.
fn written_down<A: Send + Sync + 'static, R: Resource<A>>(cx: &Arc<Cx<A>>) -> BeforeWrite<R> {
    let cx = Arc::clone(cx);
    Arc::new(move |so_far| {
        let cx = Arc::clone(&cx);
        let place = R::decode_plan(&so_far.encode()).ok().as_ref().and_then(R::place);
        async move { cx.write_down(place).await }.boxed()
    })
}

/// A state that an older version of the provider has stored may lack what is required now; a read does without it then,
/// as after an import.
fn decode_prior<R: crate::model::Object>(state: &Attributes) -> Option<R> {
    R::decode(state)
        .inspect_err(|fault| tracing::warn!(%fault, "the state does not fit the model and is read anew"))
        .ok()
}

/// The state as a model. If it does not fit (see [`decode_prior`]) and Terraform was told not to refresh, the object is
/// read; none if it does not exist.
async fn prior_model<A: Send + Sync + 'static, R: Resource<A>>(
    cx: &Cx<A>,
    state: &Attributes,
) -> Result<Option<R>, Error> {
    if let Some(model) = decode_prior::<R>(state) {
        return Ok(Some(model));
    }
    match R::read(cx, &R::Key::decode(state)?, None).await? {
        Read::Found(model) => Ok(Some(model)),
        Read::Gone => Ok(None),
        Read::Unreachable(why) => Err(Error::new(why.about, why.why)),
    }
}

/// A panic, told to the user.
pub(crate) fn panicked(panic: &(dyn Any + Send)) -> Error {
    let text =
        panic.downcast_ref::<&str>().map(|s| (*s).to_owned()).or_else(|| panic.downcast_ref::<String>().cloned());
    Error::new(
        "The provider has a bug and panicked",
        format!(
            "{}\nPlease report this to the provider's developers.",
            text.unwrap_or_else(|| "no message".to_owned())
        ),
    )
}
