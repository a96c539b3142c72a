//! How a rule gets another definition while pools use it: Ceph has no command for that. A new rule is made under a
//! temporary name, the pools are moved to it, the old rule goes, and the new one takes its name.
//!
//! Each step is decided on by what is there, so it does not matter where a former run was cut off, nor whether something
//! else is wanted by now.

use std::collections::BTreeMap;

use pve_client::api::ceph::crush::{CrushMap, ReplicatedShape};

/// What the temporary name ends with.
pub const SUFFIX: &str = ".changing";

/// The name that the new rule has until the old one is gone.
pub fn temporary(name: &str) -> String {
    format!("{name}{SUFFIX}")
}

/// What there is of a rule: under its name and its temporary name, and who uses it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Traces {
    /// What the rule says; `None` if it says more than this resource can.
    pub rule: Option<Option<ReplicatedShape>>,
    /// What the rule under the temporary name says.
    pub temporary: Option<Option<ReplicatedShape>>,
    /// Pools that use the rule.
    pub users: Vec<String>,
    /// Pools that use the one under the temporary name.
    pub temporary_users: Vec<String>,
}

/// The next thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Make the new rule, under the temporary name.
    Make,
    /// Let this pool use the rule under the temporary name.
    Move(String),
    /// Let this pool use the rule under its own name.
    MoveBack(String),
    /// Remove the rule under its own name.
    RemoveOld,
    /// Remove the rule under the temporary name.
    RemoveTemporary,
    /// Give the rule under the temporary name its own.
    Rename,
    /// Nothing is left to do.
    Done,
    /// There is no rule at all.
    Vanished,
}

impl Traces {
    /// What there is, by the map and the pools (each with the name of its rule).
    pub fn of<'a>(name: &str, map: &CrushMap, pools: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let temporary = temporary(name);
        let shapes: BTreeMap<_, _> =
            map.rules.iter().map(|rule| (rule.name.as_str(), rule.replicated_shape())).collect();
        let mut traces = Self {
            rule: shapes.get(name).cloned(),
            temporary: shapes.get(temporary.as_str()).cloned(),
            ..Self::default()
        };
        for (pool, rule) in pools {
            if rule == name {
                traces.users.push(pool.to_owned());
            } else if rule == temporary {
                traces.temporary_users.push(pool.to_owned());
            }
        }
        traces
    }

    /// What to do next, so that the rule says `want` in the end.
    pub fn next(&self, want: &ReplicatedShape) -> Step {
        let right = |shape: &Option<ReplicatedShape>| shape.as_ref() == Some(want);
        match (&self.rule, &self.temporary) {
            (None, None) => Step::Vanished,
            (None, Some(_)) => Step::Rename,
            (Some(rule), None) if right(rule) => Step::Done,
            (Some(_), None) => Step::Make,
            (Some(rule), Some(temporary)) if right(temporary) && !right(rule) => match self.users.first() {
                Some(pool) => Step::Move(pool.clone()),
                None => Step::RemoveOld,
            },
            // What is under the temporary name is of no use any more.
            (Some(_), Some(_)) => match self.temporary_users.first() {
                Some(pool) => Step::MoveBack(pool.clone()),
                None => Step::RemoveTemporary,
            },
        }
    }

    /// Whether a change was cut off.
    pub fn unfinished(&self) -> bool {
        self.temporary.is_some()
    }

    /// What the rule says: under its own name, or, where the old one is gone already, under the temporary one.
    pub fn definition(&self) -> Option<&Option<ReplicatedShape>> {
        self.rule.as_ref().or(self.temporary.as_ref())
    }

    /// The pools that place their data by it.
    pub fn all_users(&self) -> Vec<&str> {
        self.users.iter().chain(&self.temporary_users).map(String::as_str).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(failure_domain: &str) -> ReplicatedShape {
        ReplicatedShape { root: "default".into(), failure_domain: failure_domain.into(), device_class: None }
    }

    /// What Ceph and PVE make of a step. A rule in use cannot be removed, and no name is given twice.
    fn carry_out(traces: &mut Traces, step: &Step, want: &ReplicatedShape) {
        match step {
            Step::Make => {
                assert!(traces.temporary.is_none());
                traces.temporary = Some(Some(want.clone()));
            }
            Step::Move(pool) => {
                traces.users.retain(|user| user != pool);
                traces.temporary_users.push(pool.clone());
            }
            Step::MoveBack(pool) => {
                traces.temporary_users.retain(|user| user != pool);
                traces.users.push(pool.clone());
            }
            Step::RemoveOld => {
                assert!(traces.users.is_empty());
                traces.rule = None;
            }
            Step::RemoveTemporary => {
                assert!(traces.temporary_users.is_empty());
                traces.temporary = None;
            }
            Step::Rename => {
                assert!(traces.rule.is_none());
                traces.rule = traces.temporary.take();
                traces.users = std::mem::take(&mut traces.temporary_users);
            }
            Step::Done | Step::Vanished => panic!("{step:?} is the end"),
        }
    }

    /// The steps from `traces` to the end, and every state on the way.
    fn run(mut traces: Traces, want: &ReplicatedShape) -> (Vec<Step>, Vec<Traces>) {
        let (mut steps, mut states) = (Vec::new(), vec![traces.clone()]);
        loop {
            let step = traces.next(want);
            if step == Step::Done {
                assert_eq!((&traces.rule, &traces.temporary), (&Some(Some(want.clone())), &None));
                assert!(traces.temporary_users.is_empty());
                return (steps, states);
            }
            carry_out(&mut traces, &step, want);
            steps.push(step);
            states.push(traces.clone());
            assert!(steps.len() < 30, "{steps:?}");
        }
    }

    fn in_use() -> Traces {
        Traces { rule: Some(Some(shape("host"))), users: vec!["a".into(), "b".into()], ..Traces::default() }
    }

    #[test]
    fn pools_are_moved_before_the_old_rule_goes() {
        let (steps, states) = run(in_use(), &shape("osd"));
        let moves = [Step::Move("a".into()), Step::Move("b".into())];
        assert_eq!(steps, [&[Step::Make], &moves[..], &[Step::RemoveOld, Step::Rename]].concat());
        assert_eq!(states.last().unwrap().users, ["a", "b"]);
    }

    #[test]
    fn cut_off_anywhere_it_is_recognised_and_finished_whatever_is_wanted_then() {
        let (_, states) = run(in_use(), &shape("osd"));
        let middle = &states[1..states.len() - 1];
        for state in middle {
            assert!(state.unfinished() && state.definition().is_some(), "{state:?}");
            assert_eq!(state.all_users().len(), 2);
            for want in [shape("osd"), shape("host"), shape("rack")] {
                let (_, onward) = run(state.clone(), &want);
                assert_eq!(onward.last().unwrap().users.len(), 2);
                // And cut off once more on the way.
                for again in onward {
                    run(again, &shape("osd"));
                }
            }
        }
    }

    #[test]
    fn what_is_right_already_needs_nothing() {
        assert_eq!(in_use().next(&shape("host")), Step::Done);
        assert_eq!(Traces::default().next(&shape("host")), Step::Vanished);
    }

    #[test]
    fn a_rule_written_by_hand_is_put_right_too() {
        let by_hand = Traces { rule: Some(None), ..in_use() };
        let (steps, _) = run(by_hand, &shape("osd"));
        assert_eq!(steps.first(), Some(&Step::Make));
    }

    #[test]
    fn traces_are_found_by_both_names() {
        let rule = |name: &str, kind: &str| {
            format!(
                "rule {name} {{\n id 1\n type replicated\n step take default\n step chooseleaf firstn 0 type {kind}\n step emit\n}}\n"
            )
        };
        let map = CrushMap::parse(&format!(
            "type 0 osd\ntype 1 host\ntype 11 root\n{}{}",
            rule("osd", "host"),
            rule("osd.changing", "osd")
        ));
        let pools = [("vm", "osd"), ("new", "osd.changing"), (".mgr", "replicated_rule")];
        let traces = Traces::of("osd", &map, pools.into_iter());
        assert_eq!(traces.definition(), Some(&Some(shape("host"))));
        assert_eq!(traces.temporary, Some(Some(shape("osd"))));
        assert_eq!(traces.all_users(), ["vm", "new"]);
    }
}
