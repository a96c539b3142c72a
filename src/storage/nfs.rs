//! `pve_storage_nfs`: an export of an NFS server.

use std::collections::BTreeSet;

use terraform_plugin::{Model, Timeouts};

use crate::ground::texts;
use crate::section::{Family, Section, plain};

use super::entry::{Backups, Directories, Entry, Images, looked_at};
use super::{ID, ID_SAYS, STORAGE};

/// An export of an NFS server as a storage, mounted on all nodes that use it.
///
/// What making it checks is checked on one node: that of the endpoint which answers the provider, if `nodes` has it and
/// `disable` is off. There PVE asks the server, mounts the export and makes a folder for each word of `content`; if that
/// fails nothing is stored. The other nodes mount it within seconds, and one that cannot shows it as not active. It stays
/// mounted when the entry goes, until the node boots.
///
/// Destroying it removes the entry, never data, and is refused while disks of guests lie there.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "storage_nfs", area = "Storage", key(storage))]
pub struct StorageNfs {
    /// Its id.
    #[attr(required, replace, regex = ID, says = ID_SAYS)]
    pub storage: String,
    /// The server's address or name.
    #[attr(required, replace, length = 1.., check = texts::one_word)]
    pub server: String,
    /// The export, such as `/srv/pve`.
    #[attr(required, replace, length = 1.., regex = "^/.+$", says = "a path that begins with `/`", check = texts::one_tidy_line)]
    pub export: String,
    /// Where the nodes mount it.
    ///
    /// Left to PVE when unset (`/mnt/pve/` and the id).
    #[attr(keep, replace, check = texts::one_tidy_line)]
    pub path: Option<String>,
    /// What it may hold: `images` (disks of virtual machines), `rootdir` (containers), `vztmpl` (templates of those),
    /// `iso`, `backup`, `snippets`, `import`.
    ///
    /// Left alone when unset (PVE: `images`).
    #[attr(keep, length = 1.., one_of = ["images", "rootdir", "vztmpl", "iso", "backup", "snippets", "import"])]
    pub content: Option<BTreeSet<String>>,
    #[attr(flatten)]
    pub entry: Entry,
    /// Further options for the mount, such as `vers=4.2`.
    #[attr(optional, length = 1.., check = texts::one_tidy_line)]
    pub options: Option<String>,
    #[attr(flatten)]
    pub directories: Directories,
    #[attr(flatten)]
    pub images: Images,
    #[attr(flatten)]
    pub backups: Backups,
    /// How long operations may take.
    #[attr(timeouts(create = "5m", update = "5m", delete = "5m"))]
    pub timeouts: Timeouts,
}

impl Section for StorageNfs {
    const FAMILY: Family = Family {
        fixed: &[("type", "nfs")],
        blames: &[
            ("is not online", "server"),
            ("mount error", "export"),
            ("multiple content types", "content_dirs"),
            ("directory", "path"),
        ],
        ..STORAGE
    };

    const UNLIKE: &'static [(&'static str, &'static str)] = &[
        ("server", super::FIXED),
        ("snapshot_as_volume_chain", super::FIXED),
        ("format", "for files of disks that this type cannot have, PVE stores nothing"),
    ];

    looked_at!();
}

plain!(StorageNfs);
