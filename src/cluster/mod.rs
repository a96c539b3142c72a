//! The cluster as a whole.

pub mod found;
pub mod member;
pub mod options;
mod task_stop;
pub mod told;
pub mod version;
pub mod versions;

use terraform_plugin::Registry;

use crate::ground::pve::Pve;

/// What this area offers.
pub fn offer(registry: Registry<Pve>) -> Registry<Pve> {
    registry
        .resource::<found::Cluster>()
        .query::<found::Cluster>()
        .resource::<member::ClusterMember>()
        .query::<member::ClusterMember>()
        .data::<told::ClusterFacts>()
        .data::<told::OneMember>()
        .data::<told::AllMembers>()
        .object::<options::ClusterOptions>()
        .query::<options::ClusterOptions>()
        .data::<version::Version>()
        .data::<versions::Versions>()
        .action::<task_stop::TaskStop>()
}
