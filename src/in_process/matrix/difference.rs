//! Where two clusters differ.

use std::collections::BTreeMap;

use serde_json::Value as Json;

/// Each place where they do: what there is, instead of what. What the autoscaler has made of a pool by then depends on time.
pub(in crate::in_process) fn difference(expected: &Json, found: &Json) -> Vec<String> {
    let (mut one, mut other) = (BTreeMap::new(), BTreeMap::new());
    leaves(String::new(), expected, &mut one);
    leaves(String::new(), found, &mut other);
    let places = one.keys().chain(other.keys().filter(|path| !one.contains_key(*path)));
    let differ = places.filter(|path| one.get(*path) != other.get(*path));
    let counts = differ.filter(|path| !(path.starts_with("/ceph/pools/") && path.ends_with("/pg_num")));
    counts.map(|path| format!("{path} is {:?} instead of {:?}", other.get(path), one.get(path))).collect()
}

fn leaves(path: String, value: &Json, found: &mut BTreeMap<String, String>) {
    match value {
        Json::Object(fields) if !fields.is_empty() => {
            fields.iter().for_each(|(name, value)| leaves(format!("{path}/{name}"), value, found));
        }
        Json::Array(values) if !values.is_empty() => {
            values.iter().enumerate().for_each(|(n, value)| leaves(format!("{path}/{n}"), value, found));
        }
        leaf => drop(found.insert(path, leaf.to_string())),
    }
}

#[test]
fn differences_are_named() {
    let pool = |pg_num: u32| serde_json::json!({ "ceph": { "pools": { "vm": { "pg_num": pg_num } } }, "a": [1] });
    assert_eq!(difference(&pool(1), &pool(2)), [""; 0]);
    let told = difference(&pool(1), &serde_json::json!({ "a": [2], "b": {} }));
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].contains("/a/0 is Some(\"2\") instead of Some(\"1\")"), "{told:?}");
}
