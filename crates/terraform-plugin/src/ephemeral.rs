//! What an ephemeral resource is.

use std::future::Future;
use std::time::SystemTime;

use crate::cx::Cx;
use crate::error::Error;
use crate::model::Model;
use crate::plan::Say;
use crate::resource::Need;

/// Something that is there for the length of a run and never stored, from Terraform 1.10 and OpenTofu 1.11 on. `A` is the
/// provider's API.
///
/// It is opened in every plan and again in every apply: opening must not write. What `cx.private` remembers in `open` is there in
/// `renew` and `close`.
pub trait Ephemeral<A: Send + Sync + 'static>: Model {
    /// What somebody has to be allowed to do: for the docs, and to have rights given.
    fn needs() -> Vec<Need> {
        Vec::new()
    }

    /// Looks at a configuration without asking anybody; anything in it may be unknown.
    fn validate(config: &Self::Plan, say: &mut Say<Self>) {
        let _ = (config, say);
    }

    /// Opens it. `config` holds what was configured; the rest is to be filled in.
    fn open(cx: &Cx<A>, config: Self) -> impl Future<Output = Result<Opened<Self>, Error>> + Send;

    /// Keeps it open beyond the time that `open`, or the last `renew`, has named; answers with the next. What was opened cannot
    /// be changed by it. What it writes into `cx.private` the next `renew` sees; `close` does not (so Terraform).
    fn renew(cx: &Cx<A>) -> impl Future<Output = Result<Option<SystemTime>, Error>> + Send {
        let _ = cx;
        async { Ok(None) }
    }

    /// Gives back what `open` took. Called once, also when others failed.
    fn close(cx: &Cx<A>) -> impl Future<Output = Result<(), Error>> + Send {
        let _ = cx;
        async { Ok(()) }
    }
}

/// What was opened.
#[derive(Clone, Debug)]
pub struct Opened<M> {
    /// All of it.
    pub result: M,
    /// When `renew` is to be called, if ever.
    pub renew_at: Option<SystemTime>,
}

impl<M> Opened<M> {
    /// Open until the end of the run.
    pub fn new(result: M) -> Self {
        Self { result, renew_at: None }
    }

    /// Open until then, unless it is renewed.
    #[must_use]
    pub fn until(self, renew_at: SystemTime) -> Self {
        Self { renew_at: Some(renew_at), ..self }
    }
}
