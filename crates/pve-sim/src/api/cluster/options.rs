//! `/cluster/options`: `datacenter.cfg`.

use std::collections::BTreeSet;

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
    let allowed: BTreeSet<String> = ["registered-tags", "user-tag-access"]
        .iter()
        .filter_map(|name| options.get(*name))
        .flat_map(|tags| tags.get("user-allow-list").unwrap_or(tags).as_array().cloned().unwrap_or_default())
        .filter_map(|tag| tag.as_str().map(str::to_owned))
        .collect();
    options.insert("allowed-tags".to_owned(), json!(allowed));
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
    let tags = |text: &str| text.split(';').map(str::to_owned).collect::<BTreeSet<_>>();
    if name == "registered-tags" {
        return json!(tags(text));
    }
    let keys = property::keys("PUT", "/cluster/options", name).filter(|_| objects.contains(&name));
    match keys.and_then(|keys| property::parse(name, keys, text).ok()) {
        Some(values) => {
            let mut values = json!(values);
            for flag in ["ha-rebalance-on-start", "ha-auto-rebalance", "case-sensitive", "allow-subdomains"] {
                if let Some(value) = values.get_mut(flag) {
                    *value = json!(i32::from(*value == "1"));
                }
            }
            if let Some(list) = values.get_mut("user-allow-list") {
                *list = json!(tags(list.as_str().unwrap_or_default()));
            }
            values
        }
        None => text.into(),
    }
}

fn update(call: &mut Call<'_>) -> Result<Value, PveError> {
    call.lock(Lock::file("datacenter.cfg"))?;
    let deleted = call.params.list("delete");
    let given: Vec<(String, String)> =
        call.params.texts().filter(|(name, _)| *name != "delete").map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
    if let Some((_, range)) = given.iter().find(|(name, _)| name == "next-id") {
        let bound = |key: &str| range.split(',').find_map(|part| part.strip_prefix(key)?.parse::<u32>().ok());
        if let (Some(lower), Some(upper)) = (bound("lower="), bound("upper="))
            && lower > upper
        {
            return Err(PveError::new(format!("lower ({lower}) <= upper ({upper}) boundary rule broken")));
        }
    }
    let set = &mut call.cluster.options.set;
    set.extend(given);
    set.retain(|name, value| !deleted.contains(name) && !value.is_empty());
    Ok(Value::Null)
}
