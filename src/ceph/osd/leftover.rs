//! What PVE leaves on a partition: LVM's type, after an OSD there was destroyed and after one could not be made. PVE shows
//! that as `LVM`, like a partition with data. A run that gets as far as that erases it; one that was killed before has not.

use pve_client::api::disks::Disk;
use pve_client::api::nodes::{TaskEntry, TaskFilter};
use terraform_plugin::Cx;

use super::creation::{self, made_by};
use super::device::kernel_name;
use crate::error::{During, Problem};
use crate::evidence;
use crate::pve::Pve;

/// PVE's task that destroys an OSD.
const DESTRUCTION: &str = "cephdestroyosd";

/// Whether nothing but the type is left on a partition: it lies in no volume group, and of what PVE did to it last, by us
/// and not long ago, either the making of an OSD failed, or the OSD that was made is destroyed.
///
/// PVE begins to make one only on what is free, so both mean that nothing else was there.
pub async fn is_ours(cx: &Cx<Pve>, node: &str, target: &Disk) -> Result<bool, Problem> {
    let typed = target.is_partition() && target.used.as_deref() == Some("LVM");
    if !typed || target.mounted || !target.osd_ids.is_empty() || target.db + target.wal + target.journals > 0 {
        return Ok(false);
    }
    let name = kernel_name(&target.devpath);
    let Some(made) = newest(cx, node, creation::TASK, name).await? else { return Ok(false) };
    let last = if made.is_success() {
        let Some(osd) = made.upid.parse().ok() else { return Ok(false) };
        let Some(osd) = made_by(cx, node, &osd).await else { return Ok(false) };
        let destroyed = newest(cx, node, DESTRUCTION, &format!("osd.{}", osd.id)).await?;
        destroyed.filter(|task| task.is_success() && made.endtime.is_some_and(|end| end <= task.starttime))
    } else {
        Some(made).filter(|task| !task.is_running())
    };
    if !last.is_some_and(|task| evidence::is_ours_of_late(cx, &task)) {
        return Ok(false);
    }
    let doing = format!("Cannot list the volume groups of node {node}");
    let groups = cx.client.disks(node).volume_groups().await.during(doing)?;
    Ok(groups.of(&target.devpath).is_none())
}

/// The task of this type about this object that began last on the node.
async fn newest(cx: &Cx<Pve>, node: &str, kind: &str, id: &str) -> Result<Option<TaskEntry>, Problem> {
    let filter = TaskFilter { kind: Some(kind.to_owned()), ..TaskFilter::default() };
    let tasks = cx.client.node(node).tasks(&filter).await.during(format!("Cannot list the tasks of node {node}"))?;
    Ok(tasks.into_iter().filter(|task| task.id == id).max_by_key(|task| task.starttime))
}
