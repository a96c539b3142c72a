//! Ceph's packages: installed to the end, and what a run that was killed has left is finished by the next.

use pve_sim::kernel::world::World;
use pve_sim::shape::Shape;
use serde_json::{Value as Json, json};
use terraform_core::Config;
use terraform_plugin::value::Value;

use super::Rig;
use super::lives::Bench;
use crate::ceph::install::CephInstall;

const NOTHING: &str = "ceph: {stage: none}";

fn on(node: &str, release: &str) -> Json {
    json!({ "node": node, "release": release, "repository": "no-subscription" })
}

fn installed(world: &World) -> Vec<String> {
    world.with(|cluster| cluster.ceph.nodes.keys().filter(|node| cluster.ceph.installed(node)).cloned().collect())
}

fn at_work(world: &World) -> bool {
    world.with(|cluster| cluster.ceph.nodes.values().any(|node| node.installing))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_are_installed_side_by_side_and_from_the_repository_that_is_said() {
    let rig = Rig::of(NOTHING).await;
    let first = rig.plan::<CephInstall>(None, &on("pve1", "tentacle")).await.unwrap();
    let second = rig.plan::<CephInstall>(None, &on("pve2", "tentacle")).await.unwrap();
    assert_eq!((first.warnings.len(), second.warnings.len()), (0, 0));
    let (first, second) = tokio::join!(rig.apply(first), rig.apply(second));
    for (made, said) in [first, second].map(Result::unwrap) {
        assert_eq!(said, [""; 0]);
        assert_eq!(made.state.attribute("ready"), Some(&Value::Bool(true)));
        let read = rig.read(&made).await.unwrap();
        let node = read.state.attribute("node").and_then(Value::as_str).unwrap();
        assert!(rig.plan(Some(&read), &on(node, "tentacle")).await.unwrap().is_empty());
    }
    assert_eq!(installed(&rig.sim.world), ["pve1", "pve2"]);
    assert!(!at_work(&rig.sim.world));
    let repositories = rig.sim.world.with(|cluster| cluster.nodes.get("pve1").unwrap().apt.json());
    let offers = repositories["standard-repos"].as_array().unwrap();
    let enabled = |handle: &str| offers.iter().find(|offer| offer["handle"] == handle).unwrap()["status"].clone();
    assert_eq!(enabled("ceph-tentacle-no-subscription"), 1);
    assert_eq!(enabled("ceph-squid-enterprise"), Json::Null, "the file is written anew");

    // What is there is taken over, and left.
    rig.configure().await;
    rig.forget_requests().await;
    let (again, _) = rig.bring::<CephInstall>(None, &on("pve2", "tentacle")).await.unwrap();
    rig.destroy(&again).await.unwrap();
    assert!(rig.asked().await.iter().all(|asked| asked.starts_with("GET ")), "{:?}", rig.asked().await);
    assert_eq!(installed(&rig.sim.world), ["pve1", "pve2"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_is_killed_while_apt_works_is_finished_by_the_next() {
    let mut bench = Bench::of(Shape::from_yaml(NOTHING).unwrap()).await;
    let text = "resource \"pve_ceph_install\" \"one\" {\n  node = \"pve1\"\n  release = \"tentacle\"\n}\n";
    let config = Config::from_hcl(text).unwrap();
    bench.killed_when(at_work, async |core| core.apply(&config).await).await.unwrap_err();
    bench.at_rest();
    assert_eq!(
        (installed(&bench.sim.world).len(), at_work(&bench.sim.world)),
        (0, true),
        "it says that nothing is there"
    );
    bench.core.apply(&config).await.unwrap_or_else(|said| panic!("{said}"));
    assert_eq!(installed(&bench.sim.world), ["pve1"]);
    assert!(!at_work(&bench.sim.world) && bench.core.plan(&config).await.unwrap().is_empty());

    // The same where the packages are there, and only the mark is left.
    bench.sim.world.with(|cluster| cluster.ceph.nodes.get_mut("pve1").unwrap().installing = true);
    let plan = bench.core.plan(&config).await.unwrap();
    assert!(!plan.is_empty(), "the node says that Ceph is not installed");
    bench.core.apply_plan(plan).await.unwrap();
    assert!(!at_work(&bench.sim.world));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_release_is_told_how_ceph_is_upgraded() {
    let rig = Rig::of("ceph: {stage: installed}").await;
    let made = rig.import::<CephInstall>("pve1").await.unwrap();
    assert_eq!(made.state.attribute("release"), Some(&Value::from("tentacle")));
    rig.forget_requests().await;
    for prior in [Some(&made), None] {
        let told = rig.plan(prior, &on("pve1", "squid")).await.unwrap_err().join("\n");
        assert!(told.contains("restarted in this order") && told.contains("release = \"tentacle\""), "{told}");
    }
    assert!(rig.asked().await.iter().all(|asked| asked.starts_with("GET ")));
    let rig = Rig::of(NOTHING).await;
    let told = rig.plan::<CephInstall>(None, &on("pve1", "reef")).await.unwrap_err().join("\n");
    assert!(told.contains("offers no Ceph \"reef\"") && told.contains("squid, tentacle"), "{told}");
    rig.bring::<CephInstall>(None, &on("pve1", "squid")).await.unwrap();
    rig.configure().await;
    let planned = rig.plan::<CephInstall>(None, &on("pve2", "tentacle")).await.unwrap();
    assert!(planned.warnings.iter().any(|told| told.contains("pve1 (squid)")), "{:?}", planned.warnings);
    let told = rig.apply(planned).await.unwrap_err().join("\n");
    assert!(told.contains("Nothing was written"), "{told}");
    assert_eq!(installed(&rig.sim.world), ["pve1"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_is_told_at_plan_that_it_is_not_enough() {
    let rig = Rig::of(NOTHING).await;
    rig.configure_as(&json!({ "api_token": rig.sim.api_token })).await;
    let planned = rig.plan::<CephInstall>(None, &on("pve1", "tentacle")).await.unwrap();
    assert!(planned.warnings.iter().any(|told| told.contains("login of root@pam")), "{:?}", planned.warnings);
    rig.apply(planned).await.unwrap_err();
    assert!(installed(&rig.sim.world).is_empty() && !at_work(&rig.sim.world));
}
