//! `pve_snapshot` and `pve_template`: what users saw elsewhere, lost answers, killed providers, and other people.

use pve_sim::Options;
use pve_sim::cluster::Cluster;
use pve_sim::cluster::guests::snapshots as qm;
use pve_sim::shape::{GuestShape, Shape};
use serde_json::{Value as Json, json};

use super::work::{Site, Work};

async fn machine() -> Work {
    let shape = Shape { guests: vec![GuestShape::ready(101, "pve1")], ..Shape::default() };
    Work::with(Options { shape, factor: 600.0, ..Options::default() }).await
}

/// A machine that does not run.
async fn stopped() -> Work {
    let shape = "guests: [{vmid: 101, node: pve1, config: {scsi0: 'local-lvm:1'}}]\nstorages:\n  - {storage: local-lvm, type: \
                 lvmthin, vgname: pve, thinpool: data, content: [images, rootdir]}\n  - {storage: thick, type: lvm, vgname: \
                 slow, content: [images]}\n";
    Work::with(Options { shape: Shape::from_yaml(shape).unwrap(), factor: 600.0, ..Options::default() }).await
}

fn snapshot(name: &str, more: &str) -> String {
    format!("resource \"pve_snapshot\" \"{name}\" {{\nvmid = 101\nname = \"{name}\"\n{more}\n}}\n")
}

const TEMPLATE: &str = "resource \"pve_template\" \"base\" {\nvmid = 101\n}\n";

fn set(cluster: &mut Cluster, vmid: u32, key: &str, value: &str) {
    cluster.guests.get_mut(vmid).unwrap().config.values.insert(key.to_owned(), value.to_owned());
}

fn guest(site: &Site) -> Json {
    site.state()["guests"]["101"].clone()
}

fn snapshots(site: &Site) -> Vec<String> {
    let names = guest(site)["snapshots"].clone();
    names.as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn notes_change_in_place_memory_is_kept_and_parents_are_told() {
    let mut work = machine().await;
    let site = work.site.clone();
    let second = "vmstate = true\ndepends_on = [pve_snapshot.first]";
    work.write(&format!("{}{}", snapshot("first", "description = \"one\""), snapshot("second", second)));
    work.apply().await.succeeded();
    let part =
        |work: &Work, name: &str, key: &str| work.instance(&format!("pve_snapshot.{name}"))["attributes"][key].clone();
    assert_eq!((part(&work, "second", "parent"), part(&work, "first", "parent")), (json!("first"), Json::Null));
    assert_eq!((part(&work, "second", "has_memory"), part(&work, "first", "has_memory")), (json!(true), json!(false)));
    assert!(work.plan().await.is_empty());
    site.forget_requests();
    work.write(&format!("{}{}", snapshot("first", "description = \"two\\nlines\\n\""), snapshot("second", second)));
    work.apply().await.succeeded();
    assert_eq!(site.sent(), ["PUT /nodes/pve1/qemu/101/snapshot/first/config"]);
    assert!(work.plan().await.is_empty());
    // The first goes: the second has come from nothing then.
    work.write(&snapshot("second", "vmstate = true"));
    work.apply().await.succeeded();
    assert!(work.plan().await.is_empty());
    work.apply().await.succeeded();
    assert_eq!(part(&work, "second", "parent"), Json::Null);
    work.destroy().await.succeeded();
    assert!(snapshots(&site).is_empty());
    let left = guest(&site)["config"].clone();
    assert!(left["parent"].is_null() && left["lock"].is_null(), "{left}");
}

/// Elsewhere the second was refused, since PVE locks the guest for the first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_of_one_machine_are_made_and_removed_side_by_side() {
    let mut work = machine().await;
    let names = ["s1", "s2", "s3", "s4"];
    work.write(&names.map(|name| snapshot(name, "")).concat());
    work.apply().await.succeeded();
    assert!(work.plan().await.is_empty());
    assert_eq!(snapshots(&work.site), names);
    work.destroy().await.succeeded();
    assert!(snapshots(&work.site).is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rollback_plans_nothing_and_one_that_somebody_else_removed_is_made_anew() {
    let mut work = machine().await;
    let site = work.site.clone();
    work.write(&snapshot("before", ""));
    work.apply().await.succeeded();
    let back = qm::roll_back(101, "before".to_owned(), false);
    site.by_hand(|cluster| cluster.start_task("pve1", "root@pam", "qmrollback", "101", back));
    site.advance(60);
    assert!(work.plan().await.is_empty());
    let gone = qm::delete(101, "before".to_owned(), false);
    site.by_hand(|cluster| cluster.start_task("pve1", "root@pam", "qmdelsnapshot", "101", gone));
    site.advance(60);
    assert_eq!(work.plan().await.actions("pve_snapshot.before"), ["create"]);
    work.apply().await.succeeded();
    assert_eq!(snapshots(&site), ["before"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_is_told_before_anything_is_written() {
    let mut work = stopped().await;
    let site = work.site.clone();
    work.write(&snapshot("current", ""));
    work.try_plan().await.failed("cannot be the name of a snapshot");
    work.write(&snapshot("twice", ""));
    work.apply().await.succeeded();
    let mut colleague = work.colleague().await;
    colleague.write(&snapshot("twice", ""));
    let output = colleague.apply().await.failed("exists already");
    assert!(output.says("id = \"101/twice\""), "{}", output.told());
    // What has snapshots cannot become a template; and what keeps it from that is told at plan.
    colleague.write(TEMPLATE);
    assert!(colleague.plan().await.says("vm:101 has snapshots"));
    site.forget_requests();
    colleague.apply().await.failed("Remove them first: twice");
    assert!(site.sent().is_empty(), "{:?}", site.sent());
    work.destroy().await.succeeded();
    // A disk where no snapshots can be made.
    site.by_hand(|cluster| {
        let made = cluster.allocate("pve1", "thick", 101, None, "raw", 1 << 30).unwrap();
        set(cluster, 101, "scsi1", &format!("{},size=1G", made.volid));
    });
    work.write(&snapshot("never", ""));
    assert!(work.plan().await.says("vm:101 cannot be snapshotted"));
    let output = work.apply().await.failed("vm:101 cannot be snapshotted");
    assert!(output.says("scsi1 (thick:vm-101-disk-"), "{}", output.told());
    assert!(snapshots(&site).is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_answers_and_killed_providers_make_none_twice_and_lose_none() {
    for (when, killed) in [("before", false), ("after", false), ("before", true), ("after", true)] {
        let mut work = stopped().await;
        let site = work.site.clone();
        let effect = if killed { json!({"hold": true}) } else { json!({"drop": true}) };
        site.fault(&json!({
            "match": {"method": "POST", "path": "/nodes/*/qemu/*/snapshot"}, "when": when, "effect": effect
        }));
        work.write(&snapshot("s1", "description = \"x\""));
        match killed {
            true => assert!(!work.apply_until_killed().await.ok),
            false => drop(work.apply().await),
        }
        site.clear_faults();
        site.advance(60);
        work.apply().await.succeeded();
        assert!(work.plan().await.is_empty(), "{when} {killed}");
        assert_eq!(snapshots(&site), ["s1"], "{when} {killed}");
        work.destroy().await.succeeded();
        assert!(snapshots(&site).is_empty());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_was_left_half_made_is_taken_away_and_made_anew() {
    let mut work = stopped().await;
    let site = work.site.clone();
    // Its process is gone between its steps: PVE leaves the lock, and a snapshot that is none.
    site.fault(&json!({
        "match": {"method": "POST", "path": "/nodes/*/qemu/*/snapshot"}, "effect": {"task": "midway", "message": "killed"}
    }));
    work.write(&snapshot("s1", ""));
    let output = work.apply().await.succeeded();
    assert!(output.says("killed"), "{}", output.told());
    assert_eq!(work.instance("pve_snapshot.s1")["attributes"]["ready"], false);
    site.clear_faults();
    let output = work.apply().await.failed("vm:101 is locked (snapshot)");
    assert!(output.says("qm unlock 101"), "{}", output.told());
    site.by_hand(|cluster| cluster.guests.get_mut(101).unwrap().config.values.remove("lock"));
    work.apply().await.succeeded();
    assert_eq!(work.instance("pve_snapshot.s1")["attributes"]["ready"], true);
    assert!(work.plan().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_and_its_template_live_in_one_configuration() {
    let mut work = stopped().await;
    let site = work.site.clone();
    let vm = |more: &str| {
        format!(
            "resource \"pve_vm\" \"base\" {{\nvmid = 9000\nallow_destroy = true\ndisks = {{ scsi0 = {{ size = \"1G\", \
             initial_storage = \"local-lvm\" }}, scsi1 = {{ size = \"1G\", initial_storage = \"thick\" }} }}\n{more}\n}}\n"
        )
    };
    let template = "resource \"pve_template\" \"base\" {\nvmid = pve_vm.base.vmid\n}\n";
    work.write(&format!("{}{template}", vm("")));
    let output = work.apply().await.succeeded();
    assert!(output.says("never becomes a machine again"), "{}", output.told());
    let config = |site: &Site| site.state()["guests"]["9000"]["config"].clone();
    let made = config(&site);
    assert_eq!(made["template"], "1");
    assert!(made["scsi0"].as_str().unwrap().starts_with("local-lvm:base-9000-disk-0"), "{made}");
    assert!(made["scsi1"].as_str().unwrap().starts_with("thick:vm-9000-disk-0"), "what has no bases stays: {made}");
    assert!(work.plan().await.is_empty());
    // It never runs.
    work.write(&format!("{}{template}", vm("started = true")));
    let output = work.try_plan().await.failed("vm:9000 is a template");
    assert!(output.says("started"), "{}", output.told());
    // Its name is a setting like another.
    work.write(&format!("{}{template}", vm("name = \"golden\"")));
    work.apply().await.succeeded();
    assert!(work.plan().await.is_empty());
    work.destroy().await.succeeded();
    assert!(config(&site).is_null());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_template_that_is_let_go_stays_one_and_is_told_of() {
    let mut work = stopped().await;
    let site = work.site.clone();
    work.write(TEMPLATE);
    work.apply().await.succeeded();
    work.write("");
    let planned = work.plan().await;
    assert!(planned.says("What is a template stays one"), "{}", planned.told());
    work.apply().await.succeeded();
    assert_eq!(guest(&site)["config"]["template"], "1");
    // It is taken as it is.
    site.forget_requests();
    work.write(TEMPLATE);
    work.apply().await.succeeded();
    assert!(site.sent().is_empty(), "{:?}", site.sent());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conversion_that_is_cut_off_is_carried_on() {
    for (when, killed) in [("before", false), ("after", false), ("before", true), ("after", true)] {
        let mut work = stopped().await;
        let site = work.site.clone();
        let effect = if killed { json!({"hold": true}) } else { json!({"drop": true}) };
        site.fault(&json!({
            "match": {"method": "POST", "path": "/nodes/*/qemu/*/template"}, "when": when, "effect": effect
        }));
        work.write(TEMPLATE);
        match killed {
            true => assert!(!work.apply_until_killed().await.ok),
            false => drop(work.apply().await),
        }
        site.clear_faults();
        work.apply().await.succeeded();
        assert!(work.plan().await.is_empty(), "{when} {killed}");
        let config = guest(&site)["config"].clone();
        assert!(config["scsi0"].as_str().unwrap().contains(":base-101-disk-"), "{when} {killed}: {config}");
    }
    // The task itself is cut off: the flag is there, and the disks are not bases yet.
    let mut work = stopped().await;
    let site = work.site.clone();
    site.fault(&json!({
        "match": {"method": "POST", "path": "/nodes/*/qemu/*/template"}, "effect": {"task": "midway", "message": "killed"}
    }));
    work.write(TEMPLATE);
    work.apply().await.succeeded();
    assert_eq!(work.instance("pve_template.base")["attributes"]["ready"], false);
    assert!(guest(&site)["config"]["scsi0"].as_str().unwrap().contains(":vm-101-disk-"));
    site.clear_faults();
    work.apply().await.succeeded();
    assert!(guest(&site)["config"]["scsi0"].as_str().unwrap().contains(":base-101-disk-"));
    assert!(work.plan().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_template_with_linked_clones_is_not_destroyed_and_they_are_named() {
    let shape = "guests:\n  - {vmid: 9000, node: pve1, config: {scsi0: 'nas:1'}}\n  - {vmid: 102, node: pve1}\nstorages:\n  - \
                 {storage: nas, type: dir, path: /mnt/nas, shared: true, content: [images]}\n";
    let shape = Shape::from_yaml(shape).unwrap();
    let mut work = Work::with(Options { shape, factor: 600.0, ..Options::default() }).await;
    let both = "import {\n  to = pve_vm.base\n  id = \"9000\"\n}\nresource \"pve_vm\" \"base\" {\nvmid = 9000\nallow_destroy = \
                true\n}\nresource \"pve_template\" \"base\" {\nvmid = pve_vm.base.vmid\n}\n";
    work.write(both);
    work.apply().await.succeeded();
    // What a linked clone has for a disk.
    let base = work.site.state()["guests"]["9000"]["config"]["scsi0"].as_str().unwrap().to_owned();
    let base = base.split(',').next().unwrap();
    work.site.by_hand(|cluster| set(cluster, 102, "scsi0", &format!("{base}/102/vm-102-disk-0.raw,size=1G")));
    let output = work.destroy().await.failed("still in use by linked clone");
    assert!(output.says("destroy those first"), "{}", output.told());
    assert!(!work.site.state()["guests"]["9000"].is_null());
}
