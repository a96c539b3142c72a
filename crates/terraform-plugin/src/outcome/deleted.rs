//! How a removal ends, when it does not fail.

use crate::error::Error;

/// What is left after a removal.
#[derive(Debug)]
#[must_use = "the framework has to be told what is left"]
pub enum Deleted<M> {
    /// Nothing: it is gone, now or before.
    Gone,
    /// The removal has begun and is not over. The reason is told as an error, so that Terraform keeps the object; its state
    /// has `ready = false`. If the object is still configured, the next apply's update brings it back; if not, the next
    /// removal goes on.
    Unfinished(M, Error),
}

impl<M> Deleted<M> {
    /// The removal has begun and is not over.
    pub fn unfinished(model: M, why: impl Into<Error>) -> Self {
        Self::Unfinished(model, why.into())
    }
}
