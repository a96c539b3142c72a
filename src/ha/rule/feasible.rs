//! Rules that contradict each other: PVE refuses the one that is written, and drops others in silence.

use std::collections::{BTreeMap, BTreeSet};

use pve_client::api::ha::resource::Sid;
use pve_client::api::ha::rule::HaRule;
use terraform_plugin::{Cx, Error, Findings};

use super::nodes::HaRuleNodeAffinity;
use super::planned;
use super::together::HaRuleResourceAffinity;
use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;

/// A rule that is to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its name.
    pub id: String,
    /// Whom it concerns.
    pub resources: BTreeSet<Sid>,
    /// What it says of them.
    pub says: Says,
}

/// What a rule says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Says {
    /// They run on these nodes.
    OnNodes {
        /// Priorities by node.
        nodes: BTreeMap<String, u32>,
        /// Whether nowhere else.
        strict: bool,
    },
    /// They run on one node.
    Together,
    /// Each runs on another node.
    Apart,
}

/// What stands against a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Clash {
    /// In a sentence.
    pub what: String,
    /// The other rules that have a part in it.
    pub with: BTreeSet<String>,
    /// Whether PVE counts it against the others as well.
    pub mutual: bool,
}

impl Rule {
    /// The rule that PVE tells of; none of one that does not hold.
    pub fn of_live(live: &HaRule) -> Option<Self> {
        let says = match live.affinity.as_deref() {
            Some("positive") => Says::Together,
            Some(_) => Says::Apart,
            None => Says::OnNodes { nodes: live.nodes.clone(), strict: live.strict },
        };
        live.is_enabled().then(|| Self { id: live.rule.clone(), resources: live.resources.clone(), says })
    }

    fn shared(&self, with: &BTreeSet<Sid>) -> BTreeSet<Sid> {
        self.resources.intersection(with).copied().collect()
    }

    fn touches(&self, with: &BTreeSet<Sid>) -> bool {
        !self.resources.is_disjoint(with)
    }
}

fn named(sids: &BTreeSet<Sid>) -> String {
    sids.iter().map(Sid::to_string).collect::<Vec<_>>().join(", ")
}

fn quoted(rules: &BTreeSet<String>) -> String {
    rules.iter().map(|rule| format!("\"{rule}\"")).collect::<Vec<_>>().join(", ")
}

/// What stands against a rule among all that are to hold, itself included, on so many nodes.
pub fn clashes(rule: &Rule, all: &[Rule], nodes: usize) -> Vec<Clash> {
    let others: Vec<&Rule> = all.iter().filter(|other| other.id != rule.id).collect();
    let mut found = Vec::new();
    match &rule.says {
        Says::OnNodes { nodes: own, .. } => on_nodes(rule, own, &others, &mut found),
        Says::Together => together(rule, &others, &mut found),
        Says::Apart => apart(rule, &others, nodes, &mut found),
    }
    found
}

/// Those that keep together with any of these, through others as well, and the rules that say so.
fn bound(sids: &BTreeSet<Sid>, rules: &[&Rule]) -> (BTreeSet<Sid>, BTreeSet<String>) {
    let (mut set, mut ids) = (sids.clone(), BTreeSet::new());
    loop {
        let more =
            rules.iter().find(|rule| rule.says == Says::Together && rule.touches(&set) && !ids.contains(&rule.id));
        let Some(rule) = more else { return (set, ids) };
        set.extend(&rule.resources);
        ids.insert(rule.id.clone());
    }
}

fn nodes_of(rule: &Rule) -> Option<&BTreeMap<String, u32>> {
    match &rule.says {
        Says::OnNodes { nodes, .. } => Some(nodes),
        Says::Together | Says::Apart => None,
    }
}

fn has_priorities(nodes: &BTreeMap<String, u32>) -> bool {
    nodes.values().collect::<BTreeSet<_>>().len() > 1
}

fn clash(what: String, with: impl IntoIterator<Item = String>) -> Clash {
    Clash { what, with: with.into_iter().collect(), mutual: true }
}

fn on_nodes(rule: &Rule, own: &BTreeMap<String, u32>, others: &[&Rule], found: &mut Vec<Clash>) {
    for other in others.iter().filter(|other| nodes_of(other).is_some() && other.touches(&rule.resources)) {
        let shared = named(&other.shared(&rule.resources));
        let what = format!("{shared} is in rule \"{}\" on nodes already, and a guest may be in one only.", other.id);
        found.push(clash(what, [other.id.clone()]));
    }
    let standing = others.iter().filter(|other| nodes_of(other).is_none() && other.touches(&rule.resources));
    for other in standing.clone().filter(|_| has_priorities(own)) {
        let what = format!(
            "rule \"{}\" keeps {} together or apart from others, which does not go with nodes of several priorities. Give all \
             nodes here the same number.",
            other.id,
            named(&other.shared(&rule.resources))
        );
        found.push(clash(what, [other.id.clone()]));
    }
    let (set, ids) = bound(&rule.resources, others);
    let also = others
        .iter()
        .filter(|other| nodes_of(other).is_some() && other.touches(&set) && !other.touches(&rule.resources));
    for other in also.filter(|_| !ids.is_empty()) {
        let what = format!(
            "rule {} keeps guests of this rule together with {}, for which rule \"{}\" names nodes. One rule on nodes holds for all \
             that keep together.",
            quoted(&ids),
            named(&other.shared(&set)),
            other.id
        );
        found.push(clash(what, ids.iter().cloned().chain([other.id.clone()])));
    }
    for other in standing.filter(|other| other.says == Says::Apart) {
        let whole: Vec<&Rule> = others.iter().copied().chain([rule]).collect();
        found.extend(crowded(other, &whole).map(|(what, ids)| {
            let with = ids.into_iter().filter(|id| *id != rule.id).chain([other.id.clone()]);
            clash(format!("rule \"{}\": {what}", other.id), with)
        }));
    }
}

/// Why guests that keep apart have too few nodes, and the rules on nodes that say so.
fn crowded(rule: &Rule, others: &[&Rule]) -> Option<(String, BTreeSet<String>)> {
    let on: Vec<&&Rule> =
        others.iter().filter(|other| nodes_of(other).is_some() && other.touches(&rule.resources)).collect();
    let held: BTreeSet<Sid> = on.iter().flat_map(|other| other.shared(&rule.resources)).collect();
    let nodes: BTreeSet<&String> = on.iter().filter_map(|other| nodes_of(other)).flat_map(BTreeMap::keys).collect();
    let ids: BTreeSet<String> = on.iter().map(|other| other.id.clone()).collect();
    (held.len() > nodes.len()).then(|| {
        let nodes = nodes.iter().map(|node| node.as_str()).collect::<Vec<_>>().join(", ");
        let what = format!(
            "{} are to run apart, and the rules on nodes {} leave them {nodes} only, whether strict or not.",
            named(&held),
            quoted(&ids)
        );
        (what, ids)
    })
}

/// What holds for guests that keep together as for those that keep apart.
fn priorities(rule: &Rule, others: &[&Rule], found: &mut Vec<Clash>) {
    let on = others.iter().filter(|other| other.touches(&rule.resources));
    for other in on.filter(|other| nodes_of(other).is_some_and(has_priorities)) {
        let what = format!(
            "rule \"{}\" gives the nodes of {} several priorities, which does not go with a rule among guests. Give all its nodes the \
             same number.",
            other.id,
            named(&other.shared(&rule.resources))
        );
        found.push(clash(what, [other.id.clone()]));
    }
}

fn together(rule: &Rule, others: &[&Rule], found: &mut Vec<Clash>) {
    let (set, mut ids) = bound(&rule.resources, others);
    ids.remove(&rule.id);
    for other in others.iter().filter(|other| other.says == Says::Apart && other.shared(&set).len() >= 2) {
        let what = format!("rule \"{}\" keeps {} apart.", other.id, named(&other.shared(&set)));
        found.push(clash(what, ids.iter().cloned().chain([other.id.clone()])));
    }
    priorities(rule, others, found);
    let on: BTreeSet<String> = others
        .iter()
        .filter(|other| nodes_of(other).is_some() && other.touches(&set))
        .map(|other| other.id.clone())
        .collect();
    if on.len() > 1 {
        let what = format!(
            "those that are to keep together ({}) are in several rules on nodes: {}. One may name nodes for all of them.",
            named(&set),
            quoted(&on)
        );
        found.push(clash(what, ids.into_iter().chain(on)));
    }
}

fn apart(rule: &Rule, others: &[&Rule], nodes: usize, found: &mut Vec<Clash>) {
    if rule.resources.len() > nodes {
        let what = format!("{} guests cannot each have a node of their own: there are {nodes}.", rule.resources.len());
        found.push(Clash { what, with: BTreeSet::new(), mutual: false });
    }
    for start in others.iter().filter(|other| other.says == Says::Together && other.touches(&rule.resources)) {
        let (set, ids) = bound(&start.resources, others);
        let shared = rule.shared(&set);
        if shared.len() >= 2 {
            let what = format!("rule {} keeps {} together.", quoted(&ids), named(&shared));
            let clash = clash(what, ids);
            if !found.contains(&clash) {
                found.push(clash);
            }
        }
    }
    priorities(rule, others, found);
    found.extend(crowded(rule, others).map(|(what, ids)| clash(what, ids)));
}

/// The rules that are to hold, by name: those that are there, and at plan those that this process has planned in their place, which
/// come beside.
pub async fn standing(
    cx: &Cx<Pve>,
    plan: bool,
) -> Result<(BTreeMap<String, Rule>, BTreeMap<String, Option<Rule>>), Problem> {
    let live = cx.client.ha().rules().await.during("Cannot list the rules of HA")?;
    let mut all: BTreeMap<String, Rule> =
        live.iter().filter_map(Rule::of_live).map(|rule| (rule.id.clone(), rule)).collect();
    if !plan {
        return Ok((all, BTreeMap::new()));
    }
    let planned = planned::all(&cx.ledger);
    let going: BTreeSet<String> = cx
        .going::<HaRuleNodeAffinity>()
        .into_iter()
        .map(|gone| gone.rule)
        .chain(cx.going::<HaRuleResourceAffinity>().into_iter().map(|gone| gone.rule))
        .collect();
    all.retain(|name, _| !going.contains(name));
    for (name, planned) in &planned {
        match planned {
            Some(planned) => drop(all.insert(name.clone(), planned.clone())),
            None => drop(all.remove(name)),
        }
    }
    Ok((all, planned))
}

/// Looks at a rule that is to be written: among those that are there, and at plan among those that are to be.
pub async fn look<M>(cx: &Cx<Pve>, rule: &Rule, found: &mut Findings<M>) -> Result<(), Error> {
    let nodes = cx.client.nodes().list().await.during("Cannot list the cluster's nodes")?.len();
    let (mut all, planned) = standing(cx, found.is_plan()).await?;
    all.insert(rule.id.clone(), rule.clone());
    let all: Vec<Rule> = all.into_values().collect();
    for clash in clashes(rule, &all, nodes) {
        let settled = clash.with.iter().all(|name| planned.get(name).is_some_and(Option::is_some));
        let problem = refusal(rule, &clash);
        // Those of this state that are planned later look at this one then.
        let later = clash.with.iter().any(|name| !planned.contains_key(name) && is_held(cx, name));
        match settled {
            true => found.certain(problem),
            false => found.missing(later, problem),
        }
    }
    warn_of_others(rule, &all, nodes, found);
    Ok(())
}

fn is_held(cx: &Cx<Pve>, name: &str) -> bool {
    cx.held::<HaRuleNodeAffinity>().iter().any(|held| held.rule == name)
        || cx.held::<HaRuleResourceAffinity>().iter().any(|held| held.rule == name)
}

fn refusal(rule: &Rule, clash: &Clash) -> Problem {
    Problem::new(
        format!("HA rule \"{}\" contradicts what is there", rule.id),
        format!(
            "It does not go with it: {} Nothing was written. Change one of them, or set `disable = true` on it.",
            clash.what
        ),
    )
    .at("resources")
}

/// PVE looks at the rule that is written only, and drops others that do not go with it without a word.
fn warn_of_others<M>(rule: &Rule, all: &[Rule], nodes: usize, found: &mut Findings<M>) {
    let without: Vec<Rule> = all.iter().filter(|other| other.id != rule.id).cloned().collect();
    let own: BTreeSet<String> = clashes(rule, all, nodes).into_iter().flat_map(|clash| clash.with).collect();
    for other in without.iter().filter(|other| !own.contains(&other.id)) {
        if clashes(other, all, nodes).len() > clashes(other, &without, nodes).len() {
            found.notice(
                Problem::new(
                    "A rule of HA stops to hold",
                    format!(
                        "PVE drops rule \"{}\" without a word: it does not go with rule \"{}\".",
                        other.id, rule.id
                    ),
                )
                .at("resources"),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(id: &str, resources: &[u32], says: Says) -> Rule {
        Rule { id: id.to_owned(), resources: resources.iter().copied().map(Sid::vm).collect(), says }
    }

    fn on(id: &str, resources: &[u32], nodes: &[(&str, u32)]) -> Rule {
        let nodes = nodes.iter().map(|(node, priority)| ((*node).to_owned(), *priority)).collect();
        rule(id, resources, Says::OnNodes { nodes, strict: false })
    }

    /// With whom the first one of them clashes.
    fn with(all: &[Rule]) -> Vec<Vec<String>> {
        clashes(&all[0], all, 3).into_iter().map(|clash| clash.with.into_iter().collect()).collect()
    }

    #[test]
    fn each_condition_of_pve_names_the_other_rule() {
        let together = |id: &str, resources: &[u32]| rule(id, resources, Says::Together);
        let apart = |id: &str, resources: &[u32]| rule(id, resources, Says::Apart);
        let none: &[&[&str]] = &[];
        let b: &[&[&str]] = &[&["b"]];
        let both: &[&[&str]] = &[&["b", "c"]];
        for (all, expected) in [
            (vec![on("a", &[101, 102], &[("n1", 0)]), on("b", &[102], &[("n2", 0)])], b),
            (vec![apart("a", &[101, 102, 103, 104])], &[&[]]),
            (vec![together("a", &[101, 102]), apart("b", &[101, 102])], b),
            (vec![apart("a", &[101, 103]), together("b", &[101, 102]), together("c", &[102, 103])], both),
            (vec![together("a", &[101, 102]), apart("b", &[102, 103])], none),
            (vec![together("a", &[101, 102]), on("b", &[101], &[("n1", 2), ("n2", 1)])], b),
            (vec![on("a", &[101], &[("n1", 2), ("n2", 1)]), apart("b", &[101, 102])], b),
            (vec![on("a", &[101], &[("n1", 2), ("n2", 2)]), together("b", &[101, 102])], none),
            (vec![together("a", &[101, 102]), on("b", &[101], &[("n1", 0)]), on("c", &[102], &[("n1", 0)])], both),
            (vec![on("a", &[101], &[("n1", 0)]), together("b", &[101, 102]), on("c", &[102], &[("n1", 0)])], both),
            (vec![apart("a", &[101, 102]), on("b", &[101, 102], &[("n1", 0)])], b),
            (vec![on("a", &[101], &[("n1", 0)]), apart("b", &[101, 102]), on("c", &[102], &[("n1", 0)])], both),
            (vec![apart("a", &[101, 102]), on("b", &[101], &[("n1", 0)]), on("c", &[102], &[("n2", 0)])], none),
        ] {
            assert_eq!(with(&all), expected, "{all:?}");
        }
    }
}
