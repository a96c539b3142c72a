//! What lies on a storage.

use std::collections::BTreeSet;
use std::sync::Arc;

use pve_client::api::storage::Volume;
use terraform_plugin::Cx;

use crate::error::{During, Problem};
use crate::pve::Pve;

/// The volumes on a storage that is not disabled, asked of a node that has it: one of `nodes`, if it is restricted to those.
pub async fn images(
    cx: &Cx<Pve>,
    storage: &str,
    nodes: Option<&BTreeSet<String>>,
) -> Result<Arc<Vec<Volume>>, Problem> {
    let doing = format!("Cannot list the images on storage \"{storage}\"");
    let node = match nodes {
        None => "localhost".to_owned(),
        Some(nodes) => {
            let all = cx.client.nodes().list().await.during(&doing)?;
            let up = all.iter().find(|entry| entry.is_online() && nodes.contains(&entry.node));
            // PVE tells what is wrong with one that is down.
            up.map(|entry| &entry.node).or(nodes.first()).cloned().unwrap_or_default()
        }
    };
    cx.client.node_storage(&node).content(storage, None).await.during(doing)
}
