//! The volume of an OSD that the cluster does not know: of one that was purged while its node was dead, for instance. LVM
//! finds it when the node is back, and PVE lists the number that it had as an OSD of the disk.

use pve_client::api::ceph::osd::Osd as Live;
use pve_client::api::disks::Disk;
use terraform_plugin::Cx;

use super::device::whole_of;
use super::{identity, look, place};
use crate::ground::error::Problem;
use crate::ground::pve::Pve;

/// What Ceph says of an OSD whose volume lies on a disk.
#[derive(Debug, PartialEq, Eq)]
enum Known {
    /// It is one of the cluster's.
    Yes,
    /// It is none of the cluster's. Why, in a sentence.
    No(String),
    /// It is not listed: an old one, or one that is about to register.
    Unlisted,
}

/// What to say of the OSD that `entry` carries the volume of, if it is none of the cluster's. Before a write (`asks`) Ceph's
/// own records tell of one that is not listed, which takes root.
pub async fn told(
    cx: &Cx<Pve>,
    node: &str,
    (entry, id): (&Disk, u32),
    list: &[Disk],
    asks: bool,
) -> Result<Option<Problem>, Problem> {
    // Where Ceph is not there, that has been told.
    let Ok(tree) = cx.client.ceph().via(node).osds().await else { return Ok(None) };
    let mut fsid = None;
    let known = match tree.osd(id) {
        Some(live) => listed(cx, node, (entry, live), list).await?,
        None => {
            fsid = look::fsid(cx, node, id).await?;
            match asks && cx.client.has_shell() {
                true => recorded(cx, id, fsid.as_deref()).await,
                false => Known::Unlisted,
            }
        }
    };
    Ok(match known {
        Known::Yes => None,
        Known::No(why) => Some(problem(node, entry, id, fsid.as_deref(), &why)),
        Known::Unlisted => {
            let why = format!(
                "Ceph does not list osd.{id}. If it was made a moment ago, its daemon is about to register: look again in a \
                 minute, and you are told how to import it. If it was purged, its volume is left."
            );
            Some(problem(node, entry, id, fsid.as_deref(), &why))
        }
    })
}

/// Of a number that Ceph lists: whether its OSD is the one on this disk. Numbers are used again.
async fn listed(cx: &Cx<Pve>, node: &str, (entry, live): (&Disk, &Live), list: &[Disk]) -> Result<Known, Problem> {
    let id = live.id;
    match place::node_of(cx, live).await? {
        Some(home) if home != node => {
            return Ok(Known::No(format!("The cluster's osd.{id} is another one, on {home}: numbers are used again.")));
        }
        _ => {}
    }
    let disks = list.iter().filter(|disk| disk.osd_ids.contains(&id)).map(|disk| whole_of(&disk.devpath));
    if disks.collect::<std::collections::BTreeSet<_>>().len() < 2 {
        return Ok(Known::Yes);
    }
    // Two disks of the node have an OSD of this number: its daemon tells on which it runs.
    let lies = look::lay_on(cx, node, id).await?;
    Ok(match lies {
        Some(lies) if whole_of(&lies) != whole_of(&entry.devpath) => {
            Known::No(format!("The cluster's osd.{id} is another one, on {lies}: numbers are used again."))
        }
        _ => Known::Yes,
    })
}

/// Of a number that Ceph does not list, by its records.
async fn recorded(cx: &Cx<Pve>, id: u32, fsid: Option<&str>) -> Known {
    match identity::by_ceph(cx, id).await {
        Ok(Some(found)) if fsid.is_none_or(|fsid| fsid == found) => Known::Yes,
        Ok(Some(_)) => Known::No(format!("The cluster's osd.{id} is another one: numbers are used again.")),
        Ok(None) => Known::No(format!("The cluster has no osd.{id} any more: it was purged.")),
        Err(problem) => {
            tracing::debug!(?problem, osd = id, "Ceph's records do not tell");
            Known::Unlisted
        }
    }
}

fn problem(node: &str, entry: &Disk, id: u32, fsid: Option<&str>, why: &str) -> Problem {
    let path = &entry.devpath;
    let named = fsid.map(|fsid| format!(", fsid {fsid}")).unwrap_or_default();
    // LVM holds the volume, and PVE erases nothing that is held.
    let then = match entry.is_partition() {
        true => "Then apply with `wipe_if = [\"LVM\"]`: a partition keeps LVM's type.",
        false => "Then apply again.",
    };
    let detail = format!(
        "{path} of {node} carries the volume of an OSD (osd.{id}{named}). {why} Nothing was written. If nobody needs what is on \
         it, `ceph-volume lvm zap --destroy {path}` on {node} frees it; `wipe_if` alone does not, since PVE erases nothing that \
         LVM holds. {then}"
    );
    Problem::new("A disk carries the volume of an OSD that the cluster does not know", detail).at("device")
}
