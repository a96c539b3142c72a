//! `/cluster/config`: making a cluster, joining one, and removing a member.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::cluster::corosync::{Corosync, Membership, Newcomer};
use crate::cluster::singles::Joining;
use crate::kernel::params::property;
use crate::kernel::tasks::{Next, Steps, TaskCx, Upid};
use crate::kernel::{Call, PveError, Routes};

/// Corosync and the cluster's file system start.
/// Belief: "seconds"; nobody has measured them.
const START: Duration = Duration::from_secs(2);
/// For so long after that nothing is heard of the cluster yet.
const UNTOLD: Duration = Duration::from_secs(3);

pub(crate) fn routes(r: &mut Routes) {
    r.get("/cluster/config", index);
    r.post("/cluster/config", create);
    r.get("/cluster/config/nodes", nodes);
    r.post("/cluster/config/nodes/{node}", add);
    r.delete("/cluster/config/nodes/{node}", remove);
    r.get("/cluster/config/join", join_info);
    r.post("/cluster/config/join", join);
    r.get("/cluster/config/totem", totem);
    r.get("/cluster/config/qdevice", |_| Ok(json!({})));
    r.get("/cluster/config/apiversion", |_| Ok(json!("1")));
}

fn index(_: &mut Call<'_>) -> Result<Value, PveError> {
    Ok(["nodes", "totem", "join", "qdevice", "apiversion"].iter().map(|name| json!({ "name": name })).collect())
}

/// The links that were named: address and priority.
fn links(call: &Call<'_>) -> Result<BTreeMap<u32, (String, u32)>, PveError> {
    let mut links = BTreeMap::new();
    for link in 0..8 {
        let name = format!("link{link}");
        let Some(text) = call.params.text(&name) else { continue };
        let Some(keys) = property::keys("POST", "/cluster/config", &name) else { continue };
        let parsed = property::parse(&name, keys, text).map_err(|why| PveError::param(&name, why))?;
        let priority = parsed.get("priority").and_then(|text| text.parse().ok()).unwrap_or(0);
        links.insert(link, (parsed.get("address").cloned().unwrap_or_default(), priority));
    }
    Ok(links)
}

fn create(call: &mut Call<'_>) -> Result<Value, PveError> {
    const EXISTS: &str = "cluster config '/etc/pve/corosync.conf' already exists";
    if call.cluster.corosync.is_some() {
        return Err(PveError::new(EXISTS));
    }
    let name = call.params.need("clustername").to_owned();
    let mut links = links(call)?;
    if links.is_empty() {
        let ip = call.cluster.nodes.get(&call.node).map(|node| node.ip.clone()).unwrap_or_default();
        links.insert(0, (ip, 0));
    }
    let priorities = links.iter().map(|(link, (_, priority))| (*link, *priority)).collect();
    let founder = Membership {
        node: call.node.clone(),
        id: call.params.number("nodeid").unwrap_or(1),
        votes: call.params.number("votes").unwrap_or(1),
        addresses: links.into_iter().map(|(link, (address, _))| (link, address)).collect(),
    };
    let coefficient = call.params.int("token-coefficient").and_then(|c| c.try_into().ok()).unwrap_or(125);
    let id = name.clone();
    let steps = Steps::new()
        .run(|task| {
            // A second one that was begun at the same time.
            if task.cluster.corosync.is_some() {
                return Err(EXISTS.to_owned());
            }
            task.log("Corosync Cluster Engine Authentication key generator.");
            task.log("Gathering 2048 bits for key from /dev/urandom.");
            task.log("Writing corosync key to /etc/corosync/authkey.");
            task.log("Writing corosync config to /etc/pve/corosync.conf");
            Ok(())
        })
        .run(move |task| {
            let told_from = task.now() + START + UNTOLD;
            task.cluster.name.clone_from(&name);
            task.cluster.corosync = Some(Corosync::new(&name, founder, priorities, coefficient, told_from));
            task.log("Restart corosync and cluster filesystem");
            Ok(())
        })
        .wait(START);
    Ok(call.task("clustercreate", id, steps))
}

fn nodes(call: &mut Call<'_>) -> Result<Value, PveError> {
    let members = call.cluster.corosync.iter().flat_map(|corosync| &corosync.members);
    Ok(members
        .map(|member| {
            let mut entry = member.entry();
            entry["node"] = member.node.as_str().into();
            entry
        })
        .collect())
}

fn totem(call: &mut Call<'_>) -> Result<Value, PveError> {
    Ok(call.cluster.corosync.as_ref().map_or(Value::Null, Corosync::totem))
}

fn join_info(call: &mut Call<'_>) -> Result<Value, PveError> {
    let Some(corosync) = &call.cluster.corosync else {
        return Err(PveError::status(424, "node is not in a cluster, no join info available!"));
    };
    let preferred = call.params.text("node").unwrap_or(&call.node);
    if corosync.member(preferred).is_none() {
        return Err(PveError::new(format!("unknown node '{preferred}'")));
    }
    let entry = |member: &Membership| {
        let mut entry = member.entry();
        if let Some(node) = call.cluster.nodes.get(&member.node) {
            entry["pve_addr"] = node.ip.as_str().into();
            entry["pve_fp"] = node.fingerprint.as_str().into();
        }
        entry
    };
    Ok(json!({
        "nodelist": corosync.members.iter().map(entry).collect::<Value>(),
        "preferred_node": preferred,
        "totem": corosync.totem(),
        "config_digest": corosync.digest(),
    }))
}

fn newcomer(call: &Call<'_>) -> Result<Newcomer, PveError> {
    Ok(Newcomer {
        id: call.params.number("nodeid"),
        votes: call.params.number("votes"),
        addresses: links(call)?.into_iter().map(|(link, (address, _))| (link, address)).collect(),
        fallback: call.params.text("new_node_ip").map(str::to_owned),
        force: call.params.flag("force") == Some(true),
    })
}

/// What a joining node asks of a member, without which it does not join: by hand it is served only where it is refused.
fn add(call: &mut Call<'_>) -> Result<Value, PveError> {
    call.need_quorum()?;
    match call.cluster.corosync {
        None => Err(PveError::params(BTreeMap::from([("error0".to_owned(), "no nodes found".to_owned())]))
            .renamed(500, "invalid corosync.conf")),
        Some(_) => Err(call.left_out("POST /cluster/config/nodes/{node}")),
    }
}

fn join(call: &mut Call<'_>) -> Result<Value, PveError> {
    let joining = Joining {
        hostname: call.params.need("hostname").to_owned(),
        fingerprint: call.params.need("fingerprint").to_owned(),
        password: call.params.need("password").to_owned(),
        newcomer: newcomer(call)?,
        task: None,
    };
    // The peer is no part of what a node by itself sees: whoever knows both carries the task out.
    let upid = call.task("clusterjoin", "", |_: &mut TaskCx<'_>| Next::After(Duration::from_secs(3600)));
    let task = upid.as_str().and_then(Upid::parse);
    call.cluster.joining = Some(Joining { task, ..joining });
    Ok(upid)
}

fn remove(call: &mut Call<'_>) -> Result<Value, PveError> {
    call.need_quorum()?;
    let named = call.params.need("node").to_owned();
    let corosync = call.cluster.corosync.as_ref();
    let Some(member) = corosync.and_then(|corosync| corosync.known_as(&named)).map(|member| member.node.clone()) else {
        return Err(PveError::new(format!("Node/IP: {named} is not a known host of the cluster.")));
    };
    if member == call.node {
        return Err(PveError::new("Cannot delete myself from cluster!"));
    }
    call.cluster.remove_member(&member);
    Ok(Value::Null)
}
