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

    /// The state that goes with it comes from an import and holds no more than the key.
    pub(crate) fn imported() -> Self {
        let mark = to_raw_value(&true).map(|mark| (IMPORTED.to_owned(), mark));
        Self(Mutex::new(mark.into_iter().collect()))
    }

    /// Whether the state comes from an import; forgotten thereby.
    pub(crate) fn take_imported(&self) -> bool {
        self.lock().remove(IMPORTED).is_some()
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
    fn foreign_bytes_are_no_obstacle() {
        assert!(Private::decode(b"\x00not json").encode().is_empty());
    }

    #[test]
    fn import_is_told_once() {
        let private = Private::decode(&Private::imported().encode());
        assert!(private.take_imported());
        assert!(!private.take_imported());
        assert!(private.encode().is_empty());
    }
}
