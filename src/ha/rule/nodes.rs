//! `pve_ha_rule_node_affinity`: the nodes on which guests run.

use std::collections::{BTreeMap, BTreeSet};

use terraform_plugin::{Change, Cx, Error, Findings, Model, Say, Timeouts};

use super::feasible::{Rule, Says};
use super::{
    PRIORITIES, RULE, SET_OR_NOT, a_sid, are_managed, exist, feasible, nodes_are_there, planned, sids, there_are,
};
use crate::ground::error::Problem;
use crate::ground::lives::lived;
use crate::ground::pve::Pve;
use crate::ground::texts;
use crate::section::{self, Family, Section};

/// A rule of HA: these guests run on these nodes.
///
/// HA starts a guest on the node with the highest priority that is up, and brings it back there when a better one returns
/// (`failback` of `pve_ha_resource`). Other nodes than these are used only when none of them is up, and never with `strict`: then
/// the guest waits for one of them.
///
/// PVE drops rules that contradict each other, in silence. The plan looks at the rules that are there and at those that the same
/// plan brings: a guest may be in one rule of this kind only; guests that `pve_ha_rule_resource_affinity` keeps together or apart
/// need nodes of one priority, and enough of them.
///
/// PVE 9 at least. A group of PVE 8 becomes such a rule, `ha-group-NAME`, when the cluster is upgraded.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "ha_rule_node_affinity", area = "HA", key(rule))]
pub struct HaRuleNodeAffinity {
    /// Its name, unique among rules of both kinds.
    #[attr(required, replace, regex = texts::CONFIGURATION_ID, says = texts::CONFIGURATION_ID_SAYS)]
    pub rule: String,
    /// The guests: `vm:101`. Name them by references to `pve_ha_resource`, since they have to be under HA first.
    #[attr(required, length = 1.., each = a_sid)]
    pub resources: BTreeSet<String>,
    /// The nodes, and the priority of each: a higher number is preferred, and among equals the one with the fewest guests.
    #[attr(required, length = 1..)]
    pub nodes: BTreeMap<String, u32>,
    /// Whether they run nowhere else, even when none of these nodes is up.
    #[attr(keep, usual = false)]
    pub strict: Option<bool>,
    /// Whether the rule does not hold.
    #[attr(keep, usual = false)]
    pub disable: Option<bool>,
    /// A note.
    #[attr(optional, length = 1..=4096, check = texts::one_tidy_line)]
    pub comment: Option<String>,
    /// How long operations may take.
    #[attr(timeouts(create = "5m", update = "5m", delete = "5m"))]
    pub timeouts: Timeouts,
}

impl Section for HaRuleNodeAffinity {
    const FAMILY: Family = Family {
        fixed: &[("type", "node-affinity")],
        spelt: &[("disable", SET_OR_NOT), ("nodes", PRIORITIES)],
        ..RULE
    };

    const LEFT_OUT: &'static [(&'static str, &'static str)] = &[("affinity", "`pve_ha_rule_resource_affinity` has it")];

    /// PVE 8 has none, and does not know the call.
    async fn find(cx: &Cx<Pve>, key: &HaRuleNodeAffinityKey) -> Result<Option<Self>, Problem> {
        if exist(cx).await? { section::found(cx, key).await } else { Ok(None) }
    }

    async fn planned(cx: &Cx<Pve>, change: &mut Change<Self>, _say: &mut Say<Self>) {
        let key = change.prior.as_ref().map(|prior| prior.rule.clone());
        let wanted = (!change.is_destroy()).then(|| of_plan(&change.plan)).flatten();
        planned::note(&cx.ledger, key.as_deref().or(change.plan.rule.text()), wanted, change.plan.disable.is(&true));
    }

    async fn possible(
        cx: &Cx<Pve>,
        want: &HaRuleNodeAffinityPlan,
        _prior: Option<&Self>,
        found: &mut Findings<Self>,
    ) -> Result<(), Error> {
        if !there_are(cx, found).await? {
            return Ok(());
        }
        let named = want.nodes.known().into_iter().flatten().map(|(node, _)| node.as_str());
        nodes_are_there(cx, named, found).await?;
        if let Some(sids) = want.resources.known().and_then(sids) {
            are_managed(cx, &sids, found).await?;
        }
        match of_plan(want) {
            Some(rule) if !want.disable.is(&true) => feasible::look(cx, &rule, found).await,
            _ => Ok(()),
        }
    }
}

/// As far as it is known; none if too little is.
fn of_plan(plan: &HaRuleNodeAffinityPlan) -> Option<Rule> {
    let nodes = plan.nodes.known()?.iter().map(|(node, priority)| Some((node.clone(), priority.get()?)));
    Some(Rule {
        id: plan.rule.text()?.to_owned(),
        resources: plan.resources.known().and_then(sids)?,
        says: Says::OnNodes { nodes: nodes.collect::<Option<_>>()?, strict: plan.strict.is(&true) },
    })
}

lived!(HaRuleNodeAffinity, by crate::section::life, plain = false, plural = "ha_rules_node_affinity");
