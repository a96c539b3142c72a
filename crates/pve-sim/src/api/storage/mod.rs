//! `/storage`: the entries of `storage.cfg`.

mod pbs;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::cluster::storage::{Kind, Storage};
use crate::kernel::locks::Lock;
use crate::kernel::params::{Param, split_list};
use crate::kernel::{Call, PveError, Routes, schema};

pub(crate) fn routes(r: &mut Routes) {
    r.get("/storage", list);
    r.post("/storage", create);
    r.get("/storage/{storage}", read);
    r.put("/storage/{storage}", update);
    r.delete("/storage/{storage}", delete);
}

/// What is never given back.
const SECRETS: &[&str] = &["keyring", "password"];

fn list(call: &mut Call<'_>) -> Result<Value, PveError> {
    let wanted = call.params.text("type");
    let digest = call.cluster.storage.digest();
    let sees = |storage: &&Storage| {
        wanted.is_none_or(|wanted| wanted == storage.kind.name)
            && call.may_any(&format!("/storage/{}", storage.id), &["Datastore.Audit", "Datastore.AllocateSpace"])
    };
    Ok(call.cluster.storage.all.values().filter(sees).map(|storage| entry(storage, &digest)).collect())
}

fn read(call: &mut Call<'_>) -> Result<Value, PveError> {
    let id = call.params.need("storage");
    let digest = call.cluster.storage.digest();
    let storage = call.cluster.storage.get(id).ok_or_else(|| PveError::new(missing(id)))?;
    Ok(entry(storage, &digest))
}

fn missing(id: &str) -> String {
    format!("storage '{id}' does not exist")
}

fn entry(storage: &Storage, digest: &str) -> Value {
    let mut entry = json!({
        "storage": storage.id,
        "type": storage.kind.name,
        "digest": digest,
        "content": storage.contents().into_iter().collect::<Vec<_>>().join(","),
    });
    for (key, value) in storage.options.iter().filter(|(key, value)| *key != "content" && !value.is_empty()) {
        match key.as_str() {
            secret if SECRETS.contains(&secret) => {}
            "encryption-key" => entry[key] = json!(pbs::fingerprint(value).unwrap_or_else(|| "1".to_owned())),
            "master-pubkey" => entry[key] = json!(1),
            _ => entry[key] = typed(key, value),
        }
    }
    if storage.kind.shared {
        entry["shared"] = json!(1);
    }
    entry
}

/// Booleans and numbers come back as numbers.
fn typed(option: &str, value: &str) -> Value {
    // Alone among the property strings this one is taken apart.
    if option == "content-dirs" {
        return value
            .split(',')
            .filter_map(|part| part.split_once('='))
            .map(|(k, v)| (k.to_owned(), json!(v)))
            .collect();
    }
    let kind = schema::method("POST", "/storage").and_then(|method| method.parameter(option)?.kind.as_deref());
    match (kind, value.parse::<i64>()) {
        (Some("boolean" | "integer" | "number"), Ok(number)) => json!(number),
        // Only the built-in entry has one.
        _ if option == "priority" => json!(0),
        _ => json!(value),
    }
}

/// The options that were given, as they are stored.
fn given(call: &Call<'_>) -> Result<BTreeMap<String, String>, PveError> {
    let no_option = |name: &str| matches!(name, "storage" | "type" | "digest" | "delete");
    let mut options = BTreeMap::new();
    for (name, value) in call.params.iter().filter(|(name, _)| !no_option(name)) {
        let text = match value {
            Param::Text(text) => text.clone(),
            Param::List(list) => list.join(","),
            Param::Null => return Err(PveError::new(format!("got undefined value for option '{name}'"))),
        };
        options.insert(name.to_owned(), text);
    }
    Ok(options)
}

/// Drops what PVE does not store: a switch that is off by nature, empty texts. Emptied `nodes` stay in the file, as
/// its digest shows, and count for nothing.
fn tidy(options: &mut BTreeMap<String, String>) {
    options.retain(|name, value| match value.as_str() {
        "" => name == "nodes",
        "0" => name != "disable",
        _ => true,
    });
}

/// The contents that the type can hold; PVE drops the others with a warning in its journal.
fn supported(kind: &Kind, content: &str) -> Result<String, PveError> {
    let kept: Vec<&str> = split_list(content).filter(|content| kind.contents.contains(content)).collect();
    match () {
        () if kept.is_empty() && !content.is_empty() => {
            Err(PveError::new("storage does not support content type 'none'"))
        }
        () if kept.len() > 1 && kept.contains(&"none") => {
            Err(PveError::new("unable to combine 'none' with other content types"))
        }
        () => Ok(kept.join(",")),
    }
}

fn checked(kind: &'static Kind, mut options: BTreeMap<String, String>) -> Result<BTreeMap<String, String>, PveError> {
    if let Some(unknown) = options.keys().find(|option| !kind.has(option)) {
        return Err(PveError::new(format!("unexpected property '{unknown}'")));
    }
    if let Some(content) = options.get("content") {
        let content = supported(kind, content)?;
        options.insert("content".to_owned(), content);
    }
    // Belief (from the sources): what the type cannot be is dropped without a word, and folders are kept by name.
    options.retain(|name, value| name != "format" || kind.formats.contains(&value.as_str()));
    if let Some(folders) = options.get_mut("content-dirs") {
        let known = |part: &&str| part.split_once('=').is_some_and(|(content, _)| kind.contents.contains(&content));
        let kept: BTreeSet<&str> = split_list(folders).filter(known).collect();
        *folders = kept.into_iter().collect::<Vec<_>>().join(",");
    }
    Ok(options)
}

/// What making an entry writes beside what was given, and what is wrong before anybody is asked.
fn added(call: &Call<'_>, storage: &mut Storage) -> Result<(), String> {
    let id = storage.id.clone();
    match storage.kind.name {
        // Belief (from the sources), as all of these but the last.
        "nfs" | "cifs" | "cephfs" => {
            storage.options.entry("path".to_owned()).or_insert_with(|| format!("/mnt/pve/{id}"));
        }
        "zfspool" => {
            let mountpoint = format!("/{}", storage.get("pool").unwrap_or_default());
            storage.options.entry("mountpoint".to_owned()).or_insert(mountpoint);
        }
        "esxi" if storage.get("password").is_none() => return Err("missing password".to_owned()),
        "lvm" => {
            let base = storage.get("base").and_then(|base| base.split_once(':')).map(|(base, _)| base);
            match base.map(|base| (base, call.cluster.storage.get(base))) {
                Some((base, None)) => return Err(format!("base storage ID '{base}' does not exist")),
                Some((_, Some(base))) if base.kind.name != "iscsi" => {
                    return Err(format!("unsupported base type '{}'", base.kind.name));
                }
                _ => {}
            }
        }
        _ => {}
    }
    Ok(())
}

fn create(call: &mut Call<'_>) -> Result<Value, PveError> {
    let (id, name) = (call.params.need("storage").to_owned(), call.params.need("type").to_owned());
    let Some(kind) = Kind::find(&name) else {
        return Err(call.left_out(&format!("storages of type {name}")));
    };
    let mut options = checked(kind, given(call)?)?;
    if let Some(missing) = kind.required.iter().find(|option| !options.contains_key(**option)) {
        return Err(PveError::new(format!("missing value for required option '{missing}'")));
    }
    tidy(&mut options);
    options.retain(|_, value| !value.is_empty());
    let failed = |error: PveError| error.prefix("create storage failed: ");
    call.lock(Lock::file("storage.cfg")).map_err(failed)?;
    if call.cluster.storage.get(&id).is_some() {
        return Err(failed(PveError::new(format!("storage ID '{id}' already defined"))));
    }
    let made = pbs::keys(&mut options, call).map_err(|text| failed(PveError::new(text)))?;
    let mut storage = Storage::new(&id, kind, options);
    added(call, &mut storage).map_err(|text| failed(PveError::new(text)))?;
    if matches!(kind.name, "dir" | "btrfs") && storage.contents().contains("none") {
        return Err(failed(PveError::new("unknown vtype 'none'")));
    }
    // A volume group is not looked for: the storage is just not active without it.
    if storage.enabled() && storage.on(&call.node) && kind.name != "lvm" {
        call.cluster.activate(&storage).map_err(|text| failed(PveError::new(text)))?;
    }
    call.cluster.storage.insert(storage);
    Ok(answer(&id, &name, made))
}

/// A key that was made is told once.
fn answer(id: &str, kind: &str, made: Option<String>) -> Value {
    let mut answer = json!({ "storage": id, "type": kind });
    if let Some(key) = made {
        answer["config"] = json!({ "encryption-key": key });
    }
    answer
}

fn update(call: &mut Call<'_>) -> Result<Value, PveError> {
    let failed = |error: PveError| error.prefix("update storage failed: ");
    call.lock(Lock::file("storage.cfg")).map_err(failed)?;
    let id = call.params.need("storage").to_owned();
    let storage = call.cluster.storage.get(&id).cloned().ok_or_else(|| failed(PveError::new(missing(&id))))?;
    if call.params.text("digest").is_some_and(|digest| digest != call.cluster.storage.digest()) {
        let text = "detected modified configuration - file changed by other user? Try again.";
        return Err(failed(PveError::new(text)));
    }
    let given = given(call).map_err(failed)?;
    let mut changed = change(storage, given, &call.params.list("delete")).map_err(failed)?;
    let name = changed.kind.name;
    let made = pbs::keys(&mut changed.options, call).map_err(|text| failed(PveError::new(text)))?;
    call.cluster.storage.insert(changed);
    Ok(answer(&id, name, made))
}

fn change(mut storage: Storage, given: BTreeMap<String, String>, delete: &[String]) -> Result<Storage, PveError> {
    let kind = storage.kind;
    let given = checked(kind, given)?;
    // The value that it has already is refused as well.
    if let Some(option) = given.keys().find(|option| kind.is_fixed(option)) {
        return Err(PveError::new(format!("can't change value of fixed parameter '{option}'")));
    }
    for option in delete {
        let text = match () {
            () if !kind.has(option) => format!("no such option '{option}'"),
            () if kind.required.contains(&option.as_str()) => format!("unable to delete required option '{option}'"),
            () if kind.fixed.contains(&option.as_str()) => format!("unable to delete fixed option '{option}'"),
            () if given.contains_key(option) => format!("cannot set and delete property '{option}' at the same time!"),
            () => continue,
        };
        return Err(PveError::new(text));
    }
    storage.options.extend(given);
    storage.options.retain(|option, _| !delete.contains(option) && option != "priority");
    tidy(&mut storage.options);
    Ok(storage)
}

/// Takes the entry away, and with it what anybody was allowed on it. Data stays.
fn delete(call: &mut Call<'_>) -> Result<Value, PveError> {
    let failed = |error: PveError| error.prefix("delete storage failed: ");
    call.lock(Lock::file("storage.cfg")).map_err(failed)?;
    let id = call.params.need("storage").to_owned();
    let based = |storage: &Storage| storage.get("base").is_some_and(|base| base.starts_with(&format!("{id}:")));
    if call.cluster.storage.all.values().any(based) {
        return Err(failed(PveError::new("can't remove storage - storage is used as base of another storage")));
    }
    if call.cluster.storage.remove(&id).is_none() {
        return Err(failed(PveError::new(missing(&id))));
    }
    Ok(Value::Null)
}
