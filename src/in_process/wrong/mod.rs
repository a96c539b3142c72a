//! Bad input: what is said, which attribute it points at, which cure it offers, and that nothing was written. How Terraform
//! shows it is in the acceptance tests, on a few of these rows.

mod rows;

use pve_sim::shape::{CephStage, GuestShape, NodeShape, Shape, Size};
use serde_json::Value as Json;
use terraform_core::{Config, Step};
use tokio::task::JoinSet;

use self::rows::{ROWS, Row};
use super::lives::{Bench, provider_block};

/// The cluster of a row.
fn shape(text: &str) -> Shape {
    if let Some(yaml) = text.strip_prefix("yaml:") {
        return Shape::from_yaml(yaml).unwrap();
    }
    let mut shape = Shape::default();
    for part in text.split(", ") {
        match part {
            "one node" => shape.nodes = vec![NodeShape::numbered(1, 2, Size(64 << 30))],
            "ceph none" => shape.ceph.stage = CephStage::None,
            "ceph installed" => shape.ceph.stage = CephStage::Installed,
            "ceph monitors" => shape.ceph.stage = CephStage::Monitors,
            "ceph ready" => shape.ceph.stage = CephStage::Ready,
            "guest 101" => shape.guests.push(GuestShape::ready(101, "pve1")),
            other => panic!("no cluster: {other}"),
        }
    }
    shape
}

async fn check(row: &Row) {
    let name = row.name;
    let mut bench = Bench::of(shape(row.cluster)).await;
    let mut block = provider_block(&bench.sim);
    let otherwise: Json = serde_json::from_str(row.provider).unwrap();
    block.as_object_mut().unwrap().extend(otherwise.as_object().unwrap().clone());
    bench.core.configure(block);
    for node in row.off {
        bench.sim.world.control("POST", &format!("/nodes/{node}/power"), &serde_json::json!({ "on": false })).unwrap();
    }
    if !row.fault.is_empty() {
        bench.sim.world.control("POST", "/faults", &serde_json::from_str(row.fault).unwrap()).unwrap();
    }
    let config = Config::from_hcl(row.hcl).unwrap();
    let Err(said) = bench.core.apply(&config).await else { panic!("{name}: it should have failed") };
    let error = said.errors.iter().find(|error| error.summary.contains(row.summary));
    let error = error.unwrap_or_else(|| panic!("{name}: no error says {:?}: {said}", row.summary));
    assert!(error.detail.contains(row.cure), "{name}: its detail has no word of {:?}: {error}", row.cure);
    if !row.attribute.is_empty() {
        let at = error.path.0.first();
        assert_eq!(at, Some(&Step::Attribute(row.attribute.to_owned())), "{name}: {error}");
    }
    assert!(row.written || bench.writes().is_empty(), "{name}: something was written: {:?}", bench.writes());
    assert!(bench.core.state.instances.values().all(|kept| !kept.tainted), "{name}: something is tainted");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_wrong_is_told_with_its_cure_and_nothing_is_written() {
    let all: JoinSet<()> = ROWS.iter().map(check).collect();
    all.join_all().await;
}

/// Tries these configurations, one after the other; of each the errors say two things.
async fn each_is_told(bench: &mut Bench, rows: &[(String, &str, &str)]) {
    for (text, summary, cure) in rows {
        let config = Config::from_hcl(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let Err(said) = bench.core.apply(&config).await else { panic!("it should have failed: {text}") };
        let told = said.to_string();
        assert!(told.contains(summary) && told.contains(cure), "no word of {summary:?} or {cure:?}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_a_machine_is_said_before_anything_is_written() {
    let mut bench = Bench::of(shape("guest 101")).await;
    let vm = |text: &str| format!("resource \"pve_vm\" \"web\" {{\nallow_destroy = true\n{text}\n}}\n");
    let disk = |text: &str| vm(&format!("disks = {{ {text} }}"));
    let rows = [
        (vm("vmid = 101"), "vm:101 on pve1 exists already", "id = \"101\""),
        (vm("node = \"nope\""), "The cluster has no node \"nope\"", "pve1, pve2, pve3"),
        (vm("vmid = 99"), "vmid", "100"),
        (vm("name = \"a b\""), "name", "DNS name"),
        (vm("tags = [\"a b\"]"), "tags", "must begin with"),
        (disk("scsi31 = { size = \"1G\", storage = \"local-lvm\" }"), "No interface for a disk", "scsi0-30"),
        (disk("scsi0 = { storage = \"local-lvm\" }"), "New disk scsi0 needs a size", "32G"),
        (disk("scsi0 = { size = \"1G\" }"), "New disk scsi0 needs a storage", "initial_storage"),
        (disk("scsi0 = { size = \"1G\", storage = \"nope\" }"), "Storage \"nope\" does not exist", "local-lvm"),
        (disk("scsi0 = { size = \"1G\", storage = \"local\" }"), "Storage \"local\" cannot hold disks", "local-lvm"),
        (disk("virtio0 = { size = \"1G\", storage = \"local-lvm\", ssd = true }"), "A virtio disk", "scsi"),
        (vm("networks = { eth0 = { bridge = \"vmbr0\" } }"), "No network card", "net31"),
        (vm("networks = { net0 = { model = \"fast\" } }"), "must be one of", "virtio"),
        (vm("cloud_init = { storage = \"nope\" }"), "Storage \"nope\" does not exist", "local-lvm"),
        (vm("cloud_init = { ip_config = { eth0 = { ip = \"dhcp\" } } }"), "No network card", "net31"),
    ];
    each_is_told(&mut bench, &rows).await;
    assert_eq!(bench.writes(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_a_move_is_said_before_anything_is_written() {
    const STORAGE: &str = "resource \"pve_ceph_pool\" \"vm\" {\nname = \"vm\"\nallow_destroy = true\n}\n\
        resource \"pve_storage_rbd\" \"vm\" {\nstorage = \"ceph-vm\"\npool = pve_ceph_pool.vm.name\n}\n";
    let mut bench = Bench::with_ceph().await;
    bench.core.apply(&Config::from_hcl(STORAGE).unwrap()).await.unwrap();
    let before = bench.writes();
    let moved = |more: &str| {
        format!(
            "{STORAGE}\nresource \"pve_vm_disk_move\" \"disk\" {{\nvmid = 101\ndisk = \"scsi0\"\n\
             storage = pve_storage_rbd.vm.storage\n{more}\n}}\n"
        )
    };
    let with = |from: &str, to: &str| moved("").replace(from, to);
    let owned = "resource \"pve_vm\" \"web\" {\nvmid = 101\n\
        disks = { scsi0 = { size = \"32G\", storage = \"local-lvm\" } }\n}\nimport {\nto = pve_vm.web\nid = \"101\"\n}\n";
    let rows = [
        (with("\"scsi0\"", "\"scsi7\""), "The VM has no disk at scsi7", "scsi0 (local-lvm:"),
        (with("\"scsi0\"", "\"ide2\""), "It is the cloud-init drive", "need not be moved"),
        (with("\"scsi0\"", "\"unused0\""), "does not use", "attach it first"),
        (with("\"scsi0\"", "\"net0\""), "must be a disk of a VM", "scsi0-30"),
        (with("pve_storage_rbd.vm.storage", "\"nope\""), "Storage \"nope\" does not exist", "ceph-vm"),
        (with("vmid = 101", "vmid = 999"), "vm:999 does not exist", "VM.Audit"),
        (moved("bandwidth_limit = \"10\""), "must be at least 1 KiB a second", "10MiB/s"),
        (format!("{}\n{owned}", moved("")), "vm:101 scsi0 is wanted on", "initial_storage"),
    ];
    each_is_told(&mut bench, &rows).await;
    assert_eq!(bench.writes(), before);
}
