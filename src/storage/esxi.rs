//! `pve_storage_esxi`: a VMware ESXi host to import virtual machines from.

use std::collections::BTreeSet;

use terraform_plugin::{Model, Secret, Timeouts};

use crate::ground::texts;
use crate::section::{Family, Section, plain};

use super::entry::{Entry, looked_at};
use super::{ID, ID_SAYS, STORAGE};

/// A VMware ESXi host as a storage to import virtual machines from.
///
/// What making it checks is checked on one node: that of the endpoint which answers the provider, if `nodes` has it and
/// `disable` is off. There PVE asks the host and mounts what it shows; if that fails nothing is stored.
///
/// It holds no disks of guests. Destroying it removes the entry and its password.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "storage_esxi", area = "Storage", key(storage))]
pub struct StorageEsxi {
    /// Its id.
    #[attr(required, replace, regex = ID, says = ID_SAYS)]
    pub storage: String,
    /// The host's address or name.
    #[attr(required, length = 1.., check = texts::one_word)]
    pub server: String,
    /// Whom to log in as.
    #[attr(required, length = 1.., check = texts::one_tidy_line)]
    pub username: String,
    /// The password of `username`. PVE demands one when the entry is made. PVE never shows it; raise `password_version` to have it sent again.
    #[attr(optional, sensitive, write_only(version = password_version), check = texts::one_tidy_line, length = ..=256)]
    pub password: Option<Secret<String>>,
    /// Raised to have `password` sent again.
    #[attr(local)]
    pub password_version: Option<u32>,
    /// The port. Unset: 443.
    #[attr(optional, range = 1..=65535)]
    pub port: Option<u16>,
    /// Whether any certificate of the host is trusted.
    #[attr(keep, usual = false, api = "skip-cert-verification")]
    pub skip_cert_verification: Option<bool>,
    /// Whether it is marked as the same on all nodes.
    #[attr(keep, usual = false)]
    pub shared: Option<bool>,
    /// What it may hold: only `import`.
    ///
    /// Left alone when unset.
    #[attr(keep, length = 1.., one_of = ["import"])]
    pub content: Option<BTreeSet<String>>,
    #[attr(flatten)]
    pub entry: Entry,
    /// How long operations may take.
    #[attr(timeouts(create = "5m", update = "5m", delete = "5m"))]
    pub timeouts: Timeouts,
}

impl Section for StorageEsxi {
    const FAMILY: Family = Family {
        fixed: &[("type", "esxi")],
        blames: &[("missing password", "password"), ("is not online", "server")],
        ..STORAGE
    };

    looked_at!();
}

plain!(StorageEsxi);
