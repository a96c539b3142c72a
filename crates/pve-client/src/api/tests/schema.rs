//! Every call that this crate makes, held against PVE's schema.

use std::collections::BTreeMap;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::{ticket, truth};
use crate::api::ceph::osd::{OsdParams, OsdSide, VolumeKind};
use crate::api::ceph::pool::{Erasure, PoolParams, PoolRemoval};
use crate::api::ceph::services::{Daemon, Risk, ServiceAction};
use crate::api::cluster::GuestKind;
use crate::api::content::Download;
use crate::api::ha::resource::Sid;
use crate::api::lxc::Clone;
use crate::api::nodes::TaskFilter;
use crate::api::params::Params;
use crate::api::qemu::drive::Drive;
use crate::api::qemu::made::Migration;
use crate::api::qemu::power::Shutdown;
use crate::api::qemu::{DiskMove, VmRemoval};
use crate::size::Size;
use crate::testing::{Call, Reply, World, two_nodes};
use crate::{Client, Lock};

/// Makes every call once, with every parameter it knows.
async fn call_everything(client: &Client) {
    macro_rules! all {
        ($($call:expr),* $(,)?) => { $( drop($call.await); )* };
    }
    let (node, disk) = ("pve1", "scsi0".parse().unwrap());
    let (ceph, vm, ha) = (client.ceph(), client.qemu(node, 100), client.ha());
    let ct = client.lxc(node, 101);
    let ct_params = Params::new()
        .set("rootfs", "ceph:8")
        .set("mp0", "ceph:1,mp=/data")
        .set("net0", "name=eth0,bridge=vmbr0,ip=dhcp")
        .set("features", "nesting=1")
        .set("unprivileged", 1);
    let storage = Params::new().list("content", &["images".into()]).flag("krbd", true).remove("nodes");
    let vm_params = Params::new()
        .drive(disk, &Drive::allocate("ceph", Size::from_gib(8)))
        .net(0, &"virtio,bridge=vmbr0".parse().unwrap())
        .ip_config(0, &"ip=dhcp".parse().unwrap())
        .ssh_keys("ssh-ed25519 A b")
        .tags(&["a".to_owned()])
        .boot(&"order=scsi0".parse().unwrap())
        .set("cores", 2)
        .set("memory", 512)
        .flag("onboot", true);
    let ha_params =
        Params::new().set("state", "started").set("max_restart", 2).set("max_relocate", 0).flag("failback", true);
    let filter =
        TaskFilter { kind: Some("qmmove".into()), id: Some("100".into()), since: Some(1), ..TaskFilter::default() };
    let erasure = Erasure { k: 2, m: 1, failure_domain: Some("osd".into()), device_class: Some("ssd".into()) };
    let pool = PoolParams {
        size: Some(3),
        min_size: Some(2),
        pg_num: Some(32),
        pg_num_min: Some(8),
        pg_autoscale_mode: Some("warn".into()),
        crush_rule: Some("replicated_rule".into()),
        application: Some("rbd".into()),
        target_size: Some(Size::from_gib(1)),
        target_size_ratio: Some(0.5),
        add_storages: None,
        erasure: None,
    };
    let side = |device: &str| Some(OsdSide { device: device.into(), size: Some(1 << 30) });
    let osd = OsdParams {
        device: "/dev/sdb".into(),
        crush_device_class: Some("ssd".into()),
        encrypted: Some(true),
        db: side("/dev/sdc"),
        wal: side("/dev/sdd"),
        osds_per_device: Some(2),
    };
    let to = DiskMove {
        storage: "ceph".into(),
        format: Some("raw".into()),
        delete_source: true,
        bandwidth_limit: Some(1024),
        digest: Some("ab".into()),
    };
    let snapshots = client.snapshots(GuestKind::Qemu, node, 100);
    let dump = Params::new().list("vmid", &["100".into()]).set("storage", "local").flag("protected", true);
    let upid = "UPID:pve1:0000291F:00070B18:6B032D7F:qmmove:200:root@pam:".parse().unwrap();
    let download = Download {
        url: "https://a/b.iso.gz".into(),
        content: "iso".into(),
        filename: "b.iso".into(),
        checksum: Some(("sha256".into(), "ab".into())),
        compression: Some("gz".into()),
        verify_certificates: Some(false),
    };
    let shutdown = Shutdown { timeout: Some(Duration::from_secs(30)), force_stop: true };
    all![
        client.version(),
        client.access().on("/vms/100"),
        client.cluster().guests(),
        snapshots.list(),
        snapshots.config("s1"),
        snapshots.make("s1", Some("x"), true),
        snapshots.describe("s1", "y"),
        snapshots.roll_back("s1", true),
        snapshots.delete("s1"),
        snapshots.possible(),
        snapshots.to_template(Some("scsi0")),
        client.backups(node, "local", Some(100)),
        client.back_up(node, &dump),
        client.cluster().status(),
        client.cluster().next_id(),
        client.cluster().tasks(),
        client.nodes().list(),
        client.node(node).status(),
        client.node(node).version(),
        client.node(node).tasks(&filter),
        client.node(node).task_status(&upid),
        client.node(node).task_log(&upid, 5),
        client.node(node).vms(),
        client.disks(node).list(),
        client.disks(node).volume_groups(),
        client.disks(node).wipe("/dev/sdb"),
        client.storage().list(),
        client.storage().get("ceph"),
        client.storage().create("ceph", "rbd", &Params::new().set("pool", "vm")),
        client.storage().update("ceph", &storage),
        client.storage().delete("ceph"),
        client.node_storage(node).list(),
        client.node_storage(node).content("ceph", Some(100)),
        client.node_storage(node).download("local", &download, Lock::Content("a".into())),
        client.node_storage(node).pull("local", "docker.io/library/nginx:1", Some("nginx"), Lock::Content("b".into())),
        client.node_storage(node).appliance("local", "a.tar.zst", Lock::Content("c".into())),
        client.node_storage(node).remove("local", "local:iso/a.iso", Lock::Content("d".into())),
        client.node_storage(node).appliances(),
        client.node_storage(node).tags("docker.io/library/nginx"),
        client.node_storage(node).url_metadata("https://a/b.iso", false),
        ceph.status(),
        ceph.monitors(),
        ceph.managers(),
        ceph.metadata_servers(),
        ceph.filesystems(),
        ceph.create_filesystem("files", Some(16)),
        ceph.delete_filesystem("files"),
        ceph.installed(),
        ceph.create_daemon(node, Daemon::Monitor, "pve1", Some("192.0.2.1")),
        ceph.create_daemon(node, Daemon::Manager, "pve1", None),
        ceph.create_daemon(node, Daemon::MetadataServer, "pve1", None),
        ceph.delete_daemon(node, Daemon::Monitor, "pve1"),
        ceph.delete_daemon(node, Daemon::Manager, "pve1"),
        ceph.delete_daemon(node, Daemon::MetadataServer, "pve1"),
        ceph.osds(),
        ceph.pools(),
        ceph.pool_status("vm"),
        ceph.create_pool("vm", &PoolParams { add_storages: Some(true), ..pool.clone() }),
        ceph.create_pool("ec", &PoolParams { erasure: Some(erasure), ..pool.clone() }),
        ceph.via("pve2").update_pool("vm", &pool),
        ceph.delete_pool("vm", PoolRemoval { force: true, remove_storages: true }),
        ceph.rules(),
        ceph.crush(),
        ceph.config(),
        ceph.create_osd(node, &osd),
        ceph.delete_osd(node, 3, true),
        ceph.osd_in(3),
        ceph.osd_out(3),
        ceph.osd_scrub(3, true),
        ceph.osd_metadata(node, 3),
        ceph.osd_volume(node, 3),
        ceph.osd_volume_of(node, 3, VolumeKind::Db),
        ceph.service(node, ServiceAction::Start, "osd.3"),
        ceph.service(node, ServiceAction::Stop, "mon.pve1"),
        ceph.service(node, ServiceAction::Restart, "mgr.pve1"),
        ceph.is_safe(Risk::Destroy, "osd", "3"),
        ceph.is_safe(Risk::Stop, "osd", "3"),
        vm.config(),
        vm.current_config(),
        vm.pending(),
        vm.create(&vm_params),
        vm.update(&vm_params.clone().remove("name").digest(Some("ab"))),
        vm.delete(VmRemoval { purge: true, destroy_unreferenced_disks: true }),
        vm.move_disk(disk, &to),
        vm.resize(disk, Size::from_gib(32)),
        vm.status(),
        vm.interfaces(),
        vm.clone_to(
            101,
            &Params::new().set("name", "web").flag("full", true).set("storage", "ceph").set("target", "pve2")
        ),
        vm.migrate(&Migration { target: "pve2".into(), online: true, target_storage: Some("ceph".into()) }),
        vm.start(),
        vm.stop(),
        vm.shutdown(shutdown),
        vm.reboot(Some(Duration::from_secs(30))),
        ct.config(),
        ct.current_config(),
        ct.pending(),
        ct.create(&ct_params.clone().set("ostemplate", "local:vztmpl/x.tar.zst").set("password", "secret")),
        ct.clone_to(&Clone {
            newid: 102,
            hostname: Some("x".into()),
            full: Some(true),
            storage: Some("ceph".into()),
            target: Some("pve2".into()),
            pool: Some("p".into()),
        }),
        ct.update(&ct_params.clone().remove("hostname").digest(Some("ab")), &BTreeMap::new()),
        ct.delete(true),
        ct.resize("rootfs", Size::from_gib(32)),
        ct.move_volume("mp0", "ceph", true),
        ct.migrate("pve2"),
        ct.interfaces(),
        ct.status(),
        ct.start(),
        ct.stop(),
        ct.shutdown(shutdown),
        ct.reboot(Some(Duration::from_secs(30))),
        client.node(node).containers(),
        ha.resources(),
        ha.rules(),
        ha.groups(),
        ha.create(Sid::vm(100), &ha_params),
        ha.update(Sid::vm(100), &ha_params.clone().remove("comment")),
        ha.delete(Sid::vm(100), false),
        ha.status(),
        ha.manager_status(),
    ];
}

/// Method and path of PVE's schema that a request is for, and the values in its path.
fn find<'a>(schema: &'a Value, method: &str, path: &str) -> (&'a Value, BTreeMap<String, String>) {
    let parts: Vec<_> = path.trim_matches('/').split('/').collect();
    let mut found = Vec::new();
    for entry in schema["methods"].as_array().unwrap().iter().filter(|entry| entry["method"] == method) {
        let template: Vec<_> = entry["path"].as_str().unwrap().trim_matches('/').split('/').collect();
        let mut values = BTreeMap::new();
        let fits = template.len() == parts.len()
            && template.iter().zip(&parts).all(|(template, part)| {
                match template.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
                    Some(name) => values.insert(name.to_owned(), (*part).to_owned()).is_none(),
                    None => template == part,
                }
            });
        if fits {
            found.push((entry, values));
        }
    }
    // Literal parts win over placeholders.
    found.sort_by_key(|(_, values)| values.len());
    assert!(!found.is_empty(), "PVE has no {method} {path}");
    found.remove(0)
}

/// What is wrong with a value by the schema.
fn fault(rule: &Value, value: &str) -> Option<String> {
    let number = value.parse::<f64>().ok();
    let wrong = match rule["type"].as_str()? {
        "boolean" => !["0", "1"].contains(&value),
        "integer" => value.parse::<i64>().is_err(),
        "number" => number.is_none(),
        _ => false,
    };
    let limit = |name: &str| rule[name].as_f64().or_else(|| rule[name].as_str()?.parse().ok());
    let below = limit("minimum").zip(number).is_some_and(|(limit, number)| number < limit);
    let above = limit("maximum").zip(number).is_some_and(|(limit, number)| number > limit);
    let listed = rule["enum"].as_array().is_none_or(|list| list.iter().any(|one| one == value));
    let matches = rule["pattern"].as_str().is_none_or(|pattern| {
        // Perl's way to write a group without options, which a different engine need not know.
        let pattern = pattern.replace("(?^:", "(?:").replace("\\/", "/");
        regex::Regex::new(&pattern).unwrap_or_else(|why| panic!("{pattern}: {why}")).is_match(value)
    });
    (wrong || below || above || !listed || !matches).then(|| format!("'{value}' does not fit {rule}"))
}

fn check(schema: &Value, call: &Call) -> Result<(), String> {
    let (method, target) = call.line.split_once(' ').unwrap();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let (entry, mut values) = find(schema, method, path);
    let text = if query.is_empty() { &call.form } else { query };
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap();
        let plain = |text: &str| percent_decode_str(text).decode_utf8().unwrap().into_owned();
        if values.insert(plain(name), plain(value)).is_some() {
            return Err(format!("{name} is there twice"));
        }
    }
    let rules = entry["parameters"].as_object().unwrap();
    let numbered = |name: &str| format!("{}[n]", name.trim_end_matches(|c: char| c.is_ascii_digit()));
    for (name, value) in &values {
        let rule = rules.get(name).or_else(|| rules.get(&numbered(name)));
        let rule = rule.ok_or_else(|| format!("there is no parameter {name}"))?;
        if let Some(fault) = fault(rule, value) {
            return Err(format!("{name}: {fault}"));
        }
    }
    for (name, rule) in rules {
        if rule["optional"] != 1 && !values.contains_key(name) {
            return Err(format!("{name} is missing"));
        }
    }
    // Without an entry for permissions only the ticket of root@pam will do.
    let (needs, has) = (entry["permissions"].is_null(), call.header("cookie").is_some());
    if needs != has {
        return Err(format!("reserved to root@pam: {needs}, sent with the ticket: {has}"));
    }
    Ok(())
}

#[tokio::test]
async fn every_call_is_one_of_pves_with_its_parameters_and_rights() {
    let world = World::new(|call| ticket(call).unwrap_or(Reply::Error(500, "refused")));
    let client = world.client_of(two_nodes().token("u@pve!t=secret").login("root@pam", "secret"));
    call_everything(&client).await;
    let schema = truth("api.json");
    let calls: Vec<_> = world.calls().into_iter().filter(|call| call.line != "POST /access/ticket").collect();
    assert_eq!(calls.len(), 118, "{:#?}", world.lines());
    let faults: Vec<_> = calls
        .iter()
        .filter_map(|call| check(&schema, call).err().map(|fault| format!("{} {}: {fault}", call.line, call.form)))
        .collect();
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn the_check_sees_faults() {
    let schema = truth("api.json");
    let call = |line: &str, form: &str| Call {
        host: String::new(),
        line: line.into(),
        form: form.into(),
        headers: http::HeaderMap::new(),
    };
    for (line, form, fault) in [
        ("GET /cluster/resources?type=vms", "", "does not fit"),
        ("GET /cluster/resources?kind=vm", "", "no parameter kind"),
        ("POST /cluster/ha/resources", "state=started", "sid is missing"),
        ("POST /cluster/ha/resources", "sid=vm%3A100&failback=true", "does not fit"),
        ("POST /nodes/pve1/ceph/pool", "name=a&size=8", "does not fit"),
        ("PUT /nodes/pve1/disks/wipedisk", "disk=%2Fdev%2Fsdb", "reserved to root@pam: true"),
        ("PUT /nodes/pve1/qemu/100/resize", "disk=scsi99&size=1", "does not fit"),
    ] {
        let found = check(&schema, &call(line, form)).unwrap_err();
        assert!(found.contains(fault), "{line}: {found}");
    }
}
