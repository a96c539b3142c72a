//! Which rules are planned, for siblings to know.

use std::collections::BTreeMap;

use super::feasible::Rule;
use crate::ground::ledger::{Ledger, Planned};

/// A rule as it is to be, by its name; none if it is to hold no more, or too little is known of it.
#[derive(Clone, Debug)]
struct PlannedRule(Option<Rule>);

impl Planned for PlannedRule {
    type Key = String;
}

/// Notes what becomes of a rule.
pub fn note(ledger: &Ledger, name: Option<&str>, rule: Option<Rule>, disabled: bool) {
    if let Some(name) = name {
        ledger.note(name.to_owned(), PlannedRule(rule.filter(|_| !disabled)));
    }
}

/// The rules that this process has planned, by name; none for one that holds no more.
pub fn all(ledger: &Ledger) -> BTreeMap<String, Option<Rule>> {
    ledger.with(|all: &mut BTreeMap<String, PlannedRule>| {
        all.iter().map(|(name, PlannedRule(rule))| (name.clone(), rule.clone())).collect()
    })
}
