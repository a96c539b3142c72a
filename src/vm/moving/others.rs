//! Moves that somebody else has begun: PVE moves one disk of a VM at a time, and lets nobody else at the VM meanwhile.

use std::time::Duration;

use pve_client::api::nodes::TaskFilter;
use pve_client::{Error as Api, Lock, Patience, Upid};
use terraform_plugin::Cx;

use super::areas;
use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;
use crate::vm::guest::Found;
use crate::vm::progress::Head;

/// The move of one of the VM's disks that runs at this moment, with what its log tells about it.
pub async fn running(cx: &Cx<Pve>, found: &Found) -> Result<Option<(Upid, Option<Head>)>, Problem> {
    let vmid = found.guest.vmid;
    let filter = TaskFilter {
        kind: Some("qmmove".to_owned()),
        id: Some(vmid.to_string()),
        limit: Some(20),
        ..TaskFilter::default()
    };
    let node = cx.client.node(&found.guest.node);
    let tasks = node.tasks(&filter).await.during(format!("Cannot list the tasks of vm:{vmid}"))?;
    // One at most has the VM's lock; the others wait for it, or for their end.
    let mut waiting = None;
    for task in tasks.iter().filter(|task| task.is_running()) {
        let Ok(upid) = task.upid.parse::<Upid>() else { continue };
        // A log that we may not read is no reason to give up: the task itself says enough.
        let head = Head::read(&node.task_log(&upid, 5).await.unwrap_or_default());
        if head.is_some() {
            return Ok(Some((upid, head)));
        }
        waiting = Some((upid, None));
    }
    Ok(waiting)
}

/// Waits for the end of such a move; how it ends is its owner's business. What to say if it has not ended when the time is
/// over is told by `otherwise`.
pub async fn ends(
    cx: &Cx<Pve>,
    vmid: u32,
    upid: Upid,
    left: Duration,
    otherwise: impl FnOnce(&Api, &Upid) -> Problem,
) -> Result<(), Problem> {
    let attached = cx.client.attach(upid, Lock::Vm(vmid), &areas(vmid)).await;
    let mut task = attached.during(format!("Cannot follow the move of a disk of vm:{vmid}"))?;
    let patience = Patience { timeout: Some(left), stop: cx.stop.token(), ..Patience::default() };
    match task.wait(&patience, |_| {}).await {
        Ok(()) | Err(Api::TaskFailed(_) | Api::TaskLost { .. }) => Ok(()),
        Err(error) => Err(otherwise(&error, task.upid())),
    }
}
