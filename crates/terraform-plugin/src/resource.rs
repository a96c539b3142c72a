//! What a resource can do.

use std::collections::BTreeMap;
use std::future::Future;

use crate::cx::Cx;
use crate::error::Error;
use crate::model::{Fault, Key, Keyed, Object};
use crate::outcome::{Created, Deleted, Failed, Read, Unwritten, Updated};
use crate::plan::{Change, Findings, Say};

/// An object that Terraform creates, reads, updates and deletes. `A` is the provider's API.
///
/// Write the methods as `async fn`.
pub trait Resource<A: Send + Sync + 'static>: Keyed {
    /// Whether an update of a finished object can end unfinished. `ready` is unknown in the plan of each update then, and
    /// stays what it is otherwise.
    const UPDATES_SETTLE: bool = false;

    /// Whether it is a plain object: what a provider has many of, whose life is told once for all of them.
    const PLAIN: bool = false;

    /// What somebody has to be allowed to do, to plan and to apply it: for the docs, and to have rights given.
    fn needs() -> Vec<Need> {
        Vec::new()
    }

    /// Parameters of the API that are left out (several in one text, with commas between), each with the reason: for the docs.
    fn left_out() -> &'static [(&'static str, &'static str)] {
        &[]
    }

    /// Looks at a configuration without asking anybody; anything in it may be unknown.
    fn validate(config: &Self::Plan, say: &mut Say<Self>) {
        let _ = (config, say);
    }

    /// Looks at a change before it is shown to the user, and completes it. The schema's rules have been applied.
    /// Must be deterministic: the apply plans once more, and the answers must agree.
    fn plan(cx: &Cx<A>, change: &mut Change<Self>, say: &mut Say<Self>) -> impl Future<Output = ()> + Send {
        let _ = (cx, change, say);
        async {}
    }

    /// What the object is outside of Terraform: two that are at the same place are the same. The key, unless something else
    /// tells it before the key is known.
    fn place(plan: &Self::Plan) -> Option<String> {
        Self::Key::decode(&Self::encode_plan(plan)).ok().map(|key| key.to_string())
    }

    /// Looks for what speaks against making the object (no `prior`) or changing it. Anything in `want` may be unknown; what is
    /// not configured is null, as it is right before the write. Called at plan, when something is to be written; call it
    /// through [`require`] right before the first write. An error means that something could not be looked at.
    fn possible(
        cx: &Cx<A>,
        want: &Self::Plan,
        prior: Option<&Self>,
        found: &mut Findings<Self>,
    ) -> impl Future<Output = Result<(), Error>> + Send {
        let _ = (cx, want, prior, found);
        async { Ok(()) }
    }

    /// Looks for what speaks against removing the object. Called when a removal or a replacement is planned; call it through
    /// [`require_removable`] right before the first write.
    fn removable(cx: &Cx<A>, was: &Self, found: &mut Findings<Self>) -> impl Future<Output = Result<(), Error>> + Send {
        let _ = (cx, was, found);
        async { Ok(()) }
    }

    /// Makes the object. Fails only through `unwritten`, so only as long as nothing has been sent.
    fn create(
        cx: &Cx<A>,
        want: &Self,
        unwritten: Unwritten<Self>,
    ) -> impl Future<Output = Result<Created<Self>, Failed>> + Send;

    /// Looks at the object. `prior` is what the state says; none after an import.
    fn read(
        cx: &Cx<A>,
        key: &Self::Key,
        prior: Option<&Self>,
    ) -> impl Future<Output = Result<Read<Self>, Error>> + Send;

    /// Changes the object in place, or finishes what a create left unfinished. Never called when only local attributes
    /// change. After an error the object is read again, and what is found becomes the state.
    fn update(cx: &Cx<A>, prior: &Self, want: &Self) -> impl Future<Output = Result<Updated<Self>, Error>> + Send;

    /// Removes the object. That it is gone already is a success. An error means that the object is as it was.
    fn delete(cx: &Cx<A>, was: &Self) -> impl Future<Output = Result<Deleted<Self>, Error>> + Send;

    /// Whether the object can be imported; the read that follows does the work.
    fn import(cx: &Cx<A>, key: &Self::Key) -> impl Future<Output = Result<(), Error>> + Send {
        let _ = (cx, key);
        async { Ok(()) }
    }

    /// Rewrites what an older version of the schema has stored. Attributes missing afterwards are null, and those that
    /// the schema does not know are dropped, so that added and removed attributes need nothing here.
    fn upgrade(version: i64, stored: Stored) -> Result<Stored, Error> {
        let _ = version;
        Ok(stored)
    }
}

/// What somebody has to be allowed to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need {
    /// What for.
    pub job: Job,
    /// Where, in the API's own terms; `{name}` stands for the value of that attribute.
    pub path: &'static str,
    /// An attribute, and how its value begins where this is needed; in the path it stands for the rest then. None: everywhere.
    pub only: Option<(&'static str, &'static str)>,
    /// One of these, which may be several together, such as `Sys.Audit and Sys.Modify`; none where only the API's own
    /// administrator will do.
    pub any: &'static [&'static str],
}

/// What somebody is allowed to do something for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// To plan: everything is read, nothing written.
    Plan,
    /// To apply.
    Apply,
}

impl Need {
    /// To plan, one of these.
    pub const fn to_plan(path: &'static str, any: &'static [&'static str]) -> Self {
        Self { job: Job::Plan, path, only: None, any }
    }

    /// To apply, one of these.
    pub const fn to_apply(path: &'static str, any: &'static [&'static str]) -> Self {
        Self { job: Job::Apply, path, only: None, any }
    }

    /// The same, only where the value of an attribute begins so.
    #[must_use]
    pub const fn only(self, attribute: &'static str, begins: &'static str) -> Self {
        Self { only: Some((attribute, begins)), ..self }
    }
}

/// The attributes of an object as stored, by name.
pub type Stored = BTreeMap<String, serde_json::Value>;

/// The checks of [`Resource::possible`], right before the write: everything that was found is an error.
pub async fn require<A: Send + Sync + 'static, R: Resource<A>>(
    cx: &Cx<A>,
    want: &R,
    prior: Option<&R>,
) -> Result<(), Error> {
    let want = planned(want)?;
    let mut found = Findings::default();
    R::possible(cx, &want, prior, &mut found).await?;
    found.verdict()
}

/// The checks of [`Resource::removable`], right before the write.
pub async fn require_removable<A: Send + Sync + 'static, R: Resource<A>>(cx: &Cx<A>, was: &R) -> Result<(), Error> {
    let mut found = Findings::default();
    R::removable(cx, was, &mut found).await?;
    found.verdict()
}

/// A model in the form of a plan in which everything is known.
fn planned<M: Object>(model: &M) -> Result<M::Plan, Fault> {
    M::decode_plan(&model.encode())
}
