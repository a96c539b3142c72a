//! Why an operation failed.

use std::fmt;

use crate::diagnostics::{Diagnostic, Diagnostics, Severity};
use crate::model::Fault;
use crate::path::Path;

/// Why an operation failed: one message to the user or more, at least one of them an error.
///
/// Errors of other libraries become one through `From`.
#[derive(Clone, PartialEq, Eq)]
pub struct Error {
    said: Diagnostics,
    lasting: bool,
    everywhere: bool,
    taken: bool,
}

impl Error {
    /// One message about the object as a whole: what failed, and what was found, (not) written, and to be done.
    pub fn new(summary: impl Into<String>, detail: impl Into<String>) -> Self {
        Diagnostic::error(summary, detail).into()
    }

    /// The same, where nothing that a plan could hold mends it, nor time: credentials that are wrong. What fails so is an error
    /// of the plan, told once, also where something that cannot be looked at is a warning only.
    #[must_use]
    pub fn lasting(self) -> Self {
        Self { lasting: true, ..self }
    }

    /// The same, where it is so for whatever is looked at, until the plan is applied or time passes: no cluster is there yet. A
    /// plan warns of it once, not for each object.
    #[must_use]
    pub fn everywhere(self) -> Self {
        Self { everywhere: true, ..self }
    }

    /// The same, where what is to be made exists already: the framework says so in other words if it is this state that holds
    /// it, and an import would be the wrong cure.
    #[must_use]
    pub fn taken(self) -> Self {
        Self { taken: true, ..self }
    }

    /// What is to be made exists, and `held` by this state.
    pub(crate) fn held_here(self, held: bool) -> Self {
        const HELD: &str = "This state holds it already, under another address (which one, a provider is not told), or as what is \
            to be replaced with `create_before_destroy`. Nothing is to be imported, and nothing was written. If two blocks of \
            the configuration name it, one of them has to go.";
        match held && self.taken {
            true => self.map(|d| Diagnostic { detail: HELD.to_owned(), ..d }),
            false => self,
        }
    }

    /// What is to be made exists, and another process of this state is making it.
    pub(crate) fn made_elsewhere(self, making: bool) -> Self {
        const MAKING: &str = "Another process of this very state is making it just now: a provider that a killed Terraform has \
            left behind, or another apply. This run wrote nothing of it. Apply again when that has come to its end; nothing is \
            to be imported.";
        match making && self.taken {
            true => self.map(|d| Diagnostic { detail: MAKING.to_owned(), ..d }),
            false => self,
        }
    }

    /// Whether nothing that a plan could hold mends it.
    pub(crate) fn is_lasting(&self) -> bool {
        self.lasting
    }

    /// Whether it is so for whatever is looked at.
    pub(crate) fn is_everywhere(&self) -> bool {
        self.everywhere
    }

    /// The same, with every message that has no path yet about that attribute.
    #[must_use]
    pub fn at(self, path: impl Into<Path>) -> Self {
        let path = path.into();
        self.map(|d| if d.path.is_root() { d.at(path.clone()) } else { d })
    }

    /// The same, with a further sentence at the end of its detail.
    #[must_use]
    pub fn noting(self, sentence: &str) -> Self {
        let mut left = self.said.iter().count();
        self.map(|d| {
            left -= 1;
            match left {
                0 => Diagnostic { detail: format!("{}\n\n{sentence}", d.detail).trim_start().to_owned(), ..d },
                _ => d,
            }
        })
    }

    /// The same, of a step in the middle of an operation that has written something before: what an error says of nothing being
    /// written is true of that step alone. The framework does so where it can tell: for what is left unfinished, and for an
    /// update after which the object is not as it was. Call it where an update has written what the object does not show.
    #[must_use]
    pub fn midway(self) -> Self {
        let of_the_step = |text: &str| {
            text.replace("Nothing was written.", "This step wrote nothing.")
                .replace("; nothing was written.", "; this step wrote nothing.")
        };
        self.map(|d| Diagnostic { detail: of_the_step(&d.detail), ..d })
    }

    fn map(self, one: impl FnMut(Diagnostic) -> Diagnostic) -> Self {
        let mut said = Diagnostics::default();
        said.extend(self.said.into_iter().map(one));
        Self { said, ..self }
    }

    /// This and another.
    #[must_use]
    pub fn and(mut self, other: impl Into<Self>) -> Self {
        let other = other.into();
        self.said.extend(other.said);
        self.lasting |= other.lasting;
        // One word for all would hide what else there is.
        self.everywhere &= other.everywhere;
        self.taken &= other.taken;
        self
    }

    /// The messages.
    pub fn diagnostics(&self) -> &Diagnostics {
        &self.said
    }

    /// The messages.
    pub fn into_diagnostics(self) -> Diagnostics {
        self.said
    }

    /// The same messages as warnings: what went wrong does not fail the operation.
    pub(crate) fn into_warnings(self) -> impl Iterator<Item = Diagnostic> {
        self.said.into_iter().map(|d| Diagnostic { severity: Severity::Warning, ..d })
    }

    /// The messages as running text, to be put into another message's detail.
    pub(crate) fn text(&self) -> String {
        let one = |d: &Diagnostic| {
            if d.detail.is_empty() { d.summary.clone() } else { format!("{}\n{}", d.summary, d.detail) }
        };
        self.said.iter().map(one).collect::<Vec<_>>().join("\n")
    }
}

impl From<Diagnostic> for Error {
    /// A warning becomes an error: something failed.
    fn from(diagnostic: Diagnostic) -> Self {
        Self {
            said: Diagnostic { severity: Severity::Error, ..diagnostic }.into(),
            lasting: false,
            everywhere: false,
            taken: false,
        }
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Diagnostic::from(fault).into()
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.said.iter()).finish()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_the_middle_of_an_operation_only_the_step_has_written_nothing() {
        for (alone, midway) in [
            (
                "The disk is full. Nothing was written. Make room.",
                "The disk is full. This step wrote nothing. Make room.",
            ),
            ("No connection; nothing was written.\n  a", "No connection; this step wrote nothing.\n  a"),
            ("Nothing was written to the new one.", "Nothing was written to the new one."),
        ] {
            let error = Error::new("Failed", alone).and(Error::new("Again", alone)).at("size").midway();
            let details: Vec<_> = error.diagnostics().iter().map(|d| d.detail.as_str()).collect();
            assert_eq!(details, [midway; 2]);
        }
    }

    #[test]
    fn what_lasts_lasts_whatever_is_said_beside_it() {
        let error = || Error::new("Wrong password", "Mend it.").lasting();
        for error in [error().at("node"), error().noting("Soon."), Error::new("a", "b").and(error()), error().midway()]
        {
            assert!(error.is_lasting(), "{error:?}");
        }
        assert!(!Error::new("a", "b").is_lasting());
        let same = || Error::new("a", "b").everywhere();
        assert!(same().at("node").is_everywhere() && !same().and(Error::new("c", "")).is_everywhere());
        let noted = Error::new("a", "b").and(Error::new("c", "")).noting("Soon.");
        assert_eq!(noted.text(), "a\nb\nc\nSoon.");
    }
}
