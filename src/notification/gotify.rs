//! `pve_notification_gotify`: notifications go to a Gotify server.

use terraform_plugin::{Model, Secret, Timeouts};

use crate::ground::texts;

use super::{NAME, target};

/// A Gotify server that gets notifications. Which ones is told by `pve_notification_matcher`.
///
/// PVE does not ask the server: a wrong address or token shows when something is sent.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "notification_gotify", area = "Notifications", key(name))]
pub struct NotificationGotify {
    /// Its name, unique among targets and matchers.
    #[attr(required, replace, regex = NAME, says = "at least two characters: a letter, then letters, digits, `_`, `-`")]
    pub name: String,
    /// The server's address, such as `https://gotify.example.com`.
    #[attr(required, check = texts::one_tidy_line)]
    pub server: String,
    /// The token of the application at the server. PVE never shows it; raise `token_version` to have it sent again.
    #[attr(required, sensitive, write_only(version = token_version), check = texts::one_tidy_line)]
    pub token: Option<Secret<String>>,
    /// Raised to have `token` sent again.
    #[attr(local)]
    pub token_version: Option<u32>,
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

target!(NotificationGotify, NotificationGotifyPlan, NotificationGotifyKey, "gotify", unlike: &[]);
