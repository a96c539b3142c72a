//! The request at which a fault strikes.

use serde_json::{Value, json};

use crate::Seen;

/// The `nth` of the requests that look like this, counted from 1.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Point {
    /// Verb.
    pub method: String,
    /// Below `/api2/json`; `*` where every run has a name of its own.
    pub path: String,
    /// Which of several that look the same.
    pub nth: u64,
}

/// Calls that begin a task whose end is waited for.
const TASKS: &[(&str, &str)] = &[
    ("POST", "/ceph/pool"),
    ("PUT", "/ceph/pool/"),
    ("DELETE", "/ceph/pool/"),
    ("POST", "/ceph/osd"),
    ("DELETE", "/ceph/osd/"),
    ("POST", "/qemu"),
    ("DELETE", "/qemu/"),
    ("POST", "/move_disk"),
];

impl Point {
    /// Which requests it is one of, as a fault says it.
    pub fn pattern(&self) -> Value {
        json!({ "method": self.method, "path": self.path })
    }

    /// Whether it can change something.
    pub fn writes(&self) -> bool {
        self.method != "GET" && !self.path.ends_with("/access/ticket")
    }

    /// Whether a task begins with it.
    pub fn begins_task(&self) -> bool {
        TASKS.iter().any(|(method, part)| {
            let here = if part.ends_with('/') { self.path.contains(part) } else { self.path.ends_with(part) };
            self.method == *method && here
        })
    }

    /// Whether it is a command on a node, by SSH.
    pub(super) fn is_by_ssh(&self) -> bool {
        self.path.contains("/ssh/")
    }

    /// Whether it looks at a task.
    pub fn watches_task(&self) -> bool {
        self.method == "GET" && self.path.contains("/tasks/") && self.path.ends_with("/status")
    }
}

/// A point for each request that looks different from those before it.
pub(super) fn points(requests: &[Seen]) -> Vec<Point> {
    let mut points: Vec<Point> = Vec::new();
    for seen in requests {
        let point = Point { method: seen.method.clone(), path: shape(&seen.path), nth: 1 };
        if !points.contains(&point) {
            points.push(point);
        }
    }
    points
}

/// The path, with `*` for a task's name.
fn shape(path: &str) -> String {
    let part = |part: &'_ str| if part.starts_with("UPID:") { "*".to_owned() } else { part.to_owned() };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_that_look_the_same_are_one_point() {
        let seen = |method: &str, path: &str| {
            let json = json!({ "node": "pve1", "peer": "", "method": method, "path": path });
            serde_json::from_value::<Seen>(json).unwrap()
        };
        let points = points(&[
            seen("POST", "/nodes/pve1/ceph/osd"),
            seen("GET", "/nodes/pve1/tasks/UPID:pve1:1/status"),
            seen("GET", "/nodes/pve1/tasks/UPID:pve1:2/status"),
            seen("PUT", "/nodes/pve1/ceph/pool/vm"),
        ]);
        assert_eq!(points.len(), 3);
        assert_eq!(points[1].path, "/nodes/pve1/tasks/*/status");
        assert!(points[0].begins_task() && !points[0].watches_task() && points[1].watches_task());
        assert!(points.iter().all(|point| !point.is_by_ssh()));
        assert!(points[2].begins_task() && points[2].writes() && !points[1].writes());
    }
}
