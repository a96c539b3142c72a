//! Why a value does not fit a type.

use std::fmt;

use crate::diagnostics::Diagnostic;
use crate::path::{Path, Step};
use crate::value::Value;

/// A value that does not fit the type it is to have, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// From the inside outwards.
    steps: Vec<Step>,
    what: String,
}

impl Fault {
    /// What is wrong and what would be right, as a sentence: `must be a whole number, not 1.5`.
    pub fn new(what: impl Into<String>) -> Self {
        Self { steps: Vec::new(), what: what.into() }
    }

    /// A value of another kind than expected.
    pub fn kind(expected: &str, found: &Value) -> Self {
        let found = match found {
            Value::Null => "not set",
            Value::Unknown => "not known yet",
            Value::Bool(_) => "a bool",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
            Value::Object(_) => "an object",
            Value::Dynamic(..) => "a dynamic value",
        };
        Self::new(format!("must be {expected}, and is {found}"))
    }

    /// The same fault, seen from one step further out.
    #[must_use]
    pub fn inside(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// Where the fault is.
    pub fn path(&self) -> Path {
        self.steps.iter().rev().cloned().fold(Path::root(), |path, step| path.join(step))
    }

    /// What is wrong.
    pub fn what(&self) -> &str {
        &self.what
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path();
        if path.is_root() { f.write_str(&self.what) } else { write!(f, "{path} {}", self.what) }
    }
}

impl std::error::Error for Fault {}

impl From<Fault> for Diagnostic {
    fn from(fault: Fault) -> Self {
        let path = fault.path();
        let summary = if path.is_root() { "Value does not fit".to_owned() } else { format!("{path} does not fit") };
        Self::error(summary, format!("It {}.", fault.what)).at(path)
    }
}
