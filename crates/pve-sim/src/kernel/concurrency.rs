//! What went on at the same time: requests in flight at each node, and writes that take the same lock.
//!
//! A client that queues its writes never has two under way for one lock, whatever order they end in; that two competed
//! for it cannot be seen from their answers, since PVE lets the second one wait. A write is under way from its arrival
//! until it is answered and the tasks that it began have ended.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::locks::Lock;

/// So many overlaps are told one by one.
const TOLD: usize = 20;

/// The record behind `GET /concurrency`.
#[derive(Debug, Default)]
pub(crate) struct Concurrency {
    /// Counts arrivals and ends: a clock that never shows the same time twice.
    moment: u64,
    nodes: BTreeMap<String, InFlight>,
    writes: BTreeMap<u64, Write>,
    /// The write that began a task, by the task's number.
    tasks: BTreeMap<u64, u64>,
    /// The storages that tasks write to, and how many at once.
    storages: BTreeMap<String, InFlight>,
    /// Which task writes to which.
    working: BTreeSet<(u64, String)>,
    /// The write whose handler runs at this moment.
    current: Option<u64>,
}

#[derive(Debug, Default)]
struct InFlight {
    now: usize,
    most: usize,
}

#[derive(Debug)]
struct Write {
    /// Verb and path.
    what: String,
    begun: u64,
    ended: Option<u64>,
    /// The request itself and its tasks, as long as they are under way.
    open: usize,
    locks: BTreeSet<String>,
}

impl Write {
    fn overlaps(&self, later: &Write) -> bool {
        self.ended.is_none_or(|ended| ended > later.begun)
    }
}

impl Concurrency {
    /// A request arrives at a node; what is returned names it if it may write.
    pub(crate) fn arrives(&mut self, node: &str, method: &str, path: &str) -> Option<u64> {
        let flight = self.nodes.entry(node.to_owned()).or_default();
        flight.now += 1;
        flight.most = flight.most.max(flight.now);
        if method == "GET" {
            return None;
        }
        let begun = self.tick();
        let what = format!("{method} {path}");
        self.writes.insert(begun, Write { what, begun, ended: None, open: 1, locks: BTreeSet::new() });
        Some(begun)
    }

    /// It is answered, or never will be.
    pub(crate) fn leaves(&mut self, node: &str, write: Option<u64>) {
        if let Some(flight) = self.nodes.get_mut(node) {
            flight.now = flight.now.saturating_sub(1);
        }
        if let Some(write) = write {
            self.close(write);
        }
    }

    /// The handler of a write begins (or is over: none). Locks and tasks are this write's from now on.
    pub(crate) fn handles(&mut self, write: Option<u64>) {
        self.current = write;
    }

    /// The handler takes a lock, or waits for it.
    pub(crate) fn takes(&mut self, lock: &Lock) {
        self.note(self.current, lock.name());
    }

    /// A task begins.
    pub(crate) fn task_begins(&mut self, task: u64, kind: &str) {
        let Some(write) = self.current else { return };
        if let Some(open) = self.writes.get_mut(&write) {
            open.open += 1;
            self.tasks.insert(task, write);
            if let Some(name) = one_at_a_time(kind) {
                self.note(Some(write), name.to_owned());
            }
        }
    }

    /// A task takes a lock, or waits for it.
    pub(crate) fn task_takes(&mut self, task: u64, lock: &Lock) {
        self.note(self.tasks.get(&task).copied(), lock.name());
    }

    /// A task writes to a storage until it ends.
    pub(crate) fn works_on(&mut self, task: u64, storage: &str) {
        if self.working.insert((task, storage.to_owned())) {
            let flight = self.storages.entry(storage.to_owned()).or_default();
            flight.now += 1;
            flight.most = flight.most.max(flight.now);
        }
    }

    /// A task has ended.
    pub(crate) fn task_ends(&mut self, task: u64) {
        let of_task = self.working.extract_if((task, String::new()).., |(other, _)| *other == task);
        for (_, storage) in of_task.collect::<Vec<_>>() {
            if let Some(flight) = self.storages.get_mut(&storage) {
                flight.now = flight.now.saturating_sub(1);
            }
        }
        if let Some(write) = self.tasks.remove(&task) {
            self.close(write);
        }
    }

    /// Begins the record anew; what is under way stays.
    pub(crate) fn clear(&mut self) {
        self.writes.retain(|_, write| write.ended.is_none());
        for flight in self.nodes.values_mut().chain(self.storages.values_mut()) {
            flight.most = flight.now;
        }
    }

    /// The most that went on at once: requests by node, writes by lock; and which writes met.
    pub(crate) fn told(&self) -> Value {
        let in_flight: BTreeMap<&str, usize> = self.nodes.iter().map(|(node, f)| (node.as_str(), f.most)).collect();
        let mut by_lock: BTreeMap<&str, Vec<&Write>> = BTreeMap::new();
        for write in self.writes.values() {
            for lock in &write.locks {
                by_lock.entry(lock).or_default().push(write);
            }
        }
        let mut at_once = BTreeMap::new();
        let mut overlaps = Vec::new();
        for (lock, writes) in by_lock {
            let mut most = 0;
            let mut under_way: Vec<&Write> = Vec::new();
            // In the order of their arrival, as the map has them.
            for write in writes {
                under_way.retain(|earlier| earlier.overlaps(write));
                let room = TOLD.saturating_sub(overlaps.len());
                for earlier in under_way.iter().take(room) {
                    overlaps.push(json!({ "lock": lock, "first": earlier.what, "second": write.what }));
                }
                under_way.push(write);
                most = most.max(under_way.len());
            }
            at_once.insert(lock, most);
        }
        let storages: BTreeMap<&str, usize> = self.storages.iter().map(|(id, f)| (id.as_str(), f.most)).collect();
        json!({ "in_flight": in_flight, "storages": storages, "at_once": at_once, "overlaps": overlaps })
    }

    fn tick(&mut self) -> u64 {
        self.moment += 1;
        self.moment
    }

    fn note(&mut self, write: Option<u64>, lock: String) {
        if let Some(write) = write.and_then(|write| self.writes.get_mut(&write)) {
            write.locks.insert(lock);
        }
    }

    fn close(&mut self, write: u64) {
        let now = self.tick();
        if let Some(write) = self.writes.get_mut(&write) {
            write.open -= 1;
            if write.open == 0 {
                write.ended = Some(now);
            }
        }
    }
}

/// What PVE has no lock for and Ceph still does one after the other, by the type of the task.
fn one_at_a_time(kind: &str) -> Option<&'static str> {
    match kind {
        "cephcreatepool" | "cephsetpool" | "cephdestroypool" => Some("ceph-pools"),
        "cephcreatemon" | "cephdestroymon" | "cephcreatemgr" | "cephdestroymgr" => Some("ceph-monitors"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(record: &mut Concurrency, path: &str, lock: Lock) -> Option<u64> {
        let write = record.arrives("pve1", "POST", path);
        record.handles(write);
        record.takes(&lock);
        record.handles(None);
        write
    }

    #[test]
    fn requests_in_flight_are_counted_by_node() {
        let mut record = Concurrency::default();
        for node in ["pve1", "pve1", "pve2"] {
            record.arrives(node, "GET", "/x");
        }
        record.leaves("pve1", None);
        record.arrives("pve1", "GET", "/x");
        assert_eq!(record.told()["in_flight"], json!({ "pve1": 2, "pve2": 1 }));
        record.leaves("pve1", None);
        record.clear();
        assert_eq!(record.told()["in_flight"], json!({ "pve1": 1, "pve2": 1 }));
    }

    #[test]
    fn writes_in_a_queue_do_not_meet_and_others_do() {
        let mut record = Concurrency::default();
        let first = write(&mut record, "/one", Lock::domain("ha"));
        record.leaves("pve1", first);
        let second = write(&mut record, "/two", Lock::domain("ha"));
        let elsewhere = write(&mut record, "/else", Lock::Vm(100));
        assert_eq!(record.told()["at_once"], json!({ "domain-ha": 1, "vm-100": 1 }));
        let third = write(&mut record, "/three", Lock::domain("ha"));
        for done in [third, second, elsewhere] {
            record.leaves("pve1", done);
        }
        assert_eq!(record.told()["at_once"]["domain-ha"], 2);
        assert_eq!(
            record.told()["overlaps"],
            json!([{ "lock": "domain-ha", "first": "POST /two", "second": "POST /three" }])
        );
        record.clear();
        assert_eq!(record.told()["at_once"], json!({}));
    }

    #[test]
    fn a_write_lasts_until_its_task_has_ended() {
        let mut record = Concurrency::default();
        let first = record.arrives("pve1", "POST", "/pool");
        record.handles(first);
        record.task_begins(7, "cephcreatepool");
        record.handles(None);
        record.leaves("pve1", first);
        let second = record.arrives("pve1", "PUT", "/pool");
        record.handles(second);
        record.task_begins(8, "cephsetpool");
        record.task_takes(8, &Lock::Disks("pve1".to_owned()));
        record.handles(None);
        assert_eq!(record.told()["at_once"], json!({ "ceph-pools": 2, "disks-pve1": 1 }));
        record.leaves("pve1", second);
        record.task_ends(7);
        record.task_ends(8);
        let third = record.arrives("pve1", "DELETE", "/pool");
        record.handles(third);
        record.task_begins(9, "cephdestroypool");
        assert_eq!(record.told()["at_once"]["ceph-pools"], 2);
        assert_eq!(record.told()["overlaps"].as_array().map(Vec::len), Some(1));
        // Nobody's task, such as HA's own.
        record.handles(None);
        record.task_begins(10, "qmstart");
        record.task_takes(10, &Lock::Vm(100));
        assert_eq!(record.told()["at_once"].get("vm-100"), None);
    }
}
