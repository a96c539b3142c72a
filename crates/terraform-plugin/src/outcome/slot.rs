//! What is known of an object while it is being made, kept where a panic cannot reach it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Shared between the one who makes the object and the edge that answers Terraform.
#[derive(Debug)]
pub(crate) struct Slot<M>(Arc<Mutex<State<M>>>);

#[derive(Debug)]
struct State<M> {
    /// The state known so far. Something was sent, and may exist, as long as it is there.
    noted: Option<M>,
}

impl<M> Clone for Slot<M> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<M> Default for Slot<M> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(State { noted: None })))
    }
}

impl<M: Clone> Slot<M> {
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
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
