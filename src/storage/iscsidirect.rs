//! `pve_storage_iscsidirect`: the LUNs of an iSCSI target, reached by QEMU itself.

use std::collections::BTreeSet;

use terraform_plugin::{Model, Timeouts};

use crate::section::{Family, Section, plain};

use super::entry::{self, Bandwidth, Entry, Target, looked_at};
use super::{ID, ID_SAYS, STORAGE};

/// The LUNs of an iSCSI target as disks, which QEMU reaches by itself, without the node's kernel.
///
/// PVE checks nothing when it is made. To list what is there the nodes need `libiscsi-bin`, which PVE does not bring.
///
/// Destroying it removes the entry and is refused while a virtual machine has a disk of it.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "storage_iscsidirect", area = "Storage", key(storage))]
pub struct StorageIscsidirect {
    /// Its id.
    #[attr(required, replace, regex = ID, says = ID_SAYS)]
    pub storage: String,
    #[attr(flatten)]
    pub target: Target,
    /// What it may hold: `images` (each LUN is a disk), `none` (LUNs are not for guests).
    ///
    /// Left alone when unset (PVE: `images`).
    #[attr(keep, length = 1.., one_of = ["images", "none"], check = entry::none_stands_alone)]
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

impl Section for StorageIscsidirect {
    const FAMILY: Family = Family { fixed: &[("type", "iscsidirect")], ..STORAGE };

    looked_at!();
}

plain!(StorageIscsidirect);
