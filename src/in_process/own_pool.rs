//! Ceph's own pool `.mgr`: taken over, changed, and given back.

use serde_json::{Value as Json, json};
use terraform_plugin::value::Value;

use super::{Kept, Rig};
use crate::ceph::pool::Pool;

const READY: &str = "ceph: {stage: ready, rules: [{name: osds, failure_domain: osd}]}";

fn mgr(rig: &Rig) -> Json {
    let own = rig.sim.world.with(|cluster| cluster.canonical()["ceph"]["pools"][".mgr"].clone());
    json!([own["size"], own["min_size"], own["crush_rule"]])
}

fn wanted() -> Json {
    json!({"name": ".mgr", "size": 5, "min_size": 3, "crush_rule": "osds"})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_brought_to_what_is_configured_and_given_back_as_it_was() {
    let rig = Rig::of(READY).await;
    let planned = rig.plan::<Pool>(None, &wanted()).await.unwrap();
    assert!(planned.warnings.iter().all(|told| !told.contains("exists already")), "{:?}", planned.warnings);
    let (made, said) = rig.apply(planned).await.unwrap();
    assert_eq!(said, [""; 0]);
    assert_eq!(mgr(&rig), json!([5, 3, "osds"]));
    let made = rig.read(&made).await.unwrap();
    assert!(rig.plan(Some(&made), &wanted()).await.unwrap().is_empty());
    rig.configure().await;
    // Without a word of `allow_destroy`, and it stays.
    rig.destroy(&made).await.unwrap();
    assert_eq!(mgr(&rig), json!([3, 2, "replicated_rule"]));
    let imported: Kept<Pool> = rig.import(".mgr").await.unwrap();
    assert_eq!(imported.state.attribute("application"), Some(&Value::from("mgr")));
    let (changed, _) = rig.bring(Some(&imported), &wanted()).await.unwrap();
    rig.configure().await;
    rig.destroy(&changed).await.unwrap();
    assert_eq!(mgr(&rig), json!([5, 3, "replicated_rule"]), "how many copies it had, an import does not tell");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_resource_takes_it_over_and_where_there_is_none_it_is_waited_for() {
    let rig = Rig::of(READY).await;
    let (one, other) =
        (rig.plan::<Pool>(None, &wanted()).await.unwrap(), rig.plan::<Pool>(None, &wanted()).await.unwrap());
    rig.apply(one).await.unwrap();
    let told = rig.apply(other).await.unwrap_err().join("\n");
    assert!(told.contains("made by another resource already"), "{told}");
    let rig = Rig::of("ceph: {stage: monitors}").await;
    let soon = json!({"name": ".mgr", "timeouts": {"create": "1s"}});
    let told = rig.bring::<Pool>(None, &soon).await.unwrap_err().join("\n");
    assert!(told.contains("has not made its pool") && told.contains("once there are OSDs"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_it_would_come_to_is_looked_at_as_for_any_pool() {
    let rig = Rig::of(READY).await;
    let single = json!({"name": ".mgr", "size": 1, "min_size": 1});
    assert!(rig.plan::<Pool>(None, &single).await.unwrap_err()[0].contains("A single copy is refused"));
    let many = json!({"name": ".mgr", "size": 4});
    let told = rig.plan::<Pool>(None, &many).await.unwrap_err().join("\n");
    assert!(told.contains("Pool \".mgr\" 4/2 cannot be placed"), "{told}");
}
