//! What real clusters have can be taken over as it is.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use terraform_plugin::model::{Model, Object};
use terraform_plugin::schema::{Attribute, Kind, Rule};
use terraform_plugin::value::{Value, json as state_json};
use terraform_plugin::{Server, StopToken};

use super::{Kept, ty};
use crate::provider::PveProvider;
use crate::vm::vm::Vm;

/// Every configuration of a virtual machine that PVE answered with in the recordings.
fn recorded() -> Vec<(String, Json)> {
    let folder = format!("{}/crates/pve-sim/truth/pve", env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let file = file.unwrap().path();
        let calls: Vec<Json> = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
        for call in &calls {
            let path = call["request"]["path"].as_str().unwrap_or_default();
            let machine = path.contains("/qemu/") && path.ends_with("/config");
            if machine && call["request"]["method"] == "GET" && call["status"] == 200 {
                found.push((format!("{} {path}", file.display()), call["response"]["data"].clone()));
            }
        }
    }
    found
}

/// What `terraform plan -generate-config-out` writes: whatever is set and can be set.
fn generated(attributes: &[Attribute], state: &BTreeMap<String, Value>) -> BTreeMap<String, Value> {
    let one = |attribute: &Attribute| {
        let value = match attribute.rule {
            Rule::Computed => Value::Null,
            _ => state.get(&attribute.name).cloned().unwrap_or(Value::Null),
        };
        let value = match (&attribute.kind, value) {
            (Kind::Nested(_, inner), Value::Object(object)) => Value::Object(generated(inner, &object)),
            (Kind::Nested(_, inner), Value::Map(map)) => {
                let element = |value: Value| match value {
                    Value::Object(object) => Value::Object(generated(inner, &object)),
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

#[tokio::test]
async fn every_recorded_machine_is_imported_as_it_is() {
    let server = Server::<PveProvider>::new(StopToken::new());
    let schema = Vm::schema();
    let mut seen = 0;
    for (path, answer) in recorded() {
        let config = serde_json::from_value(answer.clone()).unwrap_or_else(|error| panic!("{path}: {error}"));
        let vm = Vm::imported(131, "pve1", &config);
        let state = vm.encode();
        let text = state_json::encode(&Value::Object(generated(&schema.attributes, &state)), &ty::<Vm>()).unwrap();
        let written: Json = serde_json::from_str(&text).unwrap();
        let kept = Kept::<Vm> { state: Value::Object(state), private: Vec::new(), model: std::marker::PhantomData };
        super::validate::<Vm>(&server, &written).await.unwrap_or_else(|errors| panic!("{path}: {answer}: {errors:?}"));
        let planned = super::plan(&server, Some(&kept), &written).await.unwrap();
        assert!(planned.is_empty() && !planned.replaces, "{path}: {answer} becomes {:?}", planned.planned);
        seen += 1;
    }
    assert!(seen > 20, "only {seen} configurations are recorded");
}
