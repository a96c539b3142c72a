//! `pve_notification_sendmail`: notifications go out as mail, by the node's own mail system.

use std::collections::BTreeSet;

use terraform_plugin::{Model, Timeouts};

use crate::ground::texts;

use super::{NAME, target};

/// Recipients of notifications, by the mail system of the node where something happens. Which notifications is told by
/// `pve_notification_matcher`.
///
/// `mail-to-root` is always there: creating it changes it, and destroying it gives it PVE's own settings back.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "notification_sendmail", area = "Notifications", key(name), at_least_one(mailto, mailto_user))]
pub struct NotificationSendmail {
    /// Its name, unique among targets and matchers.
    #[attr(required, replace, regex = NAME, says = "at least two characters: a letter, then letters, digits, `_`, `-`")]
    pub name: String,
    /// Addresses.
    #[attr(optional, repeated, length = 1.., each = texts::mail_address)]
    pub mailto: Option<BTreeSet<String>>,
    /// Users of PVE, such as `root@pam`: the mail goes to the address of theirs that PVE knows.
    #[attr(optional, repeated, api = "mailto-user", length = 1.., each = texts::user_id)]
    pub mailto_user: Option<BTreeSet<String>>,
    /// Who sends it: an address. Unset: that of the datacenter's options.
    #[attr(optional, api = "from-address", length = 1.., check = texts::one_tidy_line)]
    pub from_address: Option<String>,
    /// The sender's name beside the address. Unset: `Proxmox VE`.
    #[attr(optional, length = 1.., check = texts::one_tidy_line)]
    pub author: Option<String>,
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

target!(NotificationSendmail, NotificationSendmailPlan, NotificationSendmailKey, "sendmail", unlike: &[]);
