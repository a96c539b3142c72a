//! All OSDs, told by a data source: also where a node that has some does not answer.

use serde_json::json;
use terraform_core::{Config, Value};

use super::super::lives::Bench;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn osds_of_a_dead_node_are_listed_without_what_only_it_can_tell() {
    let bench = Bench::with_ceph().await;
    let text = r#"
data "pve_ceph_osds" "all" {}

output "fsids" {
  value = { for id, osd in data.pve_ceph_osds.all.ceph_osds : id => osd.osd_fsid }
}

output "nodes" {
  value = { for id, osd in data.pve_ceph_osds.all.ceph_osds : id => osd.node }
}
"#;
    let config = Config::from_hcl(text).unwrap();
    let of = |value: &Value| match value {
        Value::Object(of) | Value::Map(of) => of.clone(),
        other => panic!("{other:?}"),
    };
    let all = bench.core.plan(&config).await.unwrap();
    let (fsids, nodes) = (of(&all.outputs["fsids"]), of(&all.outputs["nodes"]));
    assert!(fsids.len() >= 3 && fsids.values().all(|fsid| *fsid != Value::Null), "{fsids:?}");
    assert!(all.warnings.is_empty(), "{:?}", all.warnings);

    bench.sim.world.control("POST", "/nodes/pve3/power", &json!({ "on": false })).unwrap();
    bench.sim.world.advance(std::time::Duration::from_secs(120));
    let without = bench.core.plan(&config).await.unwrap();
    assert_eq!(of(&without.outputs["nodes"]), nodes, "none is left out");
    for (id, fsid) in of(&without.outputs["fsids"]) {
        let expected = if nodes[&id] == "pve3".into() { &Value::Null } else { &fsids[&id] };
        assert_eq!(&fsid, expected, "osd.{id}");
    }
    let said: Vec<_> = without.warnings.iter().map(ToString::to_string).collect();
    assert!(said.iter().any(|said| said.contains("OSDs are told without their disks")), "{said:?}");
}
