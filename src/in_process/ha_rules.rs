//! HA's rules: contradictions that are told before PVE refuses or drops them, what they do to guests when a node dies, and what
//! they cost.

use acceptance_tests::Seen;
use pve_sim::Options;
use pve_sim::shape::{CephStage, GuestShape, Shape};
use serde_json::{Value as Json, json};
use terraform_core::Config;

use super::lives::{Bench, examples, read};
use super::plain::ha::managed;
use super::work::Work;
use super::{Kept, Rig};
use crate::ha::rule::nodes::HaRuleNodeAffinity;
use crate::ha::rule::together::HaRuleResourceAffinity;

fn on(rule: &str, resources: &[&str], nodes: Json) -> Json {
    json!({ "rule": rule, "resources": resources, "nodes": nodes })
}

fn among(rule: &str, resources: &[&str], affinity: &str) -> Json {
    json!({ "rule": rule, "resources": resources, "affinity": affinity })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_rules_of_one_plan_that_contradict_each_other_are_an_error_that_names_both() {
    let rig = managed().await;
    rig.plan::<HaRuleNodeAffinity>(None, &on("first", &["vm:141"], json!({"pve1": 2, "pve2": 1}))).await.unwrap();
    let told = rig
        .plan::<HaRuleNodeAffinity>(None, &on("second", &["vm:141"], json!({"pve3": 0})))
        .await
        .map(drop)
        .unwrap_err();
    assert!(told[0].contains("HA rule \"second\"") && told[0].contains("vm:141 is in rule \"first\""), "{told:?}");
    let told = rig
        .plan::<HaRuleResourceAffinity>(None, &among("third", &["vm:141", "vm:142"], "negative"))
        .await
        .map(drop)
        .unwrap_err();
    assert!(told[0].contains("rule \"first\" gives the nodes of vm:141 several priorities"), "{told:?}");
    // What is disabled disturbs nobody.
    let mut off = on("fourth", &["vm:141"], json!({"pve3": 0}));
    off["disable"] = true.into();
    rig.plan::<HaRuleNodeAffinity>(None, &off).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_contradicts_a_rule_of_somebody_else_is_told_at_plan_and_refused_before_anything_is_written() {
    let rig = managed().await;
    let (theirs, _): (Kept<HaRuleNodeAffinity>, _) =
        rig.bring(None, &on("theirs", &["vm:141"], json!({"pve1": 0}))).await.unwrap();
    rig.configure().await;
    let planned = rig.plan::<HaRuleNodeAffinity>(None, &on("ours", &["vm:141"], json!({"pve2": 0}))).await.unwrap();
    assert!(planned.warnings[0].contains("vm:141 is in rule \"theirs\""), "{:?}", planned.warnings);
    rig.forget_requests().await;
    let refused = rig.apply(planned).await.map(drop).unwrap_err();
    assert!(refused[0].contains("\"theirs\"") && refused[0].contains("Nothing was written"), "{refused:?}");
    assert!(rig.asked().await.iter().all(|line| line.starts_with("GET ")), "{:?}", rig.asked().await);

    // One that goes with the same plan is in nobody's way.
    rig.configure().await;
    rig.read(&theirs).await.unwrap();
    rig.plan(Some(&theirs), &Json::Null).await.unwrap();
    let planned = rig.plan::<HaRuleNodeAffinity>(None, &on("ours", &["vm:141"], json!({"pve2": 0}))).await.unwrap();
    assert_eq!(planned.warnings, [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_that_pve_would_drop_in_silence_because_of_this_one_is_told() {
    let rig = managed().await;
    // Both keep apart, and each for itself has nodes enough.
    rig.bring::<HaRuleResourceAffinity>(None, &among("apart", &["vm:141", "vm:142"], "negative")).await.unwrap();
    rig.configure().await;
    let planned =
        rig.plan::<HaRuleNodeAffinity>(None, &on("tight", &["vm:141", "vm:142"], json!({"pve1": 0}))).await.unwrap();
    assert!(planned.warnings.iter().any(|told| told.contains("\"apart\"")), "{:?}", planned.warnings);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_rule_names_has_to_be_under_ha_or_to_come() {
    let rig = managed().await;
    let rule = on("named", &["vm:144"], json!({"pve1": 0}));
    let planned = rig.plan::<HaRuleNodeAffinity>(None, &rule).await.unwrap();
    assert!(
        planned.warnings.len() == 1 && planned.warnings[0].contains("vm:144 is not under HA"),
        "{:?}",
        planned.warnings
    );
    let refused = rig.apply(planned).await.map(drop).unwrap_err();
    assert!(refused[0].contains("pve_ha_resource.NAME.sid"), "{refused:?}");
    rig.configure().await;
    rig.plan::<crate::ha::resource::HaResource>(None, &json!({ "sid": "vm:144" })).await.unwrap();
    assert_eq!(rig.plan::<HaRuleNodeAffinity>(None, &rule).await.unwrap().warnings, [""; 0]);
    rig.configure().await;
    let told =
        rig.plan::<HaRuleNodeAffinity>(None, &on("named", &["vm:141"], json!({"pve9": 0}))).await.unwrap().warnings;
    assert!(told[0].contains("has no node \"pve9\"") && told[0].contains("pve1, pve2, pve3"), "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pve_8_has_no_rules() {
    let shape = Shape { guests: vec![GuestShape::ready(101, "pve1")], ..Shape::default() };
    let mut work = Work::with(Options { shape, pve: Some("8.4".to_owned()), ..Options::default() }).await;
    work.write(
        "resource \"pve_ha_rule_node_affinity\" \"r\" {\n  rule = \"rr\"\n  resources = [\"vm:101\"]\n  nodes = { pve1 = 1 }\n}\n",
    );
    let output = work.try_plan().await;
    assert!(output.says("They came with PVE 9"), "{}", output.told());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_machine_on_ceph_and_under_ha_with_affinity_and_its_relocation_plans_nothing() {
    let mut shape = Shape::default();
    shape.ceph.stage = CephStage::Ready;
    shape.guests.push(GuestShape::ready(101, "pve1"));
    let mut bench = Bench::of(shape).await;
    let config = Config::from_hcl(&read(&examples().join("ha-affinity").join("main.tf"))).unwrap();
    bench.core.apply(&config).await.unwrap_or_else(|said| panic!("{said}"));
    assert_eq!(bench.core.plan(&config).await.unwrap().actions(), []);
    let both = |bench: &Bench| {
        bench.sim.world.with(|cluster| {
            let other = cluster.guests.all.iter().find(|(vmid, _)| **vmid != 101).unwrap().1;
            (cluster.guests.get(101).unwrap().node.clone(), other.node.clone())
        })
    };
    bench.sim.world.advance(std::time::Duration::from_secs(120));
    let (first, second) = both(&bench);
    assert_ne!(first, second, "they keep apart");
    bench.sim.world.control("POST", &format!("/nodes/{first}/power"), &json!({ "on": false })).unwrap();
    assert_eq!(bench.core.plan(&config).await.unwrap().actions(), [], "while the node is missed");
    bench.sim.world.advance(std::time::Duration::from_secs(400));
    let (now, other) = both(&bench);
    assert!(now != first && now != other, "{first} {second}, then {now} {other}");
    assert_eq!(bench.core.plan(&config).await.unwrap().actions(), [], "relocated");
    bench.sim.world.control("POST", &format!("/nodes/{first}/power"), &json!({ "on": true })).unwrap();
    bench.sim.world.advance(std::time::Duration::from_secs(600));
    let allowed = config.variable("allow_destroy", true);
    bench.core.apply(&allowed).await.unwrap_or_else(|said| panic!("{said}"));
    bench.core.destroy(&allowed).await.unwrap_or_else(|said| panic!("{said}"));
    assert!(bench.core.state.is_empty());
}

/// So many guests under HA, each in a rule on nodes.
fn many(count: u32) -> (Shape, String) {
    let vmids = 200..200 + count;
    let shape =
        Shape { guests: vmids.clone().map(|vmid| GuestShape::ready(vmid, "pve1")).collect(), ..Shape::default() };
    let block = |vmid: u32| {
        format!(
            "resource \"pve_ha_resource\" \"g{vmid}\" {{\n  sid = \"vm:{vmid}\"\n  allow_local = true\n  state = \"ignored\"\n}}\n\
             resource \"pve_ha_rule_node_affinity\" \"g{vmid}\" {{\n  rule = \"g{vmid}\"\n  resources = [pve_ha_resource.g{vmid}.sid]\n  \
             nodes = {{ pve1 = 1 }}\n}}\n"
        )
    };
    (shape, vmids.map(block).collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ha_with_rules_is_refreshed_by_four_requests_whatever_their_number() {
    let mut counts = Vec::new();
    for count in [2, 12] {
        let (shape, text) = many(count);
        let mut work = Work::with(Options { shape, factor: 600.0, ..Options::default() }).await;
        work.write(&text);
        work.apply().await.succeeded();
        work.site.forget_requests();
        assert!(work.plan().await.is_empty());
        let paths: Vec<String> = work.site.requests().iter().map(|seen: &Seen| seen.path.clone()).collect();
        let of_ha =
            paths.iter().filter(|path| path.starts_with("/cluster/ha") || *path == "/cluster/resources").count();
        assert!(of_ha <= 4, "{count}: {paths:?}");
        counts.push(paths.len());
    }
    assert_eq!(counts[0], counts[1], "as many for twelve as for two");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_guest_under_ha_is_told_of_watchdogs_once() {
    let rig = Rig::of("guests: [{vmid: 141, node: pve1}, {vmid: 142, node: pve2}]\n").await;
    let plan = async |vmid: u32| {
        let want = json!({ "sid": format!("vm:{vmid}") });
        rig.plan::<crate::ha::resource::HaResource>(None, &want).await.unwrap()
    };
    let told =
        |warnings: &[String]| warnings.iter().filter(|told| told.contains("arms the cluster's watchdogs")).count();
    let first = plan(141).await;
    assert_eq!((told(&first.warnings), told(&plan(142).await.warnings)), (1, 0));
    rig.apply(first).await.unwrap();
    rig.configure().await;
    assert_eq!(told(&plan(142).await.warnings), 0, "there is one already");
}
