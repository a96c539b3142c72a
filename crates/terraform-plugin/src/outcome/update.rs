//! How an update ends, when it does not fail.

use crate::error::Error;

/// The object after an update.
#[derive(Debug)]
pub enum Updated<M> {
    /// It is all that it should be.
    Done(M),
    /// Work is left, for the next apply. The reason becomes a warning.
    Unfinished(M, Error),
    /// It was promised ([`crate::Unwritten::promise`]), and still cannot be made: nothing was sent. The reason becomes a warning.
    Promised(M, Error),
}

impl<M> Updated<M> {
    /// Work is left, for the next apply.
    pub fn unfinished(model: M, why: impl Into<Error>) -> Self {
        Self::Unfinished(model, why.into())
    }

    /// What was promised still cannot be made.
    pub fn promised(model: M, why: impl Into<Error>) -> Self {
        Self::Promised(model, why.into())
    }
}
