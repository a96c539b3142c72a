//! `pve_storage_zfspool`: a dataset of ZFS on the nodes.

use std::collections::BTreeSet;

use terraform_plugin::{Model, Timeouts};

use crate::ground::texts;
use crate::section::{Family, Section, plain};

use super::entry::{Bandwidth, Entry, looked_at};
use super::{ID, ID_SAYS, STORAGE};

/// A dataset of ZFS as a storage for disks, of which each node has its own.
///
/// What making it checks is checked on one node: that of the endpoint which answers the provider, if `nodes` has it and
/// `disable` is off. There PVE imports the pool and mounts its datasets; one that is not there is refused. On a node
/// without it the storage is not active: `nodes` says which have it.
///
/// Destroying it removes the entry, never data, and is refused while disks of guests lie there: every node that uses the
/// storage is asked, and one that cannot be asked is not taken for empty.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "storage_zfspool", area = "Storage", key(storage))]
pub struct StorageZfspool {
    /// Its id.
    #[attr(required, replace, regex = ID, says = ID_SAYS)]
    pub storage: String,
    /// The pool, or a dataset in it: `rpool/data`.
    #[attr(required, replace, length = 1.., check = texts::one_word)]
    pub pool: String,
    /// What it may hold: `images` (disks of virtual machines), `rootdir` (containers).
    ///
    /// Left alone when unset (PVE: both).
    #[attr(keep, length = 1.., one_of = ["images", "rootdir"])]
    pub content: Option<BTreeSet<String>>,
    #[attr(flatten)]
    pub entry: Entry,
    /// The block size of new disks, such as `16k`. Unset: 16k.
    #[attr(optional, regex = "^[1-9][0-9]*[kKmMgG]?$", says = "a size such as `16k`")]
    pub blocksize: Option<String>,
    /// Whether new disks take room only as it is used.
    #[attr(keep, usual = false)]
    pub sparse: Option<bool>,
    /// Where the dataset is mounted.
    ///
    /// Left to PVE when unset, which asks ZFS when the entry is made.
    #[attr(keep, regex = "^/.+$", says = "a path that begins with `/`", check = texts::one_tidy_line)]
    pub mountpoint: Option<String>,
    /// How fast PVE may copy to and from it, in KiB a second. Unset: as the datacenter's options say.
    #[attr(optional)]
    pub bwlimit: Option<Bandwidth>,
    /// How long operations may take.
    #[attr(timeouts(create = "5m", update = "5m", delete = "5m"))]
    pub timeouts: Timeouts,
}

impl Section for StorageZfspool {
    const FAMILY: Family = Family {
        fixed: &[("type", "zfspool")],
        blames: &[("could not activate storage", "pool"), ("zfs error", "pool")],
        ..STORAGE
    };

    const UNLIKE: &'static [(&'static str, &'static str)] = &[("pool", super::FIXED)];

    looked_at!();
}

plain!(StorageZfspool);
