//! A configuration as its author thinks of it: the objects of the road, what is written down of each, and what they are
//! without being told.

use std::collections::{BTreeMap, BTreeSet};

/// An attribute that is left alone when it is not written down: it keeps its value then.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept<T> {
    /// What it is.
    pub value: T,
    /// Whether the configuration says so.
    pub said: bool,
}

impl<T> Kept<T> {
    /// Written down.
    pub fn said(value: T) -> Self {
        Self { value, said: true }
    }

    /// What PVE has chosen.
    pub fn usual(value: T) -> Self {
        Self { value, said: false }
    }

    /// Writes it down.
    pub fn say(&mut self, value: T) {
        *self = Self::said(value);
    }
}

/// The storage that every node has for itself.
pub const LOCAL: &str = "local-lvm";

/// An OSD; its key is the disk's serial number.
#[derive(Clone, Debug)]
pub struct Osd {
    /// Its node.
    pub node: String,
    /// Device class, if one was ever written down.
    pub class: Option<Kept<&'static str>>,
}

/// A CRUSH rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// `host` or `osd`.
    pub failure_domain: &'static str,
}

/// A Ceph pool.
#[derive(Clone, Debug)]
pub struct Pool {
    /// Its name, which a replacement changes.
    pub name: String,
    /// Copies.
    pub size: Kept<u32>,
    /// Copies needed for I/O.
    pub min_size: Kept<u32>,
    /// Label of its rule; none is PVE's `replicated_rule`.
    pub rule: Kept<Option<String>>,
    /// Placement groups.
    pub pg_num: Kept<u32>,
    /// The autoscaler's part.
    pub autoscale: Kept<&'static str>,
    /// The autoscaler's hint.
    pub ratio: Option<f64>,
    /// Whether it may be destroyed.
    pub allow_destroy: bool,
}

/// A storage on a pool.
#[derive(Clone, Debug)]
pub struct Storage {
    /// Its id, which a replacement changes.
    pub id: String,
    /// Label of the pool.
    pub pool: String,
    /// What it may hold.
    pub content: Kept<&'static [&'static str]>,
    /// The nodes that use it.
    pub nodes: Option<BTreeSet<String>>,
    /// The kernel's client.
    pub krbd: Kept<bool>,
    /// Switched off.
    pub disable: Kept<bool>,
}

impl Storage {
    /// Whether a disk can lie on it wherever its machine runs.
    pub fn takes_disks(&self) -> bool {
        self.content.value.contains(&"images") && self.nodes.is_none() && !self.disable.value
    }
}

/// A disk.
#[derive(Clone, Debug)]
pub struct Disk {
    /// GiB.
    pub size: u32,
    /// Where it lies: [`LOCAL`] or the label of a storage.
    pub at: String,
    /// Whether the machine says where it lies.
    pub owned: bool,
    /// Gives freed blocks back.
    pub discard: Kept<bool>,
    /// Cache mode.
    pub cache: Kept<&'static str>,
}

/// A network card.
#[derive(Clone, Debug)]
pub struct Network {
    /// VLAN.
    pub tag: Option<u32>,
    /// Filtered by the firewall.
    pub firewall: Kept<bool>,
    /// Model.
    pub model: Kept<&'static str>,
}

/// A virtual machine.
#[derive(Clone, Debug)]
pub struct Vm {
    /// Its number, if it is not left to PVE.
    pub vmid: Option<u32>,
    /// Where it is made.
    pub node: String,
    /// Name.
    pub name: Kept<String>,
    /// Cores.
    pub cores: Kept<u32>,
    /// MiB.
    pub memory: Kept<u32>,
    /// Notes.
    pub description: Kept<String>,
    /// Tags.
    pub tags: Kept<BTreeSet<&'static str>>,
    /// Starts with its node.
    pub on_boot: Kept<bool>,
    /// Runs.
    pub started: Kept<bool>,
    /// By interface.
    pub disks: BTreeMap<String, Disk>,
    /// By interface.
    pub networks: BTreeMap<String, Network>,
    /// Cloud-init's user and address.
    pub cloud_init: Option<(String, String)>,
    /// Where volumes lie that were detached.
    pub unused: Vec<String>,
    /// Whether it may be destroyed.
    pub allow_destroy: bool,
}

impl Vm {
    /// Where anything of it lies.
    pub fn places(&self) -> impl Iterator<Item = &String> {
        self.disks.values().map(|disk| &disk.at).chain(&self.unused)
    }
}

/// A disk brought to a storage; its key is `VM_DISK`.
#[derive(Clone, Debug)]
pub struct Move {
    /// Label of the machine.
    pub vm: String,
    /// The interface.
    pub disk: String,
    /// Label of the storage.
    pub storage: String,
}

/// A machine under HA; its key is the machine's label.
#[derive(Clone, Debug)]
pub struct Ha {
    /// What HA keeps it in.
    pub state: Kept<&'static str>,
    /// Attempts to start it again.
    pub max_restart: Kept<u32>,
    /// Other nodes tried.
    pub max_relocate: Kept<u32>,
    /// Whether it goes back.
    pub failback: Kept<bool>,
    /// A note.
    pub comment: Option<String>,
}

/// A resource pool.
#[derive(Clone, Debug)]
pub struct Group {
    /// Its id.
    pub id: String,
    /// A note.
    pub comment: Option<String>,
}

/// What may be in a picture.
#[derive(Clone, Debug)]
pub struct Terms {
    /// What every name begins with.
    pub prefix: &'static str,
    /// Nodes `pve1`..`pveN`.
    pub nodes: u32,
    /// The disks of each node that may be used, by number.
    pub disks: std::ops::RangeInclusive<u32>,
    /// The first number of a machine.
    pub first_vmid: u32,
    /// Whether something may be left to chance, or to time: numbers, the autoscaler.
    pub chance: bool,
}

impl Terms {
    /// For a walk alone in its cluster.
    pub const ALONE: Self = Self { prefix: "w", nodes: 4, disks: 1..=3, first_vmid: 1000, chance: true };
    /// What is the same however it is applied.
    pub const CERTAIN: Self = Self { chance: false, ..Self::ALONE };
    /// Two that share a cluster.
    pub const PAIR: [Self; 2] = [
        Self { prefix: "a", disks: 1..=2, ..Self::CERTAIN },
        Self { prefix: "b", disks: 3..=4, first_vmid: 2000, ..Self::CERTAIN },
    ];
}

/// All of it.
#[derive(Clone, Debug)]
pub struct Picture {
    /// What may be in it.
    pub terms: Terms,
    /// By serial number.
    pub osds: BTreeMap<String, Osd>,
    /// By label, which is the name.
    pub rules: BTreeMap<String, Rule>,
    /// By label.
    pub pools: BTreeMap<String, Pool>,
    /// By label.
    pub storages: BTreeMap<String, Storage>,
    /// By label.
    pub vms: BTreeMap<String, Vm>,
    /// By machine and disk.
    pub moves: BTreeMap<String, Move>,
    /// By machine.
    pub ha: BTreeMap<String, Ha>,
    /// By label.
    pub groups: BTreeMap<String, Group>,
    /// How many names were given.
    named: u32,
}

impl Picture {
    /// An OSD on a disk of each node, which is what any pool needs.
    pub fn new(terms: Terms) -> Self {
        let first = *terms.disks.start();
        let osds = (1..=terms.nodes).map(|n| (serial(n, first), Osd { node: format!("pve{n}"), class: None }));
        Self {
            osds: osds.collect(),
            rules: BTreeMap::new(),
            pools: BTreeMap::new(),
            storages: BTreeMap::new(),
            vms: BTreeMap::new(),
            moves: BTreeMap::new(),
            ha: BTreeMap::new(),
            groups: BTreeMap::new(),
            named: 0,
            terms,
        }
    }

    /// A name that was never used.
    pub fn fresh(&mut self, kind: &str) -> String {
        self.named += 1;
        format!("{}{kind}{}", self.terms.prefix, self.named)
    }

    /// A machine's number that was never used.
    pub fn fresh_vmid(&mut self) -> u32 {
        self.named += 1;
        self.terms.first_vmid + self.named
    }

    /// The disks that are no OSD: node and serial number.
    pub fn free_disks(&self) -> Vec<(String, String)> {
        let all = (1..=self.terms.nodes).flat_map(|n| self.terms.disks.clone().map(move |d| (n, serial(n, d))));
        all.filter(|(_, serial)| !self.osds.contains_key(serial)).map(|(n, s)| (format!("pve{n}"), s)).collect()
    }

    /// Whether every pool finds a place for its copies. Ceph's own pool wants three hosts.
    pub fn is_placeable(&self) -> bool {
        let hosts = self.osds.values().map(|osd| &osd.node).collect::<BTreeSet<_>>().len();
        let room = |pool: &Pool| match pool.rule.value.as_ref().and_then(|rule| self.rules.get(rule)) {
            Some(rule) if rule.failure_domain == "osd" => self.osds.len(),
            _ => hosts,
        };
        hosts >= 3 && self.pools.values().all(|pool| pool.size.value as usize <= room(pool))
    }

    /// Whether a pool names or has the rule.
    pub fn uses_rule(&self, rule: &str) -> bool {
        self.pools.values().any(|pool| pool.rule.value.as_deref() == Some(rule))
    }

    /// Whether a storage lies on the pool.
    pub fn uses_pool(&self, pool: &str) -> bool {
        self.storages.values().any(|storage| storage.pool == pool)
    }

    /// Whether anything lies on the storage, or is to be brought there.
    pub fn uses_storage(&self, storage: &str) -> bool {
        self.vms.values().any(|vm| vm.places().any(|place| place == storage))
            || self.moves.values().any(|to| to.storage == storage)
    }

    /// Whether all that a machine has lies where every node can reach it.
    pub fn is_movable(&self, vm: &Vm) -> bool {
        vm.places().all(|place| self.storages.get(place).is_some_and(Storage::takes_disks))
    }
}

/// The simulated cluster's serial numbers.
fn serial(node: u32, disk: u32) -> String {
    format!("SIM{node:02}{disk:02}")
}

/// The key of a move.
pub fn move_key(vm: &str, disk: &str) -> String {
    format!("{vm}_{disk}")
}
