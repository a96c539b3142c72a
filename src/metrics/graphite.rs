//! `pve_metric_server_graphite`: a Graphite server is told the figures.

use terraform_plugin::{Model, Timeouts};

use crate::ground::texts;
use crate::section::{Family, Section, plain};

use super::{ADDRESS, ADDRESS_SAYS, SERVER};

/// A Graphite server that PVE tells the figures of nodes, guests and storages.
///
/// With `proto = "tcp"` PVE tries the connection before it stores a change, unless `disable` is set; by UDP nobody notices
/// that nobody listens.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "metric_server_graphite", area = "Metrics", key(id))]
pub struct MetricServerGraphite {
    /// Its id, unique among metric servers of all types.
    #[attr(required, replace, regex = texts::CONFIGURATION_ID, says = texts::CONFIGURATION_ID_SAYS)]
    pub id: String,
    /// The server's address or name.
    #[attr(required, regex = ADDRESS, says = ADDRESS_SAYS)]
    pub server: String,
    /// Its port, 2003 for most.
    #[attr(required, range = 1..=65536)]
    pub port: u32,
    /// How it is told: `udp` or `tcp`. Unset: `udp`.
    #[attr(optional, one_of = ["udp", "tcp"])]
    pub proto: Option<String>,
    /// What the names of figures begin with. Unset: `proxmox`.
    #[attr(
        optional,
        regex = r"^[0-9A-Za-z_-]+(\.[0-9A-Za-z_-]+)*$",
        says = "words of letters, digits, `_`, `-` with dots between them"
    )]
    pub path: Option<String>,
    /// How many bytes a packet may have (UDP). Unset: 1500.
    #[attr(optional, range = 512..=65536)]
    pub mtu: Option<u32>,
    /// How many seconds a connection may take (TCP). Unset: 1.
    #[attr(optional)]
    pub timeout: Option<u32>,
    /// Whether nothing is told.
    #[attr(keep, usual = false)]
    pub disable: Option<bool>,
    /// How long operations may take.
    #[attr(timeouts(create = "5m", update = "5m", delete = "5m"))]
    pub timeouts: Timeouts,
}

impl Section for MetricServerGraphite {
    const FAMILY: Family = Family { fixed: &[("type", "graphite")], ..SERVER };
}

plain!(MetricServerGraphite, "metric_servers_graphite");
