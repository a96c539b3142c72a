//! Users, tokens and what they may.

use serde::Deserialize;

use super::yes;

/// A user.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserShape {
    /// Id with realm, as `a@pve`.
    pub userid: String,
    /// Password; without one nobody can log in.
    #[serde(default)]
    pub password: Option<String>,
    /// Whether the account is enabled.
    #[serde(default = "yes")]
    pub enable: bool,
    /// Unix seconds when the account ends; 0 is never.
    #[serde(default)]
    pub expire: u64,
    /// API tokens.
    #[serde(default)]
    pub tokens: Vec<TokenShape>,
    /// Access control entries of the user.
    #[serde(default)]
    pub acl: Vec<AclShape>,
}

/// An API token.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenShape {
    /// Id without the user.
    pub id: String,
    /// Whether only the token's own entries count (together with the user's).
    #[serde(default = "yes")]
    pub privsep: bool,
    /// The secret, a UUID; one is made up if absent. Either way the announcement tells it.
    #[serde(default)]
    pub value: Option<String>,
    /// Unix seconds when it ends; 0 is never.
    #[serde(default)]
    pub expire: u64,
    /// Access control entries of the token.
    #[serde(default)]
    pub acl: Vec<AclShape>,
}

/// An access control entry.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AclShape {
    /// Path, as `/vms`.
    pub path: String,
    /// Role.
    pub role: String,
    /// Whether it counts below the path as well.
    #[serde(default = "yes")]
    pub propagate: bool,
}
