//! Metric servers: who is told the nodes' and guests' figures.

pub mod graphite;
pub mod influxdb;
pub mod opentelemetry;

use pve_client::Area;
use terraform_plugin::Registry;

use crate::ground::pve::Pve;
use crate::section::{Family, Made, Right, Sight, Told};

/// What this area offers.
pub fn offer(registry: Registry<Pve>) -> Registry<Pve> {
    registry
        .listed::<graphite::MetricServerGraphite>()
        .listed::<influxdb::MetricServerInfluxdb>()
        .listed::<opentelemetry::MetricServerOpentelemetry>()
}

/// What lies in `status.cfg`. The list says little; who may not see them is refused.
const SERVER: Family = Family {
    what: "Metric server",
    path: "cluster/metrics/server",
    file: "status.cfg",
    area: Area::File("status.cfg"),
    write: Right { path: "/", any: &["Sys.Modify"] },
    sight: Sight::With(Right { path: "/", any: &["Sys.Audit"] }),
    told: Told::ByItself,
    made: Made::InItsPlace,
    always: &["server", "port"],
    blames: &[("Can't connect", "server"), ("carbon socket", "server"), ("Connection test failed", "server")],
    ..Family::PLAIN
};

/// The form of an address: a name, or a number with dots or colons.
const ADDRESS: &str = r"^([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)$";

/// The same in words.
const ADDRESS_SAYS: &str = "an address or the name of a host";
