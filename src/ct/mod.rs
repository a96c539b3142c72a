//! Containers.

pub mod container;
pub mod guest;
mod identity;
mod lookup;
pub mod template;

use terraform_plugin::Registry;

use crate::ground::pve::Pve;

/// What this area offers.
pub fn offer(registry: Registry<Pve>) -> Registry<Pve> {
    registry.data::<lookup::ContainerLookup>().resource::<container::Container>().query::<container::Container>()
}
