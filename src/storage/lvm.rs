//! `pve_storage_lvm`: a volume group of LVM.

use std::collections::BTreeSet;

use terraform_plugin::{Model, Timeouts};

use crate::ground::texts;
use crate::section::{Family, Section, plain};

use super::entry::{Bandwidth, Entry, looked_at};
use super::{ID, ID_SAYS, STORAGE};

/// A volume group of LVM as a storage for disks, each a logical volume.
///
/// PVE does not look whether the volume group is there: on a node without it the storage is not active. With `base` it
/// makes the volume group, on that iSCSI volume, and it stays if what follows fails.
///
/// Destroying it removes the entry, never data, and is refused while disks of guests lie there: every node that uses the
/// storage is asked, and one that cannot be asked is not taken for empty.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "storage_lvm", area = "Storage", key(storage))]
pub struct StorageLvm {
    /// Its id.
    #[attr(required, replace, regex = ID, says = ID_SAYS)]
    pub storage: String,
    /// The volume group.
    #[attr(required, replace, length = 1.., regex = "^[A-Za-z0-9][A-Za-z0-9_.-]*[A-Za-z0-9]$", says = "at least two characters: letters, digits, `_`, `.`, `-`")]
    pub vgname: String,
    /// What it may hold: `images` (disks of virtual machines), `rootdir` (containers).
    ///
    /// Left alone when unset (PVE: `images`).
    #[attr(keep, length = 1.., one_of = ["images", "rootdir"])]
    pub content: Option<BTreeSet<String>>,
    #[attr(flatten)]
    pub entry: Entry,
    /// Whether all nodes see the same disks behind it, as on a SAN.
    #[attr(keep, usual = false)]
    pub shared: Option<bool>,
    /// A volume of a `pve_storage_iscsi` that becomes the volume group's disk, as PVE lists it:
    /// `san:0.0.1.scsi-360014`.
    #[attr(optional, replace, regex = "^[A-Za-z][A-Za-z0-9._-]*[A-Za-z0-9]:.+$", says = "STORAGE:VOLUME")]
    pub base: Option<String>,
    /// Whether volumes are overwritten with zeros when they are removed.
    #[attr(keep, usual = false)]
    pub saferemove: Option<bool>,
    /// How fast, in bytes a second, as `cstream -t` takes it.
    #[attr(optional, check = texts::one_word)]
    pub saferemove_throughput: Option<String>,
    /// How much at once, in MiB: 1, 2, 4, 8, 16 or 32. Unset: 32.
    #[attr(optional, api = "saferemove-stepsize", check = a_step)]
    pub saferemove_stepsize: Option<u32>,
    /// Whether only volumes are seen that bear PVE's tag.
    #[attr(keep, usual = false)]
    pub tagged_only: Option<bool>,
    /// Whether snapshots of disks are volumes that build on each other, which needs qcow2. PVE does not switch it off while such disks are there.
    #[attr(keep, usual = false, api = "snapshot-as-volume-chain")]
    pub snapshot_as_volume_chain: Option<bool>,
    /// How fast PVE may copy to and from it, in KiB a second. Unset: as the datacenter's options say.
    #[attr(optional)]
    pub bwlimit: Option<Bandwidth>,
    /// How long operations may take.
    #[attr(timeouts(create = "5m", update = "5m", delete = "5m"))]
    pub timeouts: Timeouts,
}

impl Section for StorageLvm {
    const FAMILY: Family = Family {
        fixed: &[("type", "lvm")],
        blames: &[("volume-chain", "snapshot_as_volume_chain"), ("base", "base"), ("volume group", "vgname")],
        ..STORAGE
    };

    const UNLIKE: &'static [(&'static str, &'static str)] =
        &[("saferemove_stepsize", "PVE's description has these numbers as texts")];

    looked_at!();
}

plain!(StorageLvm);

fn a_step(step: &u32) -> Result<(), String> {
    match step {
        1 | 2 | 4 | 8 | 16 | 32 => Ok(()),
        _ => Err("must be 1, 2, 4, 8, 16 or 32".to_owned()),
    }
}
