//! What is on a node and in none of PVE's calls: reached by SSH alone.

use pve_client::shell::ssh::SshShell;
use pve_client::{Lock, Writing};
use terraform_plugin::{Cx, Error, Object, Read, Say};

use crate::ground::absence;
use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;

/// A shell on the node by SSH; an error where the provider has none.
pub fn shell(cx: &Cx<Pve>, node: &str, doing: &str) -> Result<SshShell, Problem> {
    cx.client.ssh(node).ok_or_else(|| {
        Problem::new(
            doing,
            "PVE's API does not reach there; it takes SSH. Set `ssh` on the provider. Nothing was written.",
        )
        .unsent()
    })
}

/// Warns at plan where there is no SSH.
pub fn warn<M: Object>(cx: &Cx<Pve>, say: &mut Say<M>, what: &str) {
    if cx.client.ssh("").is_none() {
        let detail = "PVE's API does not reach there, and its terminal is not used for it. Set `ssh` on the provider.";
        say.warning("node", format!("{what} need SSH"), detail);
    }
}

/// The turn of a write on a node.
pub async fn turn(cx: &Cx<Pve>, node: &str, doing: &str) -> Result<Writing, Problem> {
    cx.client.begin_write(Lock::Node(node.to_owned()), &[]).await.during(doing)
}

/// The answer of a read: what a node that is off has is kept, and so is what nobody can look at now.
pub async fn answer<M>(cx: &Cx<Pve>, node: &str, found: Result<Option<M>, Problem>) -> Result<Read<M>, Error> {
    if found.is_err()
        && let Ok(status) = cx.client.cluster().status().await
        && status.quorate
        && status.member(node).is_some_and(|member| !member.online)
    {
        let why = "The cluster sees it offline. What is on it stays in the state as it was.";
        return Ok(Read::unreachable(format!("Node {node} is unreachable"), why));
    }
    absence::answer(&cx.client, found).await
}
