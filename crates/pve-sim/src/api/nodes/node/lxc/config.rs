//! `/nodes/{node}/lxc/{vmid}/config` and `pending`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{guest, rights, unchanged, vmid, writable};
use crate::cluster::containers::{Change, config, locked};
use crate::cluster::guests::drive::Drive;
use crate::kernel::locks::Lock;
use crate::kernel::params::Param;
use crate::kernel::{Call, PveError, Routes, schema};

pub(super) fn routes(r: &mut Routes) {
    r.get("/nodes/{node}/lxc/{vmid}/config", read);
    r.put("/nodes/{node}/lxc/{vmid}/config", update);
    r.get("/nodes/{node}/lxc/{vmid}/pending", pending);
}

/// Whether the user is shown the environment.
fn sees_env(call: &Call<'_>) -> bool {
    call.may(&format!("/vms/{}", vmid(call)), &["VM.Config.Options"])
}

fn read(call: &mut Call<'_>) -> Result<Value, PveError> {
    let config = &guest(call)?.config;
    if let Some(name) = call.params.text("snapshot") {
        return Err(PveError::new(format!("snapshot '{name}' does not exist")));
    }
    let mut values = match call.params.flag("current") {
        Some(true) => config.values.clone(),
        _ => config::view(config),
    };
    if !sees_env(call) {
        values.remove("env");
    }
    let plain = values.iter().filter(|(key, _)| !config::is_raw(key));
    let mut answer: Value = plain.map(|(key, value)| (key.clone(), config::to_json(key, value))).collect();
    let raw: Vec<_> = values.iter().filter(|(key, _)| config::is_raw(key)).collect();
    if !raw.is_empty() {
        answer["lxc"] = json!(raw);
    }
    answer["digest"] = json!(config.digest());
    Ok(answer)
}

fn pending(call: &mut Call<'_>) -> Result<Value, PveError> {
    let config = &guest(call)?.config;
    let mut rows: BTreeMap<&str, Value> = BTreeMap::new();
    for (key, value) in &config.values {
        rows.insert(key, json!({ "key": key, "value": config::to_json(key, value) }));
    }
    for (key, value) in &config.pending {
        rows.entry(key).or_insert_with(|| json!({ "key": key }))["pending"] = config::to_json(key, value);
    }
    for key in config.pending_delete.keys() {
        rows.entry(key).or_insert_with(|| json!({ "key": key }))["delete"] = json!(1);
    }
    rows.retain(|key, _| !config::is_raw(key) && (*key != "env" || sees_env(call)));
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
    "ostemplate",
    "restore",
    "storage",
    "unique",
    "force",
    "pool",
    "start",
    "ha-managed",
    "password",
    "ssh-public-keys",
    "bwlimit",
    "ignore-unpack-errors",
];

/// The keys of the configuration that were given, as they were given.
pub(super) fn given(call: &Call<'_>) -> BTreeMap<String, String> {
    let text = |value: &Param| match value {
        Param::Text(text) => text.clone(),
        Param::List(list) => list.join(","),
        Param::Null => String::new(),
    };
    let keys = call.params.iter().filter(|(name, _)| !NO_KEYS.contains(name));
    keys.map(|(name, value)| (name.to_owned(), text(value))).collect()
}

/// Brings what was given into PVE's normal form; an empty text takes the value away.
pub(super) fn normal(call: &mut Call<'_>, given: &BTreeMap<String, String>) -> Result<Change, PveError> {
    let mut change = Change::default();
    for (key, value) in given {
        if value.is_empty() {
            change.delete.push(key.clone());
            continue;
        }
        let value = config::normalise(key, value, &mut call.cluster.ids);
        let value = value.map_err(|text| PveError::param(key, format!("invalid format - {text}\n")))?;
        change.set.insert(key.clone(), value);
    }
    Ok(change)
}

/// What can be said of mount points before anything is made: their storages exist and may be used.
pub(super) fn check_mounts(call: &Call<'_>, vmid: u32, set: &BTreeMap<String, String>) -> Result<(), PveError> {
    for mount in set.iter().filter(|(key, _)| config::is_mount(key)).filter_map(|(_, text)| Drive::parse(text)) {
        if mount.volume.starts_with('/') {
            continue;
        }
        let Some(id) = mount.storage() else {
            return Err(PveError::new(format!("unable to parse volume ID '{}'", mount.volume)));
        };
        if call.cluster.storage.get(id).is_none() {
            return Err(PveError::new(format!("storage '{id}' does not exist")));
        }
        if call.user.is_root() {
            continue;
        }
        let own = mount.name().and_then(crate::cluster::storage::owner) == Some(vmid);
        if mount.allocation().is_some() {
            call.demand(&format!("/storage/{id}"), &["Datastore.AllocateSpace"])?;
        } else if !own {
            call.demand_any(&format!("/storage/{id}"), &["Datastore.AllocateSpace", "Datastore.Audit"])?;
        }
    }
    Ok(())
}

fn known(key: &str) -> Result<(), PveError> {
    let method = schema::method("PUT", "/nodes/{node}/lxc/{vmid}/config");
    match !NO_KEYS.contains(&key) && method.is_some_and(|m| m.parameter(key).is_some()) {
        true => Ok(()),
        false => Err(PveError::param("delete", format!("unknown option '{key}'"))),
    }
}

fn update(call: &mut Call<'_>) -> Result<Value, PveError> {
    let vmid = vmid(call);
    let given = given(call);
    let (delete, revert) = (call.params.list("delete"), call.params.list("revert"));
    if given.is_empty() && delete.is_empty() && revert.is_empty() {
        return Err(PveError::new("no options specified"));
    }
    for key in &delete {
        if given.contains_key(key) {
            let text = format!("you can't use '-{key}' and -delete {key}' at the same time");
            return Err(PveError::param("delete", text));
        }
        known(key)?;
    }
    let before = guest(call)?.config.values.clone();
    let on = rights::On { vmid, pool: None, unprivileged: before.contains_key("unprivileged") };
    for (key, value) in &given {
        rights::check(call, on, key, Some(value), &before)?;
    }
    for key in delete.iter().chain(&revert) {
        rights::check(call, on, key, None, &before)?;
    }
    let mut change = normal(call, &given)?;
    change.delete.extend(delete);
    change.revert = revert;
    check_mounts(call, vmid, &change.set)?;
    if let Some(script) = change.set.get("hookscript") {
        check_script(call, script)?;
    }
    writable(call, vmid)?;
    call.lock(Lock::Ct(vmid))?;
    let guest = guest(call)?;
    unchanged(call, guest)?;
    locked(guest, &[]).map_err(PveError::new)?;
    call.cluster.change_container(vmid, &change)?;
    Ok(Value::Null)
}

/// No snippet that an upload has put there can be run, and no text of one that lies there from the start.
fn check_script(call: &Call<'_>, script: &str) -> Result<(), PveError> {
    match call.cluster.volume(&call.node, script) {
        None => Err(PveError::new(format!("script '{script}' does not exist"))),
        Some(volume) if volume.used == 0 || script.ends_with(".yaml") => {
            Err(PveError::new(format!("script '{script}' is not executable")))
        }
        Some(_) => Ok(()),
    }
}
