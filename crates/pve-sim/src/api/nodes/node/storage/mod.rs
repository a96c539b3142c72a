//! `/nodes/{node}/storage`: the storages as a node sees them.

mod backups;
mod content;
mod download;
mod oci;
mod upload;

use serde_json::{Value, json};

use crate::cluster::storage::Storage;
use crate::cluster::storage::files::format_of;
use crate::kernel::{Call, PveError, Routes};

pub(crate) fn routes(r: &mut Routes) {
    r.get("/nodes/{node}/storage", list);
    r.get("/nodes/{node}/storage/{storage}/status", status);
    backups::routes(r);
    content::routes(r);
    download::routes(r);
    oci::routes(r);
    upload::routes(r);
}

/// Whether a file of this content may have this name.
fn may_be_called(content: &str, name: &str) -> Result<(), PveError> {
    match format_of(content, name) {
        Some(_) => Ok(()),
        None => Err(PveError::param("filename", "wrong file extension")),
    }
}

fn list(call: &mut Call<'_>) -> Result<Value, PveError> {
    let contents = call.params.list("content");
    let (only, target) = (call.params.text("storage"), call.params.text("target"));
    let enabled_only = call.params.flag("enabled") == Some(true) || !contents.is_empty();
    let formats = call.params.flag("format") == Some(true);
    let wanted = |storage: &&Storage| {
        only.is_none_or(|only| only == storage.id)
            && storage.on(&call.node)
            && (storage.enabled() || !enabled_only)
            && (contents.is_empty() || contents.iter().any(|content| storage.contents().contains(content.as_str())))
            // A node is named as the target of a copy: both must see the storage.
            && target.is_none_or(|target| target == call.node || (storage.shared() && storage.on(target)))
            && call.may_any(&format!("/storage/{}", storage.id), &["Datastore.Audit", "Datastore.AllocateSpace"])
    };
    if only.is_some_and(|only| call.cluster.storage.get(only).is_none()) {
        return Err(PveError::param("storage", "No such storage."));
    }
    let show = |storage: &Storage| {
        let mut entry = figures(call, storage);
        entry["storage"] = json!(storage.id);
        if let (Some(used), Some(total)) = (entry["used"].as_f64(), entry["total"].as_f64().filter(|t| *t > 0.0)) {
            entry["used_fraction"] = json!(used / total);
        }
        if formats {
            let known = storage.kind.formats;
            let supported: Vec<&str> = known.iter().copied().filter(|format| storage.takes_format(format)).collect();
            entry["formats"] = json!({ "supported": supported, "default": storage.default_format() });
            let by_name: Value = supported.iter().map(|format| ((*format).to_owned(), json!(1))).collect();
            entry["format"] = json!([by_name, storage.default_format()]);
        }
        entry
    };
    Ok(call.cluster.storage.all.values().filter(wanted).map(show).collect())
}

fn figures(call: &Call<'_>, storage: &Storage) -> Value {
    let usage = call.cluster.usage(storage, &call.node);
    json!({
        "type": storage.kind.name,
        "content": storage.contents().into_iter().collect::<Vec<_>>().join(","),
        "shared": u8::from(storage.shared()),
        "enabled": u8::from(storage.enabled()),
        "active": u8::from(usage.active),
        "total": usage.total,
        "used": usage.used,
        "avail": usage.avail,
    })
}

fn status(call: &mut Call<'_>) -> Result<Value, PveError> {
    let storage = call.cluster.storage.get(call.params.need("storage")).filter(|storage| storage.on(&call.node));
    let storage = storage.ok_or_else(|| PveError::param("storage", "No such storage."))?;
    Ok(figures(call, storage))
}

#[cfg(test)]
mod tests;
