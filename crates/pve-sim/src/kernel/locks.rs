//! PVE's locks: a virtual machine's, a file's in the cluster file system, a node's disks.
//!
//! A task names the lock as a step of its own ([`super::tasks::Steps::lock`]) and holds it until it ends. A handler that
//! writes at once asks with [`super::call::Call::lock`]: it holds nothing (it is over in the same instant), but waits
//! its turn as PVE would.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// How long PVE tries before it gives up, for all three kinds.
pub const LOCK_WAIT: Duration = Duration::from_secs(10);

/// What can be locked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lock {
    /// A virtual machine's lock file.
    Vm(u32),
    /// A container's.
    Ct(u32),
    /// A name in the cluster file system, as PVE writes it: `file-storage_cfg`, `domain-ha`. Needs quorum.
    Cfs(String),
    /// The lock around changes to a node's disks.
    Disks(String),
}

impl Lock {
    /// The cluster file system's lock of a file: `storage.cfg` is locked as `file-storage_cfg`.
    pub fn file(name: &str) -> Lock {
        Lock::Cfs(format!("file-{}", name.replace(['.', '/'], "_")))
    }

    /// The cluster file system's lock of a domain, such as `ha`.
    pub fn domain(name: &str) -> Lock {
        Lock::Cfs(format!("domain-{name}"))
    }

    /// What it is called in the record of what went on at once.
    pub(crate) fn name(&self) -> String {
        match self {
            Lock::Vm(vmid) => format!("vm-{vmid}"),
            Lock::Ct(vmid) => format!("ct-{vmid}"),
            Lock::Cfs(name) => name.clone(),
            Lock::Disks(node) => format!("disks-{node}"),
        }
    }

    /// What PVE says when somebody else held the lock all the time.
    pub fn timeout_text(&self) -> String {
        match self {
            Lock::Vm(vmid) => format!("can't lock file '/var/lock/qemu-server/lock-{vmid}.conf' - got timeout"),
            Lock::Ct(vmid) => format!("can't lock file '/run/lock/lxc/pve-config-{vmid}.lock' - got timeout"),
            Lock::Cfs(name) => format!("cfs-lock '{name}' error: got lock request timeout"),
            Lock::Disks(_) => "can't lock file '/run/lock/pve-diskmanage.lck' - got timeout".to_owned(),
        }
    }

    /// What PVE says when the lock lives in the cluster file system and there was no quorum all the time.
    pub fn no_quorum_text(&self) -> Option<String> {
        match self {
            Lock::Cfs(name) => Some(format!("cfs-lock '{name}' error: no quorum!")),
            Lock::Vm(_) | Lock::Ct(_) | Lock::Disks(_) => None,
        }
    }
}

/// Who holds what. Holders and those who wait are tasks, by number.
#[derive(Debug, Default)]
pub struct Locks {
    held: BTreeMap<Lock, u64>,
    waiting: BTreeMap<Lock, VecDeque<u64>>,
    /// Set by each release, so that handlers that wait look again.
    pub(crate) released: bool,
}

impl Locks {
    /// Whether a task holds this lock.
    pub fn is_held(&self, lock: &Lock) -> bool {
        self.held.contains_key(lock)
    }

    /// Takes the lock for a task, if it is free and nobody came earlier; else the task is queued.
    pub(crate) fn take(&mut self, lock: &Lock, task: u64) -> bool {
        if self.held.get(lock) == Some(&task) {
            return true;
        }
        let queue = self.waiting.entry(lock.clone()).or_default();
        let first = queue.front().is_none_or(|first| *first == task);
        if first && !self.held.contains_key(lock) {
            queue.pop_front();
            self.held.insert(lock.clone(), task);
            return true;
        }
        if !queue.contains(&task) {
            queue.push_back(task);
        }
        false
    }

    /// Takes the task out of a queue it waits in.
    pub(crate) fn give_up(&mut self, lock: &Lock, task: u64) {
        if let Some(queue) = self.waiting.get_mut(lock) {
            queue.retain(|waiting| *waiting != task);
        }
        self.released = true;
    }

    /// Releases one lock of a task; who waits first is returned.
    pub(crate) fn release(&mut self, lock: &Lock, task: u64) -> Option<u64> {
        if self.held.get(lock) != Some(&task) {
            return None;
        }
        self.held.remove(lock);
        self.released = true;
        self.waiting.get(lock).and_then(|queue| queue.front().copied())
    }

    /// Every lock a task holds or waits for.
    pub(crate) fn of_task(&self, task: u64) -> Vec<Lock> {
        let held = self.held.iter().filter(|(_, holder)| **holder == task).map(|(lock, _)| lock);
        let waiting = self.waiting.iter().filter(|(_, queue)| queue.contains(&task)).map(|(lock, _)| lock);
        held.chain(waiting).cloned().collect()
    }
}
