//! What PVE reserves to root@pam, with a token and SSH alone: no password of root@pam anywhere.

use serde_json::{Value as Json, json};
use terraform_plugin::value::Value;

use super::Rig;
use crate::ceph::osd::Osd;

const SHAPE: &str = "ceph: {stage: monitors}\nssh: true";

fn osd(serial: &str) -> Json {
    json!({ "node": "pve1", "device": { "serial": serial }, "allow_destroy": true })
}

/// A provider with a token and SSH.
async fn without_a_login() -> Rig {
    let rig = Rig::of(SHAPE).await;
    rig.configure_as(&json!({ "api_token": rig.sim.api_token, "ssh": rig.sim.ssh_block() })).await;
    rig.forget_requests().await;
    rig
}

/// Who asked for what can have changed something.
async fn writers(rig: &Rig) -> Vec<(String, Json)> {
    let seen = rig.control("GET", "/requests", &Json::Null).await;
    let writes = seen.as_array().unwrap().iter().filter(|seen| seen["method"] != "GET");
    let one = |seen: &Json| {
        (format!("{} {}", seen["method"].as_str().unwrap(), seen["path"].as_str().unwrap()), seen["user"].clone())
    };
    writes.map(one).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_osd_lives_by_pvesh() {
    let rig = without_a_login().await;
    let planned = rig.plan::<Osd>(None, &osd("SIM0101")).await.unwrap();
    assert!(!planned.warnings.iter().any(|told| told.contains("root@pam")), "{:?}", planned.warnings);
    let (made, _) = rig.apply(planned).await.unwrap();
    assert_eq!(made.state.attribute("ready"), Some(&Value::Bool(true)));
    rig.destroy(&made).await.unwrap();
    let writers = writers(&rig).await;
    let by = |what: &str| writers.iter().find(|(seen, _)| seen.starts_with(what)).map(|(_, user)| user.clone());
    assert_eq!(by("POST /nodes/pve1/ceph/osd"), Some("root@pam".into()), "{writers:?}");
    assert_eq!(by("DELETE /nodes/pve1/ceph/osd/"), Some("root@pam".into()), "{writers:?}");
    assert_eq!(by("POST /access/ticket"), None, "nobody has logged in: {writers:?}");
    assert!(rig.sim.world.with(|cluster| cluster.ceph.osds.is_empty()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_pvesh_refuses_and_what_becomes_of_a_lost_answer_are_told_as_ever() {
    let rig = without_a_login().await;
    let fault = |effect: Json, when: &str| json!({ "match": { "method": "POST", "path": "/nodes/pve1/ceph/osd" }, "when": when, "effect": effect });
    // The task fails: its own words are told.
    rig.control("POST", "/faults", &fault(json!({ "task": "fail", "message": "no such luck" }), "before")).await;
    let told = rig.bring::<Osd>(None, &osd("SIM0101")).await;
    let told = match told {
        Ok((_, warnings)) => warnings.join("\n"),
        Err(errors) => errors.join("\n"),
    };
    assert!(told.contains("no such luck"), "{told}");
    rig.control("DELETE", "/faults", &Json::Null).await;

    // The connection breaks when the OSD is made: it is found, and not made again.
    let rig = without_a_login().await;
    rig.control("POST", "/faults", &fault(json!({ "drop": true }), "after")).await;
    let (made, warnings) = rig.bring::<Osd>(None, &osd("SIM0102")).await.unwrap();
    assert_eq!(made.state.attribute("ready"), Some(&Value::Bool(true)), "{warnings:?}");
    let sent = writers(&rig).await.iter().filter(|(seen, _)| seen == "POST /nodes/pve1/ceph/osd").count();
    assert_eq!(sent, 1);
}
