//! `pve_storage_lvmthin`: a thin pool of LVM.

use std::collections::BTreeSet;

use terraform_plugin::{Model, Timeouts};

use crate::section::{Family, Section, plain};

use super::entry::{Bandwidth, Entry, looked_at};
use super::{ID, ID_SAYS, STORAGE};

/// A thin pool of LVM as a storage for disks, of which each node has its own.
///
/// What making it checks is checked on one node: that of the endpoint which answers the provider, if `nodes` has it and
/// `disable` is off. There PVE activates the thin pool, which has to be there. On a node without one of that name the
/// storage is not active: `nodes` says which have it.
///
/// Destroying it removes the entry, never data, and is refused while disks of guests lie there: every node that uses the
/// storage is asked, and one that cannot be asked is not taken for empty.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "storage_lvmthin", area = "Storage", key(storage))]
pub struct StorageLvmthin {
    /// Its id.
    #[attr(required, replace, regex = ID, says = ID_SAYS)]
    pub storage: String,
    /// The volume group.
    #[attr(required, replace, length = 1.., regex = "^[A-Za-z0-9][A-Za-z0-9_.-]*[A-Za-z0-9]$", says = "at least two characters: letters, digits, `_`, `.`, `-`")]
    pub vgname: String,
    /// The thin pool in it.
    #[attr(required, replace, length = 1.., regex = "^[A-Za-z0-9][A-Za-z0-9_.-]*[A-Za-z0-9]$", says = "at least two characters: letters, digits, `_`, `.`, `-`")]
    pub thinpool: String,
    /// What it may hold: `images` (disks of virtual machines), `rootdir` (containers).
    ///
    /// Left alone when unset (PVE: both).
    #[attr(keep, length = 1.., one_of = ["images", "rootdir"])]
    pub content: Option<BTreeSet<String>>,
    #[attr(flatten)]
    pub entry: Entry,
    /// How fast PVE may copy to and from it, in KiB a second. Unset: as the datacenter's options say.
    #[attr(optional)]
    pub bwlimit: Option<Bandwidth>,
    /// How long operations may take.
    #[attr(timeouts(create = "5m", update = "5m", delete = "5m"))]
    pub timeouts: Timeouts,
}

impl Section for StorageLvmthin {
    const FAMILY: Family = Family {
        fixed: &[("type", "lvmthin")],
        blames: &[("volume group", "vgname"), ("logical volume", "thinpool"), ("create storage failed", "thinpool")],
        ..STORAGE
    };

    looked_at!();
}

plain!(StorageLvmthin);
