//! What is planned with guests, for siblings to know: numbers that are spoken for, and where disks shall lie.

use std::collections::BTreeMap;

use crate::ground::ledger::{Ledger, Planned};

/// A guest's number that is spoken for in this process.
#[derive(Clone, Copy, Debug)]
struct Number;

impl Planned for Number {
    type Key = u32;
}

/// Notes that a guest's number is spoken for.
pub fn take_vmid(ledger: &Ledger, vmid: u32) {
    ledger.note(vmid, Number);
}

/// Whether a guest's number is spoken for.
pub fn knows_vmid(ledger: &Ledger, vmid: u32) -> bool {
    ledger.knows::<Number>(&vmid)
}

/// Takes the first number from `first` on that is neither `taken` nor spoken for.
pub fn reserve_vmid(ledger: &Ledger, first: u32, taken: impl Fn(u32) -> bool) -> u32 {
    ledger.with(|spoken_for: &mut BTreeMap<u32, Number>| {
        let free = (first..).find(|vmid| !spoken_for.contains_key(vmid) && !taken(*vmid)).unwrap_or(first);
        spoken_for.insert(free, Number);
        free
    })
}

/// A VM that this process makes, and where.
#[derive(Clone, Debug)]
struct Making {
    node: String,
    /// Not known before the request is sent.
    vmid: Option<u32>,
}

impl Planned for Making {
    type Key = usize;
}

/// A place that is spoken for. Dropped before it is taken, it is free again.
#[derive(Debug)]
pub struct Place<'a> {
    ledger: &'a Ledger,
    key: usize,
    taken: bool,
}

impl Place<'_> {
    /// The VM that takes it has this number: from now on it counts as what the cluster tells.
    pub fn is_for(&self, vmid: u32) {
        self.ledger.with(|all: &mut BTreeMap<usize, Making>| {
            if let Some(making) = all.get_mut(&self.key) {
                making.vmid = Some(vmid);
            }
        });
    }

    /// The VM is there. The cluster's list may be older.
    pub fn take(mut self) {
        self.taken = true;
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if !self.taken {
            self.ledger.forget::<Making>(&self.key);
        }
    }
}

/// Chooses a node for a VM and speaks for it, with nobody in between. `choose` is told how many VMs of this process each
/// node is about to have beyond those that are `there` already.
pub fn place<'a>(
    ledger: &'a Ledger,
    there: impl Fn(u32) -> bool,
    choose: impl FnOnce(&dyn Fn(&str) -> usize) -> Option<String>,
) -> Option<(String, Place<'a>)> {
    ledger.with(|all: &mut BTreeMap<usize, Making>| {
        let coming = |node: &str| {
            let here = all.values().filter(|making| making.node == node);
            here.filter(|making| making.vmid.is_none_or(|vmid| !there(vmid))).count()
        };
        let node = choose(&coming)?;
        let key = all.keys().next_back().map_or(0, |last| last + 1);
        all.insert(key, Making { node: node.clone(), vmid: None });
        Some((node, Place { ledger, key, taken: false }))
    })
}

/// Who says where a disk of a guest lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskOwner {
    /// `storage` is set on the disk in `pve_vm`.
    Vm,
    /// A `pve_vm_disk_move` names the disk.
    DiskMove,
}

/// Who wants a disk where.
#[derive(Clone, Debug, Default)]
struct Wishes(Vec<(DiskOwner, String)>);

impl Planned for Wishes {
    type Key = (u32, String);
}

/// Notes that `owner` wants the disk on `storage`; answers what another owner wants instead, if it differs.
pub fn want_disk(
    ledger: &Ledger,
    vmid: u32,
    disk: &str,
    owner: DiskOwner,
    storage: &str,
) -> Option<(DiskOwner, String)> {
    ledger.with(|all: &mut BTreeMap<(u32, String), Wishes>| {
        let Wishes(wishes) = all.entry((vmid, disk.to_owned())).or_default();
        let other = wishes.iter().find(|(who, what)| *who != owner && what != storage).cloned();
        wishes.retain(|(who, _)| *who != owner);
        wishes.push((owner, storage.to_owned()));
        other
    })
}

/// Where siblings want a VM's disks to lie, by the name of the disk.
pub fn wanted_on(ledger: &Ledger, vmid: u32) -> Vec<(String, String)> {
    ledger.with(|all: &mut BTreeMap<(u32, String), Wishes>| {
        let its = all.iter().filter(|((its, _), _)| *its == vmid);
        its.filter_map(|((_, disk), Wishes(wishes))| Some((disk.clone(), wishes.last()?.1.clone()))).collect()
    })
}

/// A `pve_vm_disk_move`, and the storage it brings the disk to.
#[derive(Clone, Debug)]
struct MoveTo(String);

impl Planned for MoveTo {
    type Key = (u32, String);
}

/// Notes that a disk is moved to a storage; answers to which one another move of this configuration brings it, if that is
/// elsewhere. Planning the same move twice is no contradiction.
pub fn move_disk(ledger: &Ledger, vmid: u32, disk: &str, storage: &str) -> Option<String> {
    ledger.with(|all: &mut BTreeMap<(u32, String), MoveTo>| {
        let MoveTo(first) = all.entry((vmid, disk.to_owned())).or_insert_with(|| MoveTo(storage.to_owned()));
        (first != storage).then(|| first.clone())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_owners_of_a_disk_are_noticed_whichever_comes_first() {
        let ledger = Ledger::default();
        let want = |disk, owner, storage| want_disk(&ledger, 101, disk, owner, storage);
        assert_eq!(want("scsi0", DiskOwner::Vm, "local-lvm"), None);
        assert_eq!(want("scsi0", DiskOwner::DiskMove, "vm"), Some((DiskOwner::Vm, "local-lvm".to_owned())));
        assert_eq!(want("scsi1", DiskOwner::DiskMove, "vm"), None);
    }

    #[test]
    fn owners_that_agree_are_left_alone() {
        let ledger = Ledger::default();
        assert_eq!(want_disk(&ledger, 101, "scsi0", DiskOwner::DiskMove, "vm"), None);
        assert_eq!(want_disk(&ledger, 101, "scsi0", DiskOwner::Vm, "vm"), None);
    }

    #[test]
    fn planning_the_same_object_twice_keeps_one_wish() {
        let ledger = Ledger::default();
        want_disk(&ledger, 101, "scsi0", DiskOwner::Vm, "a");
        want_disk(&ledger, 101, "scsi0", DiskOwner::Vm, "b");
        assert_eq!(want_disk(&ledger, 101, "scsi0", DiskOwner::DiskMove, "b"), None);
    }

    #[test]
    fn places_are_counted_until_the_cluster_counts_them() {
        let ledger = Ledger::default();
        let fewest = |there: &[u32]| {
            let there = there.to_vec();
            let choose = |coming: &dyn Fn(&str) -> usize| {
                ["a", "b"].into_iter().min_by_key(|node| coming(node)).map(str::to_owned)
            };
            place(&ledger, move |vmid| there.contains(&vmid), choose).unwrap()
        };
        let (node, first) = fewest(&[]);
        assert_eq!(node, "a");
        first.is_for(100);
        let (node, second) = fewest(&[]);
        assert_eq!(node, "b");
        // The list has the first one, and the second one came to nothing.
        drop(second);
        first.take();
        assert_eq!(fewest(&[100]).0, "a");
        assert_eq!(fewest(&[]).0, "b", "an older list");
    }

    #[test]
    fn a_disk_that_is_moved_to_two_places_is_noticed() {
        let ledger = Ledger::default();
        assert_eq!(move_disk(&ledger, 101, "scsi0", "a"), None);
        assert_eq!(move_disk(&ledger, 101, "scsi0", "a"), None, "planned once more");
        assert_eq!(move_disk(&ledger, 101, "scsi0", "b"), Some("a".to_owned()));
        assert_eq!(move_disk(&ledger, 101, "scsi1", "b"), None);
    }

    #[test]
    fn numbers_are_given_away_once() {
        let ledger = Ledger::default();
        take_vmid(&ledger, 101);
        assert_eq!(reserve_vmid(&ledger, 100, |vmid| vmid == 102), 100);
        assert_eq!(reserve_vmid(&ledger, 100, |vmid| vmid == 102), 103);
        assert!(knows_vmid(&ledger, 103) && !knows_vmid(&ledger, 102));
    }
}
