//! `/cluster/status`: quorum and who is in it, as the serving node sees it.

use serde_json::{Value, json};

use crate::kernel::{Call, PveError, Routes};

pub(crate) fn routes(r: &mut Routes) {
    r.get("/cluster/status", status);
}

fn status(call: &mut Call<'_>) -> Result<Value, PveError> {
    let nodes = &call.cluster.nodes;
    let standalone = nodes.standalone();
    let mut list = Vec::new();
    if !standalone {
        list.push(json!({
            "type": "cluster",
            "id": "cluster",
            "name": call.cluster.name,
            "nodes": nodes.iter().count(),
            // Corosync's configuration was written once for each node that joined.
            "version": nodes.iter().count(),
            "quorate": u8::from(nodes.quorate(&call.node)),
        }));
    }
    list.extend(nodes.iter().map(|node| {
        json!({
            "type": "node",
            "id": format!("node/{}", node.name),
            "name": node.name,
            "nodeid": if standalone { 0 } else { node.id },
            "ip": node.ip,
            "local": u8::from(node.name == call.node),
            "online": u8::from(node.on),
            "level": "",
        })
    }));
    Ok(list.into())
}
