//! Entries of RBD storages beside the pool that they lead to, and beside each other.

use super::work::Work;

const POOL: &str = r#"
resource "pve_ceph_pool" "vm" {
  name          = "vm"
  allow_destroy = true
}
"#;

fn storage(attributes: &str) -> String {
    format!("{POOL}\nresource \"pve_storage_rbd\" \"vm\" {{\nstorage = \"ceph-vm\"\n{attributes}\n}}\n")
}

async fn ready() -> Work {
    let mut work = Work::of("ceph: {stage: ready}").await;
    work.write(POOL);
    work
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storage_lives_from_its_creation_to_its_end() {
    let mut work = ready().await;
    let site = work.site.clone();
    let before = site.state();
    work.write(&storage("pool = pve_ceph_pool.vm.name"));
    work.apply().await.succeeded();
    assert!(work.plan().await.is_empty());

    let changed = "pool = pve_ceph_pool.vm.name\ncontent = [\"images\"]\nnodes = [\"pve1\", \"pve2\"]\nkrbd = true\ndisable = true";
    work.write(&storage(changed));
    assert_eq!(work.plan().await.actions("pve_storage_rbd.vm"), ["update"]);
    work.apply().await.succeeded();
    assert!(work.plan().await.is_empty());

    // Nodes are all again, the rest is left alone.
    work.write(&storage("pool = pve_ceph_pool.vm.name\ndisable = false"));
    work.apply().await.succeeded();
    let now = work.instance("pve_storage_rbd.vm");
    assert_eq!(now["attributes"]["nodes"], serde_json::Value::Null);
    assert_eq!(now["attributes"]["krbd"], true);
    assert!(work.plan().await.is_empty());

    work.forget("pve_storage_rbd.vm");
    let output = work.apply().await.failed("Storage \"ceph-vm\" exists already");
    assert!(output.says("id = \"ceph-vm\""), "{}", output.told());
    site.forget_requests();
    work.import("pve_storage_rbd.vm", "ceph-vm").await.succeeded();
    assert!(work.plan().await.is_empty());
    assert!(site.mutations().is_empty());

    work.destroy().await.succeeded();
    assert_eq!(site.state(), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_is_said_before_anything_is_written() {
    let mut work = ready().await;
    let site = work.site.clone();
    work.apply().await.succeeded();
    site.forget_requests();
    for (text, summary, cure) in [
        (storage("pool = \"nope\""), "Pool \"nope\" does not exist", "pve_ceph_pool"),
        (storage("pool = \"vm\"\ncontent = [\"iso\"]"), "must be `images` or `rootdir`", "content"),
        (storage("pool = \"vm\"").replace("ceph-vm", "local"), "Storage \"local\" is of type dir", "another id"),
        (storage("pool = \"vm\"").replace("ceph-vm", "1x"), "storage", "letter"),
        (storage("pool = \"vm\"\nnodes = []"), "nodes", "must not be empty"),
    ] {
        work.write(&text);
        let output = work.apply().await.failed(summary);
        assert!(output.says(cure), "no word of {cure}:\n{}", output.told());
    }
    assert!(site.mutations().is_empty(), "{:?}", site.mutations());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_beside_another_one_goes_unless_a_guest_names_it() {
    let mut work = ready().await;
    let second = "resource \"pve_storage_rbd\" \"second\" {\nstorage = \"second\"\npool = pve_ceph_pool.vm.name\n}\n";
    let vm = |storage: &str| {
        let disks = format!("disks = {{ scsi0 = {{ size = \"1G\", storage = \"{storage}\" }} }}");
        let after = "depends_on = [pve_storage_rbd.vm]";
        format!("resource \"pve_vm\" \"one\" {{\nvmid = 120\n{disks}\nallow_destroy = true\n{after}\n}}\n")
    };
    let first = storage("pool = pve_ceph_pool.vm.name");
    work.write(&format!("{first}{second}{}", vm("ceph-vm")));
    work.apply().await.succeeded();
    // The one that is named must stay, and the other one may go.
    work.write(&format!("{POOL}{second}{}", vm("ceph-vm").replace("pve_storage_rbd.vm", "pve_storage_rbd.second")));
    work.apply().await.failed("Guest 120 could not start without it");
    work.write(&format!("{first}{}", vm("ceph-vm")));
    work.apply().await.succeeded();
    assert!(work.plan().await.is_empty());
    // Alone on its pool, it holds whatever lies there.
    work.write(POOL);
    work.forget("pve_vm.one");
    work.apply().await.failed("Their guests could not start without it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_that_is_disabled_or_not_on_every_node_is_no_hindrance() {
    let mut work = ready().await;
    // The provider's first endpoint is pve1.
    for attributes in ["disable = true", "nodes = [\"pve3\"]", "nodes = [\"pve2\"]\nkrbd = true"] {
        let text = storage(&format!("pool = pve_ceph_pool.vm.name\n{attributes}"));
        work.write(&text);
        work.apply().await.succeeded();
        work.write(&text.replace("= \"vm\"", "= \"renamed\""));
        work.apply().await.succeeded();
        assert!(work.plan().await.is_empty(), "{attributes}");
        work.destroy().await.succeeded();
    }
}
