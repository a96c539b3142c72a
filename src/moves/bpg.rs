//! From `bpg/proxmox`, by its schemas of 0.111. Most of its types have two names, an older one and a newer.

use serde_json::Value as Json;
use terraform_plugin::{Move, Stored};

use super::{number, said, same, text, with};

/// A type of it.
const fn from(from: &'static [&'static str], to: &'static str, becomes: fn(&Stored) -> Stored) -> Move {
    Move { provider: "bpg/proxmox", from, to, becomes }
}

pub(super) const MOVES: &[Move] = &[
    from(&["proxmox_acl", "proxmox_virtual_environment_acl"], "acl", rights),
    from(&["proxmox_virtual_environment_group"], "group", same!("groupid" = "group_id")),
    from(&["proxmox_virtual_environment_role"], "role", same!("roleid" = "role_id")),
    from(&["proxmox_virtual_environment_user"], "user", same!("userid" = "user_id")),
    from(&["proxmox_user_token", "proxmox_virtual_environment_user_token"], "token", token),
    from(&["proxmox_virtual_environment_pool"], "pool", same!("poolid" = "pool_id")),
    from(&["proxmox_pool_membership", "proxmox_virtual_environment_pool_membership"], "pool_member", member),
    from(&["proxmox_realm_ldap", "proxmox_virtual_environment_realm_ldap"], "realm_ldap", same!("realm" = "realm")),
    from(
        &["proxmox_realm_openid", "proxmox_virtual_environment_realm_openid"],
        "realm_openid",
        same!("realm" = "realm"),
    ),
    from(
        &["proxmox_apt_standard_repository", "proxmox_virtual_environment_apt_standard_repository"],
        "apt_standard_repository",
        |other| with([("node", said(other, "node").cloned()), ("handle", said(other, "handle").cloned())]),
    ),
    from(&["proxmox_apt_repository", "proxmox_virtual_environment_apt_repository"], "apt_repository", repository),
    from(&["proxmox_ceph_pool"], "ceph_pool", same!("name" = "name")),
    from(&["proxmox_cluster_options", "proxmox_virtual_environment_cluster_options"], "cluster_options", |_| {
        with([("id", Some("cluster".into()))])
    }),
    from(&["proxmox_virtual_environment_cluster_firewall"], "firewall_options", |_| {
        with([("place", Some("cluster".into()))])
    }),
    from(
        &[
            "proxmox_virtual_environment_firewall_options",
            "proxmox_node_firewall",
            "proxmox_virtual_environment_node_firewall",
        ],
        "firewall_options",
        place,
    ),
    from(&["proxmox_virtual_environment_firewall_rules"], "firewall_rules", place),
    from(
        &["proxmox_haresource", "proxmox_virtual_environment_haresource"],
        "ha_resource",
        same!("sid" = "resource_id"),
    ),
    from(&["proxmox_hagroup", "proxmox_virtual_environment_hagroup"], "ha_group", same!("group" = "group")),
    from(HA_RULES, "ha_rule_node_affinity", same!("rule" = "rule")),
    from(HA_RULES, "ha_rule_resource_affinity", same!("rule" = "rule")),
    from(&["proxmox_node_config"], "node_config", same!("node" = "node_name")),
    from(&["proxmox_virtual_environment_dns"], "node_dns", same!("node" = "node_name")),
    from(&["proxmox_virtual_environment_hosts"], "node_hosts", same!("node" = "node_name")),
    from(&["proxmox_virtual_environment_time"], "node_time", same!("node" = "node_name")),
    from(&["proxmox_storage_directory", "proxmox_virtual_environment_storage_directory"], "storage_dir", STORAGE),
    from(&["proxmox_storage_nfs", "proxmox_virtual_environment_storage_nfs"], "storage_nfs", STORAGE),
    from(&["proxmox_storage_cifs", "proxmox_virtual_environment_storage_cifs"], "storage_cifs", STORAGE),
    from(&["proxmox_storage_pbs", "proxmox_virtual_environment_storage_pbs"], "storage_pbs", STORAGE),
    from(&["proxmox_storage_lvm", "proxmox_virtual_environment_storage_lvm"], "storage_lvm", STORAGE),
    from(&["proxmox_storage_lvmthin", "proxmox_virtual_environment_storage_lvmthin"], "storage_lvmthin", STORAGE),
    from(&["proxmox_storage_zfspool", "proxmox_virtual_environment_storage_zfspool"], "storage_zfspool", STORAGE),
    from(&["proxmox_hardware_mapping_pci", "proxmox_virtual_environment_hardware_mapping_pci"], "mapping_pci", MAPPING),
    from(&["proxmox_hardware_mapping_usb", "proxmox_virtual_environment_hardware_mapping_usb"], "mapping_usb", MAPPING),
    from(&["proxmox_hardware_mapping_dir", "proxmox_virtual_environment_hardware_mapping_dir"], "mapping_dir", MAPPING),
    from(METRICS, "metric_server_graphite", same!("id" = "name")),
    from(METRICS, "metric_server_influxdb", same!("id" = "name")),
    from(METRICS, "metric_server_opentelemetry", same!("id" = "name")),
    from(&["proxmox_backup_job"], "backup_job", same!("id" = "id")),
    from(&["proxmox_replication", "proxmox_virtual_environment_replication"], "replication", same!("id" = "id")),
    from(&["proxmox_acme_account", "proxmox_virtual_environment_acme_account"], "acme_account", account),
    from(
        &["proxmox_acme_dns_plugin", "proxmox_virtual_environment_acme_dns_plugin"],
        "acme_plugin",
        same!("plugin" = "plugin"),
    ),
    from(&["proxmox_download_file", "proxmox_virtual_environment_download_file"], "storage_download", file),
    from(&["proxmox_virtual_environment_file"], "storage_file", file),
    from(&["proxmox_oci_image", "proxmox_virtual_environment_oci_image"], "oci_image", file),
    from(
        &[
            "proxmox_virtual_environment_vm",
            "proxmox_virtual_environment_vm2",
            "proxmox_vm",
            "proxmox_cloned_vm",
            "proxmox_virtual_environment_cloned_vm",
        ],
        "vm",
        machine,
    ),
    from(&["proxmox_virtual_environment_container", "proxmox_container"], "container", |other| {
        with([("vmid", number(other, "vm_id").or_else(|| number(other, "id")))])
    }),
];

/// What PVE does not tell of it: where it was made. What else it is like is read.
fn machine(other: &Stored) -> Stored {
    with([
        ("vmid", number(other, "vm_id").or_else(|| number(other, "id"))),
        ("node", said(other, "node_name").cloned()),
        ("pool", said(other, "pool_id").cloned()),
    ])
}

/// A file is known by its volume, and the node where it is each node's own.
fn file(other: &Stored) -> Stored {
    with([("node", said(other, "node_name").cloned()), ("volid", said(other, "id").cloned())])
}

const MAPPING: fn(&Stored) -> Stored = same!("id" = "name");

/// Rules of both kinds are one type there.
const HA_RULES: &[&str] = &["proxmox_harule", "proxmox_virtual_environment_harule"];

/// One type there for what has a type for each kind of server here.
const METRICS: &[&str] = &["proxmox_metrics_server", "proxmox_virtual_environment_metrics_server"];

const STORAGE: fn(&Stored) -> Stored = same!("storage" = "id");

fn rights(other: &Stored) -> Stored {
    let group = text(other, "group_id").map(|group| format!("@{group}"));
    let who = group.or_else(|| text(other, "token_id")).or_else(|| text(other, "user_id"));
    with([
        ("path", said(other, "path").cloned()),
        ("roleid", said(other, "role_id").cloned()),
        ("who", who.map(Json::from)),
    ])
}

/// There the value is what goes into a header, here the secret alone. PVE shows it to nobody again.
fn token(other: &Stored) -> Stored {
    let secret = text(other, "value").and_then(|value| Some(value.split_once('=')?.1.to_owned()));
    with([
        ("userid", said(other, "user_id").cloned()),
        ("tokenid", said(other, "token_name").cloned()),
        ("value", secret.map(Json::from)),
    ])
}

/// Some authorities tell nobody the contact, and none tells the id of a key.
fn account(other: &Stored) -> Stored {
    with([
        ("name", said(other, "name").cloned().or_else(|| Some("default".into()))),
        ("contact", said(other, "contact").map(|contact| Json::from(vec![contact.clone()]))),
        ("eab_kid", said(other, "eab_kid").cloned()),
    ])
}

fn member(other: &Stored) -> Stored {
    let member = text(other, "vm_id").or_else(|| text(other, "storage_id"));
    with([("poolid", said(other, "pool_id").cloned()), ("member", member.map(Json::from))])
}

/// There it is named by its place in a file, and its fields are lists; here it is one of what the lists say.
fn repository(other: &Stored) -> Stored {
    let first = |name: &str| other.get(name)?.as_array()?.first().filter(|one| one.is_string()).cloned();
    let file = text(other, "file_path").and_then(|path| Some(path.rsplit('/').next()?.to_owned()));
    with([
        ("node", said(other, "node").cloned()),
        ("file", file.map(Json::from)),
        ("suite", first("suites")),
        ("component", first("components")),
        ("uri", first("uris")),
    ])
}

/// A guest's, a node's, or else the cluster's.
fn place(other: &Stored) -> Stored {
    let of = |kind: &str, name: &str| text(other, name).map(|one| format!("{kind}/{one}"));
    let place = of("vm", "vm_id").or_else(|| of("ct", "container_id")).or_else(|| of("node", "node_name"));
    with([("place", Some(place.unwrap_or_else(|| "cluster".to_owned()).into()))])
}
