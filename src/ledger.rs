//! What this process has planned so far.
//!
//! Terraform shows a provider one object at a time; siblings planned in the same process are known from
//! here only. Another provider alias is another process and the order is arbitrary, so **absence from the
//! ledger is never evidence**: it may turn an error into silence, never silence into an error.
//! Begun anew at each configuration of the provider.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::ceph::placement::{Member, Rule};

/// Who says where a disk of a guest lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskOwner {
    /// `storage` is set on the disk in `pve_vm`.
    Vm,
    /// A `pve_vm_disk_move` names the disk.
    DiskMove,
}

/// What was planned, by kind of object.
#[derive(Debug, Default)]
pub struct Ledger(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    osds: BTreeMap<String, Member>,
    rules: BTreeMap<String, Rule>,
    disks: BTreeMap<(u32, String), Vec<(DiskOwner, String)>>,
    vmids: BTreeSet<u32>,
    begun: BTreeSet<(&'static str, String)>,
}

impl Ledger {
    /// Notes an OSD that is going to be made. `device` tells it from others (`pve1 /dev/sdb`).
    pub fn plan_osd(&self, device: String, member: Member) {
        self.entries().osds.insert(device, member);
    }

    /// The OSD has been made: it counts among those that exist from now on.
    pub fn made_osd(&self, device: &str) {
        self.entries().osds.remove(device);
    }

    /// OSDs that are going to be made, beyond those that exist.
    pub fn osds(&self) -> Vec<Member> {
        self.entries().osds.values().cloned().collect()
    }

    /// Notes what a CRUSH rule is going to be.
    pub fn plan_rule(&self, rule: Rule) {
        self.entries().rules.insert(rule.name.clone(), rule);
    }

    /// What rules are going to be, by name.
    pub fn rules(&self) -> BTreeMap<String, Rule> {
        self.entries().rules.clone()
    }

    /// Notes that `owner` wants the disk on `storage`; answers what another owner wants instead, if it differs.
    pub fn plan_disk(&self, vmid: u32, disk: &str, owner: DiskOwner, storage: &str) -> Option<(DiskOwner, String)> {
        let mut entries = self.entries();
        let wishes = entries.disks.entry((vmid, disk.to_owned())).or_default();
        let other = wishes.iter().find(|(who, what)| *who != owner && what != storage).cloned();
        wishes.retain(|(who, _)| *who != owner);
        wishes.push((owner, storage.to_owned()));
        other
    }

    /// Notes that a guest's number is spoken for in this process.
    pub fn take_vmid(&self, vmid: u32) {
        self.entries().vmids.insert(vmid);
    }

    /// Notes that a task of this type about this object is about to be begun; whether that was so before.
    pub fn begin(&self, kind: &'static str, object: String) -> bool {
        !self.entries().begun.insert((kind, object))
    }

    /// Takes the first number from `first` on that is neither `taken` nor spoken for in this process.
    pub fn reserve_vmid(&self, first: u32, taken: impl Fn(u32) -> bool) -> u32 {
        let mut entries = self.entries();
        let free = (first..).find(|vmid| !entries.vmids.contains(vmid) && !taken(*vmid)).unwrap_or(first);
        entries.vmids.insert(free);
        free
    }

    /// Whether a guest's number is spoken for in this process.
    pub fn knows_vmid(&self, vmid: u32) -> bool {
        self.entries().vmids.contains(&vmid)
    }

    /// Entries are whole after each call, so a panic elsewhere leaves nothing half-written behind.
    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_owners_of_a_disk_are_noticed_whichever_comes_first() {
        let ledger = Ledger::default();
        assert_eq!(ledger.plan_disk(101, "scsi0", DiskOwner::Vm, "local-lvm"), None);
        assert_eq!(
            ledger.plan_disk(101, "scsi0", DiskOwner::DiskMove, "vm"),
            Some((DiskOwner::Vm, "local-lvm".to_owned()))
        );
        assert_eq!(ledger.plan_disk(101, "scsi1", DiskOwner::DiskMove, "vm"), None);
    }

    #[test]
    fn an_osd_counts_as_planned_once_and_until_it_exists() {
        let ledger = Ledger::default();
        let member = Member { osd: None, host: "pve1".into(), device_class: None, above: BTreeMap::new() };
        ledger.plan_osd("pve1 /dev/sdb".into(), member.clone());
        ledger.plan_osd("pve1 /dev/sdb".into(), member.clone());
        ledger.plan_osd("pve1 /dev/sdc".into(), member.clone());
        assert_eq!(ledger.osds().len(), 2);
        ledger.made_osd("pve1 /dev/sdb");
        assert_eq!(ledger.osds(), [member]);
    }

    #[test]
    fn owners_that_agree_are_left_alone() {
        let ledger = Ledger::default();
        assert_eq!(ledger.plan_disk(101, "scsi0", DiskOwner::DiskMove, "vm"), None);
        assert_eq!(ledger.plan_disk(101, "scsi0", DiskOwner::Vm, "vm"), None);
    }

    #[test]
    fn numbers_are_given_away_once() {
        let ledger = Ledger::default();
        ledger.take_vmid(101);
        assert_eq!(ledger.reserve_vmid(100, |vmid| vmid == 102), 100);
        assert_eq!(ledger.reserve_vmid(100, |vmid| vmid == 102), 103);
        assert!(ledger.knows_vmid(103) && !ledger.knows_vmid(102));
    }

    #[test]
    fn what_was_begun_here_is_known() {
        let ledger = Ledger::default();
        assert_eq!(
            [("a", "1"), ("a", "2"), ("a", "1")].map(|(kind, id)| ledger.begin(kind, id.to_owned())),
            [false, false, true]
        );
    }

    #[test]
    fn planning_the_same_object_twice_keeps_one_wish() {
        let ledger = Ledger::default();
        ledger.plan_disk(101, "scsi0", DiskOwner::Vm, "a");
        ledger.plan_disk(101, "scsi0", DiskOwner::Vm, "b");
        assert_eq!(ledger.plan_disk(101, "scsi0", DiskOwner::DiskMove, "b"), None);
    }
}
