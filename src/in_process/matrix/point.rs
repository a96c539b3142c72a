//! Where something happens.

use std::collections::{BTreeMap, BTreeSet};

use pve_sim::kernel::record::Recorded;
use serde_json::{Value as Json, json};

/// The `nth` of the requests that look like this, counted from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::in_process) struct Point {
    pub(in crate::in_process) method: String,
    /// With `*` where each run has a name of its own.
    pub(in crate::in_process) path: String,
    pub(in crate::in_process) nth: usize,
}

impl Point {
    pub(in crate::in_process) fn writes(&self) -> bool {
        self.method != "GET" && self.path != "/access/ticket"
    }

    /// As a fault's `match`.
    pub(in crate::in_process) fn pattern(&self) -> Json {
        json!({ "method": self.method, "path": self.path })
    }
}

/// The path, with `*` for a task's name and the number of an OSD, which each run gives out anew.
pub(in crate::in_process) fn shape(path: &str) -> String {
    let mut parts: Vec<&str> = path.split('/').collect();
    for n in 1..parts.len() {
        if parts[n].starts_with("UPID:") || parts[n - 1] == "osd" {
            parts[n] = "*";
        }
    }
    parts.join("/")
}

/// Every write; of the reads one of each kind between two writes.
pub(in crate::in_process) fn points(requests: &[Recorded]) -> Vec<Point> {
    let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut since: BTreeSet<(String, String)> = BTreeSet::new();
    let mut points = Vec::new();
    for seen in requests {
        let kind = (seen.method.clone(), shape(&seen.path));
        let count = counts.entry(kind.clone()).or_default();
        *count += 1;
        let point = Point { method: kind.0.clone(), path: kind.1.clone(), nth: *count };
        if point.writes() {
            since.clear();
            points.push(point);
        } else if since.insert(kind) {
            points.push(point);
        }
    }
    points
}

#[test]
fn every_write_is_a_point_and_of_the_reads_one_of_each_kind_between_two() {
    let seen = |method: &str, path: &str| Recorded {
        node: "pve1".to_owned(),
        peer: String::new(),
        method: method.to_owned(),
        path: path.to_owned(),
        params: serde_json::Map::new(),
        status: Some(200),
        user: None,
    };
    let (task, other) = ("/nodes/pve1/tasks/UPID:1/status", "/nodes/pve1/tasks/UPID:2/status");
    let found = points(&[
        seen("GET", task),
        seen("GET", other),
        seen("DELETE", "/nodes/pve1/ceph/osd/3"),
        seen("DELETE", "/nodes/pve1/ceph/osd/4"),
        seen("GET", task),
    ]);
    let told: Vec<(&str, usize)> = found.iter().map(|point| (point.path.as_str(), point.nth)).collect();
    let (task, osd) = ("/nodes/pve1/tasks/*/status", "/nodes/pve1/ceph/osd/*");
    assert_eq!(told, [(task, 1), (osd, 1), (osd, 2), (task, 3)]);
}
