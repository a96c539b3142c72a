//! `pve_metric_server_influxdb`: InfluxDB is told the figures.

use terraform_plugin::{Model, Secret, Timeouts};

use crate::ground::texts;
use crate::section::{Family, Section, plain};

use super::{ADDRESS, ADDRESS_SAYS, SERVER};

/// An InfluxDB server that PVE tells the figures of nodes, guests and storages.
///
/// With `influxdbproto` `http` or `https` PVE asks the server how it is before it stores a change, unless `disable` is set.
/// Where that fails nothing is stored, except for a new `token`.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "metric_server_influxdb", area = "Metrics", key(id))]
pub struct MetricServerInfluxdb {
    /// Its id, unique among metric servers of all types.
    #[attr(required, replace, regex = texts::CONFIGURATION_ID, says = texts::CONFIGURATION_ID_SAYS)]
    pub id: String,
    /// The server's address or name.
    #[attr(required, regex = ADDRESS, says = ADDRESS_SAYS)]
    pub server: String,
    /// Its port: 8089 for UDP and 8086 for HTTP with most.
    #[attr(required, range = 1..=65536)]
    pub port: u32,
    /// How it is told: `udp`, `http` or `https`.
    #[attr(keep, usual = "udp", one_of = ["udp", "http", "https"])]
    pub influxdbproto: Option<String>,
    /// The organization (HTTP). Unset: `proxmox`.
    #[attr(optional, length = 1.., check = texts::one_tidy_line)]
    pub organization: Option<String>,
    /// The bucket, or the database of InfluxDB 1 (HTTP). Unset: `proxmox`.
    #[attr(optional, length = 1.., check = texts::one_tidy_line)]
    pub bucket: Option<String>,
    /// The token that may write there (HTTP); for InfluxDB 1 `USER:PASSWORD`. PVE never shows it; raise `token_version` to have it
    /// sent again.
    #[attr(optional, sensitive, write_only(version = token_version), length = 1.., check = texts::one_tidy_line)]
    pub token: Option<Secret<String>>,
    /// Raised to have `token` sent again.
    #[attr(local)]
    pub token_version: Option<u32>,
    /// What stands before the path of the API, where a proxy wants it so (HTTP).
    #[attr(optional, length = 1.., api = "api-path-prefix", check = texts::one_tidy_line)]
    pub api_path_prefix: Option<String>,
    /// Whether the server's certificate is checked (HTTPS).
    #[attr(keep, usual = true, api = "verify-certificate")]
    pub verify_certificate: Option<bool>,
    /// How many bytes are sent at once at most (HTTP).
    #[attr(keep, usual = 25_000_000_u64, range = 1.., api = "max-body-size")]
    pub max_body_size: Option<u64>,
    /// How many bytes a packet may have (UDP).
    #[attr(keep, usual = 1500_u64, range = 512..=65536)]
    pub mtu: Option<u64>,
    /// How many seconds a connection may take (HTTP).
    #[attr(keep, usual = 1_u64)]
    pub timeout: Option<u64>,
    /// Whether nothing is told.
    #[attr(keep, usual = false)]
    pub disable: Option<bool>,
    /// How long operations may take.
    #[attr(timeouts(create = "5m", update = "5m", delete = "5m"))]
    pub timeouts: Timeouts,
}

impl Section for MetricServerInfluxdb {
    const FAMILY: Family = Family { fixed: &[("type", "influxdb")], ..SERVER };
}

plain!(MetricServerInfluxdb, "metric_servers_influxdb");
