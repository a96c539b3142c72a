//! What PVE leaves on a partition whose OSD was destroyed, or where none could be made: LVM's type, which it shows as `LVM`
//! and refuses for the next OSD.

use pve_client::api::disks::Disk;
use terraform_plugin::Cx;
use tokio::time::Instant;

use super::{Osd, foresight, look};
use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;

/// The partition on which an OSD lay that Ceph does not know any more, and whose removal was cut off before the partition was
/// free. `None` as well where nothing tells that there was such a removal.
pub async fn of(cx: &Cx<Pve>, was: &Osd) -> Result<Option<String>, Problem> {
    if was.osd_id.is_none() || (was.ready && !foresight::was_removing(cx, was).await) {
        return Ok(None);
    }
    let list = look::disks(cx, &was.node).await?;
    let Ok(entry) = was.device.find(&list, &was.node) else { return Ok(None) };
    Ok(is_left(cx, &was.node, entry).await?.then(|| entry.devpath.clone()))
}

/// Makes a partition free that our own task has left like that. Anything else stays as it is, above all what lies in a volume
/// group.
pub async fn free(cx: &Cx<Pve>, node: &str, path: &str, deadline: Instant) -> Result<(), Problem> {
    let list = look::disks(cx, node).await?;
    match list.iter().find(|disk| disk.devpath == path) {
        Some(entry) if is_left(cx, node, entry).await? => look::wipe(cx, node, path, deadline).await,
        _ => Ok(()),
    }
}

async fn is_left(cx: &Cx<Pve>, node: &str, entry: &Disk) -> Result<bool, Problem> {
    if !entry.is_partition() || entry.used.as_deref() != Some("LVM") || !entry.osd_ids.is_empty() {
        return Ok(false);
    }
    let groups = cx.client.disks(node).volume_groups().await;
    let groups = groups.during(format!("Cannot list the volume groups of node {node}"))?;
    let group = groups.of(&entry.devpath);
    if let Some(group) = group {
        tracing::warn!(node, entry.devpath, group = group.name, "somebody has made a volume group there: it stays");
    }
    Ok(group.is_none())
}
