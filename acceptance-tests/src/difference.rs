//! Where two clusters differ.

use std::collections::BTreeSet;

use serde_json::Value;

/// Where two states of a cluster (`GET /state`) differ, as paths with both values.
///
/// How many placement groups a pool has is not compared: what the autoscaler made of it before it was switched to `warn`
/// depends on when its minute was over.
pub(crate) fn difference(expected: &Value, found: &Value) -> Vec<String> {
    let mut places = Vec::new();
    compare("", expected, found, &mut places);
    places
}

fn compare(path: &str, expected: &Value, found: &Value, places: &mut Vec<String>) {
    match (expected, found) {
        (Value::Object(one), Value::Object(other)) => {
            let keys: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
            for key in keys {
                compare(&format!("{path}/{key}"), &expected[key.as_str()], &found[key.as_str()], places);
            }
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            for (n, (one, other)) in one.iter().zip(other).enumerate() {
                compare(&format!("{path}/{n}"), one, other, places);
            }
        }
        (one, other) if one == other => {}
        _ if path.starts_with("/ceph/pools/") && path.ends_with("/pg_num") => {}
        (one, other) => places.push(format!("{path} is {other} instead of {one}")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn differences_are_named() {
        let (one, other) = (json!({ "a": [1, { "b": 2 }], "c": 3 }), json!({ "a": [1, { "b": 4 }], "d": 3 }));
        let found = difference(&one, &other);
        assert_eq!(found, ["/a/1/b is 4 instead of 2", "/c is null instead of 3", "/d is 3 instead of null"]);
        assert!(difference(&one, &one).is_empty());
    }

    #[test]
    fn the_autoscalers_choice_does_not_count() {
        let pool =
            |pg_num: u32, size: u32| json!({ "ceph": { "pools": { "vm": { "pg_num": pg_num, "size": size } } } });
        assert!(difference(&pool(32, 3), &pool(128, 3)).is_empty());
        assert_eq!(difference(&pool(32, 3), &pool(32, 2)).len(), 1);
    }
}
