//! `pve_node_network`: the addresses of all nodes.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use pve_client::{Area, Request, segment, wire};
use serde::Deserialize;
use terraform_plugin::{Cx, DataSource, Error, Model, Need, Nested};

use crate::ground::error::{During, Problem};
use crate::ground::everywhere;
use crate::ground::pve::Pve;

/// The network interfaces of every node with their addresses, as they are configured (`/etc/network/interfaces`, with what is
/// not applied yet): for a precondition that every node has an address in Ceph's network, say.
///
/// Addresses that come from DHCP, or from what PVE does not configure (a VPN), are not among them. A node that does not answer
/// is warned of, and what it has is null.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "node_network", area = "Nodes")]
pub struct NodeNetwork {
    /// The nodes by name.
    #[attr(computed)]
    pub nodes: Option<BTreeMap<String, Networks>>,
}

/// What a node has.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct Networks {
    /// Its addresses, such as `192.0.2.11/24`. Null while the node does not answer.
    #[attr(computed)]
    pub addresses: Option<BTreeSet<String>>,
    /// The networks that these are in, such as `192.0.2.0/24`. Null while the node does not answer.
    #[attr(computed)]
    pub networks: Option<BTreeSet<String>>,
    /// Its interfaces by name. Null while the node does not answer.
    #[attr(computed)]
    pub interfaces: Option<BTreeMap<String, Interface>>,
}

/// An interface.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct Interface {
    /// `eth`, `bridge`, `bond`, `vlan`, ...
    #[attr(computed)]
    pub r#type: Option<String>,
    /// Whether it is up.
    #[attr(computed)]
    pub active: Option<bool>,
    /// Whether it is brought up when the node boots.
    #[attr(computed)]
    pub autostart: Option<bool>,
    /// Its addresses, such as `192.0.2.11/24`.
    #[attr(computed)]
    pub addresses: Option<BTreeSet<String>>,
    /// Where packets for everywhere else go; null where none is set.
    #[attr(computed)]
    pub gateway: Option<String>,
    /// The same for IPv6.
    #[attr(computed)]
    pub gateway6: Option<String>,
    /// The ports of a bridge, or the members of a bond.
    #[attr(computed)]
    pub ports: Option<BTreeSet<String>>,
    /// The size of packets, where one is set.
    #[attr(computed)]
    pub mtu: Option<u32>,
}

/// An entry of `GET /nodes/{node}/network`.
#[derive(Clone, Debug, Deserialize)]
struct Live {
    iface: String,
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default, deserialize_with = "wire::boolean")]
    active: bool,
    #[serde(default, deserialize_with = "wire::boolean")]
    autostart: bool,
    #[serde(default)]
    cidr: Option<String>,
    #[serde(default)]
    cidr6: Option<String>,
    #[serde(default)]
    gateway: Option<String>,
    #[serde(default)]
    gateway6: Option<String>,
    #[serde(default)]
    bridge_ports: Option<String>,
    #[serde(default)]
    slaves: Option<String>,
    #[serde(default, deserialize_with = "wire::opt_number")]
    mtu: Option<u32>,
}

impl DataSource<Pve> for NodeNetwork {
    fn needs() -> Vec<Need> {
        // Without it PVE leaves out the bridges.
        vec![Need::to_plan("/sdn/zones/localnetwork", &["SDN.Audit"])]
    }

    async fn read(cx: &Cx<Pve>, _config: Self) -> Result<Self, Error> {
        let all = everywhere::ask(cx, "What it has is null", |node| async move {
            let request = Request::get(format!("nodes/{}/network", segment(&node))).node(&node);
            let doing = format!("Cannot list the network interfaces of node {node}");
            let found = cx.client.shared::<Vec<Live>>(Area::Nodes, request).await.during(doing);
            found.map_err(Problem::node_at_fault)
        })
        .await?;
        let nodes = all.into_iter().map(|(node, found)| (node, found.map(|found| of(&found)).unwrap_or_default()));
        Ok(Self { nodes: Some(nodes.collect()) })
    }
}

fn of(found: &[Live]) -> Networks {
    let interfaces: BTreeMap<String, Interface> =
        found.iter().map(|live| (live.iface.clone(), Interface::of(live))).collect();
    let addresses: BTreeSet<String> =
        interfaces.values().flat_map(|one| one.addresses.iter().flatten()).cloned().collect();
    let networks = addresses.iter().filter_map(|address| network(address)).collect();
    Networks { addresses: Some(addresses), networks: Some(networks), interfaces: Some(interfaces) }
}

impl Interface {
    fn of(live: &Live) -> Self {
        let ports = [&live.bridge_ports, &live.slaves].into_iter().flatten().flat_map(|list| list.split_whitespace());
        Self {
            r#type: Some(live.kind.clone()),
            active: Some(live.active),
            autostart: Some(live.autostart),
            addresses: Some([&live.cidr, &live.cidr6].into_iter().flatten().cloned().collect()),
            gateway: live.gateway.clone().filter(|gateway| !gateway.is_empty()),
            gateway6: live.gateway6.clone().filter(|gateway| !gateway.is_empty()),
            ports: Some(ports.map(str::to_owned).collect()),
            mtu: live.mtu,
        }
    }
}

/// The network that an address is in: `192.0.2.0/24` for `192.0.2.11/24`.
fn network(address: &str) -> Option<String> {
    let (address, bits) = address.split_once('/')?;
    let bits: u32 = bits.parse().ok()?;
    let net = match address.parse::<IpAddr>().ok()? {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32_u32.checked_sub(bits)?).unwrap_or(0);
            IpAddr::V4(Ipv4Addr::from_bits(address.to_bits() & mask))
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128_u32.checked_sub(bits)?).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & mask))
        }
    };
    Some(format!("{net}/{bits}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_its_first_address() {
        for (address, net) in [
            ("192.0.2.11/24", Some("192.0.2.0/24")),
            ("10.0.0.7/32", Some("10.0.0.7/32")),
            ("10.0.0.7/0", Some("0.0.0.0/0")),
            ("2001:db8:1:2:3::9/64", Some("2001:db8:1:2::/64")),
            ("2001:db8::1/0", Some("::/0")),
            ("10.0.0.7/33", None),
            ("10.0.0.7", None),
            ("pve1/24", None),
        ] {
            assert_eq!(network(address).as_deref(), net, "{address}");
        }
    }

    #[test]
    fn a_recorded_node_is_read() {
        let truth = format!("{}/crates/pve-sim/truth/pve/07-cluster-disks.json", env!("CARGO_MANIFEST_DIR"));
        let calls: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(truth).unwrap()).unwrap();
        let listed = calls.as_array().unwrap().iter().find(|call| call["request"]["path"] == "/nodes/pve1/network");
        let found: Vec<Live> = serde_json::from_value(listed.unwrap()["response"]["data"].clone()).unwrap();
        let node = of(&found);
        assert_eq!(node.addresses, Some(["192.0.2.11/24".to_owned()].into()));
        assert_eq!(node.networks, Some(["192.0.2.0/24".to_owned()].into()));
        let interfaces = node.interfaces.unwrap();
        assert_eq!(interfaces.keys().collect::<Vec<_>>(), ["eno1", "eth0", "vmbr0"]);
        let bridge = &interfaces["vmbr0"];
        assert_eq!((bridge.ports.clone(), bridge.active), (Some(["eno1".to_owned()].into()), Some(false)));
        assert_eq!((bridge.gateway.as_deref(), interfaces["eth0"].active), (Some("192.0.2.1"), Some(true)));
    }
}
