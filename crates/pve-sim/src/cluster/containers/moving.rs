//! A container's volume: enlarged, or on its way to another storage.

use std::time::Duration;

use super::{locked, volumes};
use crate::cluster::guests::Guest;
use crate::cluster::guests::drive::{Drive, DriveKey};
use crate::cluster::guests::size;
use crate::kernel::locks::Lock;
use crate::kernel::tasks::{Steps, TaskCx};

/// How long a volume takes to be copied.
const COPYING: Duration = Duration::from_secs(5);

/// The size asked for, if it can be had.
///
/// # Errors
/// PVE's text.
pub fn wanted_size(there: u64, asked: &str) -> Result<u64, String> {
    let number = size::parse(asked.trim_start_matches('+')).ok_or_else(|| format!("unable to parse size '{asked}'"))?;
    let wanted = if asked.starts_with('+') { there.saturating_add(number) } else { number };
    match wanted {
        wanted if wanted < there => Err("unable to shrink disk size".to_owned()),
        wanted if wanted == there => Err("disk is already at specified size".to_owned()),
        wanted => Ok(wanted),
    }
}

/// The work of `resize`.
pub fn resize(vmid: u32, key: String, asked: String) -> Steps {
    Steps::new().lock(Lock::Ct(vmid)).wait(Duration::from_millis(500)).run(move |t| {
        let node = t.node();
        let guest = t.cluster.guests.ct_on(vmid, &node)?;
        locked(guest, &[])?;
        let mut mount = guest.config.get(&key).and_then(Drive::parse).ok_or_else(|| format!("no {key}"))?;
        let volume = t.cluster.volume(&node, &mount.volume);
        let there = volume.ok_or_else(|| format!("volume '{}' does not exist", mount.volume))?.size;
        let bytes = wanted_size(there, &asked)?;
        t.cluster.change_volume(&node, &mount.volume, |volume| volume.size = bytes);
        say(t, &mount, there, bytes);
        mount.options.insert("size".to_owned(), size::print(bytes));
        t.cluster.guests.ct_on_mut(vmid, &node)?.config.values.insert(key, mount.to_string());
        Ok(())
    })
}

fn say(t: &mut TaskCx<'_>, mount: &Drive, before: u64, bytes: u64) {
    let Some(storage) = mount.storage().and_then(|id| t.cluster.storage.get(id)) else { return };
    let path = storage.volume_path(mount.name().unwrap_or_default());
    let k = if before < 512 << 20 { 1 } else { 4 };
    let blocks = |bytes: u64| bytes / (k << 10);
    let passes = [
        "Checking inodes, blocks, and sizes",
        "Checking directory structure",
        "Checking directory connectivity",
        "Checking reference counts",
        "Checking group summary information",
    ];
    let mut lines = vec!["Image resized.".to_owned(), "e2fsck 1.47.2 (1-Jan-2025)".to_owned()];
    lines.extend((1..).zip(passes).map(|(n, pass)| format!("Pass {n}: {pass}")));
    lines.push(format!("{path}: 38/52208 files (0.0% non-contiguous), 20037/{} blocks", blocks(before)));
    lines.push("resize2fs 1.47.2 (1-Jan-2025)".to_owned());
    lines.push(format!("Resizing the filesystem on {path} to {} ({k}k) blocks.", blocks(bytes)));
    lines.push(format!("The filesystem on {path} is now {} ({k}k) blocks long.", blocks(bytes)));
    lines.iter().for_each(|line| t.log(line));
    t.log("\n");
}

/// A volume that is to go to another storage.
#[derive(Debug, Clone)]
pub struct Order {
    /// The container.
    pub vmid: u32,
    /// `rootfs`, `mp0`, `unused0`.
    pub key: String,
    /// The storage to go to.
    pub storage: String,
    /// Whether the old volume is freed.
    pub delete: bool,
}

/// What refuses a move before anything is done.
///
/// # Errors
/// PVE's text.
pub fn check(guest: &Guest) -> Result<(), String> {
    locked(guest, &[])?;
    match guest.is_running() {
        true => Err("cannot move volumes of a running container".to_owned()),
        false => Ok(()),
    }
}

/// The work of `move_volume`. The container's configuration is locked (`disk`) already.
pub fn move_volume(order: Order) -> Steps {
    let vmid = order.vmid;
    Steps::new()
        .wait(COPYING)
        .run(move |t| {
            let moved = carry(t, &order);
            t.cluster.lock_container(vmid, None);
            moved
        })
        .on_stop(move |t| {
            t.cluster.lock_container(vmid, None);
            "interrupted by signal".to_owned()
        })
}

fn carry(t: &mut TaskCx<'_>, order: &Order) -> Result<(), String> {
    let node = t.node();
    let guest = t.cluster.guests.ct_on(order.vmid, &node)?;
    let mut mount = guest.config.get(&order.key).and_then(Drive::parse).ok_or_else(|| format!("no {}", order.key))?;
    let old = mount.clone();
    let bytes = t.cluster.volume(&node, &old.volume).map(|volume| volume.size);
    let bytes = bytes.ok_or_else(|| format!("volume '{}' does not exist", old.volume))?;
    let storage = t.cluster.storage.usable(&order.storage, &node)?;
    if !volumes::takes_containers(storage) {
        return Err(format!("storage '{}' does not allow content type 'rootdir' (Container)", order.storage));
    }
    let (volid, bytes, log) = t.cluster.make_file_system(&node, order.vmid, &order.storage, bytes)?;
    log.iter().for_each(|line| t.log(line));
    mount.volume = volid;
    let unused = DriveKey::parse(&order.key).is_some_and(|key| key.is_unused());
    if !unused {
        mount.options.insert("size".to_owned(), size::print(bytes));
    }
    let freed = if order.delete { t.cluster.free(&node, &old.volume) } else { Err(String::new()) };
    let guest = t.cluster.guests.ct_on_mut(order.vmid, &node)?;
    guest.config.values.insert(order.key.clone(), mount.to_string());
    // Freed or not: what is still there is not lost out of sight.
    if freed.is_err() && !unused {
        guest.config.add_unused(&old.volume);
    }
    Ok(())
}
