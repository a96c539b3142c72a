//! Nobody gets in: no plan mends that, and no plan is green.

use serde_json::{Value as Json, json};

use super::Rig;
use crate::access::pool::Pool as ResourcePool;
use crate::ceph::pool::Pool;
use crate::storage::rbd::StorageRbd;

/// What the plans of three new objects tell as errors, where the provider is configured otherwise.
async fn planned_with(otherwise: &Json) -> Vec<String> {
    let rig = Rig::of("{ceph: {stage: ready}}").await;
    rig.configured_but(&rig.server, otherwise).await;
    let mut errors = Vec::new();
    errors.extend(rig.plan::<ResourcePool>(None, &json!({ "poolid": "a" })).await.err());
    errors.extend(rig.plan::<Pool>(None, &json!({ "name": "a" })).await.err());
    errors.extend(rig.plan::<StorageRbd>(None, &json!({ "storage": "a", "pool": "a" })).await.err());
    errors.concat()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_credentials_are_one_error_of_the_plan() {
    let token = json!({ "api_token": "root@pam!tf=00000000-0000-0000-0000-000000000000" });
    let login = json!({ "api_token": null, "password": "wrong" });
    for (otherwise, attribute) in [(token, "`api_token`"), (login, "`username` and `password`")] {
        let told = planned_with(&otherwise).await;
        assert!(told.len() == 1 && told[0].contains("does not accept the credentials"), "{told:?}");
        assert!(told[0].contains(attribute), "{told:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_of_others_are_one_error_of_the_plan() {
    let rig = Rig::of("{}").await;
    let wrong: Json =
        rig.sim.fingerprints.keys().map(|name| (name.clone(), Json::from("AA:".repeat(31) + "AA"))).collect();
    let told = planned_with(&json!({ "fingerprints": wrong })).await;
    assert!(told.len() == 1 && told[0].contains("is not trusted") && told[0].contains("`fingerprints`"), "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_may_not_look_at_is_a_warning() {
    let shape = "
ceph: {stage: ready}
users:
  - userid: blind@pve
    password: secret
    tokens: [{ id: t, privsep: false, value: 11111111-2222-3333-4444-555555555555 }]
";
    let rig = Rig::of(shape).await;
    let token =
        json!({ "api_token": "blind@pve!t=11111111-2222-3333-4444-555555555555", "username": null, "password": null });
    rig.configured_but(&rig.server, &token).await;
    let told = rig.plan::<Pool>(None, &json!({ "name": "a" })).await.unwrap().warnings;
    assert!(told.iter().any(|text| text.contains("The user or token lacks")), "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_the_cluster_vouches_for_is_told_with_its_node() {
    let rig = Rig::of("{}").await;
    let mut pins = rig.sim.fingerprints.clone();
    let right = pins.insert("pve2".to_owned(), "AA:".repeat(31) + "AA").unwrap();
    // Where anybody may answer nobody vouches.
    for (insecure, words) in [(false, "this is node pve2's"), (true, "find out who answers there")] {
        if insecure {
            pins.retain(|node, _| node == "pve2");
        }
        let mut told = rig.configured_but(&rig.server, &json!({ "fingerprints": pins, "insecure": insecure })).await;
        // It may have been found out a moment later.
        told.extend(rig.plan::<ResourcePool>(None, &json!({ "poolid": "a" })).await.unwrap().warnings);
        let of_it: Vec<&String> = told.iter().filter(|said| said.contains(&right)).collect();
        assert!(of_it.len() == 1 && of_it[0].contains(words), "{told:?}");
    }
}
