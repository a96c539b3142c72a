//! Where something happens.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value, json};

use crate::Seen;

/// What belongs to no object's writes.
pub(super) const READS: &str = "reads";

/// A request of an undisturbed run.
///
/// One that writes is the `nth` with its verb and path. One that reads is the `nth` of all: how often something is looked
/// at depends on time, so reads have no names that hold from one run to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Point {
    /// Verb, and path below `/api2/json`; none for a read.
    pub call: Option<(String, String)>,
    /// Counted from 1.
    pub nth: usize,
    /// The type of resource that it is for, or `reads`.
    pub object: &'static str,
}

impl Point {
    /// As a fault's `match`.
    pub(super) fn pattern(&self) -> Value {
        match &self.call {
            Some((method, path)) => json!({ "method": method, "path": path }),
            None => Value::Object(Map::new()),
        }
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.call {
            Some((method, path)) => write!(f, "{method} {path} ({})", self.nth),
            None => write!(f, "request {}", self.nth),
        }
    }
}

/// All requests of a run.
pub(super) fn all(requests: &[Seen]) -> Vec<Point> {
    let mut counts: BTreeMap<(&str, String), usize> = BTreeMap::new();
    let mut points = Vec::new();
    for (before, seen) in requests.iter().enumerate() {
        let path = generalised(&seen.path);
        let count = counts.entry((&seen.method, path.clone())).or_default();
        *count += 1;
        points.push(match seen.mutates() {
            true => {
                Point { call: Some((seen.method.clone(), path)), nth: *count, object: object(&seen.method, &seen.path) }
            }
            false => Point { call: None, nth: before + 1, object: READS },
        });
    }
    points
}

/// The path without the number of an OSD, which each run gives out in another order.
pub(super) fn generalised(path: &str) -> String {
    let mut parts: Vec<&str> = path.split('/').collect();
    if let Some(at) = parts.iter().position(|part| *part == "osd")
        && let Some(number) = parts.get_mut(at + 1)
    {
        *number = "*";
    }
    parts.join("/")
}

/// The type of resource that sends a request which writes.
fn object(method: &str, path: &str) -> &'static str {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    match parts.as_slice() {
        ["nodes", _, "ceph", "pool", ..] => "pve_ceph_pool",
        ["nodes", _, "ceph", ..] | ["nodes", _, "disks", ..] => "pve_ceph_osd",
        ["nodes", _, "termproxy", ..] => "pve_ceph_crush_rule",
        ["nodes", _, "qemu", _, "move_disk" | "unlink"] => "pve_vm_disk_move",
        ["nodes", _, "qemu" | "lxc", _, "snapshot", ..] => "pve_snapshot",
        ["nodes", _, "qemu", _, "template"] => "pve_template",
        ["nodes", _, "qemu", ..] => "pve_vm",
        ["cluster", "ha", ..] => "pve_ha_resource",
        ["storage", ..] => "pve_storage_rbd",
        ["pools", ..] => "pve_pool",
        _ => panic!("whose is {method} {path}?"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(method: &str, path: &str) -> Seen {
        serde_json::from_value(json!({ "node": "pve1", "peer": "", "method": method, "path": path })).unwrap()
    }

    #[test]
    fn writes_are_counted_by_name_and_reads_by_their_place() {
        let osd = "/nodes/pve1/ceph/osd";
        let points = all(&[seen("GET", osd), seen("POST", osd), seen("GET", osd), seen("POST", osd)]);
        let told: Vec<String> = points.iter().map(Point::to_string).collect();
        assert_eq!(told, ["request 1", &format!("POST {osd} (1)"), "request 3", &format!("POST {osd} (2)")]);
        assert_eq!(points[1].object, "pve_ceph_osd");
        assert_eq!(points[0].pattern(), json!({}));
    }

    #[test]
    fn numbers_of_osds_do_not_count() {
        let points = all(&[seen("DELETE", "/nodes/pve1/ceph/osd/3"), seen("POST", "/nodes/pve1/ceph/osd/3/out")]);
        let told: Vec<String> = points.iter().map(Point::to_string).collect();
        assert_eq!(told, ["DELETE /nodes/pve1/ceph/osd/* (1)", "POST /nodes/pve1/ceph/osd/*/out (1)"]);
    }

    #[test]
    fn a_login_writes_nothing() {
        assert_eq!(all(&[seen("POST", "/access/ticket")])[0].object, READS);
    }
}
