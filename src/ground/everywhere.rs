//! What all nodes of the cluster answer, each for itself.

use std::collections::BTreeMap;

use pve_client::Error as PveError;
use terraform_plugin::{Cx, Diagnostic};

use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;

/// Asks every node. One that does not answer is in it with nothing, and is warned of; `then` is what comes of that:
/// `Its versions are null`.
pub async fn ask<T, F>(
    cx: &Cx<Pve>,
    then: &str,
    question: impl Fn(String) -> F,
) -> Result<BTreeMap<String, Option<T>>, Problem>
where
    F: Future<Output = Result<T, Problem>>,
{
    let status = cx.client.cluster().status().await.during("Cannot list the cluster's nodes")?;
    let mut all = BTreeMap::new();
    for member in &status.members {
        let answer = match question(member.name.clone()).await {
            Ok(answer) => Some(answer),
            Err(problem) => match problem.pve() {
                Some(PveError::NodeUnreachable { node, message, .. }) => {
                    let summary = format!("Node {node} is unreachable");
                    cx.unreachable(&summary, message);
                    cx.warn(Diagnostic::warning(summary, format!("{then}: {message}")));
                    None
                }
                _ => return Err(problem),
            },
        };
        all.insert(member.name.clone(), answer);
    }
    Ok(all)
}
