//! Nodes that a configuration names and PVE does not ask for.

use std::collections::BTreeSet;

use terraform_plugin::{Cx, Error, Findings, Path};

use super::listed;
use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;

/// Tells at plan of nodes that are named and not there, those that were not named `before`. `what` has them, in the words of a
/// summary: `A mapping`.
pub async fn told_if_missing<'a, M>(
    cx: &Cx<Pve>,
    named: impl Iterator<Item = &'a str>,
    before: impl Iterator<Item = &'a str>,
    what: &str,
    at: impl Into<Path>,
    found: &mut Findings<M>,
) -> Result<(), Error> {
    let before: BTreeSet<&str> = before.collect();
    let nodes: BTreeSet<&str> = named.filter(|node| !before.contains(node)).collect();
    if nodes.is_empty() || !found.is_plan() {
        return Ok(());
    }
    let all = cx.client.nodes().list().await.during("Cannot list the cluster's nodes")?;
    let there: BTreeSet<String> = all.iter().map(|entry| entry.node.clone()).collect();
    let is_missing = |node: &&str| !there.contains(*node) && !cx.comes("cluster_member", node);
    let missing: Vec<&str> = nodes.into_iter().filter(is_missing).collect();
    if !missing.is_empty() {
        let problem = Problem::new(
            format!("{what} is for a node that there is not"),
            format!("There is no node {}; there are: {}. PVE takes it as it is.", missing.join(", "), listed(&there)),
        );
        found.notice(problem.at(at));
    }
    Ok(())
}
