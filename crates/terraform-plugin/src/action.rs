//! What an action is.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use crate::cx::Cx;
use crate::error::Error;
use crate::model::Model;
use crate::plan::Say;
use crate::resource::Need;

/// Something that is done and leaves no state: `action "acme_ring" "bell" { config { .. } }`, from Terraform 1.14 on. Clients
/// without actions never ask for it. `A` is the provider's API.
///
/// The struct is what `config` holds: a `Model` without a key, whose attributes are `required`, `optional` or have a
/// `default`.
pub trait Action<A: Send + Sync + 'static>: Model {
    /// What somebody has to be allowed to do: for the docs, and to have rights given.
    fn needs() -> Vec<Need> {
        Vec::new()
    }

    /// Looks at a configuration without asking anybody; anything in it may be unknown.
    fn validate(config: &Self::Plan, say: &mut Say<Self>) {
        let _ = (config, say);
    }

    /// Looks ahead while the plan is made, and writes nothing; anything in it may be unknown, and what it acts upon may be made
    /// by the same plan.
    fn plan(cx: &Cx<A>, config: &Self::Plan, say: &mut Say<Self>) -> impl Future<Output = ()> + Send {
        let _ = (cx, config, say);
        async {}
    }

    /// Does it, and tells on the way how far it is. When `cx.stop` goes off it comes to an end soon: with an error that says
    /// what has been done by then, and what goes on by itself.
    fn invoke(cx: &Cx<A>, config: Self, progress: &Progress) -> impl Future<Output = Result<(), Error>> + Send;
}

/// Where an action tells how far it is. Clones lead to the same place.
#[derive(Clone)]
pub struct Progress(Arc<dyn Fn(String) + Send + Sync>);

impl Progress {
    /// Tells it there; for the tests of providers too.
    pub fn to(tell: impl Fn(String) + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    /// Tells it: a line that stands on its own. Terraform shows it at once.
    pub fn say(&self, line: impl Into<String>) {
        let line = line.into();
        if !line.is_empty() {
            (self.0)(line);
        }
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Progress")
    }
}
