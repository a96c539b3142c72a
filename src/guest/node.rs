//! The node that a guest is to be on.

use pve_client::api::nodes::NodeEntry;

use crate::ground::error::Problem;

/// An error unless the node is there.
pub fn must_be_online(nodes: &[NodeEntry], wanted: &str) -> Result<(), Problem> {
    let named = |is: fn(&&NodeEntry) -> bool| {
        nodes.iter().filter(is).map(|node| node.node.as_str()).collect::<Vec<_>>().join(", ")
    };
    let problem = match nodes.iter().find(|node| node.node == wanted) {
        Some(node) if node.is_online() => return Ok(()),
        Some(_) => Problem::new(
            format!("Node {wanted} is offline"),
            format!(
                "A guest can only be made on, or go to, a node that is there; nothing was written. Online: {}. Name one of \
                 them, leave `node` out, or apply again when {wanted} is back.",
                named(|node| node.is_online())
            ),
        ),
        None => Problem::new(
            format!("The cluster has no node \"{wanted}\""),
            format!("Nothing was written. There are: {}.", named(|_| true)),
        ),
    };
    Err(problem.at("node"))
}
