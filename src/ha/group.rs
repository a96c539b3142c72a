//! `pve_ha_group`: PVE 8's groups of nodes.

use std::collections::{BTreeMap, BTreeSet};

use terraform_plugin::{Cx, Error, Findings, Listed, Model, Timeouts};

use super::rule::{PRIORITIES, RULE, nodes_are_there};
use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;
use crate::ground::texts;
use crate::section::{self, Family, Section, listed, lives};

/// A group of nodes of HA, on which the guests run that `pve_ha_resource` puts into it by `group`.
///
/// PVE 8 only. PVE 9 has rules in place of groups: when a cluster is upgraded, each group becomes a `pve_ha_rule_node_affinity` named
/// `ha-group-NAME`, and the plan prints the rule that is equivalent.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "ha_group", area = "HA", key(group))]
pub struct HaGroup {
    /// Its name.
    #[attr(required, replace, regex = texts::CONFIGURATION_ID, says = texts::CONFIGURATION_ID_SAYS)]
    pub group: String,
    /// The nodes, and the priority of each: a higher number is preferred, and among equals the one with the fewest guests.
    #[attr(required, length = 1..)]
    pub nodes: BTreeMap<String, u32>,
    /// Whether its guests run nowhere else, even when none of these nodes is up.
    #[attr(keep, usual = false)]
    pub restricted: Option<bool>,
    /// Whether guests stay where they are when a better node returns.
    #[attr(keep, usual = false)]
    pub nofailback: Option<bool>,
    /// A note.
    #[attr(optional, length = 1..=4096, check = texts::one_tidy_line)]
    pub comment: Option<String>,
    /// How long operations may take.
    #[attr(timeouts(create = "5m", update = "5m", delete = "5m"))]
    pub timeouts: Timeouts,
}

impl Section for HaGroup {
    const FAMILY: Family = Family {
        what: "HA group",
        path: "cluster/ha/groups",
        file: "ha/groups.cfg",
        // What a change of a rule needs besides is a rule's own.
        fixed_in_changes: false,
        always: &[],
        blames: &[("non-existent node", "nodes")],
        spelt: &[("nodes", PRIORITIES)],
        ..RULE
    };

    const LEFT_OUT: &'static [(&'static str, &'static str)] = &[("type", "there is one kind")];

    /// PVE refuses every call once the groups have become rules.
    async fn find(cx: &Cx<Pve>, key: &HaGroupKey) -> Result<Option<Self>, Problem> {
        if exist(cx).await? { section::found(cx, key).await } else { Ok(None) }
    }

    async fn possible(
        cx: &Cx<Pve>,
        want: &HaGroupPlan,
        _prior: Option<&Self>,
        found: &mut Findings<Self>,
    ) -> Result<(), Error> {
        if !exist(cx).await? {
            found.certain(are_rules_now(want));
            return Ok(());
        }
        let named = want.nodes.known().into_iter().flatten().map(|(node, _)| node.as_str());
        nodes_are_there(cx, named, found).await
    }

    async fn removable(cx: &Cx<Pve>, was: &Self, found: &mut Findings<Self>) -> Result<(), Error> {
        if !exist(cx).await? {
            return Ok(());
        }
        let (going, held) = (cx.going::<super::resource::HaResource>(), cx.held::<super::resource::HaResource>());
        let all = cx.client.ha().resources().await.during("Cannot list what is under HA")?;
        let inside = all.iter().filter(|resource| resource.group.as_ref() == Some(&was.group));
        // At plan, what is managed here may leave as well, and is planned after it.
        let leaves =
            |sid: &String| going.iter().any(|r| r.sid == *sid) || found.is_plan() && held.iter().any(|r| r.sid == *sid);
        let stay: BTreeSet<String> =
            inside.map(|resource| resource.sid.to_string()).filter(|sid| !leaves(sid)).collect();
        if !stay.is_empty() {
            let problem = Problem::new(
                format!("HA group \"{}\" is in use", was.group),
                format!(
                    "In it are: {}. Take them out of HA or put them into another group first. Nothing was written.",
                    listed(&stay)
                ),
            );
            found.mendable(problem.at("group"));
        }
        Ok(())
    }
}

/// Whether this cluster has groups.
pub async fn exist(cx: &Cx<Pve>) -> Result<bool, Problem> {
    Ok(cx.client.ha().groups().await.during("Cannot list HA's groups")?.is_some())
}

/// The rule that is wanted instead, as far as it is known.
fn are_rules_now(want: &HaGroupPlan) -> Problem {
    let name = want.group.text().unwrap_or("NAME");
    let nodes = want.nodes.known().into_iter().flatten();
    let one = |(node, priority): (&String, &terraform_plugin::Attr<u32>)| {
        format!("{node} = {}", priority.get().unwrap_or_default())
    };
    let nodes: Vec<String> = nodes.map(one).collect();
    let nodes = if nodes.is_empty() { "NODE = 0".to_owned() } else { nodes.join(", ") };
    let strict = if want.restricted.is(&true) { "\n  strict    = true" } else { "" };
    let failback = if want.nofailback.is(&true) { " Set `failback = false` in its `pve_ha_resource`s." } else { "" };
    Problem::new(
        "This cluster has no groups of HA",
        format!(
            "PVE 9 has rules in place of them. Nothing was written. A group of a cluster that was upgraded has become the rule \
             \"ha-group-{name}\", which can be imported by that name. The equivalent:\n\n\
             resource \"pve_ha_rule_node_affinity\" \"{name}\" {{\n  rule      = \"ha-group-{name}\"\n  resources = \
             [pve_ha_resource.NAME.sid]\n  nodes     = {{ {nodes} }}{strict}\n}}\n\n{failback}"
        )
        .trim_end(),
    )
    .at("group")
}

lives!(HaGroup, plain = false);

impl Listed<Pve> for HaGroup {
    const PLURAL: &'static str = "ha_groups";

    async fn list(cx: &Cx<Pve>) -> Result<Vec<Self>, Error> {
        if exist(cx).await? { section::life::list(cx).await } else { Ok(Vec::new()) }
    }
}
