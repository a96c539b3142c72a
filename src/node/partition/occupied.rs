//! What is on a partition that is to be destroyed: told from the node's list of disks. Nothing that is there is ever destroyed
//! with it.

use pve_client::api::disks::Disk;
use terraform_plugin::{Cx, Error, Findings};

use super::DiskPartition;
use super::disk::{list, named};
use crate::ceph::osd::Osd;
use crate::ground::error::Problem;
use crate::ground::pve::Pve;

pub(super) async fn removable(
    cx: &Cx<Pve>,
    was: &DiskPartition,
    found: &mut Findings<DiskPartition>,
) -> Result<(), Error> {
    let Some(number) = was.number else { return Ok(()) };
    let list = list(cx, &was.node).await?;
    let Some(whole) = named(&list, &was.node, &was.disk)? else { return Ok(()) };
    let entry = whole.disk.parts(&list).find(|part| part.partition_number() == Some(number));
    let Some(entry) = entry.filter(|entry| !entry.is_free()) else { return Ok(()) };
    let (what, cure) = told(entry);
    let problem = Problem::new(
        format!("Something is on {} of {}", entry.devpath, was.node),
        format!("{}: {what}. Nothing was destroyed. {cure}", was.called()),
    );
    let going = cx.going::<Osd>();
    let goes = |id: &u32| going.iter().any(|osd| osd.osd_id == Some(*id));
    match (entry.osd_ids.is_empty(), entry.used.as_deref()) {
        (false, _) => found.missing(entry.osd_ids.iter().all(goes), problem),
        // What an OSD leaves, or uses for its database, may go with one that is destroyed by the same plan.
        (true, Some("LVM")) => found.mendable(problem),
        _ if entry.db + entry.wal + entry.journals > 0 => found.mendable(problem),
        _ => found.certain(problem),
    }
    Ok(())
}

/// What is there, and what to do about it.
fn told(entry: &Disk) -> (String, String) {
    let wipe = "If that is not needed any more, erase it (Disks, Wipe Disk on the node), then apply again.";
    if !entry.osd_ids.is_empty() {
        let osds: Vec<_> = entry.osd_ids.iter().map(|id| format!("osd.{id}")).collect();
        let cure = "Destroy the OSD before: `pve_ceph_osd` leaves its partition free.";
        return (format!("{} lies on it", osds.join(" and ")), cure.to_owned());
    }
    if entry.db + entry.wal + entry.journals > 0 {
        let cure = "Destroy the OSD that it belongs to before.";
        return ("an OSD has its database or its log on it".to_owned(), cure.to_owned());
    }
    let used = entry.used.as_deref().unwrap_or("mounted");
    if entry.mounted || used == "mounted" {
        return ("it is mounted".to_owned(), format!("Unmount it for good before. {wipe}"));
    }
    (format!("PVE shows `{used}` on it"), wipe.to_owned())
}
