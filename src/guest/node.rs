//! The node that a guest is to be on.

use pve_client::api::nodes::NodeEntry;

use crate::ground::error::Problem;

/// An error unless the node is there.
pub fn must_be_online(nodes: &[NodeEntry], wanted: &str) -> Result<(), Problem> {
    let names: Vec<&str> = nodes.iter().map(|node| node.node.as_str()).collect();
    match nodes.iter().find(|node| node.node == *wanted) {
            Some(node) if node.is_online() => Ok(()),
            Some(_) => Err(Problem::new(
                format!("Node {wanted} is offline"),
                format!(
                    "A guest can only be made on, or go to, a node that is there; nothing was written. Online: {}. Name one of them, leave \
                     `node` out, or apply again when {wanted} is back.",
                    nodes.iter().filter(|node| node.is_online()).map(|node| node.node.as_str()).collect::<Vec<_>>().join(", ")
                ),
            )
            .at("node")),
            None => Err(Problem::new(
                format!("The cluster has no node \"{wanted}\""),
                format!("Nothing was written. There are: {}.", names.join(", ")),
            )
            .at("node")),
    }
}
