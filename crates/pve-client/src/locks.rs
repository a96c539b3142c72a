//! Writes that share a lock in PVE queue here, in order, so that they do not fight for it there.

use std::collections::HashMap;
use std::sync::{Arc, Mutex as StdMutex};

use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio_util::sync::CancellationToken;

use crate::Error;

/// What PVE lets only one write at a time do.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Lock {
    /// The guest with this vmid.
    Vm(u32),
    /// The disks of a node.
    NodeDisks(String),
    /// The whole way of a disk of a node into use (looked at, erased, given away), one disk at a time: what was looked at
    /// is then still true. For [`crate::Client::begin_write`]: the steps within take [`Lock::NodeDisks`] for themselves.
    DiskUse(String),
    /// A node's own settings and its network.
    Node(String),
    /// The snapshots of the guest with this vmid, one at a time from the look at what is there to the end of the task. For
    /// [`crate::Client::begin_write`]: the steps within take [`Lock::Vm`] for themselves.
    Snapshots(u32),
    /// The backups of a node: PVE takes one at a time.
    Backup(String),
    /// The HA manager's configuration.
    Ha,
    /// A configuration file of the cluster, such as `storage.cfg`.
    File(&'static str),
    /// Ceph's monitors, managers, metadata servers and configuration file, which PVE rewrites as a whole and not always under
    /// its lock.
    CephMon,
    /// The whole way of a daemon of Ceph into the cluster or out of it, one at a time: what was looked at is then still true.
    /// For [`crate::Client::begin_write`]: the steps within take [`Lock::CephMon`] for themselves.
    CephDaemon,
    /// Ceph's pools.
    CephPool,
    /// The whole way of a file system of Ceph into being or out of it, one at a time. For [`crate::Client::begin_write`]: the
    /// steps within take [`Lock::CephPool`] for themselves.
    CephFilesystem,
    /// Ceph's OSDs, in the whole cluster.
    CephOsd,
    /// The whole way of an OSD out of the cluster (out, drained, stopped, destroyed), one OSD at a time. For
    /// [`crate::Client::begin_write`]: the steps within take [`Lock::CephOsd`] for themselves.
    OsdRemoval,
    /// What is put on storages or taken off, as told: a file, or all that is sent there.
    Content(String),
    /// Ceph's CRUSH map.
    Crush,
    /// Ceph's configuration database.
    CephConfig,
}

/// The queues.
#[derive(Default)]
pub(crate) struct Locks {
    queues: StdMutex<HashMap<Lock, Arc<Mutex<()>>>>,
}

/// The place at the head of a queue; the next in the queue follows when it is dropped.
pub(crate) type Slot = OwnedMutexGuard<()>;

impl Locks {
    /// Waits for the head of the queue. Tokio's mutex is fair, so the order of arrival is the order of service.
    pub(crate) async fn acquire(&self, lock: Lock, stop: &CancellationToken) -> Result<Slot, Error> {
        let queue = {
            let mut queues = self.queues.lock().unwrap_or_else(|broken| broken.into_inner());
            queues.entry(lock).or_default().clone()
        };
        tokio::select! {
            biased;
            () = stop.cancelled() => Err(Error::Stopped { upid: None }),
            slot = queue.lock_owned() => Ok(slot),
        }
    }
}
