//! High availability: which guests are under HA, and what HA does.

mod candidates;
mod containers;
pub mod group;
pub mod local;
mod maintenance;
mod movable;
mod moving;
mod nearby;
pub mod planned;
pub mod resource;
pub mod rule;
pub mod status;
pub mod wait;
mod watchdogs;

use terraform_plugin::Registry;

use crate::ground::pve::Pve;

/// What this area offers.
pub fn offer(registry: Registry<Pve>) -> Registry<Pve> {
    registry
        .listed::<group::HaGroup>()
        .listed::<resource::HaResource>()
        .listed::<rule::nodes::HaRuleNodeAffinity>()
        .listed::<rule::together::HaRuleResourceAffinity>()
        .data::<status::HaStatus>()
        .action::<maintenance::NodeMaintenance>()
}
