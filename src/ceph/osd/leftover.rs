//! What PVE leaves on a partition whose OSD was destroyed, or where none could be made: LVM's type, which it shows as `LVM`
//! and refuses for the next OSD.

use terraform_plugin::Cx;
use tokio::time::Instant;

use super::look;
use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;

/// Makes a partition free that our own task has left like that, a moment ago. Anything else stays as it is, above all what
/// lies in a volume group.
pub async fn free(cx: &Cx<Pve>, node: &str, path: &str, deadline: Instant) -> Result<(), Problem> {
    let list = look::disks(cx, node).await?;
    let Some(entry) = list.iter().find(|disk| disk.devpath == path) else { return Ok(()) };
    if !entry.is_partition() || entry.used.as_deref() != Some("LVM") || !entry.osd_ids.is_empty() {
        return Ok(());
    }
    let groups = cx.client.disks(node).volume_groups().await;
    let groups = groups.during(format!("Cannot list the volume groups of node {node}"))?;
    match groups.of(path) {
        Some(group) => {
            tracing::warn!(node, path, group = group.name, "somebody has made a volume group there: it stays");
            Ok(())
        }
        None => look::wipe(cx, node, path, deadline).await,
    }
}
