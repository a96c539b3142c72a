//! What is said of archives in `/nodes/{node}/storage/{storage}/content`, and `prunebackups`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::cluster::storage::backups::{Archive, Retention};
use crate::cluster::storage::{Backup, Storage, Volume};
use crate::kernel::tasks::Steps;
use crate::kernel::{Call, PveError, Routes};

pub(super) fn routes(r: &mut Routes) {
    r.get("/nodes/{node}/storage/{storage}/prunebackups", dry_run);
    r.delete("/nodes/{node}/storage/{storage}/prunebackups", prune);
}

/// The line of an archive: the first line of its notes, and whether it is protected, where there is something to tell.
pub(super) fn entry(storage: &Storage, name: &str, volume: &Volume, backup: &Backup) -> Value {
    let mut entry = json!({
        "volid": format!("{}:{name}", storage.id),
        "content": "backup",
        "format": volume.format,
        "size": volume.size,
        "vmid": backup.vmid,
        "subtype": backup.kind,
    });
    if let Some(ctime) = volume.ctime {
        entry["ctime"] = json!(ctime.unix());
    }
    if let Some(first) = backup.notes.lines().next() {
        entry["notes"] = json!(first);
    }
    if backup.protected {
        entry["protected"] = json!(1);
    }
    entry
}

/// An archive by itself.
pub(super) fn whole(storage: &Storage, name: &str, volume: &Volume, backup: &Backup) -> Value {
    json!({
        "path": storage.volume_path(name),
        "size": volume.size,
        "used": volume.used,
        "format": "raw",
        "notes": backup.notes,
        "protected": u8::from(backup.protected),
    })
}

/// Every archive that is meant, with what becomes of it.
fn marks(call: &Call<'_>) -> Result<Vec<(Archive, &'static str)>, PveError> {
    let storage = call.cluster.storage.usable(call.params.need("storage"), &call.node).map_err(PveError::new)?;
    if !storage.contents().contains("backup") {
        return Err(PveError::new(format!("storage '{}' does not support backups", storage.id)));
    }
    let text = call.params.text("prune-backups").or(storage.get("prune-backups")).unwrap_or("keep-all=1");
    let retention = Retention::parse(text);
    let (vmid, kind) = (call.params.number("vmid"), call.params.text("type"));
    let mut guests: BTreeMap<(u32, &str), Vec<Archive>> = BTreeMap::new();
    for archive in call.cluster.archives(storage, &call.node) {
        let (its, what) = (archive.backup.vmid, archive.backup.kind);
        if vmid.is_none_or(|vmid| vmid == its) && kind.is_none_or(|kind| kind == what) {
            guests.entry((its, what)).or_default().push(archive);
        }
    }
    Ok(guests.into_values().flat_map(|archives| retention.marks(archives)).collect())
}

fn dry_run(call: &mut Call<'_>) -> Result<Value, PveError> {
    let line = |(archive, mark): (Archive, &str)| {
        json!({
            "volid": archive.volid,
            "ctime": archive.ctime,
            "vmid": archive.backup.vmid,
            "type": archive.backup.kind,
            "mark": mark,
        })
    };
    Ok(marks(call)?.into_iter().map(line).collect())
}

fn prune(call: &mut Call<'_>) -> Result<Value, PveError> {
    let gone: Vec<String> =
        marks(call)?.into_iter().filter(|(_, mark)| *mark == "remove").map(|(archive, _)| archive.volid).collect();
    let (storage, node) = (call.params.need("storage").to_owned(), call.node.clone());
    let id = call.params.number("vmid").map_or_else(|| storage.clone(), |vmid| format!("{vmid}@{storage}"));
    let steps = Steps::new().run(move |t| {
        for volid in gone {
            t.cluster.free(&node, &volid)?;
            t.log(format!("Removed volume '{volid}'"));
        }
        Ok(())
    });
    Ok(call.task("prunebackups", id, steps))
}
