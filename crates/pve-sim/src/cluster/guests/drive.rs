//! Disk strings of a guest's configuration: `local-lvm:vm-100-disk-0,discard=on,size=32G`.

use std::collections::BTreeMap;
use std::fmt;

/// The prefixes of drives and how many of each there are.
const BUSES: [(&str, u32); 6] =
    [("ide", 4), ("sata", 6), ("scsi", 31), ("virtio", 16), ("efidisk", 1), ("tpmstate", 1)];
/// How many detached volumes a configuration can name.
const UNUSED: u32 = 256;

/// The name of a drive in the configuration.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DriveKey(String);

impl DriveKey {
    /// `scsi0`, `ide2`, `unused3`, ...; `None` for what is no drive.
    pub fn parse(key: &str) -> Option<Self> {
        let key = if key == "cdrom" { "ide2" } else { key };
        let digits = key.find(|c: char| c.is_ascii_digit())?;
        let (bus, number) = key.split_at(digits);
        if number.len() > 1 && number.starts_with('0') {
            return None;
        }
        let number: u32 = number.parse().ok()?;
        let known = BUSES.iter().any(|(b, n)| *b == bus && number < *n) || (bus == "unused" && number < UNUSED);
        known.then(|| Self(key.to_owned()))
    }

    /// `unusedN`.
    pub fn unused(number: u32) -> Self {
        Self(format!("unused{number}"))
    }

    /// As in the configuration.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it names a detached volume.
    pub fn is_unused(&self) -> bool {
        self.0.starts_with("unused")
    }

    /// Whether a running guest lets it be plugged in and out.
    pub fn hot_plugs(&self) -> bool {
        self.0.starts_with("scsi") || self.0.starts_with("virtio")
    }
}

impl fmt::Display for DriveKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A drive: its volume and its options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drive {
    /// `STORAGE:NAME`, `none`, `cdrom`, or an allocation such as `local-lvm:32`.
    pub volume: String,
    /// Everything behind it, by key.
    pub options: BTreeMap<String, String>,
}

impl Drive {
    /// A drive that is nothing but its volume.
    pub fn of(volume: impl Into<String>) -> Self {
        Self { volume: volume.into(), options: BTreeMap::new() }
    }

    /// Reads a drive string; the volume may also be given as `file=` or `volume=`.
    /// `None` where a part is no `key=value`, a key comes twice or there is no volume.
    pub fn parse(text: &str) -> Option<Self> {
        let mut volume = None;
        let mut options = BTreeMap::new();
        for part in text.split(',').filter(|p| !p.is_empty()) {
            match part.split_once('=') {
                None | Some(("file" | "volume", _)) => {
                    let value = part.split_once('=').map_or(part, |(_, v)| v);
                    if volume.replace(value.to_owned()).is_some() {
                        return None;
                    }
                }
                Some((key, value)) => {
                    if options.insert(key.to_owned(), value.to_owned()).is_some() {
                        return None;
                    }
                }
            }
        }
        volume.map(|volume| Self { volume, options })
    }

    /// The storage part of the volume.
    pub fn storage(&self) -> Option<&str> {
        self.volume.split_once(':').map(|(storage, _)| storage)
    }

    /// The part of the volume behind the storage.
    pub fn name(&self) -> Option<&str> {
        self.volume.split_once(':').map(|(_, name)| name)
    }

    /// Whether it is a CD-ROM drive, the cloud-init drive included.
    pub fn is_cdrom(&self) -> bool {
        self.options.get("media").is_some_and(|m| m == "cdrom") || matches!(self.volume.as_str(), "none" | "cdrom")
    }

    /// Whether it is the cloud-init drive, made or asked for.
    pub fn is_cloudinit(&self) -> bool {
        self.name().is_some_and(|name| {
            let file = name.rsplit('/').next().unwrap_or(name);
            file == "cloudinit" || file.strip_prefix("vm-").is_some_and(|rest| rest.contains("-cloudinit"))
        })
    }

    /// What an allocation asks for: the storage and the GiB as written.
    pub fn allocation(&self) -> Option<(&str, &str)> {
        let (storage, size) = self.volume.split_once(':')?;
        let number = !size.is_empty() && size.chars().all(|c| c.is_ascii_digit() || c == '.');
        number.then_some((storage, size))
    }
}

impl fmt::Display for Drive {
    /// PVE's normal form: the volume first, then the options by name, switches as `1` and `0` where PVE
    /// types them so.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.volume)?;
        for (key, value) in &self.options {
            let value = match (key.as_str(), value.as_str()) {
                (
                    "iothread" | "ssd" | "backup" | "replicate" | "ro" | "snapshot" | "detect_zeroes",
                    "on" | "yes" | "true",
                ) => "1",
                (
                    "iothread" | "ssd" | "backup" | "replicate" | "ro" | "snapshot" | "detect_zeroes",
                    "off" | "no" | "false",
                ) => "0",
                (_, value) => value,
            };
            write!(f, ",{key}={value}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_known_by_bus_and_number() {
        for good in ["ide0", "sata5", "scsi30", "virtio15", "efidisk0", "tpmstate0", "unused255"] {
            assert!(DriveKey::parse(good).is_some(), "{good}");
        }
        assert_eq!(DriveKey::parse("cdrom"), DriveKey::parse("ide2"));
        for bad in ["ide4", "sata6", "scsi31", "scsi", "scsi01", "net0", "unused256", "virtio16"] {
            assert_eq!(DriveKey::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_normal_form_sorts_options_behind_the_volume() {
        let drive = Drive::parse("ssd=1,iothread=on,file=d1:1,discard=on").unwrap();
        assert_eq!(drive.to_string(), "d1:1,discard=on,iothread=1,ssd=1");
        assert_eq!(drive.allocation(), Some(("d1", "1")));
    }

    #[test]
    fn malformed_strings_are_refused() {
        for bad in ["", "discard=on", "a:1,b:2", "a:1,ssd=1,ssd=0"] {
            assert_eq!(Drive::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn cdroms_and_cloud_init_are_told_apart() {
        let seed = Drive::parse("local-lvm:vm-100-cloudinit,media=cdrom").unwrap();
        assert!(seed.is_cdrom() && seed.is_cloudinit());
        assert!(Drive::parse("local-lvm:cloudinit").unwrap().is_cloudinit());
        let iso = Drive::parse("local:iso/x.iso,media=cdrom").unwrap();
        assert!(iso.is_cdrom() && !iso.is_cloudinit());
        assert!(Drive::of("none").is_cdrom());
        assert!(!Drive::of("ceph:vm-100-disk-0").is_cdrom());
    }
}
