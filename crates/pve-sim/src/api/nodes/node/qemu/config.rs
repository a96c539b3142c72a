//! `/nodes/{node}/qemu/{vmid}/config`, `pending`, `unlink`, `cloudinit`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{guest, rights, root_only, vmid};
use crate::cluster::guests::drive::{Drive, DriveKey};
use crate::cluster::guests::{Change, Config, change, cpu};
use crate::kernel::locks::Lock;
use crate::kernel::params::{Param, split_list};
use crate::kernel::tasks::Steps;
use crate::kernel::{Call, PveError, Routes, schema};

pub(super) fn routes(r: &mut Routes) {
    r.get("/nodes/{node}/qemu/{vmid}/config", read);
    r.put("/nodes/{node}/qemu/{vmid}/config", update);
    r.post("/nodes/{node}/qemu/{vmid}/config", update_in_background);
    r.get("/nodes/{node}/qemu/{vmid}/pending", pending);
    r.put("/nodes/{node}/qemu/{vmid}/unlink", unlink);
    r.put("/nodes/{node}/qemu/{vmid}/cloudinit", cloudinit);
}

fn read(call: &mut Call<'_>) -> Result<Value, PveError> {
    let config = &guest(call)?.config;
    if let Some(name) = call.params.text("snapshot") {
        if call.params.flag("current") == Some(true) {
            // Belief: the text of both.
            let text = "parameters 'snapshot' and 'current' are mutually exclusive".to_owned();
            let errors = ["snapshot", "current"].map(|key| (key.to_owned(), text.clone()));
            return Err(PveError::params(errors.into()));
        }
        let missing = || PveError::new(format!("snapshot '{name}' does not exist"));
        let mut values = super::snapshots::values(config.snapshots.get(name).ok_or_else(missing)?);
        values.insert("digest".to_owned(), json!(config.digest()));
        return Ok(values.into());
    }
    let values = match call.params.flag("current") {
        Some(true) => config.values.clone(),
        _ => config.with_pending(),
    };
    let mut answer: Value = values.iter().map(|(key, value)| (key.clone(), Config::to_json(key, value))).collect();
    answer["digest"] = json!(config.digest());
    Ok(answer)
}

fn pending(call: &mut Call<'_>) -> Result<Value, PveError> {
    let config = &guest(call)?.config;
    let mut rows: BTreeMap<&str, Value> = BTreeMap::new();
    for (key, value) in &config.values {
        rows.insert(key, json!({ "key": key, "value": Config::to_json(key, value) }));
    }
    for (key, value) in &config.pending {
        rows.entry(key).or_insert_with(|| json!({ "key": key }))["pending"] = Config::to_json(key, value);
    }
    for (key, force) in &config.pending_delete {
        rows.entry(key).or_insert_with(|| json!({ "key": key }))["delete"] = json!(if *force { 2 } else { 1 });
    }
    let digest = config.digest();
    rows.insert("digest", json!({ "key": "digest", "value": digest }));
    Ok(rows.into_values().collect())
}

/// Parameters of the calls that are no keys of the configuration.
const NO_KEYS: &[&str] = &[
    "node",
    "vmid",
    "digest",
    "delete",
    "revert",
    "force",
    "skiplock",
    "background_delay",
    "import-working-storage",
    "archive",
    "storage",
    "unique",
    "pool",
    "start",
    "ha-managed",
    "live-restore",
    "bwlimit",
];

/// The keys of the configuration that were given, as they were given.
pub(super) fn given(call: &Call<'_>) -> BTreeMap<String, String> {
    let text = |value: &Param| match value {
        Param::Text(text) => text.clone(),
        Param::List(list) => list.join(","),
        // A JSON null counts as an empty text.
        Param::Null => String::new(),
    };
    let keys = call.params.iter().filter(|(name, _)| !NO_KEYS.contains(name));
    keys.map(|(name, value)| (if name == "cdrom" { "ide2" } else { name }.to_owned(), text(value))).collect()
}

/// Brings what was given into PVE's normal form; an empty text takes the value away.
pub(super) fn normal(call: &mut Call<'_>, given: &BTreeMap<String, String>) -> Result<Change, PveError> {
    let mut change = Change::default();
    if let Some(cpu) = given.get("cpu").filter(|cpu| !cpu.is_empty()) {
        cpu::check(cpu).map_err(|text| PveError::param("cpu", format!("invalid format - {text}\n")))?;
    }
    for (key, value) in given {
        if value.is_empty() {
            change.delete.push(key.clone());
            continue;
        }
        let pair = change::normalise(key, value, &mut call.cluster.ids);
        let (key, value) = pair.ok_or_else(|| PveError::param(key, "unable to parse drive options"))?;
        change.set.insert(key, value);
    }
    Ok(change)
}

/// What can be said of drives before anything is made: their storages exist, hold images, can be used.
pub(super) fn check_drives(call: &mut Call<'_>, vmid: u32, set: &BTreeMap<String, String>) -> Result<(), PveError> {
    if let Some(script) = set.get("hookscript")
        && call.cluster.volume(&call.node, script).is_none()
    {
        return Err(PveError::param("hookscript", format!("script '{script}' does not exist\n")));
    }
    for (key, text) in set {
        let (Some(drive_key), Some(drive)) = (DriveKey::parse(key), Drive::parse(text)) else { continue };
        if drive.volume.starts_with('/') && !call.user.is_root() {
            return Err(PveError::new("Only root can pass arbitrary filesystem paths."));
        }
        if let Some(source) = drive.options.get("import-from") {
            check_import(call, key, &drive, source)?;
        }
        if drive.volume.parse::<f64>().is_ok() {
            return Err(PveError::new("no storage ID specified (and no default storage)"));
        }
        let Some(id) = drive.storage() else { continue };
        let storage = call.cluster.storage.get(id);
        let storage = storage.ok_or_else(|| PveError::new(format!("storage '{id}' does not exist")))?;
        let makes = drive.allocation().is_some() || drive.name() == Some("cloudinit");
        let iso = drive.name().is_some_and(|name| name.starts_with("iso/"));
        if iso && !drive.is_cdrom() {
            return Err(PveError::param(key, "explicit 'media=cdrom' is required for iso images"));
        }
        if makes {
            if !call.user.is_root() {
                call.demand(&format!("/storage/{id}"), &["Datastore.AllocateSpace"])?;
            }
            call.cluster.storage.usable(id, &call.node).map_err(PveError::new)?;
            if !storage.contents().contains("images") {
                return Err(PveError::param("storage", format!("storage '{id}' does not support vm images")));
            }
        } else if !call.user.is_root() && !drive_key.is_unused() {
            let path = format!("/storage/{id}");
            let own = drive.name().and_then(crate::cluster::storage::owner) == Some(vmid);
            if !own {
                call.demand_any(&path, &["Datastore.AllocateSpace", "Datastore.Audit"])?;
            }
        }
    }
    Ok(())
}

/// What can be said of a source before anything is made: its type, and how it is asked for.
fn check_import(call: &Call<'_>, key: &str, drive: &Drive, source: &str) -> Result<(), PveError> {
    if drive.allocation().is_none_or(|(_, size)| size != "0") {
        let text = "'import-from' requires special syntax - use <storage ID>:0,import-from=<source>";
        return Err(PveError::param(key, text));
    }
    if source.starts_with('/') {
        return match call.user.is_root() {
            true => Ok(()),
            false => Err(PveError::new("Only root can pass arbitrary filesystem paths.")),
        };
    }
    let (id, name) = source.split_once(':').unwrap_or((source, ""));
    call.cluster.storage.usable(id, &call.node).map_err(PveError::new)?;
    let kind = match name.split_once('/') {
        Some((folder, _)) if folder.parse::<u32>().is_err() && !folder.starts_with("base-") => folder,
        _ => "images",
    };
    if kind != "images" && kind != "import" {
        let text = format!("{source} has wrong type '{kind}' - needs to be 'images' or 'import'");
        return Err(PveError::param(key, text));
    }
    if !call.user.is_root() {
        call.demand_any(&format!("/storage/{id}"), &["Datastore.AllocateSpace", "Datastore.Audit"])?;
    }
    if let Some(vmid) = crate::cluster::storage::owner(name).filter(|_| kind == "images")
        && call.cluster.guests.on(vmid, &call.node).is_err()
    {
        return Err(PveError::param(key, format!("owner VM {vmid} not on local node")));
    }
    Ok(())
}

/// The change that a call asks for, checked as far as that goes without the guest's lock.
fn wanted(call: &mut Call<'_>) -> Result<Change, PveError> {
    let vmid = vmid(call);
    root_only(call, &["skiplock"])?;
    let given = given(call);
    // The guest exists: what counts on its pool counts on the guest itself.
    let on = rights::On { vmid, pool: None };
    for (key, value) in &given {
        rights::check(call, on, key, Some(value))?;
    }
    let (delete, revert) = (call.params.list("delete"), call.params.list("revert"));
    if given.is_empty() && delete.is_empty() && revert.is_empty() {
        return Err(PveError::new("no options specified"));
    }
    for key in &delete {
        if given.contains_key(key) {
            let text = format!("you can't use '-{key}' and -delete {key}' at the same time");
            return Err(PveError::param("delete", text));
        }
        known(key).map_err(|text| PveError::param("delete", text))?;
        // What a device is decides on who may take it away.
        let is = guest(call)?.config.get(key).filter(|_| DriveKey::parse(key).is_none()).map(str::to_owned);
        rights::check(call, on, key, is.as_deref())?;
    }
    for key in &revert {
        known(key).map_err(|text| PveError::param("revert", text))?;
        rights::check(call, on, key, None)?;
    }
    let mut change = normal(call, &given)?;
    change.delete.extend(delete.into_iter().map(|key| if key == "cdrom" { "ide2".to_owned() } else { key }));
    change.revert = revert;
    change.force = call.params.flag("force") == Some(true);
    // Belief: pve-behaviour 3, 1.7: hashed in a change, and in a change only.
    if let Some(password) = change.set.get_mut("cipassword")
        && !password.starts_with('$')
    {
        *password = format!("$5$simulated${}", password.len());
    }
    check_drives(call, vmid, &change.set)?;
    Ok(change)
}

fn known(key: &str) -> Result<(), String> {
    let method = schema::method("PUT", "/nodes/{node}/qemu/{vmid}/config");
    // `meta` cannot be set, but taken away.
    let known = key == "meta" || (!NO_KEYS.contains(&key) && method.is_some_and(|m| m.parameter(key).is_some()));
    if known { Ok(()) } else { Err(format!("unknown option '{key}'")) }
}

/// The configuration is what the caller thinks it is, and nobody has locked it.
fn still(config: &Config, digest: Option<&str>, skiplock: bool) -> Result<(), String> {
    if digest.is_some_and(|digest| digest != config.digest()) {
        return Err("checksum mismatch (file change by other user?)".to_owned());
    }
    match config.lock().filter(|_| !skiplock) {
        Some(lock) => Err(format!("VM is locked ({lock})")),
        None => Ok(()),
    }
}

fn update(call: &mut Call<'_>) -> Result<Value, PveError> {
    let change = wanted(call)?;
    guest(call)?;
    writable(call)?;
    call.lock(Lock::Vm(vmid(call)))?;
    still(&guest(call)?.config, call.params.text("digest"), call.params.flag("skiplock") == Some(true))
        .map_err(PveError::new)?;
    let vmid = vmid(call);
    call.cluster.change_guest(vmid, change)?;
    Ok(Value::Null)
}

/// Without quorum the file cannot be written.
fn writable(call: &Call<'_>) -> Result<(), PveError> {
    let (node, vmid) = (&call.node, vmid(call));
    match call.cluster.nodes.quorate(node) {
        true => Ok(()),
        false => {
            let file = format!("/etc/pve/nodes/{node}/qemu-server/{vmid}.conf.tmp.{}", 2000 + vmid);
            Err(PveError::new(format!("unable to open file '{file}' - Permission denied")))
        }
    }
}

fn update_in_background(call: &mut Call<'_>) -> Result<Value, PveError> {
    let vmid = vmid(call);
    let told: Vec<String> = call
        .params
        .texts()
        .filter(|(name, _)| !matches!(*name, "node" | "vmid" | "digest" | "background_delay"))
        .map(|(name, value)| format!("-{name} {}", if name == "cipassword" { "<hidden>" } else { value }))
        .collect();
    let change = wanted(call)?;
    let digest = call.params.text("digest").map(str::to_owned);
    let skiplock = call.params.flag("skiplock") == Some(true);
    still(&guest(call)?.config, digest.as_deref(), skiplock).map_err(PveError::new)?;
    writable(call)?;
    let line = format!("update VM {vmid}: {}", told.join(" "));
    let steps = Steps::new().lock(Lock::Vm(vmid)).run(move |t| {
        let guest = t.cluster.guests.on(vmid, &t.node())?;
        still(&guest.config, digest.as_deref(), skiplock)?;
        t.log(line);
        for line in t.cluster.change_guest(vmid, change).map_err(|error| error.message())? {
            t.log(line);
        }
        Ok(())
    });
    Ok(call.task("qmconfig", vmid.to_string(), steps))
}

fn unlink(call: &mut Call<'_>) -> Result<Value, PveError> {
    let vmid = vmid(call);
    let delete: Vec<String> = split_list(call.params.need("idlist")).map(str::to_owned).collect();
    guest(call)?;
    for key in &delete {
        known(key).map_err(|text| PveError::param("delete", text))?;
    }
    writable(call)?;
    call.lock(Lock::Vm(vmid))?;
    still(&guest(call)?.config, None, false).map_err(PveError::new)?;
    let force = call.params.flag("force") == Some(true);
    call.cluster.change_guest(vmid, Change { delete, force, ..Change::default() })?;
    Ok(Value::Null)
}

fn cloudinit(call: &mut Call<'_>) -> Result<Value, PveError> {
    let (vmid, node) = (vmid(call), call.node.clone());
    call.lock(Lock::Vm(vmid))?;
    let drives: Vec<_> = guest(call)?.config.drives().filter(|(_, drive)| drive.is_cloudinit()).collect();
    for (key, _) in drives {
        call.cluster.write_cloudinit(&node, vmid, &key).map_err(PveError::new)?;
    }
    Ok(Value::Null)
}
