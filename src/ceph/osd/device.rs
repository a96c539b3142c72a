//! Which disk or partition is meant: told from the node's list of disks, without the network.

use std::collections::BTreeSet;

use pve_client::api::disks::Disk;
use terraform_plugin::{Attr, Nested, Path};

use super::hindrance::{Grade, Hindrance};
use crate::ground::error::Problem;

/// A disk or a partition.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
#[model(exactly_one(path, by_id, serial), requires(partition, serial))]
pub struct Device {
    /// Its path, such as `/dev/sdb` or `/dev/nvme0n1p4`. Paths may change when a node boots: prefer `serial`.
    #[attr(optional, regex = r"^/dev/[A-Za-z0-9/]+$", says = "a path such as `/dev/sdb`; for links use `by_id`")]
    pub path: Option<String>,
    /// Its link below `/dev/disk/by-id`, as `pve_node_disks` shows it, with `-part4` for partition 4. No other disk of the
    /// node may have the same.
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

    /// As it is written in a configuration.
    pub fn words(&self) -> String {
        let text = |name: &str, value: &Option<String>| value.as_ref().map(|value| format!("{name} = \"{value}\""));
        let words = [text("path", &self.path), text("by_id", &self.by_id), text("serial", &self.serial)];
        let partition = self.partition.map(|number| format!("partition = {number}"));
        let words: Vec<_> = words.into_iter().chain([partition]).flatten().collect();
        format!("{{ {} }}", words.join(", "))
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

    /// The entry of the node's list that `device` means.
    pub fn find<'a>(&self, list: &'a [Disk], node: &str) -> Result<&'a Disk, Hindrance> {
        self.find_as("device", list, node)
    }

    /// The same where another attribute names it.
    pub fn find_as<'a>(&self, named: &str, list: &'a [Disk], node: &str) -> Result<&'a Disk, Hindrance> {
        let missing = |grade: Grade, attribute: &str, what: String, more: String| {
            let detail = format!("{more}Nothing was written.\n{}", unused(list, node));
            let problem = Problem::new(format!("{what} does not exist on {node}"), detail);
            Hindrance::new(grade, problem.at(Path::attr(named).at(attribute)))
        };
        // Partitions can be made meanwhile; a disk that the node does not have cannot.
        let unless_of = |disk: Option<&Disk>| if disk.is_some() { Grade::Mendable } else { Grade::Certain };
        if let Some(path) = &self.path {
            let found = list.iter().find(|disk| disk.devpath == *path);
            return found.ok_or_else(|| {
                let whole = list.iter().find(|disk| path != &disk.devpath && whole_of(path) == disk.devpath);
                missing(unless_of(whole), "path", format!("Disk {path}"), String::new())
            });
        }
        if let Some(link) = &self.by_id {
            let (base, number) = match link.rsplit_once("-part") {
                Some((base, number)) => (base, number.parse::<u32>().ok()),
                None => (link.as_str(), None),
            };
            let of = |link: &str| list.iter().filter(|d| d.by_id_link.as_deref() == Some(link)).collect::<Vec<_>>();
            let (exactly, whole) = (of(link), of(base));
            if let Some(twins) = [&exactly, &whole].into_iter().find(|found| found.len() > 1) {
                return Err(not_unique((named, "by_id"), &format!("Link {link}"), twins, node));
            }
            let found = exactly.first().copied();
            let found = found.or_else(|| partition(list, whole.first()?, number?));
            return found.ok_or_else(|| {
                let links: Vec<_> = list.iter().filter_map(|disk| disk.by_id_link.as_deref()).collect();
                let more = format!("PVE knows one link of each disk: {}. ", listed(&links));
                let whole = whole.first().copied().filter(|_| number.is_some());
                missing(unless_of(whole), "by_id", format!("Disk {link}"), more)
            });
        }
        let serial = self.serial.as_deref().unwrap_or_default();
        let matching: Vec<_> =
            list.iter().filter(|disk| !disk.is_partition() && disk.serial.as_deref() == Some(serial)).collect();
        let disk = match matching[..] {
            [disk] => disk,
            [] => {
                let serials: Vec<_> = list.iter().filter_map(|disk| disk.serial.as_deref()).collect();
                let more = format!("Serial numbers there: {}. ", listed(&serials));
                return Err(missing(Grade::Certain, "serial", format!("A disk with serial number {serial}"), more));
            }
            _ => return Err(not_unique((named, "serial"), &format!("Serial number {serial}"), &matching, node)),
        };
        match self.partition {
            None => Ok(disk),
            Some(number) => partition(list, disk, number).ok_or_else(|| {
                let numbers: Vec<_> = disk
                    .parts(list)
                    .filter_map(|part| part.partition_number())
                    .map(|number| number.to_string())
                    .collect();
                let numbers: Vec<_> = numbers.iter().map(String::as_str).collect();
                let more = format!("Partitions of {}: {}. ", disk.devpath, listed(&numbers));
                missing(Grade::Mendable, "partition", format!("Partition {number} of {serial}"), more)
            }),
        }
    }
}

/// Several disks go by what is to name one.
fn not_unique((named, attribute): (&str, &str), what: &str, twins: &[&Disk], node: &str) -> Hindrance {
    let paths: Vec<_> = twins.iter().map(|disk| disk.devpath.as_str()).collect();
    let links: BTreeSet<_> = twins.iter().filter_map(|disk| disk.by_id_link.as_deref()).collect();
    // Volumes of one controller share model and serial number, and so the link that is made of them.
    let cure = if links.len() == twins.len() { "`by_id` or `path`" } else { "`path`" };
    let detail = format!(
        "{} have it, so it does not say which one is meant. Nothing was written. Name the disk by {cure}.",
        paths.join(" and ")
    );
    let problem = Problem::new(format!("{what} is not unique on {node}"), detail);
    Hindrance::new(Grade::Certain, problem.at(Path::attr(named).at(attribute)))
}

/// The disk of a partition by its path: `/dev/sdb` of `/dev/sdb4`, `/dev/nvme0n1` of `/dev/nvme0n1p4`.
pub(super) fn whole_of(path: &str) -> &str {
    let rest = path.trim_end_matches(|c: char| c.is_ascii_digit());
    rest.strip_suffix('p').filter(|disk| disk.ends_with(|c: char| c.is_ascii_digit())).unwrap_or(rest)
}

/// `/dev/sdb` is `sdb` to PVE's tasks.
pub fn kernel_name(path: &str) -> &str {
    path.strip_prefix("/dev/").unwrap_or(path)
}

fn partition<'a>(list: &'a [Disk], disk: &'a Disk, number: u32) -> Option<&'a Disk> {
    disk.parts(list).find(|part| part.partition_number() == Some(number))
}

/// `partition 4 of S4EVK1`, `disk S4EVK1`, `/dev/sdb`.
pub(super) fn called(target: &Disk, list: &[Disk]) -> String {
    let whole = list.iter().find(|d| Some(&d.devpath) == target.parent.as_ref()).unwrap_or(target);
    let name = whole.serial.as_deref().unwrap_or(&whole.devpath);
    match target.partition_number() {
        Some(number) => format!("partition {number} of {name}"),
        None => format!("disk {name}"),
    }
}

/// The devices of the node that nothing is on, in a sentence.
pub(super) fn unused(list: &[Disk], node: &str) -> String {
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

pub(super) fn gib(bytes: u64) -> String {
    format!("{} GiB", (bytes + (1 << 29)) >> 30)
}

#[cfg(test)]
pub(super) mod tests;
