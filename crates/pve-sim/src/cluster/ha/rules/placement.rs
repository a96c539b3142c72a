//! Where the rules that hold let a resource run.
//!
//! Belief: read from pve-ha-manager's `Manager.pm` and `Rules/*.pm`; no placement by rules was recorded.

use std::collections::{BTreeMap, BTreeSet};

use super::{Rule, Says};
use crate::cluster::ha::Sid;

/// All that a choice looks at.
pub struct Place<'a> {
    /// The rules that hold.
    pub rules: &'a [Rule],
    /// The nodes that take services.
    pub online: &'a BTreeSet<String>,
    /// Where the others are, or go to: one that moves is on both.
    pub others: &'a BTreeMap<Sid, Vec<String>>,
}

/// Whoever keeps together with it, if `positive`, or apart from it; not itself.
pub fn partners(rules: &[Rule], sid: Sid, positive: bool) -> BTreeSet<Sid> {
    let mut all = BTreeSet::from([sid]);
    loop {
        let with = |rule: &&Rule| match positive {
            true => rule.resources.iter().any(|one| all.contains(one)),
            false => rule.resources.contains(&sid),
        };
        let wanted = Says::Together { positive };
        let more: BTreeSet<Sid> = rules
            .iter()
            .filter(|rule| rule.says == wanted)
            .filter(with)
            .flat_map(|rule| rule.resources.iter().copied())
            .collect();
        let before = all.len();
        all.extend(more);
        if !positive || all.len() == before {
            all.remove(&sid);
            return all;
        }
    }
}

impl Place<'_> {
    /// The rule on nodes that holds for it: its own, or that of whoever it keeps together with.
    fn on_nodes(&self, sid: Sid) -> Option<(&BTreeMap<String, u32>, bool)> {
        let mut group = partners(self.rules, sid, true);
        group.insert(sid);
        self.rules.iter().find_map(|rule| match &rule.says {
            Says::Nodes { nodes, strict } if rule.resources.iter().any(|one| group.contains(one)) => {
                Some((nodes, *strict == Some(true)))
            }
            _ => None,
        })
    }

    /// Every node on which it may be at all.
    fn allowed(&self, sid: Sid) -> BTreeMap<String, i64> {
        let rule = self.on_nodes(sid);
        let priority = |node: &String| match rule {
            None => Some(0),
            Some((nodes, strict)) => match nodes.get(node) {
                Some(priority) => Some(i64::from(*priority)),
                None if strict => None,
                None => Some(-1),
            },
        };
        self.online.iter().filter_map(|node| Some((node.clone(), priority(node)?))).collect()
    }

    /// The nodes that are best for it, without those that were tried.
    pub fn best(&self, sid: Sid, tried: &[String]) -> BTreeSet<String> {
        let allowed = self.allowed(sid);
        let Some(top) = allowed.values().max() else { return BTreeSet::new() };
        let mut best: BTreeSet<String> = allowed
            .iter()
            .filter(|(node, priority)| *priority == top && !tried.contains(node))
            .map(|(n, _)| n.clone())
            .collect();
        let apart = self.taken(&partners(self.rules, sid, false));
        best.retain(|node| !apart.contains_key(node));
        let together = self.taken(&partners(self.rules, sid, true));
        let most =
            together.iter().filter(|(node, _)| best.contains(*node)).max_by_key(|(_, n)| **n).map(|(n, _)| n.clone());
        match most {
            Some(node) => BTreeSet::from([node]),
            None => best,
        }
    }

    /// Whether it may stay on a node, though there be better ones.
    pub fn may_stay(&self, sid: Sid, node: &str) -> bool {
        let together = self.taken(&partners(self.rules, sid, true));
        self.allowed(sid).contains_key(node)
            && !self.taken(&partners(self.rules, sid, false)).contains_key(node)
            && (together.is_empty() || together.contains_key(node))
    }

    fn taken(&self, by: &BTreeSet<Sid>) -> BTreeMap<String, usize> {
        let mut taken = BTreeMap::new();
        for node in by.iter().filter_map(|sid| self.others.get(sid)).flatten() {
            *taken.entry(node.clone()).or_default() += 1;
        }
        taken
    }
}
