//! What is on a device, and whether it may be used for an OSD: told from the node's list of disks, without the network.

use std::collections::BTreeSet;

use pve_client::api::disks::Disk;

use super::device::{called, gib, unused};
use super::hindrance::{Grade, Hindrance};
use crate::ground::error::{Problem, exists};

/// What PVE says of a disk that it is never to erase.
pub const HELD: [&str; 2] = ["mounted", "Device Mapper"];

/// The entry of the list on which an OSD lies. A disk tells one of the OSDs on its partitions as its own.
pub fn carrier(list: &[Disk], id: u32) -> Option<&Disk> {
    let mut on: Vec<_> = list.iter().filter(|disk| disk.osd_ids.contains(&id)).collect();
    on.sort_by_key(|disk| !disk.is_partition());
    on.first().copied()
}

/// The OSD on a device, and the entry on which it lies: a disk tells one of those on its partitions as its own.
pub fn carried<'a>(target: &'a Disk, list: &'a [Disk]) -> Option<(&'a Disk, u32)> {
    let entries = target.parts(list).chain(std::iter::once(target));
    entries.filter_map(|entry| Some((entry, *entry.osd_ids.first()?))).next()
}

/// Whether the device may be used; one that is not free is erased for it. An OSD on it is an error that says how to import
/// it; what `wipe_if` does not name, what is mounted and what is held stays as it is.
pub fn judge(target: &Disk, list: &[Disk], node: &str, wipe_if: &BTreeSet<String>) -> Result<(), Hindrance> {
    if let Some((device, osd)) = carried(target, list) {
        let what = format!("OSD osd.{osd} on {} of {node}", device.devpath);
        let problem = exists("pve_ceph_osd", &what, &osd.to_string()).at("device");
        return Err(Hindrance::new(Grade::Carries(osd), problem));
    }
    if target.is_free() {
        return Ok(());
    }
    let inside: Vec<_> = target.parts(list).collect();
    let refuse = |grade: Grade, entry: &Disk, why: &str, cure: &str| {
        Err(Hindrance::new(grade, refusal(target, list, node, entry, why, cure)))
    };
    // A disk with partitions is judged by each of them.
    let entries = if inside.is_empty() { vec![target] } else { inside.clone() };
    for entry in entries.iter().chain(std::iter::once(&target)) {
        let used = entry.used.as_deref().unwrap_or_default();
        if entry.mounted || used == "mounted" {
            return refuse(Grade::Certain, entry, "mounted", "");
        }
        if HELD.contains(&used) || entry.db + entry.wal + entry.journals > 0 {
            return refuse(Grade::Certain, entry, "in use by something that holds it", "");
        }
    }
    for (entry, word) in found(target, list) {
        if !wipe_if.contains(word) {
            let cure = format!(" If it may be erased, say `wipe_if = [\"{word}\"]`.");
            return refuse(Grade::Mendable, entry, word, &cure);
        }
    }
    Ok(())
}

/// Why a device is not erased: what one of its entries was found to be, and what to do about it.
pub fn refusal(target: &Disk, list: &[Disk], node: &str, entry: &Disk, why: &str, cure: &str) -> Problem {
    let size = gib(entry.size);
    let detail = format!("Found {}: {size}, {why}. Nothing was written.{cure}\n{}", entry.devpath, unused(list, node));
    Problem::new(format!("Refusing to wipe {} on {node}", called(target, list)), detail).at("device")
}

/// What is on a device, each with PVE's word for it: on a disk with partitions, by each of them.
pub fn found<'a>(target: &'a Disk, list: &'a [Disk]) -> Vec<(&'a Disk, &'a str)> {
    let word = |entry: &'a Disk| entry.used.as_deref().unwrap_or("partitions");
    let mut used: Vec<_> = target.parts(list).collect();
    if used.is_empty() {
        used.push(target);
    }
    used.retain(|entry| entry.used.is_some());
    if used.is_empty() {
        used.push(target);
    }
    used.into_iter().map(|entry| (entry, word(entry))).collect()
}

/// What would be erased with a device, for a reader who is to agree with it.
pub fn erased(target: &Disk, list: &[Disk], node: &str) -> String {
    let one = |(entry, word): &(&Disk, &str)| format!("{} ({}, {word})", entry.devpath, gib(entry.size));
    let found: Vec<_> = found(target, list).iter().map(one).collect();
    let count = target.parts(list).count();
    let partitions = match count {
        0 => String::new(),
        1 => ", with its partition".to_owned(),
        n => format!(", with its {n} partitions"),
    };
    format!(
        "On {node}, {} ({}{partitions}) is erased as `wipe_if` allows. Now there is on it: {}.",
        called(target, list),
        gib(target.size),
        found.join(", ")
    )
}

#[cfg(test)]
mod tests;
