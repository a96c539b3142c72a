//! Nodes: which exist, which are on, who has quorum, and their figures.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::cluster::apt::Apt;
use crate::cluster::guests::Running;
use crate::cluster::partitions;
use crate::cluster::units::Units;
use crate::kernel::clock::Time;
use crate::shape::SYSTEM_LVM;
use crate::shape::{DiskShape, Media, NodeShape, PartitionShape, Shape, Size};
use crate::shell::files::Files;

/// How long the others keep the figures of a node that fell silent (pmxcfs drops them after this).
pub const FIGURES_LIVE: Duration = Duration::from_secs(300);

/// How long lists go on calling a node online that fell silent; it was 20 to 26 s when that was observed.
const BELIEVED: Duration = Duration::from_secs(20);

/// A node.
#[derive(Debug, Clone)]
pub struct Node {
    /// Name.
    pub name: String,
    /// Corosync's node id, from 1.
    pub id: u32,
    /// Its address in the cluster network.
    pub ip: String,
    /// Whether it is switched on.
    pub on: bool,
    /// Its last start.
    pub booted: Time,
    /// When it was switched off last.
    pub off_since: Option<Time>,
    /// Whether its address still answers though nothing runs there: others are refused at once.
    pub refuses: bool,
    /// Whether the others have found out by now that its address does not answer.
    pub missed: bool,
    /// Whether it is off because it starts anew by itself.
    pub booting: bool,
    /// The guests that ran when it was switched off: what the others go on showing for a while.
    pub ran: BTreeMap<u32, Running>,
    /// Cores.
    pub cpus: u32,
    /// Memory in bytes.
    pub memory: u64,
    /// SHA-256 fingerprint of its certificate, `AA:BB:..`.
    pub fingerprint: String,
    /// Bridges; the first has its address.
    pub bridges: Vec<String>,
    /// Disks as they are now, the system disk first unless the shape names it.
    pub disks: Vec<DiskShape>,
    /// Version of PVE on it; that of the cluster if absent.
    pub pve: Option<String>,
    /// Repositories that its packages come from.
    pub apt: Apt,
    /// Its files, as far as somebody looks at them.
    pub(crate) files: Files,
    /// Its systemd.
    pub units: Units,
}

impl Node {
    /// Size of the root file system in bytes.
    pub const ROOT_SIZE: u64 = 94 << 30;
    /// Used of it.
    pub const ROOT_USED: u64 = 5 << 30;

    /// Whether lists of the nodes call it online. `/cluster/status` knows better, and earlier.
    pub fn seems_online(&self, now: Time) -> bool {
        self.off_since.is_none_or(|off| now.since(off) < BELIEVED)
    }

    /// Whether the others still show its figures.
    pub fn figures_known(&self, now: Time) -> bool {
        self.off_since.is_none_or(|off| now.since(off) < FIGURES_LIVE)
    }

    /// Seconds since its start; stops counting when it is off.
    pub fn uptime(&self, now: Time) -> u64 {
        self.off_since.unwrap_or(now).since(self.booted).as_secs()
    }

    /// A disk or partition by its kernel path.
    pub fn device(&self, path: &str) -> Option<Device<'_>> {
        let whole = |d: &DiskShape| d.path == path;
        if let Some(disk) = self.disks.iter().find(|d| whole(d)) {
            let used = disk.used.as_deref().or((!disk.partitions.is_empty()).then_some("partitions"));
            return Some(Device { disk, size: disk.size.0, used, partition: None });
        }
        let parts = self.disks.iter().flat_map(|d| d.partitions.iter().map(move |p| (d, p)));
        parts.into_iter().find(|(d, p)| partition_path(&d.path, p.number) == path).map(|(disk, p)| {
            let used = p.used.as_deref().or(p.mounted.then_some("mounted"));
            Device { disk, size: p.size.0, used, partition: Some(p.number) }
        })
    }

    /// Notes in PVE's words what a disk or partition holds from now on; false if there is none of that path.
    pub fn set_used(&mut self, path: &str, used: Option<&str>) -> bool {
        for disk in &mut self.disks {
            if disk.path == path {
                disk.used = used.map(str::to_owned);
                return true;
            }
            for part in &mut disk.partitions {
                if partition_path(&disk.path, part.number) == path {
                    part.used = used.map(str::to_owned);
                    return true;
                }
            }
        }
        false
    }

    /// Memory in use, without its guests.
    pub fn memory_used(&self) -> u64 {
        self.memory / 8
    }
}

/// A disk or one of its partitions.
#[derive(Debug, Clone, Copy)]
pub struct Device<'a> {
    /// The disk itself, also for a partition.
    pub disk: &'a DiskShape,
    /// Bytes.
    pub size: u64,
    /// PVE's word for what it holds; `None` is free.
    pub used: Option<&'a str>,
    /// Number of the partition.
    pub partition: Option<u32>,
}

/// `/dev/sdb4`, `/dev/nvme0n1p4`.
pub fn partition_path(disk: &str, number: u32) -> String {
    let p = if disk.ends_with(|c: char| c.is_ascii_digit()) { "p" } else { "" };
    format!("{disk}{p}{number}")
}

/// The disks of a shape, each with a serial of its own, behind the system disk as PVE's installer lays it out. A node
/// whose shape has no disks shows none at all: nothing is known of it.
fn disks(shape: &NodeShape, node: u32) -> Vec<DiskShape> {
    const SYSTEM: &str = "/dev/sda";
    let part = |number: u32, size: u64, used: &str, mounted: bool, held: bool| PartitionShape {
        number,
        size: Size(size),
        used: Some(used.to_owned()),
        mounted,
        held,
        start: None,
        label: None,
        uuid: None,
    };
    let further: u64 = shape.partitions.iter().map(|part| part.size.0).sum();
    let system = DiskShape {
        path: SYSTEM.to_owned(),
        size: Size(512 << 30),
        serial: Some(format!("SIM{node:02}00")),
        model: None,
        wwn: None,
        media: Media::Ssd,
        used: None,
        held: false,
        gpt: true,
        mbr: false,
        partitions: vec![
            part(1, 1 << 20, "BIOS boot", false, false),
            part(2, 1 << 30, "EFI", true, false),
            part(3, (SYSTEM_LVM << 30) - further, "LVM", false, true),
        ]
        .into_iter()
        .chain(shape.partitions.iter().cloned())
        .collect(),
        remains: Vec::new(),
    };
    let named = (shape.disks.is_empty() && shape.partitions.is_empty()) || shape.names_its_system();
    let given = shape.disks.iter().zip(1..).map(|(disk, number)| {
        let serial = disk.serial.clone().unwrap_or_else(|| format!("SIM{node:02}{number:02}"));
        DiskShape { serial: Some(serial), ..disk.clone() }
    });
    let mut all: Vec<DiskShape> = (!named).then_some(system).into_iter().chain(given).collect();
    for disk in &mut all {
        partitions::lay_out(&shape.name, disk);
    }
    all
}

/// The nodes, in the order of their ids.
#[derive(Debug)]
pub struct Nodes {
    nodes: Vec<Node>,
    /// Members that corosync counts and that are not there: on their way into the cluster, or all but this one if it was
    /// removed.
    pub(super) awaited: usize,
    /// The votes that a majority is counted of, where somebody has said so (`pvecm expected`).
    pub(super) expected: Option<usize>,
}

impl Nodes {
    pub(super) fn new(shape: &Shape, now: Time) -> Self {
        let node = |(n, shape): (u32, &crate::shape::NodeShape)| Node {
            name: shape.name.clone(),
            id: n,
            ip: shape.ip.clone().unwrap_or_else(|| format!("10.0.0.{}", shape.number.unwrap_or(n))),
            on: shape.online,
            // Long enough ago that nothing looks freshly started.
            booted: Time::from_unix(now.unix().saturating_sub(86_400)),
            off_since: (!shape.online).then(|| Time::from_unix(now.unix().saturating_sub(3600))),
            refuses: false,
            missed: false,
            booting: false,
            ran: BTreeMap::new(),
            cpus: shape.cpus,
            memory: shape.memory.0,
            fingerprint: String::new(),
            bridges: shape.bridges.clone(),
            disks: disks(shape, shape.number.unwrap_or(n)),
            pve: shape.pve.clone(),
            apt: Apt::new(shape.repositories.as_deref()),
            files: Files::of_node(),
            units: Units::default(),
        };
        Nodes { nodes: (1..).zip(&shape.nodes).map(node).collect(), awaited: 0, expected: None }
    }

    /// All nodes.
    pub fn iter(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter()
    }

    pub(super) fn all_mut(&mut self) -> &mut [Node] {
        &mut self.nodes
    }

    /// All names.
    pub fn names(&self) -> Vec<String> {
        self.nodes.iter().map(|node| node.name.clone()).collect()
    }

    /// The node of this name.
    pub fn get(&self, name: &str) -> Option<&Node> {
        self.nodes.iter().find(|node| node.name == name)
    }

    /// The node of this name, to be changed.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Node> {
        self.nodes.iter_mut().find(|node| node.name == name)
    }

    /// Whether the node exists and is on.
    pub fn online(&self, name: &str) -> bool {
        self.get(name).is_some_and(|node| node.on)
    }

    /// When the node was started last.
    pub fn booted(&self, name: &str) -> Option<Time> {
        self.get(name).map(|node| node.booted)
    }

    /// Whether a write on this node finds a majority of the cluster's votes.
    pub fn quorate(&self, name: &str) -> bool {
        let all = self.expected.unwrap_or(self.nodes.len() + self.awaited);
        self.online(name) && 2 * self.votes() > all
    }

    fn votes(&self) -> usize {
        self.nodes.iter().filter(|node| node.on).count()
    }

    /// Has a majority counted of so many votes, until the members or what is on change.
    ///
    /// Belief: what corosync refuses is from its sources (a majority below half of the votes that are there, or that cannot be
    /// had), and the words are those of its tool.
    pub fn expect(&mut self, votes: usize) -> Result<(), String> {
        let (majority, there) = (votes / 2 + 1, self.votes());
        if majority < there / 2 || majority > there {
            return Err("Unable to set expected votes: CS_ERR_INVALID_PARAM".to_owned());
        }
        self.expected = Some(votes);
        Ok(())
    }

    /// A node that leaves.
    pub(super) fn take(&mut self, name: &str) -> Option<Node> {
        self.expected = None;
        let place = self.nodes.iter().position(|node| node.name == name)?;
        Some(self.nodes.remove(place))
    }

    /// A node that comes.
    pub(super) fn put(&mut self, node: Node) {
        self.expected = None;
        self.nodes.push(node);
    }

    pub(super) fn set_power(&mut self, name: &str, on: bool, now: Time) -> bool {
        let Some(node) = self.get_mut(name) else { return false };
        node.booting = false;
        if node.on == on {
            return false;
        }
        node.on = on;
        if on {
            node.booted = now;
        }
        (node.refuses, node.missed) = (false, false);
        node.off_since = (!on).then_some(now);
        if on {
            self.expected = None;
        }
        true
    }

    pub(super) fn canonical(&self) -> Value {
        let disk = |disk: &DiskShape| {
            let part = |part: &PartitionShape| match &part.label {
                Some(label) => json!({ "label": label, "size": part.size.0, "used": part.used }),
                None => json!(part.used),
            };
            let parts = disk.partitions.iter().map(|entry| (entry.number.to_string(), part(entry)));
            json!({ "path": disk.path, "used": disk.used, "partitions": parts.collect::<Value>() })
        };
        let node = |node: &Node| {
            let disks: Value = node.disks.iter().map(disk).collect();
            json!({ "name": node.name, "on": node.on, "disks": disks, "apt": node.apt.canonical(), "files": node.files.canonical(),
                "units": node.units.canonical() })
        };
        self.nodes.iter().map(node).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::cluster::Cluster;

    #[test]
    fn a_majority_has_quorum_and_a_dead_node_has_none() {
        let mut cluster = Cluster::for_tests();
        assert!(cluster.nodes.quorate("pve1"));
        cluster.set_power("pve3", false);
        assert!(cluster.nodes.quorate("pve1") && !cluster.nodes.quorate("pve3"));
        cluster.set_power("pve2", false);
        assert!(!cluster.nodes.quorate("pve1"));
        cluster.set_power("pve3", true);
        assert!(cluster.nodes.quorate("pve1") && cluster.nodes.quorate("pve3"));
    }

    #[test]
    fn one_that_expects_no_others_is_a_majority_until_they_come() {
        let mut cluster = Cluster::for_tests();
        cluster.set_power("pve2", false);
        cluster.set_power("pve3", false);
        assert!(!cluster.nodes.quorate("pve1"));
        assert!(cluster.nodes.expect(2).unwrap_err().contains("CS_ERR_INVALID_PARAM"));
        cluster.nodes.expect(1).unwrap();
        assert!(cluster.nodes.quorate("pve1"));
        cluster.set_power("pve2", true);
        cluster.set_power("pve2", false);
        assert!(!cluster.nodes.quorate("pve1"));
    }
}
