//! Nodes and what is in them.

pub mod apt;
pub mod config;
pub mod disks;
pub mod dns;
pub mod file;
pub mod handed_through;
pub mod hosts;
pub mod network;
pub mod nodes;
pub mod partition;
mod power;
pub(crate) mod remote;
pub mod service;
pub mod sound;
pub mod time;
mod wipe;

use std::net::IpAddr;

use pve_client::Area;
use terraform_plugin::Registry;

use crate::ground::pve::Pve;
use crate::section::{Family, Made, Right, Sight};

/// What a node has one of.
const SETTING: Family = Family {
    area: Area::Nodes,
    write: Right { path: "/nodes/{node}", any: &["Sys.Modify"] },
    sight: Sight::With(Right { path: "/nodes/{node}", any: &["Sys.Audit"] }),
    made: Made::Already,
    ..Family::PLAIN
};

/// What this area offers.
pub fn offer(registry: Registry<Pve>) -> Registry<Pve> {
    registry
        .listed::<apt::repository::AptRepository>()
        .listed::<apt::standard::AptStandardRepository>()
        .object::<config::NodeConfig>()
        .query::<config::NodeConfig>()
        .data::<disks::NodeDisks>()
        .object::<dns::NodeDns>()
        .query::<dns::NodeDns>()
        .object::<file::NodeFile>()
        .object::<hosts::NodeHosts>()
        .query::<hosts::NodeHosts>()
        .data::<network::NodeNetwork>()
        .data::<nodes::Nodes>()
        .listed::<partition::DiskPartition>()
        .action::<power::NodePower>()
        .object::<service::NodeService>()
        .object::<time::NodeTime>()
        .query::<time::NodeTime>()
        .action::<wipe::DiskWipe>()
}

fn address(text: &String) -> Result<(), String> {
    text.parse::<IpAddr>().map(drop).map_err(|_| "must be an IP address".to_owned())
}
