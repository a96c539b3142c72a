//! PVE's property strings: `local-lvm:vm-100-disk-0,discard=on,size=32G`.
//!
//! Comma-separated items, of which at most one has no key (the schema's default key) and the others are `key=value`.
//! PVE has no escape for a comma in a value. It writes the keyless item first and the rest in alphabetical order.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::wire;

/// A parsed property string. Every key is kept, known or not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PropertyString {
    default: Option<String>,
    items: BTreeMap<String, String>,
}

/// Why a text is no property string.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadPropertyString {
    /// The same key twice.
    #[error("'{0}' is given twice")]
    Duplicate(String),
    /// Two items without key.
    #[error("'{0}' has no key; only one item may stand without")]
    SecondDefault(String),
    /// `key=` or `=value`.
    #[error("'{0}' is not of the form key=value")]
    Incomplete(String),
    /// A value that the caller's type cannot take.
    #[error("'{key}' cannot be '{value}'")]
    Value {
        /// The key, or `value` for the item without one.
        key: String,
        /// What was found.
        value: String,
    },
    /// A key that must be there is missing.
    #[error("'{0}' is missing")]
    Missing(String),
}

impl PropertyString {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// One that begins with the item without key.
    pub fn with_default(value: impl Into<String>) -> Self {
        Self { default: Some(value.into()), items: BTreeMap::new() }
    }

    /// The item without key.
    pub fn default_value(&self) -> Option<&str> {
        self.default.as_deref()
    }

    /// Sets or takes away the item without key.
    pub fn set_default(&mut self, value: Option<String>) {
        self.default = value;
    }

    /// Takes the item without key out.
    pub fn take_default(&mut self) -> Option<String> {
        self.default.take()
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.items.get(key).map(String::as_str)
    }

    /// Sets a key, replacing its value.
    pub fn set(&mut self, key: impl Into<String>, value: impl Into<String>) -> &mut Self {
        self.items.insert(key.into(), value.into());
        self
    }

    /// Sets a key if there is a value.
    pub fn set_opt(&mut self, key: &str, value: Option<impl fmt::Display>) -> &mut Self {
        if let Some(value) = value {
            self.set(key, value.to_string());
        }
        self
    }

    /// Takes a key out.
    pub fn take(&mut self, key: &str) -> Option<String> {
        self.items.remove(key)
    }

    /// Takes a key out and reads it.
    pub fn take_parsed<T: FromStr>(&mut self, key: &str) -> Result<Option<T>, BadPropertyString> {
        self.take(key)
            .map(|value| value.parse().map_err(|_| BadPropertyString::Value { key: key.to_owned(), value }))
            .transpose()
    }

    /// Takes a key out and reads it as a boolean (`1`, `on`, `yes`, `true` and their opposites).
    pub fn take_boolean(&mut self, key: &str) -> Result<Option<bool>, BadPropertyString> {
        self.take(key)
            .map(|value| wire::parse_boolean(&value).ok_or(BadPropertyString::Value { key: key.to_owned(), value }))
            .transpose()
    }

    /// What is left, in alphabetical order.
    pub fn into_items(self) -> BTreeMap<String, String> {
        self.items
    }

    /// The keys with their values, in alphabetical order.
    pub fn items(&self) -> impl Iterator<Item = (&str, &str)> {
        self.items.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }
}

impl FromStr for PropertyString {
    type Err = BadPropertyString;

    fn from_str(text: &str) -> Result<Self, BadPropertyString> {
        let mut out = Self::default();
        for item in text.split(',').map(str::trim).filter(|item| !item.is_empty()) {
            // A blank after the equals sign would not be there any more in an item that is written without key.
            match item.split_once('=').map(|(key, value)| (key.trim(), value.trim())) {
                Some((key, value)) if !key.is_empty() && !value.is_empty() => {
                    if out.items.insert(key.to_owned(), value.to_owned()).is_some() {
                        return Err(BadPropertyString::Duplicate(key.to_owned()));
                    }
                }
                Some(_) => return Err(BadPropertyString::Incomplete(item.to_owned())),
                None if out.default.is_some() => return Err(BadPropertyString::SecondDefault(item.to_owned())),
                None => out.default = Some(item.to_owned()),
            }
        }
        Ok(out)
    }
}

impl fmt::Display for PropertyString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut comma = "";
        if let Some(value) = &self.default {
            f.write_str(value)?;
            comma = ",";
        }
        for (key, value) in &self.items {
            write!(f, "{comma}{key}={value}")?;
            comma = ",";
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn recorded_strings_come_back_as_they_were() {
        for text in [
            "d1:200/vm-200-disk-0.raw,discard=on,iothread=1,size=1G,ssd=1",
            "order=1,up=30",
            "creation-qemu=10.0.2,ctime=1795370332",
            "keep-daily=7,keep-last=3",
            "order=scsi0;net0",
            "",
        ] {
            assert_eq!(text.parse::<PropertyString>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn order_is_pves_own() {
        let parsed: PropertyString = "ssd=1,a:b,discard=on".parse().unwrap();
        assert_eq!(parsed.to_string(), "a:b,discard=on,ssd=1");
        assert_eq!(parsed.default_value(), Some("a:b"));
        assert!(parsed.items().eq([("discard", "on"), ("ssd", "1")]));
    }

    #[test]
    fn a_value_may_hold_an_equals_sign() {
        let parsed: PropertyString = "user=a=b".parse().unwrap();
        assert_eq!(parsed.get("user"), Some("a=b"));
    }

    #[test]
    fn refuses_what_pve_refuses() {
        assert_eq!("a=1,a=2".parse::<PropertyString>(), Err(BadPropertyString::Duplicate("a".into())));
        assert_eq!("a,b".parse::<PropertyString>(), Err(BadPropertyString::SecondDefault("b".into())));
        assert_eq!("a=".parse::<PropertyString>(), Err(BadPropertyString::Incomplete("a=".into())));
    }

    proptest! {
        #[test]
        fn round_trip(default in proptest::option::of("[a-z0-9:./-]{1,12}"),
                      items in proptest::collection::btree_map("[a-z][a-z0-9_-]{0,8}", "[^,\\s]{1,12}", 0..6)) {
            let string = PropertyString { default, items };
            prop_assert_eq!(string.to_string().parse::<PropertyString>(), Ok(string));
        }

        #[test]
        fn nothing_panics(text in "\\PC{0,40}") {
            let _ = text.parse::<PropertyString>();
        }
    }
}
