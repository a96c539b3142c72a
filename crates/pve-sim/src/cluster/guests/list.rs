//! Virtual machines: which exist, where, and their configuration.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::shape::Shape;

/// A virtual machine.
#[derive(Debug, Clone)]
pub struct Guest {
    /// The node its configuration lies on.
    pub node: String,
    /// Whether it runs.
    pub running: bool,
    /// Its configuration, as `qm config` shows it.
    pub config: BTreeMap<String, String>,
}

/// All virtual machines by number.
#[derive(Debug, Default)]
pub struct Guests {
    /// By vmid.
    pub all: BTreeMap<u32, Guest>,
}

impl Guests {
    pub(crate) fn new(shape: &Shape) -> Self {
        let guest = |shape: &crate::shape::GuestShape| {
            let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let mut config: BTreeMap<_, _> = shape.config.iter().map(|(k, v)| (k.clone(), text(v))).collect();
            if let Some(name) = &shape.name {
                config.insert("name".to_owned(), name.clone());
            }
            (shape.vmid, Guest { node: shape.node.clone(), running: shape.running, config })
        };
        Guests { all: shape.guests.iter().map(guest).collect() }
    }

    pub(crate) fn canonical(&self) -> Value {
        let one = |(vmid, guest): (&u32, &Guest)| {
            let value = json!({ "node": guest.node, "running": guest.running, "config": guest.config });
            (vmid.to_string(), value)
        };
        self.all.iter().map(one).collect()
    }
}
