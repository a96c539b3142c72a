//! `POST /nodes/{node}/qemu/{vmid}/clone` and `GET feature`.

use serde_json::{Value, json};

use super::{guest, vmid};
use crate::cluster::guests::clone::{Clone, Order, can_link};
use crate::kernel::{Call, PveError, Routes};

pub(super) fn routes(r: &mut Routes) {
    r.post("/nodes/{node}/qemu/{vmid}/clone", clone);
    r.get("/nodes/{node}/qemu/{vmid}/feature", feature);
}

fn clone(call: &mut Call<'_>) -> Result<Value, PveError> {
    let source = vmid(call);
    let text = |name: &str| call.params.text(name).map(str::to_owned);
    let (pool, target, storage, format) = (text("pool"), text("target"), text("storage"), text("format"));
    let (name, description) = (text("name"), text("description"));
    let newid = call.params.number("newid").unwrap_or_default();
    // A pool that is not there is refused as if it were one that may not be used, to root as well.
    if let Some(pool) = pool.as_ref().filter(|pool| !call.cluster.pools.all.contains_key(*pool)) {
        return Err(PveError::permission(&format!("pool '{pool}' does not exist")));
    }
    call.need_quorum()?;
    if let Some(target) = target.as_ref().filter(|target| call.cluster.nodes.get(target).is_none()) {
        return Err(PveError::new(format!("no such cluster node '{target}'")));
    }
    if let Some(storage) = storage.as_ref().filter(|_| !call.user.is_root()) {
        call.demand(&format!("/storage/{storage}"), &["Datastore.AllocateSpace"])?;
    }
    let config = &guest(call)?.config;
    let snapshot = text("snapname");
    let template = config.get("template") == Some("1");
    let full = call.params.flag("full").unwrap_or(!template);
    let bwlimit = call.params.int("bwlimit").and_then(|limit| u64::try_from(limit).ok());
    let order = Order { source, snapshot, newid, name, description, pool, storage, format, full, target, bwlimit };
    order.check(call.cluster, &call.node).map_err(PveError::new)?;
    Ok(call.task("qmclone", source.to_string(), Clone::new(order)))
}

/// Belief: what each storage can do is the table of pve-behaviour-3 2.2; recorded are files and RBD.
fn feature(call: &mut Call<'_>) -> Result<Value, PveError> {
    let feature = call.params.need("feature").to_owned();
    if let Some(name) = call.params.text("snapname") {
        return Err(PveError::new(format!("snapshot '{name}' does not exist")));
    }
    let config = guest(call)?.config.clone();
    let disks: Vec<_> = config.drives().filter(|(key, drive)| !key.is_unused() && !drive.is_cdrom()).collect();
    let cluster = &call.cluster;
    let can = disks.iter().all(|(_, drive)| {
        let kind = drive.storage().and_then(|id| cluster.storage.get(id)).map_or("", |storage| storage.kind.name);
        let format = cluster.volume(&call.node, &drive.volume).map(|volume| volume.format).unwrap_or_default();
        match feature.as_str() {
            "snapshot" => matches!(kind, "lvmthin" | "rbd" | "zfspool" | "btrfs") || format == "qcow2",
            "clone" => can_link(cluster, drive) || config.get("template") != Some("1"),
            _ => true,
        }
    });
    let on = |node: &String| {
        let mut ids = config.drives().filter_map(|(_, drive)| drive.storage().map(str::to_owned));
        *node == call.node
            || ids.all(|id| cluster.storage.usable(&id, node).is_ok_and(crate::cluster::storage::Storage::shared))
    };
    let nodes: Vec<String> = call.cluster.nodes.names().into_iter().filter(on).collect();
    Ok(json!({ "hasFeature": u8::from(can), "nodes": nodes }))
}
