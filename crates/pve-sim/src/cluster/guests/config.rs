//! A guest's configuration file: values, pending changes, digest, and which changes a running guest takes at once.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sha1::{Digest, Sha1};

use super::drive::{Drive, DriveKey};
use super::snapshots::Snapshot;

/// Options that come back as JSON numbers; all others come back as strings (`memory` among them).
const NUMERIC: [&str; 23] = [
    "acpi",
    "allow-ksm",
    "autostart",
    "balloon",
    "ciupgrade",
    "cores",
    "cpuunits",
    "freeze",
    "keephugepages",
    "kvm",
    "localtime",
    "migrate_speed",
    "numa",
    "onboot",
    "protection",
    "reboot",
    "shares",
    "smp",
    "sockets",
    "tablet",
    "tdf",
    "template",
    "vcpus",
];

/// One guest's configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// What is in force.
    pub values: BTreeMap<String, String>,
    /// What comes into force when the guest is stopped and started.
    pub pending: BTreeMap<String, String>,
    /// What goes away then; `true` when the volume is to be freed as well.
    pub pending_delete: BTreeMap<String, bool>,
    /// What it was like when it was snapshotted, by name.
    pub snapshots: BTreeMap<String, Snapshot>,
}

impl Config {
    /// A value in force.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str)
    }

    /// The lock, if it is locked.
    pub fn lock(&self) -> Option<&str> {
        self.get("lock")
    }

    /// The drive of that name, as it is in force.
    pub fn drive(&self, key: &DriveKey) -> Option<Drive> {
        self.get(key.as_str()).and_then(Drive::parse)
    }

    /// Every drive in force, detached volumes included, by name.
    pub fn drives(&self) -> impl Iterator<Item = (DriveKey, Drive)> + '_ {
        self.values.iter().filter_map(|(key, text)| Some((DriveKey::parse(key)?, Drive::parse(text)?)))
    }

    /// Names the volume as detached under the lowest free number, unless it is named so already.
    pub fn add_unused(&mut self, volume: &str) -> DriveKey {
        if let Some((key, _)) = self.drives().find(|(key, drive)| key.is_unused() && drive.volume == volume) {
            return key;
        }
        let free = (0..).map(DriveKey::unused).find(|key| !self.values.contains_key(key.as_str()));
        let key = free.unwrap_or_else(|| DriveKey::unused(0));
        self.values.insert(key.as_str().to_owned(), volume.to_owned());
        key
    }

    /// What is in force and what is pending, as `GET config` shows it.
    pub fn with_pending(&self) -> BTreeMap<String, String> {
        let mut values = self.values.clone();
        values.retain(|key, _| !self.pending_delete.contains_key(key));
        values.extend(self.pending.clone());
        values
    }

    /// Sets a value: at once, or pending when the guest runs and does not take it.
    pub fn set(&mut self, key: &str, value: String, running: bool) {
        self.pending_delete.remove(key);
        if !running || self.takes_live(key, Some(&value)) {
            self.pending.remove(key);
            self.values.insert(key.to_owned(), value);
        } else if self.get(key) == Some(value.as_str()) {
            self.pending.remove(key);
        } else {
            self.pending.insert(key.to_owned(), value);
        }
    }

    /// Takes a value away, likewise. Whether there was one in force.
    pub fn unset(&mut self, key: &str, force: bool, running: bool) -> bool {
        self.pending.remove(key);
        if !running || self.takes_live(key, None) {
            return self.values.remove(key).is_some();
        }
        let there = self.values.contains_key(key);
        if there {
            self.pending_delete.insert(key.to_owned(), force);
        }
        there
    }

    /// Drops what is pending for `key`.
    pub fn revert(&mut self, key: &str) {
        self.pending.remove(key);
        self.pending_delete.remove(key);
    }

    /// Brings what is pending into force, as a stop does. What went away, with its value.
    pub fn apply_pending(&mut self) -> Vec<(String, String, bool)> {
        let mut gone = Vec::new();
        for (key, force) in std::mem::take(&mut self.pending_delete) {
            if let Some(value) = self.values.remove(&key) {
                gone.push((key, value, force));
            }
        }
        self.values.append(&mut self.pending);
        gone
    }

    /// What became of keys in the middle of a change that failed: it waits. What was there before is in force again.
    // Belief: pve-behaviour 3, 1.9: each key is noted as pending, and all are applied at the end.
    pub fn fall_back(&mut self, before: &Self) {
        let keys: Vec<String> = self.values.keys().chain(before.values.keys()).cloned().collect();
        for key in keys {
            match (self.values.get(&key), before.values.get(&key)) {
                (now, then) if now == then => {}
                (Some(now), then) => {
                    let now = now.clone();
                    match then {
                        Some(then) => self.values.insert(key.clone(), then.clone()),
                        None => self.values.remove(&key),
                    };
                    // A volume that became unused stays so.
                    match key.starts_with("unused") {
                        true => self.values.insert(key, now),
                        false => self.pending.insert(key, now),
                    };
                }
                (None, Some(then)) => {
                    self.values.insert(key.clone(), then.clone());
                    self.pending_delete.insert(key, false);
                }
                (None, None) => {}
            }
        }
    }

    /// The SHA-1 of the file, in hex.
    pub fn digest(&self) -> String {
        let mut file = String::new();
        for (key, value) in &self.values {
            file.push_str(&format!("{key}: {value}\n"));
        }
        for (key, value) in &self.pending {
            file.push_str(&format!("[PENDING] {key}: {value}\n"));
        }
        for (key, force) in &self.pending_delete {
            file.push_str(&format!("[PENDING] delete: {key} {force}\n"));
        }
        for (name, snapshot) in &self.snapshots {
            file.push_str(&format!("[{name}]\n"));
            for (key, value) in snapshot.section() {
                file.push_str(&format!("{key}: {value}\n"));
            }
        }
        hex::encode(Sha1::digest(file))
    }

    /// A value as PVE types it in JSON. Passwords are masked.
    pub fn to_json(key: &str, value: &str) -> Value {
        if key == "cipassword" {
            return json!("**********");
        }
        match value.parse::<i64>() {
            Ok(number) if NUMERIC.contains(&key) => json!(number),
            _ => json!(value),
        }
    }
}

/// Tags as PVE stores them: separated by `;`, sorted, lower case, each once.
pub fn normalise_tags(text: &str) -> String {
    let split = |c: char| matches!(c, ',' | ';' | '\0') || c.is_whitespace();
    let tags: std::collections::BTreeSet<String> =
        text.split(split).filter(|t| !t.is_empty()).map(str::to_lowercase).collect();
    tags.into_iter().collect::<Vec<_>>().join(";")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(values: &[(&str, &str)]) -> Config {
        let values = values.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Config { values, ..Config::default() }
    }

    #[test]
    fn memory_waits_for_a_stop_and_the_description_does_not() {
        let mut c = config(&[("memory", "64")]);
        c.set("memory", "96".into(), true);
        c.set("description", "live".into(), true);
        assert_eq!((c.get("memory"), c.get("description")), (Some("64"), Some("live")));
        assert_eq!(c.with_pending()["memory"], "96");
        c.apply_pending();
        assert_eq!((c.get("memory"), c.pending.is_empty()), (Some("96"), true));
    }

    #[test]
    fn a_pending_change_back_to_the_old_value_vanishes() {
        let mut c = config(&[("memory", "64")]);
        c.set("memory", "96".into(), true);
        c.set("memory", "64".into(), true);
        assert!(c.pending.is_empty());
    }

    #[test]
    fn a_pending_removal_hides_the_value_and_is_carried_out_at_the_stop() {
        let mut c = config(&[("memory", "64"), ("ide0", "a:1")]);
        assert!(c.unset("memory", false, true));
        assert!(!c.with_pending().contains_key("memory"));
        assert_eq!(c.apply_pending(), [("memory".to_owned(), "64".to_owned(), false)]);
        assert_eq!(c.get("memory"), None);
    }

    #[test]
    fn detached_volumes_take_the_lowest_free_number_once() {
        let mut c = config(&[("unused0", "a:x")]);
        assert_eq!(c.add_unused("a:y").as_str(), "unused1");
        assert_eq!(c.add_unused("a:y").as_str(), "unused1");
    }

    #[test]
    fn the_digest_follows_every_change_and_back() {
        let mut c = config(&[("cores", "1")]);
        let before = c.digest();
        c.set("cores", "2".into(), true);
        assert_ne!(c.digest(), before);
        c.revert("cores");
        assert_eq!(c.digest(), before);
    }

    #[test]
    fn numbers_are_numbers_where_pve_has_them_so() {
        assert_eq!(Config::to_json("cores", "2"), json!(2));
        assert_eq!(Config::to_json("memory", "2048"), json!("2048"));
        assert_eq!(Config::to_json("cipassword", "x"), json!("**********"));
    }

    #[test]
    fn tags_are_sorted_and_lower_case() {
        assert_eq!(normalise_tags("web;Prod,db web"), "db;prod;web");
    }
}
