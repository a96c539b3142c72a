//! The way of a daemon out of the cluster.

use pve_client::Lock;
use pve_client::api::ceph::DAEMON_AREAS;
use terraform_plugin::{Cx, Deleted, Diagnostic, Error, require_removable};
use tokio::time::Instant;

use super::{Daemon, Seen, called, find, lower, of_no_ceph, task_id};
use crate::ceph::wait::{patience_until, until};
use crate::ground::error::{During, Problem};
use crate::ground::evidence::Before;
use crate::ground::pve::Pve;

/// Where it is taken away.
#[derive(Debug)]
pub struct Place {
    /// The node that is asked.
    node: String,
    /// Its own, if that does not answer.
    dead: Option<String>,
}

/// The node that takes it away: its own, as long as that lives.
pub async fn place<D: Daemon>(cx: &Cx<Pve>, was: &D, seen: &Seen) -> Result<Place, Problem> {
    let node = seen.host.clone().unwrap_or_else(|| was.node().to_owned());
    let status = cx.client.cluster().status().await.during("Cannot read the cluster's status")?;
    if !status.quorate || status.member(&node).is_some_and(|member| member.online) {
        return Ok(Place { node, dead: None });
    }
    if let Some(other) = D::other_node(cx).await? {
        return Ok(Place { node: other, dead: Some(node) });
    }
    let sort = D::KIND.sort.name();
    let by_hand = match sort {
        "mon" => format!(
            "`ceph mon remove {0}` on another node, and then its section and its address in `/etc/pve/ceph.conf`",
            was.id()
        ),
        _ => format!("`ceph auth del {sort}.{}` on another node", was.id()),
    };
    Err(Problem::new(
        format!("Node {node} is offline, and {} is on it", lower::<D>(was.id())),
        format!(
            "PVE takes such a daemon away on its own node only. Nothing was written. If the node is not to come back, what takes it \
             out of Ceph is {by_hand}; then `terraform state rm` this resource."
        ),
    )
    .at("node"))
}

/// Takes it away, if it is there and may go.
pub async fn remove<D: Daemon>(cx: &Cx<Pve>, was: &D) -> Result<Deleted<D>, Error> {
    let id = was.id();
    let doing = format!("Cannot remove {}", lower::<D>(id));
    let _turn = cx.client.begin_write(Lock::CephDaemon, &[]).await.during(&doing)?;
    let deadline = Instant::now() + cx.timeout;
    let Some(seen) = of_no_ceph(find::<D>(cx, id).await)? else { return Ok(Deleted::Gone) };
    require_removable(cx, was).await?;
    if D::is_left(cx, &D::all(cx).await?) {
        return Ok(Deleted::Gone);
    }
    let Place { node, dead } = place::<D>(cx, was, &seen).await?;
    let before = Before::peek(cx, Some(&node), D::KIND.destroys, task_id::<D>(id)).await?;
    let sent = cx.client.ceph().delete_daemon(&node, D::KIND.sort, id).await.during(&doing);
    let mut task = match before.settle(cx, sent, Lock::CephMon, DAEMON_AREAS).await {
        Ok(Ok(task)) => task,
        Ok(Err(problem)) => return Err(problem.into()),
        Err(problem) => return Ok(Deleted::unfinished(was.clone().unready(), problem)),
    };
    match task.wait(&patience_until(cx, deadline), |_| {}).await.during(&doing) {
        Ok(()) => {}
        // Its first steps may be done: what is listed still is tried again by the next one.
        Err(problem) => return Ok(Deleted::unfinished(was.clone().unready(), problem)),
    }
    let waiting = format!("{} is still listed", called::<D>(id));
    let gone = until(cx, deadline, &waiting, async || {
        Ok(match find::<D>(cx, id).await? {
            Some(seen) => Err(format!("PVE says \"{}\" of it.", seen.state)),
            None => Ok(()),
        })
    });
    if let Err(problem) = gone.await {
        return Ok(Deleted::unfinished(was.clone().unready(), problem));
    }
    if let Some(dead) = dead {
        let sort = D::KIND.sort.name();
        cx.warn(Diagnostic::warning(
            format!("{} is out of Ceph, and what it left on its node was not touched", called::<D>(id)),
            format!(
                "{dead} does not answer. Should it come back, its daemon finds no key; `systemctl disable --now ceph-{sort}@{id}` and \
                 `rm -r /var/lib/ceph/{sort}/ceph-{id}` there make room for another."
            ),
        ));
    }
    Ok(Deleted::Gone)
}

/// Takes away what is left of one that was never finished. That there is nothing left is as good.
pub async fn clear<D: Daemon>(cx: &Cx<Pve>, node: &str, id: &str, deadline: Instant) -> Result<(), Problem> {
    let doing = format!("Cannot take back what was made of {}", lower::<D>(id));
    let ended = match cx.client.ceph().delete_daemon(node, D::KIND.sort, id).await {
        Ok(mut task) => task.wait(&patience_until(cx, deadline), |_| {}).await,
        Err(error) => Err(error),
    };
    match ended.during(&doing) {
        Ok(()) => Ok(()),
        Err(problem) => match find::<D>(cx, id).await? {
            // What PVE does not list has left a directory at most, which it may have said there is none of.
            None => Ok(()),
            Some(_) => Err(problem),
        },
    }
}
