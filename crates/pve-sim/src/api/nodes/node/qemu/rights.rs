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

/// Refuses a key that the user may not change. `value` tells a CD-ROM drive from a disk.
pub(super) fn check(call: &Call<'_>, vmid: u32, key: &str, value: Option<&str>) -> Result<(), PveError> {
    if call.user.is_root() {
        return Ok(());
    }
    let path = format!("/vms/{vmid}");
    let cdrom = value.and_then(Drive::parse).is_some_and(|drive| drive.is_cdrom());
    match key {
        _ if CPU.contains(&key) || numbered(key, "numa") => call.demand(&path, &["VM.Config.CPU"]),
        _ if MEMORY.contains(&key) => call.demand(&path, &["VM.Config.Memory"]),
        _ if HARDWARE.contains(&key) => call.demand(&path, &["VM.Config.HWType"]),
        "startup" => {
            call.demand("/", &["Sys.Modify"])?;
            call.demand(&path, &["VM.Config.Options"])
        }
        _ if OPTIONS.contains(&key) => call.demand(&path, &["VM.Config.Options"]),
        _ if CLOUDINIT.contains(&key) || numbered(key, "ipconfig") => {
            call.demand_any(&path, &["VM.Config.Cloudinit", "VM.Config.Network"])
        }
        "boot" | "bootdisk" | "vmstatestorage" => call.demand(&path, &["VM.Config.Disk"]),
        _ if numbered(key, "net") => call.demand(&path, &["VM.Config.Network"]),
        _ if DriveKey::parse(key).is_some() && cdrom => call.demand(&path, &["VM.Config.CDROM"]),
        _ if DriveKey::parse(key).is_some() => call.demand(&path, &["VM.Config.Disk"]),
        _ if numbered(key, "serial") && value.is_none_or(|value| value == "socket") => {
            call.demand(&path, &["VM.Config.HWType"])
        }
        _ => Err(PveError::new(format!("only root can set '{key}' config"))),
    }
}
