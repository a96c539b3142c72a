//! What an object looks like: attributes, their types, rules and checks.

use std::sync::Arc;

use crate::value::{Type, Value};

/// The schema of a provider, resource or data source.
#[derive(Clone, Debug)]
pub struct Schema {
    /// Raised when the stored JSON needs rewriting.
    pub version: i64,
    /// Markdown; becomes the page in the registry.
    pub description: String,
    /// In the order of declaration.
    pub attributes: Vec<Attribute>,
    /// Set when the whole object is deprecated; says what to use in its place.
    pub deprecated: Option<String>,
    /// Checks that see the whole object (`conflicts`, `exactly one of`, ...).
    pub checks: Vec<Check>,
}

/// One attribute.
#[derive(Clone, Debug)]
pub struct Attribute {
    /// As in HCL.
    pub name: String,
    /// Plain or nested.
    pub kind: Kind,
    /// Markdown.
    pub description: String,
    /// Who decides on the value. Exactly one.
    pub rule: Rule,
    /// A change replaces the object.
    pub replace: bool,
    /// Redacted by Terraform's output.
    pub sensitive: bool,
    /// Taken from the configuration only, never stored (Terraform 1.11+).
    pub write_only: bool,
    /// Never sent to the API and never compared with it: kept from the configuration; default on import.
    pub local: bool,
    /// Set when deprecated; says what to use in its place.
    pub deprecated: Option<String>,
    /// Checks of the value alone, made in validate and again when it became known.
    pub checks: Vec<Check>,
    /// When two different values mean the same (`32G`, `32768M`): the older text is kept and nothing planned.
    pub same: Option<fn(&Value, &Value) -> bool>,
}

/// What an attribute holds.
#[derive(Clone, Debug)]
pub enum Kind {
    /// A value of that type.
    Plain(Type),
    /// An object with attributes of its own, or a collection of such.
    Nested(Nesting, Vec<Attribute>),
}

/// How nested objects are arranged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nesting {
    /// One object.
    Single,
    /// A list of objects.
    List,
    /// A set of objects.
    Set,
    /// A map of objects.
    Map,
}

/// Who decides on an attribute's value.
#[derive(Clone, Debug, PartialEq)]
pub enum Rule {
    /// The configuration must say.
    Required,
    /// The configuration may say; unset means not there.
    Optional,
    /// The configuration may say; unset means left alone: the API's choice at creation, nothing planned later.
    Keep,
    /// The provider says.
    Computed,
    /// The configuration may say; unset means this value.
    Default(Value),
}

/// A check of a value, with the text that documents it.
#[derive(Clone)]
pub struct Check {
    /// For the docs: `between 1 and 7`.
    pub says: String,
    /// `Err` holds what is wrong and what would be right. Never called with null or unknown values.
    pub run: Arc<dyn Fn(&Value) -> Result<(), String> + Send + Sync>,
}

impl std::fmt::Debug for Check {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Check({})", self.says)
    }
}
