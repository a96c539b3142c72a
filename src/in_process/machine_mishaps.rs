//! `pve_vm` when things go wrong: lost answers, killed providers, dead nodes, other people. What several do at once is in the
//! acceptance tests.

use pve_sim::Options;
use pve_sim::shape::{CephStage, GuestShape, Shape};
use serde_json::{Value as Json, json};

use super::work::{Site, Work};

fn vm(attributes: &str) -> String {
    format!("resource \"pve_vm\" \"web\" {{\nallow_destroy = true\n{attributes}\n}}\n")
}

const SMALL: &str = "name = \"web\"\ndisks = { scsi0 = { size = \"1G\", storage = \"local-lvm\" } }\n";

/// How many VMs there are.
fn vms(site: &Site) -> usize {
    // Each disk's volume is named after its VM once in the configuration.
    site.state().to_string().matches("\"scsi0\":\"").count()
}

async fn cluster() -> Work {
    Work::with(Options::default()).await
}

async fn with_ceph() -> Work {
    let mut shape = Shape::default();
    shape.ceph.stage = CephStage::Ready;
    Work::with(Options { shape, ..Options::default() }).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_pve_refuses_points_at_the_attribute() {
    let mut work = cluster().await;
    let site = work.site.clone();
    let before = site.state();
    work.write(&vm(&format!("{SMALL}cpu = \"custom-mine, thing\"")));
    let output = work.apply().await.failed("Cannot create vm:100");
    assert!(output.says("with pve_vm.web") && output.says("cpu"), "{}", output.told());
    assert_eq!(site.state(), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_is_still_being_made_is_waited_for_where_the_journal_is_lost() {
    // Time stands still: what was begun does not end.
    let mut work = Work::with(Options { factor: 0.0, ..Options::default() }).await;
    let site = work.site.clone();
    work.write(&vm(SMALL));
    site.fault(&json!({
        "match": {"method": "GET", "path": "/nodes/*/tasks/*/status"}, "effect": {"hold": true}
    }));
    assert!(!work.apply_until_killed().await.ok);
    work.lose_journal();
    site.forget_requests();
    let ends = async {
        site.until("the task is looked at", |site| {
            site.requests().iter().any(|seen| seen.path.ends_with("/status") && seen.path.contains("qmcreate"))
        })
        .await;
        site.advance(60);
    };
    let (output, ()) = tokio::join!(work.apply(), ends);
    let output = output.failed("VM \"web\" was made a moment ago, as vm:100");
    assert!(output.says("id = \"100\""), "{}", output.told());
    assert_eq!(vms(&site), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_answers_make_nothing_twice() {
    for when in ["before", "after"] {
        let mut work = cluster().await;
        let site = work.site.clone();
        site.fault(&json!({
            "match": {"method": "POST", "path": "/nodes/*/qemu"}, "when": when, "effect": {"drop": true}
        }));
        work.write(&vm(SMALL));
        let output = work.apply().await;
        if when == "before" {
            output.failed("nothing was written");
            work.apply().await.succeeded();
        } else {
            // It has the uuid that was asked for: there is nothing to tell.
            let output = output.succeeded();
            assert!(!output.says("taken for ours") && !output.says("Warning"), "{}", output.told());
        }
        assert!(work.plan().await.is_empty(), "{when}");
        assert_eq!(vms(&site), 1, "{when}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_killed_in_a_create_leaves_nothing_twice() {
    for (when, vmid) in [("before", ""), ("after", ""), ("after", "vmid = 150\n")] {
        let mut work = cluster().await;
        let site = work.site.clone();
        work.write(&vm(&format!("{vmid}{SMALL}")));
        site.fault(&json!({
            "match": {"method": "POST", "path": "/nodes/*/qemu"}, "when": when, "effect": {"hold": true}
        }));
        assert!(!work.apply_until_killed().await.ok);
        site.clear_faults();
        site.advance(60);
        let output = work.apply().await;
        if when == "before" {
            output.succeeded();
        } else if !vmid.is_empty() {
            let output = output.succeeded();
            assert!(output.says("vm:150 on pve1 exists already"), "{}", output.told());
        } else {
            // No task can tell which resource a number that PVE has chosen belongs to; the uuid in the journal does.
            let output = output.succeeded();
            assert!(output.says("vm:100 on pve1 exists already"), "{}", output.told());
        }
        assert!(work.plan().await.is_empty());
        assert_eq!(vms(&site), 1, "{when} {vmid}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vm_that_does_not_start_is_kept_and_started_by_the_next_apply() {
    let mut work = cluster().await;
    let site = work.site.clone();
    site.fault(&json!({
        "match": {"method": "POST", "path": "/nodes/*/qemu/*/status/start"},
        "effect": {"task": "fail", "message": "no bridge vmbr9"}
    }));
    work.write(&vm(&format!("{SMALL}started = true")));
    let output = work.apply().await.succeeded();
    assert!(output.says("Cannot start vm:100") && output.says("no bridge vmbr9"), "{}", output.told());
    let made = work.instance("pve_vm.web");
    assert_eq!((&made["attributes"]["ready"], &made["status"]), (&json!(false), &Json::Null));
    site.clear_faults();
    work.apply().await.succeeded();
    assert_eq!(work.instance("pve_vm.web")["attributes"]["ready"], true);
    assert!(work.plan().await.is_empty());
    assert_eq!(vms(&site), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_create_that_fails_leaves_nothing() {
    let mut work = cluster().await;
    let site = work.site.clone();
    let before = site.state();
    site.fault(&json!({
        "match": {"method": "POST", "path": "/nodes/*/qemu"}, "effect": {"task": "fail", "message": "no space left"}
    }));
    work.write(&vm(SMALL));
    let output = work.apply().await.failed("Cannot create vm:100");
    assert!(output.says("no space left"), "{}", output.told());
    assert!(work.instance("pve_vm.web").is_null());
    site.clear_faults();
    assert_eq!(site.state(), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_ha_only_ha_starts_and_stops_and_nothing_is_destroyed() {
    let mut work = cluster().await;
    let site = work.site.clone();
    let ha = "\nresource \"pve_ha_resource\" \"web\" {\nsid = \"vm:${pve_vm.web.vmid}\"\nallow_local = true\n}\n";
    work.write(&(vm(&format!("{SMALL}started = true")) + ha));
    work.apply().await.succeeded();
    assert!(work.plan().await.is_empty());

    site.forget_requests();
    work.write(&(vm(&format!("{SMALL}started = false")) + ha));
    let output = work.apply().await.succeeded();
    assert!(output.says("HA decides whether a VM runs"), "{}", output.told());
    assert!(site.mutations().is_empty(), "{:?}", site.mutations());
    assert!(work.plan().await.is_empty());

    work.write("");
    // What depends on it goes first; taken out of the state, HA's entry is in the way.
    work.apply().await.succeeded();
    work.write(&(vm(&format!("{SMALL}started = true")) + ha));
    work.apply().await.succeeded();
    work.forget("pve_ha_resource.web");
    work.write(&vm(&format!("{SMALL}started = true")));
    site.forget_requests();
    work.destroy().await.failed("is under HA");
    assert!(site.mutations().is_empty(), "{:?}", site.mutations());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_node_plans_nothing_and_its_vm_is_not_destroyed() {
    let mut work = cluster().await;
    let site = work.site.clone();
    work.write(&vm(&format!("node = \"pve2\"\n{SMALL}")));
    work.apply().await.succeeded();
    site.power("pve2", false);
    let plan = work.plan().await;
    assert!(plan.is_empty());
    assert!(plan.says("its objects are kept as last seen"), "{}", plan.told());
    work.destroy().await.failed("pve2");
    assert_eq!(work.instance("pve_vm.web")["attributes"]["vmid"], 100);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_vm_with_the_same_number_is_not_destroyed() {
    let mut work = cluster().await;
    let site = work.site.clone();
    work.write(&vm(SMALL));
    work.apply().await.succeeded();
    let ours = work.bench.core.state.clone();
    work.destroy().await.succeeded();
    site.advance(600);
    work.apply().await.succeeded();
    work.bench.core.state = ours;
    site.forget_requests();
    work.destroy().await.failed("vm:100 is another VM now");
    assert!(site.mutations().is_empty(), "{:?}", site.mutations());
    assert_eq!(vms(&site), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_is_owned_here_moves_with_its_storage() {
    let mut work = with_ceph().await;
    let site = work.site.clone();
    let ceph = "resource \"pve_ceph_pool\" \"vm\" {\nname = \"vm\"\nallow_destroy = true\n}\n\
                resource \"pve_storage_rbd\" \"vm\" {\nstorage = \"ceph-vm\"\npool = pve_ceph_pool.vm.name\n}\n";
    work.write(&(vm(&format!("{SMALL}started = true\ndepends_on = [pve_storage_rbd.vm]")) + ceph));
    work.apply().await.succeeded();
    let there = SMALL.replace("local-lvm", "ceph-vm");
    work.write(&(vm(&format!("{there}started = true\ndepends_on = [pve_storage_rbd.vm]")) + ceph));
    assert_eq!(work.plan().await.actions("pve_vm.web"), ["update"]);
    work.apply().await.succeeded();
    assert!(work.plan().await.is_empty());
    let state = site.state().to_string();
    assert!(state.contains("ceph-vm:vm-100-disk-0") && !state.contains("unused0"), "{state}");
    work.destroy().await.succeeded();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refresh_costs_one_request_a_vm() {
    let guests = (101..=120).map(|vmid| GuestShape::ready(vmid, "pve1")).collect();
    let shape = Shape { guests, ..Shape::default() };
    let mut work = Work::with(Options { shape, ..Options::default() }).await;
    let site = work.site.clone();
    let text = vm("for_each = toset([for n in range(101, 121) : tostring(n)])\nvmid = tonumber(each.key)");
    let import = |n: u32| format!("import {{\nto = pve_vm.web[\"{n}\"]\nid = \"{n}\"\n}}\n");
    work.write(&(text.clone() + &(101..121).map(import).collect::<String>()));
    work.apply().await.succeeded();
    work.write(&text);
    site.forget_requests();
    assert!(work.plan().await.is_empty());
    let asked = site.requests().len();
    assert!(asked <= 26, "{asked} requests for 20 VMs: {:?}", site.requests());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_vm_is_left_alone() {
    let mut work = cluster().await;
    let site = work.site.clone();
    work.write(&vm(SMALL));
    work.apply().await.succeeded();
    site.fault(&json!({
        "match": {"method": "POST", "path": "/nodes/*/qemu/*/config"},
        "effect": {"status": 500, "message": "VM is locked (backup)"}
    }));
    work.write(&vm(&format!("{SMALL}cores = 2")));
    let output = work.apply().await.failed("Cannot change vm:100");
    assert!(output.says("locked by a running or interrupted operation (backup)"), "{}", output.told());
    work.apply().await.succeeded();
    assert!(work.plan().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_to_a_change_adds_no_disk_twice() {
    for when in ["before", "after"] {
        let mut work = cluster().await;
        let site = work.site.clone();
        work.write(&vm(SMALL));
        work.apply().await.succeeded();
        site.fault(&json!({
            "match": {"method": "POST", "path": "/nodes/*/qemu/*/config"}, "when": when, "effect": {"drop": true}
        }));
        let disk = |name: &str| format!("{name} = {{ size = \"1G\", storage = \"local-lvm\" }}\n");
        let two = format!("name = \"web\"\ndisks = {{\n{}{}}}\n", disk("scsi0"), disk("scsi1"));
        work.write(&vm(&two));
        if when == "before" {
            work.apply().await.failed("nothing was written");
        }
        work.apply().await.succeeded();
        assert!(work.plan().await.is_empty(), "{when}");
        assert!(!site.state().to_string().contains("vm-100-disk-2"), "{when}: a disk was made twice");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_that_somebody_else_takes_is_asked_for_anew() {
    let mut work = cluster().await;
    let site = work.site.clone();
    site.fault(&json!({
        "match": {"method": "POST", "path": "/nodes/*/qemu"},
        "effect": {"status": 500, "message": "unable to create VM 100 - VM 100 already exists on node 'pve2'"}
    }));
    work.write(&vm(SMALL));
    work.apply().await.succeeded();
    assert_eq!(work.instance("pve_vm.web")["attributes"]["vmid"], 101);
    assert!(work.plan().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vm_that_went_to_another_node_is_changed_and_destroyed_there() {
    let mut work = with_ceph().await;
    let site = work.site.clone();
    let around = "resource \"pve_ceph_pool\" \"vm\" {\nname = \"vm\"\nallow_destroy = true\n}\n\
                  resource \"pve_storage_rbd\" \"vm\" {\nstorage = \"ceph-vm\"\npool = pve_ceph_pool.vm.name\n}\n";
    let ha = "resource \"pve_ha_resource\" \"web\" {\nsid = \"vm:${pve_vm.web.vmid}\"\n}\n";
    let disk = "node = \"pve3\"\ndisks = { scsi0 = { size = \"1G\", storage = pve_storage_rbd.vm.storage } }\n";
    work.write(&(vm(disk) + around + ha));
    work.apply().await.succeeded();
    site.power("pve3", false);
    site.advance(600);
    let plan = work.plan().await;
    assert!(plan.is_empty(), "{}", plan.told());
    work.write(&(vm(&format!("{disk}description = \"moved\"")) + around + ha));
    work.apply().await.succeeded();
    assert!(work.plan().await.is_empty());
    site.power("pve3", true);
    site.advance(600);
    work.destroy().await.succeeded();
    assert_eq!(vms(&site), 0);
}
