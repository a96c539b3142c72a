//! Guests under HA: what is said before anything is written, what a dead node plans, and what HA itself cannot do. A life with a
//! real Terraform is in the acceptance tests.

use pve_sim::Options;
use pve_sim::shape::{GuestShape, Shape};
use serde_json::Value as Json;

use super::work::{Site, Work};

/// The guest's disk is local, which the configuration insists on.
fn ha(attributes: &str) -> String {
    format!("resource \"pve_ha_resource\" \"vm\" {{\nsid = \"vm:101\"\nallow_local = true\n{attributes}\n}}\n")
}

async fn one_guest(factor: f64) -> Work {
    let shape = Shape { guests: vec![GuestShape::ready(101, "pve1")], ..Shape::default() };
    Work::with(Options { shape, factor, ..Options::default() }).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_that_could_not_be_started_elsewhere_is_refused_with_all_that_is_in_the_way() {
    let mut work = one_guest(60.0).await;
    let site = work.site.clone();
    site.forget_requests();
    work.write(&ha("").replace("allow_local = true", ""));
    let output = work.apply().await.failed("vm:101 cannot be started on another node");
    assert!(output.says("scsi0: the volume local-lvm:"), "{}", output.told());
    assert!(output.says("pve_vm_disk_move") && output.says("allow_local = true"), "{}", output.told());
    assert!(!output.says("cloudinit"), "the cloud-init drive may be local:\n{}", output.told());
    assert!(site.mutations().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_is_said_before_anything_is_written() {
    let mut work = one_guest(60.0).await;
    let site = work.site.clone();
    site.forget_requests();
    for (text, summary, cure) in [
        (ha("").replace("vm:101", "vm:999"), "Guest vm:999 does not exist", "VM.Audit"),
        (ha("").replace("vm:101", "101"), "vm:101", "did you mean"),
        (ha("").replace("vm:101", "qemu/101"), "must be vm:ID or ct:ID", "vm:101"),
        (ha("state = \"running\""), "started", "stopped"),
        (ha("comment = \"a\\nb\""), "one line", "line feeds"),
    ] {
        work.write(&text);
        let output = work.apply().await.failed(summary);
        assert!(output.says(cure), "no word of {cure}:\n{}", output.told());
    }
    assert!(site.mutations().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_under_ha_already_is_not_taken_over_silently() {
    let mut work = one_guest(60.0).await;
    work.write(&ha(""));
    work.apply().await.succeeded();
    // Until a run has seen it in the state, it might be what a killed Terraform never stored.
    assert!(work.plan().await.is_empty());
    work.forget("pve_ha_resource.vm");
    let output = work.apply().await.failed("HA resource vm:101 exists already");
    assert!(output.says("id = \"vm:101\""), "{}", output.told());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_death_of_a_node_plans_nothing() {
    let mut work = one_guest(60.0).await;
    let site = work.site.clone();
    work.write(&ha(""));
    work.apply().await.succeeded();
    site.power("pve1", false);
    assert!(work.plan().await.is_empty());
    site.advance(400);
    assert!(work.plan().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_that_ha_cannot_start_is_taken_out_again_and_the_task_is_quoted() {
    let shape = "guests:\n  - vmid: 101\n    node: pve1\n    running: false\n    config: {memory: \"512\", scsi0: \"local-lvm:4\", \
                 ide2: \"local:iso/missing.iso,media=cdrom\"}\n";
    let mut work = Work::of(shape).await;
    let site = work.site.clone();
    work.write(&ha("max_restart = 0\nmax_relocate = 0"));
    let output = work.apply().await.failed("HA could not start vm:101");
    assert!(output.says("TASK ERROR: volume 'local:iso/missing.iso' does not exist"), "{}", output.told());
    assert!(work.instance("pve_ha_resource.vm").is_null());
    assert_eq!(site.state()["ha"]["resources"], Json::Array(Vec::new()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_that_is_taken_out_is_waited_for_until_ha_has_let_go() {
    // So slow that HA's next round comes only when it is brought about.
    let mut work = one_guest(0.1).await;
    let site = work.site.clone();
    work.write(&ha(""));
    let asked = |site: &Site, method: &str, path: &str| {
        site.requests().iter().position(|seen| seen.method == method && seen.path == path)
    };
    let round = async {
        let put = |site: &Site| asked(site, "POST", "/cluster/ha/resources").is_some();
        site.until("the guest is put under HA", put).await;
        site.advance(60);
    };
    tokio::join!(work.apply(), round).0.succeeded();

    let round = async {
        let looks = |site: &Site| {
            let Some(at) = asked(site, "DELETE", "/cluster/ha/resources/vm:101") else { return false };
            site.requests()[at..].iter().filter(|seen| seen.path == "/cluster/ha/status/current").count() >= 2
        };
        site.until("the provider has looked twice whether HA has let go", looks).await;
        site.advance(60);
    };
    tokio::join!(work.destroy(), round).0.succeeded();
}
