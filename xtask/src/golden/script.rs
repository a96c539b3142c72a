//! What a recording does not say by itself: the cluster before its first call, its order, its clock.
//!
//! One YAML file per recording, beside the recordings. A part is replayed against a simulator of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use serde_json::Value;

/// The script of one recording.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Script {
    /// Percent of the served calls that have to match.
    pub(crate) floor: f64,
    pub(crate) parts: Vec<Part>,
}

/// A run of calls against one cluster.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Part {
    /// Which calls, in the order in which they were made in truth.
    calls: Vec<Range>,
    /// The cluster before the first call: a `pve-sim --cluster` document.
    pub(crate) start: Value,
    /// What happened before the first call, where a state alone cannot tell it.
    #[serde(default)]
    pub(crate) prelude: Vec<Step>,
    /// What is done before a call, by its number: time that passed, or a call that stands in for one that the simulator
    /// does not serve.
    #[serde(default)]
    pub(crate) before: BTreeMap<usize, Vec<Step>>,
    /// Calls that went to another node than pve1, by their number.
    #[serde(default)]
    pub(crate) through: BTreeMap<usize, String>,
    /// Calls that wait for something, as for a lock: time passes until they are answered.
    #[serde(default)]
    pub(crate) waits: BTreeSet<usize>,
    /// The password of the recorded root@pam, where the recording shows a login.
    #[serde(default)]
    pub(crate) root_password: Option<String>,
}

/// Something that is done between recorded calls.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, untagged)]
pub(crate) enum Step {
    /// Simulated time passes: `25s`, `2m`, `500ms`.
    Advance { advance: Span },
    /// A node is switched off; its address refuses, or does not answer.
    SwitchOff {
        switch_off: String,
        #[serde(default)]
        refuses: bool,
    },
    /// A call of root@pam, `POST /nodes/pve1/...`; a task that it begins is waited for.
    Call {
        call: String,
        #[serde(default)]
        params: Value,
    },
}

/// Seconds, written with a unit.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[serde(try_from = "String")]
pub(crate) struct Span(pub(crate) Duration);

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let number: u64 = text[..split].parse().map_err(|_| format!("{text:?} has no number"))?;
        match &text[split..] {
            "ms" => Ok(Span(Duration::from_millis(number))),
            "s" => Ok(Span(Duration::from_secs(number))),
            "m" => Ok(Span(Duration::from_secs(number * 60))),
            _ => Err(format!("{text:?} needs a unit: ms, s or m")),
        }
    }
}

/// Calls by number: `7` or `12-42`.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(try_from = "Value")]
pub(crate) struct Range {
    first: usize,
    last: usize,
}

impl Range {
    pub(crate) fn numbers(self) -> std::ops::RangeInclusive<usize> {
        self.first..=self.last
    }
}

impl TryFrom<Value> for Range {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let (first, last) = text.split_once('-').unwrap_or((&text, &text));
        let number = |part: &str| part.trim().parse::<usize>().map_err(|_| format!("{text:?} is no range of calls"));
        let range = Range { first: number(first)?, last: number(last)? };
        if range.first > range.last { Err(format!("{text:?} ends before it begins")) } else { Ok(range) }
    }
}

impl std::fmt::Display for Range {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.first == self.last { write!(f, "{}", self.first) } else { write!(f, "{}-{}", self.first, self.last) }
    }
}

impl Part {
    /// The numbers of this part's calls, in order.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = usize> + '_ {
        self.calls.iter().flat_map(|range| range.numbers())
    }
}

impl Script {
    /// Reads the script of a recording of `calls` exchanges, each of which has to occur in it exactly once.
    pub(crate) fn load(path: &Path, calls: usize) -> Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        let script: Script = serde_saphyr::from_str(&text).with_context(|| format!("in {}", path.display()))?;
        script.check(calls).with_context(|| format!("in {}", path.display()))?;
        Ok(script)
    }

    fn check(&self, calls: usize) -> Result<()> {
        ensure!((0.0..=100.0).contains(&self.floor), "a floor of {} percent", self.floor);
        let mut times = vec![0; calls];
        for number in self.parts.iter().flat_map(Part::numbers) {
            match times.get_mut(number) {
                Some(count) => *count += 1,
                None => bail!("there is no call {number}, the last is {}", calls - 1),
            }
        }
        let wrong: Vec<String> = times
            .iter()
            .enumerate()
            .filter(|(_, count)| **count != 1)
            .map(|(n, count)| format!("{n} ({count})"))
            .collect();
        ensure!(wrong.is_empty(), "each call has to be replayed once, but these are not: {}", wrong.join(", "));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(calls: &str) -> Result<Script> {
        Ok(serde_saphyr::from_str(&format!("floor: 90\nparts:\n  - calls: {calls}\n    start: {{}}\n"))?)
    }

    #[test]
    fn calls_may_be_spliced_but_none_left_out_or_doubled() {
        let spliced = script("[0-2, 5, 3-4]").expect("a script");
        assert!(spliced.check(6).is_ok());
        assert_eq!(spliced.parts[0].numbers().collect::<Vec<_>>(), [0, 1, 2, 5, 3, 4]);
        assert!(script("[0-2]").expect("a script").check(4).is_err());
        assert!(script("[0-2, 2-3]").expect("a script").check(4).is_err());
        assert!(script("[0-4]").expect("a script").check(4).is_err());
        assert!(script("[4-2]").is_err());
    }

    #[test]
    fn steps_are_time_or_calls() {
        let steps: Vec<Step> =
            serde_saphyr::from_str("- advance: 25s\n- call: POST /x\n  params: {a: 1}\n").expect("steps");
        assert!(matches!(steps[0], Step::Advance { advance: Span(span) } if span == Duration::from_secs(25)));
        assert!(matches!(&steps[1], Step::Call { call, .. } if call == "POST /x"));
        assert!(serde_saphyr::from_str::<Vec<Step>>("- advance: 25\n").is_err());
    }
}
