//! The partition tables of the nodes' disks, and the programs that read and write them: `sfdisk --json`, `sgdisk`, `partx`,
//! `udevadm settle`. Sectors are of 512 bytes, and the kernel always knows the table as it is.
//!
//! What they answer is held to the real programs on files (`crates/pve-client/tests/partitions.rs`); that `partx` refuses to
//! take away what is in use was seen on a loop device.

use serde_json::{Value, json};

use super::Cluster;
use super::ceph::Output;
use super::nodes::{Node, partition_path};
use crate::shape::{DiskShape, PartitionShape, Size};

const SECTOR: u64 = 512;
const MIB: u64 = 1 << 20;

/// What the table itself takes at the beginning, and once more at the end.
const TABLE: u64 = 34;

/// How many partitions it holds.
const ENTRIES: u32 = 128;

const LINUX: &str = "0FC63DAF-8483-4772-8E79-3D69D8477DE4";

/// What `sgdisk` says to whoever has the disk open, which a node's kernel always has.
const WRITTEN: &str = "The operation has completed successfully.\n";
const UNSAVED: &str = "Error encountered; not saving changes.\n";
const FOREIGN: &str = "\n***************************************************************\nFound invalid GPT and valid MBR; converting MBR to GPT format\nin memory. \n***************************************************************\n\nNon-GPT disk; not saving changes. Use -g to override.\n";

/// Gives each partition of a disk its place and its name for ever, where the shape says none.
pub(super) fn lay_out(node: &str, disk: &mut DiskShape) {
    let mut end = MIB;
    for part in &mut disk.partitions {
        let start = part.start.map_or_else(|| end.next_multiple_of(MIB), |start| start.0);
        part.start = Some(Size(start));
        end = start.saturating_add(part.size.0);
        if part.uuid.is_none() {
            part.uuid = Some(made_up(&format!("{node} {} {}", disk.path, part.number)));
        }
    }
}

/// A name that the same text always has.
fn made_up(text: &str) -> String {
    let hash =
        |seed: u64| text.bytes().fold(seed, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let (a, b) = (hash(0xcbf2_9ce4_8422_2325), hash(0x8422_2325_cbf2_9ce4));
    format!(
        "{:08X}-{:04X}-4{:03X}-8{:03X}-{:012X}",
        a >> 32,
        (a >> 16) & 0xffff,
        a & 0xfff,
        b >> 52,
        b & 0xffff_ffff_ffff
    )
}

/// Whether there is a GPT on a disk.
pub(crate) fn has_gpt(disk: &DiskShape) -> bool {
    !disk.mbr && (disk.gpt || !disk.partitions.is_empty())
}

fn said(status: i32, stdout: impl Into<String>, stderr: impl Into<String>) -> Output {
    Output { status, stdout: stdout.into(), stderr: stderr.into() }
}

/// First and last sector of a partition.
fn sectors(part: &PartitionShape) -> (u64, u64) {
    let start = part.start.map_or(0, |start| start.0) / SECTOR;
    (start, start + (part.size.0 / SECTOR).max(1) - 1)
}

fn last_usable(disk: &DiskShape) -> u64 {
    (disk.size.0 / SECTOR).saturating_sub(TABLE)
}

fn kind(part: &PartitionShape) -> &'static str {
    match part.used.as_deref() {
        Some("LVM") => "E6D6D379-F507-44C2-A23C-238F2A3DF928",
        Some("BIOS boot") => "21686148-6449-6E6F-744E-656564454649",
        Some("EFI") => "C12A7328-F81F-11D2-BA4B-00A0C93EC93B",
        _ => LINUX,
    }
}

/// `sfdisk --json`.
fn table(disk: &DiskShape) -> Option<Value> {
    let gpt = has_gpt(disk);
    if !gpt && !disk.mbr {
        return None;
    }
    let id = made_up(&format!("{} {:?}", disk.path, disk.serial));
    let mut table = json!({ "label": "dos", "id": format!("0x{}", id[..8].to_lowercase()), "device": disk.path, "unit": "sectors", "sectorsize": SECTOR });
    if gpt {
        table["label"] = json!("gpt");
        table["id"] = json!(id);
        table["firstlba"] = json!(TABLE);
        table["lastlba"] = json!(last_usable(disk));
    }
    let entry = |part: &PartitionShape| {
        let (start, end) = sectors(part);
        let node = partition_path(&disk.path, part.number);
        if !gpt {
            return json!({ "node": node, "start": start, "size": end - start + 1, "type": "83" });
        }
        let mut entry =
            json!({ "node": node, "start": start, "size": end - start + 1, "type": kind(part), "uuid": part.uuid });
        if let Some(label) = &part.label {
            entry["name"] = json!(label);
        }
        entry
    };
    if !disk.partitions.is_empty() {
        table["partitions"] = disk.partitions.iter().map(entry).collect();
    }
    Some(json!({ "partitiontable": table }))
}

/// What `sgdisk` was told, in order.
enum Told<'a> {
    New(u32, &'a str),
    Set(char, u32, &'a str),
    Delete(u32),
}

fn told(word: &str) -> Option<Told<'_>> {
    let (option, value) = word.strip_prefix("--")?.split_once('=')?;
    if option == "delete" {
        return value.parse().ok().map(Told::Delete);
    }
    let (number, value) = value.split_once(':')?;
    let number = number.parse().ok()?;
    match option {
        "new" => Some(Told::New(number, value)),
        "typecode" => Some(Told::Set('t', number, value)),
        "partition-guid" => Some(Told::Set('u', number, value)),
        "change-name" => Some(Told::Set('c', number, value)),
        _ => None,
    }
}

/// Sectors of `10M` or `2048`.
fn place(text: &str) -> Option<u64> {
    match text.strip_suffix('M') {
        Some(mib) => mib.parse::<u64>().ok()?.checked_mul(MIB / SECTOR),
        None => text.parse().ok(),
    }
}

/// Carries out one thing that `sgdisk` was told; what it complains of.
fn carry_out(disk: &mut DiskShape, told: &Told<'_>) -> Result<(), String> {
    match *told {
        Told::New(number, value) => {
            let (start, end) = value.split_once(':').unwrap_or((value, ""));
            let start = place(start).unwrap_or_default();
            let end = match end.strip_prefix('+') {
                Some(length) => start + place(length).unwrap_or_default().max(1) - 1,
                None => place(end).unwrap_or_default(),
            };
            let numbered = disk.partitions.iter().any(|part| part.number == number);
            let overlaps = |part: &PartitionShape| {
                let (first, last) = sectors(part);
                start <= last && first <= end
            };
            let fits = start >= TABLE && start <= end && end <= last_usable(disk);
            if numbered || number == 0 || number > ENTRIES || !fits || disk.partitions.iter().any(overlaps) {
                return Err(format!("Could not create partition {number} from {start} to {end}\n"));
            }
            // A table says nothing of contents: who began there last left what is found now.
            let left = disk.remains.iter().rfind(|old| sectors(old).0 == start).and_then(|old| old.used.clone());
            disk.partitions.push(PartitionShape {
                number,
                size: Size((end - start + 1) * SECTOR),
                start: Some(Size(start * SECTOR)),
                used: left,
                mounted: false,
                held: false,
                label: None,
                uuid: Some(made_up(&format!("{} {start} {end}", disk.path))),
            });
            disk.partitions.sort_by_key(|part| part.number);
            Ok(())
        }
        Told::Set(what, number, value) => {
            let Some(part) = disk.partitions.iter_mut().find(|part| part.number == number) else {
                return match what {
                    // Of a number that the table has not it says so once.
                    _ if number > ENTRIES => Ok(()),
                    't' => Err(format!("Could not change partition {number}'s type code to {value}!\n")),
                    'c' => Err(format!("Unable to set partition {number}'s name to '{value}'!\n")),
                    _ => Ok(()),
                };
            };
            match what {
                'u' => part.uuid = Some(value.to_uppercase()),
                'c' => part.label = Some(value.to_owned()).filter(|label| !label.is_empty()),
                // Of a partition that holds nothing nobody sees which kind of Linux's it is.
                _ => {}
            }
            Ok(())
        }
        Told::Delete(number) => {
            // What nobody has, with others behind it, is deleted without a word.
            let last = disk.partitions.iter().map(|part| part.number).max();
            let (gone, kept) = std::mem::take(&mut disk.partitions).into_iter().partition(|part| part.number == number);
            disk.partitions = kept;
            disk.remains.extend(gone);
            match last.is_some_and(|last| number <= last) {
                true => Ok(()),
                false => Err(format!("Partition number {number} out of range!\nError 25 deleting partition!\n")),
            }
        }
    }
}

fn sgdisk(disk: &mut DiskShape, words: &[&str]) -> Output {
    let Some(told) = words.iter().map(|word| told(word)).collect::<Option<Vec<_>>>() else {
        return said(1, "", format!("sgdisk: '{}' is not simulated\n", words.join(" ")));
    };
    if disk.mbr {
        return said(3, FOREIGN, "");
    }
    let mut changed = disk.clone();
    let mut stdout = String::new();
    if !has_gpt(disk) {
        stdout += "Creating new GPT entries in memory.\n";
        // What was there is written over.
        changed.used = None;
    }
    let complaints: String = told.iter().filter_map(|one| carry_out(&mut changed, one).err()).collect();
    if !complaints.is_empty() {
        return said(4, stdout, complaints + UNSAVED);
    }
    changed.gpt = true;
    *disk = changed;
    said(0, stdout + WRITTEN, "")
}

impl Cluster {
    /// Whether something has a partition open.
    fn is_open(&self, node: &Node, path: &str) -> bool {
        let device = node.device(path);
        let part =
            device.and_then(|device| device.disk.partitions.iter().find(|part| Some(part.number) == device.partition));
        part.is_some_and(|part| part.mounted || part.held) || self.has_volumes(&node.name, path)
    }

    /// One of the programs of this file as it answers on a node; `None` if it is none of them.
    pub(crate) fn partition_program(&mut self, node: &str, program: &str, words: &[&str]) -> Option<Output> {
        let name = program.rsplit('/').next().unwrap_or(program);
        if name == "udevadm" {
            return Some(said(0, "", ""));
        }
        if !["sfdisk", "sgdisk", "partx"].contains(&name) {
            return None;
        }
        let (path, words) = words.split_last().map_or(("", words), |(path, words)| (*path, words));
        let missing = said(1, "", format!("{name}: cannot open {path}: No such file or directory\n"));
        let there = self.nodes.get(node).and_then(|known| known.disks.iter().find(|disk| disk.path == path));
        let Some(disk) = there else { return Some(missing) };
        Some(match (name, words) {
            ("sfdisk", ["--json"]) => match table(disk) {
                Some(table) => said(0, format!("{table:#}\n"), ""),
                None => said(1, "", format!("sfdisk: {path}: does not contain a recognized partition table\n")),
            },
            ("partx", ["--update", "--nr", _]) => said(0, "", ""),
            ("partx", ["--delete", "--nr", number]) => {
                let part = number.parse().ok().map(|number| partition_path(path, number));
                let known = self.nodes.get(node).zip(part);
                match known.is_some_and(|(known, part)| self.is_open(known, &part)) {
                    true => said(1, "", format!("partx: {path}: error deleting partition {number}\n")),
                    false => said(0, "", ""),
                }
            }
            ("sgdisk", words) => {
                let disks = self.nodes.get_mut(node).map(|known| known.disks.as_mut_slice()).unwrap_or_default();
                let disk = disks.iter_mut().find(|disk| disk.path == path);
                disk.map_or(missing, |disk| sgdisk(disk, words))
            }
            _ => said(1, "", format!("{name}: '{}' is not simulated\n", words.join(" "))),
        })
    }
}
