//! What is there: disks, the OSD in Ceph, its volume.

use std::sync::Arc;

use pve_client::Error as PveError;
use pve_client::api::ceph::osd::Osd as Live;
use pve_client::api::disks::Disk;
use terraform_plugin::Cx;
use tokio::time::Instant;

use super::patience_until;
pub use crate::ceph::wait::until;
use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;

/// The disks and partitions of a node.
pub async fn disks(cx: &Cx<Pve>, node: &str) -> Result<Arc<Vec<Disk>>, Problem> {
    match cx.client.disks(node).list().await {
        Err(error @ PveError::UnknownNode { .. }) => {
            Err(no_such_node(cx, Problem::during(format!("Cannot list the disks of node {node}"), error)).await)
        }
        listed => listed.during(format!("Cannot list the disks of node {node}")),
    }
}

/// A mistake in `node`, with the names that there are.
pub async fn no_such_node(cx: &Cx<Pve>, problem: Problem) -> Problem {
    let names = match cx.client.nodes().list().await {
        Ok(nodes) => nodes.iter().map(|node| node.node.clone()).collect::<Vec<_>>(),
        Err(error) => {
            tracing::debug!(%error, "nobody tells the nodes");
            Vec::new()
        }
    };
    let told = (!names.is_empty()).then(|| format!("Its nodes: {}. Nothing was written.", names.join(", ")));
    problem.noting(told).at("node")
}

/// The disk on which an OSD lay when it last started, by what its daemon told Ceph then; `None` if that names none.
pub async fn lay_on(cx: &Cx<Pve>, node: &str, id: u32) -> Result<Option<String>, Problem> {
    let told = match cx.client.ceph().osd_metadata(node, id).await {
        // It never ran.
        Err(error) if error.to_string().contains("mon_cmd failed") => return Ok(None),
        told => told.during(format!("Cannot read what osd.{id} has told of itself"))?,
    };
    let block = told.devices.into_iter().find(|device| device.device == "block");
    let name = block.and_then(|device| device.physical_device).filter(|name| !name.is_empty());
    Ok(name.map(|name| format!("/dev/{name}")))
}

/// Whether an OSD of this number lies on one of the node's disks.
pub async fn lies_on(cx: &Cx<Pve>, node: &str, id: u32) -> Result<bool, Problem> {
    Ok(disks(cx, node).await?.iter().any(|disk| disk.osd_ids.contains(&id)))
}

/// The OSD as Ceph knows it.
pub async fn osd(cx: &Cx<Pve>, id: u32) -> Result<Option<Live>, Problem> {
    let tree = cx.client.ceph().osds().await.during(format!("Cannot read osd.{id}"))?;
    Ok(tree.osd(id).cloned())
}

/// The fsid of the OSD with this number on this node; `None` if there is no volume of one.
pub async fn fsid(cx: &Cx<Pve>, node: &str, id: u32) -> Result<Option<String>, Problem> {
    match cx.client.ceph().osd_volume(node, id).await {
        Ok(volume) => Ok(volume.osd_fsid().map(str::to_owned)),
        Err(error) if error.is_absent() || error.to_string().contains("not found in 'ceph-volume lvm list'") => {
            Ok(None)
        }
        Err(error) => Err(error).during(format!("Cannot read the volume of osd.{id}")),
    }
}

/// Erases a disk or partition.
pub async fn wipe(cx: &Cx<Pve>, node: &str, path: &str, deadline: Instant) -> Result<(), Problem> {
    let doing = format!("Cannot wipe {path} on {node}");
    let mut task = cx.client.disks(node).wipe(path).await.during(&doing)?;
    task.wait(&patience_until(cx, deadline), |_| {}).await.during(&doing)
}
