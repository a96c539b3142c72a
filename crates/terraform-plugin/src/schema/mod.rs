//! What an object looks like: attributes, their types, rules and checks.

mod check;
mod proto;
mod read_only;
mod self_check;
mod validate;

use crate::path::{Path, Step};
use crate::value::{Type, Value};

pub use check::{Check, CustomTest, Limit, Limits, Pattern, Relation, Test};
pub use proto::identity_to_proto;
pub use read_only::read_only;
pub use self_check::SchemaOf;
pub use validate::validate;

/// The schema of a provider, resource or data source.
#[derive(Clone, Debug, Default)]
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
    /// What it is, in Markdown. The first paragraph is for everybody; further ones are for whoever writes it, and no data
    /// source that a resource brings along shows them.
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
    /// Checks of the value alone (or of each nested object), made in validate and again when it became known.
    pub checks: Vec<Check>,
    /// When two different values mean the same (`32G`, `32768M`): the older text is kept and nothing planned.
    pub same: Option<fn(&Value, &Value) -> bool>,
    /// What the API calls it, where that differs; see [`Attribute::parameter`].
    pub api: Option<String>,
    /// The API takes a list as one parameter for each element.
    pub repeated: bool,
    /// What holds when the API stores nothing.
    pub usual: Option<Value>,
    /// Of a local attribute: a change calls an update all the same, such as of the version of a write-only one.
    pub rouses: bool,
    /// Of a write-only attribute: the local one whose change has it sent again.
    pub version: Option<String>,
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

impl Schema {
    /// The type of the object as a whole.
    pub fn implied_type(&self) -> Type {
        object_type(&self.attributes)
    }

    /// The attribute that a path ends in or passes last: of `disks["scsi0"].size` the nested `size`, of
    /// `disks["scsi0"]` the attribute `disks`.
    pub fn attribute(&self, path: &Path) -> Option<&Attribute> {
        let mut here = None;
        let mut among = self.attributes.as_slice();
        for step in path.steps() {
            if let Step::Attribute(name) = step {
                let found = among.iter().find(|a| a.name == *name)?;
                among = found.nested().unwrap_or_default();
                here = Some(found);
            }
        }
        here
    }
}

impl Attribute {
    /// An attribute with nothing but a name, a type and a rule.
    pub fn new(name: impl Into<String>, kind: Kind, rule: Rule) -> Self {
        Self {
            name: name.into(),
            kind,
            description: String::new(),
            rule,
            replace: false,
            sensitive: false,
            write_only: false,
            local: false,
            deprecated: None,
            checks: Vec::new(),
            same: None,
            api: None,
            repeated: false,
            usual: None,
            rouses: false,
            version: None,
        }
    }

    /// The type of its value.
    pub fn ty(&self) -> Type {
        self.kind.ty()
    }

    /// What it is, and what its rule means for whoever writes it: the description as users read it.
    pub fn about(&self) -> String {
        let mut said = vec![self.description.clone()];
        if let Some(usual) = &self.usual {
            let usual = usual.as_str().map_or_else(|| usual.to_string(), |text| format!("`{text}`"));
            said.push(format!("Left alone when unset (default: {usual})."));
        }
        if self.replace {
            said.push("A change replaces the object.".to_owned());
        }
        said.retain(|sentence| !sentence.is_empty());
        said.join(" ")
    }

    /// What the API calls it.
    pub fn parameter(&self) -> &str {
        self.api.as_deref().unwrap_or(&self.name)
    }

    /// The attributes below it, if it is nested.
    pub fn nested(&self) -> Option<&[Attribute]> {
        match &self.kind {
            Kind::Plain(_) => None,
            Kind::Nested(_, attributes) => Some(attributes),
        }
    }
}

impl Kind {
    /// The type of a value of that kind.
    pub fn ty(&self) -> Type {
        match self {
            Self::Plain(ty) => ty.clone(),
            Self::Nested(nesting, attributes) => {
                let object = object_type(attributes);
                match nesting {
                    Nesting::Single => object,
                    Nesting::List => Type::list(object),
                    Nesting::Set => Type::set(object),
                    Nesting::Map => Type::map(object),
                }
            }
        }
    }
}

fn object_type(attributes: &[Attribute]) -> Type {
    Type::Object(attributes.iter().map(|a| (a.name.clone(), a.ty())).collect())
}
