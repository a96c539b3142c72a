//! Which privilege a key of a guest's configuration takes.

use crate::cluster::guests::drive::{Drive, DriveKey};
use crate::kernel::{Call, PveError};

const CPU: &[&str] = &["cores", "cpu", "cpulimit", "cpuunits", "numa", "smp", "sockets", "vcpus"];
const MEMORY: &[&str] = &["memory", "balloon", "shares", "allow-ksm"];
const HARDWARE: &[&str] =
    &["acpi", "hotplug", "kvm", "machine", "scsihw", "smbios1", "tablet", "vga", "watchdog", "audio0", "rng0"];
const OPTIONS: &[&str] = &[
    "agent",
    "autostart",
    "bios",
    "description",
    "keyboard",
    "localtime",
    "migrate_downtime",
    "migrate_speed",
    "name",
    "onboot",
    "ostype",
    "protection",
    "reboot",
    "startdate",
    "startup",
    "tdf",
    "template",
    "tags",
];
const CLOUDINIT: &[&str] =
    &["cicustom", "cipassword", "citype", "ciuser", "ciupgrade", "nameserver", "searchdomain", "sshkeys"];

fn numbered(key: &str, prefix: &str) -> bool {
    key.strip_prefix(prefix).is_some_and(|number| number.parse::<u32>().is_ok())
}

/// Whose rights count: the guest's own, and before the guest is there those on the resource pool that it goes into.
#[derive(Clone, Copy)]
pub(super) struct On<'a> {
    pub(super) vmid: u32,
    pub(super) pool: Option<&'a str>,
}

impl On<'_> {
    /// Demands all of the privileges. A refusal speaks of the guest, also where the pool would have done.
    pub(super) fn demand(&self, call: &Call<'_>, privileges: &[&str]) -> Result<(), PveError> {
        let by_pool = self.pool.is_some_and(|pool| call.may(&format!("/pool/{pool}"), privileges));
        if by_pool { Ok(()) } else { call.demand(&format!("/vms/{}", self.vmid), privileges) }
    }

    /// Demands one of the privileges.
    fn demand_any(&self, call: &Call<'_>, privileges: &[&str]) -> Result<(), PveError> {
        let by_pool = self.pool.is_some_and(|pool| call.may_any(&format!("/pool/{pool}"), privileges));
        if by_pool { Ok(()) } else { call.demand_any(&format!("/vms/{}", self.vmid), privileges) }
    }
}

/// Refuses a key that the user may not change. `value` tells a CD-ROM drive from a disk.
pub(super) fn check(call: &Call<'_>, on: On<'_>, key: &str, value: Option<&str>) -> Result<(), PveError> {
    if call.user.is_root() {
        return Ok(());
    }
    let cdrom = value.and_then(Drive::parse).is_some_and(|drive| drive.is_cdrom());
    match key {
        _ if CPU.contains(&key) || numbered(key, "numa") => on.demand(call, &["VM.Config.CPU"]),
        _ if MEMORY.contains(&key) => on.demand(call, &["VM.Config.Memory"]),
        _ if HARDWARE.contains(&key) => on.demand(call, &["VM.Config.HWType"]),
        "startup" => {
            call.demand("/", &["Sys.Modify"])?;
            on.demand(call, &["VM.Config.Options"])
        }
        _ if OPTIONS.contains(&key) => on.demand(call, &["VM.Config.Options"]),
        _ if CLOUDINIT.contains(&key) || numbered(key, "ipconfig") => {
            on.demand_any(call, &["VM.Config.Cloudinit", "VM.Config.Network"])
        }
        "boot" | "bootdisk" | "vmstatestorage" => on.demand(call, &["VM.Config.Disk"]),
        _ if numbered(key, "net") => on.demand(call, &["VM.Config.Network"]),
        _ if DriveKey::parse(key).is_some() && cdrom => on.demand(call, &["VM.Config.CDROM"]),
        _ if DriveKey::parse(key).is_some() => on.demand(call, &["VM.Config.Disk"]),
        _ if numbered(key, "serial") && value.is_none_or(|value| value == "socket") => {
            on.demand(call, &["VM.Config.HWType"])
        }
        "freeze" => on.demand(call, &["VM.PowerMgmt"]),
        _ if numbered(key, "usb") || numbered(key, "hostpci") => {
            let part = |name: &str| value.and_then(|value| value.split(',').find_map(|part| part.strip_prefix(name)));
            let spice = value.is_some_and(|value| value.to_lowercase().contains("spice"));
            let kind = if numbered(key, "usb") { "usb" } else { "pci" };
            match part("mapping=") {
                Some(mapping) if part("romfile=").is_none() => {
                    on.demand(call, &["VM.Config.HWType"])?;
                    call.demand(&format!("/mapping/{kind}/{mapping}"), &["Mapping.Use"])
                }
                None if value.is_none() || (kind == "usb" && spice) => on.demand(call, &["VM.Config.HWType"]),
                _ => Err(PveError::new(format!("only root can set '{key}' config for real devices"))),
            }
        }
        _ if numbered(key, "virtiofs") => {
            on.demand(call, &["VM.Config.Disk"])?;
            let directory =
                value.and_then(|value| value.split(',').next()).map(|part| part.trim_start_matches("dirid="));
            match directory {
                Some(directory) => call.demand(&format!("/mapping/dir/{directory}"), &["Mapping.Use"]),
                None => Ok(()),
            }
        }
        _ => Err(PveError::new(format!("only root can set '{key}' config"))),
    }
}
