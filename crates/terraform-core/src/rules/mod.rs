//! Core's arithmetic over configurations, plans and results: pure functions, no provider in sight.

pub(crate) mod plan;
pub(crate) mod propose;
pub(crate) mod replace;
pub(crate) mod result;
pub(crate) mod stored;

use crate::diagnostics::Rule;
use crate::path::Path;

/// Something that does not hold, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Broken {
    pub rule: Rule,
    pub path: Path,
    pub what: String,
}

impl Broken {
    pub(crate) fn new(rule: Rule, path: &Path, what: impl Into<String>) -> Self {
        Self { rule, path: path.clone(), what: what.into() }
    }

    /// The problem behind its path, as core tells it: `.name: was ..., but now ...`.
    pub(crate) fn told(&self) -> String {
        if self.path == Path::ROOT { self.what.clone() } else { format!("{}: {}", self.path, self.what) }
    }
}

#[cfg(test)]
mod tests;
