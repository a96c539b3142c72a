//! What PVE leaves on a partition whose OSD was destroyed, or where none could be made: LVM's type, which it shows as `LVM`
//! and refuses for the next OSD.

use pve_client::api::disks::Disk;
use terraform_plugin::Cx;
use tokio::time::Instant;

use super::side::ROLES;
use super::{Osd, foresight, look};
use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;

/// Devices on which an OSD lay that Ceph does not know any more, and whose removal was cut off before they were free. None as
/// well where nothing tells that there was such a removal.
pub async fn of(cx: &Cx<Pve>, was: &Osd) -> Result<Vec<String>, Problem> {
    if was.osd_id.is_none() || (was.ready && !foresight::was_removing(cx, was).await) {
        return Ok(Vec::new());
    }
    let (node, list) = (&was.node, look::disks(cx, &was.node).await?);
    let mut left = Vec::new();
    if let Ok(entry) = was.device.find(&list, node)
        && entry.is_partition()
        && is_left(cx, node, entry).await?
    {
        left.push(entry.devpath.clone());
    }
    for role in ROLES {
        let entry = was.side(role).and_then(|device| device.find_as(role.device(), &list, node).ok());
        if let Some(entry) = entry
            && is_left(cx, node, entry).await?
        {
            left.push(entry.devpath.clone());
        }
    }
    Ok(left)
}

/// Makes a partition free that our own task has left like that. Anything else stays as it is, above all what lies in a volume
/// group.
pub async fn free(cx: &Cx<Pve>, node: &str, path: &str, deadline: Instant) -> Result<(), Problem> {
    let list = look::disks(cx, node).await?;
    match list.iter().any(|disk| disk.devpath == path && disk.is_partition()) {
        true => free_side(cx, node, path, deadline).await,
        false => Ok(()),
    }
}

/// The same of a device for databases or logs, after the last of them went: a disk may have kept LVM's label, and PVE would make
/// no database there.
pub async fn free_side(cx: &Cx<Pve>, node: &str, path: &str, deadline: Instant) -> Result<(), Problem> {
    let list = look::disks(cx, node).await?;
    match list.iter().find(|disk| disk.devpath == path) {
        Some(entry) if is_left(cx, node, entry).await? => look::wipe(cx, node, path, deadline).await,
        _ => Ok(()),
    }
}

async fn is_left(cx: &Cx<Pve>, node: &str, entry: &Disk) -> Result<bool, Problem> {
    let empty = entry.osd_ids.is_empty() && entry.db + entry.wal + entry.journals == 0;
    if entry.used.as_deref() != Some("LVM") || !empty {
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
