//! A node is switched off before it leaves, and a majority is counted without it where that takes it along.

use std::time::Duration;

use pve_client::api::cluster::ClusterStatus;
use pve_client::shell::NodeShell;
use pve_client::{Client, Request, segment};
use serde_json::Value;
use terraform_plugin::Cx;
use tokio::time::{Instant, sleep};

use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(1);
/// A node that was told to, and is still on after this, is told once more: it may not have heard.
const AGAIN: Duration = Duration::from_secs(60);
/// The same where the answer was lost.
const AGAIN_IF_LOST: Duration = Duration::from_secs(5);
/// For a command that only talks to the node's own corosync.
const PATIENCE: Duration = Duration::from_secs(60);

/// Whether exactly half of the votes are there without this node's: with one vote fewer they are a majority.
pub fn is_half(status: &ClusterStatus, node: &str) -> bool {
    let others = status.members.iter().filter(|member| member.online && member.name != node).count();
    2 * others == status.members.len()
}

/// A member that stays, asked for itself: whatever else waits meanwhile, it does not. None if no endpoint is one.
pub async fn door(cx: &Cx<Pve>, status: &ClusterStatus, node: &str) -> Result<Option<Client>, Problem> {
    for member in status.members.iter().filter(|member| member.online && member.name != node) {
        if let Some(alone) = cx.client.alone(&member.name).during("Unusable endpoint")?
            && alone.cluster().status().await.is_ok_and(|theirs| theirs.name == status.name)
        {
            return Ok(Some(alone));
        }
    }
    Ok(None)
}

/// Switches the node off, and waits until the others miss it.
pub async fn switch_off(cx: &Cx<Pve>, door: &Client, node: &str, deadline: Instant) -> Result<(), Problem> {
    let doing = format!("Cannot switch node \"{node}\" off");
    let mut next = Instant::now();
    while Instant::now() < deadline && !cx.stop.is_cancelled() {
        door.regroup();
        match door.cluster().status().await {
            Ok(status) if status.member(node).is_none_or(|member| !member.online) => return Ok(()),
            Ok(_) if Instant::now() >= next => {
                let path = format!("nodes/{}/status", segment(node));
                let request = Request::post(path).node(node).param("command", "shutdown");
                next = match door.call::<Value>(request).await.during(&doing) {
                    Ok(_) => Instant::now() + AGAIN,
                    Err(problem) if problem.is_refused() => return Err(problem),
                    Err(problem) => {
                        tracing::debug!(?problem, node, "it may have heard");
                        Instant::now() + AGAIN_IF_LOST
                    }
                };
            }
            _ => {}
        }
        sleep(PAUSE).await;
    }
    Err(Problem::new(
        doing,
        "It was told to, and the others still see it. It was not removed from the cluster. Look at its console: a service may not \
         end. Destroy again when it is off.",
    ))
}

/// Has the others count their majority without it, if they are half of all.
pub async fn count_without(cx: &Cx<Pve>, door: &Client, node: &str, deadline: Instant) -> Result<(), Problem> {
    let doing = format!("Cannot have a majority counted without node \"{node}\"");
    let status = door.cluster().status().await.during(&doing)?;
    let Some(other) = status.members.iter().find(|member| member.online && member.name != node) else {
        return Ok(());
    };
    if status.quorate || !is_half(&status, node) {
        return Ok(());
    }
    let votes = (status.members.len() - 1).to_string();
    let argv = ["pvecm", "expected", &votes].map(str::to_owned);
    let output = door.shell(&other.name).run(&argv, PATIENCE).await.during(&doing)?;
    if !output.success() {
        let detail = format!(
            "`{}` on {}: {} (exit status {}). It was not removed from the cluster.",
            argv.join(" "),
            other.name,
            output.stderr_text(),
            output.status
        );
        return Err(Problem::new(doing, detail));
    }
    while Instant::now() < deadline && !cx.stop.is_cancelled() {
        door.regroup();
        if door.cluster().status().await.is_ok_and(|status| status.quorate) {
            return Ok(());
        }
        sleep(PAUSE).await;
    }
    Err(Problem::new(doing, "It was told to, and there is no majority yet. The node was not removed. Destroy again."))
}
