//! The nodes on which HA may start a guest.

use std::collections::BTreeSet;

use pve_client::api::ha::resource::Sid;
use terraform_plugin::Cx;

use super::rule;
use super::rule::feasible::{Rule, Says, standing};
use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;

/// All nodes of the cluster, or those that a strict rule leaves to the guest: its own, or that of guests that it keeps together
/// with. At plan, rules that this process has planned count as well.
pub async fn look(cx: &Cx<Pve>, sid: Sid, plan: bool) -> Result<Vec<String>, Problem> {
    let all = cx.client.nodes().list().await.during("Cannot list the cluster's nodes")?;
    let all: Vec<String> = all.iter().map(|node| node.node.clone()).collect();
    let bound = match rule::exist(cx).await? {
        true => by_rules(sid, &standing(cx, plan).await?.0.into_values().collect::<Vec<_>>()),
        false => by_group(cx, sid).await?,
    };
    Ok(match bound {
        Some(nodes) => all.into_iter().filter(|node| nodes.contains(node)).collect(),
        None => all,
    })
}

fn by_rules(sid: Sid, rules: &[Rule]) -> Option<BTreeSet<String>> {
    let mut set = BTreeSet::from([sid]);
    loop {
        let touched = rules.iter().filter(|rule| rule.says == Says::Together && !rule.resources.is_disjoint(&set));
        let more: BTreeSet<Sid> = touched.flat_map(|rule| rule.resources.iter().copied()).collect();
        if more.is_subset(&set) {
            break;
        }
        set.extend(more);
    }
    rules.iter().find_map(|rule| match &rule.says {
        Says::OnNodes { nodes, strict: true } if !rule.resources.is_disjoint(&set) => {
            Some(nodes.keys().cloned().collect())
        }
        _ => None,
    })
}

async fn by_group(cx: &Cx<Pve>, sid: Sid) -> Result<Option<BTreeSet<String>>, Problem> {
    let resource = cx.client.ha().resource(sid).await.during(format!("Cannot read {sid} in HA"))?;
    let Some(name) = resource.and_then(|resource| resource.group) else { return Ok(None) };
    let groups = cx.client.ha().groups().await.during("Cannot list the groups of HA")?;
    let group = groups.iter().flat_map(|all| all.iter()).find(|group| group.group == name && group.restricted);
    Ok(group.map(|group| group.nodes.keys().cloned().collect()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_strict_rule_leaves_its_nodes_to_whoever_keeps_together() {
        let rule = |id: &str, vmids: &[u32], says| Rule {
            id: id.to_owned(),
            resources: vmids.iter().copied().map(Sid::vm).collect(),
            says,
        };
        let on = |strict| Says::OnNodes { nodes: BTreeMap::from([("pve1".to_owned(), 0)]), strict };
        let together = rule("t", &[101, 102], Says::Together);
        let only = Some(BTreeSet::from(["pve1".to_owned()]));
        assert_eq!(by_rules(Sid::vm(102), &[rule("a", &[101], on(true)), together.clone()]), only);
        assert_eq!(by_rules(Sid::vm(103), &[rule("a", &[101], on(true)), together.clone()]), None);
        assert_eq!(by_rules(Sid::vm(101), &[rule("a", &[101], on(false)), together]), None);
    }
}
