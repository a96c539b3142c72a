//! `/nodes/{node}/qemu/{vmid}/snapshot`, `feature`, `template`.

use serde_json::{Map, Value, json};

use super::{guest, vmid};
use crate::cluster::guests::drive::DriveKey;
use crate::cluster::guests::snapshots::Snapshot;
use crate::cluster::guests::{Config, snapshots, template};
use crate::cluster::storage::Feature;
use crate::kernel::{Call, PveError, Routes};

pub(super) fn routes(r: &mut Routes) {
    r.get("/nodes/{node}/qemu/{vmid}/snapshot", list);
    r.post("/nodes/{node}/qemu/{vmid}/snapshot", make);
    r.get("/nodes/{node}/qemu/{vmid}/snapshot/{snapname}", index);
    r.delete("/nodes/{node}/qemu/{vmid}/snapshot/{snapname}", delete);
    r.get("/nodes/{node}/qemu/{vmid}/snapshot/{snapname}/config", config);
    r.put("/nodes/{node}/qemu/{vmid}/snapshot/{snapname}/config", describe);
    r.post("/nodes/{node}/qemu/{vmid}/snapshot/{snapname}/rollback", roll_back);
    r.get("/nodes/{node}/qemu/{vmid}/feature", feature);
    r.post("/nodes/{node}/qemu/{vmid}/template", convert);
}

fn list(call: &mut Call<'_>) -> Result<Value, PveError> {
    let guest = guest(call)?;
    let mut all: Vec<Value> = guest.config.snapshots.iter().map(|(name, one)| entry(name, one)).collect();
    let mut current = json!({
        "name": "current",
        "description": "You are here!",
        "running": u8::from(guest.is_running()),
        "digest": guest.config.digest(),
    });
    if let Some(parent) = guest.config.get("parent") {
        current["parent"] = json!(parent);
    }
    all.push(current);
    Ok(all.into())
}

fn entry(name: &str, snapshot: &Snapshot) -> Value {
    let mut entry = json!({
        "name": name,
        "description": snapshot.description.clone().unwrap_or_default(),
        "snaptime": snapshot.snaptime,
        "vmstate": u8::from(snapshot.vmstate.is_some()),
    });
    for (key, value) in [("parent", snapshot.parent.as_deref()), ("snapstate", snapshot.state)] {
        if let Some(value) = value {
            entry[key] = json!(value);
        }
    }
    entry
}

fn name(call: &Call<'_>) -> String {
    call.params.need("snapname").to_owned()
}

fn make(call: &mut Call<'_>) -> Result<Value, PveError> {
    let (vmid, name) = (vmid(call), name(call));
    call.need_quorum()?;
    guest(call)?;
    if matches!(name.to_lowercase().as_str(), "current" | "pending") {
        return Err(PveError::new(format!("unable to use snapshot name '{name}' (reserved name)")));
    }
    let notes = call.params.text("description").map(|text| text.trim_end().to_owned());
    let ram = call.params.flag("vmstate") == Some(true);
    Ok(call.task("qmsnapshot", vmid.to_string(), snapshots::make(vmid, name, notes, ram)))
}

fn index(call: &mut Call<'_>) -> Result<Value, PveError> {
    guest(call)?;
    Ok(["config", "rollback"].iter().map(|cmd| json!({ "cmd": cmd })).collect())
}

fn found(call: &Call<'_>) -> Result<Snapshot, PveError> {
    let name = name(call);
    let snapshot = guest(call)?.config.snapshots.get(&name).cloned();
    snapshot.ok_or_else(|| PveError::new(format!("snapshot '{name}' does not exist")))
}

/// What a snapshot holds, as answers have it.
pub(super) fn values(snapshot: &Snapshot) -> Map<String, Value> {
    let mut values: Map<String, Value> =
        snapshot.section().iter().map(|(key, value)| (key.clone(), Config::to_json(key, value))).collect();
    values.insert("snaptime".to_owned(), json!(snapshot.snaptime));
    values
}

fn config(call: &mut Call<'_>) -> Result<Value, PveError> {
    let snapshot = found(call)?;
    let mut values = values(&snapshot);
    // Here the password is shown.
    if let Some(password) = snapshot.values.get("cipassword") {
        values.insert("cipassword".to_owned(), json!(password));
    }
    Ok(values.into())
}

fn describe(call: &mut Call<'_>) -> Result<Value, PveError> {
    found(call)?;
    let (vmid, name) = (vmid(call), name(call));
    let notes = call.params.text("description").map(|text| text.trim_end().to_owned());
    let guest = call.cluster.guests.get_mut(vmid);
    if let (Some(notes), Some(snapshot)) = (notes, guest.and_then(|guest| guest.config.snapshots.get_mut(&name))) {
        snapshot.description = Some(notes);
    }
    Ok(Value::Null)
}

fn delete(call: &mut Call<'_>) -> Result<Value, PveError> {
    let (vmid, name) = (vmid(call), name(call));
    guest(call)?;
    let force = call.params.flag("force") == Some(true);
    Ok(call.task("qmdelsnapshot", vmid.to_string(), snapshots::delete(vmid, name, force)))
}

fn roll_back(call: &mut Call<'_>) -> Result<Value, PveError> {
    let (vmid, name) = (vmid(call), name(call));
    guest(call)?;
    let start = call.params.flag("start") == Some(true);
    if start {
        call.demand(&format!("/vms/{vmid}"), &["VM.PowerMgmt"])?;
    }
    Ok(call.task("qmrollback", vmid.to_string(), snapshots::roll_back(vmid, name, start)))
}

fn feature(call: &mut Call<'_>) -> Result<Value, PveError> {
    let feature = match call.params.need("feature") {
        "snapshot" => Feature::Snapshot,
        "clone" => Feature::Clone,
        _ => Feature::Copy,
    };
    let snapshot = match call.params.has("snapname") {
        true => Some(found(call)?),
        false => None,
    };
    let own = &guest(call)?.config;
    let meant = match &snapshot {
        Some(snapshot) => Config { values: snapshot.values.clone(), ..Config::default() },
        None => own.clone(),
    };
    // Of what is no base, PVE tells whether the storage can make clones of one.
    let plain = snapshot.is_none() && feature == Feature::Clone && own.get("template") != Some("1");
    let asked = if plain { Feature::Template } else { feature };
    let has = call.cluster.guest_offers(&call.node, &meant, asked, snapshot.is_some());
    let disks: Vec<String> = meant.drives().filter_map(|(_, drive)| drive.storage().map(str::to_owned)).collect();
    let everywhere = disks.iter().all(|id| call.cluster.storage.get(id).is_some_and(|storage| storage.shared()));
    let nodes: Vec<String> = match everywhere {
        true => call.cluster.nodes.names(),
        false => vec![call.node.clone()],
    };
    Ok(json!({ "hasFeature": u8::from(has), "nodes": nodes }))
}

fn convert(call: &mut Call<'_>) -> Result<Value, PveError> {
    let vmid = vmid(call);
    let disk = call.params.text("disk").and_then(DriveKey::parse);
    template::check(guest(call)?, disk.as_ref()).map_err(PveError::new)?;
    Ok(call.task("qmtemplate", vmid.to_string(), template::convert(vmid, disk)))
}
