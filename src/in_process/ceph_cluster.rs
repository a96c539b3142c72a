//! Ceph from its configuration to its last monitor, and back again.

use pve_sim::shape::Shape;
use serde_json::{Value as Json, json};
use terraform_core::Config;

use super::Rig;
use super::lives::Bench;
use crate::ceph::cluster::CephCluster;

const INSTALLED: &str = "ceph: {stage: installed}";

const THREE: &str = r#"
resource "pve_ceph_cluster" "this" {
  network = "10.0.0.0/24"
}

resource "pve_ceph_monitor" "all" {
  for_each   = toset(["pve1", "pve2", "pve3"])
  node       = each.key
  depends_on = [pve_ceph_cluster.this]
}

resource "pve_ceph_manager" "second" {
  node       = "pve2"
  depends_on = [pve_ceph_monitor.all]
}
"#;

async fn bench(shape: &str) -> Bench {
    Bench::of(Shape::from_yaml(shape).unwrap()).await
}

fn config(text: &str) -> Config {
    Config::from_hcl(text).unwrap()
}

fn ceph(rig: &Rig) -> Json {
    rig.sim.world.with(|cluster| cluster.canonical()["ceph"].clone())
}

fn purged(bench: &Bench) -> bool {
    bench.cluster()["ceph"]["initialised"] == false
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_monitors_and_all_that_came_with_them_go_in_the_order_of_the_graph() {
    let mut bench = bench(INSTALLED).await;
    let before = bench.cluster();
    let three = config(THREE);
    let planned = bench.core.plan(&three).await.unwrap();
    assert_eq!(planned.warnings, [], "what is missing comes");
    bench.core.apply(&three).await.unwrap_or_else(|said| panic!("{said}"));
    bench.core.refresh().await.unwrap();
    assert_eq!(bench.core.plan(&three).await.unwrap().actions(), []);
    let part = |of: &str| bench.core.state.get("pve_ceph_cluster.this").unwrap().get(of);
    assert_eq!(part("cluster_network"), "10.0.0.0/24".into(), "PVE takes the same for both");
    assert_eq!(bench.cluster()["ceph"]["mons"], json!({"pve1": true, "pve2": true, "pve3": true}));
    bench.core.destroy(&three).await.unwrap_or_else(|said| panic!("{said}"));
    assert!(bench.core.state.is_empty());
    assert_eq!(bench.cluster(), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_last_monitor_is_left_only_to_a_cluster_of_the_same_state() {
    let alone = "resource \"pve_ceph_monitor\" \"one\" {\n  node = \"pve1\"\n}\n";
    let mut bench = bench("ceph: {stage: initialised}").await;
    bench.core.apply(&config(alone)).await.unwrap();
    let told = bench.core.destroy(&config(alone)).await.unwrap_err().to_string();
    assert!(told.contains("is the last one") && told.contains("depends_on"), "{told}");

    let with = format!("{alone}resource \"pve_ceph_cluster\" \"this\" {{}}\n")
        .replace("node = \"pve1\"\n", "node = \"pve1\"\n  depends_on = [pve_ceph_cluster.this]\n");
    let imported = config(&with).import("pve_ceph_cluster.this", Json::from("ceph"));
    bench.core.apply(&imported).await.unwrap();
    // Out of the configuration, it stays in Ceph; and comes back by its import.
    let cluster = config("resource \"pve_ceph_cluster\" \"this\" {}\n");
    let plan = bench.core.plan(&cluster).await.unwrap();
    assert!(
        plan.warnings.iter().any(|told| told.summary == "The last monitor stays until Ceph goes"),
        "{:?}",
        plan.warnings
    );
    bench.core.apply_plan(plan).await.unwrap();
    assert_eq!(bench.cluster()["ceph"]["mons"], json!({"pve1": true}));
    bench.core.destroy(&cluster).await.unwrap();
    assert!(purged(&bench));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_in_ceph_keeps_it() {
    let rig = Rig::of("ceph: {stage: ready, mons: [pve1], mgrs: [pve1], mdss: [pve2], pools: [{name: vm}]}").await;
    let kept = rig.import::<CephCluster>("ceph").await.unwrap();
    let before = ceph(&rig);
    let told = rig.destroy(&kept).await.unwrap_err().join("\n");
    for part in ["6 OSDs", "pools (vm)", "metadata servers (pve2)", "Nothing was written"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert_eq!(ceph(&rig), before);
    // Others' monitors, too.
    let rig = Rig::of("ceph: {stage: monitors}").await;
    let kept = rig.import::<CephCluster>("ceph").await.unwrap();
    let told = rig.destroy(&kept).await.unwrap_err().join("\n");
    assert!(told.contains("3 monitors (pve1, pve2, pve3)"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_ceph_does_not_answer_nothing_is_purged_unless_that_had_begun_and_no_disk_holds_anything() {
    for (osds, goes_on) in [("osds: []", true), ("osds: [{node: pve1, device: /dev/sdb}]", false)] {
        let mut bench = bench(&format!("ceph: {{stage: ready, mons: [pve1], mgrs: [pve1], {osds}}}")).await;
        let this = config("resource \"pve_ceph_cluster\" \"this\" {}\n");
        bench.core.apply(&this.clone().import("pve_ceph_cluster.this", Json::from("ceph"))).await.unwrap();
        // Killed before anything is written: by the journal it had begun.
        let at = match goes_on {
            true => {
                json!({ "match": { "method": "POST", "path": "/nodes/*/termproxy" }, "when": "before", "effect": { "hold": true } })
            }
            false => {
                json!({ "match": { "method": "GET", "path": "/nodes/*/ceph/mon" }, "nth": 2, "when": "before", "effect": { "hold": true } })
            }
        };
        bench.sim.world.control("POST", "/faults", &at).unwrap();
        bench.killed(async |core| core.destroy(&this).await).await.unwrap_err();
        bench.sim.world.control("DELETE", "/faults", &Json::Null).unwrap();
        bench.sim.world.with(|cluster| {
            let now = cluster.now.seconds();
            cluster.ceph_now().run_service("mon", "pve1", false, now);
        });
        bench.at_rest();
        let end = bench.core.destroy(&this).await;
        match goes_on {
            true => assert!(end.is_ok() && purged(&bench), "{end:?}"),
            false => {
                let told = end.unwrap_err().to_string();
                assert!(told.contains("nobody knows what is in it") && told.contains("/dev/sdb of pve1"), "{told}");
                assert!(!purged(&bench));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ceph_of_somebody_else_is_not_taken_over_and_its_monitors_keep_their_network() {
    let rig = Rig::of("ceph: {stage: monitors}").await;
    let planned = rig.plan::<CephCluster>(None, &json!({"network": "10.0.0.0/24"})).await.unwrap();
    assert!(planned.warnings.iter().any(|told| told.contains("exists already")), "{:?}", planned.warnings);
    let told = rig.apply(planned).await.unwrap_err().join("\n");
    assert!(told.contains("to = pve_ceph_cluster.this") && told.contains("id = \"ceph\""), "{told}");
    let kept = rig.import::<CephCluster>("ceph").await.unwrap();
    rig.forget_requests().await;
    let told = rig.bring(Some(&kept), &json!({"network": "10.1.0.0/24"})).await.unwrap_err().join("\n");
    assert!(told.contains("keep their addresses") && told.contains("pve2 (10.0.0.2:6789/0)"), "{told}");
    assert!(rig.asked().await.iter().all(|asked| asked.starts_with("GET ")), "{:?}", rig.asked().await);
    // The OSDs' own network is theirs to change over to.
    let another = json!({"network": "10.0.0.0/24", "cluster_network": "10.2.0.0/24"});
    let planned = rig.plan(Some(&kept), &another).await.unwrap();
    assert!(planned.warnings.iter().any(|told| told.contains("when they are restarted")), "{:?}", planned.warnings);
    let (kept, _) = rig.apply(planned).await.unwrap();
    let read = rig.read(&kept).await.unwrap();
    assert!(rig.plan(Some(&read), &another).await.unwrap().is_empty());
    assert!(rig.plan(Some(&read), &json!({})).await.unwrap().is_empty(), "left alone when unset");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_packages_nothing_is_written_and_nothing_is_gone() {
    let rig = Rig::of("ceph: {stage: none}").await;
    for (config, part) in [(json!({}), "installed on no node"), (json!({"node": "pve2"}), "not installed on node pve2")]
    {
        let planned = rig.plan::<CephCluster>(None, &config).await.unwrap();
        assert!(planned.warnings.iter().any(|told| told.contains(part)), "{:?}", planned.warnings);
        let told = rig.apply(planned).await.unwrap_err().join("\n");
        assert!(told.contains(part) && told.contains("Nothing was written"), "{told}");
        rig.configure().await;
    }
    let told = rig.validate::<CephCluster>(&json!({"cluster_network": "10.0.0.0/24"})).await.unwrap_err();
    assert!(told[0].contains("takes `network` too"), "{told:?}");

    let rig = Rig::of(INSTALLED).await;
    let (kept, _) = rig.bring::<CephCluster>(None, &json!({"node": "pve2"})).await.unwrap();
    let installed = |on: bool| {
        rig.sim.world.with(|cluster| cluster.ceph.nodes.values_mut().for_each(|node| node.installed = on));
    };
    installed(false);
    rig.configure().await;
    let (read, said) = rig.refresh(&kept).await.unwrap();
    assert_eq!(read.state, kept.state);
    assert!(said.iter().any(|told| told.contains("installed on no node")), "{said:?}");
    installed(true);
    rig.configure().await;
    rig.destroy(&rig.read(&kept).await.unwrap()).await.unwrap();
    assert_eq!(ceph(&rig)["initialised"], false);
}

const ROAD: &str = r#"
locals {
  disks = { pve1 = "SIM0101", pve2 = "SIM0201", pve3 = "SIM0301" }
}

resource "pve_ceph_install" "all" {
  for_each   = local.disks
  node       = each.key
  release    = "tentacle"
  repository = "no-subscription"
}

resource "pve_ceph_cluster" "this" {
  network    = "10.0.0.0/24"
  depends_on = [pve_ceph_install.all]
}

resource "pve_ceph_monitor" "all" {
  for_each   = local.disks
  node       = each.key
  depends_on = [pve_ceph_cluster.this]
}

resource "pve_ceph_config" "scrubs" {
  who        = "osd"
  option     = "osd_max_scrubs"
  value      = "2"
  depends_on = [pve_ceph_monitor.all]
}

resource "pve_ceph_osd" "all" {
  for_each      = local.disks
  node          = each.key
  device        = { serial = each.value }
  allow_destroy = true
  depends_on    = [pve_ceph_monitor.all]
}

resource "pve_ceph_pool" "vm" {
  name          = "vm"
  allow_destroy = true
  depends_on    = [pve_ceph_osd.all]
}
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_nodes_without_ceph_to_a_pool_in_one_apply_and_back() {
    let mut bench = bench("ceph: {stage: none}").await;
    let road = config(ROAD);
    bench.core.apply(&road).await.unwrap_or_else(|said| panic!("{said}"));
    bench.core.refresh().await.unwrap();
    assert_eq!(bench.core.plan(&road).await.unwrap().actions(), []);
    let ceph = bench.cluster()["ceph"].clone();
    assert_eq!(ceph["osds"].as_object().unwrap().len(), 3);
    assert!(ceph["pools"]["vm"].is_object() && ceph["pools"][".mgr"].is_object());
    bench.core.destroy(&road).await.unwrap_or_else(|said| panic!("{said}"));
    let left = bench.cluster()["ceph"].clone();
    assert_eq!(left["installed"], json!(["pve1", "pve2", "pve3"]), "packages stay");
    for (part, nothing) in [
        ("initialised", json!(false)),
        ("mons", json!({})),
        ("mgrs", json!([])),
        ("pools", json!({})),
        ("config", json!([])),
    ] {
        assert_eq!(left[part], nothing, "{part}");
    }
}
