//! HA's rules.

use std::time::Duration;

use serde_json::{Value as Json, json};

use super::super::Rig;
use super::{life, merged};
use crate::ha::group::HaGroup;
use crate::ha::resource::HaResource;
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
async fn groups_of_pve_8_live() {
    let rig = Rig::of("pve: '8.4'\n").await;
    let group = |more: Json| merged(json!({"group": "on", "nodes": {"pve1": 0}}), more);
    let whole = json!({"nodes": {"pve3": 5, "pve2": 0}, "restricted": true, "nofailback": true, "comment": "c"});
    let back = json!({"restricted": false, "nofailback": false, "comment": "d"});
    life::<HaGroup>(&rig, "on", &[group(json!({})), group(whole), group(back), group(json!({}))]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn groups_have_become_rules_on_pve_9_and_the_plan_prints_the_rule() {
    let rig = Rig::of("guests: [{vmid: 141, node: pve1}]\n").await;
    let want = json!({"group": "web", "nodes": {"pve1": 2, "pve2": 0}, "restricted": true});
    let refused = rig.plan::<HaGroup>(None, &want).await.err().unwrap().join("\n");
    for part in [
        "This cluster has no groups of HA",
        "rule      = \"ha-group-web\"",
        "nodes     = { pve1 = 2, pve2 = 0 }",
        "strict    = true",
    ] {
        assert!(refused.contains(part), "no {part}: {refused}");
    }
    let refused =
        rig.plan::<HaResource>(None, &json!({"sid": "vm:141", "group": "web"})).await.err().unwrap().join("\n");
    assert!(refused.contains("leave `group` out"), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_is_put_into_a_group_that_stays_as_long_as_it_is_there() {
    let rig = Rig::of("pve: '8.4'\nguests: [{vmid: 141, node: pve1}]\n").await;
    let want = json!({"sid": "vm:141", "state": "ignored", "group": "web"});
    let told = rig.plan::<HaResource>(None, &want).await.unwrap().warnings;
    assert!(told.iter().any(|told| told.contains("HA group \"web\" does not exist")), "{told:?}");
    let group = rig.bring::<HaGroup>(None, &json!({"group": "web", "nodes": {"pve1": 0}})).await.unwrap().0;
    let other = rig.bring::<HaGroup>(None, &json!({"group": "db", "nodes": {"pve2": 0}})).await.unwrap().0;
    let made = rig.bring::<HaResource>(None, &want).await.unwrap().0;
    rig.configure().await;
    let moved = json!({"sid": "vm:141", "state": "ignored", "group": "db"});
    let refused = rig.destroy(&group).await.err().unwrap().join("\n");
    assert!(refused.contains("In it are: vm:141"), "{refused}");
    rig.configure().await;
    rig.bring::<HaResource>(Some(&made), &moved).await.unwrap();
    rig.configure().await;
    rig.destroy(&group).await.unwrap();
    rig.configure().await;
    rig.destroy(&other).await.err().unwrap();
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
