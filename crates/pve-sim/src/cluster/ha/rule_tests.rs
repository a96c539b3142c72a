//! Rules and maintenance in the whole cluster, seen through its API, with simulated times.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::life_tests::power;
use crate::bed::Bed;
use crate::shape::{GuestShape, Shape};

/// Three nodes; VMs 100 and 101 on the first two, under HA.
async fn bed() -> Bed {
    let guest = |vmid: u32, node: &str| GuestShape {
        container: false,
        vmid,
        node: node.into(),
        name: None,
        running: false,
        refuses_unplug: false,
        config: BTreeMap::from([("ostype".to_owned(), json!("l26"))]),
    };
    let bed = Bed::new(Shape { guests: vec![guest(100, "pve1"), guest(101, "pve2")], ..Shape::default() });
    for sid in ["vm:100", "vm:101"] {
        bed.ok("POST", "/cluster/ha/resources", &[("sid", sid)]).await;
    }
    bed.pass(60);
    bed
}

async fn rule(bed: &Bed, params: &[(&str, &str)]) {
    bed.ok("POST", "/cluster/ha/rules", params).await;
}

/// Where a guest is, and what HA says of it.
fn at(bed: &Bed, vmid: u32) -> (String, &'static str) {
    bed.world.with(|cluster| {
        let service = &cluster.ha.crm.services[&super::Sid::vm(vmid)];
        (service.node.clone(), service.state.name())
    })
}

fn on(node: &str) -> (String, &'static str) {
    (node.to_owned(), "started")
}

#[tokio::test]
async fn a_guest_goes_to_the_best_node_of_its_rule_and_back_when_that_returns() {
    let bed = bed().await;
    rule(&bed, &[("rule", "r1"), ("type", "node-affinity"), ("resources", "vm:100"), ("nodes", "pve3:2,pve2:1")]).await;
    bed.pass(60);
    assert_eq!(at(&bed, 100), on("pve3"));
    power(&bed, "pve3", false);
    bed.pass(300);
    assert_eq!(at(&bed, 100), on("pve2"), "the next best");
    power(&bed, "pve3", true);
    bed.pass(120);
    assert_eq!(at(&bed, 100), on("pve3"), "failback");
    // The other one has no rule, and stays where it is.
    assert_eq!(at(&bed, 101), on("pve2"));
}

#[tokio::test]
async fn without_a_node_a_strict_rule_waits_and_another_does_not() {
    for (strict, end) in [("1", ("pve1".to_owned(), "recovery")), ("0", on("pve3"))] {
        let bed = bed().await;
        let nodes = [("nodes", "pve1"), ("strict", strict)];
        rule(&bed, &[&[("rule", "r1"), ("type", "node-affinity"), ("resources", "vm:100")][..], &nodes].concat()).await;
        bed.pass(30);
        power(&bed, "pve1", false);
        bed.pass(400);
        assert_eq!(at(&bed, 100), end, "strict {strict}");
    }
}

#[tokio::test]
async fn guests_keep_apart_and_together() {
    let bed = bed().await;
    let of = |affinity: &'static str| {
        [("rule", "r1"), ("type", "resource-affinity"), ("resources", "vm:100,vm:101"), ("affinity", affinity)]
    };
    rule(&bed, &of("negative")).await;
    power(&bed, "pve1", false);
    bed.pass(400);
    assert_eq!((at(&bed, 100), at(&bed, 101)), (on("pve3"), on("pve2")), "not beside the other one");
    power(&bed, "pve1", true);
    bed.pass(120);
    // Onto the node of the other it is not moved.
    let path = "/cluster/ha/resources/vm:100/migrate";
    let answer = bed.ok("POST", path, &[("node", "pve2")]).await;
    assert_eq!(answer["blocking-resources"], json!([{ "sid": "vm:101", "cause": "resource-affinity" }]));
    bed.pass(60);
    assert_eq!(at(&bed, 100), on("pve3"));

    bed.ok("DELETE", "/cluster/ha/rules/r1", &[]).await;
    rule(&bed, &of("positive")).await;
    bed.pass(60);
    assert_eq!(at(&bed, 100).0, at(&bed, 101).0, "together");
    let answer = bed.ok("POST", path, &[("node", "pve1")]).await;
    assert_eq!(answer["comigrated-resources"], json!(["vm:101"]));
    bed.pass(60);
    assert_eq!((at(&bed, 100), at(&bed, 101)), (on("pve1"), on("pve1")));
}

#[tokio::test]
async fn guests_leave_a_node_for_its_maintenance_and_come_back() {
    let bed = bed().await;
    bed.world.with(|cluster| cluster.ask_for_maintenance("pve2", "pve1", true)).unwrap();
    bed.pass(60);
    let (away, state) = at(&bed, 100);
    assert!(away != "pve1" && state == "started", "{away} {state}");
    let status = bed.ok("GET", "/cluster/ha/status/manager_status", &[]).await;
    let status = &status["manager_status"];
    assert_eq!(status["node_status"]["pve1"], "maintenance");
    assert_eq!(status["service_status"]["vm:100"]["maintenance_node"], "pve1");
    let current = bed.ok("GET", "/cluster/ha/status/current", &[]).await;
    let lrm = |entry: &&Value| entry["id"] == "lrm:pve1";
    let lrm = current.as_array().unwrap().iter().find(lrm).unwrap().clone();
    assert!(lrm["status"].as_str().unwrap().starts_with("pve1 (maintenance mode, "), "{lrm}");

    // Rebooted meanwhile, it is in maintenance still.
    power(&bed, "pve1", false);
    bed.pass(200);
    power(&bed, "pve1", true);
    bed.pass(30);
    assert_ne!(at(&bed, 100).0, "pve1");
    bed.world.with(|cluster| cluster.ask_for_maintenance("pve2", "pve1", false)).unwrap();
    bed.pass(60);
    assert_eq!(at(&bed, 100), on("pve1"));
    let refused = bed.world.with(|cluster| cluster.ask_for_maintenance("pve2", "pve9", true));
    assert_eq!(refused, Err("node 'pve9' does not exist".to_owned()));
}
