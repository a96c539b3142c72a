//! Rules that contradict each other or themselves.
//!
//! The texts that were recorded: two rules on nodes for one resource, too few and too many resources, positive against
//! negative, several priorities. Belief: the others, read from pve-ha-manager's `Rules.pm` and below.

use std::collections::{BTreeMap, BTreeSet};

use super::{Rule, Says};
use crate::cluster::ha::Sid;

/// What is wrong, by rule. All of it concerns `resources`.
pub type Infeasible = BTreeMap<String, Vec<String>>;

/// What a check sees: the rules that are to hold.
struct Sight<'a> {
    on_nodes: Vec<(&'a Rule, &'a BTreeMap<String, u32>)>,
    positive: Vec<&'a Rule>,
    negative: Vec<&'a Rule>,
    nodes: usize,
    found: Infeasible,
}

/// Looks at all rules that are to hold; `nodes` is how many the manager knows.
pub fn infeasible(rules: &[Rule], nodes: usize) -> Infeasible {
    let mut sight =
        Sight { on_nodes: Vec::new(), positive: Vec::new(), negative: Vec::new(), nodes, found: Infeasible::new() };
    for rule in rules.iter().filter(|rule| rule.enabled()) {
        match &rule.says {
            Says::Nodes { nodes, .. } => sight.on_nodes.push((rule, nodes)),
            Says::Together { positive: true } => sight.positive.push(rule),
            Says::Together { positive: false } => sight.negative.push(rule),
        }
    }
    sight.one_rule_on_nodes_each();
    sight.numbers();
    sight.together_and_apart();
    sight.several_priorities();
    sight.together_on_different_nodes();
    sight.apart_on_too_few_nodes();
    sight.found
}

fn share(one: &Rule, other: &BTreeSet<Sid>) -> usize {
    one.resources.intersection(other).count()
}

impl Sight<'_> {
    fn flag(&mut self, rule: &str, text: impl Into<String>) {
        self.found.entry(rule.to_owned()).or_default().push(text.into());
    }

    fn one_rule_on_nodes_each(&mut self) {
        let mut by_resource: BTreeMap<Sid, Vec<String>> = BTreeMap::new();
        for (rule, _) in &self.on_nodes {
            for sid in &rule.resources {
                by_resource.entry(*sid).or_default().push(rule.id.clone());
            }
        }
        for (sid, rules) in by_resource.into_iter().filter(|(_, rules)| rules.len() > 1) {
            for rule in rules {
                self.flag(&rule, format!("resource '{sid}' is already used in another node affinity rule"));
            }
        }
    }

    fn numbers(&mut self) {
        for rule in [self.positive.clone(), self.negative.clone()].concat() {
            if rule.resources.len() < 2 {
                self.flag(&rule.id, "rule is ineffective as there are less than two resources");
            }
        }
        for rule in self.negative.clone() {
            if rule.resources.len() > self.nodes {
                self.flag(&rule.id, "rule defines more resources than available nodes");
            }
        }
    }

    /// Positive rules that have resources in common are one: each joins the first set that it meets.
    fn merged(&self) -> Vec<(BTreeSet<Sid>, Vec<String>)> {
        let mut sorted = self.positive.clone();
        sorted.sort_by_key(|rule| rule.resources.first().copied());
        let mut sets: Vec<(BTreeSet<Sid>, Vec<String>)> = Vec::new();
        for rule in sorted {
            match sets.iter_mut().find(|(set, _)| share(rule, set) > 0) {
                Some((set, ids)) => {
                    set.extend(&rule.resources);
                    ids.push(rule.id.clone());
                }
                None => sets.push((rule.resources.clone(), vec![rule.id.clone()])),
            }
        }
        sets
    }

    fn together_and_apart(&mut self) {
        let mut clash: BTreeMap<String, &str> = BTreeMap::new();
        for (set, ids) in self.merged() {
            for rule in self.negative.iter().filter(|rule| share(rule, &set) >= 2) {
                clash.insert(
                    rule.id.clone(),
                    "rule shares two or more resources with a positive resource affinity rule",
                );
                for id in &ids {
                    clash
                        .insert(id.clone(), "rule shares two or more resources with a negative resource affinity rule");
                }
            }
        }
        for (rule, text) in clash {
            self.flag(&rule, text);
        }
    }

    fn several_priorities(&mut self) {
        let mut clash: BTreeMap<String, &str> = BTreeMap::new();
        for rule in self.positive.iter().chain(&self.negative) {
            let touched: Vec<_> = self.on_nodes.iter().filter(|(other, _)| share(rule, &other.resources) > 0).collect();
            let several = |nodes: &BTreeMap<String, u32>| nodes.values().collect::<BTreeSet<_>>().len() > 1;
            if touched.iter().any(|(_, nodes)| several(nodes)) {
                clash.insert(rule.id.clone(), "resources are in node affinity rules with multiple priorities");
                for (other, _) in touched {
                    clash.insert(
                        other.id.clone(),
                        "resources are in a resource affinity rule and cannot be in a node affinity rule with multiple priorities",
                    );
                }
            }
        }
        for (rule, text) in clash {
            self.flag(&rule, text);
        }
    }

    fn together_on_different_nodes(&mut self) {
        let mut clash: BTreeMap<String, &str> = BTreeMap::new();
        for (set, ids) in self.merged() {
            let touched: Vec<_> = self.on_nodes.iter().filter(|(rule, _)| share(rule, &set) > 0).collect();
            if touched.len() > 1 {
                for id in ids {
                    clash.insert(id, "resources are in multiple node affinity rules");
                }
                for (rule, _) in touched {
                    clash.insert(
                        rule.id.clone(),
                        "at least one resource is in a positive resource affinity rule and there are other resources in at \
                         least one other node affinity rule already",
                    );
                }
            }
        }
        for (rule, text) in clash {
            self.flag(&rule, text);
        }
    }

    fn apart_on_too_few_nodes(&mut self) {
        let mut clash: BTreeMap<String, &str> = BTreeMap::new();
        for rule in &self.negative {
            let touched: Vec<_> = self.on_nodes.iter().filter(|(other, _)| share(rule, &other.resources) > 0).collect();
            let bound: BTreeSet<Sid> = touched.iter().flat_map(|(other, _)| &other.resources).copied().collect();
            let nodes: BTreeSet<&String> = touched.iter().flat_map(|(_, nodes)| nodes.keys()).collect();
            if share(rule, &bound) > nodes.len() {
                clash.insert(
                    rule.id.clone(),
                    "two or more resources are restricted to less nodes than available to the resources",
                );
                for (other, _) in touched {
                    clash.insert(
                        other.id.clone(),
                        "at least one resource is in a negative resource affinity rule and this rule would restrict these to \
                         less nodes than available to the resources",
                    );
                }
            }
        }
        for (rule, text) in clash {
            self.flag(&rule, text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(id: &str, resources: &[u32], nodes: &[(&str, u32)]) -> Rule {
        let nodes = nodes.iter().map(|(node, priority)| ((*node).to_owned(), *priority)).collect();
        rule(id, resources, Says::Nodes { nodes, strict: None })
    }

    fn rule(id: &str, resources: &[u32], says: Says) -> Rule {
        let resources = resources.iter().copied().map(Sid::vm).collect();
        Rule { id: id.to_owned(), resources, says, disable: None, comment: None }
    }

    fn flagged(rules: &[Rule]) -> Vec<String> {
        infeasible(rules, 3).into_keys().collect()
    }

    #[test]
    fn each_contradiction_is_found_and_what_is_allowed_is_not() {
        let together = |id: &str, resources: &[u32]| rule(id, resources, Says::Together { positive: true });
        let apart = |id: &str, resources: &[u32]| rule(id, resources, Says::Together { positive: false });
        for (rules, wrong) in [
            (vec![on("a", &[1, 2], &[("n1", 0)]), on("b", &[2], &[("n2", 0)])], vec!["a", "b"]),
            (vec![together("a", &[1])], vec!["a"]),
            (vec![apart("a", &[1, 2, 3, 4])], vec!["a"]),
            (vec![together("a", &[1, 2]), together("b", &[2, 3]), apart("c", &[1, 3])], vec!["a", "b", "c"]),
            (vec![together("a", &[1, 2]), apart("c", &[2, 3])], vec![]),
            (vec![together("a", &[1, 2]), on("b", &[1], &[("n1", 2), ("n2", 1)])], vec!["a", "b"]),
            (vec![together("a", &[1, 2]), on("b", &[1], &[("n1", 2), ("n2", 2)])], vec![]),
            (
                vec![together("a", &[1, 2]), on("b", &[1], &[("n1", 0)]), on("c", &[2], &[("n1", 0)])],
                vec!["a", "b", "c"],
            ),
            (vec![apart("a", &[1, 2]), on("b", &[1, 2], &[("n1", 0)])], vec!["a", "b"]),
            (vec![apart("a", &[1, 2]), on("b", &[1], &[("n1", 0)]), on("c", &[2], &[("n2", 0)])], vec![]),
        ] {
            assert_eq!(flagged(&rules), wrong, "{rules:?}");
        }
    }

    #[test]
    fn a_disabled_rule_disturbs_nobody() {
        let mut rules = [on("a", &[1], &[("n1", 0)]), on("b", &[1], &[("n2", 0)])];
        // Whatever it says: that it is stored counts.
        rules[0].disable = Some(false);
        assert!(flagged(&rules).is_empty());
    }
}
