//! Nodes and their disks.

use serde::Deserialize;

use super::{Size, yes};

/// A node.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeShape {
    /// Name, as `pve1`.
    pub name: String,
    /// Address within the cluster; `10.0.0.N` for the N-th node if absent.
    #[serde(default)]
    pub ip: Option<String>,
    /// Whether it is switched on at the start.
    #[serde(default = "yes")]
    pub online: bool,
    /// Whether it is by itself at the start: in no cluster, with a state of its own. If all are, the first is the one whose
    /// state the cluster will have.
    #[serde(default)]
    pub single: bool,
    /// Disks besides the system disk.
    #[serde(default)]
    pub disks: Vec<DiskShape>,
    /// Bridges. The first has the node's address.
    #[serde(default = "one_bridge")]
    pub bridges: Vec<String>,
    /// Partitions of the system disk behind the three that PVE's installer makes, which leave room for them.
    #[serde(default)]
    pub partitions: Vec<PartitionShape>,
    /// Cores, as in `/nodes`.
    #[serde(default = "eight")]
    pub cpus: u32,
    /// Memory.
    #[serde(default = "memory")]
    pub memory: Size,
    /// Version of PVE on it, as `9.2.4`; that of the cluster if absent.
    #[serde(default)]
    pub pve: Option<String>,
    /// Repositories that packages come from; those of PVE's installer if absent.
    #[serde(default)]
    pub repositories: Option<Vec<RepositoryShape>>,
    /// Its place in the whole file, which its address and its disks' serials are made of.
    #[serde(skip)]
    pub(crate) number: Option<u32>,
}

/// An entry in a file of `/etc/apt/sources.list.d`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RepositoryShape {
    /// The file's name, as `proxmox.sources`.
    pub file: String,
    /// Where the packages are.
    pub uri: String,
    /// Suites, as `trixie`.
    pub suites: Vec<String>,
    /// Components, as `main`.
    pub components: Vec<String>,
    /// What the file says of it; it says nothing if absent, which means that it is enabled.
    #[serde(default)]
    pub enabled: Option<bool>,
}

impl NodeShape {
    /// Node `pveN` with `disks` empty disks, each with a serial that no other disk of the cluster has.
    pub fn numbered(n: usize, disks: usize, size: Size) -> Self {
        let disks = (0..disks).map(|d| DiskShape {
            path: format!("/dev/sd{}", disk_letters(d + 1)),
            size,
            serial: Some(format!("SIM{n:02}{:02}", d + 1)),
            model: None,
            wwn: None,
            media: Media::Ssd,
            used: None,
            held: false,
            gpt: false,
            mbr: false,
            partitions: Vec::new(),
            remains: Vec::new(),
        });
        NodeShape {
            name: format!("pve{n}"),
            ip: None,
            online: true,
            single: false,
            disks: disks.collect(),
            bridges: one_bridge(),
            partitions: Vec::new(),
            cpus: eight(),
            memory: memory(),
            pve: None,
            repositories: None,
            number: None,
        }
    }
}

/// GiB of the system disk that PVE's installer gives to LVM, and of which further partitions take.
pub(crate) const SYSTEM_LVM: u64 = 510;

impl NodeShape {
    /// Whether the disks that are named are all there are: the system disk is among them.
    pub(crate) fn names_its_system(&self) -> bool {
        let is_system = |disk: &DiskShape| disk.path == "/dev/sda" || disk.used.as_deref() == Some("mounted");
        self.disks.iter().any(is_system)
    }

    pub(super) fn check_partitions(&self) -> Result<(), String> {
        let (node, mut numbers) = (&self.name, std::collections::BTreeSet::new());
        for part in &self.partitions {
            if part.number <= 3 || !numbers.insert(part.number) {
                let why = "the system disk has three partitions of its own";
                return Err(format!("node '{node}': partition {} is taken: {why}", part.number));
            }
        }
        if !self.partitions.is_empty() && self.names_its_system() {
            return Err(format!("node '{node}' names its system disk: its partitions belong there"));
        }
        let gib = self.partitions.iter().map(|part| part.size.0).sum::<u64>().div_ceil(1 << 30);
        match gib < SYSTEM_LVM {
            true => Ok(()),
            false => Err(format!("node '{node}': the system disk has no room for {gib} GiB of partitions")),
        }
    }
}

/// The letters of the n-th disk from 0: a, b, ..., z, aa, ab ...
fn disk_letters(mut n: usize) -> String {
    let mut letters = Vec::new();
    loop {
        letters.push(b'a' + u8::try_from(n % 26).unwrap_or(0));
        if n < 26 {
            break;
        }
        n = n / 26 - 1;
    }
    letters.iter().rev().map(|b| char::from(*b)).collect()
}

/// A disk.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DiskShape {
    /// Kernel path, as `/dev/sdb`.
    pub path: String,
    /// Size.
    pub size: Size,
    /// Serial; one is made up if absent, `unknown` is what disks without one show.
    #[serde(default)]
    pub serial: Option<String>,
    /// Model.
    #[serde(default)]
    pub model: Option<String>,
    /// World wide name; `unknown` if absent.
    #[serde(default)]
    pub wwn: Option<String>,
    /// What it is made of.
    #[serde(default, rename = "type")]
    pub media: Media,
    /// PVE's word for what the whole disk holds (`ext4`, `LVM`, `ZFS`, ...).
    #[serde(default)]
    pub used: Option<String>,
    /// Whether something has it open: an active logical volume, dm-crypt.
    #[serde(default)]
    pub held: bool,
    /// Whether it has a GPT though it has no partitions; with partitions it has one, unless that is an MBR.
    #[serde(default)]
    pub gpt: bool,
    /// Whether its table of partitions is an MBR.
    #[serde(default)]
    pub mbr: bool,
    /// Its partitions.
    #[serde(default)]
    pub partitions: Vec<PartitionShape>,
    /// What partitions held that are not in the table any more: it is found again where one begins at the same place.
    #[serde(default)]
    pub remains: Vec<PartitionShape>,
}

/// What a disk is made of, in PVE's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Media {
    /// Flash on SATA or SAS.
    #[default]
    Ssd,
    /// Flash on PCIe.
    Nvme,
    /// Rotating.
    Hdd,
}

/// A partition.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartitionShape {
    /// Number, from 1.
    pub number: u32,
    /// Size.
    pub size: Size,
    /// PVE's word for what it holds.
    #[serde(default)]
    pub used: Option<String>,
    /// Whether it is mounted.
    #[serde(default)]
    pub mounted: bool,
    /// Whether something has it open.
    #[serde(default)]
    pub held: bool,
    /// Where it begins; behind the one before it if absent.
    #[serde(default)]
    pub start: Option<Size>,
    /// Its name in the table.
    #[serde(default)]
    pub label: Option<String>,
    /// What tells it from all others, in the table; one is made up if absent.
    #[serde(default)]
    pub uuid: Option<String>,
}

fn one_bridge() -> Vec<String> {
    vec!["vmbr0".to_owned()]
}

fn eight() -> u32 {
    8
}

fn memory() -> Size {
    Size(32 << 30)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disks_are_lettered_as_the_kernel_does() {
        let letters: Vec<_> = [0, 1, 25, 26, 27, 52].into_iter().map(disk_letters).collect();
        assert_eq!(letters, ["a", "b", "z", "aa", "ab", "ba"]);
    }
}
