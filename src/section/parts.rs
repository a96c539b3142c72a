//! What objects of several areas have in common.

use std::collections::BTreeSet;

use terraform_plugin::Nested;
use terraform_plugin::value::Value;

use super::Spelling;

/// How fast PVE may copy, in KiB a second.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
#[model(at_least_one(clone, default, migration, move_disk, restore))]
pub struct Bandwidth {
    /// Cloning of guests.
    #[attr(optional)]
    pub clone: Option<u64>,
    /// Whatever is not named here.
    #[attr(optional)]
    pub default: Option<u64>,
    /// Migration of guests with their disks.
    #[attr(optional)]
    pub migration: Option<u64>,
    /// Moving of disks.
    #[attr(optional, api = "move")]
    pub move_disk: Option<u64>,
    /// Restoring from backups.
    #[attr(optional)]
    pub restore: Option<u64>,
}

/// Words with semicolons between them, which PVE shows so or as a list; `none` for none.
pub const WORDS: Spelling = Spelling {
    texts: |value| match value {
        Value::List(words) => vec![words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(";")],
        _ => Vec::new(),
    },
    value: |json| {
        let texts = json.as_array().map_or(std::slice::from_ref(json), Vec::as_slice);
        let words = texts.iter().filter_map(|text| text.as_str()).flat_map(|text| text.split(';'));
        let words: BTreeSet<&str> = words.filter(|word| !["", "none"].contains(word)).collect();
        Ok(if words.is_empty() { Value::Null } else { Value::List(words.into_iter().map(Value::string).collect()) })
    },
};
