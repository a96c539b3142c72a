//! ACME: certificates for the nodes' own web interface, from an authority that checks by itself whose names are whose.

pub mod account;
pub mod plugin;
mod users;

use terraform_plugin::Registry;

use crate::ground::pve::Pve;

/// What this area offers.
pub fn offer(registry: Registry<Pve>) -> Registry<Pve> {
    registry.listed::<account::AcmeAccount>().listed::<plugin::AcmePlugin>()
}
