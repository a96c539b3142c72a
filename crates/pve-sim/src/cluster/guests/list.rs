//! Guests: which exist, where, and whether they run.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::Config;
use crate::kernel::clock::Time;

/// What a guest is. Both kinds share their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kind {
    /// A virtual machine.
    #[default]
    Qemu,
    /// A container.
    Lxc,
}

impl Kind {
    /// As in paths and in `/cluster/resources`.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Qemu => "qemu",
            Kind::Lxc => "lxc",
        }
    }

    /// What PVE calls one in its messages.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Qemu => "VM",
            Kind::Lxc => "CT",
        }
    }
}

/// A virtual machine or a container.
#[derive(Debug, Clone)]
pub struct Guest {
    /// What it is.
    pub kind: Kind,
    /// The node its configuration lies on.
    pub node: String,
    /// Its process, if it runs.
    pub running: Option<Running>,
    /// Its configuration.
    pub config: Config,
    /// When it came to be.
    pub since: Time,
    /// Whether what runs inside keeps a device that is to be unplugged.
    pub refuses_unplug: bool,
}

/// The process of a guest.
#[derive(Debug, Clone)]
pub struct Running {
    /// Its start.
    pub since: Time,
    /// Process id.
    pub pid: u32,
    /// Whether its processors stand still.
    pub paused: bool,
    /// Bytes of memory it was started with.
    pub memory: u64,
    /// The version of its machine type, as (10, 0).
    pub machine: (u32, u32),
    /// Volumes that it holds open.
    pub open: BTreeSet<String>,
}

impl Guest {
    /// A virtual machine that does not run.
    pub fn new(node: &str, config: Config, since: Time) -> Self {
        Guest { kind: Kind::Qemu, node: node.to_owned(), running: None, config, since, refuses_unplug: false }
    }

    /// A container that does not run.
    pub fn container(node: &str, config: Config, since: Time) -> Self {
        Guest { kind: Kind::Lxc, ..Guest::new(node, config, since) }
    }

    /// Whether it is a container.
    pub fn is_container(&self) -> bool {
        self.kind == Kind::Lxc
    }

    /// Whether it runs, paused or not.
    pub fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Its name, or what is shown for one without.
    pub fn name(&self, vmid: u32) -> String {
        let (key, default) = match self.kind {
            Kind::Qemu => ("name", format!("VM {vmid}")),
            Kind::Lxc => ("hostname", format!("CT{vmid}")),
        };
        self.config.get(key).map_or(default, str::to_owned)
    }

    /// Whether what runs inside obeys the power button.
    // Belief: a machine that says which operating system it has got one; without, nothing inside listens.
    pub fn obeys(&self) -> bool {
        self.is_container() || self.config.get("ostype").is_some_and(|os| os != "other")
    }
}

/// All guests by number.
#[derive(Debug, Default)]
pub struct Guests {
    /// By vmid.
    pub all: BTreeMap<u32, Guest>,
}

/// What is said where a guest's configuration is looked for and is not.
fn no_config(kind: Kind, vmid: u32, node: &str) -> String {
    let folder = if kind == Kind::Qemu { "qemu-server" } else { "lxc" };
    format!("Configuration file 'nodes/{node}/{folder}/{vmid}.conf' does not exist")
}

impl Guests {
    /// The guest, wherever it is.
    pub fn get(&self, vmid: u32) -> Option<&Guest> {
        self.all.get(&vmid)
    }

    /// The guest, wherever it is, to be changed.
    pub fn get_mut(&mut self, vmid: u32) -> Option<&mut Guest> {
        self.all.get_mut(&vmid)
    }

    /// The virtual machine, whose configuration must lie on `node`.
    ///
    /// # Errors
    /// PVE's text where it does not.
    pub fn on(&self, vmid: u32, node: &str) -> Result<&Guest, String> {
        self.of_kind(Kind::Qemu, vmid, node)
    }

    /// The container, whose configuration must lie on `node`.
    ///
    /// # Errors
    /// PVE's text where it does not.
    pub fn ct_on(&self, vmid: u32, node: &str) -> Result<&Guest, String> {
        self.of_kind(Kind::Lxc, vmid, node)
    }

    fn of_kind(&self, kind: Kind, vmid: u32, node: &str) -> Result<&Guest, String> {
        let found = self.get(vmid).filter(|guest| guest.node == node && guest.kind == kind);
        found.ok_or_else(|| no_config(kind, vmid, node))
    }

    /// The same, to be changed.
    ///
    /// # Errors
    /// PVE's text where it does not.
    pub fn on_mut(&mut self, vmid: u32, node: &str) -> Result<&mut Guest, String> {
        self.of_kind_mut(Kind::Qemu, vmid, node)
    }

    /// The container, to be changed.
    ///
    /// # Errors
    /// PVE's text where it does not lie there.
    pub fn ct_on_mut(&mut self, vmid: u32, node: &str) -> Result<&mut Guest, String> {
        self.of_kind_mut(Kind::Lxc, vmid, node)
    }

    fn of_kind_mut(&mut self, kind: Kind, vmid: u32, node: &str) -> Result<&mut Guest, String> {
        let found = self.get_mut(vmid).filter(|guest| guest.node == node && guest.kind == kind);
        found.ok_or_else(|| no_config(kind, vmid, node))
    }

    /// Puts a guest's configuration to another node, as HA's recovery does. Volumes stay where they are.
    pub fn adopt(&mut self, vmid: u32, node: &str) {
        if let Some(guest) = self.all.get_mut(&vmid) {
            node.clone_into(&mut guest.node);
            guest.running = None;
        }
    }

    /// The node is off: nothing runs there any more. What ran.
    pub(crate) fn lose(&mut self, node: &str) -> BTreeMap<u32, Running> {
        let there = self.all.iter_mut().filter(|(_, guest)| guest.node == node);
        there.filter_map(|(vmid, guest)| Some((*vmid, guest.running.take()?))).collect()
    }

    pub(crate) fn canonical(&self) -> Value {
        /// What each run makes up.
        const OWN: [&str; 3] = ["meta", "smbios1", "vmgenid"];
        let one = |(vmid, guest): (&u32, &Guest)| {
            let config = &guest.config;
            let mut values = config.values.clone();
            values.retain(|key, _| !OWN.contains(&key.as_str()));
            for (_, text) in values.iter_mut().filter(|(key, _)| key.starts_with("net")) {
                *text = without_mac(text);
            }
            let mut value = json!({
                "node": guest.node,
                "running": guest.is_running(),
                "config": values,
                "pending": config.pending,
                "pending_delete": config.pending_delete,
                "snapshots": config.snapshots.keys().collect::<Vec<_>>(),
            });
            if guest.is_container() {
                value["kind"] = json!(guest.kind.name());
            }
            (vmid.to_string(), value)
        };
        self.all.iter().map(one).collect()
    }
}

/// A network string without an address that was made up. PVE makes them up under this prefix.
fn without_mac(text: &str) -> String {
    match text.split_once("=BC:24:11:") {
        Some((model, rest)) => format!("{model}{}", rest.get(8..).unwrap_or_default()),
        None => text.to_owned(),
    }
}
