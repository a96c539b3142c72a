//! The comparison is worth something only if it fails: every kind of leaf of every recording is changed once, and each
//! change has to be seen unless a named rule covers exactly that key.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::compare::{Difference, Kind, Reply, compare};
use super::names::Names;
use super::recording::{Exchange, Recording};
use super::{recordings, truth};

/// The keys whose values the named rules cover; none of them is something that a request sets.
const COVERED: &[&str] = &[
    // ids of the HA manager's orders
    "uid",
    // what a UPID carries, and times
    "pid",
    "pstart",
    "starttime",
    "endtime",
    "timestamp",
    "time",
    "localtime",
    "notbefore",
    "notafter",
    "ctime",
    "snaptime",
    "created",
    "modified",
    "last_changed",
    "active_change",
    "last_changed_epoch",
    // versions
    "version",
    "release",
    "repoid",
    "pveversion",
    "kversion",
    "ceph_version",
    "ceph_version_short",
    "ceph_release",
    "buildcommit",
    "str",
    "parts",
    // what a daemon gives itself
    "nonce",
    "active_gid",
    "gid",
    "active_mgr_features",
    "mgr_features",
    // usage, and the size of the machine
    "cpu",
    "mem",
    "memhost",
    "disk",
    "diskread",
    "diskwrite",
    "netin",
    "netout",
    "uptime",
    "maxmem",
    "maxdisk",
    "maxcpu",
    "pressurecpusome",
    "pressurecpufull",
    "pressureiosome",
    "pressureiofull",
    "pressurememorysome",
    "pressurememoryfull",
    "used",
    "avail",
    "total",
    "used_fraction",
    "free",
    "available",
    "shared",
    "idle",
    "wait",
    "loadavg",
    "bytes_used",
    "percent_used",
    "apply_latency_ms",
    "commit_latency_ms",
    "pgs",
    "mem_usage",
    "raw_used",
    "logical_used",
    "actual_raw_used",
    "capacity_ratio",
    "actual_capacity_ratio",
    "bytes_avail",
    "data_bytes",
    "num_objects",
    "quorum_age",
    "stored",
    "kb_used",
    "max_avail",
    "objects",
    "osd_in_since",
    "osd_up_since",
];

fn all() -> Vec<Recording> {
    recordings(&[]).expect("recordings").iter().map(|path| Recording::load(path).expect("a recording")).collect()
}

/// The simulator that answers exactly as recorded.
fn faithful(exchange: &Exchange) -> Reply {
    Reply { status: exchange.status, reason: exchange.reason.clone(), body: exchange.response.clone() }
}

fn differences(exchange: &Exchange, reply: &Reply) -> Vec<Difference> {
    compare(exchange, reply, &mut Names::default(), &|_| false)
}

/// JSON pointers of all leaves (or, with `inner`, of all objects) of a value.
fn pointers(value: &Value, at: &str, inner: bool, into: &mut Vec<String>) {
    let escape = |key: &str| key.replace('~', "~0").replace('/', "~1");
    match value {
        Value::Object(map) => {
            if inner {
                into.push(at.to_owned());
            }
            map.iter().for_each(|(key, value)| pointers(value, &format!("{at}/{}", escape(key)), inner, into));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, value)| pointers(value, &format!("{at}/{index}"), inner, into));
        }
        _ if !inner => into.push(at.to_owned()),
        _ => {}
    }
}

/// Some of them, evenly spread: the status of a Ceph cluster has thousands.
fn sample(pointers: Vec<String>) -> Vec<String> {
    let step = pointers.len().div_ceil(40).max(1);
    pointers.into_iter().step_by(step).collect()
}

fn leaves(value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    pointers(value, "", false, &mut found);
    sample(found)
}

/// The last named part of a pointer: `cpu` of `/data/0/cpu`, `loadavg` of `/data/loadavg/1`.
fn key(pointer: &str) -> &str {
    pointer.rsplit('/').find(|part| part.parse::<usize>().is_err()).unwrap_or_default()
}

fn with(exchange: &Exchange, pointer: &str, change: impl FnOnce(&mut Value)) -> Reply {
    let mut reply = faithful(exchange);
    change(reply.body.pointer_mut(pointer).expect("a pointer into this answer"));
    reply
}

#[test]
fn a_faithful_simulator_matches_everything() {
    for recording in all() {
        for (number, exchange) in recording.exchanges.iter().enumerate() {
            let found = differences(exchange, &faithful(exchange));
            assert_eq!(found, [], "{} #{number}", recording.name);
        }
    }
}

#[test]
fn another_status_or_reason_is_seen() {
    for recording in all() {
        for exchange in &recording.exchanges {
            let status = Reply { status: exchange.status + 1, ..faithful(exchange) };
            assert!(differences(exchange, &status).iter().any(|difference| difference.place == "status"));
            let reason = Reply { reason: format!("{}.", exchange.reason), ..faithful(exchange) };
            assert!(differences(exchange, &reason).iter().any(|difference| difference.place == "reason"));
            let body = Reply { body: json!("<html>"), ..faithful(exchange) };
            assert!(!differences(exchange, &body).is_empty());
        }
    }
}

#[test]
fn another_message_or_error_field_is_seen() {
    let mut seen = 0;
    for recording in all() {
        for exchange in &recording.exchanges {
            if exchange.response["message"].is_string() {
                let reply = with(exchange, "/message", |message| *message = json!("something else\n"));
                assert_eq!(differences(exchange, &reply).len(), 1, "{}", exchange.response);
            }
            for (field, text) in exchange.response["errors"].as_object().into_iter().flatten() {
                let other_text = with(exchange, "/errors", |errors| errors[field] = json!(format!("{text}.")));
                assert_eq!(differences(exchange, &other_text).len(), 1, "{field}");
                let other_field = with(exchange, "/errors", |errors| {
                    let errors = errors.as_object_mut().expect("an object");
                    let text = errors.remove(field).expect("the field");
                    errors.insert(format!("{field}x"), text);
                });
                assert_eq!(differences(exchange, &other_field).len(), 2, "one missing and one extra: {field}");
                seen += 1;
            }
        }
    }
    assert!(seen > 100, "only {seen} error fields were tried");
}

#[test]
fn a_missing_or_extra_key_is_seen() {
    for recording in all() {
        for (number, exchange) in recording.exchanges.iter().enumerate() {
            let mut objects = Vec::new();
            pointers(&exchange.response, "", true, &mut objects);
            // One answer is changed and set right again: copying it each time takes longer than comparing it.
            let mut reply = faithful(exchange);
            for pointer in sample(objects) {
                let object = |reply: &mut Reply, change: &mut dyn FnMut(&mut Map<String, Value>)| {
                    let object = reply.body.pointer_mut(&pointer).and_then(Value::as_object_mut);
                    change(object.expect("an object"));
                };
                object(&mut reply, &mut |object| drop(object.insert("no-such-key".to_owned(), json!(1))));
                assert!(!differences(exchange, &reply).is_empty(), "{} #{number} {pointer}", recording.name);
                object(&mut reply, &mut |object| drop(object.remove("no-such-key")));
                let keys = exchange.response.pointer(&pointer).and_then(Value::as_object).expect("an object").keys();
                for key in keys.take(10) {
                    let mut gone = Value::Null;
                    object(&mut reply, &mut |object| gone = object.remove(key).expect("the key"));
                    let found = differences(exchange, &reply);
                    assert!(!found.is_empty(), "{} #{number} {pointer} {key}", recording.name);
                    object(&mut reply, &mut |object| drop(object.insert(key.clone(), gone.take())));
                }
            }
            assert_eq!(reply.body, exchange.response, "set right again");
        }
    }
}

#[test]
fn another_type_is_seen_even_where_a_rule_covers_the_value() {
    for recording in all() {
        for (number, exchange) in recording.exchanges.iter().enumerate() {
            for pointer in leaves(&exchange.response).iter().filter(|pointer| !pointer.is_empty()) {
                let reply = with(exchange, pointer, |leaf| {
                    *leaf = match &leaf {
                        Value::String(_) => json!(1),
                        Value::Number(number) => json!(number.to_string()),
                        Value::Bool(flag) => json!(i32::from(*flag)),
                        _ => json!(false),
                    };
                });
                assert!(!differences(exchange, &reply).is_empty(), "{} #{number} {pointer}", recording.name);
            }
        }
    }
}

#[test]
fn another_value_is_seen_unless_a_named_rule_covers_the_key() {
    let (mut seen, mut covered, mut unexpected) = (0, 0, BTreeSet::new());
    for recording in all() {
        for (number, exchange) in recording.exchanges.iter().enumerate() {
            for pointer in leaves(&exchange.response).iter().filter(|pointer| !pointer.is_empty()) {
                let reply = with(exchange, pointer, |leaf| {
                    *leaf = match &leaf {
                        Value::String(text) => json!(format!("{text}~")),
                        Value::Number(number) => json!(number.as_f64().unwrap_or_default() + 1000.0),
                        Value::Bool(flag) => json!(!flag),
                        _ => json!({}),
                    };
                });
                if differences(exchange, &reply).is_empty() {
                    covered += 1;
                    if !COVERED.contains(&key(pointer)) || !pointer.starts_with("/data/") {
                        unexpected.insert(format!("{} #{number} {pointer}", recording.name));
                    }
                } else {
                    seen += 1;
                }
            }
        }
    }
    assert!(unexpected.is_empty(), "changes that nobody sees: {unexpected:#?}");
    assert!(seen > 5 * covered, "{covered} values are covered by rules, only {seen} are compared");
}

#[test]
fn digests_may_be_others_but_stay_equal_where_they_were() {
    let recordings = all();
    let ha = recordings.iter().find(|recording| recording.name == "02-ha").expect("02-ha");
    let pair: Vec<&Exchange> = ha
        .exchanges
        .windows(2)
        .find(|pair| {
            let digest = |exchange: &Exchange| exchange.response["data"]["digest"].as_str().map(str::to_owned);
            digest(&pair[0]).is_some() && digest(&pair[0]) == digest(&pair[1])
        })
        .expect("two answers with one digest")
        .iter()
        .collect();
    let answer = |exchange: &Exchange, digest: &str| with(exchange, "/data/digest", |leaf| *leaf = json!(digest));
    let (a, b) = ("a".repeat(40), "b".repeat(40));

    let mut names = Names::default();
    assert_eq!(compare(pair[0], &answer(pair[0], &a), &mut names, &|_| false), []);
    assert_eq!(compare(pair[1], &answer(pair[1], &a), &mut names, &|_| false), []);

    let mut names = Names::default();
    assert_eq!(compare(pair[0], &answer(pair[0], &a), &mut names, &|_| false), []);
    let found = compare(pair[1], &answer(pair[1], &b), &mut names, &|_| false);
    assert!(matches!(&found[..], [Difference { place, .. }] if place == "data.digest"), "{found:?}");
}

#[test]
fn order_counts_where_pve_sorts() {
    let exchange: Exchange = serde_json::from_value(json!({
        "request": {"method": "GET", "path": "/cluster/ha/resources"}, "status": 200, "reason": "OK",
        "response": {"data": [{"sid": "vm:1"}, {"sid": "vm:2"}]},
    }))
    .expect("an exchange");
    let turned = Reply { body: json!({"data": [{"sid": "vm:2"}, {"sid": "vm:1"}]}), ..faithful(&exchange) };
    assert!(matches!(&differences(&exchange, &turned)[..], [Difference { kind: Kind::Order { .. }, .. }]));

    let mut unordered = exchange.clone();
    unordered.request.path = "/storage".into();
    assert_eq!(differences(&unordered, &turned), []);
}

#[test]
fn what_is_said_not_to_be_served_is_not() {
    let exceptions = super::Exceptions::load(&truth().join("exceptions.yaml")).expect("exceptions");
    let recordings = all();
    let requests = recordings.iter().flat_map(|recording| &recording.exchanges).map(|exchange| &exchange.request);
    let called: Vec<_> = requests.map(|request| (request.method.as_str(), request.path.as_str())).collect();
    assert_eq!(exceptions.stale(&pve_sim::api::served(), &called), [""; 0]);
}

#[test]
fn each_recording_has_a_script() {
    for recording in all() {
        let path = truth().join("scripts").join(format!("{}.yaml", recording.name));
        if let Err(error) = super::Script::load(&path, recording.exchanges.len()) {
            panic!("{error:#}");
        }
    }
}
