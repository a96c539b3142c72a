//! What real clusters have can be taken over as it is.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use terraform_plugin::model::{Model, Object};
use terraform_plugin::schema::{Attribute, Kind, Rule, Test};
use terraform_plugin::value::{Value, json as state_json};
use terraform_plugin::{Server, StopToken};

use super::{Kept, ty};
use crate::provider::PveProvider;
use crate::vm::vm::Vm;

/// Every configuration of a virtual machine that PVE answered with in the recordings, and in one that the simulator is not
/// held to.
fn recorded() -> Vec<(String, Json)> {
    let folder = format!("{}/crates/pve-sim/truth/pve", env!("CARGO_MANIFEST_DIR"));
    let more: Vec<Json> = serde_json::from_str(include_str!("adopted.json")).unwrap();
    let mut found: Vec<_> = more.into_iter().map(|config| ("adopted.json".to_owned(), config)).collect();
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
    assert!(seen > 60, "only {seen} configurations are recorded");
}

/// Where PVE has the attributes of a virtual machine, and of its parts.
const PARAMETERS: [(&str, &str); 24] = [
    ("vmid", "vmid"),
    ("name", "name"),
    ("pool", "pool"),
    ("cores", "cores"),
    ("sockets", "sockets"),
    ("cpu", "cpu"),
    ("memory", "memory.current"),
    ("machine", "machine.type"),
    ("bios", "bios"),
    ("scsi_hardware", "scsihw"),
    ("on_boot", "onboot"),
    ("description", "description"),
    ("tags", "tags"),
    ("disks.cache", "scsi[n].cache"),
    ("disks.discard", "scsi[n].discard"),
    ("networks.model", "net[n].model"),
    ("networks.bridge", "net[n].bridge"),
    ("networks.tag", "net[n].tag"),
    ("networks.mac", "net[n].macaddr"),
    ("cloud_init.user", "ciuser"),
    ("cloud_init.ssh_keys", "sshkeys"),
    ("cloud_init.ip_config.ip", "ipconfig[n]"),
    ("cloud_init.dns.servers", "nameserver"),
    ("cloud_init.dns.domain", "searchdomain"),
];

/// Whatever PVE takes can be written down: no limit is narrower than its own.
#[test]
fn limits_are_as_wide_as_pves() {
    let path = format!("{}/crates/pve-sim/truth/api.json", env!("CARGO_MANIFEST_DIR"));
    let api: Json = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let of_create = |m: &&Json| m["path"] == "/nodes/{node}/qemu" && m["method"] == "POST";
    let method = api["methods"].as_array().unwrap().iter().find(of_create).unwrap();
    let schema = Vm::schema();
    for (attribute, parameter) in PARAMETERS {
        let path = attribute.split('.').fold(terraform_plugin::Path::root(), |path, name| path.at(name));
        let ours = schema.attribute(&path).unwrap_or_else(|| panic!("no attribute {attribute}"));
        let mut names = parameter.split('.');
        let mut theirs = &method["parameters"][names.next().unwrap()];
        for name in names {
            theirs = &theirs["format"][name];
        }
        assert!(theirs.is_object(), "no parameter {parameter}");
        for check in &ours.checks {
            if let Some(why) = narrower(&check.test, theirs) {
                panic!("{attribute} ({}): {why}", check.says);
            }
        }
    }
}

/// Why a check refuses what PVE takes.
fn narrower(test: &Test, theirs: &Json) -> Option<String> {
    let limit =
        |name: &str| theirs[name].as_str().map(str::to_owned).or_else(|| theirs[name].as_i64().map(|n| n.to_string()));
    match test {
        Test::Range(low, high) => {
            let (low, high) = (low.as_ref().map(ToString::to_string), high.as_ref().map(ToString::to_string));
            let (least, most) = (limit("minimum"), limit("maximum"));
            ((low, &high) != (least.clone(), &most)).then(|| format!("PVE has {least:?} to {most:?}"))
        }
        Test::Length(_, Some(most)) => {
            (limit("maxLength") != Some(most.to_string())).then(|| format!("PVE has {:?}", limit("maxLength")))
        }
        Test::OneOf(words) => {
            let missing = |word: &&Json| !words.iter().any(|ours| ours.as_str() == word.as_str());
            let missing: Vec<_> = theirs["enum"].as_array().into_iter().flatten().filter(missing).collect();
            (!missing.is_empty()).then(|| format!("PVE has {missing:?} too"))
        }
        Test::Custom(run) => {
            let refused = |word: &&Json| run(&Value::from(word.as_str().unwrap_or_default())).is_err();
            let refused: Vec<_> = theirs["enum"].as_array().into_iter().flatten().filter(refused).collect();
            (!refused.is_empty()).then(|| format!("PVE has {refused:?} too"))
        }
        _ => None,
    }
}
