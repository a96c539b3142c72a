//! `/nodes/{node}/network`: the list of what a node has of bridges and their ports.

use serde_json::{Value, json};

use crate::cluster::nodes::Node;
use crate::kernel::{Call, PveError, Routes};

pub(crate) fn routes(r: &mut Routes) {
    r.get("/nodes/{node}/network", list);
}

/// What PVE numbers its first interface with.
const FIRST: usize = 3;

fn list(call: &mut Call<'_>) -> Result<Value, PveError> {
    let Some(node) = call.cluster.nodes.get(&call.node) else { return Err(PveError::new("no such node")) };
    let (ports, bridges) = match call.params.text("type") {
        None | Some("include_sdn") => (true, true),
        Some("eth") => (true, false),
        Some("bridge" | "any_bridge" | "any_local_bridge") => (false, true),
        // Bonds, VLANs, Open vSwitch: there are none.
        Some(_) => (false, false),
    };
    // Belief: pve-manager, API2/Network.pm; recorded is that whoever has no right at all is shown no bridge.
    let seen = |name: &String| call.may_any(&format!("/sdn/zones/localnetwork/{name}"), &["SDN.Audit", "SDN.Use"]);
    let port = (ports && !node.bridges.is_empty()).then(|| port(FIRST));
    let bridges = node.bridges.iter().enumerate().filter(|(_, name)| bridges && seen(name));
    Ok(port.into_iter().chain(bridges.map(|(n, name)| bridge(node, name, n))).collect())
}

/// The port of the first bridge.
const PORT: &str = "eno1";

fn port(priority: usize) -> Value {
    json!({
        "iface": PORT, "type": "eth", "active": 1, "families": ["inet"], "method": "manual", "method6": "manual",
        "priority": priority,
    })
}

/// The first has the node's address, as PVE's installer makes it; the others have neither address nor ports.
fn bridge(node: &Node, name: &str, n: usize) -> Value {
    let mut entry = json!({
        "iface": name, "type": "bridge", "active": 1, "autostart": 1, "families": ["inet"], "method": "manual",
        "method6": "manual", "bridge_ports": "", "bridge_stp": "off", "bridge_fd": "0", "priority": FIRST + 1 + n,
    });
    if n == 0 {
        let gateway = node.ip.rsplit_once('.').map(|(net, _)| format!("{net}.254"));
        entry["method"] = json!("static");
        entry["bridge_ports"] = json!(PORT);
        entry["address"] = json!(node.ip);
        entry["netmask"] = json!("24");
        entry["cidr"] = json!(format!("{}/24", node.ip));
        entry["gateway"] = json!(gateway.unwrap_or_default());
    }
    entry
}

#[cfg(test)]
mod tests {
    use crate::bed::Bed;
    use crate::shape::Shape;

    const NETWORK: &str = "/nodes/pve1/network";

    fn bed() -> Bed {
        let shape = "
nodes: [{name: pve1, bridges: [vmbr0, lan]}, {name: pve2, bridges: []}]
users:
  - {userid: some@pve, acl: [{path: /sdn/zones/localnetwork/lan, role: PVESDNUser}]}
  - {userid: none@pve}
";
        Bed::new(Shape::from_yaml(shape).unwrap())
    }

    async fn names(bed: &Bed, user: &str, path: &str, kind: &[(&str, &str)]) -> Vec<String> {
        let reply = bed.send(bed.ticket(user), "GET", path, kind).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        let answer: serde_json::Value = serde_json::from_str(&reply.body).unwrap();
        answer["data"].as_array().unwrap().iter().map(|one| one["iface"].as_str().unwrap().to_owned()).collect()
    }

    #[tokio::test]
    async fn interfaces_are_listed_by_type() {
        let bed = bed();
        for (kind, there) in [
            (None, vec!["eno1", "vmbr0", "lan"]),
            (Some("include_sdn"), vec!["eno1", "vmbr0", "lan"]),
            (Some("eth"), vec!["eno1"]),
            (Some("any_bridge"), vec!["vmbr0", "lan"]),
            (Some("any_local_bridge"), vec!["vmbr0", "lan"]),
            (Some("OVSBridge"), vec![]),
        ] {
            let params: Vec<_> = kind.map(|kind| ("type", kind)).into_iter().collect();
            assert_eq!(names(&bed, "root@pam", NETWORK, &params).await, there, "{kind:?}");
        }
        assert_eq!(names(&bed, "root@pam", "/nodes/pve2/network", &[]).await, [""; 0]);
    }

    #[tokio::test]
    async fn bridges_are_shown_to_those_who_may_see_them() {
        let bed = bed();
        assert_eq!(names(&bed, "some@pve", NETWORK, &[("type", "any_bridge")]).await, ["lan"]);
        assert_eq!(names(&bed, "none@pve", NETWORK, &[]).await, ["eno1"]);
    }
}
