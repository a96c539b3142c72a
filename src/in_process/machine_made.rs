//! `pve_vm` as it comes to be (a clone, an image, a backup), where it lives, and what its agent says. The tests named `pain_...` hold
//! what users of other providers have suffered from.

use std::sync::Arc;

use pve_sim::Options;
use pve_sim::shape::{GuestShape, Shape};
use serde_json::{Value as Json, json};
use terraform_core::Config;
use tokio::task::JoinSet;

use super::Rig;
use super::beside::done;
use super::lives::{Bench, examples, read};
use super::work::{Site, Work};
use crate::vm::vm::Vm;

/// A template of two disks' worth on each kind of storage, an image, an ISO and a backup.
const SHAPE: &str = "
guests:
  - vmid: 9000
    node: pve1
    name: golden
    config: {template: 1, cores: 1, memory: '512', ostype: l26, agent: '1', description: from the shop, tags: golden,
             scsi0: 'local-lvm:2', scsi1: 'local-lvm:1', ide2: 'local-lvm:cloudinit', net0: 'virtio,bridge=vmbr0',
             smbios1: 'uuid=11111111-2222-3333-4444-555555555555,family=QQ==,base64=1'}
  - {vmid: 9001, node: pve2, name: shared, config: {memory: '512', scsi0: 'nas:1'}}
storages:
  - storage: local
    type: dir
    path: /var/lib/vz
    content: [iso, backup, import]
    volumes:
      - {name: import/debian.qcow2, size: 2G}
      - {name: iso/debian.iso, size: 1G}
      - {name: backup/vzdump-qemu-7-2026_11_29-10_00_00.vma.zst, size: 1G,
         config: {name: old, memory: '768', scsi0: 'local-lvm:vm-7-disk-0,size=2G', net0: 'virtio=BC:24:11:00:00:07,bridge=vmbr0',
                  smbios1: 'uuid=11111111-2222-3333-4444-555555555507,serial=UyAx,base64=1'}}
      - {name: backup/vzdump-qemu-8-2026_11_29-10_00_00.vma.zst, size: 1G,
         config: {name: lost, scsi0: 'gone:vm-8-disk-0,size=2G'}}
  - {storage: local-lvm, type: lvmthin, vgname: pve, thinpool: data, content: [images, rootdir]}
  - {storage: nas, type: nfs, server: 10.0.0.9, export: /x, content: [images]}
agents: {boot: 20}
";

async fn shop() -> Work {
    Work::of(SHAPE).await
}

fn vm(attributes: &str) -> String {
    format!("resource \"pve_vm\" \"web\" {{\nallow_destroy = true\n{attributes}\n}}\n")
}

fn guest<'a>(state: &'a Json, vmid: &str) -> &'a Json {
    &state["guests"][vmid]
}

fn attribute(work: &Work, name: &str) -> Json {
    work.instance("pve_vm.web")["attributes"][name].clone()
}

/// How many machines there are besides those from the beginning.
fn made(site: &Site) -> usize {
    site.state()["guests"].as_object().unwrap().len() - 2
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clone_has_what_is_set_and_keeps_what_it_brings_along() {
    let mut work = shop().await;
    let site = work.site.clone();
    let before = site.state();
    work.write(&vm("name = \"web\"\nclone = { vmid = 9000 }\nmemory = 1024\nstarted = true\n\
                    disks = { scsi0 = { size = \"8G\" } }\n\
                    cloud_init = { ip_config = { net0 = { ip = \"192.0.2.7/24\" } } }"));
    work.apply().await.succeeded();
    assert!(work.plan().await.is_empty());
    let state = site.state();
    let config = &guest(&state, "100")["config"];
    assert_eq!(
        (&config["memory"], &config["tags"], &config["description"]),
        (&json!("1024"), &json!("golden"), &json!("from the shop"))
    );
    assert!(config["scsi0"].as_str().unwrap().ends_with("size=8G"), "{config}");
    assert!(config["scsi1"].as_str().unwrap().contains("vm-100-disk-1"), "{config}");
    assert_eq!(guest(&state, "100")["running"], true);
    // What it brought along and is not named is none of the state's business.
    assert_eq!(attribute(&work, "disks").as_object().unwrap().len(), 1);
    // Its parts are another's, but for the uuid.
    work.write(&vm("name = \"web\"\nclone = { vmid = 9000 }\nmemory = 2048\nstarted = true\n\
                    disks = { scsi0 = { size = \"8G\" } }\n\
                    cloud_init = { ip_config = { net0 = { ip = \"192.0.2.7/24\" } } }"));
    assert_eq!(work.plan().await.actions("pve_vm.web"), ["update"]);
    work.apply().await.succeeded();
    work.destroy().await.succeeded();
    assert_eq!(site.state(), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clone_takes_its_source_as_it_is_and_says_what_cannot_be() {
    let mut work = shop().await;
    work.refused(
        vm,
        &[
            ("clone = { vmid = 8000 }", "There is no vm:8000 to be cloned", "VM.Clone"),
            ("clone = { vmid = 9001, full = false }", "vm:9001 is no template", "pve_template"),
            ("clone = { vmid = 9000, storage = \"nas\" }", "shares its disks unless", "full = true"),
            ("clone = { vmid = 9000, full = true, storage = \"local\" }", "cannot hold disks", "local-lvm"),
            ("clone = { vmid = 9000 }\ndisks = { scsi0 = { size = \"1G\" } }", "cannot shrink", "only grow"),
            ("clone = { vmid = 9000 }\nrestore = { archive = \"a:backup/b\" }", "at once", "Take one of the two out"),
            ("placement = \"pinned\"", "pinned to no node", "set `node`"),
            ("wait_for_agent = \"1m\"", "Nobody would answer", "started = true"),
            (
                "disks = { scsi0 = { import_from = \"local:iso/debian.iso\", storage = \"local-lvm\" } }",
                "A disk cannot be made from local:iso/debian.iso",
                "content = \"import\"",
            ),
            (
                "node = \"pve1\"\ndisks = { scsi0 = { import_from = \"local:import/no.qcow2\", storage = \"local-lvm\" } }",
                "There is no local:import/no.qcow2 on pve1",
                "pve_storage_download",
            ),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_clone_goes_to_another_storage_and_node() {
    let mut work = shop().await;
    let site = work.site.clone();
    work.write(&vm("node = \"pve3\"\nclone = { vmid = 9001, full = true, storage = \"nas\", format = \"raw\" }"));
    work.apply().await.succeeded();
    assert!(work.plan().await.is_empty());
    assert_eq!(guest(&site.state(), "100")["node"], "pve3");
    work.destroy().await.succeeded();
    // With disks that one node alone sees it stays there, and is brought to where it is pinned.
    work.write(&vm("node = \"pve3\"\nclone = { vmid = 9000 }"));
    let said = work.apply().await.succeeded();
    assert!(said.says("A clone is made where its source is"), "{}", said.told());
    assert_eq!(guest(&site.state(), "100")["node"], "pve1");
    assert!(work.plan().await.is_empty());
    work.destroy().await.succeeded();
    work.write(&vm("node = \"pve3\"\nplacement = \"pinned\"\nclone = { vmid = 9000, full = true }"));
    work.apply().await.succeeded();
    assert_eq!(guest(&site.state(), "100")["node"], "pve3");
    assert!(work.plan().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clone_that_is_imported_or_said_to_be_another_s_is_never_replaced() {
    let mut work = shop().await;
    work.write(&vm("clone = { vmid = 9000 }"));
    work.apply().await.succeeded();
    work.write(&vm("clone = { vmid = 9001 }"));
    let plan = work.plan().await;
    assert_eq!(plan.actions("pve_vm.web"), ["update"]);
    assert!(plan.says("The VM stays what it was made from"), "{}", plan.told());
    work.site.forget_requests();
    work.apply().await.succeeded();
    assert!(work.site.sent().is_empty());
    work.forget("pve_vm.web");
    work.import("pve_vm.web", "100").await.succeeded();
    assert_eq!(work.plan().await.actions("pve_vm.web"), ["update"], "what is local is noted");
    work.apply().await.succeeded();
    assert!(work.site.sent().is_empty() && work.plan().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fleet_is_made_from_one_template() {
    let mut bench = Bench::of(Shape::from_yaml(SHAPE).unwrap()).await;
    let config = Config::from_hcl(&read(&examples().join("fleet").join("main.tf"))).unwrap();
    bench.core.apply(&config).await.unwrap_or_else(|said| panic!("{said}"));
    let plan = bench.core.plan(&config).await.unwrap();
    assert_eq!(plan.actions(), []);
    let state = bench.sim.world.control("GET", "/state", &Json::Null).unwrap();
    assert_eq!(state["guests"].as_object().unwrap().len(), 32);
    bench.core.destroy(&config).await.unwrap_or_else(|said| panic!("{said}"));
}

/// Pain 10: parallel clones fail, and users set `-parallelism=1`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pain_10_thirty_clones_at_once_begin_four_at_a_time() {
    let rig = Arc::new(Rig::of(SHAPE).await);
    let one = |n: u32| {
        let rig = Arc::clone(&rig);
        async move {
            let config =
                json!({ "name": format!("worker-{n}"), "clone": { "vmid": 9000, "full": true }, "memory": 1024 });
            rig.bring::<Vm>(None, &config).await.map(|(made, _)| made)
        }
    };
    let all: JoinSet<_> = (0..30).map(one).collect();
    for made in all.join_all().await {
        made.unwrap_or_else(|said| panic!("{said:?}"));
    }
    let told = rig.sim.world.control("GET", "/concurrency", &Json::Null).unwrap();
    let most = told["storages"]["local-lvm"].as_u64().unwrap();
    assert!((2..=4).contains(&most), "{most} at once");
    let state = rig.sim.world.control("GET", "/state", &Json::Null).unwrap();
    assert_eq!(state["guests"].as_object().unwrap().len(), 32);
}

/// Pain 9: `can't lock file ... got timeout`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pain_9_a_lock_that_somebody_else_has_is_waited_for() {
    let mut work = shop().await;
    let site = work.site.clone();
    site.fault(&json!({
        "match": {"method": "POST", "path": "/nodes/*/qemu/*/clone"}, "times": 1,
        "effect": {"task": "fail", "message": "can't lock file '/var/lock/qemu-server/lock-9000.conf' - got timeout"}
    }));
    work.write(&vm("clone = { vmid = 9000 }"));
    work.apply().await.succeeded();
    let clones = site.sent().iter().filter(|sent| sent.ends_with("/clone")).count();
    assert_eq!((clones, made(&site)), (2, 1));
    assert!(work.plan().await.is_empty());
}

/// Pain 11: races for a number.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pain_11_who_loses_the_race_for_a_number_takes_the_next() {
    let mut work = shop().await;
    let site = work.site.clone();
    // What PVE says within the task, the number being taken only there.
    site.fault(&json!({
        "match": {"method": "POST", "path": "/nodes/*/qemu/*/clone"}, "times": 1,
        "effect": {"task": "fail", "message": "unable to create VM 100: config file already exists"}
    }));
    work.write(&vm("clone = { vmid = 9000 }"));
    work.apply().await.succeeded();
    assert_eq!((attribute(&work, "vmid"), made(&site)), (json!(101), 1));
    work.destroy().await.succeeded();
    site.fault(&json!({
        "match": {"method": "POST", "path": "/nodes/*/qemu/*/clone"}, "times": 1,
        "effect": {"task": "fail", "message": "unable to create VM 150: config file already exists"}
    }));
    // A number that was asked for is no other.
    work.write(&vm("vmid = 150\nclone = { vmid = 9000 }"));
    work.apply().await.failed("vm:150");
    assert!(work.instance("pve_vm.web").is_null());
}

/// Pain 23: what was made by half is not known, or is replaced.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pain_23_a_run_that_is_cut_off_leaves_nothing_twice_and_the_next_one_finishes_it() {
    for (attributes, path) in [
        ("clone = { vmid = 9000 }\nmemory = 1024", "/nodes/*/qemu/9000/clone"),
        ("vmid = 150\nclone = { vmid = 9000 }\nmemory = 1024", "/nodes/*/qemu/9000/clone"),
        ("clone = { vmid = 9000 }\nmemory = 1024", "/nodes/*/qemu/*/config"),
        (
            "vmid = 150\nrestore = { archive = \"local:backup/vzdump-qemu-7-2026_11_29-10_00_00.vma.zst\" }",
            "/nodes/*/qemu",
        ),
        (
            "disks = { scsi0 = { import_from = \"local:import/debian.qcow2\", storage = \"local-lvm\", size = \"4G\" } }",
            "/nodes/*/qemu",
        ),
    ] {
        for when in ["before", "after"] {
            let mut work = shop().await;
            let site = work.site.clone();
            work.write(&vm(attributes));
            site.fault(&json!({"match": {"method": "POST", "path": path}, "when": when, "effect": {"hold": true}}));
            assert!(!work.apply_until_killed().await.ok, "{attributes}");
            site.advance(120);
            work.apply().await.succeeded();
            assert_eq!(made(&site), 1, "{attributes} {when} {path}");
            assert!(work.plan().await.is_empty(), "{attributes} {when} {path}");
            assert_eq!(attribute(&work, "ready"), true);
            let state = site.state().to_string();
            assert!(!state.contains("Terraform is making"), "{attributes} {when}: {state}");
            work.destroy().await.succeeded();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_answers_of_clones_make_nothing_twice() {
    for when in ["before", "after"] {
        let mut work = shop().await;
        let site = work.site.clone();
        site.fault(&json!({
            "match": {"method": "POST", "path": "/nodes/*/qemu/*/clone"}, "when": when, "effect": {"drop": true}, "times": 1
        }));
        work.write(&vm("clone = { vmid = 9000 }"));
        match when {
            "before" => {
                work.apply().await.failed("nothing was written");
                work.apply().await.succeeded();
            }
            _ => {
                let said = work.apply().await.succeeded();
                assert!(!said.says("Warning"), "{}", said.told());
            }
        }
        assert!(work.plan().await.is_empty(), "{when}");
        assert_eq!(made(&site), 1, "{when}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_from_an_image_is_as_large_as_wanted() {
    let mut bench =
        Bench::of(Shape::from_yaml(&SHAPE.replace("import/debian.qcow2", "import/debian-13.qcow2")).unwrap()).await;
    let config = Config::from_hcl(&read(&examples().join("cloud-image-vm").join("main.tf"))).unwrap();
    bench.core.apply(&config).await.unwrap_or_else(|said| panic!("{said}"));
    assert_eq!(bench.core.plan(&config).await.unwrap().actions(), []);
    let state = bench.sim.world.control("GET", "/state", &Json::Null).unwrap();
    assert!(guest(&state, "100")["config"]["scsi0"].as_str().unwrap().ends_with("size=16G"), "{state}");
    bench.core.destroy(&config).await.unwrap_or_else(|said| panic!("{said}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_machine_is_ours_and_one_that_fails_leaves_nothing() {
    let mut work = shop().await;
    let site = work.site.clone();
    let before = site.state();
    let text = vm(
        "restore = { archive = \"local:backup/vzdump-qemu-7-2026_11_29-10_00_00.vma.zst\" }\nname = \"new\"\ncores = 2",
    );
    work.write(&text.replace("local:backup/vzdump-qemu-7-", "local:backup/vzdump-qemu-8-"));
    work.apply().await.failed("Cannot create vm:100");
    assert_eq!(site.state(), before, "what the failed restore had left is taken away");
    work.write(&text);
    work.apply().await.succeeded();
    assert!(work.plan().await.is_empty());
    let state = site.state();
    let config = &guest(&state, "100")["config"];
    assert_eq!((&config["name"], &config["memory"]), (&json!("new"), &json!("768")));
    // What SMBIOS told is still told, but for the uuid, which is ours.
    let smbios = site.setting(100, "smbios1").unwrap();
    assert!(smbios.contains("serial=UyAx") && !smbios.contains("555555555507"), "{smbios}");
    assert_eq!(attribute(&work, "smbios")["serial"], "S 1");
    work.destroy().await.succeeded();
    assert_eq!(site.state(), before);
}

/// Pain 1: HA moves a machine, and the plan replaces it or moves it back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pain_1_a_machine_that_was_moved_plans_nothing_unless_it_is_pinned() {
    let mut work = shop().await;
    let site = work.site.clone();
    let small = "node = \"pve1\"\nstarted = true\ndisks = { scsi0 = { size = \"1G\", storage = \"local-lvm\" } }";
    work.write(&vm(small));
    work.apply().await.succeeded();
    done(&work, "guest_migrate", json!({"vmid": 100, "node": "pve2"})).await;
    assert_eq!(guest(&site.state(), "100")["node"], "pve2");
    assert!(work.plan().await.is_empty());
    work.write(&vm(&format!("{small}\nplacement = \"pinned\"")));
    let plan = work.plan().await;
    assert_eq!(plan.actions("pve_vm.web"), ["update"]);
    assert!(plan.says("vm:100 will go from pve2 to pve1") && plan.says("while it runs"), "{}", plan.told());
    work.apply().await.succeeded();
    let state = site.state();
    assert_eq!((&guest(&state, "100")["node"], &guest(&state, "100")["running"]), (&json!("pve1"), &json!(true)));
    assert!(work.plan().await.is_empty());
    // Moved away once more, the next plan sees it.
    done(&work, "guest_migrate", json!({"vmid": 100, "node": "pve3"})).await;
    assert_eq!(work.plan().await.actions("pve_vm.web"), ["update"]);
    work.apply().await.succeeded();
    assert_eq!(guest(&site.state(), "100")["node"], "pve1");
}

/// Pain 3: a migration through HA ends in `Configuration file ... does not exist`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pain_3_under_ha_it_is_ha_that_moves_the_machine_and_keeps_it() {
    let mut work = shop().await;
    let site = work.site.clone();
    let pinned = "node = \"pve1\"\nplacement = \"pinned\"\nstarted = true\n\
                  disks = { scsi0 = { size = \"1G\", storage = \"nas\" } }";
    let ha = "resource \"pve_ha_resource\" \"web\" {\nsid = \"vm:${pve_vm.web.vmid}\"\n}\n";
    work.write(&(vm(pinned) + ha));
    work.apply().await.succeeded();
    site.forget_requests();
    let told = done(&work, "guest_migrate", json!({"vmid": 100, "node": "pve2"})).await.progress;
    assert!(told.iter().any(|line| line.contains("by HA")) && told.last().unwrap() == "vm:100 is on pve2", "{told:?}");
    assert_eq!(site.sent(), ["POST /nodes/pve1/qemu/100/migrate"]);
    let plan = work.plan().await;
    assert!(plan.says("HA is asked to move it"), "{}", plan.told());
    work.apply().await.succeeded();
    let state = site.state();
    assert_eq!(guest(&state, "100")["node"], "pve1");
    assert_eq!(state["ha"]["resources"].as_array().map(Vec::len), Some(1), "it is still HA's");
    assert!(work.plan().await.is_empty());
}

/// Pain 12: plans that wait for guest agents.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pain_12_a_plan_asks_the_agent_once_and_never_waits() {
    let shape = Shape::from_yaml(SHAPE).unwrap();
    // Time stands still, so nobody who is waited for comes.
    let mut work = Work::with(Options {
        shape: Shape { guests: vec![GuestShape { running: true, ..shape.guests[1].clone() }, talking()], ..shape },
        factor: 0.0,
        ..Options::default()
    })
    .await;
    let site = work.site.clone();
    let looked_up = "data \"pve_vm\" \"it\" {\nvmid = 300\n}\noutput \"v4\" {\nvalue = data.pve_vm.it.ipv4_addresses\n}\n\
                     output \"card\" {\nvalue = data.pve_vm.it.networks[\"net0\"].ipv4_addresses\n}\n\
                     output \"agent\" {\nvalue = data.pve_vm.it.agent\n}\n";
    work.write(looked_up);
    site.forget_requests();
    let told =
        async |work: &Work, name: &str| work.bench.core.plan(&work.config()).await.unwrap().outputs[name].clone();
    let silent = told(&work, "agent").await;
    let asked = |site: &Site| site.requests().iter().filter(|seen| seen.path.contains("/agent/")).count();
    assert_eq!(asked(&site), 1);
    assert_eq!(silent, "silent".into());
    site.advance(30);
    assert_eq!(told(&work, "agent").await, "answers".into());
    let address = told(&work, "v4").await;
    assert_eq!(told(&work, "card").await, address);
    assert!(format!("{address:?}").contains("192.0.2.30"), "{address:?}");
}

fn talking() -> GuestShape {
    let mut guest = GuestShape::ready(300, "pve1");
    guest.config.insert("agent".to_owned(), "1".into());
    guest.config.insert("ipconfig0".to_owned(), "ip=192.0.2.30/24".into());
    guest
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_is_waited_for_at_the_creation_and_only_there() {
    let mut work = Work::at(SHAPE, 600.0).await;
    let site = work.site.clone();
    let text = vm("clone = { vmid = 9000 }\nstarted = true\nwait_for_agent = \"2m\"");
    work.write(&text);
    work.apply().await.succeeded();
    assert!(site.requests().iter().any(|seen| seen.path.contains("/agent/")));
    site.forget_requests();
    assert!(work.plan().await.is_empty());
    assert!(!site.requests().iter().any(|seen| seen.path.contains("/agent/")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_that_does_not_come_leaves_a_machine_that_is_not_ready() {
    let mut work = Work::of(&SHAPE.replace("agents: {boot: 20}", "agents: {installed: false}")).await;
    work.write(&vm("clone = { vmid = 9000 }\nstarted = true\nwait_for_agent = \"1ms\""));
    let said = work.apply().await.succeeded();
    assert!(said.says("The guest agent of vm:100 does not answer yet"), "{}", said.told());
    assert_eq!(attribute(&work, "ready"), false);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clone_of_a_snapshot_is_what_its_source_was() {
    let thin = "guests:\n  - {vmid: 9002, node: pve1, name: thin, config: {memory: '512', scsi0: 'local-lvm:1'}}\n";
    let mut work = Work::of(&SHAPE.replace("guests:\n", thin)).await;
    let snapshot = "resource \"pve_snapshot\" \"before\" {\n  vmid = 9002\n  name = \"before\"\n}\n";
    let clone = vm("clone = { vmid = pve_snapshot.before.vmid, snapshot = pve_snapshot.before.name }");
    // The plan says nothing against what the same plan makes.
    work.write(&format!(
        "{snapshot}{}",
        vm("clone = { vmid = 9002, snapshot = \"before\" }\ndepends_on = [pve_snapshot.before]")
    ));
    let said = work.plan().await;
    assert!(!said.says("has no snapshot"), "{}", said.told());
    work.write(snapshot);
    work.apply().await.succeeded();
    work.site.by_hand(|cluster| {
        cluster.guests.get_mut(9002).unwrap().config.values.insert("memory".to_owned(), "4096".to_owned());
    });
    work.write(&format!("{snapshot}{clone}"));
    work.apply().await.succeeded();
    assert!(work.plan().await.is_empty());
    assert_eq!(work.site.setting(100, "memory").as_deref(), Some("512"));
    assert_eq!(attribute(&work, "memory"), 512);
}
