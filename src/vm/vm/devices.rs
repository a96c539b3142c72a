//! Devices of a `pve_vm` beside disks and network cards.

use std::collections::BTreeMap;

use terraform_plugin::Nested;

use crate::ground::texts;
use crate::guest::Settings;

/// Devices.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct Devices {
    /// The display. Left alone when unset.
    #[attr(keep)]
    pub vga: Option<Vga>,
    /// A sound card. Left alone when unset; an empty one removes it.
    #[attr(keep, api = "audio0")]
    pub audio: Option<Audio>,
    /// A source of random numbers. Left alone when unset; an empty one removes it.
    #[attr(keep, api = "rng0")]
    pub rng: Option<Rng>,
    /// A watchdog: what happens when the guest stops patting it. Left alone when unset; an empty one removes it.
    #[attr(keep)]
    pub watchdog: Option<Watchdog>,
    /// Serial ports: `serial0` to `serial3`, each `socket`, or a device of the node such as `/dev/ttyS0`, which takes the login of
    /// `root@pam`. Left alone as a whole when unset.
    #[attr(keep, each = serial_port)]
    pub serial: Option<BTreeMap<String, String>>,
    /// USB devices: `usb0` to `usb13`. Left alone as a whole when unset.
    #[attr(keep)]
    pub usb: Option<BTreeMap<String, Usb>>,
    /// PCI devices: `hostpci0` to `hostpci15`. Left alone as a whole when unset.
    #[attr(keep, api = "hostpci")]
    pub pci: Option<BTreeMap<String, Pci>>,
    /// Directories of the node, shared with the guest: `virtiofs0` to `virtiofs9`. While it has one, it cannot be migrated live.
    /// Left alone as a whole when unset.
    #[attr(keep)]
    pub virtiofs: Option<BTreeMap<String, Virtiofs>>,
}

impl Settings for Devices {
    const NUMBERED: &'static [(&'static str, u16)] = &[("serial", 3), ("usb", 13), ("pci", 15), ("virtiofs", 9)];
}

/// A display.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct Vga {
    /// What the guest sees.
    #[attr(keep, api = "=type", usual = "std", one_of = [
        "cirrus", "qxl", "qxl2", "qxl3", "qxl4", "none", "serial0", "serial1", "serial2", "serial3", "std", "virtio", "virtio-gl",
        "vmware",
    ])]
    pub r#type: Option<String>,
    /// Its memory in MiB. Left alone when unset.
    #[attr(keep, range = 4..=512)]
    pub memory: Option<u32>,
    /// `vnc`: the clipboard of noVNC, in place of SPICE's.
    #[attr(keep, one_of = ["vnc"])]
    pub clipboard: Option<String>,
}

/// A sound card.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
#[model(requires(driver, device))]
pub struct Audio {
    /// What the guest sees.
    #[attr(optional, one_of = ["ich9-intel-hda", "intel-hda", "AC97"])]
    pub device: Option<String>,
    /// Where the sound goes. Unset: `spice`.
    #[attr(optional, one_of = ["spice", "none"])]
    pub driver: Option<String>,
}

/// A source of random numbers.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
#[model(requires(max_bytes, source), requires(period, source))]
pub struct Rng {
    /// The node's source. `/dev/hwrng` takes the right to use that mapping.
    #[attr(optional, api = "=source", one_of = ["/dev/urandom", "/dev/random", "/dev/hwrng"])]
    pub source: Option<String>,
    /// How many bytes it may take in each period; 0: no limit. Unset: 1024.
    #[attr(optional)]
    pub max_bytes: Option<u32>,
    /// The period in milliseconds. Unset: 1000.
    #[attr(optional)]
    pub period: Option<u32>,
}

/// A watchdog.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
#[model(requires(action, model))]
pub struct Watchdog {
    /// What the guest sees.
    #[attr(optional, api = "=model", one_of = ["i6300esb", "ib700"])]
    pub model: Option<String>,
    /// What is done to a guest that hangs. Unset: nothing but what QEMU does by itself (`reset`).
    #[attr(optional, one_of = ["reset", "shutdown", "poweroff", "pause", "debug", "none"])]
    pub action: Option<String>,
}

/// A USB device.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
#[model(exactly_one(host, mapping))]
pub struct Usb {
    /// A device of the node: `1a2b:3c4d` (what it is), `1-2.3` (where it is plugged in), or `spice`. All but `spice` takes the
    /// login of `root@pam`.
    #[attr(
        optional,
        api = "=host",
        regex = r"((0x)?[0-9A-Fa-f]{4}:(0x)?[0-9A-Fa-f]{4}|\d+-\d+(\.\d+)*|[Ss][Pp][Ii][Cc][Ee])",
        says = "`VENDOR:PRODUCT` in hexadecimal digits, `BUS-PORT`, or `spice`"
    )]
    pub host: Option<String>,
    /// A mapping (`pve_mapping_usb`), which any node may have.
    #[attr(optional, check = texts::one_word)]
    pub mapping: Option<String>,
    /// On a USB 3 controller.
    #[attr(keep, usual = false)]
    pub usb3: Option<bool>,
}

/// A PCI device.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
#[model(exactly_one(host, mapping))]
pub struct Pci {
    /// A device of the node: `0000:01:00.0`, or `01:00` with all of its functions; several with semicolons. Takes the login of
    /// `root@pam`.
    #[attr(optional, api = "=host", check = pci_addresses)]
    pub host: Option<String>,
    /// A mapping (`pve_mapping_pci`), which any node may have.
    #[attr(optional, check = texts::one_word)]
    pub mapping: Option<String>,
    /// As PCI Express; with a `q35` machine only.
    #[attr(keep, usual = false)]
    pub pcie: Option<bool>,
    /// The guest sees the device's own firmware.
    #[attr(keep, usual = true)]
    pub rombar: Option<bool>,
    /// Other firmware for it: a file in `/usr/share/kvm`. Takes the login of `root@pam`.
    #[attr(optional, api = "romfile", check = texts::one_word)]
    pub rom_file: Option<String>,
    /// It is the VM's display.
    #[attr(keep, api = "x-vga", usual = false)]
    pub primary_gpu: Option<bool>,
    /// Intel's graphics in the old way; with a `pc` machine only.
    #[attr(keep, api = "legacy-igd", usual = false)]
    pub legacy_igd: Option<bool>,
    /// The type of a mediated device.
    #[attr(optional, check = texts::one_word)]
    pub mdev: Option<String>,
    /// `keep` leaves the device with its driver of the node.
    #[attr(keep, usual = "vfio", one_of = ["vfio", "keep"])]
    pub driver: Option<String>,
    /// The vendor that the guest sees.
    #[attr(optional, api = "vendor-id", check = pci_id)]
    pub vendor_id: Option<String>,
    /// The device that the guest sees.
    #[attr(optional, api = "device-id", check = pci_id)]
    pub device_id: Option<String>,
    /// The subsystem's vendor that the guest sees.
    #[attr(optional, api = "sub-vendor-id", check = pci_id)]
    pub sub_vendor_id: Option<String>,
    /// The subsystem's device that the guest sees.
    #[attr(optional, api = "sub-device-id", check = pci_id)]
    pub sub_device_id: Option<String>,
}

/// A directory of the node, shared with the guest.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct Virtiofs {
    /// The mapping of the directory (`pve_mapping_dir`), by which name the guest mounts it.
    #[attr(required, api = "=dirid", check = texts::one_word)]
    pub mapping: String,
    /// What is cached.
    #[attr(keep, usual = "auto", one_of = ["auto", "always", "metadata", "never"])]
    pub cache: Option<String>,
    /// Programs' direct I/O goes to the node's.
    #[attr(keep, api = "direct-io", usual = false)]
    pub direct_io: Option<bool>,
    /// The guest sees extended attributes.
    #[attr(keep, api = "expose-xattr", usual = false)]
    pub expose_xattr: Option<bool>,
    /// The guest sees ACLs.
    #[attr(keep, api = "expose-acl", usual = false)]
    pub expose_acl: Option<bool>,
}

fn serial_port(text: &String) -> Result<(), String> {
    let device = text.strip_prefix("/dev/").is_some_and(|rest| !rest.is_empty() && !rest.contains(','));
    if device || text == "socket" {
        Ok(())
    } else {
        Err("must be `socket`, or a device such as `/dev/ttyS0`".to_owned())
    }
}

fn pci_addresses(text: &String) -> Result<(), String> {
    let digits = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_hexdigit());
    let address = |text: &str| {
        let (slot, function) = text.split_once('.').map_or((text, None), |(slot, function)| (slot, Some(function)));
        let mut parts: Vec<&str> = slot.split(':').collect();
        let domain = if parts.len() == 3 { Some(parts.remove(0)) } else { None };
        parts.len() == 2
            && parts.iter().all(|part| part.len() == 2 && digits(part))
            && domain.is_none_or(|domain| domain.len() >= 4 && digits(domain))
            && function.is_none_or(digits)
    };
    match text.split(';').all(address) {
        true => Ok(()),
        false => Err("must be addresses such as `0000:01:00.0` or `01:00`, with semicolons between them".to_owned()),
    }
}

fn pci_id(text: &String) -> Result<(), String> {
    let digits = text.strip_prefix("0x").unwrap_or_default();
    match digits.len() == 4 && digits.chars().all(|c| c.is_ascii_hexdigit()) {
        true => Ok(()),
        false => Err("must be `0x` and four hexadecimal digits".to_owned()),
    }
}
