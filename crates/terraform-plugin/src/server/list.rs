//! ListResource: what exists, one after the other, until Terraform has enough.

use std::sync::{Arc, PoisonError};

use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use tfplugin6::list_resource::{Event, Request};
use tfplugin6::validate_list_resource_config as validation;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, codegen};

use super::guard::{guard, guard_now};
use super::import::unfit;
use super::read::refreshed;
use super::{Server, unknown_type, wire};
use crate::cx::Cx;
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::error::Error;
use crate::model::Operation;
use crate::outcome::Read;
use crate::plan;
use crate::provider::Provider;
use crate::registry::{AnyResource, AnySeen, Attributes, Registry};
use crate::schema::{Attribute, Kind, Rule, Schema, validate};
use crate::value::{Type, Value};

/// How many are read at once where a list tells too little.
const AT_ONCE: usize = 4;

/// What is asked of a list.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    /// Attributes that have to be so.
    pub(crate) filters: Attributes,
    /// Whether each is to be told as a whole.
    pub(crate) whole: bool,
}

/// An object that was found.
#[derive(Clone, Debug)]
pub(crate) struct Hit {
    /// What it is imported by.
    pub(crate) id: String,
    pub(crate) key: Attributes,
    pub(crate) title: String,
    /// As an import would have it; not there if nobody asked.
    pub(crate) state: Option<Attributes>,
}

/// What is found, or why something was not looked at. Nothing stands for what is not asked for.
type Hits = BoxStream<'static, Result<Option<Hit>, Error>>;

/// What a list of these objects can be narrowed down by; none if there is no such list.
pub(crate) fn list_schema<P: Provider>(registry: &Registry<P::Api>, name: &str) -> Option<Schema> {
    let tells = registry.lists.get(name)?.tells();
    let attributes = registry.resources.get(name)?.info().schema().attributes.iter();
    let attributes = attributes.filter(|a| P::FILTERS.contains(&a.name.as_str()) && is_filter(a, tells));
    let schema = Schema { attributes: attributes.map(filter).collect(), ..Schema::default() };
    let of = format!("`{}_{name}`", P::NAME);
    let description = match schema.attributes.is_empty() {
        true => format!("Lists all that {of} could manage."),
        false => format!("Lists all that {of} could manage, or those of them that are as it is said in `config`."),
    };
    Some(Schema { description, ..schema })
}

impl<P: Provider> Server<P> {
    pub(super) fn list_schema(&self, name: &str) -> Option<Schema> {
        list_schema::<P>(&self.0.registry, name)
    }

    pub(super) async fn validate_list(&self, request: validation::Request) -> validation::Response {
        let work = || {
            let schema = self.schema_of_list(&request.type_name)?;
            let config = wire::decode(request.config.as_ref(), &schema.implied_type())?;
            Ok(validate(&schema, &config))
        };
        let said = guard_now(work).unwrap_or_else(Error::into_diagnostics);
        validation::Response { diagnostics: wire::diagnostics(said) }
    }

    fn schema_of_list(&self, type_name: &str) -> Result<Schema, Error> {
        let found = Self::short(type_name).and_then(|name| self.list_schema(name));
        found.ok_or_else(|| unknown_type("list resource", type_name))
    }

    /// The stream ends when all is told, when there is enough, and when nobody listens any more.
    pub(super) fn list(&self, request: Request) -> codegen::BoxStream<Event> {
        let (events, heard) = mpsc::channel::<Result<Event, Status>>(AT_ONCE);
        let server = self.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = events.closed() => {}
                last = server.tell(request, &events) => {
                    if !last.is_empty() {
                        // Whoever has stopped listening has heard enough.
                        let _ = events.send(Ok(said(last))).await;
                    }
                }
            }
        });
        Box::pin(ReceiverStream::new(heard))
    }

    /// Tells what is found, and returns what is to be said in the end.
    async fn tell(&self, request: Request, events: &mpsc::Sender<Result<Event, Status>>) -> Diagnostics {
        let mut last = Diagnostics::default();
        if let Err(error) = guard(self.try_tell(request, events, &mut last)).await {
            last.extend(error.into_diagnostics());
        }
        last
    }

    async fn try_tell(
        &self,
        request: Request,
        events: &mpsc::Sender<Result<Event, Status>>,
        last: &mut Diagnostics,
    ) -> Result<(), Error> {
        let schema = self.schema_of_list(&request.type_name)?;
        let object = self.resource(&request.type_name)?;
        let filters = match wire::decode(request.config.as_ref(), &schema.implied_type())? {
            Value::Object(filters) => filters,
            _ => Attributes::new(),
        };
        let cx = Arc::new(self.cx(object.info(), Operation::Read, None)?);
        let whole = request.include_resource_object;
        let stop = cx.stop.clone();
        let work = async {
            let mut hits = self.find(&request.type_name, &cx, Asked { filters, whole }).await?;
            let mut left = usize::try_from(request.limit).ok().filter(|limit| *limit > 0).unwrap_or(usize::MAX);
            while let Some(hit) = hits.next().await {
                match hit {
                    Ok(None) => {}
                    Ok(Some(hit)) => {
                        let event = Event {
                            identity: wire::encode_identity(Some(hit.key), object.info())?,
                            display_name: hit.title,
                            resource_object: match hit.state.filter(|_| whole) {
                                Some(state) => Some(wire::encode_object(state, object.info())?),
                                None => None,
                            },
                            diagnostic: Vec::new(),
                        };
                        left -= 1;
                        if events.send(Ok(event)).await.is_err() || left == 0 {
                            return Ok(());
                        }
                    }
                    Err(error) => last.extend(self.news(error)),
                }
            }
            last.extend(short(&cx));
            Ok(())
        };
        let done = tokio::select! {
            done = work => done,
            () = stop.cancelled() => Err(Error::new("The list was interrupted", "Not everything has been looked at.")),
        };
        last.extend(cx.take_warnings());
        done
    }

    /// An error, unless it was told before.
    fn news(&self, error: Error) -> Diagnostics {
        if self.is_news(&error) { error.into_diagnostics() } else { Diagnostics::default() }
    }

    /// Looks for objects of a type. An error where nothing can be said of any.
    pub(crate) async fn find(&self, type_name: &str, cx: &Arc<Cx<P::Api>>, asked: Asked) -> Result<Hits, Error> {
        let object = self.resource(type_name)?;
        let list = Self::short(type_name).and_then(|name| self.0.registry.lists.get(name));
        let list = Arc::clone(list.ok_or_else(|| unknown_type("list resource", type_name))?);
        let mut filters = asked.filters;
        filters.retain(|_, value| !value.is_null());
        let asked = Arc::new(Asked { filters, ..asked });
        let seen = guard(list.seek(Arc::clone(cx))).await?;
        let cx = Arc::clone(cx);
        let one = move |seen| one(Arc::clone(&object), Arc::clone(&cx), Arc::clone(&asked), seen);
        Ok(stream::iter(seen).map(one).buffered(AT_ONCE).boxed())
    }
}

/// One that was seen, if it is asked for.
async fn one<A: Send + Sync + 'static>(
    object: Arc<dyn AnyResource<A>>,
    cx: Arc<Cx<A>>,
    asked: Arc<Asked>,
    seen: AnySeen,
) -> Result<Option<Hit>, Error> {
    let info = object.info();
    let attributes = &info.schema().attributes;
    let (id, key, title, known, whole) = match seen {
        AnySeen::There { id, key, title, known, whole } => (id, key, title, known, whole),
        AnySeen::Missed(why) => return Err(why),
    };
    // What nobody could configure, or import, is nothing to take over.
    if unfit(info, &key).is_some() || !plan::fits(attributes, &asked.filters, &known) {
        return Ok(None);
    }
    match guard(object.import(Arc::clone(&cx), key.clone())).await {
        Ok(()) => {}
        // Nobody could look: that it is none to take over is not known.
        Err(error) if error.is_everywhere() => return Err(error),
        Err(_) => return Ok(None),
    }
    let told = |name: &String| whole || known.contains_key(name);
    if whole {
        let state = asked.whole.then(|| refreshed(object.as_ref(), None, &known));
        return Ok(Some(Hit { id, key, title, state }));
    }
    if !asked.whole && asked.filters.keys().all(told) {
        return Ok(Some(Hit { id, key, title, state: None }));
    }
    match guard(object.read(cx, key.clone(), true)).await? {
        Read::Found(model) => {
            let open = asked.filters.iter().filter(|(name, _)| !told(name));
            let open = open.map(|(name, value)| (name.clone(), value.clone())).collect();
            let fits = plan::fits(attributes, &open, &model);
            let state = refreshed(object.as_ref(), None, &model);
            Ok(fits.then_some(Hit { id, key, title, state: Some(state) }))
        }
        // It went in between.
        Read::Gone => Ok(None),
        Read::Unreachable(why) => Err(Error::new(why.about, why.why)),
    }
}

/// What did not answer: a list without it is short, and nobody should take it for whole.
pub(crate) fn short<A>(cx: &Cx<A>) -> Diagnostics {
    let mut said = Diagnostics::default();
    for why in cx.take_unreachable() {
        let detail = format!("{}\nWhat is there is missing from this list.", why.why);
        let error = Diagnostic::error(why.about, detail.trim_start());
        if !said.iter().any(|known| *known == error) {
            said.push(error);
        }
    }
    said
}

fn said(last: Diagnostics) -> Event {
    Event { diagnostic: wire::diagnostics(last), ..Event::default() }
}

/// Whether objects can be told apart by it: by what a state knows of them, or their list.
fn is_filter(attribute: &Attribute, tells: &[&str]) -> bool {
    let told = !attribute.local || attribute.rule == Rule::Keep || tells.contains(&attribute.name.as_str());
    let secret = attribute.sensitive || attribute.write_only;
    told && !secret && matches!(&attribute.kind, Kind::Plain(ty) if is_plain(element(ty)))
}

fn element(ty: &Type) -> &Type {
    match ty {
        Type::List(element) | Type::Set(element) => element,
        other => other,
    }
}

fn is_plain(ty: &Type) -> bool {
    matches!(ty, Type::String | Type::Number | Type::Bool)
}

/// The attribute that is asked for.
fn filter(attribute: &Attribute) -> Attribute {
    let mut filter = Attribute::new(attribute.name.clone(), attribute.kind.clone(), Rule::Optional);
    filter.description = match &attribute.kind {
        Kind::Plain(Type::List(_) | Type::Set(_)) => format!("Only those whose `{}` hold all of these.", filter.name),
        _ => format!("Only those with this `{}`.", filter.name),
    };
    filter
}

impl<P: Provider> Server<P> {
    /// What an [`crate::Inventory`] works with.
    pub(crate) fn cx_for_list(&self, type_name: &str) -> Result<Arc<Cx<P::Api>>, Error> {
        Ok(Arc::new(self.cx(self.resource(type_name)?.info(), Operation::Read, None)?))
    }

    /// Nothing has been told yet.
    pub(crate) fn forget_what_was_told(&self) {
        self.0.told.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
