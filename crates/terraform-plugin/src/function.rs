//! What a function of a provider is.

use std::fmt;

use crate::model::{Fault, Object, Typed};
use crate::path::{Path, Step};

/// A function that configurations call: `provider::acme::area(2, 3)`.
///
/// The struct holds the arguments; derive `Nested`. Each field is a parameter, in order: `required`, or `optional` where null
/// may be given. Their checks are made before the call. The struct's doc comment is the function's page, its first paragraph
/// the summary.
///
/// Functions are called where no provider is configured, any number of times, and must answer the same each time: what they
/// say follows from the arguments alone.
pub trait Function: Object {
    /// Its name: lower-case letters, digits and `_`.
    const NAME: &'static str;

    /// Whether the last field, a list, takes all arguments from its place on.
    const VARIADIC: bool = false;

    /// What it answers: any type that an attribute can have, a `Nested` struct among them.
    type Returns: Typed;

    /// Answers. Nothing in it is unknown: Terraform does not call as long as anything is.
    fn call(self) -> Result<Self::Returns, FunctionError>;
}

/// Why a function has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionError {
    text: String,
    path: Path,
}

impl FunctionError {
    /// What is wrong, and what would be right.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), path: Path::root() }
    }

    /// The same, because of one argument: the name of its field. Terraform shows where it stands.
    #[must_use]
    pub fn at(self, argument: impl Into<Path>) -> Self {
        Self { path: argument.into(), ..self }
    }

    /// What is wrong.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Because of what.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Which argument it is about, counted from the left, where the parameters have these names.
    pub(crate) fn argument(&self, names: &[String], variadic: bool) -> Option<usize> {
        let mut steps = self.path.steps().iter();
        let Some(Step::Attribute(name)) = steps.next() else { return None };
        let place = names.iter().position(|known| known == name)?;
        match steps.next() {
            Some(Step::Index(index)) if variadic && place + 1 == names.len() => Some(place + index),
            _ => Some(place),
        }
    }
}

impl fmt::Display for FunctionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for FunctionError {}

impl From<Fault> for FunctionError {
    fn from(fault: Fault) -> Self {
        Self::new(format!("{fault}.")).at(fault.path())
    }
}
