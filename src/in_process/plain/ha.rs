//! HA's rules.

use std::time::Duration;

use serde_json::{Value as Json, json};

use super::super::Rig;
use super::{life, merged};
use crate::ha::rule::nodes::HaRuleNodeAffinity;
use crate::ha::rule::together::HaRuleResourceAffinity;

/// Guests that HA knows and leaves alone, and a manager that has seen the nodes.
pub(in super::super) async fn managed() -> Rig {
    let rig = Rig::of(
        "guests: [{vmid: 141, node: pve1}, {vmid: 142, node: pve2}, {vmid: 143, node: pve3}, {vmid: 144, node: pve3}]\n\
         ha: {resources: [{vmid: 141, state: ignored}, {vmid: 142, state: ignored}, {vmid: 143, state: ignored}]}\n",
    )
    .await;
    rig.sim.world.advance(Duration::from_secs(60));
    rig
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rules_on_nodes_live() {
    let rig = managed().await;
    let rule = |more: Json| merged(json!({"rule": "on", "resources": ["vm:141"], "nodes": {"pve1": 0}}), more);
    let whole = json!({
        "resources": ["vm:142", "vm:141"], "nodes": {"pve3": 5, "pve2": 0}, "strict": true, "disable": true, "comment": "c",
    });
    let back = json!({"strict": false, "disable": false, "comment": "d"});
    life::<HaRuleNodeAffinity>(&rig, "on", &[rule(json!({})), rule(whole), rule(back), rule(json!({}))]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rules_among_guests_live() {
    let rig = managed().await;
    let base = json!({"rule": "among", "resources": ["vm:141", "vm:142"], "affinity": "negative"});
    let rule = |more: Json| merged(base.clone(), more);
    let whole = json!({
        "resources": ["vm:141", "vm:142", "vm:143"], "affinity": "positive", "disable": true, "comment": "c",
    });
    let back = json!({"disable": false, "comment": "d"});
    life::<HaRuleResourceAffinity>(&rig, "among", &[rule(json!({})), rule(whole), rule(back), rule(json!({}))]).await;
}
