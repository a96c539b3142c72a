//! Changes of a disk that wait for the VM's next stop, while the disk itself grows or moves.

use pve_client::Error as Api;
use pve_client::api::params::Params;
use pve_client::api::qemu::drive::{Drive, DriveKey};
use terraform_plugin::Cx;

use super::guest;
use crate::error::{During, Problem};
use crate::pve::{Pve, patience};

/// How often the configuration is read anew because somebody changed it in between.
const READINGS: u32 = 3;

/// Says a waiting change of the disk once more, with the volume and the size that the disk has by now.
///
/// PVE keeps such a change as the whole drive, as it was then: at the next stop it would name a volume that has moved away,
/// or a size from before. The drive is written as a whole, so what somebody else changes in it meanwhile is read again.
pub async fn renew(cx: &Cx<Pve>, vmid: u32, disk: DriveKey) -> Result<(), Problem> {
    let mut readings = 0;
    loop {
        readings += 1;
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
        let mut task = match now.api(cx).update(&params).await {
            Err(Api::Modified(_)) if readings < READINGS => continue,
            sent => sent.during(&doing)?,
        };
        return task.wait(&patience(cx), |_| {}).await.during(&doing);
    }
}
