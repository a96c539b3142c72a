//! Parameters: as they come over the wire, checked against PVE's schema with PVE's texts, and as handlers read them.

mod check;
mod decode;
pub mod formats;
mod guest_formats;
pub mod property;

use std::collections::BTreeMap;

pub(crate) use check::check;
pub(crate) use decode::{Raw, decode_form, decode_json};
pub use formats::split_list;

/// A checked value. PVE carries everything as text; only repeated keys make a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Param {
    /// A scalar; booleans are `1` and `0`.
    Text(String),
    /// Values of an array parameter.
    List(Vec<String>),
    /// JSON's `null`: absent for the check, yet handlers of PVE stumble over it.
    Null,
}

/// The checked parameters of a call, those of the path included.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Params(BTreeMap<String, Param>);

impl Params {
    /// The text of a parameter; `None` if it was not given.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.0.get(name) {
            Some(Param::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// The text of a parameter that the schema demands (the check has made sure of it).
    pub fn need(&self, name: &str) -> &str {
        self.text(name).unwrap_or_default()
    }

    /// An integer.
    pub fn int(&self, name: &str) -> Option<i64> {
        self.text(name)?.parse().ok()
    }

    /// A vmid, or another number that is never negative and fits 32 bits.
    pub fn number(&self, name: &str) -> Option<u32> {
        self.text(name)?.parse().ok()
    }

    /// A boolean; `None` if it was not given.
    pub fn flag(&self, name: &str) -> Option<bool> {
        self.text(name).map(|text| text == "1")
    }

    /// The elements of a list, given as one text or as repeated keys.
    pub fn list(&self, name: &str) -> Vec<String> {
        match self.0.get(name) {
            Some(Param::Text(text)) => split_list(text).map(str::to_owned).collect(),
            Some(Param::List(list)) => list.clone(),
            Some(Param::Null) | None => Vec::new(),
        }
    }

    /// Whether it was given, other than as `null`.
    pub fn has(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|value| *value != Param::Null)
    }

    /// What was given as JSON `null`: writers of section configs (storages, HA resources) refuse it with
    /// `got undefined value for option 'NAME'`.
    pub fn undefined(&self) -> Option<&str> {
        self.iter().find(|(_, value)| **value == Param::Null).map(|(name, _)| name)
    }

    /// All of them by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Param)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// All scalars by name.
    pub fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.iter().filter_map(|(name, value)| match value {
            Param::Text(text) => Some((name, text.as_str())),
            Param::List(_) | Param::Null => None,
        })
    }

    pub(crate) fn insert(&mut self, name: impl Into<String>, value: Param) {
        self.0.insert(name.into(), value);
    }
}
