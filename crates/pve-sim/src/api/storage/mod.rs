//! `/storage`: the entries of `storage.cfg`.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

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
const SECRETS: &[&str] = &["keyring", "password", "encryption-key", "master-pubkey"];

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
        if !SECRETS.contains(&key.as_str()) {
            entry[key] = typed(key, value);
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
    match kept.is_empty() {
        true if !content.is_empty() => Err(PveError::new("storage does not support content type 'none'")),
        _ => Ok(kept.join(",")),
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
    Ok(options)
}

fn create(call: &mut Call<'_>) -> Result<Value, PveError> {
    let (id, name) = (call.params.need("storage").to_owned(), call.params.need("type").to_owned());
    let Some(kind) = Kind::find(&name).filter(|kind| kind.name != "cephfs") else {
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
    let storage = Storage::new(&id, kind, options);
    if kind.name == "dir" && storage.contents().contains("none") {
        return Err(failed(PveError::new("unknown vtype 'none'")));
    }
    // A volume group is not looked for: the storage is just not active without it.
    if storage.enabled() && storage.on(&call.node) && kind.name != "lvm" {
        call.cluster.storage.activate(&storage).map_err(|text| failed(PveError::new(text)))?;
    }
    call.cluster.storage.insert(storage);
    Ok(json!({ "storage": id, "type": name }))
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
    let changed = change(storage, given, &call.params.list("delete")).map_err(failed)?;
    let name = changed.kind.name;
    call.cluster.storage.insert(changed);
    Ok(json!({ "storage": id, "type": name }))
}

fn change(mut storage: Storage, given: BTreeMap<String, String>, delete: &[String]) -> Result<Storage, PveError> {
    let kind = storage.kind;
    let given = checked(kind, given)?;
    let changes_fixed =
        |option: &&String| kind.is_fixed(option) && storage.get(option) != given.get(*option).map(|v| &**v);
    if let Some(option) = given.keys().find(changes_fixed) {
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
    if call.cluster.storage.remove(&id).is_none() {
        return Err(failed(PveError::new(missing(&id))));
    }
    Ok(Value::Null)
}
