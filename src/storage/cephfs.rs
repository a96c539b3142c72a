//! `pve_storage_cephfs`: a file system of Ceph.

use std::collections::BTreeSet;

use terraform_plugin::{Model, Secret, Timeouts};

use crate::ground::texts;
use crate::section::{Family, Section, plain};

use super::entry::{Backups, Directories, Entry, looked_at};
use super::{ID, ID_SAYS, STORAGE};

/// A file system of Ceph as a storage for files, mounted on all nodes that use it: of the cluster's own Ceph, or of
/// another one (`monhost`).
///
/// What making it checks is checked on one node: that of the endpoint which answers the provider, if `nodes` has it and
/// `disable` is off. There PVE mounts it and makes a folder for each word of `content`; if that fails nothing is stored.
/// The other nodes mount it within seconds, and one that cannot shows it as not active. It stays mounted when the entry
/// goes, until the node boots.
///
/// It holds no disks of guests. Destroying it removes the entry and its copy of the key, never data.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "storage_cephfs", area = "Storage", key(storage))]
pub struct StorageCephfs {
    /// Its id.
    #[attr(required, replace, regex = ID, says = ID_SAYS)]
    pub storage: String,
    /// What it may hold: `backup`, `vztmpl` (templates of containers), `iso`, `snippets`, `import`.
    ///
    /// Left alone when unset (PVE: `backup`).
    #[attr(keep, length = 1.., one_of = ["backup", "vztmpl", "iso", "snippets", "import"])]
    pub content: Option<BTreeSet<String>>,
    #[attr(flatten)]
    pub entry: Entry,
    /// The file system. Unset: the only one.
    #[attr(
        optional,
        regex = texts::CONFIGURATION_ID,
        says = texts::CONFIGURATION_ID_SAYS,
        api = "fs-name"
    )]
    pub fs_name: Option<String>,
    /// A folder in it to mount in place of the whole, such as `/pve`.
    #[attr(optional, regex = "^/.+$", says = "a path that begins with `/`", check = texts::one_tidy_line)]
    pub subdir: Option<String>,
    /// The monitors of another cluster, such as `192.0.2.1 192.0.2.2`. Unset: the cluster's own.
    #[attr(optional, length = 1.., check = texts::one_tidy_line, same = texts::same_items)]
    pub monhost: Option<String>,
    /// Ceph's user there. Unset: `admin`.
    #[attr(optional, check = texts::one_word)]
    pub username: Option<String>,
    /// The user's key there: the bare key, not a keyring with sections. PVE never shows it; raise `keyring_version` to have it sent again.
    #[attr(optional, sensitive, write_only(version = keyring_version), check = texts::one_tidy_line)]
    pub keyring: Option<Secret<String>>,
    /// Raised to have `keyring` sent again.
    #[attr(local)]
    pub keyring_version: Option<u32>,
    /// Whether it is mounted through FUSE in place of the kernel's client.
    #[attr(keep, usual = false)]
    pub fuse: Option<bool>,
    /// Where the nodes mount it.
    ///
    /// Left to PVE when unset (`/mnt/pve/` and the id).
    #[attr(keep, replace, check = texts::one_tidy_line)]
    pub path: Option<String>,
    /// Further options for the mount, such as `noatime`.
    #[attr(optional, length = 1.., check = texts::one_tidy_line)]
    pub options: Option<String>,
    #[attr(flatten)]
    pub directories: Directories,
    #[attr(flatten)]
    pub backups: Backups,
    /// How long operations may take.
    #[attr(timeouts(create = "5m", update = "5m", delete = "5m"))]
    pub timeouts: Timeouts,
}

impl Section for StorageCephfs {
    const FAMILY: Family = Family {
        fixed: &[("type", "cephfs")],
        blames: &[
            ("mount error", "fs_name"),
            ("authx keyring file", "keyring"),
            ("rbd authentication file", "keyring"),
            ("multiple content types", "content_dirs"),
            ("directory", "path"),
        ],
        ..STORAGE
    };

    looked_at!();
}

plain!(StorageCephfs);
