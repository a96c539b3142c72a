//! `pve_notification_webhook`: notifications go to an address of the web.

use std::collections::BTreeMap;

use terraform_plugin::{Model, Secret, Timeouts};

use crate::ground::texts;

use super::named_values::{BASE64, NAMED};
use super::{NAME, target};

/// An address of the web that is called for each notification. Which ones is told by `pve_notification_matcher`.
///
/// `url`, `header` and `body` are templates: `{{ title }}`, `{{ message }}`, `{{ severity }}`, `{{ timestamp }}`,
/// `{{ fields.hostname }}`, and `{{ secrets.NAME }}` for what stands in `secret`. All of it is written in clear here; PVE
/// wants base64 of some, and the provider sees to that. PVE does not call the address before something is sent.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "notification_webhook", area = "Notifications", key(name))]
pub struct NotificationWebhook {
    /// Its name, unique among targets and matchers.
    #[attr(required, replace, regex = NAME, says = "at least two characters: a letter, then letters, digits, `_`, `-`")]
    pub name: String,
    /// The address, with `http://` or `https://`, such as `https://chat.example.com/hook/{{ secrets.key }}`.
    #[attr(required, regex = r"^https?://\S(.*\S)?$", says = "an address that begins with `http://` or `https://`")]
    pub url: String,
    /// How it is called: `post`, `put` or `get`.
    #[attr(required, one_of = ["post", "put", "get"])]
    pub method: String,
    /// Headers by name.
    ///
    /// PVE shows them to whoever may read targets: refer to `secret` for what nobody should see.
    #[attr(optional, length = 1.., check = names, each = not_empty)]
    pub header: Option<BTreeMap<String, String>>,
    /// What is sent.
    #[attr(optional, length = 1..)]
    pub body: Option<String>,
    /// What nobody should see, by the name under which templates have it (`secrets.NAME`). PVE never shows the values; raise
    /// `secret_version` to have all of them sent again. What is left out then is gone.
    #[attr(optional, sensitive, write_only(version = secret_version), length = 1.., check = names, each = not_empty)]
    pub secret: Option<Secret<BTreeMap<String, String>>>,
    /// Raised to have `secret` sent again.
    #[attr(local)]
    pub secret_version: Option<u32>,
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

/// A name stands in one text with its value, and in templates.
fn names(of: &BTreeMap<String, String>) -> Result<(), String> {
    let fits = |name: &String| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
    match of.keys().find(|name| !fits(name)) {
        None => Ok(()),
        Some(name) => Err(format!("must have names of letters, digits, `_`, `-`: \"{name}\" is none")),
    }
}

fn not_empty(text: &String) -> Result<(), String> {
    if text.is_empty() { Err("must not be empty: leave it out".to_owned()) } else { Ok(()) }
}

target!(
    NotificationWebhook, NotificationWebhookPlan, NotificationWebhookKey, "webhook",
    unlike: &[
        ("url", "PVE takes any text, and cannot store what is no address"),
        ("header", "a map; PVE has a list of names and values"),
        ("secret", "a map; PVE has a list of names and values"),
    ],
    spelt: &[("header", NAMED), ("secret", NAMED), ("body", BASE64)]
);
