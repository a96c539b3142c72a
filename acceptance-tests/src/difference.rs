//! Where two clusters differ.

use std::collections::BTreeSet;
use std::fmt;

use anyhow::ensure;
use serde_json::Value;

/// A place where two documents differ.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// `/ceph/pools/vm/size`.
    pub path: String,
    /// What there should be.
    pub expected: Option<Value>,
    /// What there is.
    pub found: Option<Value>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = |value: &Option<Value>| value.as_ref().map_or_else(|| "nothing".to_owned(), Value::to_string);
        write!(f, "{} is {} instead of {}", self.path, told(&self.found), told(&self.expected))
    }
}

/// Where two states of a cluster (`GET /state`) differ.
pub fn difference(expected: &Value, found: &Value) -> Vec<Difference> {
    let mut places = Vec::new();
    compare("", expected, found, &mut places);
    places
}

/// Makes sure that two states of a cluster do not differ.
pub(crate) fn must_be_the_same(expected: &Value, found: &Value) -> anyhow::Result<()> {
    nothing(difference(expected, found))
}

/// The same, but for how many placement groups a pool has: what the autoscaler made of it before it was switched to `warn`
/// depends on when its minute was over.
pub(crate) fn must_be_the_same_but_for_pg_num(expected: &Value, found: &Value) -> anyhow::Result<()> {
    let mut places = difference(expected, found);
    places.retain(|place| !place.is_pg_num());
    nothing(places)
}

/// The same, where a node has died in the middle of a disk move: it leaves half a copy where the disk was going to, of which no
/// task and no configuration knows, and the move that is begun anew takes the next name.
///
/// # Errors
/// Where they differ otherwise.
pub fn must_be_the_same_but_for_half_a_copy(expected: &Value, found: &Value) -> anyhow::Result<()> {
    let mut places = difference(expected, found);
    places.retain(|place| !place.is_pg_num() && !place.is_half_a_copy() && !place.is_another_name());
    nothing(places)
}

impl Difference {
    fn is_pg_num(&self) -> bool {
        self.path.starts_with("/ceph/pools/") && self.path.ends_with("/pg_num")
    }

    /// An image of a guest that nobody has asked for.
    fn is_half_a_copy(&self) -> bool {
        self.path.contains("/images/vm-") && self.expected.is_none()
    }

    /// A guest's volume with another number in its name.
    fn is_another_name(&self) -> bool {
        let nameless = |value: &Option<Value>| {
            let text = value.as_ref()?.as_str()?;
            let (before, after) = text.split_once("-disk-")?;
            Some((before.to_owned(), after.trim_start_matches(|c: char| c.is_ascii_digit()).to_owned()))
        };
        nameless(&self.expected).is_some_and(|name| nameless(&self.found) == Some(name))
    }
}

fn nothing(places: Vec<Difference>) -> anyhow::Result<()> {
    let told: Vec<String> = places.iter().map(ToString::to_string).collect();
    ensure!(told.is_empty(), "the cluster is another one: {}", told.join("; "));
    Ok(())
}

fn compare(path: &str, expected: &Value, found: &Value, places: &mut Vec<Difference>) {
    match (expected, found) {
        (Value::Object(one), Value::Object(other)) => {
            let keys: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
            for key in keys {
                let path = format!("{path}/{key}");
                match (one.get(key), other.get(key)) {
                    (Some(one), Some(other)) => compare(&path, one, other, places),
                    (one, other) => places.push(Difference { path, expected: one.cloned(), found: other.cloned() }),
                }
            }
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            for (n, (one, other)) in one.iter().zip(other).enumerate() {
                compare(&format!("{path}/{n}"), one, other, places);
            }
        }
        (one, other) if one == other => {}
        (one, other) => {
            places.push(Difference { path: path.to_owned(), expected: Some(one.clone()), found: Some(other.clone()) });
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn differences_are_named() {
        let (one, other) = (json!({ "a": [1, { "b": 2 }], "c": 3 }), json!({ "a": [1, { "b": 4 }], "d": 3 }));
        let told = must_be_the_same(&one, &other).unwrap_err().to_string();
        assert!(
            told.ends_with("/a/1/b is 4 instead of 2; /c is nothing instead of 3; /d is 3 instead of nothing"),
            "{told}"
        );
        must_be_the_same(&one, &one).unwrap();
        must_be_the_same(&json!({ "a": null }), &json!({})).unwrap_err();
    }

    #[test]
    fn the_autoscalers_choice_may_be_left_out() {
        let pool =
            |pg_num: u32, size: u32| json!({ "ceph": { "pools": { "vm": { "pg_num": pg_num, "size": size } } } });
        must_be_the_same_but_for_pg_num(&pool(32, 3), &pool(128, 3)).unwrap();
        must_be_the_same(&pool(32, 3), &pool(128, 3)).unwrap_err();
        must_be_the_same_but_for_pg_num(&pool(32, 3), &pool(128, 2)).unwrap_err();
    }

    #[test]
    fn half_a_copy_may_be_left_and_nothing_else() {
        let cluster = |images: serde_json::Value, scsi0: &str| json!({ "ceph": { "pools": { "vm": { "images": images } } }, "guests": { "132": { "config": { "scsi0": scsi0 } } } });
        let whole = cluster(json!({ "vm-132-disk-0": 4 }), "vm:vm-132-disk-0,size=4G");
        let left = cluster(json!({ "vm-132-disk-0": 4, "vm-132-disk-1": 4 }), "vm:vm-132-disk-1,size=4G");
        must_be_the_same_but_for_half_a_copy(&whole, &left).unwrap();
        must_be_the_same_but_for_pg_num(&whole, &left).unwrap_err();
        must_be_the_same_but_for_half_a_copy(&left, &whole).unwrap_err();
        let smaller = cluster(json!({ "vm-132-disk-0": 4 }), "vm:vm-132-disk-0,size=3G");
        must_be_the_same_but_for_half_a_copy(&whole, &smaller).unwrap_err();
    }
}
