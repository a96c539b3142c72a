//! Whatever PVE takes can be written down.

use serde_json::Value as Json;
use terraform_plugin::Path;
use terraform_plugin::model::Model;
use terraform_plugin::schema::Test;
use terraform_plugin::value::Value;

use crate::vm::vm::Vm;

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
        let path = attribute.split('.').fold(Path::root(), |path, name| path.at(name));
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
