//! What speaks against moving a disk, seen from a plan. Right before the write [`Order::prepare`] looks once more, each time
//! that it has waited.

use pve_client::api::qemu::DiskMove;
use pve_client::api::qemu::drive::{Drive, DriveKey};
use terraform_plugin::{Cx, Error, Findings, Path};

use super::{VmDiskMove, VmDiskMovePlan};
use crate::ground::pve::Pve;
use crate::ha::planned;
use crate::vm::disk_storage::must_hold_images;
use crate::vm::guest;
use crate::vm::moving::{Order, is_under_ha};

pub async fn look(cx: &Cx<Pve>, want: &VmDiskMovePlan, found: &mut Findings<VmDiskMove>) -> Result<(), Error> {
    let (Some(vmid), Some(disk)) = (want.vmid.get(), want.disk.text()) else { return Ok(()) };
    let Ok(disk) = disk.parse::<DriveKey>() else { return Ok(()) };
    let Some(live) = guest::find(cx, vmid).await? else {
        found.missing(cx.comes("vm", &vmid.to_string()), guest::missing(vmid));
        return Ok(());
    };
    let order = Order {
        vmid,
        disk,
        to: DiskMove {
            storage: want.storage.text().unwrap_or("(known after apply)").to_owned(),
            ..DiskMove::default()
        },
        disk_at: Path::attr("disk"),
        storage_at: Path::attr("storage"),
    };
    let Some(is) = found.check(order.movable(&live)).and_then(Drive::storage) else { return Ok(()) };
    let Some(storage) = want.storage.text().filter(|storage| *storage != is) else { return Ok(()) };
    found.check(guest::must_be_unlocked(&live));
    found.check(order.tpm_needs_stop(cx, &live).await);
    if let Err(problem) = must_hold_images(cx, storage, &live.guest.node, Path::attr("storage")).await {
        found.missing(cx.comes("storage_rbd", storage), problem);
        return Ok(());
    }
    // One and the same plan asks for both, or else what is planned elsewhere may mend it.
    let contradiction = planned::everywhere(&cx.ledger, &format!("vm:{vmid}")) == Some(true);
    if (contradiction || is_under_ha(&live))
        && let Some(problem) = order.takes_from_ha(cx, &live).await?
    {
        match contradiction {
            true => found.certain(problem),
            false => found.mendable(problem),
        }
    }
    Ok(())
}
