//! What a `pve_vm` is made of: processors, memory, and what the firmware and the machine do.

use std::collections::{BTreeMap, BTreeSet};

use terraform_plugin::Nested;
use terraform_plugin::value::Number;

use crate::ground::texts;
use crate::ground::wire::Spelling;
use crate::guest::Settings;
use crate::guest::spellings::{BOOT_ORDER, HOTPLUG};

/// The hardware of a VM.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct Hardware {
    /// How much of its processors it may use, in whole ones: `1.5` is one and a half. 0: all of them.
    #[attr(keep, api = "cpulimit", usual = Number::from(0), check = from_0_to_128)]
    pub cpu_limit: Option<Number>,
    /// Its weight among others when processors are scarce: 1 to 10000. Left alone when unset (PVE's default: 100).
    #[attr(keep, api = "cpuunits", range = 1..=10_000)]
    pub cpu_units: Option<u32>,
    /// Processors that are plugged in at its start, of `cores` times `sockets`. Left alone when unset (PVE's default: all).
    #[attr(keep, range = 1..)]
    pub vcpus: Option<u32>,
    /// The node's processors that it may run on, such as `0-3,8`. An empty text removes it. Takes the login of `root@pam`.
    #[attr(keep, check = cpu_set)]
    pub affinity: Option<String>,
    /// NUMA: needed by `numa_nodes`, huge pages and plugging in of memory.
    #[attr(keep, usual = false)]
    pub numa: Option<bool>,
    /// What its NUMA nodes have, by name: `numa0` to `numa7`. Left alone as a whole when unset.
    #[attr(keep, api = "numa")]
    pub numa_nodes: Option<BTreeMap<String, NumaNode>>,
    /// Hardware virtualisation. Without it everything is emulated.
    #[attr(keep, usual = true)]
    pub kvm: Option<bool>,
    /// The least memory in MiB that the balloon leaves it; 0: no balloon. Left alone when unset (PVE's default: all of `memory`).
    #[attr(keep)]
    pub balloon: Option<u64>,
    /// Its weight among others when the balloon gives memory out. 0: the balloon is left where it is.
    #[attr(keep, usual = 1000_u32, range = 0..=50_000)]
    pub shares: Option<u32>,
    /// Memory in huge pages: of 2 or 1024 MiB, or `any` of them. An empty text removes it. Takes `numa`, and the login of
    /// `root@pam`.
    #[attr(keep, one_of = ["", "any", "2", "1024"])]
    pub hugepages: Option<String>,
    /// Huge pages stay allocated when the VM stops. Takes the login of `root@pam`.
    #[attr(keep, api = "keephugepages", usual = false)]
    pub keep_hugepages: Option<bool>,
    /// Equal pages of its memory are shared with other guests.
    #[attr(keep, api = "allow-ksm", usual = true)]
    pub allow_ksm: Option<bool>,
    /// What it boots from, in order: `scsi0`, `ide2`, `net0`. Left alone when unset: PVE takes the first disk, CD-ROM and card of
    /// a new VM, and puts a new CD-ROM at the end.
    #[attr(keep, api = "boot", each = texts::one_word)]
    pub boot_order: Option<Vec<String>>,
    /// What can be plugged in while it runs: `network`, `disk`, `usb`, `cpu`, `memory`, `cloudinit`; an empty set: nothing. Left
    /// alone when unset (PVE's default: `network`, `disk`, `usb`).
    #[attr(keep, each = plug)]
    pub hotplug: Option<BTreeSet<String>>,
    /// ACPI.
    #[attr(keep, usual = true)]
    pub acpi: Option<bool>,
    /// A tablet in place of a mouse: the pointer is where it is seen to be.
    #[attr(keep, usual = true)]
    pub tablet: Option<bool>,
    /// Its clock shows local time. Left alone when unset (PVE's default: with Windows).
    #[attr(keep)]
    pub localtime: Option<bool>,
    /// What its clock shows at its start: `now`, or `2006-06-17T16:01:21`.
    #[attr(
        keep,
        api = "startdate",
        usual = "now",
        regex = r"(now|\d{4}-\d{1,2}-\d{1,2}(T\d{1,2}:\d{1,2}:\d{1,2})?)",
        says = "`now`, or a date with or without the time: `2006-06-17T16:01:21`"
    )]
    pub start_date: Option<String>,
    /// The layout of the keyboard over VNC, such as `de`. Left alone when unset (PVE's default: the datacenter's).
    #[attr(keep, one_of = [
        "de", "de-ch", "da", "en-gb", "en-us", "es", "fi", "fr", "fr-be", "fr-ca", "fr-ch", "hu", "is", "it", "ja", "lt", "mk",
        "nl", "no", "pl", "pt", "pt-br", "sv", "sl", "tr",
    ])]
    pub keyboard: Option<String>,
    /// More arguments for QEMU. An empty text removes them. Takes the login of `root@pam`.
    #[attr(keep, check = texts::one_line_or_none)]
    pub args: Option<String>,
}

impl Settings for Hardware {
    const SPELT: &'static [(&'static str, Spelling)] = &[("boot_order", BOOT_ORDER), ("hotplug", HOTPLUG)];
    const NUMBERED: &'static [(&'static str, u16)] = &[("numa_nodes", 7)];
}

/// A NUMA node of a VM.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct NumaNode {
    /// The VM's processors in it: `0-3;8`.
    #[attr(required, check = ranges)]
    pub cpus: String,
    /// Its memory in MiB.
    #[attr(optional)]
    pub memory: Option<u64>,
    /// The node's NUMA nodes that it lies on: `0-1`.
    #[attr(optional, api = "hostnodes", check = ranges)]
    pub host_nodes: Option<String>,
    /// How memory is taken from those.
    #[attr(optional, one_of = ["preferred", "bind", "interleave"])]
    pub policy: Option<String>,
}

fn from_0_to_128(limit: &Number) -> Result<(), String> {
    match *limit >= Number::from(0) && *limit <= Number::from(128) {
        true => Ok(()),
        false => Err("must be from 0 to 128".to_owned()),
    }
}

fn plug(text: &String) -> Result<(), String> {
    const ALL: [&str; 6] = ["network", "disk", "cpu", "memory", "usb", "cloudinit"];
    if ALL.contains(&text.as_str()) { Ok(()) } else { Err(format!("must be one of {}", ALL.join(", "))) }
}

fn is_range(text: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    text.split_once('-').map_or_else(|| is_number(text), |(from, to)| is_number(from) && is_number(to))
}

pub(super) fn ranges(text: &String) -> Result<(), String> {
    match text.split(';').all(is_range) {
        true => Ok(()),
        false => Err("must be numbers and ranges with semicolons between them: `0-3;8`".to_owned()),
    }
}

fn cpu_set(text: &String) -> Result<(), String> {
    match text.is_empty() || text.split(',').all(is_range) {
        true => Ok(()),
        false => Err("must be numbers and ranges with commas between them: `0-3,8`".to_owned()),
    }
}
