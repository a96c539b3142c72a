//! `/cluster/resources`: everything at a glance, filtered by what one may see.

use serde_json::{Value, json};

use crate::kernel::{Call, PveError, Routes};

pub(crate) fn routes(r: &mut Routes) {
    r.get("/cluster/resources", resources);
}

fn resources(call: &mut Call<'_>) -> Result<Value, PveError> {
    let mut list = visible(call);
    if let Some(wanted) = call.params.text("type") {
        let kinds: &[&str] = if wanted == "vm" { &["qemu", "lxc"] } else { &[wanted] };
        list.retain(|entry| entry["type"].as_str().is_some_and(|kind| kinds.contains(&kind)));
    }
    Ok(list.into())
}

/// Everything that the user may see, of every type.
pub(in crate::api) fn visible(call: &Call<'_>) -> Vec<Value> {
    let mut list = guests(call);
    list.extend(nodes(call));
    list.extend(pools(call));
    list
}

fn pools(call: &Call<'_>) -> Vec<Value> {
    let visible = call.cluster.pools.all.keys().filter(|id| call.may(&format!("/pool/{id}"), &["Pool.Audit"]));
    visible.map(|id| json!({ "id": format!("/pool/{id}"), "pool": id, "type": "pool" })).collect()
}

fn guests(call: &Call<'_>) -> Vec<Value> {
    let visible = call.cluster.guests.all.iter().filter(|(vmid, _)| call.may(&format!("/vms/{vmid}"), &["VM.Audit"]));
    let entry = |(vmid, guest): (&u32, &crate::cluster::guests::Guest)| {
        let mut entry = json!({
            "id": format!("qemu/{vmid}"),
            "type": "qemu",
            "vmid": vmid,
            "node": guest.node,
            "name": guest.config.get("name").cloned().unwrap_or_else(|| format!("VM {vmid}")),
            "status": if guest.running { "running" } else { "stopped" },
            "template": 0,
        });
        if let Some(pool) = call.cluster.pools.of_vm(*vmid) {
            entry["pool"] = json!(pool);
        }
        entry
    };
    visible.map(entry).collect()
}

fn nodes(call: &Call<'_>) -> Vec<Value> {
    let entry = |node: &crate::cluster::nodes::Node| {
        let mut entry = json!({
            "id": format!("node/{}", node.name),
            "type": "node",
            "node": node.name,
            "status": if node.on { "online" } else { "offline" },
            "level": "",
            "cgroup-mode": 2,
            "hastate": if node.on { "online" } else { "unknown" },
        });
        if call.may(&format!("/nodes/{}", node.name), &["Sys.Audit"]) {
            super::super::nodes::add_figures(&mut entry, node, call.now());
        }
        entry
    };
    call.cluster.nodes.iter().map(entry).collect()
}
