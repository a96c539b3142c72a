//! Faults on demand: what goes wrong with which request.

use serde::{Deserialize, Serialize};

use crate::shape::parse_duration;

/// A fault as `POST /faults` takes it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// The requests it applies to.
    #[serde(rename = "match", default)]
    pub pattern: Pattern,
    /// It strikes at the n-th of these, counted from 1 ...
    #[serde(default = "one")]
    pub nth: u64,
    /// ... and at this many in a row.
    #[serde(default = "one")]
    pub times: u64,
    /// Whether PVE has carried out the request when it strikes.
    #[serde(default)]
    pub when: When,
    /// What happens.
    pub effect: Effect,
    /// How many requests have matched so far.
    #[serde(default, skip_deserializing)]
    pub seen: u64,
}

/// Which requests; what is absent matches everything.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Pattern {
    /// Verb.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Path below `/api2/json`; `*` stands for one part of it, `**` for any number of parts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The node that takes the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
}

/// Before or after PVE has carried out the request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum When {
    /// PVE never hears of it.
    #[default]
    Before,
    /// PVE has done what was asked.
    After,
}

/// What happens.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum Effect {
    /// An error in PVE's form.
    Status {
        /// HTTP status.
        status: u16,
        /// Message.
        #[serde(default)]
        message: String,
    },
    /// An answer that is none of PVE's.
    Body {
        /// The body.
        body: String,
        /// Its type.
        #[serde(default = "html")]
        content_type: String,
    },
    /// The connection closes without an answer.
    Drop {
        /// Always true.
        drop: bool,
    },
    /// The answer comes later (simulated time).
    Delay {
        /// As `30s`.
        delay: String,
    },
    /// The task that the request begins comes to an end of its own.
    Task {
        /// `fail` or `vanish`.
        task: TaskEnd,
        /// The error of one that fails.
        #[serde(default)]
        message: Option<String>,
    },
    /// Tickets issued so far are worthless.
    Ticket {
        /// Always `expire`.
        ticket: TicketEnd,
    },
    /// A process gets SIGKILL.
    Kill {
        /// Its id.
        kill: u32,
    },
    /// Whoever has sent the request gets a signal.
    Signal {
        /// Which.
        signal: Signal,
        /// Who gets it.
        to: Recipient,
    },
}

/// A signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Signal {
    /// The process ends at once.
    Kill,
    /// Ctrl-C.
    Int,
}

/// Who gets a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Recipient {
    /// The process at the other end of the connection.
    Peer,
    /// The process that has started it.
    Parent,
    /// Its process group: with a terminal's Ctrl-C, whoever has started it too.
    Group,
}

/// How a task ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TaskEnd {
    /// With an error.
    Fail,
    /// Without a final line.
    Vanish,
}

/// What happens to tickets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TicketEnd {
    /// They are no longer good.
    Expire,
}

fn one() -> u64 {
    1
}

fn html() -> String {
    "text/html".to_owned()
}

/// The faults in force.
#[derive(Debug, Default)]
pub struct Faults {
    all: Vec<Fault>,
}

impl Faults {
    /// Puts a fault in force.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn add(&mut self, fault: Fault) -> Result<(), String> {
        match &fault.effect {
            Effect::Delay { delay } => drop(parse_duration(delay)?),
            Effect::Drop { drop: false } => return Err("drop must be true".to_owned()),
            Effect::Status { status, .. } if !(100..=999).contains(status) => {
                return Err(format!("{status} is not an HTTP status"));
            }
            // Process 0 would be our own group, 1 the system.
            Effect::Kill { kill: 0 | 1 } => return Err("kill needs the id of a process".to_owned()),
            _ => {}
        }
        if fault.nth == 0 || fault.times == 0 {
            return Err("nth and times count from 1".to_owned());
        }
        self.all.push(fault);
        Ok(())
    }

    /// All that were put in force, those that have struck included.
    pub fn all(&self) -> &[Fault] {
        &self.all
    }

    /// Takes all of them back.
    pub fn clear(&mut self) {
        self.all.clear();
    }

    /// Counts a request and gives the faults that strike it.
    pub(crate) fn strike(&mut self, method: &str, path: &str, node: &str) -> Vec<Fault> {
        let mut striking = Vec::new();
        for fault in &mut self.all {
            let Pattern { method: verb, path: glob, node: at } = &fault.pattern;
            let fits = verb.as_ref().is_none_or(|verb| verb.eq_ignore_ascii_case(method))
                && at.as_ref().is_none_or(|at| at == node)
                && glob.as_ref().is_none_or(|glob| glob_matches(glob, path));
            if fits {
                fault.seen += 1;
                if (fault.nth..fault.nth.saturating_add(fault.times)).contains(&fault.seen) {
                    striking.push(fault.clone());
                }
            }
        }
        striking
    }
}

fn glob_matches(glob: &str, path: &str) -> bool {
    fn parts(text: &str) -> Vec<&str> {
        text.split('/').filter(|part| !part.is_empty()).collect()
    }
    fn fits(glob: &[&str], path: &[&str]) -> bool {
        match (glob, path) {
            ([], []) => true,
            (["**", rest @ ..], _) => (0..=path.len()).any(|n| fits(rest, &path[n..])),
            ([part, rest @ ..], [first, others @ ..]) => part_fits(part, first) && fits(rest, others),
            _ => false,
        }
    }
    fn part_fits(glob: &str, text: &str) -> bool {
        match glob.split_once('*') {
            None => glob == text,
            Some((before, after)) => text
                .strip_prefix(before)
                .is_some_and(|rest| (0..=rest.len()).any(|n| rest.is_char_boundary(n) && part_fits(after, &rest[n..]))),
        }
    }
    fits(&parts(glob), &parts(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(json: &str) -> Fault {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_star_is_one_part_and_two_are_any() {
        for (glob, path, fits) in [
            ("/nodes/*/ceph/osd", "/nodes/pve1/ceph/osd", true),
            ("/nodes/*/ceph/osd", "/nodes/pve1/ceph/osd/1", false),
            ("/nodes/**", "/nodes/pve1/ceph/osd", true),
            ("/nodes/pve*/status", "/nodes/pve12/status", true),
            ("/nodes/pve*/status", "/nodes/x/status", false),
            ("**", "/", true),
        ] {
            assert_eq!(glob_matches(glob, path), fits, "{glob} {path}");
        }
    }

    #[test]
    fn it_strikes_at_the_nth_and_so_many_times() {
        let mut faults = Faults::default();
        faults.add(fault(r#"{"match": {"method": "POST"}, "nth": 2, "times": 2, "effect": {"drop": true}}"#)).unwrap();
        let mut strikes = |method| faults.strike(method, "/x", "pve1").len();
        let got = [strikes("POST"), strikes("GET"), strikes("POST"), strikes("POST"), strikes("POST")];
        assert_eq!(got, [0, 0, 1, 1, 0]);
    }

    #[test]
    fn every_effect_of_the_contract_is_read() {
        for effect in [
            r#"{"status": 500, "message": "x"}"#,
            r#"{"body": "<html>", "content_type": "text/html"}"#,
            r#"{"drop": true}"#,
            r#"{"delay": "30s"}"#,
            r#"{"task": "fail", "message": "x"}"#,
            r#"{"task": "vanish"}"#,
            r#"{"ticket": "expire"}"#,
            r#"{"kill": 12345}"#,
            r#"{"signal": "KILL", "to": "peer"}"#,
            r#"{"signal": "KILL", "to": "parent"}"#,
            r#"{"signal": "INT", "to": "group"}"#,
        ] {
            let fault = fault(&format!(r#"{{"effect": {effect}}}"#));
            let given: serde_json::Value = serde_json::from_str(effect).unwrap();
            let read = serde_json::to_value(&fault.effect).unwrap();
            assert!(given.as_object().unwrap().iter().all(|(key, value)| read[key] == *value), "{effect}: {read}");
            Faults::default().add(fault).unwrap();
        }
        for bad in [r#"{"kill": 0}"#, r#"{"delay": "soon"}"#, r#"{"drop": false}"#] {
            assert!(Faults::default().add(fault(&format!(r#"{{"effect": {bad}}}"#))).is_err(), "{bad}");
        }
        assert!(serde_json::from_str::<Fault>(r#"{"effect": {"explode": true}}"#).is_err());
    }
}
