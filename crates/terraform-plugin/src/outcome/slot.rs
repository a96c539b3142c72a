//! What is known of an object while it is being made, kept where a panic cannot reach it.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::BoxFuture;

/// Shared between the one who makes the object and the edge that answers Terraform.
pub(crate) struct Slot<M> {
    state: Arc<Mutex<State<M>>>,
    /// What has to be done before the first write.
    before_write: Option<BeforeWrite<M>>,
}

/// What has to be done before the first write, told what is about to exist.
pub(crate) type BeforeWrite<M> = Arc<dyn Fn(&M) -> BoxFuture<'static, ()> + Send + Sync>;

#[derive(Debug)]
struct State<M> {
    /// The state known so far. Something was sent, and may exist, as long as it is there.
    noted: Option<M>,
}

impl<M> Clone for Slot<M> {
    fn clone(&self) -> Self {
        Self { state: Arc::clone(&self.state), before_write: self.before_write.clone() }
    }
}

impl<M> Default for Slot<M> {
    fn default() -> Self {
        Self { state: Arc::new(Mutex::new(State { noted: None })), before_write: None }
    }
}

impl<M> fmt::Debug for Slot<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot").finish_non_exhaustive()
    }
}

impl<M: Clone> Slot<M> {
    /// One that has something done before the first write.
    pub(crate) fn with(before_write: BeforeWrite<M>) -> Self {
        Self { before_write: Some(before_write), ..Self::default() }
    }

    /// The first write is about to be sent; this may exist afterwards.
    pub(crate) async fn begin(&self, so_far: M) {
        if let Some(before_write) = &self.before_write {
            before_write(&so_far).await;
        }
        self.note(so_far);
    }

    /// Something exists, or may: this is what is known of it.
    pub(crate) fn note(&self, model: M) {
        self.lock().noted = Some(model);
    }

    /// Nothing exists (any more).
    pub(crate) fn clear(&self) {
        self.lock().noted = None;
    }

    /// What may exist.
    pub(crate) fn noted(&self) -> Option<M> {
        self.lock().noted.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State<M>> {
        // Every change is one assignment: a panic in between leaves nothing half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
