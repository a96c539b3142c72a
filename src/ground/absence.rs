//! When an object may be called gone: a plan would make it anew.

use pve_client::{Client, Error as PveError};
use terraform_plugin::{Cx, Error, Read};

use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;

/// The answer of a read. `Ok(None)` means that whoever was asked does not know the object and would have shown it:
/// the object is gone if the cluster has its quorum. Where nobody could be asked, the state is kept.
pub async fn answer<M>(client: &Client, found: Result<Option<M>, Problem>) -> Result<Read<M>, Error> {
    match found {
        Ok(Some(model)) => Ok(Read::Found(model)),
        Ok(None) => match client.cluster().status().await.during("Cannot read the cluster's status") {
            Ok(status) if status.quorate => Ok(Read::Gone),
            Ok(_) => Ok(Read::unreachable("The cluster has no quorum", "What it shows may be out of date.")),
            Err(problem) => unreachable_or_error(problem),
        },
        Err(problem) => unreachable_or_error(problem),
    }
}

fn unreachable_or_error<M>(problem: Problem) -> Result<Read<M>, Error> {
    match problem.pve() {
        Some(PveError::NodeUnreachable { node, message, .. }) => Ok(Read::unreachable(silent(node), message.clone())),
        Some(error) if error.is_stumble_of_ceph() => Ok(Read::unreachable("Ceph does not answer", error.to_string())),
        Some(error) if error.is_unreachable() => Ok(Read::unreachable("The cluster is unreachable", error.to_string())),
        _ => Err(problem.into()),
    }
}

fn silent(node: &str) -> String {
    format!("Node {node} is unreachable")
}

/// Of an object that is read without asking its node: tells that the node is dead, if the cluster sees the first of these
/// that is a member offline, and whether it is. When HA has moved the guests away, no other read may notice.
pub async fn tell_if_dead(cx: &Cx<Pve>, nodes: &[&str], sign: &str) -> bool {
    // Only asked where something is wrong already; who may not know gets no warning.
    let Ok(status) = cx.client.cluster().status().await else { return false };
    if let Some(member) = nodes.iter().find_map(|node| status.member(node))
        && status.quorate
        && !member.online
    {
        let why = format!("The cluster sees it offline; {sign}. Nothing is planned because of that.");
        cx.unreachable(silent(&member.name), why);
        return true;
    }
    false
}

/// As [`answer`], for what PVE leaves out of its lists when we may not see it: only with one of `privileges` on `path`
/// does "not in the list" mean that it does not exist.
pub async fn answer_if_visible<M>(
    client: &Client,
    path: &str,
    privileges: &[&str],
    found: Result<Option<M>, Problem>,
) -> Result<Read<M>, Error> {
    if let Ok(None) = found {
        match client.access().on(path).await.during("Cannot read our own permissions") {
            Ok(ours) if !ours.has_any(privileges) => {
                let wanted = privileges.join(" or ");
                return Ok(Read::unreachable(
                    format!("The user or token may not see {path}"),
                    format!("PVE leaves out of its lists what one may not see. Give it {wanted} there."),
                ));
            }
            Ok(_) => {}
            Err(problem) => return unreachable_or_error(problem),
        }
    }
    answer(client, found).await
}
