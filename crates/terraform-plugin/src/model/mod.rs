//! Typed models: a struct is a schema, and its plan twin is what a configuration may say about it.
//!
//! `#[derive(Model)]` (resources, data sources), `#[derive(Nested)]` (objects inside them),
//! `#[derive(ProviderConfig)]` and `#[derive(Choice)]` (words) implement what is here.
//!
//! A struct that contradicts itself does not compile. What is said about it is held by the tests of the derives; here,
//! that it is said at all: what each of the wrong ones has wrong is the line in which it differs from the one before it.
//!
//! ```no_run
//! # use terraform_plugin::Model;
//! #[derive(Model, Clone)]
//! #[model(name = "pool", area = "Tests", key(name))]
//! struct Pool {
//!     #[attr(required)]
//!     name: String,
//! }
//! ```
//!
//! ```compile_fail
//! # use terraform_plugin::Model;
//! #[derive(Model, Clone)]
//! #[model(area = "Tests", key(name))]
//! struct Pool {
//!     #[attr(required)]
//!     name: String,
//! }
//! ```
//!
//! ```no_run
//! # use terraform_plugin::Nested;
//! #[derive(Nested, Clone)]
//! struct Disk {
//!     #[attr(required)]
//!     size: i64,
//! }
//! ```
//!
//! ```compile_fail
//! # use terraform_plugin::Nested;
//! #[derive(Nested, Clone)]
//! struct Disk {
//!     #[attr(required)]
//!     size: Option<i64>,
//! }
//! ```
//!
//! ```no_run
//! # use terraform_plugin::Choice;
//! #[derive(Choice, Clone, Debug, PartialEq)]
//! enum Bus {
//!     Scsi,
//!     Virtio,
//! }
//! ```
//!
//! ```compile_fail
//! # use terraform_plugin::Choice;
//! #[derive(Choice, Clone, Debug, PartialEq)]
//! enum Bus {
//!     Scsi,
//!     Virtio(u8),
//! }
//! ```

mod attr;
pub mod build;
pub mod checks;
mod collections;
mod duration;
mod fault;
#[doc(hidden)]
pub mod key;
mod raw;
mod scalars;
mod secret;
mod size;
mod timeouts;

use std::collections::BTreeMap;
use std::fmt::Debug;

pub use attr::Attr;
pub use duration::Duration;
pub use fault::Fault;
pub use key::{Key, KeyError, Keyed};
pub use raw::Raw;
pub use secret::Secret;
pub use size::{Size, SizeError};
pub use timeouts::{Operation, Timeouts};

use crate::schema::{Attribute, Check, Kind, Schema};
use crate::value::Value;

/// A type that an attribute can have.
///
/// Implemented for `bool`, integers, `f64`, `String`, `Number`, `Option`, `Vec` (list), `BTreeSet` (set),
/// `BTreeMap<String, _>` (map), [`Size`], [`Duration`], [`Secret`], [`Raw`], and by the derives `Nested` and `Choice`.
pub trait Typed: Clone + Send + Sync + Sized + 'static {
    /// What stands for it in a plan once it is known: itself for a scalar, the twin for a nested object,
    /// a collection of [`Attr`] for a collection.
    type Known: Clone + Debug + PartialEq + Send + Sync + 'static;

    /// How the schema describes it.
    fn kind() -> Kind;

    /// From a wholly known value. Unknown and null are what [`Typed::absent`] says.
    fn from_value(value: &Value) -> Result<Self, Fault>;

    /// As a value.
    fn to_value(&self) -> Value;

    /// The plan form, from a value that is neither null nor unknown itself (its parts may be).
    fn known_from_value(value: &Value) -> Result<Self::Known, Fault>;

    /// The plan form as a value.
    fn known_to_value(known: &Self::Known) -> Value;

    /// What null (or, when the provider decides on it, unknown) decodes to, if it is allowed.
    fn absent() -> Option<Self> {
        None
    }

    /// When two different values mean the same. Both are neither null nor unknown.
    fn same() -> Option<fn(&Value, &Value) -> bool> {
        None
    }

    /// Checks that see a nested object as a whole.
    fn checks() -> Vec<Check> {
        Vec::new()
    }

    /// What a configuration must not say, though it may be stored: `Err` holds what is wrong and what would be right.
    fn sensible(_value: &Value) -> Result<(), String> {
        Ok(())
    }

    /// For the docs, what a value must be beyond its Terraform type: `a whole number`. `None` when any value will do.
    fn says() -> Option<String> {
        None
    }
}

/// A struct whose fields are attributes: what all the struct derives have in common.
pub trait Object: Clone + Send + Sync + Sized + 'static {
    /// The plan twin: the same fields, each an [`Attr`]. Its default is null throughout.
    type Plan: Clone + Debug + Default + PartialEq + Send + Sync + 'static;

    /// The doc comment of the struct.
    const DESCRIPTION: &'static str;

    /// The attributes in the order of declaration.
    fn attributes() -> Vec<Attribute>;

    /// Checks that see the whole object.
    fn checks() -> Vec<Check>;

    /// From an object's attributes; missing ones count as null. Attributes that the provider decides on
    /// may be unknown and are then absent.
    fn decode(attributes: &BTreeMap<String, Value>) -> Result<Self, Fault>;

    /// As an object's attributes, every one of them.
    fn encode(&self) -> BTreeMap<String, Value>;

    /// The twin, from an object's attributes.
    fn decode_plan(attributes: &BTreeMap<String, Value>) -> Result<Self::Plan, Fault>;

    /// The twin as an object's attributes, every one of them.
    fn encode_plan(plan: &Self::Plan) -> BTreeMap<String, Value>;
}

/// A struct that is a resource or a data source.
pub trait Model: Object {
    /// The type's name without the provider's prefix: `ceph_pool`.
    const NAME: &'static str;
    /// The chapter of the docs it belongs to.
    const AREA: &'static str;
    /// Version of the stored form.
    const VERSION: i64;
    /// What to use in its place, when the whole object is deprecated.
    const DEPRECATED: Option<&'static str>;
    /// The attribute marked `ready`, if there is one.
    const READY: Option<&'static str>;
    /// The attribute marked `timeouts`, if there is one.
    const TIMEOUTS: Option<&'static str>;

    /// The time allowed when the configuration says nothing.
    fn timeout(operation: Operation) -> std::time::Duration;

    /// The schema, made anew at each call.
    fn schema() -> Schema {
        Schema {
            version: Self::VERSION,
            description: Self::DESCRIPTION.to_owned(),
            attributes: Self::attributes(),
            deprecated: Self::DEPRECATED.map(str::to_owned),
            checks: Self::checks(),
        }
    }
}

/// The attributes of an object's value.
pub(crate) fn attributes_of(value: &Value) -> Result<&BTreeMap<String, Value>, Fault> {
    match value {
        Value::Object(attributes) => Ok(attributes),
        other => Err(Fault::kind("an object", other)),
    }
}

#[cfg(test)]
mod tests;
