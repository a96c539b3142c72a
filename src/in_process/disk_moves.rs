//! Disks on their way to another storage, and what comes between. What Ctrl-C does to Terraform itself, and two moves that
//! Terraform begins at once, are in the acceptance tests.

use acceptance_tests::Seen;
use acceptance_tests::given::{CEPH_STORAGE, two_disks};
use pve_sim::Options;
use pve_sim::shape::{CephStage, GuestShape, Shape};
use serde_json::json;

use super::work::{Site, Work};

/// 32 GiB take over nine simulated hours, nine minutes of real time: no machine is so slow that a move ends before it is
/// meant to ...
const SLOWLY: u64 = 1 << 20;
/// ... by putting the clock forward.
const LONG_ENOUGH: u64 = 36_000;

fn moved(attributes: &str) -> String {
    format!(
        "{CEPH_STORAGE}\nresource \"pve_vm_disk_move\" \"disk\" {{\nvmid = 101\ndisk = \"scsi0\"\n\
         storage = pve_storage_rbd.vm.storage\n{attributes}\n}}\n"
    )
}

/// A cluster with Ceph, its storage, and a running guest with 32 GiB on local-lvm.
async fn with_storage(bandwidth: Option<u64>) -> Work {
    let mut shape = Shape::default();
    shape.ceph.stage = CephStage::Ready;
    shape.guests.push(GuestShape::ready(101, "pve1"));
    let mut work = Work::with(Options { shape, bandwidth, ..Options::default() }).await;
    work.write(CEPH_STORAGE);
    work.apply().await.succeeded();
    work.site.forget_requests();
    work
}

/// How often a move was begun.
fn moves(site: &Site) -> usize {
    // One that PVE refused, since the configuration had changed meanwhile, is none.
    let begun = |seen: &&Seen| seen.path.ends_with("/move_disk") && seen.status.is_none_or(|status| status < 400);
    site.mutations().iter().filter(begun).count()
}

fn is_on_ceph(site: &Site) -> bool {
    site.state().to_string().contains("ceph-vm:vm-101-disk-")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_move_that_is_left_alone_is_taken_up_again() {
    let mut work = with_storage(Some(SLOWLY)).await;
    let site = work.site.clone();
    let text = moved("delete_source = true\ndetach_after = \"2s\"");
    work.write(&text);
    let output = work.apply().await.succeeded();
    assert!(output.says("vm:101 scsi0 is still moving"), "{}", output.told());
    assert!(output.says("detach_after (2s) is over; the task continues on pve1"), "{}", output.told());
    let made = work.instance("pve_vm_disk_move.disk");
    assert_eq!((&made["attributes"]["ready"], &made["status"]), (&json!(false), &json!(null)));
    assert_eq!(work.plan().await.actions("pve_vm_disk_move.disk"), ["update"]);

    let output = work.apply().await.succeeded();
    assert!(output.says("is still moving"), "{}", output.told());
    assert_eq!(moves(&site), 1, "taken up again, not begun again");

    // It ends while nobody looks: the next plan has nothing to do.
    site.advance(LONG_ENOUGH);
    assert!(work.plan().await.is_empty());
    work.apply().await.succeeded();
    assert_eq!(work.instance("pve_vm_disk_move.disk")["attributes"]["ready"], true);
    assert!(is_on_ceph(&site));
    assert_eq!(moves(&site), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_move_leaves_nothing_and_no_state() {
    let mut work = with_storage(None).await;
    let site = work.site.clone();
    site.fault(&json!({
        "match": {"method": "POST", "path": "/nodes/*/qemu/*/move_disk"},
        "effect": {"task": "fail", "message": "storage migration failed: no space left"}
    }));
    work.write(&moved(""));
    let output = work.apply().await.failed("Cannot move vm:101 scsi0 to storage \"ceph-vm\"");
    assert!(output.says("no space left"), "{}", output.told());
    assert!(work.instance("pve_vm_disk_move.disk").is_null());
    site.clear_faults();
    work.apply().await.succeeded();
    assert!(work.plan().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_answers_are_settled_by_looking() {
    for when in ["before", "after"] {
        let mut work = with_storage(None).await;
        let site = work.site.clone();
        site.fault(&json!({
            "match": {"method": "POST", "path": "/nodes/*/qemu/*/move_disk"}, "when": when,
            "times": 1, "effect": {"drop": true}
        }));
        work.write(&moved(""));
        let output = work.apply().await;
        if !output.ok {
            assert!(output.says("nothing was written"), "{when}: {}", output.told());
            assert!(work.instance("pve_vm_disk_move.disk").is_null());
            work.apply().await.succeeded();
        }
        assert!(work.plan().await.is_empty(), "{when}");
        assert!(!site.state().to_string().contains("unused1"), "moved once only");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_disk_on_its_way_is_waited_for_or_named() {
    let mut work = with_storage(Some(SLOWLY)).await;
    let site = work.site.clone();
    work.write(&two_disks("none", "detach_after = \"1s\""));
    work.apply().await.succeeded();
    work.write(&two_disks("timeouts = { create = \"2s\" }", "detach_after = \"1s\""));
    let output = work.apply().await.failed("Cannot move vm:102 scsi0");
    assert!(output.says("scsi1 of vm:102 is being moved"), "{}", output.told());
    assert!(work.instance("pve_vm_disk_move.scsi0").is_null());
    assert_eq!(moves(&site), 1);

    // A state that was lost: the move that runs is taken up, not begun again.
    work.forget("pve_vm_disk_move.scsi1");
    work.write(&two_disks("none", "detach_after = \"1s\""));
    let output = work.apply().await.succeeded();
    assert!(output.says("vm:102 scsi1 is still moving"), "{}", output.told());
    assert_eq!(moves(&site), 1);
    site.advance(LONG_ENOUGH);
    work.write(&two_disks("", "delete_source = true"));
    let end = async {
        site.until("the second move has begun", |site| moves(site) == 2).await;
        site.advance(LONG_ENOUGH);
    };
    let (output, ()) = tokio::join!(work.apply(), end);
    output.succeeded();
    assert!(work.plan().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_killed_in_a_move_leaves_the_move_to_be_taken_up() {
    for when in ["before", "after"] {
        let mut work = with_storage(Some(50 << 20)).await;
        let site = work.site.clone();
        work.write(&moved("delete_source = true"));
        site.fault(&json!({
            "match": {"method": "POST", "path": "/nodes/*/qemu/*/move_disk"}, "when": when, "effect": {"hold": true}
        }));
        assert!(!work.apply_until_killed().await.ok);
        site.clear_faults();
        work.apply().await.succeeded();
        assert!(work.plan().await.is_empty(), "{when}");
        let state = site.state().to_string();
        assert!(!state.contains("unused0") && !state.contains("ceph-vm:vm-101-disk-1"), "{when}: moved once");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_death_of_the_node_ends_a_move_and_it_is_begun_again_later() {
    let mut work = with_storage(Some(SLOWLY)).await;
    let site = work.site.clone();
    work.write(&moved(""));
    let death = async {
        site.until("the move has begun", |site| moves(site) == 1).await;
        site.power("pve1", false);
    };
    let (output, ()) = tokio::join!(work.apply(), death);
    assert!(output.says("pve1"), "{}", output.told());
    assert_ne!(work.instance("pve_vm_disk_move.disk")["status"], json!("tainted"));
    site.power("pve1", true);
    site.advance(60);
    let end = async {
        site.until("the move has begun again", |site| moves(site) == 2).await;
        site.advance(LONG_ENOUGH);
    };
    let (output, ()) = tokio::join!(work.apply(), end);
    output.succeeded();
    assert!(work.plan().await.is_empty());
    assert!(is_on_ceph(&site));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_pve_vm_owns_is_taken_up_again_too() {
    let mut work = with_storage(Some(SLOWLY)).await;
    let site = work.site.clone();
    let owned = |storage: &str| {
        format!(
            "{CEPH_STORAGE}\nresource \"pve_vm\" \"web\" {{\nvmid = 101\ndisks = {{ scsi0 = {{ size = \"32G\", storage = \"{storage}\" }} }}\n}}\n"
        )
    };
    work.write(&owned("local-lvm"));
    work.import("pve_vm.web", "101").await.succeeded();
    assert!(work.plan().await.is_empty());
    work.write(&owned("ceph-vm"));
    let interrupt = work.interrupter();
    let user = async {
        site.until("the move has begun", |site| moves(site) == 1).await;
        interrupt();
    };
    let (output, ()) = tokio::join!(work.apply(), user);
    assert!(output.says("vm:101 scsi0 is still moving"), "{}", output.told());
    assert_eq!(work.plan().await.actions("pve_vm.web"), ["update"]);
    site.advance(LONG_ENOUGH);
    work.apply().await.succeeded();
    assert!(work.plan().await.is_empty());
    assert_eq!(moves(&site), 1);
    assert!(is_on_ceph(&site));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_whose_disk_still_moves_is_put_under_ha_by_the_apply_that_finds_it_moved() {
    let mut work = with_storage(Some(SLOWLY)).await;
    let site = work.site.clone();
    let ha = "resource \"pve_ha_resource\" \"guest\" {\nsid = \"vm:101\"\nwait_for_disks = true\n\
              depends_on = [pve_vm_disk_move.disk]\n}\n";
    let text = moved("delete_source = true\ndetach_after = \"2s\"");
    work.write(&format!("{text}{ha}"));
    let output = work.apply().await.succeeded();
    assert!(output.says("vm:101 is put under HA when its disks have moved"), "{}", output.told());
    let promised = work.instance("pve_ha_resource.guest");
    assert_eq!(
        (&promised["attributes"]["ready"], &promised["status"]),
        (&json!(false), &json!(null)),
        "nothing is tainted"
    );
    let asked_ha = |site: &Site| site.sent().iter().filter(|sent| sent.contains("/cluster/ha")).count();
    assert_eq!(asked_ha(&site), 0);
    let planned = work.plan().await;
    assert_eq!(planned.actions("pve_ha_resource.guest"), ["update"], "what is left to do is shown");
    // Still not: nothing fails, and nothing is sent.
    work.apply().await.succeeded();
    assert_eq!(asked_ha(&site), 0);

    site.advance(LONG_ENOUGH);
    work.apply().await.succeeded();
    assert_eq!(work.instance("pve_ha_resource.guest")["attributes"]["ready"], json!(true));
    assert_eq!(site.state()["ha"]["resources"][0]["sid"], "vm:101");
    assert!(work.plan().await.is_empty());
    work.write(&text);
    work.apply().await.succeeded();
    assert_eq!(site.state()["ha"]["resources"], json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_promised_to_ha_goes_without_asking_ha() {
    let mut work = with_storage(Some(SLOWLY)).await;
    let site = work.site.clone();
    let ha = "resource \"pve_ha_resource\" \"guest\" {\nsid = \"vm:101\"\nwait_for_disks = true\n\
              depends_on = [pve_vm_disk_move.disk]\n}\n";
    let text = moved("delete_source = true\ndetach_after = \"2s\"");
    work.write(&format!("{text}{ha}"));
    work.apply().await.succeeded();
    work.write(&text);
    work.apply().await.succeeded();
    assert!(work.instance("pve_ha_resource.guest").is_null());
    assert!(site.sent().iter().all(|sent| !sent.contains("/cluster/ha")), "{:?}", site.sent());
}
