//! `datacenter.cfg`: the options under `/cluster/options`, as they were given.

use std::collections::BTreeMap;

use serde_json::Value;

/// Options by name; values are texts, property strings included.
#[derive(Debug, Default)]
pub struct Options {
    /// What was set.
    pub set: BTreeMap<String, String>,
}

impl Options {
    /// The range that `/cluster/nextid` draws from, from option `next-id`.
    pub fn next_id_range(&self) -> std::ops::Range<u32> {
        let text = self.set.get("next-id").map(String::as_str).unwrap_or_default();
        let bound = |key: &str| {
            let values = text.split(',').filter_map(|part| part.strip_prefix(key)?.strip_prefix('='));
            values.filter_map(|value| value.parse().ok()).next()
        };
        bound("lower").unwrap_or(100)..bound("upper").unwrap_or(1_000_000)
    }

    pub(super) fn canonical(&self) -> Value {
        self.set.iter().map(|(key, value)| (key.clone(), Value::from(value.clone()))).collect()
    }
}
