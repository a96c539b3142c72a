//! `/cluster/options`: `datacenter.cfg`.

use serde_json::{Map, Value, json};

use crate::kernel::locks::Lock;
use crate::kernel::params::property;
use crate::kernel::{Call, PveError, Routes};

pub(crate) fn routes(r: &mut Routes) {
    r.get("/cluster/options", read);
    r.put("/cluster/options", update);
}

/// What anybody sees.
const PUBLIC: &[&str] = &["console", "tag-style", "allowed-tags"];

fn read(call: &mut Call<'_>) -> Result<Value, PveError> {
    let mut options = Map::from_iter([
        ("mac_prefix".to_owned(), json!("BC:24:11")),
        ("description".to_owned(), json!("")),
        ("allowed-tags".to_owned(), json!([])),
    ]);
    for (name, text) in &call.cluster.options.set {
        options.insert(name.clone(), parsed(name, text));
    }
    if !call.may("/", &["Sys.Audit"]) {
        options.retain(|name, _| PUBLIC.contains(&name.as_str()));
    }
    Ok(Value::Object(options))
}

/// Some property strings come back as objects.
fn parsed(name: &str, text: &str) -> Value {
    let objects = [
        "crs",
        "migration",
        "replication",
        "next-id",
        "ha",
        "notify",
        "u2f",
        "webauthn",
        "tag-style",
        "user-tag-access",
    ];
    if name == "description" {
        return format!("{text}\n").into();
    }
    let keys = property::keys("PUT", "/cluster/options", name).filter(|_| objects.contains(&name));
    match keys.and_then(|keys| property::parse(name, keys, text).ok()) {
        Some(values) => json!(values),
        None => text.into(),
    }
}

fn update(call: &mut Call<'_>) -> Result<Value, PveError> {
    call.lock(Lock::file("datacenter.cfg"))?;
    let deleted = call.params.list("delete");
    let given: Vec<(String, String)> =
        call.params.texts().filter(|(name, _)| *name != "delete").map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
    let set = &mut call.cluster.options.set;
    set.extend(given);
    set.retain(|name, value| !deleted.contains(name) && !value.is_empty());
    Ok(Value::Null)
}
