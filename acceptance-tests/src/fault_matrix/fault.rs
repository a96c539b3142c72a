//! The faults.

use serde_json::{Value, json};

use super::{Operation, Point};

/// Something that goes wrong.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    /// What it is called in reports.
    pub name: &'static str,
    /// At which requests it makes sense.
    pub aim: Aim,
    /// Whether PVE has carried out the request when it strikes.
    pub after: bool,
    /// At how many requests in a row.
    pub times: u64,
    /// How one logs in.
    pub login: Login,
    /// The effect, as JSON.
    effect: &'static str,
    /// Words of which an error has to say one: the cause.
    pub(super) cause: &'static [&'static str],
}

/// At which requests a fault makes sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aim {
    /// At any; at those that write, if there are any.
    Any,
    /// At those that begin a task; while one waits, at those that look at it.
    Task,
    /// At those that begin a task, and nowhere else.
    Beginning,
    /// From the first on.
    Whole,
}

/// How one logs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Login {
    /// With a token, and as root@pam for what tokens cannot do.
    Both,
    /// As root@pam only.
    Ticket,
}

const fn fault(name: &'static str, aim: Aim, effect: &'static str, cause: &'static [&'static str]) -> Fault {
    Fault { name, aim, after: false, times: 1, login: Login::Both, effect, cause }
}

impl Fault {
    const fn after(mut self) -> Self {
        self.after = true;
        self
    }

    const fn times(mut self, times: u64) -> Self {
        self.times = times;
        self
    }

    const fn with_ticket(mut self) -> Self {
        self.login = Login::Ticket;
        self
    }

    /// Whether one has to wait for it in real time.
    pub fn is_slow(&self) -> bool {
        self.effect.contains("\"delay\"")
    }

    /// Whether nodes have to be switched on again, and the cluster to settle, before it is what it was.
    pub fn kills_a_node(&self) -> bool {
        self.effect.contains("\"power\"")
    }

    /// Whether PVE carries out what it strikes all the same, with the status that is answered.
    pub fn lets_through(&self) -> bool {
        self.aim == Aim::Whole || self.is_slow() || self.effect.contains("\"in\"")
    }

    /// Whether it is an answer that only PVE gives, and no program on a node.
    fn is_pves(&self) -> bool {
        ["status", "body", "cut", "types", "hangup", "ticket", "task"]
            .iter()
            .any(|effect| self.effect.contains(&format!("\"{effect}\"")))
    }

    /// The points of an operation at which it can strike.
    pub fn places<'a>(&self, operation: Operation, points: &'a [Point]) -> Vec<&'a Point> {
        let makes_sense = |point: &&Point| !(point.is_by_ssh() && self.is_pves());
        let of = |fits: fn(&Point) -> bool| {
            points.iter().filter(|point| fits(point)).filter(makes_sense).collect::<Vec<_>>()
        };
        if operation == Operation::Wait {
            return match self.aim {
                Aim::Any | Aim::Task => of(Point::watches_task),
                Aim::Beginning | Aim::Whole => Vec::new(),
            };
        }
        match self.aim {
            Aim::Any if operation.writes() => of(Point::writes),
            Aim::Any => of(|point| !point.writes()),
            Aim::Task | Aim::Beginning => of(Point::begins_task),
            Aim::Whole => points.iter().take(1).collect(),
        }
    }

    /// What is posted to a simulator whose clock runs `factor` times as fast as a real one. What has to be waited for lasts
    /// as long in reality, however fast that is.
    pub fn at(&self, operation: Operation, point: &Point, factor: u32) -> Value {
        let when = if self.after { "after" } else { "before" };
        let mut effect: Value = serde_json::from_str(self.effect).unwrap_or_default();
        if operation == Operation::Wait {
            // It runs already: what strikes later in an operation that begins it strikes at once here.
            effect.as_object_mut().and_then(|effect| effect.remove("in"));
        }
        for span in ["for", "delay"] {
            let seconds = effect[span].as_str().and_then(|text| text.strip_suffix('s')?.parse::<u32>().ok());
            if let Some(seconds) = seconds {
                effect[span] = format!("{}s", seconds * factor / USUAL).into();
            }
        }
        let pattern = if self.aim == Aim::Whole { json!({}) } else { point.pattern() };
        json!({ "match": pattern, "nth": point.nth, "times": self.times, "when": when, "effect": effect })
    }
}

/// The factor for which the spans are written down below.
const USUAL: u32 = 60;

const TLS: &[&str] = &["certificate", "TLS", "answer was lost", "connection broke"];
const LOST: &[&str] = &[
    "answer was lost",
    "connection broke",
    "No endpoint accepted",
    "no endpoint answers",
    "does not answer",
    "did not answer",
];
const NOT_PVE: &[&str] = &["not PVE's", "HTML", "could not be read", "cut off", "is not understood"];
const NODE: &[&str] =
    &["unreachable", "does not answer", "offline", "answer was lost", "connection broke", "No endpoint"];

/// All of them.
pub const FAULTS: &[Fault] = &[
    fault("connection refused everywhere", Aim::Any, r#"{"outage": "refused", "for": "300s", "of": "all"}"#, LOST),
    fault("connection refused at one endpoint", Aim::Any, r#"{"outage": "refused", "for": "600s"}"#, LOST),
    fault("reset before processing", Aim::Any, r#"{"drop": true}"#, LOST),
    fault("reset after processing", Aim::Any, r#"{"drop": true}"#, LOST).after(),
    fault("another certificate everywhere", Aim::Any, r#"{"outage": "certificate", "for": "300s", "of": "all"}"#, TLS),
    fault("another certificate at one endpoint", Aim::Any, r#"{"outage": "certificate", "for": "600s"}"#, LOST),
    fault("no TLS everywhere", Aim::Any, r#"{"outage": "garbage", "for": "300s", "of": "all"}"#, TLS),
    fault(
        "401 once, with a ticket",
        Aim::Any,
        r#"{"status": 401, "message": "permission denied - invalid PVE ticket"}"#,
        &["ticket"],
    )
    .with_ticket(),
    fault(
        "401 from there on",
        Aim::Any,
        r#"{"status": 401, "message": "no such token 'sim' for user 'root@pam'"}"#,
        &["token", "ticket"],
    )
    .times(1000),
    fault(
        "403",
        Aim::Any,
        r#"{"status": 403, "message": "Permission check failed (/vms/132, VM.Allocate)"}"#,
        &["VM.Allocate on /vms/132"],
    ),
    fault(
        "500 with the text of a lock",
        Aim::Any,
        r#"{"status": 500, "message": "can't lock file '/var/lock/pve-manager/x.lck' - got timeout"}"#,
        &["lock"],
    ),
    fault(
        "500 with the text of lost quorum",
        Aim::Any,
        r#"{"status": 500, "message": "cluster not ready - no quorum?"}"#,
        &["quorum"],
    ),
    fault("595", Aim::Any, r#"{"status": 595, "message": "No route to host"}"#, NODE),
    fault("596", Aim::Any, r#"{"status": 596, "message": "Connection timed out"}"#, NODE).after(),
    fault("599", Aim::Any, r#"{"status": 599, "message": "Too many redirections"}"#, NODE).after(),
    fault("empty body", Aim::Any, r#"{"body": "", "content_type": "application/json"}"#, NOT_PVE).after(),
    fault("HTML body", Aim::Any, r#"{"body": "<html><body>Please log in</body></html>"}"#, NOT_PVE),
    fault("truncated JSON", Aim::Any, r#"{"cut": true}"#, NOT_PVE).after(),
    fault("wrong types", Aim::Any, r#"{"types": "wrong"}"#, NOT_PVE).after(),
    // Real seconds: the simulated clock runs sixty times as fast.
    fault("30 s delay", Aim::Any, r#"{"delay": "1800s"}"#, &["no answer within"]),
    fault("task vanished before its work", Aim::Beginning, r#"{"task": "vanish"}"#, &["lost", "without a result"]),
    fault("task vanished after its work", Aim::Beginning, r#"{"task": "vanish"}"#, &["lost", "without a result"])
        .after(),
    fault(
        "task failed before its work",
        Aim::Beginning,
        r#"{"task": "fail", "message": "out of paper"}"#,
        &["out of paper"],
    ),
    fault(
        "task failed after its work",
        Aim::Beginning,
        r#"{"task": "fail", "message": "out of paper"}"#,
        &["out of paper"],
    )
    .after(),
    fault("task with warnings", Aim::Beginning, r#"{"task": "warn", "message": "paper is low"}"#, &["paper is low"])
        .after(),
    fault("node down during the task", Aim::Task, r#"{"power": "off", "in": "1s"}"#, NODE),
    fault("endpoint down during the task", Aim::Task, r#"{"outage": "refused", "for": "600s", "in": "1s"}"#, LOST),
    fault("ticket expired during the task", Aim::Task, r#"{"ticket": "expire"}"#, &["ticket"]).after().with_ticket(),
    fault("connections closed after each answer", Aim::Whole, r#"{"hangup": true}"#, LOST).times(100_000),
    fault("a node's clock an hour ahead", Aim::Whole, r#"{"skew": "1h"}"#, &["clock"]).with_ticket(),
    fault("a node's clock an hour behind", Aim::Whole, r#"{"skew": "-1h"}"#, &["clock"]).with_ticket(),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_fault_is_one_that_the_simulator_reads_and_its_name_is_its_own() {
        let point = Point { method: "GET".to_owned(), path: "/nodes/*/tasks/*/status".to_owned(), nth: 1 };
        for fault in FAULTS {
            let posted = fault.at(Operation::Wait, &point, 60);
            assert!(posted["effect"].is_object() && posted["effect"].get("in").is_none(), "{}", fault.name);
            assert!(!fault.cause.is_empty());
        }
        assert_eq!(FAULTS.iter().map(|fault| fault.name).collect::<BTreeSet<_>>().len(), FAULTS.len());
    }

    #[test]
    fn what_is_waited_for_lasts_as_long_by_a_faster_clock() {
        let point = Point { method: "GET".to_owned(), path: "/version".to_owned(), nth: 1 };
        let refused = FAULTS.iter().find(|fault| fault.name == "connection refused everywhere").unwrap();
        assert_eq!(refused.at(Operation::Read, &point, 60)["effect"]["for"], "300s");
        assert_eq!(refused.at(Operation::Read, &point, 600)["effect"]["for"], "3000s");
    }

    #[test]
    fn a_fault_of_a_task_has_no_place_where_there_is_none() {
        let read = [Point { method: "GET".to_owned(), path: "/version".to_owned(), nth: 1 }];
        let vanished = FAULTS.iter().find(|fault| fault.name.starts_with("task vanished")).unwrap();
        assert!(vanished.places(Operation::Read, &read).is_empty());
        assert_eq!(FAULTS[0].places(Operation::Read, &read).len(), 1);
        assert!(FAULTS[0].places(Operation::Wait, &read).is_empty());
    }
}
