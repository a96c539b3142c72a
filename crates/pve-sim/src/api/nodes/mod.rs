//! `/nodes`.

pub(crate) mod node;

use serde_json::{Value, json};

use crate::cluster::nodes::Node;
use crate::kernel::clock::Time;
use crate::kernel::{Call, PveError, Routes};

pub(crate) fn routes(r: &mut Routes) {
    r.get("/nodes", list);
    node::routes(r);
}

fn list(call: &mut Call<'_>) -> Result<Value, PveError> {
    let entry = |node: &Node| {
        let mut entry = json!({
            "id": format!("node/{}", node.name),
            "type": "node",
            "node": node.name,
            "status": if node.seems_online(call.now()) { "online" } else { "offline" },
            "level": "",
            "ssl_fingerprint": node.fingerprint,
        });
        if call.may(&format!("/nodes/{}", node.name), &["Sys.Audit"]) {
            add_figures(&mut entry, node, call.now());
            if !node.seems_online(call.now()) {
                ["cpu", "mem", "disk", "uptime"].into_iter().for_each(|figure| forget(&mut entry, figure));
            }
        }
        entry
    };
    Ok(call.cluster.nodes.iter().map(entry).collect())
}

fn forget(entry: &mut Value, key: &str) {
    if let Some(fields) = entry.as_object_mut() {
        fields.remove(key);
    }
}

/// What a node has and uses, as long as the others remember it.
pub(super) fn add_figures(entry: &mut Value, node: &Node, now: Time) {
    if !node.figures_known(now) {
        return;
    }
    entry["cpu"] = json!(0.02);
    entry["maxcpu"] = json!(node.cpus);
    entry["mem"] = json!(node.memory_used());
    entry["maxmem"] = json!(node.memory);
    entry["disk"] = json!(Node::ROOT_USED);
    entry["maxdisk"] = json!(Node::ROOT_SIZE);
    entry["uptime"] = json!(node.uptime(now));
}
