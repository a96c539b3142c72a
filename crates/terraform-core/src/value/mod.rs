//! Values: what configurations, plans and states are made of.

mod convert;
mod from;
mod json;
mod msgpack;
mod refine;
mod show;

use std::collections::BTreeMap;

pub(crate) use convert::convert;
pub(crate) use json::{read_json, strip_json, to_json};
pub(crate) use msgpack::{read_msgpack, write_msgpack};
pub use refine::Refinement;
pub(crate) use show::{quoted, shown};

use crate::number::Number;
use crate::path::Step;
use crate::types::Type;

/// A value. Which type it is of stands in the schema; only a [`Value::Dynamic`] brings its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// Nothing.
    Null,
    /// Not known before something is applied; perhaps something about it.
    Unknown(Option<Box<Refinement>>),
    /// True or false.
    Bool(bool),
    /// A number.
    Number(Number),
    /// Text, in Unicode's composed form.
    String(String),
    /// A list or a tuple.
    List(Vec<Value>),
    /// A set: sorted, each known element once. Made by [`Value::set`].
    Set(Vec<Value>),
    /// A map.
    Map(BTreeMap<String, Value>),
    /// An object.
    Object(BTreeMap<String, Value>),
    /// A value where the schema leaves the type open.
    Dynamic(Box<(Type, Value)>),
}

impl Value {
    /// Not known, and nothing known about it.
    pub const UNKNOWN: Self = Self::Unknown(None);

    /// A set: what is there twice is there once. Two unknown elements may become two, so they stay two.
    #[must_use]
    pub fn set(elements: impl IntoIterator<Item = Self>) -> Self {
        let mut elements: Vec<_> = elements.into_iter().collect();
        elements.sort();
        elements.dedup_by(|a, b| a == b && a.is_wholly_known());
        Self::Set(elements)
    }

    /// An object.
    #[must_use]
    pub fn object<K: Into<String>>(attributes: impl IntoIterator<Item = (K, Self)>) -> Self {
        Self::Object(attributes.into_iter().map(|(name, value)| (name.into(), value)).collect())
    }

    /// A map.
    #[must_use]
    pub fn map<K: Into<String>>(elements: impl IntoIterator<Item = (K, Self)>) -> Self {
        Self::Map(elements.into_iter().map(|(key, value)| (key.into(), value)).collect())
    }

    /// Whether it is null.
    #[must_use]
    pub fn is_null(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Dynamic(inner) => inner.1.is_null(),
            _ => false,
        }
    }

    /// Whether it is known, as a whole; something inside may be unknown.
    #[must_use]
    pub fn is_known(&self) -> bool {
        match self {
            Self::Unknown(_) => false,
            Self::Dynamic(inner) => inner.1.is_known(),
            _ => true,
        }
    }

    /// Whether nothing inside is unknown.
    #[must_use]
    pub fn is_wholly_known(&self) -> bool {
        self.is_known() && self.children().iter().all(|(_, child)| child.is_wholly_known())
    }

    /// What is one step further in, each with the step.
    #[must_use]
    pub fn children(&self) -> Vec<(Step, &Self)> {
        match self {
            Self::List(elements) => elements.iter().enumerate().map(|(n, element)| (Step::Index(n), element)).collect(),
            Self::Set(elements) => elements.iter().map(|element| (Step::Element, element)).collect(),
            Self::Map(elements) => elements.iter().map(|(key, element)| (Step::Key(key.clone()), element)).collect(),
            Self::Object(attributes) => {
                attributes.iter().map(|(name, value)| (Step::Attribute(name.clone()), value)).collect()
            }
            Self::Dynamic(inner) => inner.1.children(),
            _ => Vec::new(),
        }
    }

    /// The same with each leaf and each whole put through a function, from the inside out.
    #[must_use]
    pub fn map_all(&self, change: &mut dyn FnMut(Self) -> Self) -> Self {
        let mut all = |of: &BTreeMap<String, Self>| -> BTreeMap<String, Self> {
            of.iter().map(|(name, value)| (name.clone(), value.map_all(change))).collect()
        };
        let inside = match self {
            Self::Map(of) => Self::Map(all(of)),
            Self::Object(of) => Self::Object(all(of)),
            Self::List(of) => Self::List(of.iter().map(|value| value.map_all(change)).collect()),
            Self::Set(of) => Self::set(of.iter().map(|value| value.map_all(change)).collect::<Vec<_>>()),
            Self::Dynamic(inner) => Self::Dynamic(Box::new((inner.0.clone(), inner.1.map_all(change)))),
            other => other.clone(),
        };
        change(inside)
    }

    /// The same without what is known about unknown values.
    #[must_use]
    pub fn unrefined(&self) -> Self {
        self.map_all(&mut |value| if let Self::Unknown(_) = value { Self::UNKNOWN } else { value })
    }

    /// The same with null where something is unknown: what of it can be stored.
    #[must_use]
    pub fn unknown_as_null(&self) -> Self {
        self.map_all(&mut |value| if value.is_known() { value } else { Self::Null })
    }

    /// The attribute of an object; null if the object is null, unknown if it is unknown.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Self {
        match self {
            Self::Object(attributes) | Self::Map(attributes) => attributes.get(name).cloned().unwrap_or(Self::Null),
            Self::Unknown(_) => Self::UNKNOWN,
            Self::Dynamic(inner) => inner.1.attribute(name),
            _ => Self::Null,
        }
    }

    /// What is found by following names: `get("disks.scsi0.size")`. Numbers index lists. Null where there is nothing.
    #[must_use]
    pub fn get(&self, path: &str) -> Self {
        let step = |value: Self, name: &str| match (&value, name.parse::<usize>()) {
            (Self::List(elements) | Self::Set(elements), Ok(n)) => elements.get(n).cloned().unwrap_or(Self::Null),
            _ => value.attribute(name),
        };
        path.split('.').fold(self.clone(), step)
    }

    /// The elements of a collection: none where there is none.
    #[must_use]
    pub fn elements(&self) -> Vec<&Self> {
        self.children().into_iter().map(|(_, child)| child).collect()
    }

    /// Its text, if it is one.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            Self::Dynamic(inner) => inner.1.as_str(),
            _ => None,
        }
    }

    /// Its truth, if it has one.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(value) = self { Some(*value) } else { None }
    }
}
