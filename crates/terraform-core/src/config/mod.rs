//! Configurations: written by a test, or read as Terraform reads them.

mod eval;
mod expr;
mod functions;
mod hcl_file;
mod order;
mod read;

use std::collections::BTreeMap;

pub(crate) use eval::{Resources, Scope};
pub use expr::Expr;
pub(crate) use expr::{Name, Part};

use crate::path::Path;
use crate::state::Address;
use crate::value::Value;

/// A configuration.
///
/// What stands in a resource is written as in `.tf.json`: texts may hold `${...}`, and `for_each`, `count`, `depends_on`
/// and `lifecycle` stand beside the attributes.
#[derive(Clone, Debug, Default)]
pub struct Config {
    pub(crate) resources: Vec<Resource>,
    pub(crate) imports: Vec<Import>,
    pub(crate) moves: Vec<(Address, Address)>,
    /// What is forgotten or, if so said, destroyed.
    pub(crate) removed: Vec<(Address, bool)>,
    pub(crate) variables: BTreeMap<String, Value>,
    pub(crate) locals: BTreeMap<String, Expr>,
    pub(crate) outputs: BTreeMap<String, Expr>,
    /// What cannot be read.
    pub(crate) wrong: Vec<String>,
}

/// A resource or a data source, of any number of instances.
#[derive(Clone, Debug)]
pub(crate) struct Resource {
    pub address: Address,
    pub body: Expr,
    pub for_each: Option<Expr>,
    pub count: Option<Expr>,
    pub depends_on: Vec<Address>,
    pub ignore: Ignore,
    pub create_before_destroy: bool,
    pub prevent_destroy: bool,
    pub replace_triggered_by: Vec<Name>,
    pub preconditions: Vec<Condition>,
    pub postconditions: Vec<Condition>,
}

/// What of a configuration does not count once the object is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ignore {
    Some(Vec<Path>),
    All,
}

/// What must hold, and what is said where it does not.
#[derive(Clone, Debug)]
pub(crate) struct Condition {
    pub condition: Expr,
    pub message: Expr,
}

/// An object that exists already.
#[derive(Clone, Debug)]
pub(crate) struct Import {
    pub to: Address,
    pub by: By,
}

/// What an object that exists already is found by.
#[derive(Clone, Debug)]
pub(crate) enum By {
    Id(Expr),
    Identity(Expr),
}

impl Config {
    /// A configuration of nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With a resource; `address` is `type.name`.
    #[must_use]
    pub fn resource(mut self, address: &str, body: impl Into<Expr>) -> Self {
        self.add_resource(Address::from(address), body.into());
        self
    }

    /// With a data source; `address` is `data.type.name`, or without `data.`.
    #[must_use]
    pub fn data(mut self, address: &str, body: impl Into<Expr>) -> Self {
        self.add_resource(Address { data: true, ..Address::from(address) }, body.into());
        self
    }

    /// Without a resource.
    #[must_use]
    pub fn without(mut self, address: &str) -> Self {
        let address = Address::from(address);
        self.resources.retain(|resource| resource.address != address);
        self
    }

    /// With a value for a variable.
    #[must_use]
    pub fn variable(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.variables.insert(name.to_owned(), value.into());
        self
    }

    /// With a local value.
    #[must_use]
    pub fn local(mut self, name: &str, value: impl Into<Expr>) -> Self {
        self.locals.insert(name.to_owned(), value.into());
        self
    }

    /// With an `import` block by id.
    #[must_use]
    pub fn import(mut self, to: &str, id: impl Into<Expr>) -> Self {
        self.imports.push(Import { to: to.into(), by: By::Id(id.into()) });
        self
    }

    /// With an `import` block by identity.
    #[must_use]
    pub fn import_by_identity(mut self, to: &str, identity: impl Into<Expr>) -> Self {
        self.imports.push(Import { to: to.into(), by: By::Identity(identity.into()) });
        self
    }

    /// With a `moved` block.
    #[must_use]
    pub fn moved(mut self, from: &str, to: &str) -> Self {
        self.moves.push((from.into(), to.into()));
        self
    }

    /// With a `removed` block; what it names is destroyed, or only forgotten.
    #[must_use]
    pub fn removed(mut self, from: &str, destroy: bool) -> Self {
        self.removed.push((from.into(), destroy));
        self
    }

    /// The addresses of its resources, in the order in which they are written.
    #[must_use]
    pub fn addresses(&self) -> Vec<String> {
        self.resources.iter().map(|resource| resource.address.to_string()).collect()
    }
}

#[cfg(test)]
mod tests;
