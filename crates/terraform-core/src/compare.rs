//! The judge beside Terraform itself: whether a plan and a state are those that a real Terraform writes.
//!
//! Whatever differs is a defect of the judge.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::Value as Json;

use crate::plan::{Change, Plan, Reason};
use crate::schemas::Schemas;
use crate::state::{Address, Instance, InstanceKey, State};
use crate::types::Type;
use crate::value::{Value, read_json};

/// What differs between a plan and what `terraform show -json` says of the same one.
#[must_use]
pub fn plans(plan: &Plan, shown: &Json) -> Vec<String> {
    let mut different = Vec::new();
    let mut theirs: BTreeMap<String, &Json> = BTreeMap::new();
    for change in shown["resource_changes"].as_array().into_iter().flatten() {
        let address = change["address"].as_str().unwrap_or_default().to_owned();
        let deposed = change["deposed"].as_str().map(|_| " (deposed)").unwrap_or_default();
        theirs.insert(address + deposed, change);
    }
    for change in &plan.changes {
        let address = change.address.to_string() + if change.deposed { " (deposed)" } else { "" };
        match theirs.remove(&address) {
            Some(shown) => different.extend(changes(change, shown).into_iter().map(|what| format!("{address}{what}"))),
            None => different.push(format!("{address}: only here, {:?}", change.action)),
        }
    }
    for (name, output) in &plan.outputs {
        let shown = &shown["output_changes"][name];
        values(output, &shown["after"], &shown["after_unknown"], &format!("output {name}"), &mut different);
    }
    different.extend(theirs.into_keys().map(|address| format!("{address}: only in Terraform's plan")));
    different
}

fn changes(change: &Change, shown: &Json) -> Vec<String> {
    let theirs = &shown["change"];
    let mut different = Vec::new();
    let mut same = |what: &str, ours: Json, theirs: &Json| {
        if ours != *theirs {
            different.push(format!(": {what} is {ours} here, {theirs} there"));
        }
    };
    same("actions", change.action.names().into(), &theirs["actions"]);
    same("action_reason", reason(change.reason).into(), &shown["action_reason"]);
    same("importing", change.importing.into(), &theirs["importing"].is_object().into());
    same("previous_address", change.moved_from.as_ref().map(ToString::to_string).into(), &shown["previous_address"]);
    let paths = |paths: &Json| paths.as_array().into_iter().flatten().map(ToString::to_string).collect::<BTreeSet<_>>();
    let ours: BTreeSet<String> = change.replace_paths.iter().map(|path| path_json(path).to_string()).collect();
    if change.action.is_replace() && ours != paths(&theirs["replace_paths"]) {
        different.push(format!(": replace_paths are {ours:?} here, {} there", theirs["replace_paths"]));
    }
    values(&change.before, &theirs["before"], &Json::Bool(false), " before", &mut different);
    values(&change.after, &theirs["after"], &theirs["after_unknown"], " after", &mut different);
    different
}

fn path_json(path: &crate::path::Path) -> Json {
    use crate::path::Step;
    let step = |step: &Step| match step {
        Step::Attribute(name) | Step::Key(name) => Json::from(name.as_str()),
        Step::Index(n) => Json::from(*n),
        Step::Element => Json::Null,
    };
    path.0.iter().map(step).collect()
}

fn reason(reason: Reason) -> Option<&'static str> {
    Some(match reason {
        Reason::None => return None,
        Reason::Tainted => "replace_because_tainted",
        Reason::ByRequest => "replace_by_request",
        Reason::ByTriggers => "replace_by_triggers",
        Reason::CannotUpdate => "replace_because_cannot_update",
        Reason::NoResourceConfig => "delete_because_no_resource_config",
        // Terraform tells counts from keys; here one word is enough.
        Reason::InstanceKey => "delete_because_each_key",
        Reason::ConfigUnknown => "read_because_config_unknown",
        Reason::DependencyPending => "read_because_dependency_pending",
    })
}

/// A value beside JSON, where what is unknown is said elsewhere.
fn values(ours: &Value, theirs: &Json, unknown: &Json, at: &str, different: &mut Vec<String>) {
    match (ours, theirs) {
        (Value::Unknown(_), _) if *unknown == Json::Bool(true) => {}
        _ if *unknown == Json::Bool(true) => {
            different.push(format!("{at} is {} here, unknown there", crate::value::to_json(ours)))
        }
        (Value::Unknown(_), _) => different.push(format!("{at} is unknown here, {theirs} there")),
        (Value::Dynamic(inner), _) => values(&inner.1, theirs, unknown, at, different),
        (Value::Object(of) | Value::Map(of), Json::Object(shown)) => {
            for (name, value) in of {
                values(
                    value,
                    &shown.get(name).cloned().unwrap_or(Json::Null),
                    &unknown[name],
                    &format!("{at}.{name}"),
                    different,
                );
            }
            for name in shown.keys().filter(|name| !of.contains_key(*name)) {
                different.push(format!("{at}.{name} is only there"));
            }
        }
        (Value::List(of), Json::Array(shown)) if of.len() == shown.len() => {
            for (n, (value, shown)) in of.iter().zip(shown).enumerate() {
                values(value, shown, &unknown[n], &format!("{at}[{n}]"), different);
            }
        }
        (Value::Set(of), Json::Array(shown)) if of.len() == shown.len() => {
            // In whatever order: each has to be there; of what is unknown inside, only how many there are counts.
            for element in of.iter().filter(|element| element.is_wholly_known()) {
                let found = shown.iter().any(|shown| {
                    let mut inside = Vec::new();
                    values(element, shown, &Json::Bool(false), "", &mut inside);
                    inside.is_empty()
                });
                if !found {
                    different.push(format!("{at} holds {} here, and not there", crate::value::to_json(element)));
                }
            }
        }
        _ if Value::from(theirs) == *ours => {}
        _ => different.push(format!("{at} is {} here, {theirs} there", crate::value::to_json(ours))),
    }
}

impl State {
    /// The state as a state file holds it. Its order and its digests are left out.
    ///
    /// # Errors
    ///
    /// What cannot be read.
    pub fn from_file(file: &Json) -> Result<Self, String> {
        let mut state = Self::default();
        for resource in file["resources"].as_array().into_iter().flatten() {
            let text = |key: &str| resource[key].as_str().unwrap_or_default().to_owned();
            let address =
                Address { data: text("mode") == "data", ty: text("type"), name: text("name"), key: InstanceKey::None };
            for one in resource["instances"].as_array().into_iter().flatten() {
                let key = match &one["index_key"] {
                    Json::String(key) => InstanceKey::Key(key.clone()),
                    Json::Number(n) => {
                        InstanceKey::Number(n.as_u64().and_then(|n| usize::try_from(n).ok()).unwrap_or_default())
                    }
                    _ => InstanceKey::None,
                };
                let private = one["private"].as_str().unwrap_or_default();
                let dependencies = one["dependencies"].as_array().into_iter().flatten().filter_map(Json::as_str);
                let identity = (!one["identity"].is_null())
                    .then(|| (one["identity_schema_version"].as_i64().unwrap_or(0), one["identity"].to_string()));
                let instance = Instance {
                    schema_version: one["schema_version"].as_i64().unwrap_or(0),
                    attributes: one["attributes"].to_string(),
                    private: Bytes::from(
                        STANDARD.decode(private).map_err(|error| format!("{address}: private: {error}"))?,
                    ),
                    identity,
                    tainted: one["status"] == "tainted",
                    dependencies: dependencies.map(Address::from).filter(|address| !address.data).collect(),
                    create_before_destroy: one["create_before_destroy"] == true,
                    provider: None,
                };
                if one["deposed"].is_string() {
                    state.deposed.push((address.instance(key), instance));
                } else {
                    state.instances.insert(address.instance(key), instance);
                }
            }
        }
        Ok(state)
    }
}

/// What differs between two states, where the first one is from here. `volatile`: what need not be the same: an attribute of
/// an instance, and `private` and `identity` under these names.
#[must_use]
pub fn states(
    ours: &State,
    theirs: &State,
    schemas: &Schemas,
    volatile: &dyn Fn(&Address, &str) -> bool,
) -> Vec<String> {
    let mut different = Vec::new();
    let all: BTreeSet<&Address> = ours.instances.keys().chain(theirs.instances.keys()).collect();
    for address in all {
        let (Some(ours), Some(theirs)) = (ours.instances.get(address), theirs.instances.get(address)) else {
            let here = ours.instances.contains_key(address);
            different.push(format!("{address} is only {}", if here { "here" } else { "there" }));
            continue;
        };
        let mut same = |what: &str, same: bool, told: String| {
            if !same && !volatile(address, what) {
                different.push(format!("{address}: {what}: {told}"));
            }
        };
        same(
            "schema_version",
            ours.schema_version == theirs.schema_version,
            format!("{} here, {} there", ours.schema_version, theirs.schema_version),
        );
        same("tainted", ours.tainted == theirs.tainted, format!("{} here, {} there", ours.tainted, theirs.tainted));
        same("private", ours.private == theirs.private, format!("{:?} here, {:?} there", ours.private, theirs.private));
        same(
            "dependencies",
            ours.dependencies == theirs.dependencies,
            format!("{:?} here, {:?} there", ours.dependencies, theirs.dependencies),
        );
        same("create_before_destroy", ours.create_before_destroy == theirs.create_before_destroy, String::new());
        let identity = |instance: &Instance| {
            instance.identity.as_ref().map(|(version, _)| *version).zip(Some(instance.identity_value()))
        };
        same(
            "identity",
            identity(ours) == identity(theirs),
            format!("{:?} here, {:?} there", ours.identity, theirs.identity),
        );
        let schema =
            if address.data { schemas.data_sources.get(&address.ty) } else { schemas.resources.get(&address.ty) };
        let Some(Type::Object(types)) = schema.map(|schema| schema.block.ty()) else { continue };
        let (our, their) = (parts(&ours.attributes), parts(&theirs.attributes));
        for (name, ty) in &types {
            let read = |parts: &BTreeMap<String, String>| parts.get(name).map(|text| read_json(text, ty));
            same(name, read(&our) == read(&their), format!("{:?} here, {:?} there", our.get(name), their.get(name)));
        }
    }
    different
}

/// The attributes of an object, each as the text that it is.
fn parts(json: &str) -> BTreeMap<String, String> {
    let raw: BTreeMap<String, Box<serde_json::value::RawValue>> = serde_json::from_str(json).unwrap_or_default();
    raw.into_iter().map(|(name, value)| (name, value.get().to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(ours: &Value, theirs: &Json, unknown: &Json) -> Vec<String> {
        let mut different = Vec::new();
        values(ours, theirs, unknown, "", &mut different);
        different
    }

    #[test]
    fn values_beside_what_terraform_shows() {
        let ours = Value::object([
            ("a", 1.into()),
            ("b", Value::UNKNOWN),
            ("s", Value::set(["x".into(), "y".into()])),
            ("l", Value::List(vec![Value::object([("u", Value::UNKNOWN), ("n", Value::Null)])])),
        ]);
        let (theirs, unknown) = (
            json!({"a": 1, "s": ["y", "x"], "l": [{"n": null}]}),
            json!({"b": true, "s": [false, false], "l": [{"u": true}]}),
        );
        assert_eq!(told(&ours, &theirs, &unknown), [""; 0]);
        let theirs = json!({"a": 2, "s": ["y", "z"], "l": [{"n": 1}], "c": 1});
        let found = told(&ours, &theirs, &json!({"l": [{"u": true}]}));
        assert_eq!(
            found,
            [
                ".a is 1 here, 2 there",
                ".b is unknown here, null there",
                ".l[0].n is null here, 1 there",
                ".s holds \"x\" here, and not there",
                ".c is only there"
            ]
        );
    }

    #[test]
    fn a_state_file() {
        let file = json!({"resources": [{"mode": "managed", "type": "t", "name": "a", "instances": [
            {"index_key": "k", "schema_version": 1, "attributes": {"x": 1}, "private": "aGk=", "status": "tainted",
             "dependencies": ["t.b", "data.t.c"], "identity": {"id": 1}, "identity_schema_version": 2},
            {"deposed": "01234567", "schema_version": 0, "attributes": {}},
        ]}]});
        let state = State::from_file(&file).unwrap();
        let one = state.get("t.a[\"k\"]").unwrap();
        assert_eq!((one.schema_version, &one.private[..], one.tainted), (1, &b"hi"[..], true));
        assert_eq!(
            (one.dependencies.clone(), one.identity.clone()),
            (vec!["t.b".into()], Some((2, "{\"id\":1}".to_owned())))
        );
        assert_eq!(state.deposed.len(), 1);
    }
}
