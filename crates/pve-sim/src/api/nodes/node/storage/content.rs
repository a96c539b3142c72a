//! `/nodes/{node}/storage/{storage}/content`: the volumes.

use std::time::Duration;

use serde_json::{Value, json};

use super::backups;
use crate::cluster::guests::size;
use crate::cluster::storage::backups::of_name;
use crate::cluster::storage::{Storage, Volume, owner};
use crate::kernel::tasks::Steps;
use crate::kernel::{Call, PveError, Routes};

pub(super) fn routes(r: &mut Routes) {
    r.get("/nodes/{node}/storage/{storage}/content", list);
    r.post("/nodes/{node}/storage/{storage}/content", allocate);
    r.get("/nodes/{node}/storage/{storage}/content/{volume}", read);
    r.put("/nodes/{node}/storage/{storage}/content/{volume}", update);
    r.delete("/nodes/{node}/storage/{storage}/content/{volume}", delete);
}

fn list(call: &mut Call<'_>) -> Result<Value, PveError> {
    let storage = call.cluster.storage.usable(call.params.need("storage"), &call.node).map_err(PveError::new)?;
    call.cluster.rbd_must_be_there(storage, &call.node).map_err(PveError::new)?;
    if storage.kind.name == "iscsidirect" {
        // The tool is no part of PVE.
        let command = format!("/usr/bin/iscsi-ls -s iscsi://{}", storage.get("portal").unwrap_or_default());
        return Err(PveError::new(format!(
            "iscsi error: open3: exec of {command} failed: No such file or directory at /usr/share/perl5/PVE/Cmd.pm line 174."
        )));
    }
    let (content, vmid) = (call.params.text("content"), call.params.number("vmid"));
    let sees = |name: &str| {
        call.may(&format!("/storage/{}", storage.id), &["Datastore.AllocateSpace"])
            || owner(name).is_some_and(|vmid| call.may(&format!("/vms/{vmid}"), &["VM.Config.Disk"]))
            || of_name(name).is_some_and(|(_, vmid)| call.may(&format!("/vms/{vmid}"), &["VM.Backup"]))
            || call.may(&format!("/storage/{}", storage.id), &["Datastore.Audit"])
    };
    let whose = |name: &str| owner(name).or_else(|| of_name(name).map(|(_, vmid)| vmid));
    // What an image is tells whose it is.
    let of_container = |name: &str| {
        let guest = owner(name).and_then(|vmid| call.cluster.guests.get(vmid));
        guest.is_some_and(|guest| guest.is_container())
    };
    let volumes = call.cluster.volumes(storage, &call.node).into_iter().map(|(name, volume)| {
        let rootdir = volume.content == "images" && of_container(&name);
        let content = if rootdir { "rootdir".to_owned() } else { volume.content.clone() };
        (name, Volume { content, ..volume })
    });
    let volumes = volumes.filter(|(name, volume)| {
        content.is_none_or(|content| content == volume.content)
            && (storage.holds(&volume.content) || owner(name).is_some())
            // Snippets are shown whoever's volumes are asked for.
            && vmid.is_none_or(|vmid| whose(name) == Some(vmid) || volume.content == "snippets")
            && sees(name)
    });
    let line =
        |(name, volume): (String, Volume)| match call.cluster.backup(&call.node, &format!("{}:{name}", storage.id)) {
            Some(backup) => backups::entry(storage, &name, &volume, backup),
            None => entry(storage, &name, &volume),
        };
    Ok(volumes.map(line).collect())
}

fn entry(storage: &Storage, name: &str, volume: &Volume) -> Value {
    let mut entry = json!({
        "volid": format!("{}:{name}", storage.id),
        "content": volume.content,
        "format": format_of(volume),
        "size": volume.size,
    });
    if let Some(vmid) = owner(name) {
        entry["vmid"] = json!(vmid);
    }
    if let Some(ctime) = volume.ctime {
        entry["ctime"] = json!(ctime.unix());
    }
    if storage.kind.has_files() && owner(name).is_some() {
        entry["used"] = json!(volume.used.max(4096));
        entry["parent"] = Value::Null;
    }
    if storage.kind.name == "rbd" {
        entry["name"] = json!(name);
        entry["parent"] = Value::Null;
    }
    entry
}

/// Templates are told by two of their extensions: `tgz`.
fn format_of(volume: &Volume) -> String {
    match (volume.content.as_str(), volume.format.as_str()) {
        ("vztmpl", "gz" | "zst" | "xz") => format!("t{}", volume.format),
        (_, format) => format.to_owned(),
    }
}

/// The volume of the path, with its storage put before it if it was left out.
fn volid(call: &Call<'_>) -> Result<String, PveError> {
    let (storage, volume) = (call.params.need("storage"), call.params.need("volume"));
    match volume.split_once(':') {
        None => Ok(format!("{storage}:{volume}")),
        Some((other, _)) if other != storage => Err(PveError::param("volume", "parameter error: storage ID mismatch")),
        Some(_) => Ok(volume.to_owned()),
    }
}

fn allocate(call: &mut Call<'_>) -> Result<Value, PveError> {
    let params = &call.params;
    let (id, vmid) = (params.need("storage").to_owned(), params.number("vmid").unwrap_or_default());
    let name = params.need("filename").to_owned();
    // Kilobytes, unless a unit stands behind.
    let text = params.need("size");
    let bytes = match text.parse::<u64>() {
        Ok(kilobytes) => kilobytes.checked_mul(1024),
        Err(_) => size::parse(text),
    };
    let bytes = bytes.ok_or_else(|| PveError::param("size", "value does not match the regex pattern"))?;
    let storage = call.cluster.storage.usable(&id, &call.node).map_err(PveError::new)?;
    let by_name =
        name.rsplit_once('.').map(|(_, extension)| extension).filter(|e| matches!(*e, "raw" | "qcow2" | "vmdk"));
    let format = params.text("format").or(by_name.filter(|_| storage.kind.has_files())).unwrap_or("raw").to_owned();
    if !storage.takes_format(&format) {
        return Err(PveError::new(format!("unsupported format '{format}'")));
    }
    if storage.kind.has_files() && by_name.is_none() {
        return Err(PveError::new(format!("unable to parse volume filename '{name}'")));
    }
    let node = call.node.clone();
    let made = call.cluster.allocate(&node, &id, vmid, Some(&name), &format, bytes).map_err(PveError::new)?;
    Ok(made.volid.into())
}

fn read(call: &mut Call<'_>) -> Result<Value, PveError> {
    let volid = volid(call)?;
    may_touch(call, &volid)?;
    let storage = call.cluster.storage.usable(call.params.need("storage"), &call.node).map_err(PveError::new)?;
    let volume = call.cluster.volume(&call.node, &volid);
    let bare = volid.split_once(':').map_or(volid.as_str(), |(_, name)| name);
    if storage.kind.has_files() && !bare.contains('/') {
        return Err(PveError::new(format!("unable to parse directory volume name '{bare}'")));
    }
    let volume = volume.ok_or_else(|| PveError::new(format!("volume_size_info on '{volid}' failed - no format")))?;
    let name = volid.split_once(':').map_or(volid.as_str(), |(_, name)| name);
    if let Some(backup) = call.cluster.backup(&call.node, &volid) {
        return Ok(backups::whole(storage, name, &volume, backup));
    }
    let used = if storage.kind.has_files() { volume.used.max(4096) } else { volume.used };
    Ok(json!({ "path": storage.volume_path(name), "size": volume.size, "used": used, "format": volume.format }))
}

fn update(call: &mut Call<'_>) -> Result<Value, PveError> {
    let volid = volid(call)?;
    may_touch(call, &volid)?;
    let (notes, protected) = (call.params.text("notes").map(str::to_owned), call.params.flag("protected"));
    let node = call.node.clone();
    call.cluster.mark_archive(&node, &volid, notes, protected).map_err(PveError::new)?;
    Ok(Value::Null)
}

/// Who owns a volume through its guest may touch it; else it takes the right to allocate.
fn may_touch(call: &Call<'_>, volid: &str) -> Result<(), PveError> {
    let (storage, name) = volid.split_once(':').unwrap_or((volid, ""));
    let by_guest = owner(name).is_some_and(|vmid| call.may(&format!("/vms/{vmid}"), &["VM.Config.Disk"]))
        || of_name(name).is_some_and(|(_, vmid)| call.may(&format!("/vms/{vmid}"), &["VM.Backup"]));
    let path = format!("/storage/{storage}");
    if by_guest && call.may(&path, &["Datastore.AllocateSpace"]) {
        return Ok(());
    }
    call.demand(&path, &["Datastore.Allocate"])
}

fn delete(call: &mut Call<'_>) -> Result<Value, PveError> {
    let volid = volid(call)?;
    may_touch(call, &volid)?;
    call.cluster.storage.usable(call.params.need("storage"), &call.node).map_err(PveError::new)?;
    let (storage, name) = volid.split_once(':').unwrap_or((&volid, ""));
    if let Some(vmid) = owner(name)
        && let Some(guest) = call.cluster.guests.get(vmid).filter(|guest| guest.node == call.node)
        && guest.config.drives().any(|(_, drive)| drive.volume == volid)
    {
        return Err(PveError::new(format!(
            "Cannot remove image, a guest with VMID '{vmid}' exists!\nYou can delete the image from the guest's hardware pane"
        )));
    }
    let whose = owner(name).or_else(|| of_name(name).map(|(_, vmid)| vmid));
    let id = whose.map_or_else(|| storage.to_owned(), |vmid| format!("{vmid}@{storage}"));
    let node = call.node.clone();
    if call.cluster.clone_of(&volid).is_some() {
        return Err(PveError::new(format!("base volume '{name}' is still in use by linked clones")));
    }
    let steps = Steps::new().wait(Duration::from_millis(200)).run(move |t| {
        if t.cluster.is_protected(&node, &volid) {
            let (storage, name) = volid.split_once(':').unwrap_or((&volid, ""));
            return Err(format!("cannot remove protected volume '{name}' on '{storage}'"));
        }
        let said = t.cluster.free(&node, &volid)?;
        t.log(said);
        t.log(format!("Removed volume '{volid}'"));
        Ok(())
    });
    Ok(call.task("imgdel", id, steps))
}
