//! `pve_notification_smtp`: notifications go out as mail, by a mail server.

use std::collections::BTreeSet;

use terraform_plugin::{Model, Secret, Timeouts};

use crate::ground::texts;

use super::{NAME, target};

/// Recipients of notifications, by a mail server. Which notifications is told by `pve_notification_matcher`.
///
/// PVE does not ask the server: a wrong address or password shows when something is sent.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(
    name = "notification_smtp",
    area = "Notifications",
    key(name),
    at_least_one(mailto, mailto_user),
    requires(password, username)
)]
pub struct NotificationSmtp {
    /// Its name, unique among targets and matchers.
    #[attr(required, replace, regex = NAME, says = "at least two characters: a letter, then letters, digits, `_`, `-`")]
    pub name: String,
    /// The server's name or address.
    #[attr(required, check = texts::one_word)]
    pub server: String,
    /// `tls`, `starttls` or `insecure`.
    #[attr(keep, usual = "tls", one_of = ["insecure", "starttls", "tls"])]
    pub mode: Option<String>,
    /// The port. Unset: that of the mode (465, 587 or 25).
    #[attr(optional, range = 1..=65535)]
    pub port: Option<u16>,
    /// Whom to log in as. Unset: nobody logs in.
    #[attr(optional, length = 1.., check = texts::one_tidy_line)]
    pub username: Option<String>,
    /// The password of `username`. PVE never shows it; raise `password_version` to have it sent again.
    #[attr(optional, sensitive, write_only(version = password_version), check = texts::one_tidy_line)]
    pub password: Option<Secret<String>>,
    /// Raised to have `password` sent again.
    #[attr(local)]
    pub password_version: Option<u32>,
    /// Who sends it: an address.
    #[attr(required, api = "from-address", check = texts::mail_address)]
    pub from_address: String,
    /// The sender's name beside the address. Unset: `Proxmox VE`.
    #[attr(optional, length = 1.., check = texts::one_tidy_line)]
    pub author: Option<String>,
    /// Addresses.
    #[attr(optional, repeated, length = 1.., each = texts::mail_address)]
    pub mailto: Option<BTreeSet<String>>,
    /// Users of PVE, such as `root@pam`: the mail goes to the address of theirs that PVE knows.
    #[attr(optional, repeated, api = "mailto-user", length = 1.., each = texts::user_id)]
    pub mailto_user: Option<BTreeSet<String>>,
    /// Whether nothing is sent there.
    #[attr(keep, usual = false)]
    pub disable: Option<bool>,
    /// A note.
    #[attr(optional, length = 1.., check = texts::one_tidy_line)]
    pub comment: Option<String>,
    /// How long operations may take.
    #[attr(timeouts(create = "5m", update = "5m", delete = "5m"))]
    pub timeouts: Timeouts,
}

target!(NotificationSmtp, NotificationSmtpPlan, NotificationSmtpKey, "smtp", unlike: &[("port", "others are no ports")]);
