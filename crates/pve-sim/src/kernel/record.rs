//! What was asked: the record of requests behind the control address.

use serde::Serialize;
use serde_json::{Map, Value};

use super::params::decode_form;

/// A request as it was answered.
#[derive(Debug, Clone, Serialize)]
pub struct Recorded {
    /// The node that took it.
    pub node: String,
    /// The client's address and port: what has the same came over one connection.
    pub peer: String,
    /// Verb.
    pub method: String,
    /// Path below `/api2/json`.
    pub path: String,
    /// Parameters of query and body, secrets masked.
    pub params: Map<String, Value>,
    /// Status of the answer; `None` if there was none.
    pub status: Option<u16>,
    /// Who asked: user or token; `None` without a login.
    pub user: Option<String>,
}

/// Parameters whose values nobody should read in a log.
const SECRETS: &[&str] = &[
    "password",
    "confirmation-password",
    "cipassword",
    "otp",
    "tfa-challenge",
    "vncticket",
    "client-key",
    "secret",
    "token",
    "keyring",
    "encryption-key",
    "key",
];

/// Parameters with what is secret in them masked.
pub(crate) fn masked(query: &str, body: &super::pipeline::Body) -> Map<String, Value> {
    let mut params = body.decoded();
    params.extend(decode_form(query));
    let mask = |(name, value): (String, Value)| {
        let value = if SECRETS.contains(&name.as_str()) { "***".into() } else { value };
        (name, value)
    };
    params.into_iter().map(mask).collect()
}
