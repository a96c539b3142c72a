//! What lies on a storage.

use std::collections::BTreeSet;
use std::sync::Arc;

use pve_client::api::storage::Volume;
use terraform_plugin::Cx;

use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;

/// The volumes on a storage that is not disabled, asked of a node that has it: one of `nodes`, if it is restricted to those.
/// `None` if the cluster has no such node, which PVE does not mind.
pub async fn images(
    cx: &Cx<Pve>,
    storage: &str,
    nodes: Option<&BTreeSet<String>>,
) -> Result<Option<Arc<Vec<Volume>>>, Problem> {
    let doing = format!("Cannot list the images on storage \"{storage}\"");
    let node = match nodes {
        None => "localhost".to_owned(),
        Some(nodes) => {
            let all = cx.client.nodes().list().await.during(&doing)?;
            let mut its = all.iter().filter(|entry| nodes.contains(&entry.node));
            // PVE tells what is wrong with one that is down.
            match its.clone().find(|entry| entry.is_online()).or_else(|| its.next()) {
                Some(entry) => entry.node.clone(),
                None => return Ok(None),
            }
        }
    };
    cx.client.node_storage(&node).content(storage, None).await.during(doing).map(Some)
}
