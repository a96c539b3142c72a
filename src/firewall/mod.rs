//! The firewall: of the cluster, of nodes and of guests.

pub mod options;
mod place;
pub mod rules;
mod work;

use pve_client::Area;
use terraform_plugin::Registry;

use crate::ground::pve::Pve;

/// What changes with it.
const AREA: Area = Area::File("firewall");

/// What this area offers.
pub fn offer(registry: Registry<Pve>) -> Registry<Pve> {
    registry
        .object::<options::FirewallOptions>()
        .query::<options::FirewallOptions>()
        .object::<rules::FirewallRules>()
        .query::<rules::FirewallRules>()
}
