//! Whether the bridges are there that network cards are to be on: PVE takes any name into the configuration, and the VM fails
//! at its start.

use std::collections::{BTreeMap, BTreeSet};

use pve_client::api::qemu::config::Config;
use pve_client::{Area, Request};
use serde::Deserialize;
use terraform_plugin::{Cx, Findings, Path};

use super::Vm;
use super::networks::index;
use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;
use crate::section::listed;

/// `GET /nodes/NODE/network?type=any_bridge`: bridges of Linux and of Open vSwitch, and SDN's vnets.
#[derive(Deserialize)]
struct Bridge {
    iface: String,
}

/// One of these is what PVE wants to see of somebody who is shown a bridge.
const SEES: [&str; 2] = ["SDN.Audit", "SDN.Use"];

/// Looks for the bridges of cards that are new or go to another one. `node` is where the VM is, or will be.
pub async fn look(
    cx: &Cx<Pve>,
    want: &Vm,
    prior: Option<&Vm>,
    live: Option<&Config>,
    node: &str,
    found: &mut Findings<Vm>,
) {
    let wanted = wanted(want, prior, live);
    if wanted.is_empty() {
        return;
    }
    // A node that cannot tell is no hindrance: so it was before this was looked for.
    let Ok(there) = bridges(cx, node).await else { return };
    for (card, bridge) in wanted {
        if !there.iter().any(|name| name == bridge) && sees_all(cx, bridge).await {
            found.mendable(missing(node, card, bridge, &there));
        }
    }
}

/// The same for a new VM whose node is not chosen yet: tells of it if no node has all the bridges. Nodes are asked until one
/// has.
pub async fn look_anywhere(cx: &Cx<Pve>, want: &Vm, found: &mut Findings<Vm>) {
    let wanted = wanted(want, None, None);
    if wanted.is_empty() {
        return;
    }
    let Ok(nodes) = cx.client.nodes().list().await else { return };
    let mut seen = BTreeSet::new();
    for node in nodes.iter().filter(|node| node.is_online()) {
        // One that cannot tell may have them.
        let Ok(there) = bridges(cx, &node.node).await else { return };
        if wanted.values().all(|bridge| there.iter().any(|name| name == bridge)) {
            return;
        }
        seen.extend(there);
    }
    for bridge in wanted.values() {
        if !sees_all(cx, bridge).await {
            return;
        }
    }
    let mut nowhere = wanted.iter().filter(|(_, bridge)| !seen.contains(**bridge)).peekable();
    if nowhere.peek().is_none() {
        let all: BTreeSet<String> = wanted.values().map(|bridge| (*bridge).to_owned()).collect();
        let what = format!(
            "Each is on some node, and none has all of {}. Nothing was written. Make them on one node, or name other ones.",
            listed(&all)
        );
        found.mendable(Problem::new("No node has all bridges of the VM", what).at("networks"));
    }
    for (card, bridge) in nowhere {
        found.mendable(missing_anywhere(card, bridge, &seen));
    }
}

/// Whether a node has the bridges of a new VM, or cannot tell.
pub async fn has_all(cx: &Cx<Pve>, want: &Vm, node: &str) -> bool {
    let wanted = wanted(want, None, None);
    if wanted.is_empty() {
        return true;
    }
    let Ok(there) = bridges(cx, node).await else { return true };
    wanted.values().all(|bridge| there.iter().any(|name| name == bridge))
}

/// The cards to be looked at, with their bridges.
fn wanted<'a>(want: &'a Vm, prior: Option<&Vm>, live: Option<&Config>) -> BTreeMap<&'a str, &'a str> {
    let cards = want.networks.iter().flatten().filter_map(|(name, card)| {
        let bridge = card.bridge.as_deref()?;
        let before = prior.and_then(|prior| prior.networks.as_ref()?.get(name)?.bridge.as_deref());
        let is = live.and_then(|live| live.nets.get(&index(name)?)?.bridge.as_deref());
        (before != Some(bridge) && is != Some(bridge)).then_some((name.as_str(), bridge))
    });
    cards.collect()
}

/// The bridges of a node, as far as we may see them.
pub async fn bridges(cx: &Cx<Pve>, node: &str) -> Result<Vec<String>, Problem> {
    let request = Request::get(format!("nodes/{node}/network")).param("type", "any_bridge");
    let there = cx.client.shared::<Vec<Bridge>>(Area::Nodes, request).await;
    let there = there.during(format!("Cannot list the bridges of node {node}"))?;
    let mut names: Vec<String> = there.iter().map(|bridge| bridge.iface.clone()).collect();
    names.sort();
    Ok(names)
}

/// Whether we would be shown the bridge if it were there, as one of the node or as a vnet of any zone: PVE leaves out what one
/// may not see. Who may not use it either is refused by PVE in its own words.
pub async fn sees_all(cx: &Cx<Pve>, bridge: &str) -> bool {
    let access = cx.client.access();
    let local = format!("/sdn/zones/localnetwork/{bridge}");
    let (zones, local) = match (access.on("/sdn/zones").await, access.on(&local).await) {
        (Ok(zones), Ok(local)) => (zones, local),
        _ => return false,
    };
    SEES.iter().any(|privilege| zones.propagates(privilege)) && local.has_any(&SEES)
}

fn missing(node: &str, card: &str, bridge: &str, there: &[String]) -> Problem {
    let there = if there.is_empty() { "none".to_owned() } else { there.join(", ") };
    Problem::new(
        format!("Node {node} has no bridge \"{bridge}\""),
        format!(
            "PVE would take it for {card}, and the VM would fail at its start. Nothing was written. Bridges of {node}: {there}. \
             Name one of them, or make it first; one that stands in a file which PVE does not read (`interfaces.d`) has to be \
             declared in `/etc/network/interfaces`."
        ),
    )
    .at(Path::attr("networks").key(card).at("bridge"))
}

fn missing_anywhere(card: &str, bridge: &str, there: &BTreeSet<String>) -> Problem {
    let there = listed(there);
    Problem::new(
        format!("No node has a bridge \"{bridge}\""),
        format!(
            "It is wanted for {card}, and the VM could start nowhere. Nothing was written. Bridges of the nodes: {there}. Name one of \
             them, or make it first."
        ),
    )
    .at(Path::attr("networks").key(card).at("bridge"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vm::vm::Network;

    fn vm(cards: &[(&str, Option<&str>)]) -> Vm {
        let card = |bridge: &Option<&str>| Network { bridge: bridge.map(str::to_owned), ..Network::default() };
        let cards = cards.iter().map(|(name, bridge)| ((*name).to_owned(), card(bridge)));
        Vm { networks: Some(cards.collect()), ..Vm::default() }
    }

    #[test]
    fn only_new_and_changed_cards_are_looked_at() {
        let want = vm(&[("net0", Some("vmbr0")), ("net1", Some("vmbr1")), ("net2", None)]);
        assert_eq!(wanted(&want, None, None).into_iter().collect::<Vec<_>>(), [("net0", "vmbr0"), ("net1", "vmbr1")]);
        let prior = vm(&[("net0", Some("vmbr0")), ("net1", Some("vmbr0"))]);
        assert_eq!(wanted(&want, Some(&prior), None).into_iter().collect::<Vec<_>>(), [("net1", "vmbr1")]);
        let live = Config::read([("net1".to_owned(), "virtio=BC:24:11:53:39:1B,bridge=vmbr1".to_owned())].into());
        assert!(wanted(&want, Some(&prior), Some(&live)).is_empty(), "it is there already");
    }

    #[test]
    fn vnets_are_bridges_too() {
        let recorded = r#"[
            {"type": "vnet", "iface": "vx", "active": "1", "vlanaware": 0, "comments": null, "ipam": 0},
            {"address": "10.98.76.11", "bridge_ports": "eth0", "iface": "vmbr0", "type": "bridge", "active": 1}
        ]"#;
        let there: Vec<Bridge> = serde_json::from_str(recorded).unwrap();
        assert_eq!(there.iter().map(|bridge| bridge.iface.as_str()).collect::<Vec<_>>(), ["vx", "vmbr0"]);
    }
}
