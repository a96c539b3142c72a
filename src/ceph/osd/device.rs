//! Which disk or partition is meant, and whether it may be used: told from the node's list of disks, without the network.

use std::collections::BTreeSet;

use pve_client::api::disks::Disk;
use terraform_plugin::{Attr, Nested, Path};

use crate::error::{Problem, exists};

/// A disk or a partition.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
#[model(exactly_one(path, by_id, serial), requires(partition, serial))]
pub struct Device {
    /// Its path, such as `/dev/sdb` or `/dev/nvme0n1p4`. Paths may change when a node boots; what is meant is looked up when
    /// the OSD is made, and never again.
    #[attr(optional, regex = r"^/dev/[A-Za-z0-9/]+$", says = "a path such as `/dev/sdb`; for links use `by_id`")]
    pub path: Option<String>,
    /// Its link below `/dev/disk/by-id`, as `pve_node_disks` shows it, with `-part4` for partition 4.
    #[attr(
        optional,
        regex = r"^/dev/disk/by-id/[^/\s]+$",
        says = "a link such as `/dev/disk/by-id/ata-SAMSUNG_S4EVK1`"
    )]
    pub by_id: Option<String>,
    /// The disk's serial number. No other disk of the node may have the same.
    #[attr(optional, length = 1.., check = a_serial)]
    pub serial: Option<String>,
    /// Number of the partition, with `serial`. Unset: the whole disk.
    #[attr(optional, range = 1..=128)]
    pub partition: Option<u32>,
}

fn a_serial(serial: &String) -> Result<(), String> {
    if serial.trim().eq_ignore_ascii_case("unknown") {
        return Err("is what PVE says of disks that tell none: use `by_id` or `path`".to_owned());
    }
    Ok(())
}

/// What PVE says of a disk that it is never to erase.
const HELD: [&str; 2] = ["mounted", "Device Mapper"];

/// What is to be done before a device can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// There is nothing on it.
    Free,
    /// What is on it may be erased.
    Wipe,
}

impl DevicePlan {
    /// The device, once everything about it is known.
    pub fn settled(&self) -> Option<Device> {
        let text = |attr: &Attr<String>| if attr.is_unknown() { None } else { Some(attr.known().cloned()) };
        let partition = if self.partition.is_unknown() { None } else { Some(self.partition.get()) };
        Some(Device {
            path: text(&self.path)?,
            by_id: text(&self.by_id)?,
            serial: text(&self.serial)?,
            partition: partition?,
        })
    }
}

impl Device {
    /// What tells it from the others of all nodes, for the ledger.
    pub fn on(&self, node: &str) -> String {
        let name = [&self.path, &self.by_id, &self.serial].into_iter().flatten().next();
        format!("{node} {} {}", name.map_or("", String::as_str), self.partition.unwrap_or(0))
    }

    /// The same device as the state tells it after an import: by its serial number if that says which one it is.
    pub fn of(disk: &Disk, list: &[Disk]) -> Self {
        let whole = list.iter().find(|d| Some(&d.devpath) == disk.parent.as_ref()).unwrap_or(disk);
        let alone = |serial: &String| list.iter().filter(|d| d.serial.as_ref() == Some(serial)).count() == 1;
        match whole.serial.clone().filter(alone) {
            Some(serial) => Self { serial: Some(serial), partition: disk.partition_number(), ..Self::default() },
            None => Self { path: Some(disk.devpath.clone()), ..Self::default() },
        }
    }

    /// The entry of the node's list that is meant.
    pub fn find<'a>(&self, list: &'a [Disk], node: &str) -> Result<&'a Disk, Problem> {
        let missing = |attribute: &str, what: String, more: String| {
            Problem::new(
                format!("{what} does not exist on {node}"),
                format!("{more}Nothing was written.\n{}", unused(list, node)),
            )
            .at(Path::attr("device").at(attribute))
        };
        if let Some(path) = &self.path {
            let found = list.iter().find(|disk| disk.devpath == *path);
            return found.ok_or_else(|| missing("path", format!("Disk {path}"), String::new()));
        }
        if let Some(link) = &self.by_id {
            let (base, number) = match link.rsplit_once("-part") {
                Some((base, number)) => (base, number.parse::<u32>().ok()),
                None => (link.as_str(), None),
            };
            let disk = |link: &str| list.iter().find(|disk| disk.by_id_link.as_deref() == Some(link));
            let found = disk(link).or_else(|| partition(list, disk(base)?, number?));
            let links: Vec<_> = list.iter().filter_map(|disk| disk.by_id_link.as_deref()).collect();
            let more = format!("PVE knows one link of each disk: {}. ", listed(&links));
            return found.ok_or_else(|| missing("by_id", format!("Disk {link}"), more));
        }
        let serial = self.serial.as_deref().unwrap_or_default();
        let matching: Vec<_> =
            list.iter().filter(|disk| !disk.is_partition() && disk.serial.as_deref() == Some(serial)).collect();
        let disk = match matching[..] {
            [disk] => disk,
            [] => {
                let serials: Vec<_> = list.iter().filter_map(|disk| disk.serial.as_deref()).collect();
                let more = format!("Serial numbers there: {}. ", listed(&serials));
                return Err(missing("serial", format!("A disk with serial number {serial}"), more));
            }
            _ => {
                let paths: Vec<_> = matching.iter().map(|disk| disk.devpath.as_str()).collect();
                return Err(Problem::new(
                    format!("Serial number {serial} is not unique on {node}"),
                    format!(
                        "{} have it, so it does not say which one is meant. Nothing was written. Name the disk by `by_id` or \
                         `path`.",
                        paths.join(" and ")
                    ),
                )
                .at(Path::attr("device").at("serial")));
            }
        };
        match self.partition {
            None => Ok(disk),
            Some(number) => partition(list, disk, number).ok_or_else(|| {
                let numbers: Vec<_> = parts(list, disk)
                    .filter_map(|part| part.partition_number())
                    .map(|number| number.to_string())
                    .collect();
                let numbers: Vec<_> = numbers.iter().map(String::as_str).collect();
                let more = format!("Partitions of {}: {}. ", disk.devpath, listed(&numbers));
                missing("partition", format!("Partition {number} of {serial}"), more)
            }),
        }
    }
}

/// Whether the device may be used, and what for. An OSD on it is an error that says how to import it; what `wipe_if` does
/// not name, what is mounted and what is held stays as it is.
pub fn judge(target: &Disk, list: &[Disk], node: &str, wipe_if: &BTreeSet<String>) -> Result<Verdict, Problem> {
    let inside: Vec<_> = parts(list, target).collect();
    let carrier = std::iter::once(target).chain(inside.iter().copied()).find_map(|d| Some((d, d.osd_ids.first()?)));
    if let Some((device, osd)) = carrier {
        return Err(exists(
            "pve_ceph_osd",
            &format!("OSD osd.{osd} on {} of {node}", device.devpath),
            &osd.to_string(),
        )
        .at("device"));
    }
    if target.is_free() {
        return Ok(Verdict::Free);
    }
    let refuse = |entry: &Disk, why: &str, cure: &str| {
        Err(Problem::new(
            format!("Refusing to wipe {} on {node}", called(target, list)),
            format!(
                "Found {}: {}, {why}. Nothing was written.{cure}\n{}",
                entry.devpath,
                gib(entry.size),
                unused(list, node)
            ),
        )
        .at("device"))
    };
    // A disk with partitions is judged by each of them.
    let entries = if inside.is_empty() { vec![target] } else { inside.clone() };
    for entry in entries.iter().chain(std::iter::once(&target)) {
        let used = entry.used.as_deref().unwrap_or_default();
        if entry.mounted || used == "mounted" {
            return refuse(entry, "mounted", "");
        }
        if HELD.contains(&used) || entry.db + entry.wal + entry.journals > 0 {
            return refuse(entry, "in use by something that holds it", "");
        }
    }
    let used: Vec<_> = entries.iter().filter(|entry| entry.used.is_some()).copied().collect();
    let found = if used.is_empty() { vec![target] } else { used };
    for entry in found {
        let word = entry.used.as_deref().unwrap_or("partitions");
        if !wipe_if.contains(word) {
            let cure = format!(" If it may be erased, say `wipe_if = [\"{word}\"]`.");
            return refuse(entry, word, &cure);
        }
    }
    Ok(Verdict::Wipe)
}

/// `/dev/sdb` is `sdb` to PVE's tasks.
pub fn kernel_name(path: &str) -> &str {
    path.strip_prefix("/dev/").unwrap_or(path)
}

fn parts<'a>(list: &'a [Disk], disk: &'a Disk) -> impl Iterator<Item = &'a Disk> {
    list.iter().filter(|part| part.parent.as_ref() == Some(&disk.devpath))
}

fn partition<'a>(list: &'a [Disk], disk: &'a Disk, number: u32) -> Option<&'a Disk> {
    parts(list, disk).find(|part| part.partition_number() == Some(number))
}

/// `partition 4 of S4EVK1`, `disk S4EVK1`, `/dev/sdb`.
fn called(target: &Disk, list: &[Disk]) -> String {
    let whole = list.iter().find(|d| Some(&d.devpath) == target.parent.as_ref()).unwrap_or(target);
    let name = whole.serial.as_deref().unwrap_or(&whole.devpath);
    match target.partition_number() {
        Some(number) => format!("partition {number} of {name}"),
        None => format!("disk {name}"),
    }
}

/// The devices of the node that nothing is on, in a sentence.
fn unused(list: &[Disk], node: &str) -> String {
    let free: Vec<_> = list
        .iter()
        .filter(|disk| disk.is_free())
        .map(|disk| {
            let whole = list.iter().find(|d| Some(&d.devpath) == disk.parent.as_ref()).unwrap_or(disk);
            let serial = whole.serial.as_ref().map(|serial| format!("serial {serial}, ")).unwrap_or_default();
            let part = disk.partition_number().map(|n| format!("partition {n}, ")).unwrap_or_default();
            format!("{} ({serial}{part}{})", disk.devpath, gib(disk.size))
        })
        .collect();
    if free.is_empty() {
        return format!("No disk or partition of {node} is unused.");
    }
    format!("Unused on {node}: {}.", free.join(", "))
}

fn listed(names: &[&str]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

fn gib(bytes: u64) -> String {
    format!("{} GiB", (bytes + (1 << 29)) >> 30)
}

#[cfg(test)]
mod tests;
