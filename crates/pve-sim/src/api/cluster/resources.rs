//! `/cluster/resources`: everything at a glance, filtered by what one may see.

use std::time::Duration;

use serde_json::{Value, json};

use crate::cluster::guests::Guest;
use crate::kernel::{Call, PveError, Routes};

pub(crate) fn routes(r: &mut Routes) {
    r.get("/cluster/resources", resources);
}

fn resources(call: &mut Call<'_>) -> Result<Value, PveError> {
    let mut list = visible(call);
    list.extend(zones(call));
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
    list.extend(storages(call));
    list.extend(pools(call));
    list
}

/// The zone that every cluster has, on each node: what the nodes' own bridges are in.
// Belief: that it takes the right to see the zone. Root alone was recorded, and a user who saw none.
fn zones(call: &Call<'_>) -> Vec<Value> {
    if !call.may_any("/sdn/zones/localnetwork", &["SDN.Audit", "SDN.Allocate"]) {
        return Vec::new();
    }
    let online = |name: &&String| call.cluster.nodes.online(name);
    let entry = |name: &String| {
        json!({
            "id": format!("network/{name}/zone/localnetwork"),
            "network": "localnetwork",
            "network-type": "zone",
            "node": name,
            "status": "ok",
            "type": "network",
        })
    };
    call.cluster.nodes.names().iter().filter(online).map(entry).collect()
}

fn pools(call: &Call<'_>) -> Vec<Value> {
    let visible = call.cluster.pools.all.keys().filter(|id| call.may(&format!("/pool/{id}"), &["Pool.Audit"]));
    visible.map(|id| json!({ "id": format!("/pool/{id}"), "pool": id, "type": "pool" })).collect()
}

fn guests(call: &Call<'_>) -> Vec<Value> {
    let visible = call.cluster.guests.all.iter().filter(|(vmid, _)| call.may(&format!("/vms/{vmid}"), &["VM.Audit"]));
    let entry = |(vmid, guest): (&u32, &Guest)| {
        let (config, kind) = (&guest.config, guest.kind.name());
        let mut entry = json!({ "id": format!("{kind}/{vmid}"), "type": kind, "vmid": vmid, "node": guest.node });
        let known = call.cluster.nodes.get(&guest.node).is_some_and(|node| node.figures_known(call.now()));
        // A node tells of its guests every ten seconds; of a new one nobody knows more than its configuration.
        let told = call.now().since(guest.since) >= BROADCAST;
        if known && told {
            let figures = told_figures(call, *vmid, guest);
            for (to, from) in FIGURES {
                if let Some(figure) = figures.get(*from) {
                    entry[*to] = figure.clone();
                }
            }
            if guest.is_container() {
                // Who has no limit of cores is shown with those of the node.
                let cores = || call.cluster.nodes.get(&guest.node).map_or(1, |node| node.cpus);
                entry["maxcpu"] = figures.get("cpus").cloned().unwrap_or_else(|| json!(cores()));
                entry["memhost"] = json!(0);
            }
            entry["diskread"] = json!(0);
            entry["diskwrite"] = json!(0);
            entry["template"] = json!(u8::from(config.get("template") == Some("1")));
        } else {
            entry["status"] = json!("unknown");
        }
        if let Some(state) = call.cluster.ha.hastate(*vmid) {
            entry["hastate"] = json!(state);
        }
        for key in ["lock", "tags"] {
            if let Some(text) = config.get(key) {
                entry[key] = json!(text);
            }
        }
        if let Some(pool) = call.cluster.pools.of_vm(*vmid) {
            entry["pool"] = json!(pool);
        }
        entry
    };
    visible.map(entry).collect()
}

/// What its node last told of it: what a dead node said stands for a while.
fn told_figures(call: &Call<'_>, vmid: u32, guest: &Guest) -> Value {
    match call.cluster.nodes.get(&guest.node).and_then(|node| Some((node, node.off_since?))) {
        Some((node, off)) => {
            let then = Guest { running: node.ran.get(&vmid).cloned(), ..guest.clone() };
            then.figures(vmid, off)
        }
        None => guest.figures(vmid, call.now()),
    }
}

/// How often nodes tell the others what runs on them.
const BROADCAST: Duration = Duration::from_secs(10);

/// What is shown of a guest, and what its node calls that.
const FIGURES: &[(&str, &str)] = &[
    ("name", "name"),
    ("status", "status"),
    ("cpu", "cpu"),
    ("maxcpu", "cpus"),
    ("mem", "mem"),
    ("memhost", "memhost"),
    ("maxmem", "maxmem"),
    ("disk", "disk"),
    ("maxdisk", "maxdisk"),
    ("netin", "netin"),
    ("netout", "netout"),
    ("uptime", "uptime"),
];

fn storages(call: &Call<'_>) -> Vec<Value> {
    let mut list = Vec::new();
    let sees = ["Datastore.Audit", "Datastore.AllocateSpace"];
    let all = call.cluster.storage.all.values();
    for storage in all.filter(|storage| storage.enabled() && call.may_any(&format!("/storage/{}", storage.id), &sees)) {
        for node in call.cluster.nodes.iter().filter(|node| storage.on(&node.name)) {
            let usage = call.cluster.usage(storage, &node.name);
            let known = usage.active && node.figures_known(call.now());
            let mut entry = json!({
                "id": format!("storage/{}/{}", node.name, storage.id),
                "type": "storage",
                "storage": storage.id,
                "node": node.name,
                "plugintype": storage.kind.name,
                "content": storage.contents().into_iter().collect::<Vec<_>>().join(","),
                "shared": u8::from(storage.shared()),
                "status": if known { "available" } else { "unknown" },
            });
            if known {
                entry["disk"] = json!(usage.used);
                entry["maxdisk"] = json!(usage.total);
            }
            list.push(entry);
        }
    }
    list
}

fn nodes(call: &Call<'_>) -> Vec<Value> {
    let entry = |node: &crate::cluster::nodes::Node| {
        let mut entry = json!({
            "id": format!("node/{}", node.name),
            "type": "node",
            "node": node.name,
            "status": if node.seems_online(call.now()) { "online" } else { "offline" },
            "level": "",
            "cgroup-mode": 2,
            "hastate": call.cluster.ha.node_hastate(&node.name).unwrap_or(if node.on { "online" } else { "unknown" }),
        });
        if call.may(&format!("/nodes/{}", node.name), &["Sys.Audit"]) {
            super::super::nodes::add_figures(&mut entry, node, call.now());
        }
        entry
    };
    call.cluster.nodes.iter().map(entry).collect()
}
