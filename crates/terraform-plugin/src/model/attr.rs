//! One attribute of a plan.

use super::{Fault, Typed};
use crate::value::Value;

/// What a configuration or a plan says about one attribute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Attr<T> {
    /// Unset.
    #[default]
    Null,
    /// Known only after apply.
    Unknown,
    /// That value.
    Known(T),
}

impl<T> Attr<T> {
    /// Whether it is unset.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Whether it is known only after apply.
    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown)
    }

    /// Whether it has a value now.
    pub fn is_known(&self) -> bool {
        matches!(self, Self::Known(_))
    }

    /// Whether it is, or may turn out to be, set.
    pub fn may_be_set(&self) -> bool {
        !self.is_null()
    }

    /// The value, if there is one now.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Null | Self::Unknown => None,
        }
    }

    /// The value, if there is one now.
    pub fn into_known(self) -> Option<T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Null | Self::Unknown => None,
        }
    }

    /// The same about a part or a function of the value.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Attr<U> {
        match self {
            Self::Null => Attr::Null,
            Self::Unknown => Attr::Unknown,
            Self::Known(value) => Attr::Known(f(value)),
        }
    }

    /// A look at the value without taking it.
    pub fn as_ref(&self) -> Attr<&T> {
        match self {
            Self::Null => Attr::Null,
            Self::Unknown => Attr::Unknown,
            Self::Known(value) => Attr::Known(value),
        }
    }
}

impl<T: PartialEq> Attr<T> {
    /// Whether it is known to be that.
    pub fn is(&self, value: &T) -> bool {
        self.known() == Some(value)
    }
}

impl<T: Copy> Attr<T> {
    /// The value, if there is one now.
    pub fn get(&self) -> Option<T> {
        self.known().copied()
    }
}

impl Attr<String> {
    /// The text, if there is one now.
    pub fn text(&self) -> Option<&str> {
        self.known().map(String::as_str)
    }
}

impl<T> From<T> for Attr<T> {
    fn from(value: T) -> Self {
        Self::Known(value)
    }
}

impl<T> From<Option<T>> for Attr<T> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Self::Known)
    }
}

/// What a value says about an attribute of type `T`.
pub(crate) fn from_value<T: Typed>(value: &Value) -> Result<Attr<T::Known>, Fault> {
    Ok(match value {
        Value::Null => Attr::Null,
        Value::Unknown => Attr::Unknown,
        known => Attr::Known(T::known_from_value(known)?),
    })
}

/// The other way round.
pub(crate) fn to_value<T: Typed>(attr: &Attr<T::Known>) -> Value {
    match attr {
        Attr::Null => Value::Null,
        Attr::Unknown => Value::Unknown,
        Attr::Known(known) => T::known_to_value(known),
    }
}
