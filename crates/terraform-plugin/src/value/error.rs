//! Why bytes are not a value, or a value has no bytes.

use crate::path::{Path, Step};

/// A value that does not fit its type, in either direction between [`Value`](super::Value) and bytes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{what}", place(path))]
pub struct CodecError {
    /// Where, from the root of the object.
    pub path: Path,
    /// What is wrong there. Never holds the value itself, which may be a secret.
    pub what: String,
}

fn place(path: &Path) -> String {
    if path.is_root() { String::new() } else { format!("{path}: ") }
}

impl CodecError {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self { path: Path::root(), what: what.into() }
    }

    /// The same error, seen from one level further up.
    #[must_use]
    pub(super) fn below(mut self, step: Step) -> Self {
        self.path.prepend(step);
        self
    }
}

/// How deeply values may be nested. Terraform's own are a handful deep; `dynamic` would let the sender go on for ever.
pub(super) const MAX_DEPTH: usize = 128;

/// Counts one level down.
pub(super) fn deeper(depth: usize) -> Result<usize, CodecError> {
    match depth.checked_sub(1) {
        Some(depth) => Ok(depth),
        None => Err(CodecError::new("nested too deeply")),
    }
}
