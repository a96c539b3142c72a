//! What Terraform shows to its user: errors and warnings, with the attribute they are about.

use crate::path::Path;

/// How bad it is. Severity 0 of the protocol, which Terraform drops silently, cannot be expressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The operation failed.
    Error,
    /// The operation went on.
    Warning,
}

/// One message to the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// One line: what failed, with the object's name in it.
    pub summary: String,
    /// What was found, what was (not) written, and what to do.
    pub detail: String,
    /// The attribute at fault; the root when it is the object as a whole.
    pub path: Path,
}

impl Diagnostic {
    /// An error about the object as a whole.
    pub fn error(summary: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { severity: Severity::Error, summary: summary.into(), detail: detail.into(), path: Path::root() }
    }

    /// A warning about the object as a whole.
    pub fn warning(summary: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(summary, detail) }
    }

    /// The same, about one attribute.
    #[must_use]
    pub fn at(mut self, path: impl Into<Path>) -> Self {
        self.path = path.into();
        self
    }
}

/// A list of [`Diagnostic`]s, in the order in which they came up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    /// Adds one.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.0.push(diagnostic);
    }

    /// Takes out the warnings of what a plan says as an error already: such a warning begins with the error's summary.
    pub(crate) fn told_once(&mut self) {
        let errors: Vec<String> =
            self.0.iter().filter(|d| d.severity == Severity::Error).map(|d| d.summary.clone()).collect();
        let repeats = |d: &Diagnostic| {
            d.severity == Severity::Warning && errors.iter().any(|error| d.detail.lines().next() == Some(error))
        };
        self.0.retain(|d| !repeats(d));
    }

    /// Whether any of them is an error.
    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|d| d.severity == Severity::Error)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.0.iter()
    }
}

impl Extend<Diagnostic> for Diagnostics {
    fn extend<I: IntoIterator<Item = Diagnostic>>(&mut self, more: I) {
        self.0.extend(more);
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(diagnostic: Diagnostic) -> Self {
        Self(vec![diagnostic])
    }
}

impl From<&Diagnostic> for tfplugin6::Diagnostic {
    fn from(diagnostic: &Diagnostic) -> Self {
        let severity = match diagnostic.severity {
            Severity::Error => tfplugin6::diagnostic::Severity::Error,
            Severity::Warning => tfplugin6::diagnostic::Severity::Warning,
        };
        Self {
            severity: severity.into(),
            summary: diagnostic.summary.clone(),
            detail: located(diagnostic),
            attribute: (&diagnostic.path).into(),
        }
    }
}

/// The detail, with the path to an attribute that lies within another if nothing has named it so far: OpenTofu shows the
/// head of the resource's block for such, and which key of a map is meant is not always seen in the line that Terraform
/// shows.
fn located(diagnostic: &Diagnostic) -> String {
    let Diagnostic { summary, detail, path, .. } = diagnostic;
    let place = path.to_string();
    if path.steps().len() < 2 || summary.contains(&place) || detail.contains(&place) {
        return detail.clone();
    }
    let gap = if detail.is_empty() { "" } else { "\n\n" };
    format!("{detail}{gap}Attribute: {place}")
}

impl Diagnostics {
    /// All of them as the protocol's messages, in order.
    pub fn to_proto(&self) -> Vec<tfplugin6::Diagnostic> {
        self.0.iter().map(Into::into).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_messages() {
        let mut diagnostics = Diagnostics::from(Diagnostic::error("a", "b").at("size"));
        diagnostics.push(Diagnostic::warning("c", "d"));
        let messages = diagnostics.to_proto();
        assert_eq!(messages.iter().map(|m| m.severity).collect::<Vec<_>>(), [1, 2]);
        assert_eq!((messages[0].summary.as_str(), messages[0].detail.as_str()), ("a", "b"));
        assert_eq!(messages.iter().map(|m| m.attribute.is_some()).collect::<Vec<_>>(), [true, false]);
    }

    #[test]
    fn what_is_an_error_already_is_no_warning_as_well() {
        let mut said = Diagnostics::from(Diagnostic::warning("The apply would fail", "No size\nSet it."));
        said.push(Diagnostic::warning("The apply would fail", "No storage\nSet it."));
        said.told_once();
        assert_eq!(said.iter().count(), 2, "nothing is an error yet");
        said.push(Diagnostic::error("No size", "Set it."));
        said.told_once();
        assert_eq!(said.iter().map(|d| d.detail.as_str()).collect::<Vec<_>>(), ["No storage\nSet it.", "Set it."]);
    }

    #[test]
    fn what_lies_within_an_attribute_is_named() {
        let path = Path::attr("device").at("serial");
        let detail = |summary: &str, detail: &str, path: &Path| {
            tfplugin6::Diagnostic::from(&Diagnostic::error(summary, detail).at(path.clone())).detail
        };
        assert_eq!(detail("No such disk", "Found: X", &path), "Found: X\n\nAttribute: device.serial");
        assert_eq!(detail("No such disk", "", &path), "Attribute: device.serial");
        assert_eq!(detail("Invalid device.serial", "Found: X", &path), "Found: X");
        assert_eq!(detail("Too small", "At least 3", &Path::attr("size")), "At least 3");
    }
}
