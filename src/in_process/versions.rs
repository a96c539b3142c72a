//! What the nodes run, told by a data source: once where they differ, and null where one does not answer.

use std::time::Duration;

use pve_sim::shape::Shape;
use serde_json::json;
use terraform_core::Config;
use terraform_core::Value;

use super::lives::Bench;

const ALL: &str = r#"
data "pve_versions" "one" {}
data "pve_versions" "two" {}
output "versions" { value = { for name, node in data.pve_versions.one.nodes : name => node.version } }
output "ceph" { value = { for name, node in data.pve_versions.one.nodes : name => node.ceph } }
output "equal" { value = data.pve_versions.two.equal }
"#;

/// The outputs of a plan as JSON, and what was warned of.
async fn planned(bench: &mut Bench) -> (serde_json::Value, Vec<String>) {
    let plan = bench.core.plan(&Config::from_hcl(ALL).unwrap()).await.unwrap();
    let outputs = plan.outputs.iter().map(|(name, value)| (name.clone(), shown(value))).collect();
    (outputs, plan.warnings.iter().map(ToString::to_string).collect())
}
fn shown(value: &Value) -> serde_json::Value {
    match value {
        Value::Object(of) | Value::Map(of) => of.iter().map(|(name, value)| (name.clone(), shown(value))).collect(),
        Value::String(text) => json!(text),
        Value::Bool(on) => json!(on),
        _ => serde_json::Value::Null,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_differ_are_told_once_and_one_that_is_silent_is_null() {
    let shape = "nodes: [{name: pve1}, {name: pve2, pve: 9.1.4}, {name: pve3}]\nceph: {stage: ready, osds: []}";
    let mut bench = Bench::of(Shape::from_yaml(shape).unwrap()).await;
    let (outputs, warnings) = planned(&mut bench).await;
    assert_eq!(outputs["versions"], json!({"pve1": "9.2.11", "pve2": "9.1.4", "pve3": "9.2.11"}));
    assert_eq!(outputs["equal"], json!(false));
    assert!(outputs["ceph"]["pve2"].as_str().unwrap().starts_with("20.2"), "{outputs}");
    let told: Vec<_> = warnings.iter().filter(|told| told.contains("different versions")).collect();
    assert!(told.len() == 1 && told[0].contains("pve1 9.2.11, pve2 9.1.4, pve3 9.2.11"), "{warnings:?}");

    bench.sim.world.control("POST", "/nodes/pve2/power", &json!({"on": false})).unwrap();
    bench.sim.world.advance(Duration::from_secs(60));
    let (outputs, warnings) = planned(&mut bench).await;
    assert_eq!(outputs["versions"], json!({"pve1": "9.2.11", "pve2": null, "pve3": "9.2.11"}));
    assert_eq!((&outputs["equal"], &outputs["ceph"]["pve2"]), (&json!(true), &json!(null)));
    assert!(warnings.iter().all(|told| !told.contains("different versions")), "{warnings:?}");
    assert!(warnings.iter().any(|told| told.contains("Node pve2 is unreachable")), "{warnings:?}");
}

/// What goes into a cluster of any version.
const ROAD: &str = r#"
resource "pve_ceph_pool" "vm" {
  name          = "vm"
  allow_destroy = true
}
resource "pve_storage_rbd" "vm" {
  storage = "ceph-vm"
  pool    = pve_ceph_pool.vm.name
}
resource "pve_vm" "web" {
  cpu           = "host"
  disks         = { scsi0 = { size = "1G", storage = pve_storage_rbd.vm.storage } }
  started       = true
  allow_destroy = true
}
resource "pve_ha_resource" "web" {
  sid = "vm:${pve_vm.web.vmid}"
}
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pve_8_is_not_asked_for_what_came_later() {
    let shape = Shape::from_yaml("ceph: {stage: ready}").unwrap();
    let mut bench = Bench::of_version(shape, "8.4").await;
    let config = Config::from_hcl(ROAD).unwrap();
    bench.core.apply(&config).await.unwrap();
    assert!(bench.core.plan(&config).await.unwrap().is_empty());
    bench.core.destroy(&config).await.unwrap();
    assert!(bench.core.state.instances.is_empty());
}

const EVERYWHERE: &str = r#"
data "pve_node_network" "all" {}
data "pve_apt_repositories" "all" {}
data "pve_apt_standard_repositories" "all" {}
output "networks" { value = { for name, node in data.pve_node_network.all.nodes : name => join(",", node.networks != null ? node.networks : ["null"]) } }
output "files" { value = { for key, entry in data.pve_apt_repositories.all.apt_repositories : entry.node => entry.node... } }
output "offered" { value = { for key, entry in data.pve_apt_standard_repositories.all.apt_standard_repositories : entry.node => entry.node... } }
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_asked_of_all_nodes_is_told_of_those_that_answer() {
    let bench = Bench::of(Shape::default()).await;
    let config = Config::from_hcl(EVERYWHERE).unwrap();
    let keys = |value: &Value| shown(value).as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    for (on, there, network) in
        [(true, &["pve1", "pve2", "pve3"][..], "10.0.0.0/24"), (false, &["pve1", "pve3"], "null")]
    {
        bench.sim.world.control("POST", "/nodes/pve2/power", &json!({"on": on})).unwrap();
        bench.sim.world.advance(Duration::from_secs(60));
        let plan = bench.core.plan(&config).await.unwrap();
        assert_eq!(shown(&plan.outputs["networks"])["pve2"], network);
        assert_eq!(shown(&plan.outputs["networks"])["pve1"], "10.0.0.0/24");
        assert_eq!([keys(&plan.outputs["files"]), keys(&plan.outputs["offered"])], [there, there]);
        let said: Vec<String> = plan.warnings.iter().map(ToString::to_string).collect();
        for then in ["What it has is null", "Its repositories are left out"] {
            assert_eq!(
                said.iter().any(|told| told.contains("pve2 is unreachable") && told.contains(then)),
                !on,
                "{said:?}"
            );
        }
    }
}
