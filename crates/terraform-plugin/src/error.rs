//! Why an operation failed.

use std::fmt;

use crate::diagnostics::{Diagnostic, Diagnostics, Severity};
use crate::model::Fault;
use crate::path::Path;

/// Why an operation failed: one message to the user or more, at least one of them an error.
///
/// Errors of other libraries become one through `From`.
#[derive(Clone, PartialEq, Eq)]
pub struct Error(Diagnostics);

impl Error {
    /// One message about the object as a whole: what failed, and what was found, (not) written, and to be done.
    pub fn new(summary: impl Into<String>, detail: impl Into<String>) -> Self {
        Self(Diagnostic::error(summary, detail).into())
    }

    /// The same, with every message that has no path yet about that attribute.
    #[must_use]
    pub fn at(self, path: impl Into<Path>) -> Self {
        let path = path.into();
        let mut all = Diagnostics::default();
        all.extend(self.0.into_iter().map(|d| if d.path.is_root() { d.at(path.clone()) } else { d }));
        Self(all)
    }

    /// The same, with a further sentence at the end of its detail.
    #[must_use]
    pub fn noting(self, sentence: &str) -> Self {
        let mut all = Diagnostics::default();
        let last = self.0.iter().count().saturating_sub(1);
        all.extend(self.0.into_iter().enumerate().map(|(i, d)| match i == last {
            true => Diagnostic { detail: format!("{}\n\n{sentence}", d.detail).trim_start().to_owned(), ..d },
            false => d,
        }));
        Self(all)
    }

    /// This and another.
    #[must_use]
    pub fn and(mut self, other: impl Into<Self>) -> Self {
        self.0.extend(other.into().0);
        self
    }

    /// The messages.
    pub fn diagnostics(&self) -> &Diagnostics {
        &self.0
    }

    /// The messages.
    pub fn into_diagnostics(self) -> Diagnostics {
        self.0
    }

    /// The same messages as warnings: what went wrong does not fail the operation.
    pub(crate) fn into_warnings(self) -> impl Iterator<Item = Diagnostic> {
        self.0.into_iter().map(|d| Diagnostic { severity: Severity::Warning, ..d })
    }

    /// The messages as running text, to be put into another message's detail.
    pub(crate) fn text(&self) -> String {
        let one = |d: &Diagnostic| {
            if d.detail.is_empty() { d.summary.clone() } else { format!("{}\n{}", d.summary, d.detail) }
        };
        self.0.iter().map(one).collect::<Vec<_>>().join("\n")
    }
}

impl From<Diagnostic> for Error {
    /// A warning becomes an error: something failed.
    fn from(diagnostic: Diagnostic) -> Self {
        Self(Diagnostic { severity: Severity::Error, ..diagnostic }.into())
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Diagnostic::from(fault).into()
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter()).finish()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

impl std::error::Error for Error {}
