//! The cluster as a whole.

pub mod options;
pub mod version;
pub mod versions;

use terraform_plugin::Registry;

use crate::ground::pve::Pve;

/// What this area offers.
pub fn offer(registry: Registry<Pve>) -> Registry<Pve> {
    registry.object::<options::ClusterOptions>().data::<version::Version>().data::<versions::Versions>()
}
