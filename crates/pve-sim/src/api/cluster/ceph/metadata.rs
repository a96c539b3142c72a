//! `GET /cluster/ceph/metadata`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::cluster::ceph::Ceph;
use crate::kernel::{Call, PveError, Routes};

pub(super) fn routes(r: &mut Routes) {
    r.get("/cluster/ceph/metadata", metadata);
}

/// What daemons and nodes tell of themselves; works without Ceph, with nothing in it.
fn metadata(call: &mut Call<'_>) -> Result<Value, PveError> {
    let versions_only = call.params.text("scope") == Some("versions");
    let ceph = call.cluster.ceph_now();
    let installed = ceph.nodes.iter().filter(|(_, n)| n.installed);
    let nodes: BTreeMap<&String, Value> = installed
        .map(|(name, _)| {
            let parts: Vec<&str> = ceph.release.short().split('.').collect();
            let version = json!({ "str": ceph.release.short(), "parts": parts });
            (name, json!({ "version": version, "buildcommit": ceph.release.commit() }))
        })
        .collect();
    if versions_only {
        return Ok(json!({ "node": nodes }));
    }
    let quorate = ceph.has_quorum();
    let mons: BTreeMap<String, Value> = ceph
        .mons
        .iter()
        .filter(|m| quorate && m.in_quorum)
        .map(|m| {
            let addrs = format!("[v2:{0}:3300/0,v1:{0}:6789/0]", m.ip);
            (format!("{0}@{1}", m.name, m.node), daemon(ceph, &m.name, &m.node, &addrs))
        })
        .collect();
    let mgrs: BTreeMap<String, Value> = ceph
        .mgrs
        .iter()
        .filter(|m| quorate && m.seen)
        .map(|m| (format!("{0}@{1}", m.name, m.node), daemon(ceph, &m.name, &m.node, "")))
        .collect();
    let mdss: BTreeMap<String, Value> = ceph
        .mdss
        .iter()
        .map(|mds| &mds.daemon)
        .filter(|m| quorate && m.seen)
        .map(|m| (format!("{0}@{1}", m.name, m.node), daemon(ceph, &m.name, &m.node, "")))
        .collect();
    let osds: Vec<Value> = if quorate { ceph.osds.keys().filter_map(|id| osd(ceph, *id)).collect() } else { vec![] };
    Ok(json!({ "node": nodes, "mon": mons, "mgr": mgrs, "mds": mdss, "osd": osds }))
}

fn daemon(ceph: &Ceph, name: &str, node: &str, addrs: &str) -> Value {
    json!({
        "name": name, "hostname": node, "addrs": addrs, "ceph_version": ceph.release.long(),
        "ceph_version_short": ceph.release.short(), "ceph_release": ceph.release.name(), "service": true,
        "direxists": true, "arch": "x86_64", "os": "Linux", "distro": "debian",
    })
}

fn osd(ceph: &Ceph, id: u32) -> Option<Value> {
    let osd = ceph.osds.get(&id).filter(|o| o.booted)?;
    let device = osd.device.as_ref()?;
    let name = device.path.rsplit('/').next().unwrap_or_default();
    Some(json!({
        "id": id, "hostname": osd.node, "ceph_version": ceph.release.long(), "ceph_version_short": ceph.release.short(),
        "ceph_release": ceph.release.name(), "default_device_class": device.kind, "devices": name,
        "osd_data": format!("/var/lib/ceph/osd/ceph-{id}"), "osd_objectstore": "bluestore",
        "bluestore_bdev_size": device.size.to_string(), "arch": "x86_64", "os": "Linux", "distro": "debian",
    }))
}
