//! The whole way, through a running simulator: what matches, and that a recording which is changed in one leaf no longer
//! does.

use serde_json::{Value, json};

use super::*;
use crate::golden::{install_crypto, truth};

/// Calls of 01 that need no more than the simulator's kernel: a refused login, an unknown path, the cluster's status, the
/// next free id, and one whose parameter is wrong.
const CALLS: [usize; 5] = [7, 12, 17, 27, 29];

fn base() -> Recording {
    let mut recording = Recording::load(&truth().join("pve/01-base.json")).expect("01-base");
    recording.exchanges = CALLS.iter().map(|number| recording.exchanges[*number].clone()).collect();
    recording
}

fn script() -> Script {
    let nodes = "[{name: pve1, ip: 127.0.0.11}, {name: pve2, ip: 127.0.0.12}, {name: pve3, ip: 127.0.0.13}]";
    let start = format!("{{name: pvetest, nodes: {nodes}, clock: {{factor: 0, start: '2026-11-22T17:59:50Z'}}}}");
    serde_saphyr::from_str(&format!("floor: 100\nparts:\n  - {{calls: [0-4], start: {start}}}\n")).expect("a script")
}

async fn outcomes(recording: &Recording) -> Vec<Outcome> {
    install_crypto();
    let exceptions: Exceptions = serde_saphyr::from_str("not_served: []\ncalls: []\n").expect("no exceptions");
    replay(recording, &script(), &exceptions).await.expect("a replay").outcomes
}

#[tokio::test(flavor = "multi_thread")]
async fn the_recording_as_it_is_matches() {
    for (call, outcome) in CALLS.iter().zip(outcomes(&base()).await) {
        assert!(matches!(outcome, Outcome::Matched), "call {call}: {outcome:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_changed_leaf_fails_its_call_and_no_other() {
    type Flip = fn(&mut Exchange);
    let flips: [(&str, usize, Flip); 9] = [
        ("status", 0, |exchange| exchange.status = 500),
        ("reason", 1, |exchange| exchange.reason.push('!')),
        ("message", 1, |exchange| exchange.response["message"] = json!("Not found")),
        ("error text", 0, |exchange| exchange.response["errors"]["password"] = json!("too short")),
        ("error field", 4, |exchange| {
            let errors = exchange.response["errors"].as_object_mut().expect("errors");
            let text = errors.remove("vmid").expect("vmid");
            errors.insert("id".into(), text);
        }),
        ("key", 2, |exchange| {
            entry(exchange, "cluster").as_object_mut().expect("an object").remove("quorate");
        }),
        ("type", 2, |exchange| entry(exchange, "cluster")["quorate"] = json!(true)),
        ("value", 2, |exchange| entry(exchange, "node/pve2")["ip"] = json!("127.0.0.99")),
        ("value of the whole", 3, |exchange| exchange.response["data"] = json!("101")),
    ];
    for (what, number, flip) in flips {
        let mut recording = base();
        flip(&mut recording.exchanges[number]);
        for (other, outcome) in outcomes(&recording).await.iter().enumerate() {
            let differs = matches!(outcome, Outcome::Differs(_));
            assert_eq!(differs, other == number, "{what}: call {other}: {outcome:?}");
        }
    }
}

fn entry<'a>(exchange: &'a mut Exchange, id: &str) -> &'a mut Value {
    let list = exchange.response["data"].as_array_mut().expect("a list");
    list.iter_mut().find(|entry| entry["id"] == id).expect("the entry")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unserved_path_is_set_aside_only_if_named_and_only_while_it_is_501() {
    install_crypto();
    let call = |path: &str, status: u16| json!({"request": {"method": "GET", "path": path}, "status": status, "reason": "OK", "response": {"data": []}});
    let recording = Recording {
        name: "x".into(),
        exchanges: vec![
            serde_json::from_value(call("/cluster/sdn/zones", 200)).expect("an exchange"),
            serde_json::from_value(call("/cluster/log", 200)).expect("an exchange"),
            serde_json::from_value(call("/version", 200)).expect("an exchange"),
        ],
    };
    let exceptions: Exceptions =
        serde_saphyr::from_str("not_served:\n- {feature: f, paths: [GET /cluster/sdn/**, GET /version]}\ncalls: []\n")
            .expect("exceptions");
    let mut script = script();
    script.parts = vec![
        serde_json::from_value(json!({
            "calls": ["0-2"], "start": script.parts[0].start,
        }))
        .expect("a part"),
    ];
    let replayed = replay(&recording, &script, &exceptions).await.expect("a replay");
    assert!(matches!(&replayed.outcomes[0], Outcome::NotServed(feature) if feature == "f"), "named and 501");
    assert!(matches!(replayed.outcomes[1], Outcome::Differs(_)), "501 but not named");
    assert!(matches!(replayed.outcomes[2], Outcome::Differs(_)), "named but served, and different");
    assert_eq!((replayed.matched(), replayed.total()), (0, 2));
    assert!(!replayed.reaches_its_floor());
}
