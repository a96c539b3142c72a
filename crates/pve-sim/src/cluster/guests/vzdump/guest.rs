//! The guest of a backup: where it is, what of it is read; and who is told of the job.

use crate::cluster::guests::Guest;
use crate::cluster::guests::drive::Drive;
use crate::kernel::clock::Time;
use crate::kernel::tasks::TaskCx;

/// The guest, of either kind, which has to be on the node where the task runs.
pub(super) fn here<'a>(t: &'a TaskCx<'_>, vmid: u32) -> Result<&'a Guest, String> {
    let node = t.node();
    let guest = t.cluster.guests.get(vmid).filter(|guest| guest.node == node);
    guest.ok_or_else(|| format!("unable to find VM '{vmid}'"))
}

/// What a guest is.
pub(super) fn kind(guest: &Guest) -> &'static str {
    if guest.is_container() { "lxc" } else { "qemu" }
}

/// Its volumes by the keys that name them, each with whether it is backed up.
pub(super) fn volumes(guest: &Guest) -> Vec<(String, Drive, bool)> {
    let asked = |drive: &Drive| drive.options.get("backup").map(String::as_str) == Some("1");
    if guest.is_container() {
        let mounts = guest.config.values.iter().filter_map(|(key, text)| Some((key.clone(), Drive::parse(text)?)));
        let mounts = mounts.filter(|(key, drive)| {
            let number = key.strip_prefix("mp").is_some_and(|number| number.parse::<u32>().is_ok());
            (key == "rootfs" || number) && drive.volume.contains(':')
        });
        return mounts.map(|(key, drive)| (key.clone(), drive.clone(), key == "rootfs" || asked(&drive))).collect();
    }
    let drives = guest.config.drives().filter(|(key, drive)| !key.is_unused() && !drive.is_cdrom());
    let left_out = |drive: &Drive| drive.options.get("backup").map(String::as_str) == Some("0");
    drives.map(|(key, drive)| (key.to_string(), drive.clone(), !left_out(&drive))).collect()
}

pub(super) fn unlock(t: &mut TaskCx<'_>, vmid: u32) {
    if let Some(guest) = t.cluster.guests.get_mut(vmid).filter(|guest| guest.config.lock() == Some("backup")) {
        guest.config.values.remove("lock");
    }
}

pub(super) fn stamp(at: Time) -> String {
    at.format("%Y-%m-%d %H:%M:%S")
}

/// Nobody can be told where root has no address.
pub(super) fn notify(t: &mut TaskCx<'_>) {
    let told =
        t.cluster.access.users.get(crate::cluster::access::ROOT).is_some_and(|user| user.texts.contains_key("email"));
    if told {
        return;
    }
    t.log(
        "WARN: 'root@pam' does not have a configured email address in the user configuration - not sending an email to this \
         user",
    );
    t.log(
        "ERROR: could not notify via target `mail-to-root`: could not notify via endpoint(s): mail-to-root: no recipients \
         provided for the mail, cannot send it.",
    );
}
