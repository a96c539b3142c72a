//! What is said where an operation ends after it has written something.

use serde_json::json;

use super::Rig;
use crate::ceph::crush_rule::CrushRule;

const REFUSED: &str = "Permission check failed (/, Sys.Modify)";

/// A change of a rule's definition, where PVE refuses what is sent there. What it ends with.
async fn redefined_but(method: &str, path: &str) -> Vec<String> {
    let shape = "ceph: {stage: ready, rules: [{name: r, failure_domain: host}], pools: [{name: vm, crush_rule: r, application: rbd}]}";
    let rig = Rig::of(shape).await;
    let rule = rig.import::<CrushRule>("r").await.unwrap();
    let planned = rig.plan(Some(&rule), &json!({ "name": "r", "failure_domain": "osd" })).await.unwrap();
    let refused =
        json!({"match": {"method": method, "path": path}, "times": 9, "effect": {"status": 403, "message": REFUSED}});
    rig.control("POST", "/faults", &refused).await;
    rig.apply(planned).await.unwrap_err()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_whose_change_ends_halfway_does_not_say_that_nothing_was_written() {
    // The new rule is there by then, under another name.
    let told = redefined_but("PUT", "/nodes/*/ceph/pool/*").await;
    assert!(told[0].contains("this step wrote nothing") && !told[0].contains("othing was written"), "{told:?}");
    let told = redefined_but("POST", "/nodes/*/termproxy").await;
    assert!(told[0].contains("othing was written"), "{told:?}");
}
