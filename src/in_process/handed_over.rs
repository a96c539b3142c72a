//! Objects that other providers made, handed over by `moved` blocks: the other provider's state becomes this one's, and what
//! exists is left as it is.

use serde_json::{Value as Json, json};
use terraform_core::{Action, Config, Instance};
use tokio::task::JoinSet;

use super::lives::{Example, bench_of, example_of};
use crate::moves;

/// What the state of the other provider says of the object of the example, by the type there.
fn others() -> Vec<(&'static str, &'static str, Json)> {
    let storage = |id: &str| json!({ "id": id, "nodes": [], "disable": false });
    let node = json!({ "id": "pve1", "node_name": "pve1" });
    vec![
        (
            "proxmox_acl",
            "pve_acl",
            json!({ "id": "/vms?auditors?PVEAuditor", "path": "/vms", "role_id": "PVEAuditor", "group_id": "auditors", "user_id": null, "token_id": null }),
        ),
        (
            "proxmox_virtual_environment_group",
            "pve_group",
            json!({ "id": "admins", "group_id": "admins", "acl": [], "members": [], "comment": "" }),
        ),
        (
            "proxmox_virtual_environment_role",
            "pve_role",
            json!({ "id": "Backup", "role_id": "Backup", "privileges": ["VM.Audit"] }),
        ),
        (
            "proxmox_virtual_environment_user",
            "pve_user",
            json!({ "id": "joe@pve", "user_id": "joe@pve", "password": null, "expiration_date": "1970-01-01T00:00:00Z" }),
        ),
        (
            "proxmox_user_token",
            "pve_token",
            json!({ "id": "root@pam!ci", "user_id": "root@pam", "token_name": "ci", "value": "root@pam!ci=8642fa1b-9176-4519-ab00-de7ea2590f09" }),
        ),
        ("proxmox_virtual_environment_pool", "pve_pool", json!({ "id": "team", "pool_id": "team", "members": [] })),
        (
            "proxmox_pool_membership",
            "pve_pool_member",
            json!({ "id": "builders/storage/local", "pool_id": "builders", "storage_id": "local", "type": "storage", "vm_id": null }),
        ),
        ("proxmox_realm_ldap", "pve_realm_ldap", json!({ "id": "directory", "realm": "directory", "port": null })),
        ("proxmox_realm_openid", "pve_realm_openid", json!({ "id": "home", "realm": "home", "client_key": null })),
        (
            "proxmox_apt_standard_repository",
            "pve_apt_standard_repository",
            json!({ "id": "x", "node": "pve1", "handle": "enterprise", "index": 0 }),
        ),
        (
            "proxmox_apt_repository",
            "pve_apt_repository",
            json!({ "id": "x", "node": "pve1", "file_path": "/etc/apt/sources.list.d/debian.sources", "suites": ["trixie"], "components": ["main"], "uris": ["http://deb.debian.org/debian"] }),
        ),
        (
            "proxmox_ceph_pool",
            "pve_ceph_pool",
            json!({ "id": "pve1/vm", "name": "vm", "node_name": "pve1", "size": 5, "force_destroy": false }),
        ),
        ("proxmox_cluster_options", "pve_cluster_options", json!({ "id": "cluster", "keyboard": "de" })),
        (
            "proxmox_virtual_environment_cluster_firewall",
            "pve_firewall_options",
            json!({ "id": "cluster", "enabled": false }),
        ),
        (
            "proxmox_virtual_environment_firewall_rules",
            "pve_firewall_rules",
            json!({ "id": "x", "node_name": "pve1", "vm_id": null, "container_id": null, "rule": [] }),
        ),
        (
            "proxmox_virtual_environment_hagroup",
            "pve_ha_group",
            json!({ "id": "prefer-pve1", "group": "prefer-pve1", "nodes": { "pve1": 2 }, "restricted": false, "no_failback": false }),
        ),
        (
            "proxmox_virtual_environment_haresource",
            "pve_ha_resource",
            json!({ "id": "vm:120", "resource_id": "vm:120", "type": "vm", "group": null }),
        ),
        (
            "proxmox_harule",
            "pve_ha_rule_node_affinity",
            json!({ "id": "web-on", "rule": "web-on", "type": "node-affinity", "nodes": { "pve1": 2 } }),
        ),
        (
            "proxmox_virtual_environment_harule",
            "pve_ha_rule_resource_affinity",
            json!({ "id": "web-apart", "rule": "web-apart", "type": "resource-affinity", "affinity": "negative" }),
        ),
        ("proxmox_node_config", "pve_node_config", node.clone()),
        ("proxmox_virtual_environment_dns", "pve_node_dns", node.clone()),
        ("proxmox_virtual_environment_hosts", "pve_node_hosts", node.clone()),
        ("proxmox_virtual_environment_time", "pve_node_time", node),
        ("proxmox_storage_directory", "pve_storage_dir", storage("backup")),
        ("proxmox_storage_nfs", "pve_storage_nfs", storage("nas-iso")),
        ("proxmox_storage_cifs", "pve_storage_cifs", storage("share-backup")),
        ("proxmox_storage_pbs", "pve_storage_pbs", storage("pbs")),
        ("proxmox_storage_lvm", "pve_storage_lvm", storage("san-disks")),
        ("proxmox_storage_lvmthin", "pve_storage_lvmthin", storage("thin-fast")),
        ("proxmox_storage_zfspool", "pve_storage_zfspool", storage("zfs-data")),
        (
            "proxmox_virtual_environment_vm",
            "pve_vm",
            json!({ "id": "131", "vm_id": 131, "node_name": "pve1", "cpu": [{ "cores": 2 }] }),
        ),
        (
            "proxmox_virtual_environment_container",
            "pve_container",
            json!({ "id": "141", "vm_id": 141, "node_name": "pve1", "initialization": [{ "hostname": "proxy" }] }),
        ),
        (
            "proxmox_download_file",
            "pve_storage_download",
            json!({ "id": "local:import/debian-13.qcow2", "node_name": "pve1", "datastore_id": "local", "size": 1 }),
        ),
        (
            "proxmox_virtual_environment_file",
            "pve_storage_file",
            json!({ "id": "local:snippets/web.yaml", "node_name": "pve1", "datastore_id": "local", "source_raw": [] }),
        ),
        (
            "proxmox_oci_image",
            "pve_oci_image",
            json!({ "id": "local:vztmpl/nginx_1.29.tar", "node_name": "pve1", "reference": "docker.io/library/nginx:1.29" }),
        ),
        ("proxmox_hardware_mapping_pci", "pve_mapping_pci", json!({ "id": "gpu", "name": "gpu" })),
        ("proxmox_hardware_mapping_usb", "pve_mapping_usb", json!({ "id": "dongle", "name": "dongle" })),
        ("proxmox_hardware_mapping_dir", "pve_mapping_dir", json!({ "id": "share", "name": "share" })),
        (
            "proxmox_metrics_server",
            "pve_metric_server_graphite",
            json!({ "id": "carbon", "name": "carbon", "type": "graphite" }),
        ),
        ("proxmox_metrics_server", "pve_metric_server_influxdb", json!({ "id": "influx", "name": "influx" })),
        (
            "proxmox_metrics_server",
            "pve_metric_server_opentelemetry",
            json!({ "id": "collector", "name": "collector" }),
        ),
        ("proxmox_backup_job", "pve_backup_job", json!({ "id": "nightly" })),
        ("proxmox_replication", "pve_replication", json!({ "id": "101-0", "guest": 101, "jobnum": 0 })),
        (
            "proxmox_acme_account",
            "pve_acme_account",
            json!({ "name": "internal", "contact": "admin@example.com", "directory": "https://ca.example.com/acme/directory" }),
        ),
        ("proxmox_acme_dns_plugin", "pve_acme_plugin", json!({ "plugin": "cloudflare", "api": "cf" })),
        ("proxmox_pool", "pve_pool", json!({ "id": "team", "poolid": "team", "comment": "x" })),
        ("proxmox_lxc", "pve_container", json!({ "id": "pve1/lxc/141", "vmid": 141, "target_node": "pve1" })),
        ("proxmox_vm_qemu", "pve_vm", json!({ "id": "pve1/qemu/131", "vmid": 131, "target_node": "pve1" })),
    ]
}

/// The object of an example, as the other provider has it, taken over into an empty place of this one's state.
async fn is_taken_over(provider: &'static str, from: &'static str, to: &'static str, other: Json) {
    let Example { text, address, .. } = example_of(to);
    let config = Config::from_hcl(&text).unwrap();
    let mut bench = bench_of(to).await;
    bench.core.apply(&config).await.unwrap_or_else(|said| panic!("{to}: {said}"));
    let kept = bench.core.state.instances.remove(&address.as_str().into()).unwrap();
    let written = bench.writes();
    let foreign =
        Instance { provider: Some(format!("registry.terraform.io/{provider}")), ..Instance::new(&other.into()) };
    let old = format!("{from}.theirs");
    bench.core.state.instances.insert(old.as_str().into(), foreign);
    let moved = config.clone().moved(&old, &address);
    let plan = bench.core.plan(&moved).await.unwrap_or_else(|said| panic!("{from}: {said}"));
    let what = plan.change(&address).unwrap();
    assert_eq!(what.moved_from.as_ref().map(ToString::to_string), Some(old), "{from}");
    // What PVE does not know may have to be set, in the state.
    assert!(matches!(what.action, Action::NoOp | Action::Update), "{from}: {:?}", what.action);
    bench.core.apply_plan(plan).await.unwrap_or_else(|said| panic!("{from}: {said}"));
    let now = bench.core.state.get(&address).unwrap();
    assert_eq!(now.identity, kept.identity, "{from}");
    assert_eq!(bench.core.plan(&config).await.unwrap().actions(), [], "{from}: the plan after it");
    // A secret is sent once more: nobody can tell whether what is there is another.
    if !text.contains("_version") {
        assert_eq!(bench.writes(), written, "{from}");
    }
    if to == "pve_token" {
        assert_eq!(now.get("value"), "8642fa1b-9176-4519-ab00-de7ea2590f09".into(), "nobody could be asked for it");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_another_provider_made_is_taken_over_as_it_is() {
    let others = others();
    for way in moves::all() {
        let to = format!("pve_{}", way.to);
        let tried = others.iter().any(|(from, becomes, _)| way.from.contains(from) && *becomes == to);
        // Of the two that become options of a firewall, one is the cluster's.
        assert!(tried || way.to == "firewall_options", "nothing is tried of {:?}", way.from);
    }
    // All at once: most of the time each waits for its cluster.
    let mut all = JoinSet::new();
    for (from, to, other) in others {
        let way = moves::all()
            .iter()
            .find(|way| way.from.contains(&from) && to.ends_with(way.to))
            .unwrap_or_else(|| panic!("{from}"));
        all.spawn(is_taken_over(way.provider, from, to, other));
    }
    all.join_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_of_another_kind_is_refused_with_what_is_taken_over() {
    let mut bench = bench_of("pve_pool").await;
    let config = Config::from_hcl("resource \"pve_pool\" \"a\" {\npoolid = \"a\"\n}\n").unwrap();
    let of = |provider: &str, attributes: Json| Instance {
        provider: Some(format!("registry.terraform.io/{provider}")),
        ..Instance::new(&attributes.into())
    };
    for (from, foreign, why) in [
        ("proxmox_acl", of("bpg/proxmox", json!({})), "It takes over proxmox_virtual_environment_pool of bpg/proxmox"),
        ("proxmox_pool", of("someone/proxmox", json!({ "poolid": "a" })), "proxmox_pool of Telmate/proxmox"),
        ("proxmox_pool", of("telmate/proxmox", json!({ "poolid": null })), "does not tell which one it is (poolid)"),
        ("proxmox_pool", of("telmate/proxmox", json!({ "poolid": "a b" })), "letters, digits"),
    ] {
        bench.core.state.instances.clear();
        bench.core.state.instances.insert(format!("{from}.x").as_str().into(), foreign);
        let moved = config.clone().moved(&format!("{from}.x"), "pve_pool.a");
        let said = bench.core.plan(&moved).await.unwrap_err().to_string();
        assert!(said.contains(why) && said.contains("`removed` block"), "{said}");
    }
    // It was removed by hand meanwhile: made anew.
    bench.core.state.instances.clear();
    let gone = of("Telmate/proxmox", json!({ "poolid": "a", "id": "a" }));
    bench.core.state.instances.insert("proxmox_pool.x".into(), gone);
    let plan = bench.core.plan(&config.moved("proxmox_pool.x", "pve_pool.a")).await.unwrap();
    assert_eq!(plan.action("pve_pool.a"), Action::Create);
}
