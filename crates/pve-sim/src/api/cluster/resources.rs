//! `/cluster/resources`: everything at a glance, filtered by what one may see.

use serde_json::{Value, json};

use crate::kernel::{Call, PveError, Routes};

pub(crate) fn routes(r: &mut Routes) {
    r.get("/cluster/resources", resources);
}

fn resources(call: &mut Call<'_>) -> Result<Value, PveError> {
    let wanted = call.params.text("type").map(str::to_owned);
    let wants = |kind: &str| wanted.as_deref().is_none_or(|wanted| wanted == kind);
    let mut list = Vec::new();
    if wants("vm") {
        list.extend(guests(call));
    }
    if wants("node") {
        list.extend(nodes(call));
    }
    Ok(list.into())
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
        if let Some(pool) = &guest.pool {
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
