//! Changes of a disk that wait for the VM's next stop: kept up to date while the disk itself grows or moves, and taken back
//! when the disk is wanted again.

use pve_client::Error as Api;
use pve_client::api::params::Params;
use pve_client::api::qemu::boot::BootOrder;
use pve_client::api::qemu::drive::{Drive, DriveKey};
use terraform_plugin::Cx;

use super::guest::{self, Found};
use super::turns::Turns;
use crate::ground::error::{During, Problem};
use crate::ground::pve::{Pve, patience};

/// Says a waiting change of the disk once more, with the volume and the size that the disk has by now.
///
/// PVE keeps such a change as the whole drive, as it was then: at the next stop it would name a volume that has moved away,
/// or a size from before. The drive is written as a whole, so what somebody else changes in it meanwhile is read again.
pub async fn renew(cx: &Cx<Pve>, vmid: u32, disk: DriveKey) -> Result<(), Problem> {
    let mut turns = Turns::begin();
    loop {
        // The earlier one of the two gives the digest: a change between them is noticed too.
        let (coming, now) = (guest::must_exist(cx, vmid).await?, guest::in_force(cx, vmid).await?);
        let (Some(waiting), Some(is)) = (coming.config.drives.get(&disk), now.config.drives.get(&disk)) else {
            return Ok(());
        };
        if (&waiting.volume, waiting.size) == (&is.volume, is.size) {
            return Ok(());
        }
        let drive = Drive { volume: is.volume.clone(), size: is.size, ..waiting.clone() };
        let doing = format!("Cannot bring the waiting change of vm:{vmid} {disk} up to date");
        let params = Params::new().drive(disk, &drive).digest(coming.config.digest.as_deref());
        match write(cx, &now, &params).await.during(&doing) {
            Err(problem) => turns.again_after_moves(cx, &now, problem).await?,
            done => return done,
        }
    }
}

/// Writes and waits for the end of the task.
async fn write(cx: &Cx<Pve>, found: &Found, params: &Params) -> Result<(), Api> {
    let mut task = found.api(cx).update(params).await?;
    task.wait(&patience(cx), |_| {}).await
}

/// Takes back what a change that failed half-way has left waiting: PVE notes one setting after the other, and what it had noted
/// by then would come with the next change or start. What is to be said of it.
pub async fn revert(cx: &Cx<Pve>, found: &Found, params: &Params) -> Option<String> {
    let waiting = found.api(cx).pending().await.ok()?;
    let ours = waiting.into_iter().filter(|entry| entry.is_pending() && params.names().any(|name| name == entry.key));
    let names: Vec<String> = ours.map(|entry| entry.key).collect();
    if names.is_empty() {
        return None;
    }
    let all = names.join(", ");
    let taken_back = async {
        write(cx, found, &Params::new().set("revert", names.join(","))).await?;
        // What had waited before goes with it, and is noted again.
        let now = found.api(cx).config().await?;
        let before = names.iter().fold(Params::new(), |params, name| {
            match (found.config.settings.get(name), now.settings.get(name)) {
                (was, is) if was == is => params,
                (Some(was), _) => params.set(name, was),
                (None, _) => params.remove(name),
            }
        });
        if before.is_empty() { Ok(()) } else { write(cx, found, &before).await }
    };
    match taken_back.await {
        Ok(()) => Some(format!("What PVE had noted of it by then ({all}) was taken back.")),
        Err(error) => Some(format!(
            "PVE has noted {all}, which could not be taken back ({error}): it comes into force with the next change or start. \
             `pve_pending` tells what waits."
        )),
    }
}

/// Private data: what the VM booted from before a disk was to be taken away. PVE takes it out of the order at once, also while
/// the removal waits, and does not put it back.
const BOOT: &str = "boot";

/// Keeps in mind what the VM boots from, if one of these disks is about to be taken away.
pub fn remember_boot(cx: &Cx<Pve>, found: &Found, removed: &[DriveKey]) {
    if let Some(BootOrder(devices)) = &found.config.boot
        && removed.iter().any(|key| devices.contains(&key.to_string()))
    {
        cx.private.set(BOOT, devices);
    }
}

/// Takes back the removal of disks that are wanted again and have not gone yet. Otherwise PVE would be asked for a new, empty
/// volume in the place of the one that is still in use. The VM as it is afterwards.
pub async fn take_back(cx: &Cx<Pve>, found: Found, wanted: &[DriveKey]) -> Result<Found, Problem> {
    let (mut found, mut turns) = (found, Turns::begin());
    loop {
        let names = about_to_go(cx, &found, wanted).await?;
        if names.is_empty() {
            return Ok(found);
        }
        let vmid = found.guest.vmid;
        let doing = format!("Cannot take back the removal of {} of vm:{vmid}", names.join(", "));
        let mut params = Params::new().set("revert", names.join(",")).digest(found.config.digest.as_deref());
        if let Some(order) = boot_with(cx, &found, &names) {
            params = params.set("boot", order.to_string());
        }
        tracing::info!(vmid, ?names, "a removal that waits for the VM's next stop is taken back");
        match write(cx, &found, &params).await.during(&doing) {
            Err(problem) => turns.again_after_moves(cx, &found, problem).await?,
            Ok(()) => {
                cx.private.remove(BOOT);
                return guest::must_exist(cx, vmid).await;
            }
        }
        found = guest::must_exist(cx, vmid).await?;
    }
}

/// The disks among those that are wanted whose removal waits for the VM's next stop.
async fn about_to_go(cx: &Cx<Pve>, found: &Found, wanted: &[DriveKey]) -> Result<Vec<String>, Problem> {
    let missing = || wanted.iter().filter(|key| !found.config.drives.contains_key(key));
    if missing().next().is_none() {
        return Ok(Vec::new());
    }
    let now = guest::in_force(cx, found.guest.vmid).await?;
    let there = |key: &&DriveKey| now.config.drives.get(key).is_some_and(Drive::is_disk);
    Ok(missing().filter(there).map(ToString::to_string).collect())
}

/// What the VM is to boot from again, if PVE has changed that.
fn boot_with(cx: &Cx<Pve>, found: &Found, back: &[String]) -> Option<BootOrder> {
    let now = found.config.boot.clone().unwrap_or_default();
    let before: Vec<String> = cx.private.get(BOOT).unwrap_or_else(|| match now.0.is_empty() {
        // Nothing left to boot from: whatever it was, it was among these.
        true => back.to_vec(),
        false => now.0.clone(),
    });
    let order =
        BootOrder(before.into_iter().filter(|device| back.contains(device) || now.0.contains(device)).collect());
    (order != now && !order.0.is_empty()).then_some(order)
}
