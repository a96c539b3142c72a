//! What a resource can do.

use std::collections::BTreeMap;
use std::future::Future;

use crate::cx::Cx;
use crate::error::Error;
use crate::model::Keyed;
use crate::outcome::{Created, Failed, Read, Unwritten, Updated};
use crate::plan::{Change, Say};

/// An object that Terraform creates, reads, updates and deletes. `A` is the provider's API.
///
/// Write the methods as `async fn`.
pub trait Resource<A: Send + Sync + 'static>: Keyed {
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

    /// Removes the object. That it is gone already is a success.
    fn delete(cx: &Cx<A>, was: &Self) -> impl Future<Output = Result<(), Error>> + Send;

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

/// The attributes of an object as stored, by name.
pub type Stored = BTreeMap<String, serde_json::Value>;
