//! What is kept of guests, as a client meets it: snapshots, templates, backups.

use serde_json::{Value, json};

use crate::bed::Bed;
use crate::shape::Shape;

/// Two guests: one whose disk is a file that can be snapshotted, and one whose disk is a raw file.
fn bed() -> Bed {
    let shape = "guests:\n  - {vmid: 100, node: pve1, config: {scsi0: 'local:2,format=qcow2', memory: '512'}}\n  - {vmid: 101, \
                 node: pve1, config: {scsi0: 'local:1'}}\n  - {vmid: 102, node: pve2, config: {scsi0: 'local:1'}}\nstorages:\n  - \
                 {storage: local, type: dir, path: /var/lib/vz, content: [images, backup]}\n";
    Bed::new(Shape::from_yaml(shape).unwrap())
}

const SNAPSHOT: &str = "/nodes/pve1/qemu/100/snapshot";
const CONFIG: &str = "/nodes/pve1/qemu/100/config";

async fn run(bed: &Bed, method: &str, path: &str, params: &[(&str, &str)]) -> String {
    bed.task(&bed.ok(method, path, params).await)
}

async fn make(bed: &Bed, name: &str) -> String {
    run(bed, "POST", SNAPSHOT, &[("snapname", name)]).await
}

fn names(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn snapshots_have_parents_and_a_removal_gives_them_on() {
    let bed = bed();
    for name in ["s1", "s2", "s3"] {
        assert_eq!(make(&bed, name).await, "OK");
    }
    assert_eq!(make(&bed, "s1").await, "snapshot name 's1' already used");
    let parent = async |name: &str| {
        let all = bed.ok("GET", SNAPSHOT, &[]).await;
        all.as_array().unwrap().iter().find(|one| one["name"] == name).unwrap()["parent"].clone()
    };
    assert_eq!((parent("s3").await, parent("current").await), (json!("s2"), json!("s3")));
    assert_eq!(run(&bed, "DELETE", &format!("{SNAPSHOT}/s2"), &[]).await, "OK");
    assert_eq!(parent("s3").await, "s1");
    let digest = bed.ok("GET", CONFIG, &[]).await["digest"].clone();
    bed.ok("PUT", &format!("{SNAPSHOT}/s1/config"), &[("description", "x")]).await;
    assert_ne!(bed.ok("GET", CONFIG, &[]).await["digest"], digest, "the digest covers the snapshots");
}

#[tokio::test]
async fn a_rollback_brings_settings_and_sizes_back_and_detaches_what_came_later() {
    let bed = bed();
    assert_eq!(make(&bed, "s1").await, "OK");
    bed.ok("PUT", CONFIG, &[("memory", "1024"), ("scsi1", "local:1,format=qcow2"), ("description", "kept")]).await;
    assert_eq!(run(&bed, "PUT", "/nodes/pve1/qemu/100/resize", &[("disk", "scsi0"), ("size", "+1G")]).await, "OK");
    assert_eq!(run(&bed, "POST", "/nodes/pve1/qemu/100/status/start", &[]).await, "OK");
    bed.ok("PUT", CONFIG, &[("cores", "4")]).await;
    assert_eq!(run(&bed, "POST", &format!("{SNAPSHOT}/s1/rollback"), &[]).await, "OK");
    let now = bed.ok("GET", CONFIG, &[]).await;
    assert_eq!((&now["memory"], &now["cores"], &now["description"]), (&json!("512"), &Value::Null, &json!("kept")));
    assert_eq!((&now["scsi1"], &now["parent"]), (&Value::Null, &json!("s1")));
    assert!(now["unused0"].as_str().unwrap().contains("vm-100-disk-1"), "{now}");
    let disk = bed.ok("GET", "/nodes/pve1/storage/local/content/local:100/vm-100-disk-0.qcow2", &[]).await;
    assert_eq!(disk["size"], 2u64 << 30);
    let status = bed.ok("GET", "/nodes/pve1/qemu/100/status/current", &[]).await;
    assert_eq!(status["status"], "stopped");
}

#[tokio::test]
async fn memory_is_kept_of_what_runs_and_goes_with_the_snapshot() {
    let bed = bed();
    assert_eq!(run(&bed, "POST", "/nodes/pve1/qemu/100/status/start", &[]).await, "OK");
    assert_eq!(run(&bed, "POST", SNAPSHOT, &[("snapname", "ram"), ("vmstate", "1")]).await, "OK");
    let list = bed.ok("GET", SNAPSHOT, &[]).await;
    assert_eq!(list[0]["vmstate"], 1);
    let volumes = async || bed.ok("GET", "/nodes/pve1/storage/local/content", &[("vmid", "100")]).await;
    assert!(volumes().await.to_string().contains("vm-100-state-ram.raw"));
    assert_eq!(run(&bed, "POST", "/nodes/pve1/qemu/100/status/stop", &[]).await, "OK");
    assert_eq!(run(&bed, "POST", &format!("{SNAPSHOT}/ram/rollback"), &[]).await, "OK");
    assert_eq!(bed.ok("GET", "/nodes/pve1/qemu/100/status/current", &[]).await["status"], "running");
    assert_eq!(run(&bed, "DELETE", &format!("{SNAPSHOT}/ram"), &[]).await, "OK");
    assert!(!volumes().await.to_string().contains("state"));
    assert_eq!(names(&bed.ok("GET", SNAPSHOT, &[]).await), ["current"]);
}

#[tokio::test]
async fn what_cannot_be_snapshotted_is_refused_and_a_disk_that_one_names_is_kept() {
    let bed = bed();
    let raw = run(&bed, "POST", "/nodes/pve1/qemu/101/snapshot", &[("snapname", "s1")]).await;
    assert_eq!(raw, "snapshot feature is not available");
    let feature = bed.ok("GET", "/nodes/pve1/qemu/101/feature", &[("feature", "snapshot")]).await;
    assert_eq!(feature, json!({"hasFeature": 0, "nodes": ["pve1"]}));
    let reserved = bed.refusal("POST", SNAPSHOT, &[("snapname", "Pending")]).await;
    assert_eq!(reserved, (500, "unable to use snapshot name 'Pending' (reserved name)".to_owned()));
    assert_eq!(make(&bed, "s1").await, "OK");
    bed.ok("PUT", CONFIG, &[("delete", "scsi0")]).await;
    let kept = bed.refusal("PUT", CONFIG, &[("delete", "unused0")]).await;
    assert!(kept.1.ends_with("volume is still in use (snapshot?)"), "{kept:?}");
    bed.world
        .with(|cluster| cluster.guests.get_mut(100).unwrap().config.values.insert("lock".into(), "migrate".into()));
    assert_eq!(make(&bed, "s2").await, "VM is locked (migrate)");
    assert_eq!(run(&bed, "DELETE", &format!("{SNAPSHOT}/s1"), &[]).await, "VM is locked (migrate)");
}

#[tokio::test]
async fn a_template_has_bases_never_runs_and_stays_one() {
    let bed = bed();
    let convert = "/nodes/pve1/qemu/101/template";
    assert_eq!(run(&bed, "POST", convert, &[]).await, "OK");
    let config = bed.ok("GET", "/nodes/pve1/qemu/101/config", &[]).await;
    assert_eq!((&config["template"], &config["scsi0"]), (&json!(1), &json!("local:101/base-101-disk-0.raw,size=1G")));
    let again = bed.refusal("POST", convert, &[]).await;
    assert_eq!(again, (500, "you can't convert a template to a template".to_owned()));
    let start = run(&bed, "POST", "/nodes/pve1/qemu/101/status/start", &[]).await;
    assert_eq!(start, "you can't start a vm if it's a template");
    // Somebody's disk is a linked clone of it.
    let clone = "local:101/base-101-disk-0.raw/100/vm-100-disk-9.qcow2,size=1G";
    bed.world.with(|cluster| cluster.guests.get_mut(100).unwrap().config.values.insert("scsi9".into(), clone.into()));
    let destroyed = run(&bed, "DELETE", "/nodes/pve1/qemu/101", &[]).await;
    assert_eq!(destroyed, "base volume 'local:101/base-101-disk-0.raw' is still in use by linked cloned");
}

#[tokio::test]
async fn a_backup_is_listed_noted_protected_read_and_pruned() {
    let bed = bed();
    let dump = async |more: &[(&str, &str)]| {
        let params: Vec<_> =
            [("vmid", "100"), ("storage", "local"), ("compress", "zstd")].iter().chain(more).copied().collect();
        run(&bed, "POST", "/nodes/pve1/vzdump", &params).await
    };
    assert_eq!(dump(&[("notes-template", "{{vmid}} on {{node}}"), ("protected", "1")]).await, "OK");
    let list = async || bed.ok("GET", "/nodes/pve1/storage/local/content", &[("content", "backup")]).await;
    let first = list().await[0].clone();
    assert_eq!((&first["notes"], &first["protected"], &first["vmid"]), (&json!("100 on pve1"), &json!(1), &json!(100)));
    assert_eq!((&first["format"], &first["subtype"]), (&json!("vma.zst"), &json!("qemu")));
    let volid = first["volid"].as_str().unwrap().to_owned();
    let text = bed.ok("GET", "/nodes/pve1/vzdump/extractconfig", &[("volume", &volid)]).await;
    assert!(text.as_str().unwrap().contains("memory: 512\n"), "{text}");
    let path = format!("/nodes/pve1/storage/local/content/{}", volid);
    assert!(run(&bed, "DELETE", &path, &[]).await.starts_with("cannot remove protected volume"));
    bed.ok("PUT", &path, &[("protected", "0")]).await;
    for _ in 0..3 {
        bed.pass(60);
        assert_eq!(dump(&[("prune-backups", "keep-last=2")]).await, "OK");
    }
    assert_eq!(list().await.as_array().unwrap().len(), 2);
    assert_eq!(bed.ok("GET", "/nodes/pve1/qemu/100/config", &[]).await["lock"], Value::Null);
}

#[tokio::test]
async fn a_node_backs_up_its_own_and_says_ok_where_there_is_none() {
    let bed = bed();
    assert_eq!(bed.ok("POST", "/nodes/pve1/vzdump", &[("vmid", "102")]).await, "OK");
    assert_eq!(run(&bed, "POST", "/nodes/pve1/vzdump", &[("vmid", "100,999")]).await, "job errors");
    let of_all = bed.ok("POST", "/nodes/pve1/vzdump", &[("all", "1"), ("exclude", "100")]).await;
    assert!(of_all.as_str().unwrap().contains(":vzdump:101:"), "{of_all}");
}

#[tokio::test]
async fn a_full_storage_takes_no_more() {
    let shape = "{storages: [{storage: local, type: dir, path: /var/lib/vz, content: [images, iso]}, {storage: tight, \
                 type: dir, path: /srv/tight, size: 100M, content: [backup]}, {storage: thick, type: lvm, vgname: thick, \
                 size: 3G, content: [images]}, {storage: tank, type: zfspool, pool: rpool/data, size: 3G, content: [images]}], \
                 guests: [{vmid: 100, node: pve1, config: {scsi0: 'thick:2'}}, {vmid: 101, node: pve1, running: true, \
                 config: {net0: 'virtio,bridge=vmbr0'}}]}";
    let bed = Bed::new(Shape::from_yaml(shape).unwrap());
    let refused = run(&bed, "PUT", "/nodes/pve1/qemu/100/resize", &[("disk", "scsi0"), ("size", "+2G")]).await;
    assert_eq!(refused, "error resizing volume '/dev/thick/vm-100-disk-0': insufficient free space");
    assert_eq!(run(&bed, "PUT", "/nodes/pve1/qemu/100/resize", &[("disk", "scsi0"), ("size", "+512M")]).await, "OK");
    for (storage, said) in [("thick", "insufficient free space"), ("tank", "out of space")] {
        let disk = format!("{storage}:4");
        let refused = run(&bed, "POST", "/nodes/pve1/qemu", &[("vmid", "102"), ("scsi0", &disk)]).await;
        assert!(refused.contains(said), "{refused}");
    }
    let dump = [("vmid", "100"), ("storage", "tight")];
    let task = bed.ok("POST", "/nodes/pve1/vzdump", &dump).await;
    assert_eq!(bed.task(&task), "job errors");
    assert!(bed.log(&task).iter().any(|line| line.ends_with("No space left on device")), "{:?}", bed.log(&task));
    let kept = bed.ok("GET", "/nodes/pve1/storage/tight/content", &[]).await;
    assert_eq!(kept, json!([]), "no half archive stays");
    assert!(bed.ok("GET", "/nodes/pve1/qemu/100/config", &[]).await["lock"].is_null());
}

#[tokio::test]
async fn a_guest_on_a_bridge_that_is_not_there_does_not_start() {
    let bed = bed();
    bed.ok("PUT", "/nodes/pve1/qemu/100/config", &[("net0", "virtio,bridge=vmbr9")]).await;
    let said = run(&bed, "POST", "/nodes/pve1/qemu/100/status/start", &[]).await;
    assert!(said.contains("bridge 'vmbr9' does not exist"), "{said}");
    assert_eq!(bed.ok("GET", "/nodes/pve1/qemu/100/status/current", &[]).await["status"], "stopped");
    bed.ok("PUT", "/nodes/pve1/qemu/100/config", &[("net0", "virtio,bridge=vmbr0")]).await;
    assert_eq!(run(&bed, "POST", "/nodes/pve1/qemu/100/status/start", &[]).await, "OK");
}

#[tokio::test]
async fn a_backup_of_a_container_comes_back_as_it_was() {
    let shape = "{guests: [{vmid: 300, node: pve1, container: true, config: {hostname: ct, memory: '256', rootfs: 'local-lvm:2'}}]}";
    let bed = Bed::new(Shape::from_yaml(shape).unwrap());
    assert_eq!(run(&bed, "POST", "/nodes/pve1/vzdump", &[("vmid", "300"), ("storage", "local")]).await, "OK");
    let list = bed.ok("GET", "/nodes/pve1/storage/local/content", &[("content", "backup")]).await;
    let volid = list[0]["volid"].as_str().unwrap().to_owned();
    let back =
        [("vmid", "300"), ("ostemplate", volid.as_str()), ("storage", "local-lvm"), ("restore", "1"), ("force", "1")];
    assert_eq!(run(&bed, "POST", "/nodes/pve1/lxc", &back).await, "OK");
    let made = bed.ok("GET", "/nodes/pve1/lxc/300/config", &[]).await;
    assert_eq!((&made["hostname"], &made["memory"], &made["lock"]), (&json!("ct"), &json!(256), &Value::Null));
    assert_eq!(made["rootfs"], "local-lvm:vm-300-disk-1,size=2G", "the old volume goes when the new one is there");
    // One that is not there takes nothing away.
    let gone = [
        ("vmid", "300"),
        ("ostemplate", "local:backup/vzdump-lxc-300-2020_01_01-00_00_00.tar"),
        ("storage", "local-lvm"),
        ("restore", "1"),
        ("force", "1"),
    ];
    assert!(run(&bed, "POST", "/nodes/pve1/lxc", &gone).await.ends_with("does not exist"));
    assert_eq!(bed.ok("GET", "/nodes/pve1/lxc/300/config", &[]).await["hostname"], "ct");
}
