//! `/nodes/{node}/ceph/osd`.

mod create;
mod destroy;
mod details;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Need, ceph};
use crate::cluster::ceph::{Ceph, Osd, Role};
use crate::kernel::{Call, PveError, Routes};

pub(super) fn routes(r: &mut Routes) {
    r.get("/nodes/{node}/ceph/osd", list);
    r.get("/nodes/{node}/ceph/osd/{osdid}", index);
    r.post("/nodes/{node}/ceph/osd/{osdid}/in", |call| mark(call, true));
    r.post("/nodes/{node}/ceph/osd/{osdid}/out", |call| mark(call, false));
    r.post("/nodes/{node}/ceph/osd/{osdid}/scrub", scrub);
    create::routes(r);
    destroy::routes(r);
    details::routes(r);
}

/// The tree, with what PVE adds from `osd df`, `osd perf` and the OSDs' metadata.
fn list(call: &mut Call<'_>) -> Result<Value, PveError> {
    let ceph = ceph(call, Need::Monitors)?;
    if !ceph.manager_answers() {
        return Err(PveError::new("error with 'osd df': got timeout"));
    }
    let tree = ceph.osd_tree_json();
    // What has no place in the tree (yet) is not shown: a new OSD until it has come up.
    let rows: Vec<&Value> = tree["nodes"].as_array().into_iter().flatten().collect();
    let child_ids: Vec<&Value> = rows.iter().filter_map(|row| row["children"].as_array()).flatten().collect();
    let tops = rows.iter().filter(|row| !child_ids.contains(&&row["id"]));
    let pgs = ceph.report().pgs_by_osd();
    let children: Vec<Value> = tops.map(|row| entry(ceph, &pgs, &rows, row, None)).collect();
    let (flags, _) = ceph.all_flags();
    Ok(json!({ "root": { "leaf": 0, "children": children }, "flags": flags.join(",") }))
}

/// PGs by OSD.
type Pgs = BTreeMap<u32, u32>;

fn entry(ceph: &Ceph, pgs: &Pgs, rows: &[&Value], row: &Value, parent: Option<&str>) -> Value {
    let id = row["id"].as_i64().unwrap_or(0);
    let name = row["name"].as_str().unwrap_or_default();
    // Ids are strings here, as PVE has them.
    let mut out = json!({ "id": id.to_string(), "name": name, "type": row["type"], "leaf": u8::from(id >= 0) });
    if let Some(osd) = u32::try_from(id).ok().and_then(|id| ceph.osds.get(&id)) {
        add_osd(ceph, (id as u32, osd), pgs, row, &mut out);
        out["host"] = json!(parent);
        return out;
    }
    out["reweight"] = json!(-1);
    out["pgs"] = json!(0);
    if row["type"] == "host" && ceph.installed(name) {
        out["version"] = json!(ceph.release.short());
    }
    let inner: Vec<Value> = row["children"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|child| rows.iter().find(|r| r["id"] == *child))
        .map(|child| entry(ceph, pgs, rows, child, Some(name)))
        .collect();
    if !inner.is_empty() {
        out["children"] = json!(inner);
    }
    out
}

fn add_osd(ceph: &Ceph, (id, osd): (u32, &Osd), pgs: &Pgs, row: &Value, out: &mut Value) {
    // The manager forgets the figures of what is out.
    let known = osd.booted && osd.is_in();
    let (size, used) = if known { (osd.size(), ceph.osd_used(id)) } else { (1024, 0) };
    let pgs = pgs.get(&id).copied().unwrap_or(0);
    out["status"] = row["status"].clone();
    out["in"] = json!(u8::from(osd.is_in()));
    out["crush_weight"] = row["crush_weight"].clone();
    out["reweight"] = row["reweight"].clone();
    out["device_class"] = row["device_class"].clone();
    out["pgs"] = json!(if known { pgs } else { 0 });
    out["total_space"] = json!(size);
    out["bytes_used"] = json!(used);
    out["percent_used"] = json!(used as f64 * 100.0 / size.max(1) as f64);
    out["commit_latency_ms"] = json!(0);
    out["apply_latency_ms"] = json!(0);
    if osd.booted {
        let block = osd.device.as_ref().filter(|d| !d.path.is_empty()).map(|_| format!("/dev/dm-{id}"));
        out["osdtype"] = json!("bluestore");
        out["blfsdev"] = json!(block);
        for (name, role) in [("dbdev", Role::Db), ("waldev", Role::Wal)] {
            out[name] = json!(osd.parts.iter().any(|(part, ..)| *part == role).then(|| side_node(id, role)));
        }
        out["ceph_version"] = json!(ceph.release.long());
        out["ceph_version_short"] = json!(ceph.release.short());
    }
}

/// The device by which an OSD finds its database or log.
fn side_node(id: u32, role: Role) -> String {
    format!("/dev/dm-{}", if role == Role::Db { 1000 + id } else { 2000 + id })
}

fn index(_: &mut Call<'_>) -> Result<Value, PveError> {
    Ok(json!([{ "name": "metadata" }, { "name": "lv-info" }]))
}

fn osd_id(call: &Call<'_>) -> u32 {
    // The schema lets only integers through; a negative one is no OSD's.
    call.params.number("osdid").unwrap_or(u32::MAX)
}

fn mark(call: &mut Call<'_>, inside: bool) -> Result<Value, PveError> {
    let (id, now) = (osd_id(call), call.now().seconds());
    let ceph = ceph(call, Need::Monitors)?;
    let done = if inside { ceph.osd_in(id, now) } else { ceph.osd_out(id, now) };
    done.map(|_| Value::Null).ok_or_else(|| PveError::new(format!("no such OSD '{id}'")))
}

fn scrub(call: &mut Call<'_>) -> Result<Value, PveError> {
    let id = osd_id(call);
    match ceph(call, Need::Monitors)?.osds.contains_key(&id) {
        true => Ok(Value::Null),
        false => Err(PveError::new(format!("no such OSD '{id}'"))),
    }
}
