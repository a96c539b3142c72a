//! What an object remembers about itself beside its attributes.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::{RawValue, to_raw_value};

/// Small values that an object keeps in Terraform's state, out of the user's sight: an id to be compared before
/// something is destroyed, a task to attach to. Stored in clear: no secrets.
///
/// Every reply carries all of them; an object that does not touch them keeps them.
#[derive(Debug, Default)]
pub struct Private(Mutex<Map>);

/// As text, so that numbers keep their digits however often they are passed on.
type Map = BTreeMap<String, Box<RawValue>>;

/// Keys beginning so are the framework's own.
const OWN: char = '.';
/// Set between an import and the read that follows it.
const IMPORTED: &str = ".imported";
/// Set from a promise until the object is there.
const PROMISED: &str = ".promised";
/// What a plan hands on to the removal that it holds.
const HANDED: &str = ".handed.";

impl Private {
    /// From the bytes of a request. What this provider has not written counts as nothing.
    pub(crate) fn decode(bytes: &[u8]) -> Self {
        if bytes.is_empty() {
            return Self::default();
        }
        Self(Mutex::new(serde_json::from_slice(bytes).unwrap_or_else(|error| {
            tracing::warn!(%error, "private data of the object cannot be read and is dropped");
            BTreeMap::new()
        })))
    }

    /// As the bytes of a reply; no bytes when there is nothing to remember.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let map = self.lock();
        // Keys are text and values are JSON already: there is nothing in it that cannot be written.
        if map.is_empty() { Vec::new() } else { serde_json::to_vec(&*map).unwrap_or_default() }
    }

    /// A value, if there is one of that type.
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        serde_json::from_str(self.lock().get(key)?.get()).ok()
    }

    /// Remembers a value. A value that JSON cannot hold is not remembered, and the log says so.
    pub fn set(&self, key: &str, value: impl Serialize) {
        debug_assert!(!key.starts_with(OWN), "keys beginning with {OWN} are the framework's own");
        match to_raw_value(&value) {
            Ok(value) => drop(self.lock().insert(key.to_owned(), value)),
            Err(error) => tracing::error!(key, %error, "private value cannot be stored"),
        }
    }

    /// Forgets a value.
    pub fn remove(&self, key: &str) {
        self.lock().remove(key);
    }

    /// In the plan of a replacement: has the removal know something by [`Private::handed`]. It sees the state alone, and this is how
    /// it learns what the plan has seen of configuration and API. Nothing else ever sees it: it is forgotten where the plan turns
    /// out to be no replacement, and with the removal.
    pub fn hand_on(&self, key: &str, value: impl Serialize) {
        match to_raw_value(&value) {
            Ok(value) => drop(self.lock().insert(format!("{HANDED}{key}"), value)),
            Err(error) => tracing::error!(key, %error, "private value cannot be handed on"),
        }
    }

    /// What the plan of a replacement has handed on, in that plan and in its removal.
    pub fn handed<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        serde_json::from_str(self.lock().get(&format!("{HANDED}{key}"))?.get()).ok()
    }

    /// Without what was handed on.
    pub(crate) fn kept(self) -> Self {
        self.lock().retain(|key, _| !key.starts_with(HANDED));
        self
    }

    /// What was handed on alone: for the second plan of a replacement, whose private data the removal gets.
    pub(crate) fn on_its_way(self) -> Self {
        self.lock().retain(|key, _| key.starts_with(HANDED));
        self
    }

    /// The bytes of a plan of which it is known by now whether it is a replacement.
    pub(crate) fn planned(&self, replaces: bool) -> Vec<u8> {
        let all = self.encode();
        if replaces { all } else { Self::decode(&all).kept().encode() }
    }

    /// The state that goes with it comes from an import and holds no more than the key.
    pub(crate) fn imported() -> Self {
        let mark = to_raw_value(&true).map(|mark| (IMPORTED.to_owned(), mark));
        Self(Mutex::new(mark.into_iter().collect()))
    }

    /// Whether the state comes from an import; forgotten thereby.
    pub(crate) fn take_imported(&self) -> bool {
        self.lock().remove(IMPORTED).is_some()
    }

    /// The state holds an object that does not exist yet, or now does.
    pub(crate) fn promise(&self, stands: bool) {
        match to_raw_value(&true) {
            Ok(mark) if stands => drop(self.lock().insert(PROMISED.to_owned(), mark)),
            _ => drop(self.lock().remove(PROMISED)),
        }
    }

    /// Whether the object does not exist yet.
    pub(crate) fn is_promised(&self) -> bool {
        self.lock().contains_key(PROMISED)
    }

    fn lock(&self) -> MutexGuard<'_, Map> {
        // Every change is a single insert or remove, so a panic elsewhere leaves nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn survives_the_wire() {
        let private = Private::default();
        assert!(private.encode().is_empty());
        private.set("fsid", "abc");
        private.set("started", 17_u64);
        let again = Private::decode(&private.encode());
        assert_eq!(again.get::<String>("fsid").as_deref(), Some("abc"));
        assert_eq!(again.get::<u64>("started"), Some(17));
        assert_eq!(again.get::<u64>("fsid"), None);
        again.remove("fsid");
        again.remove("started");
        assert!(again.encode().is_empty());
    }

    #[test]
    fn what_is_handed_on_goes_with_a_replacement_alone() {
        let private = Private::default();
        private.set("fsid", "abc");
        private.hand_on("word", 7_u64);
        assert_eq!((private.handed::<u64>("word"), private.get::<u64>("word")), (Some(7), None));
        let planned = |replaces: bool| Private::decode(&private.planned(replaces));
        assert_eq!((planned(false).handed::<u64>("word"), planned(true).handed::<u64>("word")), (None, Some(7)));
        assert_eq!(planned(false).get::<String>("fsid").as_deref(), Some("abc"));
        let removal = planned(true).on_its_way();
        assert_eq!((removal.handed::<u64>("word"), removal.get::<String>("fsid")), (Some(7), None));
        assert!(removal.kept().encode().is_empty());
    }

    #[test]
    fn foreign_bytes_are_no_obstacle() {
        assert!(Private::decode(b"\x00not json").encode().is_empty());
    }

    #[test]
    fn a_promise_stands_until_it_is_kept() {
        let private = Private::default();
        private.promise(true);
        let again = Private::decode(&private.encode()).kept();
        assert!(again.is_promised());
        again.promise(false);
        assert!(!again.is_promised() && again.encode().is_empty());
    }

    #[test]
    fn import_is_told_once() {
        let private = Private::decode(&Private::imported().encode());
        assert!(private.take_imported());
        assert!(!private.take_imported());
        assert!(private.encode().is_empty());
    }
}
