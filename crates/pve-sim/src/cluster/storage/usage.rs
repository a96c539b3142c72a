//! How full a storage is.

use super::Storage;
use crate::cluster::Cluster;
use crate::cluster::nodes::Node;

/// What a node says of a storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Whether it can be reached.
    pub active: bool,
    /// Bytes in all.
    pub total: u64,
    /// Bytes in use.
    pub used: u64,
    /// Bytes free.
    pub avail: u64,
}

/// What storages hold whose size nobody gave.
const LOCAL: u64 = 400 << 30;
const NETWORK: u64 = 2 << 40;

impl Cluster {
    /// How full a storage is on a node. Nothing is known where it is switched off or cannot be reached.
    pub fn usage(&self, storage: &Storage, node: &str) -> Usage {
        if !storage.enabled() || !storage.on(node) || self.activate(storage).is_err() {
            return Usage::default();
        }
        if storage.kind.name == "rbd" {
            return match self.rbd_usage(storage) {
                Some((used, avail)) => Usage { active: true, total: used + avail, used, avail },
                None => Usage::default(),
            };
        }
        let volumes = self.volumes(storage, node);
        let (total, used) = match storage.kind.name {
            // These tell nothing of it.
            "iscsi" | "iscsidirect" | "esxi" => (0, 0),
            "lvm" | "zfspool" => (LOCAL, volumes.iter().map(|(_, v)| v.size).sum()),
            "lvmthin" => (LOCAL, volumes.iter().map(|(_, v)| v.used).sum()),
            kind => {
                let files: u64 = volumes.iter().map(|(_, v)| v.used).sum();
                match kind {
                    "nfs" | "cifs" | "cephfs" | "pbs" | "zfs" => (NETWORK, files),
                    _ => (Node::ROOT_SIZE, Node::ROOT_USED + files),
                }
            }
        };
        let total = storage.size.unwrap_or(total);
        let used = used.min(total);
        Usage { active: true, total, used, avail: total - used }
    }
}
