//! Import ids and blocks for what a state holds.

use serde_json::Value;

/// The import id of an object with these attributes.
pub fn import_id(kind: &str, attributes: &Value) -> String {
    let of = |attribute: &str| match &attributes[attribute] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match kind {
        "pve_ceph_osd" => of("osd_id"),
        "pve_ha_resource" => of("sid"),
        "pve_pool" => of("poolid"),
        "pve_storage_rbd" => of("storage"),
        "pve_vm" | "pve_container" | "pve_template" => of("vmid"),
        "pve_snapshot" => format!("{}/{}", of("vmid"), of("name")),
        "pve_vm_disk_move" => format!("{}/{}", of("vmid"), of("disk")),
        _ => of("name"),
    }
}

/// An `import` block for each resource in the state. `provider` says which alias it is imported by, if any.
pub fn import_blocks(state: &Value, provider: impl Fn(&str) -> Option<String>) -> String {
    let mut blocks = String::new();
    for resource in state["resources"].as_array().into_iter().flatten().filter(|r| r["mode"] == "managed") {
        let word = |key: &str| resource[key].as_str().unwrap_or_default();
        let (kind, name) = (word("type"), word("name"));
        for instance in resource["instances"].as_array().into_iter().flatten() {
            let index = instance["index_key"].as_str().map(|key| format!("[{key:?}]")).unwrap_or_default();
            // What has no name is told by its identity.
            let by_identity = instance["identity"].is_object() && import_id(kind, &instance["attributes"]) == "null";
            let which = match by_identity {
                true => format!("identity = {}", instance["identity"]),
                false => format!("id = {:?}", import_id(kind, &instance["attributes"])),
            };
            let by = provider(name).map(|alias| format!("  provider = {alias}\n")).unwrap_or_default();
            blocks.push_str(&format!("import {{\n  to = {kind}.{name}{index}\n  {which}\n{by}}}\n"));
        }
    }
    blocks
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_managed_instance_has_a_block() {
        let state = json!({ "resources": [
            { "mode": "data", "type": "pve_nodes", "name": "all", "instances": [{}] },
            { "mode": "managed", "type": "pve_vm_disk_move", "name": "db", "instances": [
                { "index_key": "a", "attributes": { "vmid": 101, "disk": "scsi0" } },
            ] },
        ] });
        let to = "import {\n  to = pve_vm_disk_move.db[\"a\"]\n  id = \"101/scsi0\"\n";
        assert_eq!(import_blocks(&state, |_| None), format!("{to}}}\n"));
        assert_eq!(import_blocks(&state, |_| Some("pve.b".to_owned())), format!("{to}  provider = pve.b\n}}\n"));
        let state = json!({ "resources": [{ "mode": "managed", "type": "pve_acl", "name": "x", "instances": [
            { "attributes": { "path": "/" }, "identity": { "path": "/", "who": "a@pam" } },
        ] }] });
        let identity = r#"{"path":"/","who":"a@pam"}"#;
        assert_eq!(
            import_blocks(&state, |_| None),
            format!("import {{\n  to = pve_acl.x\n  identity = {identity}\n}}\n")
        );
    }
}
