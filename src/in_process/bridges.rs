//! A misspelt bridge is told before anything is written.

use serde_json::{Value as Json, json};

use super::Rig;
use crate::vm::vm::Vm;

const CLUSTER: &str = "
nodes: [{name: pve1, bridges: [vmbr0, lan]}, {name: pve2}]
users:
  - userid: some@pve
    password: secret
    acl: [{path: /vms, role: PVEVMAdmin}, {path: /storage, role: PVEDatastoreUser}, {path: /sdn/zones/localnetwork, role: PVESDNUser}]
guests:
  - {vmid: 200, node: pve1, config: {memory: '512', net0: 'virtio=BC:24:11:00:00:01,bridge=gone'}}
";

fn with(vmid: u32, cards: Json) -> Json {
    json!({ "vmid": vmid, "node": "pve1", "networks": cards })
}

/// How often bridges were asked for, since that was asked last.
async fn looks(rig: &Rig) -> usize {
    let asked = rig.asked().await;
    rig.forget_requests().await;
    asked.iter().filter(|one| one.ends_with("/network")).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bridge_that_the_node_does_not_have_is_a_warning_of_the_plan_and_an_error_of_the_apply() {
    let rig = Rig::of(CLUSTER).await;
    let misspelt = with(150, json!({ "net0": { "bridge": "vmbr0" }, "net1": { "bridge": "vmrb0" } }));
    let planned = rig.plan::<Vm>(None, &misspelt).await.unwrap();
    let words = "Node pve1 has no bridge \"vmrb0\"";
    assert!(planned.warnings.len() == 1 && planned.warnings[0].contains(words), "{:?}", planned.warnings);
    let told = rig.apply(planned).await.unwrap_err();
    assert!(told.len() == 1 && told[0].starts_with(words), "{told:?}");
    assert!(told[0].contains("for net1") && told[0].contains("Bridges of pve1: lan, vmbr0."), "{told:?}");
    rig.sim.world.with(|cluster| assert!(cluster.guests.get(150).is_none(), "it was made all the same"));
    // Where the node is chosen right before the write, one that any has will do.
    let anywhere = |bridge: &str| json!({ "vmid": 150, "networks": { "net0": { "bridge": bridge } } });
    let planned = rig.plan::<Vm>(None, &anywhere("vmrb0")).await.unwrap();
    let told = &planned.warnings;
    assert!(told.len() == 1 && told[0].contains("No node has a bridge \"vmrb0\""), "{told:?}");
    assert!(told[0].contains("Bridges of the nodes: lan, vmbr0."), "{told:?}");
    assert!(rig.apply(planned).await.unwrap_err()[0].contains("has no bridge"));
    assert_eq!(rig.plan::<Vm>(None, &anywhere("lan")).await.unwrap().warnings, [""; 0]);
    looks(&rig).await;
    rig.configure().await;
    rig.plan::<Vm>(None, &anywhere("vmbr0")).await.unwrap();
    assert_eq!(looks(&rig).await, 1, "one that has it is enough");
    // The other node has fewer guests, and not this bridge.
    rig.configure().await;
    let (made, said) = rig.bring::<Vm>(None, &anywhere("lan")).await.unwrap();
    assert_eq!(
        (made.state.attribute("node").and_then(|node| node.as_str()), said.len()),
        (Some("pve1"), 0),
        "{said:?}"
    );
    let apart = Rig::of("nodes: [{name: pve1, bridges: [a]}, {name: pve2, bridges: [b]}]").await;
    let both = json!({ "vmid": 150, "networks": { "net0": { "bridge": "a" }, "net1": { "bridge": "b" } } });
    let told = apart.plan::<Vm>(None, &both).await.unwrap().warnings;
    assert!(told.len() == 1 && told[0].contains("none has all of a, b"), "{told:?}");
    let (_, said) =
        rig.bring::<Vm>(None, &with(155, json!({ "net0": { "bridge": "lan" }, "net1": {} }))).await.unwrap();
    assert!(said.is_empty(), "{said:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bridges_are_looked_for_where_a_card_is_new_or_changed_and_once_for_all() {
    let rig = Rig::of(CLUSTER).await;
    // It does not start as it is, and that is nobody's business here.
    let card = json!({ "bridge": "gone" });
    let kept = rig.import::<Vm>("200").await.unwrap();
    looks(&rig).await;
    let more = json!({ "vmid": 200, "memory": 1024, "networks": { "net0": card } });
    let (kept, said) = rig.bring(Some(&kept), &more).await.unwrap();
    assert!(said.is_empty() && looks(&rig).await == 0, "{said:?}");
    let other = |bridge: &str| json!({ "vmid": 200, "networks": { "net0": card, "net1": { "bridge": bridge } } });
    let told = rig.bring(Some(&kept), &other("vmbr7")).await.unwrap_err();
    assert!(told[0].starts_with("Node pve1 has no bridge \"vmbr7\""), "{told:?}");
    assert_eq!(rig.says(200, "net1"), "");
    rig.bring(Some(&kept), &other("lan")).await.unwrap();
    assert!(rig.says(200, "net1").contains("bridge=lan"));
    rig.configure().await;
    looks(&rig).await;
    let one = |vmid| with(vmid, json!({ "net0": { "bridge": "vmbr0" }, "net1": { "bridge": "lan" } }));
    let (a, b, c) = (one(151), one(152), one(153));
    let plan = async |config| rig.plan::<Vm>(None, config).await.unwrap();
    tokio::join!(plan(&a), plan(&b), plan(&c));
    assert_eq!(looks(&rig).await, 1, "machines planned together share the look");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_may_not_see_is_not_taken_for_missing() {
    let rig = Rig::of(CLUSTER).await;
    rig.configure_as(&json!({ "username": "some@pve", "password": "secret" })).await;
    // It might be a vnet of a zone that this user is not shown.
    let planned = rig.plan::<Vm>(None, &with(150, json!({ "net0": { "bridge": "vmrb0" } }))).await.unwrap();
    assert!(planned.warnings.iter().all(|said| !said.contains("bridge")), "{:?}", planned.warnings);
    rig.apply(planned).await.unwrap();
    assert!(rig.says(150, "net0").contains("bridge=vmrb0"));
}
