//! `pve_storage_cifs`: a share of an SMB/CIFS server.

use terraform_plugin::{Model, Secret, Timeouts};

use crate::ground::texts;
use crate::section::{Family, Section, plain};

use super::entry::{Entry, MOUNTED, Mount, looked_at};
use super::{ID, ID_SAYS, STORAGE};

/// A share of an SMB/CIFS server as a storage, mounted on all nodes that use it.
///
/// What making it checks is checked on one node: that of the endpoint which answers the provider, if `nodes` has it and
/// `disable` is off. There PVE asks the server, logs in, mounts the share and makes a folder for each word of `content`;
/// if that fails nothing is stored. The other nodes mount it within seconds, and one that cannot shows it as not active.
/// It stays mounted when the entry goes, until the node boots.
///
/// Destroying it removes the entry, never data, and is refused while disks of guests lie there.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "storage_cifs", area = "Storage", key(storage))]
pub struct StorageCifs {
    /// Its id.
    #[attr(required, replace, regex = ID, says = ID_SAYS)]
    pub storage: String,
    /// The server's address or name.
    #[attr(required, replace, length = 1.., check = texts::one_word)]
    pub server: String,
    /// The share's name.
    #[attr(required, replace, length = 1.., check = texts::one_tidy_line)]
    pub share: String,
    #[attr(flatten)]
    pub entry: Entry,
    /// Whom to log in as. Unset: a guest, and `password` counts for nothing.
    #[attr(optional, check = texts::one_tidy_line)]
    pub username: Option<String>,
    /// The password of `username`. PVE never shows it; raise `password_version` to have it sent again.
    #[attr(optional, sensitive, write_only(version = password_version), check = texts::one_tidy_line, length = ..=256)]
    pub password: Option<Secret<String>>,
    /// Raised to have `password` sent again.
    #[attr(local)]
    pub password_version: Option<u32>,
    /// The user's domain.
    #[attr(optional, length = 1..=256, check = texts::one_word)]
    pub domain: Option<String>,
    /// The protocol's version: `default`, `2.0`, `2.1`, `3`, `3.0` or `3.11`.
    #[attr(keep, usual = "default", one_of = ["default", "2.0", "2.1", "3", "3.0", "3.11"])]
    pub smbversion: Option<String>,
    /// A folder in the share to mount in place of the whole, such as `/pve`.
    #[attr(optional, regex = "^/.+$", says = "a path that begins with `/`", check = texts::one_tidy_line)]
    pub subdir: Option<String>,
    #[attr(flatten)]
    pub mount: Mount,
    /// How long operations may take.
    #[attr(timeouts(create = "5m", update = "5m", delete = "5m"))]
    pub timeouts: Timeouts,
}

impl Section for StorageCifs {
    const FAMILY: Family = Family {
        fixed: &[("type", "cifs")],
        blames: &[
            ("is not online", "server"),
            ("connection check", "username"),
            ("mount error", "share"),
            ("multiple content types", "content_dirs"),
            ("directory", "path"),
        ],
        ..STORAGE
    };

    const UNLIKE: &'static [(&'static str, &'static str)] = MOUNTED;

    looked_at!();
}

plain!(StorageCifs);
