//! What PVE and the node do with a `pve_vm`, and the guest's own agent.

use terraform_plugin::Nested;
use terraform_plugin::value::Number;

use crate::ground::texts;
use crate::guest::Settings;

/// What PVE does with a VM.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct Options {
    /// What runs in it: `l26` for Linux, `win11` for Windows 11 and Server 2022, ... PVE chooses defaults by it, and pins the
    /// machine type of a Windows that is made.
    #[attr(keep, api = "ostype", usual = "other", one_of = [
        "other", "wxp", "w2k", "w2k3", "w2k8", "wvista", "win7", "win8", "win10", "win11", "l24", "l26", "solaris",
    ])]
    pub os_type: Option<String>,
    /// The QEMU guest agent. Left alone when unset.
    #[attr(keep)]
    pub agent: Option<Agent>,
    /// The VM and its disks cannot be removed in PVE. `pve_vm` cannot be destroyed while this is true.
    #[attr(keep, usual = false)]
    pub protection: Option<bool>,
    /// When it starts and stops among all guests, as its node does. Left alone when unset; an empty one removes it.
    #[attr(keep)]
    pub startup: Option<Startup>,
    /// A script that PVE runs when it starts and stops, as a volume with snippets: `local:snippets/hook.pl`. An empty text removes
    /// it. Takes the login of `root@pam`.
    #[attr(keep, api = "hookscript", check = texts::one_line_or_none)]
    pub hook_script: Option<String>,
    /// It is started, and its processors stand still until somebody says `resume`.
    #[attr(keep, usual = false)]
    pub freeze: Option<bool>,
    /// The longest pause in seconds at the end of a live migration.
    #[attr(keep, usual = tenth(), check = not_negative)]
    pub migrate_downtime: Option<Number>,
    /// The most MiB a second in a live migration; 0: no limit.
    #[attr(keep, usual = 0_u64)]
    pub migrate_speed: Option<u64>,
    /// Where its memory is stored in snapshots and hibernation. An empty text removes it.
    #[attr(keep, api = "vmstatestorage", check = texts::one_line_or_none)]
    pub vm_state_storage: Option<String>,
}

impl Settings for Options {}

/// The QEMU guest agent.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct Agent {
    /// Whether PVE talks to it. It has to run in the guest.
    #[attr(keep, api = "=enabled", usual = false)]
    pub enabled: Option<bool>,
    /// Freed blocks are given back after a disk was moved or cloned.
    #[attr(keep, api = "fstrim_cloned_disks", usual = false)]
    pub trim_cloned_disks: Option<bool>,
    /// Filesystems are frozen while a backup or snapshot is begun.
    #[attr(keep, api = "freeze-fs|freeze-fs-on-backup|guest-fsfreeze", usual = true)]
    pub freeze_filesystems: Option<bool>,
    /// The channel.
    #[attr(keep, usual = "virtio", one_of = ["virtio", "isa"])]
    pub r#type: Option<String>,
}

/// When a guest starts and stops among all.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct Startup {
    /// Its place in the order: those with lower numbers start first and stop last.
    #[attr(optional, api = "=order")]
    pub order: Option<u32>,
    /// Seconds until the next one is started.
    #[attr(optional)]
    pub up: Option<u32>,
    /// Seconds that it has for its shutdown.
    #[attr(optional)]
    pub down: Option<u32>,
}

fn tenth() -> Number {
    // A constant of ours.
    "0.1".parse().unwrap_or_else(|_| Number::from(0))
}

fn not_negative(number: &Number) -> Result<(), String> {
    if *number >= Number::from(0) { Ok(()) } else { Err("must not be negative".to_owned()) }
}
