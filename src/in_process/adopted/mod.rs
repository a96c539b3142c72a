//! What real clusters have can be taken over as it is.

mod ceph;
mod entries;
mod limits;
mod machines;

use std::collections::BTreeMap;
use std::marker::PhantomData;

use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use terraform_plugin::model::Model;
use terraform_plugin::schema::{Attribute, Kind, Rule};
use terraform_plugin::value::{Value, json as state_json};

use super::{Kept, Rig, ty};

/// Every recorded call, with the file that it is in.
pub(super) fn calls() -> impl Iterator<Item = (String, Json)> {
    let folder = format!("{}/crates/pve-sim/truth/pve", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_dir(folder).unwrap().flat_map(|file| {
        let file = file.unwrap();
        let calls: Vec<Json> = serde_json::from_str(&std::fs::read_to_string(file.path()).unwrap()).unwrap();
        let name = file.file_name().into_string().unwrap();
        calls.into_iter().map(move |call| (name.clone(), call))
    })
}

/// What was answered to reading calls in the recordings, with file and path, for the paths asked for.
fn recorded(wanted: impl Fn(&str) -> bool) -> Vec<(String, Json)> {
    let found = calls().filter_map(|(file, call)| {
        let (path, data) = (call["request"]["path"].as_str()?, &call["response"]["data"]);
        let told = call["request"]["method"] == "GET" && call["status"] == 200 && !data.is_null();
        (told && wanted(path)).then(|| (format!("{file} {path}"), data.clone()))
    });
    found.collect()
}

/// The objects in such answers, be they lists or single ones.
fn objects(wanted: impl Fn(&str) -> bool) -> impl Iterator<Item = (String, Json)> {
    recorded(wanted).into_iter().flat_map(|(path, answer)| {
        let all = match answer {
            Json::Array(all) => all,
            one => vec![one],
        };
        all.into_iter().map(move |one| (path.clone(), one))
    })
}

/// An answer as the provider reads it.
fn told<T: DeserializeOwned>(path: &str, answer: &Json) -> T {
    serde_json::from_value(answer.clone()).unwrap_or_else(|error| panic!("{path}: {answer}: {error}"))
}

/// What `terraform plan -generate-config-out` writes: whatever is set and can be set.
fn generated<M: Model>(state: &BTreeMap<String, Value>) -> Json {
    let written = Value::Object(settable(&M::schema().attributes, state));
    serde_json::from_str(&state_json::encode(&written, &ty::<M>()).unwrap()).unwrap()
}

fn settable(attributes: &[Attribute], state: &BTreeMap<String, Value>) -> BTreeMap<String, Value> {
    let one = |attribute: &Attribute| {
        let value = match attribute.rule {
            Rule::Computed => Value::Null,
            _ => state.get(&attribute.name).cloned().unwrap_or(Value::Null),
        };
        let value = match (&attribute.kind, value) {
            (Kind::Nested(_, inner), Value::Object(object)) => Value::Object(settable(inner, &object)),
            (Kind::Nested(_, inner), Value::Map(map)) => {
                let element = |value: Value| match value {
                    Value::Object(object) => Value::Object(settable(inner, &object)),
                    other => other,
                };
                Value::Map(map.into_iter().map(|(key, value)| (key, element(value))).collect())
            }
            (_, value) => value,
        };
        (attribute.name.clone(), value)
    };
    attributes.iter().map(one).collect()
}

/// With the configuration that is generated for it, nothing is said against an object, and nothing planned.
async fn stays<M: Model>(rig: &Rig, what: &str, kept: &Kept<M>) {
    let Value::Object(state) = &kept.state else { panic!("{what}: {:?}", kept.state) };
    let written = generated::<M>(state);
    rig.validate::<M>(&written).await.unwrap_or_else(|errors| panic!("{what}: {written}: {errors:?}"));
    let planned = rig.plan(Some(kept), &written).await.unwrap_or_else(|errors| panic!("{what}: {written}: {errors:?}"));
    assert!(planned.is_empty() && !planned.replaces, "{what}: {:?} becomes {:?}", planned.prior, planned.planned);
    assert!(planned.warnings.is_empty(), "{what}: {written}: {:?}", planned.warnings);
}

/// The same for an object as it was read from an answer.
async fn model_stays<M: Model>(rig: &Rig, what: &str, model: &M) {
    let kept = Kept::<M> { state: Value::Object(model.encode()), private: Vec::new(), model: PhantomData };
    stays(rig, what, &kept).await;
}

/// The same for one that the cluster of `rig` has.
async fn import_stays<M: Model>(rig: &Rig, id: &str) {
    let kept = rig.import::<M>(id).await.unwrap_or_else(|errors| panic!("{id}: {errors:?}"));
    stays(rig, id, &kept).await;
}
