//! What is not shown is not gone: a cluster without quorum, a token that may not look, and a dead node.

use std::time::Duration;

use pve_sim::shape::{CephStage, NodeShape, Shape, Size};
use serde_json::{Value as Json, json};
use terraform_core::{Action, Config, Diagnostic, Plan};

use super::lives::{Bench, provider_block};

impl Bench {
    pub(super) fn power(&self, node: &str, on: bool) {
        self.sim.world.control("POST", &format!("/nodes/{node}/power"), &json!({ "on": on })).unwrap();
    }

    /// What was asked since that was forgotten.
    fn asked(&self) -> Vec<String> {
        self.sim
            .world
            .with(|cluster| cluster.requests().iter().map(|seen| format!("{} {}", seen.method, seen.path)).collect())
    }
}

/// How many warnings say this.
fn warned(plan: &Plan, what: &str) -> usize {
    plan.warnings.iter().filter(|one| one.to_string().contains(what)).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_cluster_without_quorum_does_not_show_stays_in_the_state() {
    let mut bench = Bench::of(Shape::default()).await;
    let config = Config::from_hcl("resource \"pve_pool\" \"web\" {\n  poolid = \"web\"\n}\n").unwrap();
    bench.core.apply(&config).await.unwrap();
    // A list that is out of date, as a node that was cut off may have it: each fault strikes once.
    let out_of_date = json!({
        "match": {"method": "GET", "path": "/pools"},
        "effect": {"body": "{\"data\":[]}", "content_type": "application/json"}
    });
    bench.sim.world.control("POST", "/faults", &out_of_date).unwrap();
    ["pve2", "pve3"].iter().for_each(|node| bench.power(node, false));
    let plan = bench.core.plan(&config).await.unwrap();
    assert!(plan.is_empty() && warned(&plan, "The cluster has no quorum") > 0, "{:?}", plan.warnings);

    // The same list from a whole cluster is believed.
    ["pve2", "pve3"].iter().for_each(|node| bench.power(node, true));
    bench.sim.world.advance(Duration::from_secs(120));
    bench.sim.world.control("POST", "/faults", &out_of_date).unwrap();
    assert_eq!(bench.core.plan(&config).await.unwrap().action("pve_pool.web"), Action::Create);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_token_may_not_see_stays_in_the_state() {
    let secret = "11111111-2222-3333-4444-555555555555";
    let shape = json!({
        "guests": [{ "vmid": 101, "node": "pve1", "name": "web", "running": true, "config": { "scsi0": "local-lvm:1" } }],
        "users": [{
            "userid": "blind@pve",
            "tokens": [{ "id": "t", "privsep": false, "value": secret }],
            "acl": [{ "path": "/nodes", "role": "PVEAuditor" }],
        }],
    });
    let mut bench = Bench::of(Shape::from_yaml(&shape.to_string()).unwrap()).await;
    let text = "resource \"pve_vm\" \"web\" {\n  vmid = 101\n}\n\
                resource \"pve_vm_disk_move\" \"web\" {\n  vmid    = 101\n  disk    = \"scsi0\"\n  storage = \"local-lvm\"\n}\n";
    let config = Config::from_hcl(text).unwrap();
    bench.core.import("pve_vm.web", "101").await.unwrap();
    bench.core.apply(&config).await.unwrap();
    assert!(bench.core.plan(&config).await.unwrap().is_empty());

    let mut block = provider_block(&bench.sim);
    (block["username"], block["password"]) = (Json::Null, Json::Null);
    block["api_token"] = format!("blind@pve!t={secret}").into();
    bench.core.configure(block);
    let plan = bench.core.plan(&config).await.unwrap();
    assert!(plan.is_empty(), "{:?}", plan.actions());
    assert!(warned(&plan, "The user or token may not see /vms/101") > 0, "{:?}", plan.warnings);
}

/// A cluster with somebody who may make storages and see none of them.
async fn with_a_maker() -> (Bench, Json) {
    let shape = json!({
        "users": [{
            "userid": "maker@pve",
            "password": "longenough1",
            "acl": [{ "path": "/storage", "role": "PVEDatastoreAdmin", "propagate": false }],
        }],
    });
    let bench = Bench::of(Shape::from_yaml(&shape.to_string()).unwrap()).await;
    let mut maker = provider_block(&bench.sim);
    (maker["username"], maker["password"]) = ("maker@pve".into(), "longenough1".into());
    maker["api_token"] = Json::Null;
    (bench, maker)
}

/// A storage that nobody looks at.
const STORAGE: &str =
    "resource \"pve_storage_dir\" \"a\" {\n  storage = \"files\"\n  path    = \"/mnt/a\"\n  disable = true\n}\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_made_and_not_shown_is_not_forgotten() {
    let (mut bench, maker) = with_a_maker().await;
    let config = Config::from_hcl(STORAGE).unwrap();
    let everybody = provider_block(&bench.sim);
    bench.core.configure(maker);
    let plan = bench.core.plan(&config).await.unwrap();
    assert!(warned(&plan, "Datastore.Audit or Datastore.AllocateSpace") == 1, "{:?}", plan.warnings);
    let applied = bench.core.apply_plan(plan).await.unwrap();
    let told =
        |one: &Diagnostic| one.summary == "What was made is not to be seen" && one.detail.contains("/storage/files");
    assert!(applied.warnings.iter().any(told), "{:?}", applied.warnings);
    assert!(bench.core.state.get("pve_storage_dir.a").is_some(), "it is there, and would be an orphan");
    // Who sees it goes on with it.
    bench.core.configure(everybody);
    bench.core.apply(&config).await.unwrap();
    assert!(bench.core.plan(&config).await.unwrap().is_empty());
    assert_eq!(bench.writes(), ["POST /storage"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_see_it_ends_it_all_the_same() {
    let (mut bench, maker) = with_a_maker().await;
    let config = Config::from_hcl(STORAGE).unwrap();
    bench.core.apply(&config).await.unwrap();
    bench.core.configure(maker);
    bench.core.destroy(&config).await.unwrap_or_else(|said| panic!("{said}"));
    assert_eq!(bench.writes(), ["POST /storage", "DELETE /storage/files"]);
    assert!(bench.core.state.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_that_may_be_short_is_none() {
    let (mut bench, maker) = with_a_maker().await;
    let config = Config::from_hcl("data \"pve_groups\" \"all\" {}\n").unwrap();
    bench.core.plan(&config).await.unwrap();
    bench.core.configure(maker);
    let said = bench.core.plan(&config).await.unwrap_err().to_string();
    assert!(
        said.contains("Not all of `groups` may be seen") && said.contains("on /access/groups, propagated"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_list_without_names_may_hold_is_not_planned_anew() {
    let mut bench = Bench::of(Shape::default()).await;
    let text = "resource \"pve_storage_dir\" \"a\" {\n  storage = \"files\"\n  path = \"/mnt/a\"\n}\n";
    let config = Config::from_hcl(text).unwrap();
    bench.core.apply(&config).await.unwrap();
    let wrong =
        json!({ "match": {"method": "GET", "path": "/storage"}, "when": "after", "effect": {"types": "wrong"} });
    bench.sim.world.control("POST", "/faults", &wrong).unwrap();
    let said = bench.core.plan(&config).await.unwrap_err().to_string();
    assert!(said.contains("not understood: an entry of its list has no name"), "{said}");
    assert!(bench.core.plan(&config).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_node_is_asked_once_for_all_that_is_on_it() {
    let guest = |vmid: u32| json!({ "vmid": vmid, "node": "pve3", "config": { "scsi0": "local-lvm:1" } });
    let shape = json!({
        "nodes": [{ "name": "pve1" }, { "name": "pve2" }, { "name": "pve3" }],
        "guests": (101..=112).map(guest).collect::<Vec<_>>(),
    });
    let mut bench = Bench::of(Shape::from_yaml(&shape.to_string()).unwrap()).await;
    let mut config = Config::new();
    for vmid in 101..=112 {
        config = config.resource(&format!("pve_vm.v{vmid}"), json!({ "vmid": vmid }));
        bench.core.import(&format!("pve_vm.v{vmid}"), &vmid.to_string()).await.unwrap();
    }
    bench.core.apply(&config).await.unwrap();
    assert!(bench.core.plan(&config).await.unwrap().is_empty());

    bench.power("pve3", false);
    bench.forget();
    let plan = bench.core.plan(&config).await.unwrap();
    assert!(plan.is_empty(), "{:?}", plan.actions());
    assert_eq!(warned(&plan, "Node pve3 is unreachable"), 1, "{:?}", plan.warnings);
    // The requests that only pve3 can answer, whoever was asked.
    let asked: Vec<String> = bench.asked().into_iter().filter(|asked| asked.contains(" /nodes/pve3/")).collect();
    assert_eq!(asked.len(), 1, "{asked:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_node_is_told_of_though_nothing_has_to_ask_it() {
    let nodes = (1..=3).map(|n| NodeShape::numbered(n, 1, Size(64 << 30)));
    let mut shape = Shape { nodes: nodes.collect(), ..Shape::default() };
    shape.ceph.stage = CephStage::Ready;
    let mut bench = Bench::of(shape).await;
    let mut config = Config::new();
    for (id, node) in ["pve1", "pve2", "pve3"].into_iter().enumerate() {
        let body = json!({ "node": node, "device": { "serial": format!("SIM0{}01", id + 1) } });
        config = config.resource(&format!("pve_ceph_osd.{node}"), body);
        bench.core.import(&format!("pve_ceph_osd.{node}"), &id.to_string()).await.unwrap();
    }
    bench.core.apply(&config).await.unwrap();
    let status = |bench: &Bench| bench.asked().iter().filter(|asked| asked.ends_with(" /cluster/status")).count();
    bench.forget();
    assert!(bench.core.plan(&config).await.unwrap().is_empty());
    assert_eq!(status(&bench), 0, "as long as all is well nothing more is asked");

    bench.power("pve3", false);
    bench.sim.world.advance(Duration::from_secs(120));
    bench.forget();
    let plan = bench.core.plan(&config).await.unwrap();
    assert!(plan.is_empty() && warned(&plan, "Node pve3 is unreachable") == 1, "{:?}", plan.warnings);
    assert!(warned(&plan, "osd.2 is down") > 0, "{:?}", plan.warnings);
    let asked: Vec<String> = bench.asked().into_iter().filter(|asked| asked.contains(" /nodes/pve3/")).collect();
    assert_eq!(asked, [""; 0]);
}
