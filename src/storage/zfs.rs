//! `pve_storage_zfs`: ZFS on a server, reached through iSCSI.

use std::collections::BTreeSet;

use terraform_plugin::{Model, Timeouts};

use crate::ground::texts;
use crate::section::{Family, Section, plain};

use super::entry::{Bandwidth, Entry, PORTAL, looked_at};
use super::{ID, ID_SAYS, STORAGE};

/// Disks on ZFS of a server elsewhere, which PVE makes there through SSH and reaches through iSCSI.
///
/// PVE checks nothing when it is made. The key for SSH lies on the nodes, at `/etc/pve/priv/zfs/PORTAL_id_rsa`, and is
/// put there by hand.
///
/// Destroying it removes the entry, never data, and is refused while disks of guests lie there.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "storage_zfs", area = "Storage", key(storage))]
pub struct StorageZfs {
    /// Its id.
    #[attr(required, replace, regex = ID, says = ID_SAYS)]
    pub storage: String,
    /// The server's address or name.
    #[attr(required, replace, length = 1.., regex = PORTAL, says = "an address or name, with `:PORT` if it is not 3260")]
    pub portal: String,
    /// The iSCSI target, such as `iqn.2003-01.org.linux-iscsi.store:pve`.
    #[attr(required, replace, length = 1.., check = texts::one_word)]
    pub target: String,
    /// The pool there.
    #[attr(required, replace, length = 1.., check = texts::one_word)]
    pub pool: String,
    /// The block size of new disks, such as `4k`.
    #[attr(required, replace, length = 1.., regex = "^[1-9][0-9]*[kKmMgG]?$", says = "a size such as `4k`")]
    pub blocksize: String,
    /// What serves iSCSI there: `comstar`, `istgt`, `iet` or `LIO`.
    #[attr(required, replace, one_of = ["comstar", "istgt", "iet", "LIO"])]
    pub iscsiprovider: String,
    /// What it may hold: only `images` (disks of virtual machines).
    ///
    /// Left alone when unset.
    #[attr(keep, length = 1.., one_of = ["images"])]
    pub content: Option<BTreeSet<String>>,
    #[attr(flatten)]
    pub entry: Entry,
    /// Whether new disks take room only as it is used.
    #[attr(keep, usual = false)]
    pub sparse: Option<bool>,
    /// Whether the server's write cache is off.
    #[attr(keep, usual = false)]
    pub nowritecache: Option<bool>,
    /// Host group, for `comstar`.
    #[attr(optional, check = texts::one_word)]
    pub comstar_hg: Option<String>,
    /// Target group, for `comstar`.
    #[attr(optional, check = texts::one_word)]
    pub comstar_tg: Option<String>,
    /// Target portal group, for `LIO`, such as `tpg1`.
    #[attr(optional, check = texts::one_word)]
    pub lio_tpg: Option<String>,
    /// Where the pool's devices are there. Unset: as usual there.
    #[attr(optional, regex = "^/.+$", says = "a path that begins with `/`", check = texts::one_tidy_line, api = "zfs-base-path")]
    pub zfs_base_path: Option<String>,
    /// How fast PVE may copy to and from it, in KiB a second. Unset: as the datacenter's options say.
    #[attr(optional)]
    pub bwlimit: Option<Bandwidth>,
    /// How long operations may take.
    #[attr(timeouts(create = "5m", update = "5m", delete = "5m"))]
    pub timeouts: Timeouts,
}

impl Section for StorageZfs {
    const FAMILY: Family = Family { fixed: &[("type", "zfs")], ..STORAGE };

    const UNLIKE: &'static [(&'static str, &'static str)] = &[("pool", super::FIXED), ("blocksize", super::FIXED)];

    looked_at!();
}

plain!(StorageZfs);
