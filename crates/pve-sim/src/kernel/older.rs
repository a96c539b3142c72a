//! What PVE 8.4 knows less than PVE 9.2, whose schema everything here is held to. None of it was recorded.
//!
//! Belief, all of it: the table of versions that was read off the sources of both.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::error::PveError;
use super::params::Raw;

/// Calls that came with PVE 9, with all below them.
const NEW: [&str; 7] = [
    "/cluster/ha/rules",
    "/cluster/bulk-action",
    "/nodes/{node}/ceph/releases",
    "/nodes/{node}/capabilities/qemu/migration",
    "/nodes/{node}/query-oci-repo-tags",
    "/nodes/{node}/storage/{storage}/identity",
    "/nodes/{node}/storage/{storage}/oci-registry-pull",
];

/// Calls that are otherwise in PVE 8, and not simulated as they are there.
const OTHERWISE: [&str; 1] = ["/nodes/{node}/apt/repositories"];

/// Parameters that came with PVE 9, by the call that takes them.
const PARAMETERS: [(&str, &str); 14] = [
    ("/cluster/ha/resources", "failback"),
    ("/cluster/ha/resources/{sid}", "failback"),
    ("/cluster/ha/resources/{sid}", "purge"),
    ("/nodes/{node}/qemu", "ha-managed"),
    ("/nodes/{node}/qemu/{vmid}/migrate", "with-conntrack-state"),
    ("/nodes/{node}/lxc", "ha-managed"),
    ("/nodes/{node}/lxc", "env"),
    ("/nodes/{node}/lxc", "entrypoint"),
    ("/nodes/{node}/lxc/{vmid}/config", "env"),
    ("/nodes/{node}/lxc/{vmid}/config", "entrypoint"),
    ("/access/users/{userid}/token/{tokenid}", "regenerate"),
    ("/access/domains", "audiences"),
    ("/access/domains/{realm}", "audiences"),
    ("/storage", "snapshot-as-volume-chain"),
];

/// Keys of property strings of guests that came with PVE 9: of which guests, of which options (without the number at their
/// end).
const KEYS: [(&str, &[&str], &str); 5] = [
    ("lxc", &["net"], "host-managed"),
    ("lxc", &["rootfs", "mp"], "keepattrs"),
    ("lxc", &["rootfs", "mp"], "idmap"),
    ("qemu", &["net"], "host-tunnel"),
    ("qemu", &["cpu"], "level"),
];

/// What PVE 8 writes as a number.
const NUMBERS: [&str; 4] = ["service", "direxists", "safe", "support_discard"];

/// Whether there is no such call.
pub(super) fn lacks(path: &str) -> bool {
    NEW.iter().any(|new| path == *new || path.strip_prefix(new).is_some_and(|rest| rest.starts_with('/')))
}

/// Whether the call is there, and not simulated.
pub(super) fn is_otherwise(path: &str) -> bool {
    OTHERWISE.contains(&path)
}

/// Refuses what the call does not take.
pub(super) fn check(path: &str, raw: &Raw) -> Result<(), PveError> {
    const UNKNOWN: &str = "property is not defined in schema and the schema does not allow additional properties";
    let unknown = PARAMETERS.iter().filter(|(call, name)| *call == path && raw.contains_key(*name));
    let mut errors: BTreeMap<String, String> =
        unknown.map(|(_, name)| ((*name).to_owned(), UNKNOWN.to_owned())).collect();
    for (name, key) in raw.iter().filter_map(|(name, value)| Some((name, new_key(path, name, value.as_str()?)?))) {
        errors.insert(name.clone(), format!("invalid format - format error\n{name}.{key}: {UNKNOWN}\n"));
    }
    let privileges = raw.get("privs").and_then(Value::as_str).filter(|_| path.starts_with("/access/roles"));
    match privileges.into_iter().flat_map(|all| all.split([',', ';', ' '])).find(|privilege| is_new(privilege)) {
        Some(privilege) => Err(PveError::param("privs", format!("invalid format - invalid privilege '{privilege}'\n"))),
        None if errors.is_empty() => Ok(()),
        None => Err(PveError::params(errors)),
    }
}

/// A key of a guest's option that PVE 8 does not know.
fn new_key(path: &str, option: &str, text: &str) -> Option<&'static str> {
    let stem = option.trim_end_matches(|c: char| c.is_ascii_digit());
    let of_kind = |kind: &str| path.strip_prefix("/nodes/{node}/").is_some_and(|rest| rest.starts_with(kind));
    let has = |key: &str| text.split(',').any(|part| part.split_once('=').is_some_and(|(name, _)| name == key));
    let found = KEYS.iter().find(|(kind, options, key)| of_kind(kind) && options.contains(&stem) && has(key));
    found.map(|(_, _, key)| *key)
}

/// Whether the privilege came with PVE 9.
fn is_new(privilege: &str) -> bool {
    privilege == "VM.Replicate" || privilege.starts_with("VM.GuestAgent.")
}

/// What a role holds, as PVE 8 has it: what asks the guest's agent was one with QEMU's monitor.
fn role(id: &str, privileges: &str) -> String {
    let mut all: Vec<&str> = privileges.split(',').filter(|privilege| !is_new(privilege)).collect();
    if ["Administrator", "PVEAdmin", "PVEVMAdmin"].contains(&id) {
        all.push("VM.Monitor");
        all.sort_unstable();
    }
    all.join(",")
}

/// The answer as PVE 8 gives it.
pub(super) fn answer(path: &str, data: Value) -> Value {
    match path {
        "/cluster/ha/resources" | "/cluster/ha/resources/{sid}" => without(data, &["failback"]),
        "/cluster/ha/status/current" => match without(data, &["failback"]) {
            Value::Array(entries) => entries.into_iter().filter(|entry| entry["id"] != "fencing").collect(),
            other => other,
        },
        "/nodes/{node}/status" => {
            let mut data = data;
            if let Some(memory) = data.get_mut("memory").and_then(Value::as_object_mut) {
                memory.remove("available");
            }
            data
        }
        "/nodes/{node}/storage" => without(data, &["formats"]),
        "/access/roles" => {
            let mut data = data;
            for entry in data.as_array_mut().into_iter().flatten() {
                let id = entry["roleid"].as_str().unwrap_or_default();
                entry["privs"] = role(id, entry["privs"].as_str().unwrap_or_default()).into();
            }
            data
        }
        "/access/roles/{roleid}" => match data {
            Value::Object(fields) => fields.into_iter().filter(|(name, _)| !is_new(name)).collect(),
            other => other,
        },
        _ if path.contains("/ceph") => numbers(data),
        _ => data,
    }
}

fn without(data: Value, names: &[&str]) -> Value {
    match data {
        Value::Array(entries) => entries.into_iter().map(|entry| without(entry, names)).collect(),
        Value::Object(fields) => fields.into_iter().filter(|(name, _)| !names.contains(&name.as_str())).collect(),
        other => other,
    }
}

fn numbers(data: Value) -> Value {
    match data {
        Value::Array(entries) => entries.into_iter().map(numbers).collect(),
        Value::Object(fields) => {
            let one = |(name, value): (String, Value)| {
                let value = match value {
                    Value::Bool(on) if NUMBERS.contains(&name.as_str()) => json!(u8::from(on)),
                    other => numbers(other),
                };
                (name, value)
            };
            fields.into_iter().map(one).collect()
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::bed::Bed;
    use crate::cluster::Profile;
    use crate::kernel::clock::Time;
    use crate::shape::Shape;

    #[tokio::test]
    async fn guests_are_what_they_were() {
        let shape = "{guests: [{vmid: 100, node: pve1}, {vmid: 300, node: pve1, container: true}], users: [{userid: m@pve, \
                     acl: [{path: /vms, role: PVEVMAdmin}, {path: /storage, role: PVEDatastoreAdmin}]}]}";
        let at = |profile| Bed::at(Shape::from_yaml(shape).unwrap(), profile, Time::from_unix(1_795_341_600));
        let (old, new) = (at(Profile::of("8.4").unwrap()), at(Profile::of("9.2").unwrap()));
        let unknown = "property is not defined in schema and the schema does not allow additional properties";
        for (verb, path, params, option) in [
            (
                "POST",
                "/nodes/pve1/lxc",
                vec![("vmid", "301"), ("ostemplate", "local:vztmpl/a.tar.gz"), ("env", "A=1")],
                "env",
            ),
            ("PUT", "/nodes/pve1/lxc/300/config", vec![("entrypoint", "/bin/sh")], "entrypoint"),
            (
                "PUT",
                "/nodes/pve1/lxc/300/config",
                vec![("net0", "name=eth0,bridge=vmbr0,host-managed=1")],
                "net0.host-managed",
            ),
            ("PUT", "/nodes/pve1/lxc/300/config", vec![("mp0", "local:1,mp=/a,keepattrs=1")], "mp0.keepattrs"),
            ("PUT", "/nodes/pve1/qemu/100/config", vec![("cpu", "host,level=10")], "cpu.level"),
        ] {
            let refused = old.send(old.ticket("root@pam"), verb, path, &params).await;
            assert!(refused.status == 400 && refused.body.contains(unknown), "{option}: {}", refused.body);
            assert!(refused.body.contains(option), "{option}: {}", refused.body);
            let taken = new.send(new.ticket("root@pam"), verb, path, &params).await;
            assert!(!taken.body.contains(unknown), "{option}: {}", taken.body);
        }
        for (bed, formats) in [(&old, false), (&new, true)] {
            let storages = bed.ok("GET", "/nodes/pve1/storage", &[("format", "1")]).await;
            assert_eq!(storages[0]["formats"].is_object(), formats, "{storages}");
        }
        // Privileged ones are made by whoever makes containers; since PVE 9 that takes a right of the whole cluster.
        let privileged = [("vmid", "302"), ("ostemplate", "local:vztmpl/a.tar.gz"), ("unprivileged", "0")];
        for (bed, may) in [(&old, true), (&new, false)] {
            let told = bed.send(bed.ticket("m@pve"), "POST", "/nodes/pve1/lxc", &privileged).await;
            assert_eq!(told.status != 403, may, "{}", told.body);
        }
        let pull = [("reference", "docker.io/library/alpine:3")];
        let gone = old.send(old.ticket("root@pam"), "POST", "/nodes/pve1/storage/local/oci-registry-pull", &pull).await;
        assert!(gone.status == 501 && gone.reason.is_some_and(|reason| reason.ends_with("not implemented")));
    }

    #[tokio::test]
    async fn what_came_later_is_not_there() {
        let shape = "{ceph: {stage: ready}, guests: [{vmid: 100, node: pve1}], ha: {resources: [{vmid: 100}]}}";
        let at = |profile| Bed::at(Shape::from_yaml(shape).unwrap(), profile, Time::from_unix(1_795_341_600));
        let (old, new) = (at(Profile::of("8.4").unwrap()), at(Profile::of("9.2").unwrap()));
        assert_eq!(old.ok("GET", "/version", &[]).await["release"], "8.4");
        assert_eq!(Profile::of("7.4"), None);
        let refusal = old.send(old.ticket("root@pam"), "GET", "/cluster/ha/rules", &[]).await;
        assert_eq!(
            (refusal.status, refusal.reason.as_deref()),
            (501, Some("Method 'GET /cluster/ha/rules' not implemented"))
        );
        assert_eq!(old.ok("GET", "/cluster/ha/groups", &[]).await, json!([]));
        let failback = [("sid", "vm:100"), ("failback", "0")];
        let refusal = old.send(old.ticket("root@pam"), "PUT", "/cluster/ha/resources/vm:100", &failback).await;
        assert!(refusal.status == 400 && refusal.body.contains("not defined in schema"), "{}", refusal.body);
        new.ok("PUT", "/cluster/ha/resources/vm:100", &failback).await;
        for (bed, service) in [(&old, json!(1)), (&new, json!(true))] {
            assert_eq!(bed.ok("GET", "/nodes/pve1/ceph/mon", &[]).await[0]["service"], service);
        }
        let told = old.ok("GET", "/nodes/pve1/status", &[]).await;
        assert!(told["memory"]["total"].is_u64() && told["memory"]["available"].is_null(), "{told}");
        let roles = old.ok("GET", "/access/roles", &[]).await.to_string();
        assert!(!roles.contains("VM.Replicate") && roles.contains("VM.Migrate,VM.Monitor,"), "{roles}");
        let new = [("roleid", "agent"), ("privs", "VM.Audit,VM.GuestAgent.Audit")];
        let refusal = old.send(old.ticket("root@pam"), "POST", "/access/roles", &new).await;
        assert!(refusal.status == 400 && refusal.body.contains("invalid privilege"), "{}", refusal.body);
    }
}
