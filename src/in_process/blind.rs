//! The whole road, planned by somebody who sees next to nothing of it, and planned while a node is dead.

use pve_sim::shape::{CephStage, GuestShape, Shape};
use serde_json::{Value as Json, json};
use terraform_core::{Config, PlanOptions, State};

use super::lives::{Bench, examples, provider_block, read, serials};

const SECRET: &str = "11111111-2222-3333-4444-555555555555";

/// Everything that there is a deep resource for, applied; and a token that may do nothing but ask for the cluster's status.
async fn applied() -> (Bench, Config) {
    let user = json!({ "userid": "blind@pve", "tokens": [{ "id": "t", "privsep": false, "value": SECRET }] });
    let mut shape = Shape { users: vec![serde_json::from_value(user).unwrap()], ..Shape::default() };
    shape.ceph.stage = CephStage::Monitors;
    shape.guests.push(GuestShape::ready(101, "pve1"));
    let disks: Json = shape.nodes.iter().map(|node| (node.name.clone(), serials(node))).collect();
    let mut bench = Bench::of(shape).await;
    let road = read(&examples().join("ha-vm-on-ceph").join("main.tf"));
    let text = format!("{road}\nresource \"pve_pool\" \"web\" {{\n  poolid = \"web\"\n}}\n");
    let config = Config::from_hcl(&text).unwrap().variable("osd_disks", disks);
    bench.core.apply(&config).await.unwrap_or_else(|said| panic!("{said}"));
    assert_eq!(bench.core.plan(&config).await.unwrap().actions(), []);
    (bench, config)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_token_cannot_see_is_never_planned_anew() {
    let (mut bench, config) = applied().await;
    let mut block = provider_block(&bench.sim);
    (block["username"], block["password"]) = (Json::Null, Json::Null);
    block["api_token"] = format!("blind@pve!t={SECRET}").into();
    bench.core.configure(block);
    let all = std::mem::take(&mut bench.core.state);
    assert!(all.instances.len() > 10);
    // One at a time: an error of one would keep the others from being looked at.
    for (address, one) in &all.instances {
        bench.core.state = State { instances: [(address.clone(), one.clone())].into(), ..State::default() };
        let options = PlanOptions { refresh_only: true, ..PlanOptions::default() };
        // It is told why, as an error or as a warning.
        let told = match bench.core.plan_with(&Config::new(), &options).await {
            Err(said) => said.errors,
            Ok(plan) => {
                assert!(plan.refreshed.instances.contains_key(address), "{address} is forgotten");
                plan.warnings
            }
        };
        let says = |word| told.iter().any(|one| one.to_string().contains(word));
        assert!(says("lacks") || says("may not see"), "{address}: {told:?}");
    }
    // And whoever plans all of it makes nothing anew.
    bench.core.state = all;
    if let Ok(plan) = bench.core.plan(&config).await {
        assert_eq!(plan.actions(), []);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_dead_while_planning_is_one_warning_and_nothing_planned() {
    let (bench, config) = applied().await;
    bench.sim.world.control("POST", "/nodes/pve1/power", &json!({ "on": false })).unwrap();
    let written = bench.writes();
    let plan = bench.core.plan(&config).await.unwrap_or_else(|said| panic!("{said}"));
    assert!(plan.is_empty(), "{:?}", plan.actions());
    assert!(plan.warnings.len() == 1 && plan.warnings[0].summary.contains("pve1"), "{:?}", plan.warnings);
    assert_eq!(bench.writes(), written);
}
