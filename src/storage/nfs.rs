//! `pve_storage_nfs`: an export of an NFS server.

use terraform_plugin::{Model, Timeouts};

use crate::ground::texts;
use crate::section::{Family, Section, plain};

use super::entry::{Entry, MOUNTED, Mount, looked_at};
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
    #[attr(flatten)]
    pub entry: Entry,
    #[attr(flatten)]
    pub mount: Mount,
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

    const UNLIKE: &'static [(&'static str, &'static str)] = MOUNTED;

    looked_at!();
}

plain!(StorageNfs);
