//! Whether a node has the address that a monitor is to have. PVE looks for that itself before it makes the monitor; where one
//! goes for it, that is too late.

use std::net::IpAddr;
use std::sync::Arc;

use pve_client::api::cluster::Member;
use pve_client::{Area, Request};
use serde::Deserialize;
use terraform_plugin::{Cx, Error, Findings};

use super::monitor::CephMonitor;
use crate::ground::error::Problem;
use crate::ground::pve::Pve;

/// `GET /nodes/NODE/network`: what stands in the node's `/etc/network/interfaces`.
#[derive(Deserialize)]
struct Interface {
    #[serde(default)]
    address: Option<String>,
    #[serde(default)]
    address6: Option<String>,
}

/// Tells of an address that the node is not known to have: it may have it in a way of which PVE's list knows nothing (DHCP, a
/// routing daemon). That is a word in the plan where nothing is lost by a try; where a monitor is replaced, the plan fails.
pub(super) async fn look(
    cx: &Cx<Pve>,
    address: &str,
    on: &Member,
    replaces: bool,
    found: &mut Findings<CephMonitor>,
) -> Result<(), Error> {
    if on.ip.as_deref() == Some(address) {
        return Ok(());
    }
    let request = Request::get(format!("nodes/{}/network", on.name));
    // Who cannot tell is no hindrance.
    let Ok(interfaces) = cx.client.shared::<Vec<Interface>>(Area::Nodes, request).await else { return Ok(()) };
    let interfaces: Arc<Vec<Interface>> = interfaces;
    let mut there: Vec<&str> =
        interfaces.iter().flat_map(|one| [&one.address, &one.address6]).flatten().map(bare).collect();
    let wanted = address.parse::<IpAddr>().ok();
    if wanted.is_none() || there.iter().any(|one| one.parse().ok() == wanted) {
        return Ok(());
    }
    there.extend(on.ip.as_deref().filter(|ip| !there.contains(ip)));
    let there = if there.is_empty() { "none".to_owned() } else { there.join(", ") };
    let node = &on.name;
    if !replaces {
        let said = format!(
            "{address} is not among the addresses that PVE lists for {node}: {there}. Unless the node has it all the \
                            same, the apply will fail, with nothing written."
        );
        found.notice(Problem::new("A monitor's node is not known to have its address", said).at("address"));
        return Ok(());
    }
    let problem = Problem::new(
        format!("Node {node} is not known to have the address {address}"),
        format!(
            "The monitor that is there would be destroyed first, and PVE would then refuse the new one. Nothing was written. Addresses \
             that PVE lists for {node}: {there}. If the node has it all the same, take the monitor out of the configuration, apply, \
             and put it in again with the new address."
        ),
    );
    found.certain(problem.at("address"));
    Ok(())
}

/// `10.0.0.1` of `10.0.0.1/24`.
fn bare(address: &String) -> &str {
    address.split('/').next().unwrap_or_default()
}
