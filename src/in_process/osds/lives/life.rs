//! What becomes of an OSD from its creation to its end, and which one it is.

use acceptance_tests::given::osd;
use serde_json::json;

use super::{attributes, disks};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_osd_lives_from_a_free_partition_to_a_free_partition() {
    let mut work = disks().await;
    let site = work.site.clone();
    let before = site.state();
    let device = "serial = \"PARTS\"\npartition = 2";
    work.write(&osd(device, "crush_device_class = \"fast\""));
    work.apply().await.succeeded();
    assert!(work.plan().await.is_empty());
    let made = attributes(&work);
    assert_eq!((&made["osd_id"], &made["ready"], &made["encrypted"]), (&json!(1), &json!(true), &json!(false)));
    assert_eq!(made["osd_fsid"].as_str().map(str::len), Some(36));

    work.write(&osd(device, "crush_device_class = \"faster\""));
    assert_eq!(work.plan().await.actions("pve_ceph_osd.o"), ["update"]);
    work.apply().await.succeeded();
    assert!(work.plan().await.is_empty());
    assert_eq!(attributes(&work)["crush_device_class"], "faster");

    // Other words for the same disk, and what is never sent.
    site.forget_requests();
    work.write(&osd("path = \"/dev/sdd2\"", "crush_device_class = \"faster\"\nforce = true"));
    let reworded = work.apply().await.succeeded();
    assert_eq!(reworded.actions("pve_ceph_osd.o"), ["update"]);
    assert!(!reworded.says("Warning:"), "{}", reworded.told());
    assert!(work.plan().await.is_empty() && site.mutations().is_empty());
    assert_eq!(attributes(&work)["device"]["path"], "/dev/sdd2");

    work.destroy().await.succeeded();
    assert_eq!(site.state(), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_imported_osd_plans_nothing() {
    let mut work = disks().await;
    let site = work.site.clone();
    work.write(&osd("serial = \"TAKEN\"", "").replace("allow_destroy = true\n", ""));
    work.import("pve_ceph_osd.o", "0").await.succeeded();
    assert!(work.plan().await.is_empty());
    let found = attributes(&work);
    assert_eq!((&found["node"], &found["device"]["serial"]), (&json!("pve1"), &json!("TAKEN")));
    assert!(found["osd_fsid"].is_string());
    assert!(site.mutations().is_empty());

    // Where it lies is asked for when something about that changes, and not before.
    site.forget_requests();
    assert!(work.plan().await.is_empty());
    for seen in site.requests() {
        let dear = ["/disks/list", "/lv-info", "/metadata"].iter().any(|end| seen.path.ends_with(end));
        assert!(!dear, "{} {}", seen.method, seen.path);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_disk_is_another_osd_and_where_it_lies_is_told() {
    let mut work = disks().await;
    let site = work.site.clone();
    work.write(&osd("serial = \"FREE1\"", ""));
    work.apply().await.succeeded();
    site.forget_requests();
    let (lies, words) = ("osd.1 lies on /dev/sdb of pve1", "device = { serial = \"FREE1\" }");
    let (other, elsewhere) = (osd("serial = \"EXT4\"", "wipe_if = [\"ext4\"]"), osd("serial = \"FREE1\"", ""));
    let elsewhere = elsewhere.replace("\"pve1\"", "\"pve2\"").replace("FREE1", "FREE2");
    for text in [&other, &elsewhere] {
        work.write(text);
        let plan = work.plan().await;
        assert_eq!(plan.actions("pve_ceph_osd.o"), ["delete", "create"]);
        assert!(plan.says(lies) && plan.says(words), "{}", plan.told());
    }
    work.write(&osd("serial = \"NONE\"", ""));
    work.try_plan().await.failed("A disk with serial number NONE does not exist on pve1");
    assert!(site.mutations().is_empty());

    // The way to a bigger disk.
    work.write(&other);
    let output = work.apply().await.succeeded();
    assert!(output.says("Disks are erased for OSDs"), "{}", output.told());
    assert!(work.plan().await.is_empty());

    // Under the wrong key, nothing is planned silently.
    work.forget("pve_ceph_osd.o");
    site.forget_requests();
    work.write(&osd("serial = \"FREE1\"", "").replace("allow_destroy = true\n", ""));
    work.import("pve_ceph_osd.o", "0").await.succeeded();
    let output = work.try_plan().await.failed("OSDs are protected");
    assert!(output.says("osd.0 lies on /dev/sdi of pve1"), "{}", output.told());
    assert!(site.mutations().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_osd_is_taken_out_and_brought_in_as_it_is_said() {
    let mut work = disks().await;
    let site = work.site.clone();
    let device = "path = \"/dev/sdb\"";
    let sent = || {
        let asked = site.sent();
        site.forget_requests();
        asked
    };
    work.write(&osd(device, "in = false"));
    work.apply().await.succeeded();
    assert!(work.plan().await.is_empty() && attributes(&work)["in"] == false && attributes(&work)["ready"] == true);
    site.forget_requests();
    work.write(&osd(device, ""));
    let output = work.try_plan().await.succeeded();
    assert!(output.says("OSDs are given no data") && output.says("osd.1 runs and is out"), "{}", output.told());
    work.write(&osd(device, "in = true"));
    work.apply().await.succeeded();
    assert_eq!(sent(), ["POST /nodes/localhost/ceph/osd/1/in"]);
    work.write(&osd(device, ""));
    assert!(!work.try_plan().await.succeeded().says("Warning:"));
    work.write(&osd(device, "in = false"));
    work.apply().await.succeeded();
    assert_eq!(sent(), ["POST /nodes/localhost/ceph/osd/1/out"]);
}
