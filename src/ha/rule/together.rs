//! `pve_ha_rule_resource_affinity`: guests that run on one node, or each on another.

use std::collections::BTreeSet;

use terraform_plugin::{Change, Choice, Cx, Error, Findings, Model, Say, Timeouts};

use super::feasible::{Rule, Says};
use super::{RULE, a_sid, are_managed, exist, feasible, planned, sids, there_are};
use crate::ground::error::Problem;
use crate::ground::lives::lived;
use crate::ground::pve::Pve;
use crate::ground::texts;
use crate::section::{self, Family, Section};

/// A rule of HA: these guests run on the same node, or each on another one.
///
/// Guests that keep together (`positive`) move together, whichever of them is moved. Of those that keep apart (`negative`) each has
/// a node of its own: with fewer nodes up than guests, the rest of them waits.
///
/// PVE drops rules that contradict each other, in silence. The plan looks at the rules that are there and at those that the same
/// plan brings: two guests cannot keep together and apart, through others either; `pve_ha_rule_node_affinity` has to leave them
/// nodes enough, all of one priority; and those that keep together may be in one rule on nodes only, which then holds for all.
///
/// PVE 9 at least.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "ha_rule_resource_affinity", area = "HA", key(rule))]
pub struct HaRuleResourceAffinity {
    /// Its name, unique among rules of both kinds.
    #[attr(required, replace, regex = texts::CONFIGURATION_ID, says = texts::CONFIGURATION_ID_SAYS)]
    pub rule: String,
    /// The guests, two at least: `vm:101`. Name them by references to `pve_ha_resource`, since they have to be under HA first.
    #[attr(required, length = 2.., each = a_sid)]
    pub resources: BTreeSet<String>,
    /// Whether they keep together (`positive`) or apart (`negative`).
    #[attr(required)]
    pub affinity: HaAffinity,
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

/// How guests stand to each other.
#[derive(Choice, Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum HaAffinity {
    /// On the same node.
    #[default]
    Positive,
    /// Each on another node.
    Negative,
}

impl Section for HaRuleResourceAffinity {
    const FAMILY: Family = Family { fixed: &[("type", "resource-affinity")], ..RULE };

    const LEFT_OUT: &'static [(&'static str, &'static str)] = &[("nodes", "`pve_ha_rule_node_affinity` has them")];

    const UNLIKE: &'static [(&'static str, &'static str)] =
        &[("resources", "PVE's schema takes one, and its check of the rule refuses it")];

    /// PVE 8 has none, and does not know the call.
    async fn find(cx: &Cx<Pve>, key: &HaRuleResourceAffinityKey) -> Result<Option<Self>, Problem> {
        if exist(cx).await? { section::found(cx, key).await } else { Ok(None) }
    }

    async fn planned(cx: &Cx<Pve>, change: &mut Change<Self>, _say: &mut Say<Self>) {
        let key = change.prior.as_ref().map(|prior| prior.rule.clone());
        let wanted = (!change.is_destroy()).then(|| of_plan(&change.plan)).flatten();
        planned::note(&cx.ledger, key.as_deref().or(change.plan.rule.text()), wanted, change.plan.disable.is(&true));
    }

    async fn possible(
        cx: &Cx<Pve>,
        want: &HaRuleResourceAffinityPlan,
        _prior: Option<&Self>,
        found: &mut Findings<Self>,
    ) -> Result<(), Error> {
        if !there_are(cx, found).await? {
            return Ok(());
        }
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
fn of_plan(plan: &HaRuleResourceAffinityPlan) -> Option<Rule> {
    let says = match plan.affinity.known()? {
        HaAffinity::Positive => Says::Together,
        HaAffinity::Negative => Says::Apart,
    };
    Some(Rule { id: plan.rule.text()?.to_owned(), resources: plan.resources.known().and_then(sids)?, says })
}

lived!(HaRuleResourceAffinity, by crate::section::life, plain = false, plural = "ha_rules_resource_affinity");
