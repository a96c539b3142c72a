//! `pve_storage_btrfs`: a folder on a Btrfs file system of the nodes.

use std::collections::BTreeSet;

use terraform_plugin::{Model, Timeouts};

use crate::ground::texts;
use crate::section::{Family, Section, plain};

use super::entry::{Backups, Entry, Folders, looked_at};
use super::{ID, ID_SAYS, STORAGE};

/// A folder on a Btrfs file system of the nodes as a storage.
///
/// What making it checks is checked on one node: that of the endpoint which answers the provider, if `nodes` has it and
/// `disable` is off. There PVE looks whether a Btrfs file system is there, and makes a folder for each word of `content`.
/// It makes no file system.
///
/// Destroying it removes the entry, never data, and is refused while disks of guests lie there: every node that uses the
/// storage is asked, and one that cannot be asked is not taken for empty.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "storage_btrfs", area = "Storage", key(storage))]
pub struct StorageBtrfs {
    /// Its id.
    #[attr(required, replace, regex = ID, says = ID_SAYS)]
    pub storage: String,
    /// The folder, such as `/mnt/data`.
    #[attr(required, replace, length = 1.., regex = "^/.+$", says = "a path that begins with `/`", check = texts::one_tidy_line)]
    pub path: String,
    /// What it may hold: `images` (disks of virtual machines), `rootdir` (containers), `vztmpl` (templates of those),
    /// `iso`, `backup`, `snippets`, `import`.
    ///
    /// Left alone when unset (PVE: `images`, `rootdir`).
    #[attr(keep, length = 1.., one_of = ["images", "rootdir", "vztmpl", "iso", "backup", "snippets", "import"])]
    pub content: Option<BTreeSet<String>>,
    #[attr(flatten)]
    pub entry: Entry,
    /// Whether all nodes see the same there. It only says so.
    #[attr(keep, usual = false)]
    pub shared: Option<bool>,
    /// `yes`: it is used only while something is mounted at `path`; a path: while something is mounted there.
    #[attr(optional, check = texts::one_tidy_line)]
    pub is_mountpoint: Option<String>,
    /// Whether disks of format raw are overwritten in place, without checksums.
    #[attr(keep, usual = false)]
    pub nocow: Option<bool>,
    #[attr(flatten)]
    pub folders: Folders,
    /// The format of new disks where nobody asks for one: `raw` or `subvol`.
    #[attr(keep, usual = "raw", one_of = ["raw", "subvol"])]
    pub format: Option<String>,
    /// What is done with the space of new disks: `off`, `metadata`, `falloc` or `full`. Unset: `metadata` for qcow2, `off` for raw.
    #[attr(optional, one_of = ["off", "metadata", "falloc", "full"])]
    pub preallocation: Option<String>,
    #[attr(flatten)]
    pub backups: Backups,
    /// How long operations may take.
    #[attr(timeouts(create = "5m", update = "5m", delete = "5m"))]
    pub timeouts: Timeouts,
}

impl Section for StorageBtrfs {
    const FAMILY: Family = Family {
        fixed: &[("type", "btrfs")],
        blames: &[("expected to be a mount point", "is_mountpoint"), ("btrfs", "path"), ("directory", "path")],
        ..STORAGE
    };

    const UNLIKE: &'static [(&'static str, &'static str)] =
        &[("format", "for files of disks that this type cannot have, PVE stores nothing")];

    looked_at!();
}

plain!(StorageBtrfs);
