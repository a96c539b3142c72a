//! `pve_storage_iscsi`: the LUNs of an iSCSI target.

use std::collections::BTreeSet;

use terraform_plugin::{Model, Timeouts};

use crate::section::{Family, Section, plain};

use super::entry::{self, Bandwidth, Entry, Target, looked_at};
use super::{ID, ID_SAYS, STORAGE};

/// The LUNs of an iSCSI target as disks, or as what `pve_storage_lvm` lies on (`base`). The nodes log in to it.
///
/// What making it checks is checked on one node: that of the endpoint which answers the provider, if `nodes` has it and
/// `disable` is off. There PVE asks the portal, which has to answer, and logs in; a login that fails is no error of
/// PVE's. Sessions stay when the entry goes.
///
/// Destroying it removes the entry and is refused while a virtual machine has a disk of it, and by PVE while a
/// `pve_storage_lvm` has it as `base`.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "storage_iscsi", area = "Storage", key(storage))]
pub struct StorageIscsi {
    /// Its id.
    #[attr(required, replace, regex = ID, says = ID_SAYS)]
    pub storage: String,
    #[attr(flatten)]
    pub target: Target,
    /// What it may hold: `images` (each LUN is a disk), `none` (LUNs are not for guests, but for `base` of
    /// `pve_storage_lvm`).
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

impl Section for StorageIscsi {
    const FAMILY: Family = Family { fixed: &[("type", "iscsi")], blames: &[("is not online", "portal")], ..STORAGE };

    looked_at!();
}

plain!(StorageIscsi);
