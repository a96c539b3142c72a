//! HA's rules: where resources may run, and which keep together or apart.

mod feasible;
mod placement;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use sha1::{Digest, Sha1};

use super::Sid;

pub use feasible::{Infeasible, infeasible};
pub use placement::{Place, partners};

/// A section of `rules.cfg`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its name.
    pub id: String,
    /// Whom it concerns.
    pub resources: BTreeSet<Sid>,
    /// What it says of them.
    pub says: Says,
    /// Stored for as long as it is set: whatever it says, the rule does not hold.
    pub disable: Option<bool>,
    /// Free text.
    pub comment: Option<String>,
}

/// What a rule says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Says {
    /// `node-affinity`: they run on these nodes.
    Nodes {
        /// Priorities by node; what was not said is 0.
        nodes: BTreeMap<String, u32>,
        /// As stored: whether they run nowhere else.
        strict: Option<bool>,
    },
    /// `resource-affinity`: they run on one node, or each on another.
    Together {
        /// Whether on one.
        positive: bool,
    },
}

impl Rule {
    /// `node-affinity` or `resource-affinity`.
    pub fn kind(&self) -> &'static str {
        match self.says {
            Says::Nodes { .. } => "node-affinity",
            Says::Together { .. } => "resource-affinity",
        }
    }

    /// Whether it is to hold.
    pub fn enabled(&self) -> bool {
        self.disable.is_none()
    }

    /// `vm:100,vm:101`.
    pub fn resources(&self) -> String {
        self.resources.iter().map(Sid::to_string).collect::<Vec<_>>().join(",")
    }

    /// `pve1,pve2:5`; none for a rule that names no nodes.
    pub fn nodes(&self) -> Option<String> {
        let Says::Nodes { nodes, .. } = &self.says else { return None };
        let one = |(node, priority): (&String, &u32)| match priority {
            0 => node.clone(),
            _ => format!("{node}:{priority}"),
        };
        Some(nodes.iter().map(one).collect::<Vec<_>>().join(","))
    }
}

/// The rules that hold: enabled, and no error in them.
pub fn in_force(rules: &[Rule], nodes: usize) -> Vec<Rule> {
    let errors = infeasible(rules, nodes);
    rules.iter().filter(|rule| rule.enabled() && !errors.contains_key(&rule.id)).cloned().collect()
}

/// Takes a resource out of all rules. A rule without any is gone.
pub fn purge(rules: &mut Vec<Rule>, sid: Sid) {
    rules.retain_mut(|rule| !rule.resources.remove(&sid) || !rule.resources.is_empty());
}

/// The digest of `rules.cfg`: equal for equal contents.
pub fn digest_of_rules(rules: &[Rule]) -> String {
    let mut file = String::new();
    for rule in rules {
        let _ = writeln!(file, "{}: {} {:?}", rule.kind(), rule.id, (&rule.resources, &rule.says));
        let _ = writeln!(file, "\t{:?} {:?}", rule.disable, rule.comment);
    }
    hex::encode(Sha1::digest(file))
}
