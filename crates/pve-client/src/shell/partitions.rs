//! Tables of partitions on a node's disks, for which PVE's API has no call: read by `sfdisk`, changed by `sgdisk`.
//!
//! A write names number and beginning of the partition, so that one which has come in between is in its way and nothing is
//! written; and it holds PVE's own lock around changes to disks. Places are told in MiB, which all programs count alike
//! whatever the disk's sectors are.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;

use super::commands::CommandError;
use super::{NodeShell, Output, quote};
use crate::{Area, Client, Lock, wire};

/// What PVE's own changes to the disks of a node are made under.
pub const LOCK: &str = "/run/lock/pve-diskmanage.lck";

/// How long PVE's lock is waited for, in seconds, and what tells that this was not enough.
const LOCK_WAIT: u32 = 60;
const LOCKED_OUT: i32 = 75;

/// The lock, then the disks, which may have to wake up.
const PATIENCE: Duration = Duration::from_secs(150);

/// What everything is aligned to.
const MIB: u64 = 1 << 20;

/// How many partitions a table holds that says nothing else.
const ENTRIES: u32 = 128;

/// The sectors before the first partition of a table that is yet to be made, and behind the last.
const OWN_SECTORS: (u64, u64) = (34, 33);

/// A disk's table of partitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// `gpt`, `dos`.
    pub kind: String,
    /// Where partitions may begin and end, in bytes from the beginning of the disk.
    pub usable: (u64, u64),
    /// How many it holds.
    pub entries: u32,
    /// By number.
    pub partitions: Vec<Partition>,
}

/// An entry of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// From 1.
    pub number: u32,
    /// Bytes from the beginning of the disk.
    pub start: u64,
    /// Bytes.
    pub size: u64,
    /// What tells it from all others; GPT only. In capitals.
    pub uuid: Option<String>,
    /// Its name; GPT only.
    pub label: Option<String>,
}

/// A partition to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPartition {
    /// Its number, which nobody has.
    pub number: u32,
    /// MiB from the beginning of the disk.
    pub start: u64,
    /// MiB.
    pub size: u64,
    /// What it is known by from then on.
    pub uuid: String,
    /// Its name. Letters, digits, `-`, `_` and `.`.
    pub label: String,
}

/// Why a table has no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoRoom {
    /// All its entries are taken.
    Entries,
    /// The largest gap has so many bytes.
    Gap(u64),
}

#[derive(Deserialize)]
struct Answer {
    partitiontable: Told,
}

#[derive(Deserialize)]
struct Told {
    label: String,
    device: String,
    #[serde(default = "usual_sector", deserialize_with = "wire::number")]
    sectorsize: u64,
    #[serde(default, deserialize_with = "wire::number")]
    firstlba: u64,
    #[serde(default, deserialize_with = "wire::number")]
    lastlba: u64,
    #[serde(default, rename = "table-length", deserialize_with = "wire::opt_number")]
    length: Option<u32>,
    #[serde(default)]
    partitions: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    node: String,
    #[serde(deserialize_with = "wire::number")]
    start: u64,
    #[serde(deserialize_with = "wire::number")]
    size: u64,
    #[serde(default)]
    uuid: Option<String>,
    #[serde(default)]
    name: Option<String>,
}

fn usual_sector() -> u64 {
    512
}

impl Table {
    /// From what `sfdisk --json` prints.
    pub fn read(json: &str) -> Result<Self, String> {
        let told = serde_json::from_str::<Answer>(json).map_err(|why| why.to_string())?.partitiontable;
        let mut partitions = Vec::new();
        for entry in told.partitions {
            let behind = entry.node.strip_prefix(&told.device).unwrap_or_default();
            let number = behind.strip_prefix('p').unwrap_or(behind).parse();
            let number = number.map_err(|_| format!("{} is no partition of {}", entry.node, told.device))?;
            partitions.push(Partition {
                number,
                start: entry.start.saturating_mul(told.sectorsize),
                size: entry.size.saturating_mul(told.sectorsize),
                uuid: entry.uuid.map(|uuid| uuid.to_uppercase()),
                label: entry.name.filter(|name| !name.is_empty()),
            });
        }
        partitions.sort_by_key(|partition| partition.number);
        let usable = (
            told.firstlba.saturating_mul(told.sectorsize),
            told.lastlba.saturating_add(1).saturating_mul(told.sectorsize),
        );
        Ok(Self { kind: told.label, usable, entries: told.length.unwrap_or(ENTRIES), partitions })
    }

    /// The table that a disk of so many bytes gets which has none.
    pub fn fresh(size: u64) -> Self {
        // With sectors of 4 KiB its own part is smaller.
        let (before, behind) = OWN_SECTORS;
        let usable = (before * usual_sector(), size.saturating_sub(behind * usual_sector()));
        Self { kind: "gpt".to_owned(), usable, entries: ENTRIES, partitions: Vec::new() }
    }

    /// The partition that this name tells from all others.
    pub fn of_uuid(&self, uuid: &str) -> Option<&Partition> {
        self.partitions
            .iter()
            .find(|partition| partition.uuid.as_deref().is_some_and(|its| its.eq_ignore_ascii_case(uuid)))
    }

    /// The partitions of this name; nothing keeps several from having one.
    pub fn labelled(&self, label: &str) -> Vec<&Partition> {
        self.partitions.iter().filter(|partition| partition.label.as_deref() == Some(label)).collect()
    }

    /// What no partition has: beginning and size in whole MiB.
    pub fn gaps(&self) -> Vec<(u64, u64)> {
        let mut taken: Vec<_> = self.partitions.iter().map(|p| (p.start, p.start.saturating_add(p.size))).collect();
        taken.push((self.usable.1, self.usable.1));
        taken.sort_unstable();
        let (mut gaps, mut free) = (Vec::new(), self.usable.0);
        for (start, end) in taken {
            let (first, last) = (free.div_ceil(MIB), start.min(self.usable.1) / MIB);
            if last > first {
                gaps.push((first, last - first));
            }
            free = free.max(end);
        }
        gaps
    }

    /// Number and beginning (in MiB) for a partition of so many MiB: the first that are free.
    pub fn room(&self, mib: u64) -> Result<(u32, u64), NoRoom> {
        let taken = |number: &u32| self.partitions.iter().any(|partition| partition.number == *number);
        let number = (1..=self.entries).find(|number| !taken(number)).ok_or(NoRoom::Entries)?;
        let gaps = self.gaps();
        match gaps.iter().find(|(_, size)| *size >= mib) {
            Some((start, _)) => Ok((number, *start)),
            None => Err(NoRoom::Gap(gaps.iter().map(|(_, size)| size * MIB).max().unwrap_or(0))),
        }
    }
}

/// For logs: one line.
impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {} to {}", self.kind, self.usable.0, self.usable.1)?;
        for part in &self.partitions {
            let (label, uuid) = (part.label.as_deref().unwrap_or_default(), part.uuid.as_deref().unwrap_or_default());
            write!(f, "; {}: {} + {} \"{label}\" {uuid}", part.number, part.start, part.size)?;
        }
        Ok(())
    }
}

fn words<const N: usize>(words: [&str; N]) -> Vec<String> {
    words.map(str::to_owned).to_vec()
}

/// `sfdisk --json DISK`
pub fn read(disk: &str) -> Vec<String> {
    words(["sfdisk", "--json", disk])
}

/// A script under PVE's lock. Its shell is a plain one, whatever root's own is.
fn locked(script: &str) -> Vec<String> {
    let (wait, conflict) = (LOCK_WAIT.to_string(), LOCKED_OUT.to_string());
    words(["flock", "--wait", &wait, "--conflict-exit-code", &conflict, LOCK, "sh", "-c", script])
}

/// `sgdisk --new ...`, after which the kernel is told: of a disk that is in use it does not read the table by itself.
pub fn make(disk: &str, new: &NewPartition) -> Vec<String> {
    let NewPartition { number, start, size, uuid, label } = new;
    let number = number.to_string();
    let sgdisk = [
        "sgdisk".to_owned(),
        format!("--new={number}:{start}M:+{size}M"),
        format!("--typecode={number}:8300"),
        format!("--partition-guid={number}:{uuid}"),
        format!("--change-name={number}:{label}"),
        disk.to_owned(),
    ];
    let told = words(["partx", "--update", "--nr", &number, disk]);
    locked(&format!("{} && {{ {}; udevadm settle --timeout=30; true; }}", quote::join(&sgdisk), quote::join(&told)))
}

/// `sgdisk --delete=N`, before which the kernel gives the partition up: it does not while anything has it open, and then
/// nothing is written.
pub fn remove(disk: &str, number: u32) -> Vec<String> {
    let number = number.to_string();
    let given_up = words(["partx", "--delete", "--nr", &number, disk]);
    let sgdisk = ["sgdisk".to_owned(), format!("--delete={number}"), disk.to_owned()];
    locked(&format!(
        "{} && {} && {{ udevadm settle --timeout=30; true; }}",
        quote::join(&given_up),
        quote::join(&sgdisk)
    ))
}

/// The tables of a node's disks.
#[derive(Clone, Copy)]
pub struct PartitionCommands<'a> {
    client: &'a Client,
    shell: &'a dyn NodeShell,
}

impl<'a> PartitionCommands<'a> {
    /// On the node of this shell. `client` is the one whose shared reads have to learn of changes.
    pub fn new(client: &'a Client, shell: &'a dyn NodeShell) -> Self {
        Self { client, shell }
    }

    /// A disk's table. A table that is damaged is no answer: a write would mend it by the way.
    pub async fn table(&self, disk: &str) -> Result<Table, CommandError> {
        let argv = read(disk);
        let output = self.shell.run(&argv, PATIENCE).await?;
        if !output.success() || !output.stderr_text().is_empty() {
            return Err(self.unchanged(&argv, &output));
        }
        Table::read(&output.stdout_text()).map_err(|message| CommandError::Unreadable {
            command: quote::join(&argv),
            node: self.shell.node().to_owned(),
            message,
        })
    }

    /// Makes a partition where nothing is, and with it the table of a disk that has none (also of one that holds something
    /// else: look before). Number or place taken meanwhile: [`CommandError::Unchanged`].
    pub async fn make(&self, disk: &str, new: &NewPartition) -> Result<(), CommandError> {
        self.change(make(disk, new)).await
    }

    /// Takes a partition out of the table. In use: [`CommandError::Unchanged`].
    pub async fn remove(&self, disk: &str, number: u32) -> Result<(), CommandError> {
        self.change(remove(disk, number)).await
    }

    async fn change(&self, argv: Vec<String>) -> Result<(), CommandError> {
        let lock = Lock::NodeDisks(self.shell.node().to_owned());
        let _writing = self.client.begin_write(lock, &[Area::Disks]).await?;
        let output = self.shell.run(&argv, PATIENCE).await?;
        match output.status {
            0 => Ok(()),
            LOCKED_OUT => Err(self.unchanged(
                &argv,
                &Output { stderr: format!("PVE held its lock on the disks for {LOCK_WAIT} s").into(), ..output },
            )),
            // What fails while it writes says nothing of not saving; 128 and above is a signal.
            4 if !output.stderr_text().contains("not saving changes") => Err(self.failed(&argv, &output)),
            1..128 => Err(self.unchanged(&argv, &output)),
            _ => Err(self.failed(&argv, &output)),
        }
    }

    fn unchanged(&self, argv: &[String], output: &Output) -> CommandError {
        CommandError::Unchanged {
            command: quote::join(argv),
            node: self.shell.node().to_owned(),
            status: output.status,
            message: said(output),
        }
    }

    fn failed(&self, argv: &[String], output: &Output) -> CommandError {
        CommandError::Refused {
            command: quote::join(argv),
            node: self.shell.node().to_owned(),
            status: output.status,
            message: said(output),
        }
    }
}

/// `sgdisk` complains on either.
fn said(output: &Output) -> String {
    let lines = format!("{}\n{}", output.stdout_text(), output.stderr_text());
    lines.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(partitions: &[(u32, u64, u64)], end: u64) -> Table {
        let part = |(number, start, size): &(u32, u64, u64)| Partition {
            number: *number,
            start: start * MIB,
            size: size * MIB,
            uuid: None,
            label: None,
        };
        Table { partitions: partitions.iter().map(part).collect(), ..Table::fresh(end * MIB) }
    }

    #[test]
    fn gaps_are_what_nobody_has_in_whole_mib() {
        assert_eq!(table(&[], 100).gaps(), [(1, 98)], "one MiB each goes to the table");
        assert_eq!(table(&[(3, 60, 10), (1, 1, 9)], 100).gaps(), [(10, 50), (70, 29)]);
        assert_eq!(table(&[(1, 1, 98)], 100).gaps(), []);
        // Partitions that begin and end anywhere, or lie in each other.
        let mut odd = table(&[(1, 1, 9), (2, 20, 10), (5, 22, 2)], 100);
        odd.partitions[0].size += 512;
        odd.partitions[1].start -= 512;
        assert_eq!(odd.gaps(), [(11, 8), (30, 69)]);
    }

    #[test]
    fn the_first_gap_that_is_large_enough_and_the_first_number_that_is_free() {
        let full = table(&[(1, 1, 9), (2, 20, 10), (4, 40, 59)], 100);
        assert_eq!(full.room(10), Ok((3, 10)));
        assert_eq!(full.room(11), Err(NoRoom::Gap(10 * MIB)));
        assert_eq!(Table { entries: 2, ..full }.room(1), Err(NoRoom::Entries));
        assert_eq!(table(&[], 1).room(1), Err(NoRoom::Gap(0)));
    }

    #[test]
    fn a_number_stands_behind_the_disk_with_or_without_a_p() {
        let json = |device: &str, node: &str| {
            format!(
                r#"{{"partitiontable": {{"label":"gpt", "id":"X", "device":"{device}", "unit":"sectors", "firstlba":34,
                    "lastlba":204766, "table-length": "8", "sectorsize":512, "partitions": [
                    {{"node": "{node}", "start": 2048, "size": 20480, "type": "0FC6", "uuid": "aaaa", "name": "osd-a"}}]}}}}"#
            )
        };
        for (device, node) in [("/dev/sdb", "/dev/sdb4"), ("/dev/nvme0n1", "/dev/nvme0n1p4")] {
            let table = Table::read(&json(device, node)).unwrap();
            assert_eq!((table.partitions[0].number, table.entries), (4, 8));
            assert_eq!(table.of_uuid("AAAA"), table.labelled("osd-a").first().copied());
            assert_eq!((table.partitions[0].start, table.partitions[0].size), (MIB, 10 * MIB));
        }
        assert!(Table::read(&json("/dev/sdb", "/dev/sdc1")).is_err());
    }

    #[test]
    fn sectors_of_4_kib_lie_where_they_are_said_to() {
        // The real programs take a file's sectors for such of 512 bytes, so this is arithmetic alone.
        let json = r#"{"partitiontable": {"label":"gpt", "id":"X", "device":"/dev/sdb", "unit":"sectors", "firstlba":6,
            "lastlba":25594, "sectorsize":4096, "partitions": [{"node":"/dev/sdb1", "start":256, "size":2560, "uuid":"U"}]}}"#;
        let table = Table::read(json).unwrap();
        assert_eq!((table.partitions[0].start, table.partitions[0].size), (MIB, 10 * MIB));
        assert_eq!(table.gaps(), [(11, 88)]);
    }
}
