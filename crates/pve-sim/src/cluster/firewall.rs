//! The firewall's rules, options and security groups. Nothing enforces them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::sections::Entry;

/// Rules and options by place (`cluster`, `node/pve1`, `guest/101`, `group/web`), and the security groups.
#[derive(Debug, Default)]
pub struct Firewall {
    /// The lists that are not empty.
    pub rules: BTreeMap<String, Vec<Entry>>,
    /// What is set of the options, where something is.
    pub options: BTreeMap<String, Entry>,
    /// The groups, with their comments.
    pub groups: BTreeMap<String, Option<String>>,
}

impl Firewall {
    /// The guest is gone, and its file with it.
    pub fn forget_guest(&mut self, vmid: u32) {
        self.rules.remove(&format!("guest/{vmid}"));
        self.options.remove(&format!("guest/{vmid}"));
    }

    pub(super) fn canonical(&self) -> Value {
        json!({ "rules": self.rules, "options": self.options, "groups": self.groups })
    }
}
