//! High availability: which guests are under HA, and what HA does.

mod containers;
pub mod local;
mod movable;
pub mod planned;
pub mod resource;
pub mod status;
pub mod wait;

use terraform_plugin::Registry;

use crate::ground::pve::Pve;

/// What this area offers.
pub fn offer(registry: Registry<Pve>) -> Registry<Pve> {
    registry.listed::<resource::HaResource>().data::<status::HaStatus>()
}
