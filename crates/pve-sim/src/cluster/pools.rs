//! Resource pools (`user.cfg`): guests and storages that share permissions.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

/// A resource pool.
#[derive(Debug, Clone, Default)]
pub struct Pool {
    /// Comment.
    pub comment: Option<String>,
    /// Guests. PVE takes numbers that no guest has.
    pub vms: BTreeSet<u32>,
    /// Storages.
    pub storages: BTreeSet<String>,
}

/// All resource pools by id; `a/b` is a pool inside `a`.
#[derive(Debug, Default)]
pub struct Pools {
    /// By id.
    pub all: BTreeMap<String, Pool>,
}

impl Pools {
    /// The pool that a guest belongs to: it is in one at most.
    pub fn of_vm(&self, vmid: u32) -> Option<&str> {
        self.all.iter().find(|(_, pool)| pool.vms.contains(&vmid)).map(|(id, _)| id.as_str())
    }

    /// The pool that a storage belongs to.
    pub fn of_storage(&self, storage: &str) -> Option<&str> {
        self.all.iter().find(|(_, pool)| pool.storages.contains(storage)).map(|(id, _)| id.as_str())
    }

    /// Puts a new guest into a pool; nothing happens if the pool does not exist.
    pub fn add_vm(&mut self, pool: &str, vmid: u32) {
        if let Some(pool) = self.all.get_mut(pool) {
            pool.vms.insert(vmid);
        }
    }

    /// The guest is gone, and with it its membership.
    pub fn forget_vm(&mut self, vmid: u32) {
        for pool in self.all.values_mut() {
            pool.vms.remove(&vmid);
        }
    }

    pub(super) fn canonical(&self) -> Value {
        let one = |(id, pool): (&String, &Pool)| {
            (id.clone(), json!({ "comment": pool.comment, "vms": pool.vms, "storages": pool.storages }))
        };
        self.all.iter().map(one).collect()
    }
}
