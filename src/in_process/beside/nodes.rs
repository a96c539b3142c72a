//! `pve_node_maintenance` and `pve_node_power`: nodes are emptied, rebooted and filled again, one after the other.

use pve_sim::Options;
use pve_sim::shape::{CephStage, GuestShape, Shape};
use serde_json::{Value as Json, json};

use super::super::work::Work;
use super::{done, refused};

const HA: &str = "resource \"pve_ha_resource\" \"vm\" {\n  sid = \"vm:101\"\n  allow_local = true\n}\n";

/// A cluster with Ceph on all nodes, and a guest on pve1.
async fn with_ceph(guest: Option<&str>) -> Work {
    let mut shape = Shape::default();
    shape.ceph.stage = CephStage::Ready;
    shape
        .guests
        .push(GuestShape { config: [("ostype".to_owned(), json!("l26"))].into(), ..GuestShape::ready(101, "pve1") });
    let mut work = Work::with(Options { shape, factor: 600.0, ..Options::default() }).await;
    if let Some(text) = guest {
        work.write(text);
        work.apply().await.succeeded();
        work.site.advance(60);
    }
    work.site.forget_requests();
    work
}

fn node_of(work: &Work) -> String {
    work.bench.sim.world.with(|cluster| cluster.guests.get(101).unwrap().node.clone())
}

fn maintenance(operation: &str) -> Json {
    json!({ "node": "pve1", "operation": operation })
}

/// Whether the OSDs of pve1 are kept from being marked out.
fn noout(work: &Work) -> bool {
    work.bench.sim.world.with(|cluster| cluster.ceph.bucket_flags.contains_key("pve1"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guests_leave_a_node_and_come_back_and_its_osds_stay_in_meanwhile() {
    let work = with_ceph(Some(HA)).await;
    assert_eq!(node_of(&work), "pve1");
    let begun = done(&work, "node_maintenance", maintenance("begin")).await;
    assert!(begun.progress.iter().any(|line| line.contains("are kept in (noout)")), "{:?}", begun.progress);
    assert!(begun.progress.last().unwrap().contains("all guests under HA have left"), "{:?}", begun.progress);
    assert_ne!(node_of(&work), "pve1");
    assert!(noout(&work));
    assert!(work.plan().await.is_empty(), "a guest that left plans nothing");
    // Once more is no harm.
    let again = done(&work, "node_maintenance", maintenance("begin")).await;
    assert!(again.progress.iter().any(|line| line.contains("in maintenance already")), "{:?}", again.progress);

    let ended = done(&work, "node_maintenance", maintenance("end")).await;
    assert!(ended.progress.last().unwrap().contains("its guests are where they were"), "{:?}", ended.progress);
    assert_eq!(node_of(&work), "pve1");
    assert!(!noout(&work));
    assert!(work.plan().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_under_ha_stays_and_is_named_and_the_flag_is_left_alone_where_told() {
    let work = with_ceph(None).await;
    let mut config = maintenance("begin");
    config["noout"] = false.into();
    let begun = done(&work, "node_maintenance", config).await;
    assert!(begun.said.warnings.iter().any(|said| said.detail.contains("101")), "{}", begun.said);
    assert!(!noout(&work));
    let config = json!({ "node": "pve9", "operation": "begin" });
    refused(&work, "node_maintenance", config, "The cluster has no node \"pve9\"").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_the_cluster_cannot_do_without_is_not_taken_away() {
    let work = with_ceph(Some(HA)).await;
    work.site.power("pve3", false);
    work.site.advance(60);
    work.site.forget_requests();
    refused(&work, "node_maintenance", maintenance("begin"), "which is no majority").await;
    assert!(!noout(&work));
    assert_eq!(node_of(&work), "pve1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_are_rebooted_one_after_the_other() {
    let work = with_ceph(None).await;
    let config = json!({ "nodes": ["pve2", "pve3"], "operation": "reboot" });
    let invoked = done(&work, "node_power", config).await;
    assert_eq!(invoked.progress, ["pve2: reboot", "pve2 is back", "pve3: reboot", "pve3 is back"]);
    let sent: Vec<String> = work.site.sent().into_iter().filter(|sent| sent.contains("/status")).collect();
    assert_eq!(sent, ["POST /nodes/pve2/status", "POST /nodes/pve3/status"]);

    work.site.forget_requests();
    refused(&work, "node_power", json!({ "nodes": ["pve1", "pve9"], "operation": "reboot" }), "no node \"pve9\"").await;
    refused(&work, "node_power", json!({ "nodes": ["pve1", "pve1"], "operation": "reboot" }), "named twice").await;
    assert!(work.site.sent().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_is_shut_down_and_then_no_second_one() {
    let shape = Shape { guests: vec![GuestShape::ready(101, "pve1")], ..Shape::default() };
    let work = Work::with(Options { shape, factor: 600.0, ..Options::default() }).await;
    let off = |node: &str| json!({ "nodes": [node], "operation": "shutdown" });
    let invoked = done(&work, "node_power", off("pve3")).await;
    assert_eq!(invoked.progress, ["pve3: shutdown", "pve3 is off"]);
    assert_eq!(done(&work, "node_power", off("pve3")).await.progress, ["pve3 is off already"]);
}
