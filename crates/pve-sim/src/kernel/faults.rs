//! Faults on demand: what goes wrong with which request.

mod effect;
mod garble;
mod lasting;
mod strike;

use serde::{Deserialize, Serialize};

pub use effect::{Effect, OutageKind, PowerEnd, Recipient, Signal, TaskEnd, TicketEnd, Types, Whose};
pub(crate) use lasting::{Lasting, Reach};
pub(crate) use strike::{alter, strike, task_fault};

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
    /// Why it could not do what it was to do, if so: nobody was found who could be signalled.
    #[serde(default, skip_deserializing, skip_serializing_if = "Option::is_none")]
    pub missed: Option<String>,
    /// Whether it holds a request.
    #[serde(default, skip_deserializing)]
    pub held: bool,
    /// Its number among all that were ever put in force.
    #[serde(skip)]
    number: u64,
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

fn one() -> u64 {
    1
}

/// The faults in force.
#[derive(Debug, Default)]
pub struct Faults {
    all: Vec<Fault>,
    so_far: u64,
}

impl Faults {
    /// Puts a fault in force.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn add(&mut self, fault: Fault) -> Result<(), String> {
        fault.effect.check()?;
        if fault.nth == 0 || fault.times == 0 {
            return Err("nth and times count from 1".to_owned());
        }
        self.so_far += 1;
        self.all.push(Fault { number: self.so_far, ..fault });
        Ok(())
    }

    /// Notes why one that struck has done nothing.
    pub(crate) fn miss(&mut self, fault: &Fault, why: String) {
        if let Some(known) = self.all.iter_mut().find(|known| known.number == fault.number) {
            known.missed = Some(why);
        }
    }

    /// Notes that one holds a request.
    pub(crate) fn holds(&mut self, fault: &Fault) {
        if let Some(known) = self.all.iter_mut().find(|known| known.number == fault.number) {
            known.held = true;
        }
    }

    /// Whether it was not taken back.
    pub(crate) fn is_in_force(&self, fault: &Fault) -> bool {
        self.all.iter().any(|known| known.number == fault.number)
    }

    /// All that were put in force, those that have struck included.
    pub fn all(&self) -> &[Fault] {
        &self.all
    }

    /// Takes all of them back. What they have done stays done; see [`Lasting`] for what has not passed yet.
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
            r#"{"hold": true}"#,
            r#"{"delay": "30s"}"#,
            r#"{"task": "fail", "message": "x"}"#,
            r#"{"task": "vanish"}"#,
            r#"{"task": "warn", "message": "x"}"#,
            r#"{"cut": true}"#,
            r#"{"types": "wrong"}"#,
            r#"{"hangup": true}"#,
            r#"{"outage": "refused", "for": "60s"}"#,
            r#"{"outage": "certificate", "for": "60s", "of": "all", "in": "2s"}"#,
            r#"{"outage": "garbage", "for": "60s", "of": "node"}"#,
            r#"{"power": "off"}"#,
            r#"{"power": "off", "in": "1s"}"#,
            r#"{"skew": "1h"}"#,
            r#"{"skew": "-1h"}"#,
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
        for bad in [
            r#"{"kill": 0}"#,
            r#"{"delay": "soon"}"#,
            r#"{"drop": false}"#,
            r#"{"hold": false}"#,
            r#"{"cut": false}"#,
            r#"{"skew": "late"}"#,
            r#"{"outage": "refused", "for": "ever"}"#,
            r#"{"power": "off", "in": "soon"}"#,
        ] {
            assert!(Faults::default().add(fault(&format!(r#"{{"effect": {bad}}}"#))).is_err(), "{bad}");
        }
        assert!(serde_json::from_str::<Fault>(r#"{"effect": {"explode": true}}"#).is_err());
    }
}
