//! Terraform's values, dynamically typed: what travels between the wire and the typed models.

mod access;
mod display;
pub mod dynamic;
mod equal;
mod error;
pub mod json;
pub mod msgpack;
mod number;
mod ty;

use std::borrow::Cow;
use std::collections::BTreeMap;

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

pub use error::CodecError;
pub use number::{NotANumber, Number};
pub use ty::Type;

/// A value of any Terraform type. Which [`Type`] it has is said by the schema beside it.
///
/// Sets are lists here, in the order received; two sets are compared without regard to order where
/// the schema says so ([`Value::equal`]). Objects hold every attribute of their type, maps only what was set.
/// The order between values has no meaning of its own; it is there to sort by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
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

impl Value {
    /// A text, brought into Unicode NFC: Terraform keeps it in that form and compares it so.
    pub fn string(text: impl AsRef<str> + Into<String>) -> Self {
        let normal = match nfc(text.as_ref()) {
            Cow::Borrowed(_) => None,
            Cow::Owned(normal) => Some(normal),
        };
        Self::String(normal.unwrap_or_else(|| text.into()))
    }

    /// An object with these attributes.
    pub fn object<N: Into<String>>(attributes: impl IntoIterator<Item = (N, Self)>) -> Self {
        Self::Object(attributes.into_iter().map(|(name, value)| (name.into(), value)).collect())
    }

    /// A map with these elements.
    pub fn map<K: Into<String>>(elements: impl IntoIterator<Item = (K, Self)>) -> Self {
        Self::Map(elements.into_iter().map(|(key, value)| (key.into(), value)).collect())
    }

    /// A list, set or tuple of these elements.
    pub fn list<V: Into<Self>>(elements: impl IntoIterator<Item = V>) -> Self {
        Self::List(elements.into_iter().map(Into::into).collect())
    }
}

impl From<bool> for Value {
    fn from(bool: bool) -> Self {
        Self::Bool(bool)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::string(text)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::string(text)
    }
}

impl From<Number> for Value {
    fn from(number: Number) -> Self {
        Self::Number(number)
    }
}

macro_rules! from_whole {
    ($($t:ty),*) => {$(
        impl From<$t> for Value {
            fn from(n: $t) -> Self {
                Self::Number(n.into())
            }
        }
    )*};
}
from_whole!(i8, i16, i32, i64, u8, u16, u32, u64, usize);

/// Nothing is null.
impl<V: Into<Self>> From<Option<V>> for Value {
    fn from(value: Option<V>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// The text in Unicode NFC.
fn nfc(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || is_nfc_quick(text.chars()) == IsNormalized::Yes {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.nfc().collect())
    }
}

#[cfg(test)]
mod arbitrary;
