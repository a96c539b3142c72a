//! A container's configuration.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::property_string::PropertyString;
use crate::size::Size;
use crate::wire;

/// `GET config`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Config {
    /// Changes with every write.
    pub digest: Option<String>,
    /// `backup`, `create`, `disk` ... while something works on it.
    pub lock: Option<String>,
    /// Refuses to be destroyed.
    pub protection: bool,
    /// Is a template.
    pub template: bool,
    /// The root file system (`rootfs`) and the mount points.
    pub mounts: BTreeMap<String, Mount>,
    /// Volumes that are mounted nowhere (`unusedN`).
    pub unused: BTreeMap<String, String>,
    /// All settings, as they stand; the notes without the newline that PVE adds, and no lines for LXC itself.
    pub settings: BTreeMap<String, String>,
}

/// The root file system or a mount point.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mount {
    /// `STORAGE:NAME`, a path of the node, or a device of it.
    pub volume: String,
    /// Its size, if PVE has noted it. 0: a folder without a limit.
    pub size: Option<Size>,
    /// Whether its owner says that it is the same on all nodes.
    pub shared: bool,
}

impl Mount {
    /// Reads one; `None` if there is no volume in it.
    pub fn read(text: &str) -> Option<Self> {
        let mut parts: PropertyString = text.parse().ok()?;
        let volume = parts.take_default().or_else(|| parts.take("volume"))?;
        let size = parts.take("size").and_then(|size| size.parse().ok());
        let shared = parts.take_boolean("shared").ok().flatten().unwrap_or(false);
        Some(Self { volume, size, shared })
    }

    /// The size of a volume that PVE was asked for and has not made yet (`STORAGE:8`, in GiB): it makes volumes when it mounts
    /// them, which for some changes of a running container is at its next start.
    pub fn asked(&self) -> Option<Size> {
        let (_, number) = self.volume.split_once(':').filter(|_| !self.volume.starts_with('/'))?;
        let digits = number.chars().all(|c| c.is_ascii_digit() || c == '.');
        let gib: f64 = number.parse().ok().filter(|_| digits)?;
        // Exact for all sizes that a volume can have.
        Some(Size::from_bytes((gib * f64::from(1 << 30)).round() as u64))
    }

    /// The storage it lies on, or is to be made on; none of a path.
    pub fn storage(&self) -> Option<&str> {
        let (storage, _) = self.volume.split_once(':')?;
        (!self.volume.starts_with('/')).then_some(storage)
    }
}

impl Config {
    /// From settings as PVE names them.
    pub fn read(settings: BTreeMap<String, String>) -> Self {
        let flag = |key: &str| settings.get(key).and_then(|text| wire::parse_boolean(text)).unwrap_or(false);
        let numbered = |key: &str, prefix: &str| key.strip_prefix(prefix).is_some_and(|n| n.parse::<u16>().is_ok());
        let mounts = settings.iter().filter(|(key, _)| *key == "rootfs" || numbered(key, "mp"));
        let unused = settings.iter().filter(|(key, _)| numbered(key, "unused"));
        let mut config = Self {
            digest: settings.get("digest").cloned(),
            lock: settings.get("lock").cloned(),
            protection: flag("protection"),
            template: flag("template"),
            mounts: mounts.filter_map(|(key, text)| Some((key.clone(), Mount::read(text)?))).collect(),
            unused: unused.map(|(key, text)| (key.clone(), text.clone())).collect(),
            settings: BTreeMap::new(),
        };
        config.settings = settings;
        if let Some(notes) = config.settings.get_mut("description") {
            notes.truncate(notes.trim_end().len());
        }
        config
    }

    /// The MAC addresses of its network devices, in upper case.
    pub fn macs(&self) -> Vec<String> {
        let nets = self.settings.iter().filter(|(key, _)| key.starts_with("net"));
        let mac = |text: &String| Some(text.parse::<PropertyString>().ok()?.take("hwaddr")?.to_uppercase());
        nets.filter_map(|(_, text)| mac(text)).collect()
    }
}

impl<'de> Deserialize<'de> for Config {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let all = BTreeMap::<String, Value>::deserialize(deserializer)?;
        let mut settings = BTreeMap::new();
        // Lines for LXC itself: a list of pairs, which no call can change.
        for (key, value) in all.into_iter().filter(|(key, _)| key != "lxc") {
            match wire::scalar_text(&value) {
                Ok(text) => settings.extend(text.map(|text| (key, text))),
                Err(()) => return Err(serde::de::Error::custom(format!("{key}: expected text, got {value}"))),
            }
        }
        Ok(Self::read(settings))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_recorded_configuration() {
        let recorded = r#"{"nameserver":"192.0.2.53","digest":"82cc","arch":"amd64","features":"nesting=1","unprivileged":1,
            "rootfs":"local:150/vm-150-disk-0.raw,size=204M","memory":64,"onboot":1,"mp1":"/tmp,mp=/host","unused0":"local:150/vm-150-disk-2.raw",
            "net0":"name=eth0,bridge=vmbr0,hwaddr=BC:24:11:7D:CF:91,ip=dhcp,type=veth","description":"line1\nline2\n","lxc":[["lxc.init.cwd","/x"]]}"#;
        let config: Config = serde_json::from_str(recorded).unwrap();
        assert_eq!(config.settings["description"], "line1\nline2");
        assert_eq!(config.settings["memory"], "64");
        assert_eq!(config.mounts["rootfs"].size.unwrap().to_string(), "204M");
        assert_eq!((config.mounts["rootfs"].storage(), config.mounts["mp1"].storage()), (Some("local"), None));
        assert_eq!(config.macs(), ["BC:24:11:7D:CF:91"]);
        assert_eq!(config.unused.len(), 1);
    }

    #[test]
    fn a_volume_that_was_only_asked_for_is_told_from_one_that_is_there() {
        let asked = |text: &str| Mount::read(text).unwrap().asked().map(Size::bytes);
        assert_eq!(asked("local-lvm:8,mp=/a"), Some(8 << 30));
        assert_eq!(asked("local:0.1,mp=/a"), Some(107_374_182));
        for there in ["local-lvm:vm-100-disk-0,mp=/a", "local:100/vm-100-disk-0.raw", "/srv:8,mp=/a", "/dev/sdc1,mp=/a"]
        {
            assert_eq!(asked(there), None, "{there}");
        }
    }

    #[test]
    fn a_folder_without_a_limit_has_no_size() {
        let mount = Mount::read("local:151/subvol-151-disk-0.subvol,size=0T").unwrap();
        assert_eq!(mount.size.map(Size::bytes), Some(0));
    }
}
