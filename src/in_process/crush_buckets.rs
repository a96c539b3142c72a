//! Sites and racks in Ceph's hierarchy: hosts are put there, come back, and stay where a pool needs them.

use serde_json::{Value as Json, json};
use terraform_plugin::value::Value;

use super::{Kept, Rig};
use crate::ceph::crush_bucket::CrushBucket;
use crate::ceph::crush_rule::CrushRule;
use crate::ceph::pool::Pool;

fn ceph(rig: &Rig) -> Json {
    rig.sim.world.with(|cluster| cluster.canonical()["ceph"].clone())
}

fn rack(name: &str, hosts: &[&str]) -> Json {
    json!({"name": name, "type": "rack", "hosts": hosts})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hosts_are_put_there_and_come_back_up() {
    let rig = Rig::of("ceph: {stage: ready}").await;
    let before = ceph(&rig);
    let planned = rig.plan::<CrushBucket>(None, &rack("r1", &["pve1", "pve2"])).await.unwrap();
    assert!(planned.warnings.iter().any(|told| told.contains("Hosts move")), "{planned:?}");
    let (made, said) = rig.apply(planned).await.unwrap();
    assert_eq!(said, [""; 0]);
    assert_eq!(made.state.attribute("parent"), Some(&Value::from("default")));
    assert_eq!(ceph(&rig)["buckets"], json!({"r1": {"type": "rack", "parent": "default", "items": ["pve1", "pve2"]}}));
    let made = rig.read(&made).await.unwrap();
    assert!(rig.plan(Some(&made), &rack("r1", &["pve1", "pve2"])).await.unwrap().is_empty());
    rig.configure().await;
    let (room, _) = rig.bring::<CrushBucket>(None, &json!({"name": "cellar", "type": "room"})).await.unwrap();
    rig.configure().await;
    let mut below = rack("r1", &["pve2"]);
    below["parent"] = json!("cellar");
    let (made, _) = rig.bring(Some(&made), &below).await.unwrap();
    let there = json!({"r1": {"type": "rack", "parent": "cellar", "items": ["pve2"]},
        "cellar": {"type": "room", "parent": "default", "items": ["pve1", "r1"]}});
    assert_eq!(ceph(&rig)["buckets"], there, "what leaves goes up");
    rig.configure().await;
    let told = rig.destroy(&room).await.unwrap_err().join("\n");
    assert!(told.contains("CRUSH bucket \"cellar\" is not empty") && told.contains("Below it are: r1"), "{told}");
    rig.destroy(&made).await.unwrap();
    rig.destroy(&room).await.unwrap();
    assert_eq!(ceph(&rig), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_without_an_osd_is_put_there_before_its_first() {
    let rig = Rig::of("ceph: {stage: monitors}").await;
    let (made, said) = rig.bring::<CrushBucket>(None, &rack("r1", &["pve1"])).await.unwrap();
    assert_eq!(said, [""; 0]);
    rig.sim.world.with(|cluster| cluster.ceph.crush.add_osd(0, 1 << 16, "pve1"));
    rig.configure().await;
    let made = rig.read(&made).await.unwrap();
    assert!(rig.plan(Some(&made), &rack("r1", &["pve1"])).await.unwrap().is_empty(), "its OSD is in it");
    assert_eq!(ceph(&rig)["buckets"]["r1"]["items"], json!(["pve1"]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_finds_its_racks_and_no_host_leaves_a_pool_without_a_place() {
    let rig = Rig::of("ceph: {stage: ready}").await;
    let mut racks = Vec::new();
    let mut planned = Vec::new();
    for (name, host) in [("r1", "pve1"), ("r2", "pve2"), ("r3", "pve3")] {
        planned.push(rig.plan::<CrushBucket>(None, &rack(name, &[host])).await.unwrap());
    }
    // What is planned counts: neither the rule nor its pool is warned of.
    let rule = json!({"name": "racks", "failure_domain": "rack"});
    let racks_rule = rig.plan::<CrushRule>(None, &rule).await.unwrap();
    assert_eq!(racks_rule.warnings, [""; 0]);
    let pool = json!({"name": "vm", "size": 3, "min_size": 2, "crush_rule": "racks"});
    let vm = rig.plan::<Pool>(None, &pool).await.unwrap();
    assert_eq!(vm.warnings, [""; 0]);
    for planned in planned {
        racks.push(rig.apply(planned).await.unwrap().0);
    }
    rig.apply(racks_rule).await.unwrap();
    rig.apply(vm).await.unwrap();
    rig.configure().await;
    let there = ceph(&rig);
    let told = rig.destroy(&racks[0]).await.unwrap_err().join("\n");
    assert!(told.contains("Pool \"vm\" 3/2 cannot be placed by rule \"racks\""), "{told}");
    assert!(told.contains("the cluster has 2") && told.contains("Nothing was written"), "{told}");
    assert_eq!(ceph(&rig), there);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_is_said_at_plan() {
    let rig = Rig::of("ceph: {stage: ready}").await;
    let told = async |config: Json| {
        rig.configure().await;
        if let Err(errors) = rig.validate::<CrushBucket>(&config).await {
            return errors.join("\n");
        }
        match rig.plan::<CrushBucket>(None, &config).await {
            Ok(planned) => planned.warnings.join("\n"),
            Err(errors) => errors.join("\n"),
        }
    };
    for (config, said) in [
        (json!({"name": "r", "type": "shelf"}), "CRUSH knows no level \"shelf\""),
        (json!({"name": "r", "type": "host"}), "must be above the hosts"),
        (json!({"name": "r", "type": "root", "parent": "default"}), "A root is below nothing"),
        (json!({"name": "r", "type": "rack", "parent": "nope"}), "CRUSH has no bucket \"nope\""),
        (json!({"name": "r", "type": "rack", "parent": "pve1"}), "A rack is not below a host"),
        (rack("r", &["default"]), "\"default\" is a root, no host"),
        (rack("r", &["pve9"]), "There is no host \"pve9\""),
        (rack("default", &[]), "to = pve_ceph_crush_bucket.this"),
    ] {
        let all = told(config.clone()).await;
        assert!(all.contains(said), "{config}: {all}");
    }
    rig.configure().await;
    rig.plan::<CrushBucket>(None, &rack("r1", &["pve1"])).await.unwrap();
    let twice = rig.plan::<CrushBucket>(None, &rack("r2", &["pve1"])).await.unwrap_err().join("\n");
    assert!(twice.contains("Host \"pve1\" would be in two buckets") && twice.contains("\"r1\""), "{twice}");
    // A token has no terminal.
    rig.configure_as(&json!({"api_token": rig.sim.api_token})).await;
    let planned = rig.plan::<CrushBucket>(None, &rack("r1", &[])).await.unwrap();
    assert!(planned.warnings[0].contains("root@pam"), "{planned:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn below_a_bucket_that_is_not_there_yet_nobody_counts_hosts() {
    let rig = Rig::of("ceph: {stage: ready}").await;
    let mut below = rack("r1", &["pve1"]);
    below["parent"] = json!("cellar");
    let said = rig.plan::<CrushBucket>(None, &below).await.unwrap().warnings.join("\n");
    assert!(said.contains("CRUSH has no bucket \"cellar\"") && said.contains("Hosts move"), "{said}");
    assert!(!said.contains("cannot be placed"), "the pool of the manager stays below the root it is below: {said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_below_nothing_is_left_there_until_hosts_come() {
    let rig = Rig::of("ceph: {stage: ready}").await;
    rig.sim.world.with(|cluster| cluster.ceph.crush.add_bucket("r1", "rack").unwrap());
    let found: Kept<CrushBucket> = rig.import("r1").await.unwrap();
    assert!(rig.plan(Some(&found), &json!({"name": "r1", "type": "rack"})).await.unwrap().is_empty());
    let (made, _) = rig.bring(Some(&found), &rack("r1", &["pve1"])).await.unwrap();
    assert_eq!(made.state.attribute("parent"), Some(&Value::from("default")));
    assert_eq!(ceph(&rig)["buckets"], json!({"r1": {"type": "rack", "parent": "default", "items": ["pve1"]}}));
}
