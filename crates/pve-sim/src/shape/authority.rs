//! Certificate authorities.

use std::collections::BTreeMap;

use serde::Deserialize;

/// A certificate authority that speaks ACME.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthorityShape {
    /// The URL of its directory.
    pub directory: String,
    /// The terms that an account has to agree to; none if it has none.
    #[serde(default)]
    pub terms: Option<String>,
    /// Keys of external account binding, by id; with any, nobody is registered without one.
    #[serde(default)]
    pub keys: BTreeMap<String, String>,
    /// Whether it does not answer.
    #[serde(default)]
    pub down: bool,
    /// Whether it keeps no contacts of accounts.
    #[serde(default)]
    pub forgets_contacts: bool,
}
