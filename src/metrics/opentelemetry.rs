//! `pve_metric_server_opentelemetry`: a collector of OpenTelemetry is told the figures.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value as Json;
use terraform_plugin::value::Value;
use terraform_plugin::{Model, Secret, Timeouts};

use crate::ground::texts;
use crate::section::{Family, Section, Spelling, plain};

use super::{ADDRESS, ADDRESS_SAYS, SERVER};

/// A collector of OpenTelemetry that PVE tells the figures of nodes, guests and storages. Since PVE 9.0.
///
/// PVE tries the collector before it stores a change, unless `disable` is set.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "metric_server_opentelemetry", area = "Metrics", key(id))]
pub struct MetricServerOpentelemetry {
    /// Its id, unique among metric servers of all types.
    #[attr(required, replace, regex = texts::CONFIGURATION_ID, says = texts::CONFIGURATION_ID_SAYS)]
    pub id: String,
    /// The server's address or name.
    #[attr(required, regex = ADDRESS, says = ADDRESS_SAYS)]
    pub server: String,
    /// Its port: 4318 with most.
    #[attr(required, range = 1..=65536)]
    pub port: u32,
    /// `https` or `http`.
    #[attr(keep, usual = "https", one_of = ["http", "https"], api = "otel-protocol")]
    pub otel_protocol: Option<String>,
    /// Where on the server.
    #[attr(keep, usual = "/v1/metrics", length = 1.., check = texts::one_tidy_line, api = "otel-path")]
    pub otel_path: Option<String>,
    /// How many seconds a call may take.
    #[attr(keep, usual = 5_u64, range = 1..=10, api = "otel-timeout")]
    pub otel_timeout: Option<u64>,
    /// Headers by name, such as `Authorization`.
    ///
    /// PVE shows them to whoever may read metric servers, and they are not read here; raise `otel_headers_version` to have them
    /// sent again. What is left out then is gone.
    #[attr(optional, sensitive, write_only(version = otel_headers_version), length = 1.., check = short, api = "otel-headers")]
    pub otel_headers: Option<Secret<BTreeMap<String, String>>>,
    /// Raised to have `otel_headers` sent again.
    #[attr(local)]
    pub otel_headers_version: Option<u32>,
    /// Whether the server's certificate is checked.
    #[attr(keep, usual = true, api = "otel-verify-ssl")]
    pub otel_verify_ssl: Option<bool>,
    /// How many bytes are sent at once at most.
    #[attr(keep, usual = 10_000_000_u64, range = 1024.., api = "otel-max-body-size")]
    pub otel_max_body_size: Option<u64>,
    /// What is said of the source of all figures, by name: `{ "deployment.environment" = "lab" }`.
    #[attr(optional, length = 1.., check = short, api = "otel-resource-attributes")]
    pub otel_resource_attributes: Option<BTreeMap<String, String>>,
    /// How it is packed: `gzip` or `none`.
    #[attr(keep, usual = "gzip", one_of = ["none", "gzip"], api = "otel-compression")]
    pub otel_compression: Option<String>,
    /// Whether nothing is told.
    #[attr(keep, usual = false)]
    pub disable: Option<bool>,
    /// How long operations may take.
    #[attr(timeouts(create = "5m", update = "5m", delete = "5m"))]
    pub timeouts: Timeouts,
}

/// Texts by name, as JSON in base64.
const PACKED: Spelling = Spelling {
    texts: |value| match value {
        Value::Map(of) => {
            let of: BTreeMap<&str, &str> =
                of.iter().filter_map(|(name, value)| Some((name.as_str(), value.as_str()?))).collect();
            vec![packed(&of)]
        }
        _ => Vec::new(),
    },
    value: |json| {
        let expected = || format!("expected an object in base64, got {json}");
        let text = match json {
            Json::Null => return Ok(Value::Null),
            json => json.as_str().ok_or_else(expected)?,
        };
        let bytes = STANDARD.decode(text).map_err(|_| expected())?;
        let of: BTreeMap<String, Json> = serde_json::from_slice(&bytes).map_err(|_| expected())?;
        let texts = of.into_iter().map(|(name, value)| {
            (name, Value::string(value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
        });
        let texts: BTreeMap<String, Value> = texts.collect();
        Ok(if texts.is_empty() { Value::Null } else { Value::Map(texts) })
    },
};

fn packed<K: serde::Serialize + Ord, V: serde::Serialize>(of: &BTreeMap<K, V>) -> String {
    // A map of texts has a form in JSON.
    STANDARD.encode(serde_json::to_string(of).unwrap_or_default())
}

/// PVE takes so many characters, of what it is packed into.
fn short(of: &BTreeMap<String, String>) -> Result<(), String> {
    const MOST: usize = 1024;
    if let Some(name) = of.keys().find(|name| texts::one_tidy_line(name).is_err() || name.is_empty()) {
        return Err(format!("must have names without blanks at the ends: {name:?} is none"));
    }
    match packed(of).len() {
        0..=MOST => Ok(()),
        n => Err(format!("must be shorter: as JSON in base64, which PVE keeps, it has {n} characters of {MOST}")),
    }
}

impl Section for MetricServerOpentelemetry {
    const FAMILY: Family = Family {
        fixed: &[("type", "opentelemetry")],
        spelt: &[("otel_headers", PACKED), ("otel_resource_attributes", PACKED)],
        ..SERVER
    };
}

plain!(MetricServerOpentelemetry, "metric_servers_opentelemetry");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_comes_out_again() {
        let of = Value::Map(BTreeMap::from([("a.b".to_owned(), Value::string("c \u{e4}".to_owned()))]));
        let text = (PACKED.texts)(&of);
        assert_eq!(text, ["eyJhLmIiOiJjIMOkIn0="]);
        assert_eq!((PACKED.value)(&Json::from(text[0].clone())).unwrap(), of);
        assert!((PACKED.value)(&Json::from("nonsense")).is_err());
        let long = BTreeMap::from([("a".to_owned(), "b".repeat(1000))]);
        assert!(short(&long).unwrap_err().contains("of 1024"));
    }
}
