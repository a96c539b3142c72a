//! The way of an OSD out of the cluster: emptied, stopped, destroyed, and its disk free again. One OSD at a time: what is
//! safe for one is not safe for two.

use pve_client::Lock;
use pve_client::api::ceph::osd::Osd as Live;
use pve_client::api::ceph::services::{Risk, ServiceAction};
use terraform_plugin::{Cx, Diagnostic, Error};
use tokio::time::Instant;

use super::{Osd, leftover, look, must_be_ours, patience_until};
use crate::ceph::pool::removal::TRACES;
use crate::error::{During, Problem};
use crate::pve::Pve;

/// Takes the OSD with this number out of the cluster, if it is still the one that was made.
pub async fn remove(cx: &Cx<Pve>, was: &Osd, id: u32) -> Result<(), Error> {
    let doing = format!("Cannot destroy osd.{id}");
    let _one_at_a_time = cx.client.begin_write(Lock::OsdRemoval, &[]).await.during(&doing)?;
    let deadline = Instant::now() + cx.timeout;
    let Some(live) = look::osd(cx, id).await? else { return Ok(()) };
    let node = live.host.clone().unwrap_or_else(|| was.node.clone());
    // Before anything is changed: this also finds out whether the node can be asked at all.
    must_be_ours(cx, was, id, &node).await?;
    let device = device(cx, &node, id).await?;
    if live.in_ {
        cx.client.ceph().osd_out(id).await.during(&doing)?;
    }
    if !was.force && holds_data(cx).await? {
        drained(cx, id, deadline).await?;
    }
    stop(cx, &live, &node, deadline).await?;
    let mut task = cx.client.ceph().delete_osd(&node, id, true).await.during(&doing)?;
    task.wait(&patience_until(cx, deadline), |_| {}).await.during(&doing)?;
    if !task.warnings().is_empty() {
        cx.warn(Diagnostic::warning(
            format!("osd.{id} is destroyed, with warnings"),
            format!("PVE's task on {node} says:\n  {}", task.warnings().join("\n  ")),
        ));
    }
    match device {
        Some(path) => Ok(leftover::free(cx, &node, &path, deadline).await?),
        None => Ok(()),
    }
}

/// The disk or partition that the OSD lies on.
async fn device(cx: &Cx<Pve>, node: &str, id: u32) -> Result<Option<String>, Problem> {
    let list = look::disks(cx, node).await?;
    // A disk tells one of the OSDs on its partitions as its own.
    let mut on: Vec<_> = list.iter().filter(|disk| disk.osd_ids.contains(&id)).collect();
    on.sort_by_key(|disk| !disk.is_partition());
    Ok(on.first().map(|disk| disk.devpath.clone()))
}

/// Whether there is anything to lose. Of Ceph's own pool `.mgr`, which it makes anew, nothing is: a cluster that is taken
/// down altogether has no place left to move it to.
async fn holds_data(cx: &Cx<Pve>) -> Result<bool, Problem> {
    let pools = cx.client.ceph().pools().await.during("Cannot list the pools")?;
    for pool in pools.iter().filter(|pool| pool.name != ".mgr") {
        let doing = format!("Cannot read pool \"{}\"", pool.name);
        let status = cx.client.ceph().pool_status(&pool.name).await.during(doing)?;
        if status.statistics.is_none_or(|statistics| statistics.stored > TRACES) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Waits until Ceph itself says that nothing is lost with the OSD.
async fn drained(cx: &Cx<Pve>, id: u32, deadline: Instant) -> Result<(), Problem> {
    let waiting = format!("osd.{id} is not safe to destroy yet");
    let looked = look::until(cx, deadline, &waiting, async || {
        let doing = format!("Cannot ask whether osd.{id} can be destroyed");
        let safety = cx.client.ceph().is_safe(Risk::Destroy, "osd", &id.to_string()).await.during(doing)?;
        Ok(if safety.safe { Ok(()) } else { Err(format!("Ceph says: {}", safety.status.trim())) })
    })
    .await;
    looked.map_err(|problem| {
        let hint = Error::new(
            format!("osd.{id} stays out, and Ceph goes on moving its data"),
            "Destroy again to go on from here. If the data has nowhere to go, the pools' copies need more OSDs or hosts, or \
             a smaller size; `force = true`, applied, destroys the OSD without waiting.",
        );
        Error::from(problem).and(hint).into()
    })
}

/// Stops the daemon and waits until the monitors have seen it.
async fn stop(cx: &Cx<Pve>, live: &Live, node: &str, deadline: Instant) -> Result<(), Problem> {
    let (id, doing) = (live.id, format!("Cannot stop osd.{}", live.id));
    let service = format!("osd.{id}");
    let mut task = cx.client.ceph().service(node, ServiceAction::Stop, &service).await.during(&doing)?;
    task.wait(&patience_until(cx, deadline), |_| {}).await.during(&doing)?;
    look::until(cx, deadline, &format!("osd.{id} is still up"), async || {
        let up = look::osd(cx, id).await?.is_some_and(|osd| osd.up);
        Ok(if up { Err("Its daemon was stopped, and the monitors still see it.".to_owned()) } else { Ok(()) })
    })
    .await
}
