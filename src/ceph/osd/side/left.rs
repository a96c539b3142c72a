//! What a creation that failed has left on the devices for database and log: PVE makes the volumes before it hands over to Ceph,
//! and takes none back. Each further attempt would eat another piece.

use pve_client::shell::commands::CephCommands;
use terraform_plugin::Cx;
use tokio::time::Instant;

use super::super::leftover;
use super::{ROLES, Role};
use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;

/// A volume that a task has made.
#[derive(Debug, PartialEq, Eq)]
struct Volume {
    path: String,
    group: String,
    name: String,
}

impl Volume {
    /// What the log of a creation says of the volumes that it has made, whose names nothing else ever has.
    fn all(log: &[String]) -> Vec<Self> {
        let mut path = None;
        let mut all = Vec::new();
        for line in log.iter().map(|line| line.trim_end()) {
            if let Some((_, on)) = line.strip_prefix("creating block.").and_then(|rest| rest.split_once(" on '")) {
                path = on.strip_suffix('\'').map(str::to_owned);
            }
            let made = line.strip_prefix("using '").and_then(|rest| rest.split_once("' for block."));
            // A partition is named by its path, and is none of these.
            let Some((group, name)) = made.and_then(|(made, _)| made.split_once('/')) else { continue };
            let good = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
            if let Some(path) = path.take().filter(|_| good(group) && good(name)) {
                all.push(Self { path, group: group.to_owned(), name: name.to_owned() });
            }
        }
        all
    }
}

/// Takes away what a task has made for an OSD that does not exist, by its log. That there is no OSD has been looked at.
pub async fn take_away(cx: &Cx<Pve>, node: &str, log: &[String], deadline: Instant) -> Result<(), Problem> {
    for volume in Volume::all(log) {
        one(cx, node, &volume).await?;
        // With the last volume the group goes, and a partition keeps LVM's type, a disk perhaps LVM's label.
        leftover::free_side(cx, node, &volume.path, deadline).await?;
    }
    Ok(())
}

async fn one(cx: &Cx<Pve>, node: &str, volume: &Volume) -> Result<(), Problem> {
    let Volume { path, group, name } = volume;
    let doing = format!("Cannot take the volume {group}/{name} away");
    let groups = cx.client.disks(node).volume_groups().await;
    let groups = groups.during(format!("Cannot list the volume groups of node {node}"))?;
    if groups.named(group).is_none() {
        return Ok(());
    }
    if let Some(osd) = owner(cx, node, name).await? {
        tracing::warn!(node, group, name, osd, "the volume belongs to an OSD: it stays");
        return Ok(());
    }
    tracing::info!(node, group, name, "taking away what a failed creation has left");
    let shell = cx.client.shell(node);
    match CephCommands::new(&cx.client, &shell).zap_volume(group, name).await {
        Ok(()) => Ok(()),
        // It was taken away before.
        Err(error) if error.to_string().contains("non-existing device") => Ok(()),
        Err(error) => Err(error).during(doing).map_err(|problem: Problem| {
            let cure = format!(
                "A creation that failed has left that volume on {path} of {node}, and no OSD uses it. Apply again to have it taken \
                 away, or run `ceph-volume lvm zap --destroy {group}/{name}` there."
            );
            problem.noting(Some(cure))
        }),
    }
}

/// The OSD of the node that the volume belongs to.
async fn owner(cx: &Cx<Pve>, node: &str, name: &str) -> Result<Option<u32>, Problem> {
    let tree = cx.client.ceph().osds().await.during("Cannot list the OSDs")?;
    for osd in tree.osds.iter().filter(|osd| osd.host.as_deref() == Some(node)) {
        for role in ROLES.into_iter().filter(|role: &Role| role.of(osd) != Some(false)) {
            match cx.client.ceph().osd_volume_of(node, osd.id, role.kind()).await {
                Ok(volume) if volume.lv_name == name => return Ok(Some(osd.id)),
                Ok(_) => {}
                Err(error) if error.is_absent() => {}
                Err(error) => return Err(error).during(format!("Cannot read the volumes of osd.{}", osd.id)),
            }
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_names_the_volumes_and_their_devices() {
        let log = [
            "create OSD on /dev/sdb (bluestore)",
            "creating block.db on '/dev/nvme0n1'",
            "  Volume group \"ceph-1\" successfully created",
            "using 'ceph-1/osd-db-2' for block.db",
            "creating block.wal on '/dev/sdc'",
            "using '/dev/sdc3' for block.wal",
            "using 'ceph-4/osd-wal-5;reboot' for block.wal",
        ];
        let found = Volume::all(&log.map(str::to_owned));
        let one = Volume { path: "/dev/nvme0n1".into(), group: "ceph-1".into(), name: "osd-db-2".into() };
        assert_eq!(found, [one]);
    }
}
