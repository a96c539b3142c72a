//! `/cluster/status`: quorum and who is in it, as the serving node sees it.

use serde_json::{Value, json};

use crate::kernel::{Call, PveError, Routes};

pub(crate) fn routes(r: &mut Routes) {
    r.get("/cluster/status", status);
}

fn status(call: &mut Call<'_>) -> Result<Value, PveError> {
    let nodes = &call.cluster.nodes;
    let entry = |name: &str, id: u32| {
        let known = nodes.get(name);
        let mut entry = json!({
            "type": "node",
            "id": format!("node/{name}"),
            "name": name,
            "nodeid": id,
            "local": u8::from(name == call.node),
            "online": u8::from(known.is_some_and(|node| node.on)),
            "level": "",
        });
        // Of one that was never there no address is known.
        if let Some(node) = known {
            entry["ip"] = json!(node.ip);
        }
        entry
    };
    // Corosync has just been started: it takes some seconds until it is heard of.
    let Some(corosync) = call.cluster.corosync.as_ref().filter(|corosync| corosync.told_from <= call.now()) else {
        return Ok(nodes.iter().map(|node| entry(&node.name, 0)).collect());
    };
    let mut list = vec![json!({
        "type": "cluster",
        "id": "cluster",
        "name": corosync.name,
        "nodes": corosync.members.len(),
        "version": corosync.version,
        "quorate": u8::from(nodes.quorate(&call.node)),
    })];
    list.extend(corosync.members.iter().map(|member| entry(&member.node, member.id)));
    Ok(list.into())
}
