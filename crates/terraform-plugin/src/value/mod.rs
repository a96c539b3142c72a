//! Terraform's values, dynamically typed: what travels between the wire and the typed models.

mod number;
mod ty;

use std::collections::BTreeMap;

pub use number::Number;
pub use ty::Type;

/// A value of any Terraform type. Which [`Type`] it has is said by the schema beside it.
///
/// Sets are lists here, in the order received; two sets are compared without regard to order where
/// the schema says so. Objects hold every attribute of their type, maps only what was set.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Unset.
    Null,
    /// Known only after apply. Refinements are read and dropped: a plain unknown is always accepted in return.
    Unknown,
    /// `true` or `false`.
    Bool(bool),
    /// An exact number.
    Number(Number),
    /// Text, in Unicode NFC.
    String(String),
    /// A list, set or tuple.
    List(Vec<Value>),
    /// A map.
    Map(BTreeMap<String, Value>),
    /// An object: every attribute is there.
    Object(BTreeMap<String, Value>),
    /// A value of a `dynamic` attribute, with the type it turned out to have.
    Dynamic(Type, Box<Value>),
}
