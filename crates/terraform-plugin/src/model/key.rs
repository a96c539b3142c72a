//! What tells one object from another: its identity, which is its import id too.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::hash::Hash;
use std::str::FromStr;

use super::{Fault, Model};
use crate::schema::Attribute;
use crate::value::Value;

/// The key of a resource: the fields named in `#[model(key(...))]`. Its text is the import id: the fields joined by `/`.
pub trait Key: Clone + Eq + Hash + Ord + Display + FromStr<Err = KeyError> + Send + Sync + 'static {
    /// The names of its fields.
    const FIELDS: &'static [&'static str];

    /// Those of them that may be missing: what has none is told by the others alone.
    const OPTIONAL: &'static [&'static str] = &[];

    /// The attributes of the identity schema.
    fn attributes() -> Vec<Attribute>;

    /// From an object that holds at least the key's attributes.
    fn decode(attributes: &BTreeMap<String, Value>) -> Result<Self, Fault>;

    /// The key's attributes and no others.
    fn encode(&self) -> BTreeMap<String, Value>;
}

/// A model with a key.
pub trait Keyed: Model {
    /// The type of its key.
    type Key: Key;

    /// Its key; `None` as long as a part of it that the API chooses is not known.
    fn key(&self) -> Option<Self::Key>;
}

/// An import id that does not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct KeyError(String);

impl KeyError {
    /// In words of its own.
    pub fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }

    /// One part does not fit: a number, since any text is a text.
    pub fn part(field: &str, text: &str, why: impl Display) -> Self {
        Self(format!("{field} in the id must be a whole number, and is {text:?} ({why})"))
    }
}

/// Cuts an import id into its parts. The part of `rest`, or else the last, may hold further slashes.
pub fn split<'a>(id: &'a str, fields: &[&str], rest: Option<&str>) -> Result<Vec<&'a str>, KeyError> {
    let at = rest.and_then(|rest| fields.iter().position(|field| *field == rest)).unwrap_or(fields.len() - 1);
    let mut parts: Vec<&str> = id.splitn(at + 1, '/').collect();
    if parts.len() == at + 1
        && let Some(rest) = parts.pop()
    {
        let mut behind: Vec<&str> = rest.rsplitn(fields.len() - at, '/').collect();
        behind.reverse();
        parts.extend(behind);
    }
    if parts.len() == fields.len() && parts.iter().all(|part| !part.is_empty()) {
        Ok(parts)
    } else {
        Err(KeyError(format!("the id must have the form `{}`, and is {id:?}", fields.join("/"))))
    }
}
