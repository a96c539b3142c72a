//! Disks as they stand in a VM's configuration: `scsi0: local-lvm:vm-100-disk-0,discard=on,iothread=1,size=32G`.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::property_string::{BadPropertyString, PropertyString};
use crate::size::Size;
use crate::wire;

/// Where in a VM a disk is attached: `scsi0`, `virtio1`, `efidisk0`, `unused3`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DriveKey {
    /// The bus.
    pub bus: Bus,
    /// The number on it.
    pub index: u16,
}

/// A bus of [`DriveKey`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bus {
    /// `efidisk0`.
    EfiDisk,
    /// `ide0` to `ide3`.
    Ide,
    /// `sata0` to `sata5`.
    Sata,
    /// `scsi0` to `scsi30`.
    Scsi,
    /// `tpmstate0`.
    TpmState,
    /// `unused0` to `unused255`: a volume the VM owns without using it.
    Unused,
    /// `virtio0` to `virtio15`.
    Virtio,
}

impl Bus {
    const ALL: [(Bus, &'static str, u16); 7] = [
        (Bus::EfiDisk, "efidisk", 0),
        (Bus::Ide, "ide", 3),
        (Bus::Sata, "sata", 5),
        (Bus::Scsi, "scsi", 30),
        (Bus::TpmState, "tpmstate", 0),
        (Bus::Unused, "unused", 255),
        (Bus::Virtio, "virtio", 15),
    ];

    fn entry(self) -> (Bus, &'static str, u16) {
        // Every variant stands in the table; the tests go through it.
        Self::ALL.into_iter().find(|entry| entry.0 == self).unwrap_or(Self::ALL[0])
    }

    /// `scsi`.
    pub fn name(self) -> &'static str {
        self.entry().1
    }

    /// The highest number on this bus.
    pub fn last_index(self) -> u16 {
        self.entry().2
    }
}

impl DriveKey {
    /// Whether the VM can use what is here (not `unusedN`).
    pub fn is_attached(self) -> bool {
        self.bus != Bus::Unused
    }
}

impl fmt::Display for DriveKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.bus.name(), self.index)
    }
}

/// Why a text is no [`DriveKey`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a disk of a VM: ide0-3, sata0-5, scsi0-30, virtio0-15, efidisk0, tpmstate0 or unused0-255")]
pub struct BadDriveKey(String);

impl FromStr for DriveKey {
    type Err = BadDriveKey;

    fn from_str(text: &str) -> Result<Self, BadDriveKey> {
        let bad = || BadDriveKey(text.to_owned());
        let digits = text.find(|c: char| c.is_ascii_digit()).ok_or_else(bad)?;
        let (name, number) = text.split_at(digits);
        let (bus, _, last) = Bus::ALL.into_iter().find(|entry| entry.1 == name).ok_or_else(bad)?;
        let index = number.parse().map_err(|_| bad())?;
        // `scsi01` is not what PVE calls it.
        if index > last || (number.len() > 1 && number.starts_with('0')) {
            return Err(bad());
        }
        Ok(Self { bus, index })
    }
}

/// A disk, CD-ROM, EFI or TPM volume. Absent options are PVE's defaults. Keys without a field of their own are in
/// `other`, so nothing is lost when a drive is read, changed and written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Drive {
    /// `STORAGE:VOLUME`; also `none` and `cdrom` for CD-ROMs, an absolute path (root only), and in writes `STORAGE:GIB`.
    pub volume: String,
    /// What PVE noted as the size; informational, PVE writes it anew whenever it looks.
    pub size: Option<Size>,
    /// `none`, `writethrough`, `writeback`, `unsafe`, `directsync`.
    pub cache: Option<String>,
    /// `discard=on`: freed blocks are given back.
    pub discard: Option<bool>,
    /// A thread of its own for I/O.
    pub iothread: Option<bool>,
    /// Shown to the guest as an SSD.
    pub ssd: Option<bool>,
    /// `cdrom` or `disk`.
    pub media: Option<String>,
    /// `raw`, `qcow2`, `vmdk`: only in writes that allocate; PVE drops it once the volume exists.
    pub format: Option<String>,
    /// Everything else, as it stands.
    pub other: BTreeMap<String, String>,
}

impl Drive {
    /// An existing volume.
    pub fn volume(volume: impl Into<String>) -> Self {
        Self { volume: volume.into(), ..Self::default() }
    }

    /// A new volume of this size on a storage: PVE allocates it when the drive is written.
    pub fn allocate(storage: &str, size: Size) -> Self {
        Self::volume(format!("{storage}:{}", size.gib()))
    }

    /// A new volume on a storage with what another holds, and as large as that.
    pub fn import(storage: &str, source: &str) -> Self {
        let mut drive = Self::volume(format!("{storage}:0"));
        drive.other.insert("import-from".to_owned(), source.to_owned());
        drive
    }

    /// A new cloud-init drive on a storage.
    pub fn cloud_init(storage: &str) -> Self {
        Self::volume(format!("{storage}:cloudinit"))
    }

    /// The storage, unless the drive is an empty CD-ROM, the host's own, or a path.
    pub fn storage(&self) -> Option<&str> {
        if self.volume.starts_with('/') {
            return None;
        }
        self.volume.split_once(':').map(|(storage, _)| storage)
    }

    /// A real CD-ROM (an ISO image or an empty drive). The cloud-init drive is none, though PVE marks it so.
    pub fn is_cdrom(&self) -> bool {
        (self.media.as_deref() == Some("cdrom") || matches!(self.volume.as_str(), "none" | "cdrom"))
            && !self.is_cloud_init()
    }

    /// The drive that carries cloud-init's settings (`STORAGE:vm-100-cloudinit`, `STORAGE:100/vm-100-cloudinit.qcow2`;
    /// in writes `STORAGE:cloudinit`).
    pub fn is_cloud_init(&self) -> bool {
        let name = self.volume.rsplit([':', '/']).next().unwrap_or_default();
        let stem = name.split('.').next().unwrap_or_default();
        stem == "cloudinit" || (stem.starts_with("vm-") && stem.ends_with("-cloudinit"))
    }

    /// Holds the guest's data: neither a CD-ROM nor the cloud-init drive.
    pub fn is_disk(&self) -> bool {
        !self.is_cdrom() && !self.is_cloud_init()
    }
}

impl FromStr for Drive {
    type Err = BadPropertyString;

    fn from_str(text: &str) -> Result<Self, BadPropertyString> {
        let mut string: PropertyString = text.parse()?;
        let volume = string
            .take_default()
            .or_else(|| string.take("file"))
            .or_else(|| string.take("volume"))
            .ok_or_else(|| BadPropertyString::Missing("volume".into()))?;
        let discard = match string.take("discard").as_deref() {
            Some("on") => Some(true),
            Some("ignore") => Some(false),
            Some(other) => return Err(BadPropertyString::Value { key: "discard".into(), value: other.into() }),
            None => None,
        };
        Ok(Self {
            volume,
            size: string.take_parsed("size")?,
            cache: string.take("cache"),
            discard,
            iothread: string.take_boolean("iothread")?,
            ssd: string.take_boolean("ssd")?,
            media: string.take("media"),
            format: string.take("format"),
            other: string.into_items(),
        })
    }
}

impl fmt::Display for Drive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without its key a volume with an equals sign in it would be read as a setting.
        let mut string = match self.volume.contains('=') {
            true => PropertyString::new(),
            false => PropertyString::with_default(self.volume.clone()),
        };
        for (key, value) in &self.other {
            string.set(key, value);
        }
        if self.volume.contains('=') {
            string.set("file", self.volume.clone());
        }
        string
            .set_opt("size", self.size)
            .set_opt("cache", self.cache.as_ref())
            .set_opt("discard", self.discard.map(|on| if on { "on" } else { "ignore" }))
            .set_opt("iothread", self.iothread.map(wire::flag))
            .set_opt("ssd", self.ssd.map(wire::flag))
            .set_opt("media", self.media.as_ref())
            .set_opt("format", self.format.as_ref());
        string.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn recorded_drives_come_back_as_they_were() {
        for text in [
            "d1:200/vm-200-disk-0.raw,discard=on,iothread=1,size=1G,ssd=1",
            "st1:vm-300-disk-0,size=1G",
            "local-lvm:vm-100-disk-0,cache=writeback,discard=on,iothread=1,size=32G,ssd=1",
            "ceph:vm-100-cloudinit,media=cdrom",
            "local:iso/debian.iso,media=cdrom,size=376M",
            "none,media=cdrom",
            "local-lvm:vm-100-disk-1,efitype=4m,ms-cert=2023k,pre-enrolled-keys=1,size=4M",
            "a:b,mbps_rd=1.000,serial=x,size=528K",
        ] {
            assert_eq!(text.parse::<Drive>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn knows_what_a_drive_is() {
        let drive = |text: &str| text.parse::<Drive>().unwrap();
        assert!(drive("ceph:vm-100-cloudinit,media=cdrom").is_cloud_init());
        assert!(drive("d:100/vm-100-cloudinit.qcow2,media=cdrom,size=4M").is_cloud_init());
        assert!(drive("local:iso/cloudinit-tools.iso,media=cdrom").is_cdrom());
        assert!(drive("none,media=cdrom").is_cdrom() && drive("none").is_cdrom());
        assert!(!drive("ceph:vm-100-cloudinit,media=cdrom").is_cdrom());
        assert!(drive("ceph:vm-100-disk-0").is_disk());
        assert_eq!(drive("ceph:vm-100-disk-0").storage(), Some("ceph"));
        assert_eq!(drive("/dev/sdb").storage(), None);
        assert_eq!(drive("none,media=cdrom").storage(), None);
        assert_eq!(drive("file=a:b,ssd=on").to_string(), "a:b,ssd=1");
        assert_eq!(drive("file=/dev/a=b,ssd=1").to_string(), "file=/dev/a=b,ssd=1");
        assert!("ssd=1".parse::<Drive>().is_err());
        assert!("a:b,discard=perhaps".parse::<Drive>().is_err());
    }

    #[test]
    fn writes_new_volumes_in_gib() {
        let mut drive = Drive::allocate("ceph", Size::from_gib(32));
        drive.discard = Some(true);
        assert_eq!(drive.to_string(), "ceph:32,discard=on");
        assert_eq!(
            Drive::import("ceph", "local:import/x.qcow2").to_string(),
            "ceph:0,import-from=local:import/x.qcow2"
        );
        assert_eq!(Drive::cloud_init("ceph").to_string(), "ceph:cloudinit");
        assert!(Drive::cloud_init("ceph").is_cloud_init());
    }

    #[test]
    fn keys_read_and_print() {
        for (bus, name, last) in Bus::ALL {
            assert_eq!((bus.name(), bus.last_index()), (name, last));
            for index in [0, last] {
                let text = format!("{name}{index}");
                let key: DriveKey = text.parse().unwrap();
                assert_eq!((key, key.to_string()), (DriveKey { bus, index }, text));
            }
            assert!(format!("{name}{}", last + 1).parse::<DriveKey>().is_err());
        }
        for bad in ["scsi", "scsihw", "scsi-1", "scsi01", "net0", "", "0", "scsi99999", "ide1x"] {
            assert!(bad.parse::<DriveKey>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics_and_what_parses_round_trips(text in "[a-z0-9:=,/_.-]{0,40}") {
            if let Ok(drive) = text.parse::<Drive>() {
                prop_assert_eq!(drive.to_string().parse::<Drive>(), Ok(drive));
            }
            let _ = text.parse::<DriveKey>();
        }
    }
}
