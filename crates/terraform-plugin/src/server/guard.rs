//! Panics become errors.

use std::future::Future;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;

use crate::error::Error;
use crate::registry::panicked;

/// Runs something of the provider's. A panic in it is an error like another.
///
/// What it may have left half done is the provider's own shared state, which is behind locks that tell of it.
pub(super) async fn guard<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|panic| Err(panicked(panic.as_ref())))
}

/// The same for what does not wait.
pub(super) fn guard_now<T>(work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    std::panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(panicked(panic.as_ref())))
}
