//! Guests that are made from something, and guests that go elsewhere.

use serde_json::{Value, json};

use crate::bed::Bed;
use crate::shape::Shape;

fn bed() -> Bed {
    let shape = "
guests:
  - vmid: 9000
    node: pve1
    name: golden
    config: {template: 1, tags: golden, scsi0: 'local-lvm:2', ide2: 'local-lvm:cloudinit', net0: 'virtio,bridge=vmbr0',
             smbios1: 'uuid=11111111-2222-3333-4444-555555555555,family=QQ=='}
  - {vmid: 100, node: pve1, name: web, running: true, config: {agent: '1', memory: '512', scsi0: 'local-lvm:1',
     net0: 'virtio=BC:24:11:00:00:0A,bridge=vmbr0', ipconfig0: 'ip=192.0.2.5/24'}}
storages:
  - storage: local
    type: dir
    path: /var/lib/vz
    content: [iso, backup, import, images]
    volumes:
      - {name: import/debian.qcow2, size: 2G}
      - {name: backup/vzdump-lxc-8-2026_11_29-10_00_00.tar, size: 1M, config: {hostname: old, memory: '64'}}
      - {name: backup/vzdump-qemu-7-2026_11_29-10_00_00.vma.zst, size: 1G, config: {name: old, memory: '768', scsi0: 'local-lvm:vm-7-disk-0,size=2G'}}
  - {storage: local-lvm, type: lvmthin, vgname: pve, thinpool: data, content: [images, rootdir]}
  - {storage: nas, type: nfs, server: 10.0.0.9, export: /x, content: [import], volumes: [{name: import/huge.raw, size: 900T}]}
agents: {boot: 20}
";
    Bed::new(Shape::from_yaml(shape).unwrap())
}

async fn config(bed: &Bed, node: &str, vmid: u32) -> Value {
    bed.ok("GET", &format!("/nodes/{node}/qemu/{vmid}/config"), &[]).await
}

#[tokio::test]
async fn a_clone_of_a_template_lies_upon_it_and_keeps_it_from_being_destroyed() {
    let bed = bed();
    let task = bed.ok("POST", "/nodes/pve1/qemu/9000/clone", &[("newid", "101"), ("description", "mine")]).await;
    assert_eq!(bed.task(&task), "OK");
    let made = config(&bed, "pve1", 101).await;
    assert_eq!(
        (&made["name"], &made["description"], &made["tags"]),
        (&json!("Copy-of-VM-golden"), &json!("mine"), &json!("golden"))
    );
    assert!(made["template"].is_null() && made["lock"].is_null());
    let source = config(&bed, "pve1", 9000).await;
    assert!(source["scsi0"].as_str().unwrap().starts_with("local-lvm:base-9000-disk-0"), "{source}");
    assert_ne!(made["net0"], source["net0"]);
    let smbios = made["smbios1"].as_str().unwrap();
    assert!(smbios.ends_with(",family=QQ==") && made["smbios1"] != source["smbios1"], "{smbios}");
    assert_eq!(bed.log(&task)[0], "creating a clone of VM 9000 with ID 101");
    let full =
        bed.ok("POST", "/nodes/pve1/qemu/9000/clone", &[("newid", "102"), ("full", "1"), ("storage", "local")]).await;
    assert_eq!(bed.task(&full), "OK");
    assert_eq!(config(&bed, "pve1", 102).await["scsi0"], "local:102/vm-102-disk-0.raw,size=2G");
    let refused = bed.refusal("POST", "/nodes/pve1/qemu/100/clone", &[("newid", "103"), ("full", "0")]).await;
    assert_eq!(refused.1, "Linked clone feature is not supported for 'local-lvm:vm-100-disk-0' (scsi0)");
    let elsewhere = bed.refusal("POST", "/nodes/pve1/qemu/9000/clone", &[("newid", "103"), ("target", "pve2")]).await;
    assert_eq!(elsewhere.1, "can't clone VM to node 'pve2' (VM uses local storage)");
}

#[tokio::test]
async fn of_two_clones_for_one_number_the_second_fails_in_its_task() {
    let bed = bed();
    let clone = [("newid", "101"), ("full", "1")];
    let first = bed.ok("POST", "/nodes/pve1/qemu/9000/clone", &clone).await;
    let second = bed.ok("POST", "/nodes/pve1/qemu/9000/clone", &clone).await;
    assert_eq!(bed.task(&first), "OK");
    assert_eq!(bed.task(&second), "unable to create VM 101: config file already exists");
    let third = bed.refusal("POST", "/nodes/pve1/qemu/9000/clone", &clone).await;
    assert_eq!(third.1, "unable to create VM 101: config file already exists");
    assert_eq!(bed.world.with(|c| c.concurrency.told()["storages"]["local-lvm"].clone()), json!(1));
}

#[tokio::test]
async fn disks_from_images_and_what_does_not_fit() {
    let bed = bed();
    let import = |source: &str| format!("local-lvm:0,import-from={source}");
    let iso = bed.refusal("POST", "/nodes/pve1/qemu", &[("vmid", "101"), ("scsi0", &import("local:iso/x.iso"))]).await;
    assert_eq!(iso.0, 400);
    let made =
        bed.ok("POST", "/nodes/pve1/qemu", &[("vmid", "101"), ("scsi0", &import("local:import/debian.qcow2"))]).await;
    assert_eq!(bed.task(&made), "OK");
    assert_eq!(config(&bed, "pve1", 101).await["scsi0"], "local-lvm:vm-101-disk-0,size=2G");
    let huge = bed.ok("POST", "/nodes/pve1/qemu", &[("vmid", "102"), ("scsi0", &import("nas:import/huge.raw"))]).await;
    assert!(bed.task(&huge).contains("No space left on device"));
    assert_eq!(bed.call("GET", "/nodes/pve1/qemu/102/config", &[]).await.0, 500);
}

#[tokio::test]
async fn a_restore_that_fails_leaves_a_guest_with_next_to_nothing() {
    let bed = bed();
    let archive = "local:backup/vzdump-qemu-7-2026_11_29-10_00_00.vma.zst";
    let task = bed.ok("POST", "/nodes/pve1/qemu", &[("vmid", "101"), ("archive", archive), ("name", "new")]).await;
    assert_eq!(bed.task(&task), "OK");
    let made = config(&bed, "pve1", 101).await;
    assert_eq!(
        (&made["name"], &made["memory"], &made["scsi0"]),
        (&json!("new"), &json!("768"), &json!("local-lvm:vm-101-disk-0,size=2G"))
    );
    let missing =
        bed.refusal("POST", "/nodes/pve1/qemu", &[("vmid", "102"), ("archive", "local:backup/none.vma")]).await;
    assert_eq!(missing.1, "volume 'local:backup/none.vma' does not exist");
    let wrong = "local:backup/vzdump-lxc-8-2026_11_29-10_00_00.tar";
    let task = bed.ok("POST", "/nodes/pve1/qemu", &[("vmid", "102"), ("archive", wrong)]).await;
    let said = bed.task(&task);
    assert!(
        said.ends_with("vzdump-lxc-8-2026_11_29-10_00_00.tar' does not look like a QemuServer vzdump backup"),
        "{said}"
    );
    assert_eq!(config(&bed, "pve1", 102).await["memory"], "128");
    let disk = bed
        .refusal("POST", "/nodes/pve1/qemu", &[("vmid", "103"), ("archive", archive), ("scsi0", "local-lvm:1")])
        .await;
    assert_eq!(disk.0, 400);
}

#[tokio::test]
async fn a_guest_migrates_with_its_local_disks_if_that_is_said() {
    let bed = bed();
    let path = "/nodes/pve1/qemu/100/migrate";
    assert_eq!(bed.refusal("POST", path, &[("target", "pve2")]).await.1, "can't migrate running VM without --online");
    let live = bed.ok("POST", path, &[("target", "pve2"), ("online", "1")]).await;
    assert_eq!(bed.task(&live), "migration aborted");
    let told = bed.log(&live).join("\n");
    assert!(told.contains("can't live migrate attached local disks without with-local-disks option"), "{told}");
    let live = bed.ok("POST", path, &[("target", "pve2"), ("online", "1"), ("with-local-disks", "1")]).await;
    bed.pass(2);
    assert_eq!(config(&bed, "pve1", 100).await["lock"], "migrate");
    assert_eq!(bed.task(&live), "OK");
    let status = bed.ok("GET", "/nodes/pve2/qemu/100/status/current", &[]).await;
    assert_eq!(status["status"], "running");
    assert!(config(&bed, "pve2", 100).await["lock"].is_null());
}

#[tokio::test]
async fn an_agent_answers_when_its_guest_has_booted() {
    let bed = bed();
    let path = "/nodes/pve1/qemu/100/agent/network-get-interfaces";
    assert_eq!(bed.refusal("GET", path, &[]).await.1, "QEMU guest agent is not running");
    bed.pass(30);
    let told = bed.ok("GET", path, &[]).await;
    assert_eq!(told["result"][1]["hardware-address"], "bc:24:11:00:00:0a");
    assert_eq!(told["result"][1]["ip-addresses"][0]["ip-address"], "192.0.2.5");
    let none = bed.refusal("GET", "/nodes/pve1/qemu/9000/agent/info", &[]).await;
    assert_eq!(none.1, "No QEMU guest agent configured");
    bed.world.with(|c| c.agents.error = Some("unknown command".to_owned()));
    assert_eq!(bed.ok("GET", path, &[]).await["result"]["error"]["desc"], "unknown command");
}

#[tokio::test]
async fn on_a_bridge_that_the_node_lacks_nothing_starts() {
    let bed = bed();
    let made = bed.ok("POST", "/nodes/pve1/qemu", &[("vmid", "101"), ("net0", "virtio,bridge=vmbr9")]).await;
    assert_eq!(bed.task(&made), "OK");
    let start = bed.ok("POST", "/nodes/pve1/qemu/101/status/start", &[]).await;
    assert!(bed.task(&start).starts_with("bridge 'vmbr9' does not exist"));
}
