//! `pve_storage_pbs`: a datastore of a Proxmox Backup Server.

use std::collections::BTreeSet;

use terraform_plugin::{Attr, Change, Cx, Model, Say, Secret, Timeouts};

use crate::ground::pve::Pve;
use crate::ground::texts;
use crate::section::{Family, Section, plain};

use super::entry::{self, Backups, Entry, looked_at};
use super::{ID, ID_SAYS, STORAGE};

/// A datastore of a Proxmox Backup Server as a storage for backups.
///
/// What making it checks is checked on one node: that of the endpoint which answers the provider, if `nodes` has it and
/// `disable` is off. There PVE logs in and looks for the datastore; if that fails nothing is stored.
///
/// Destroying it removes the entry, never backups, **and with it the nodes' only copy of `encryption_key`**: without it
/// nobody reads the backups that were made with it. Keep it elsewhere.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "storage_pbs", area = "Storage", key(storage), requires(master_pubkey, encryption_key))]
pub struct StoragePbs {
    /// Its id.
    #[attr(required, replace, regex = ID, says = ID_SAYS)]
    pub storage: String,
    /// The server's address or name.
    #[attr(required, replace, length = 1.., check = texts::one_word)]
    pub server: String,
    /// The datastore.
    #[attr(required, replace, length = 1.., check = texts::one_word)]
    pub datastore: String,
    /// A namespace in it, such as `a/b`. Unset: its root.
    #[attr(optional, check = texts::one_word)]
    pub namespace: Option<String>,
    /// The port. Unset: 8007.
    #[attr(optional, range = 1..=65535)]
    pub port: Option<u16>,
    /// Whom to log in as: a user such as `backup@pbs`, or a token such as `backup@pbs!pve`.
    #[attr(optional, check = texts::one_word)]
    pub username: Option<String>,
    /// The user's password, or the token's secret. PVE never shows it; raise `password_version` to have it sent again.
    #[attr(optional, sensitive, write_only(version = password_version), check = texts::one_tidy_line, length = ..=256)]
    pub password: Option<Secret<String>>,
    /// Raised to have `password` sent again.
    #[attr(local)]
    pub password_version: Option<u32>,
    /// SHA-256 fingerprint of the server's certificate, for one that no authority vouches for.
    #[attr(
        optional,
        regex = "^([A-Fa-f0-9]{2}:){31}[A-Fa-f0-9]{2}$",
        says = "32 bytes in hexadecimal, separated by `:`",
        same = texts::same_but_case
    )]
    pub fingerprint: Option<String>,
    /// The key with which the nodes encrypt backups, in JSON, as `proxmox-backup-client key create --kdf none` makes it. PVE never shows it; raise `encryption_key_version` to have it sent again.
    #[attr(optional, sensitive, write_only(version = encryption_key_version), check = a_key_in_json, api = "encryption-key")]
    pub encryption_key: Option<Secret<String>>,
    /// Raised to have `encryption_key` sent again.
    #[attr(local)]
    pub encryption_key_version: Option<u32>,
    /// What PVE shows of the key: its fingerprint, or 1 if it tells none.
    #[attr(computed, api = "encryption-key")]
    pub encryption_key_fingerprint: Option<String>,
    /// A public RSA key, with which PVE encrypts a copy of the key for each backup: PEM in base64, as `filebase64(..)` gives it. Needs `encryption_key`. PVE never shows it; raise `master_pubkey_version` to have it sent again.
    #[attr(optional, sensitive, write_only(version = master_pubkey_version), check = texts::one_tidy_line, api = "master-pubkey")]
    pub master_pubkey: Option<Secret<String>>,
    /// Raised to have `master_pubkey` sent again.
    #[attr(local)]
    pub master_pubkey_version: Option<u32>,
    /// What it may hold: `backup`, or `none` for nothing at all.
    ///
    /// Left alone when unset (PVE: `backup`).
    #[attr(keep, length = 1.., one_of = ["backup", "none"], check = entry::none_stands_alone)]
    pub content: Option<BTreeSet<String>>,
    #[attr(flatten)]
    pub entry: Entry,
    #[attr(flatten)]
    pub backups: Backups,
    /// How long operations may take.
    #[attr(timeouts(create = "5m", update = "5m", delete = "5m"))]
    pub timeouts: Timeouts,
}

impl Section for StoragePbs {
    const FAMILY: Family = Family {
        fixed: &[("type", "pbs")],
        blames: &[
            ("Cannot find datastore", "datastore"),
            ("encryption-key", "encryption_key"),
            ("fingerprint", "fingerprint"),
            ("authentication failed", "password"),
            ("error fetching datastores", "server"),
            ("is not online", "server"),
        ],
        ..STORAGE
    };

    const UNLIKE: &'static [(&'static str, &'static str)] = &[("server", super::FIXED)];

    async fn planned(_cx: &Cx<Pve>, change: &mut Change<Self>, _say: &mut Say<Self>) {
        if change.is_update() && change.changed(|plan| &plan.encryption_key_version) {
            change.plan.encryption_key_fingerprint = Attr::Unknown;
        }
    }

    looked_at!();
}

plain!(StoragePbs);

/// PVE would tell a key that it makes once, to whoever asked for it, and nobody would keep it.
fn a_key_in_json(key: &String) -> Result<(), String> {
    match serde_json::from_str::<serde_json::Value>(key) {
        Ok(serde_json::Value::Object(_)) => Ok(()),
        _ => Err("must be a key in JSON; make one with `proxmox-backup-client key create --kdf none FILE`".to_owned()),
    }
}
