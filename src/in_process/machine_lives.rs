//! Virtual machines as they are found, changed, grown and moved. A life with a real Terraform is in the acceptance tests.

use acceptance_tests::given::{FULL_VM, vm};
use pve_sim::Options;
use pve_sim::shape::{CephStage, GuestShape, Shape};
use serde_json::json;
use terraform_core::Value;

use super::work::Work;

async fn one_guest(factor: f64) -> Work {
    let shape = Shape { guests: vec![GuestShape::ready(101, "pve1")], ..Shape::default() };
    Work::with(Options { shape, factor, ..Options::default() }).await
}

async fn with_ceph() -> Work {
    let mut shape = Shape::default();
    shape.ceph.stage = CephStage::Ready;
    Work::with(Options { shape, ..Options::default() }).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vm_that_the_cluster_has_heard_nothing_of_yet_is_imported_as_it_is() {
    // The nodes tell of their guests every ten seconds, here more than a quarter of an hour.
    let mut work = one_guest(0.01).await;
    let site = work.site.clone();
    work.write(&vm("vmid = 101\nstarted = true"));
    work.import("pve_vm.web", "101").await.succeeded();
    assert_eq!(work.instance("pve_vm.web")["attributes"]["started"], true);
    assert!(work.plan().await.is_empty());
    // Nor later, when all know it.
    site.advance(60);
    assert!(work.plan().await.is_empty());
    site.forget_requests();
    assert!(work.plan().await.is_empty());
    let asked: Vec<String> = site.requests().into_iter().map(|seen| seen.path).collect();
    assert!(!asked.iter().any(|path| path.ends_with("/status/current")), "{asked:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_imported_vm_with_nothing_but_its_number_plans_nothing() {
    let mut work = one_guest(60.0).await;
    let site = work.site.clone();
    let import = "import {\n  to = pve_vm.web\n  id = \"101\"\n}\n";
    work.write(&format!("{}{import}", vm("vmid = 101")));
    site.forget_requests();
    work.apply().await.succeeded();
    assert!(work.plan().await.is_empty());
    assert!(site.mutations().is_empty(), "{:?}", site.mutations());
    let found = work.instance("pve_vm.web");
    assert_eq!(found["attributes"]["started"], true);
    assert_eq!(found["attributes"]["disks"]["scsi0"]["storage"], "local-lvm");
    assert_eq!(found["attributes"]["disks"]["scsi0"]["size"], "32G");
    work.destroy().await.failed("vm:101 is protected");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_are_made_in_place() {
    let mut work = Work::with(Options::default()).await;
    let site = work.site.clone();
    work.write(&vm(FULL_VM));
    work.apply().await.succeeded();

    // A running VM takes memory at its next stop and start.
    work.write(&vm(&FULL_VM.replace("1024", "2048").replace("\"8G\"", "\"10G\"").replace("tag = 20, ", "")));
    assert_eq!(work.plan().await.actions("pve_vm.web"), ["update"]);
    let output = work.apply().await.succeeded();
    assert!(output.says("memory take effect at its next stop and start"), "{}", output.told());
    assert!(work.plan().await.is_empty());
    let now = work.instance("pve_vm.web");
    assert_eq!(now["attributes"]["disks"]["scsi0"]["size"], "10G");
    assert_eq!(now["attributes"]["networks"]["net0"]["tag"], json!(null));

    let smaller = FULL_VM.replace("1024", "2048").replace("\"8G\"", "\"9G\"");
    work.write(&vm(&smaller));
    let output = work.try_plan().await.failed("scsi0 cannot shrink from 10G to 9G");
    assert!(output.says("disks"), "{}", output.told());

    let without = FULL_VM.replace("1024", "2048").replace("\"8G\"", "\"10G\"").replace("tag = 20, ", "");
    let without: String =
        without.lines().filter(|line| !line.contains("scsi1")).map(|line| format!("{line}\n")).collect();
    work.write(&vm(&without.replace("started       = true", "started = false")));
    let output = work.apply().await.succeeded();
    assert!(output.says("A disk will be detached"), "{}", output.told());
    assert!(output.says("stays with the VM as unused0"), "{}", output.told());
    assert!(work.plan().await.is_empty());
    assert_eq!(work.instance("pve_vm.web")["attributes"]["started"], false);

    let protected = without.replace("allow_destroy = true", "");
    work.write(&vm(&protected));
    work.apply().await.succeeded();
    work.destroy().await.failed("vm:131 is protected");
    site.forget_requests();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_data_source_tells_where_a_vm_runs() {
    let mut work = one_guest(60.0).await;
    let site = work.site.clone();
    let lookup = |vmid: u32| {
        format!("data \"pve_vm\" \"it\" {{\nvmid = {vmid}\n}}\noutput \"it\" {{\nvalue = data.pve_vm.it\n}}\n")
    };
    work.write(&lookup(101));
    let found = work.bench.core.plan(&work.config()).await.unwrap().outputs["it"].clone();
    assert_eq!((found.get("node"), found.get("running")), ("pve1".into(), true.into()));
    assert_eq!(found.get("drives.scsi0.size"), 34_359_738_368_i64.into());
    assert_eq!(found.get("drives.scsi0.storage"), "local-lvm".into());
    assert_eq!(found.get("ha_state"), Value::Null);
    work.write(&lookup(999));
    work.apply().await.failed("vm:999 does not exist");
    assert!(site.mutations().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_grows_and_moves_while_a_change_of_it_waits() {
    let mut work = with_ceph().await;
    let site = work.site.clone();
    let config = |size: &str, storage: &str, cache: &str| {
        vm(&format!(
            "vmid = 131\nstarted = true\nallow_destroy = true\ndepends_on = [pve_storage_rbd.vm]\ndisks = {{ scsi0 = \
             {{ size = \"{size}\", storage = \"{storage}\", cache = \"{cache}\" }} }}"
        )) + "resource \"pve_ceph_pool\" \"vm\" {\nname = \"vm\"\n}\nresource \"pve_storage_rbd\" \"vm\" {\n\
              storage = \"ceph-vm\"\npool = pve_ceph_pool.vm.name\n}\n"
    };
    let steps = [
        ("1G", "local-lvm", "none"),
        // A running VM takes that at its next stop.
        ("1G", "local-lvm", "writeback"),
        ("2G", "local-lvm", "writeback"),
        ("2G", "ceph-vm", "writeback"),
    ];
    for (size, storage, cache) in steps {
        work.write(&config(size, storage, cache));
        work.apply().await.succeeded();
        let plan = work.plan().await;
        assert!(plan.is_empty(), "{size} {storage} {cache}: {}", plan.told());
    }
    // What waits names what is there.
    let guest = &site.state()["guests"]["131"];
    assert_eq!(guest["pending"]["scsi0"], "ceph-vm:vm-131-disk-0,cache=writeback,size=2G");
}
