//! A VM's configuration.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::boot::{BootOrder, print_tags, read_tags};
use super::cloud_init::{IpConfig, decode_ssh_keys, encode_ssh_keys};
use super::drive::{Drive, DriveKey};
use super::net::Net;
use crate::api::params::Params;
use crate::property_string::PropertyString;
use crate::wire;

/// `GET config`. Settings that are not stored are `None`: PVE's default holds then.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Config {
    /// Of this configuration; changes with every write, also PVE's own.
    pub digest: Option<String>,
    /// Name.
    pub name: Option<String>,
    /// Notes.
    pub description: Option<String>,
    /// Cores of each socket.
    pub cores: Option<u32>,
    /// Sockets.
    pub sockets: Option<u32>,
    /// CPU type with its options.
    pub cpu: Option<String>,
    /// MiB.
    pub memory: Option<u64>,
    /// MiB; 0 switches ballooning off.
    pub balloon: Option<u64>,
    /// `q35`, `pc-i440fx-9.2` ...
    pub machine: Option<String>,
    /// `seabios`, `ovmf`.
    pub bios: Option<String>,
    /// SCSI controller: `virtio-scsi-single` ...
    pub scsihw: Option<String>,
    /// Kind of guest: `l26` ...
    pub ostype: Option<String>,
    /// Guest agent: `1` or options.
    pub agent: Option<String>,
    /// Starts with its node.
    pub onboot: Option<bool>,
    /// Tags.
    pub tags: BTreeSet<String>,
    /// `backup`, `create`, `migrate` ... while something works on it.
    pub lock: Option<String>,
    /// Refuses to be destroyed.
    pub protection: bool,
    /// Is a template.
    pub template: bool,
    /// What it boots from.
    pub boot: Option<BootOrder>,
    /// Disks, CD-ROMs, unused volumes.
    pub drives: BTreeMap<DriveKey, Drive>,
    /// `netN`.
    pub nets: BTreeMap<u16, Net>,
    /// `ipconfigN`.
    pub ip_configs: BTreeMap<u16, IpConfig>,
    /// Cloud-init: the user.
    pub ciuser: Option<String>,
    /// Cloud-init: public keys, one a line, decoded.
    pub ssh_keys: Option<String>,
    /// Cloud-init: DNS servers.
    pub nameserver: Vec<String>,
    /// Cloud-init: search domains.
    pub searchdomain: Vec<String>,
    /// When it was made, Unix seconds (`ctime` in `meta`). A clone has that of what it was cloned from.
    pub created: Option<i64>,
    /// The uuid that the firmware shows (`uuid` in `smbios1`): tells a VM from a later one with the same number.
    pub uuid: Option<String>,
    /// Settings without a field of their own, and values that could not be read, as they stand.
    pub other: BTreeMap<String, String>,
    /// All settings, as they stand.
    pub settings: BTreeMap<String, String>,
}

impl Config {
    /// From settings as PVE names them.
    pub fn read(settings: BTreeMap<String, String>) -> Self {
        let mut config = Self::default();
        for (key, value) in &settings {
            if !config.take(key, value) {
                config.other.insert(key.clone(), value.clone());
            }
        }
        config.settings = settings;
        config
    }

    /// Takes a setting over; false if it is unknown or unreadable.
    fn take(&mut self, key: &str, value: &str) -> bool {
        fn number<T: std::str::FromStr>(slot: &mut Option<T>, value: &str) -> bool {
            *slot = value.trim().parse().ok();
            slot.is_some()
        }
        fn text(slot: &mut Option<String>, value: &str) -> bool {
            *slot = Some(value.to_owned());
            true
        }
        match key {
            "digest" => text(&mut self.digest, value),
            "name" => text(&mut self.name, value),
            "description" => text(&mut self.description, value),
            "cores" => number(&mut self.cores, value),
            "sockets" => number(&mut self.sockets, value),
            "cpu" => text(&mut self.cpu, value),
            "memory" => {
                // A property string since PVE 8, so far with one key.
                let megabytes = value.strip_prefix("current=").unwrap_or(value);
                number(&mut self.memory, megabytes)
            }
            "balloon" => number(&mut self.balloon, value),
            "machine" => text(&mut self.machine, value),
            "bios" => text(&mut self.bios, value),
            "scsihw" => text(&mut self.scsihw, value),
            "ostype" => text(&mut self.ostype, value),
            "agent" => text(&mut self.agent, value),
            "onboot" => {
                self.onboot = wire::parse_boolean(value);
                self.onboot.is_some()
            }
            "tags" => {
                self.tags = read_tags(value);
                true
            }
            "lock" => text(&mut self.lock, value),
            "protection" => wire::parse_boolean(value).map(|on| self.protection = on).is_some(),
            "template" => wire::parse_boolean(value).map(|on| self.template = on).is_some(),
            "boot" => value.parse().map(|boot| self.boot = Some(boot)).is_ok(),
            "ciuser" => text(&mut self.ciuser, value),
            "sshkeys" => text(&mut self.ssh_keys, &decode_ssh_keys(value)),
            "nameserver" => {
                self.nameserver = wire::split_list(value);
                true
            }
            "searchdomain" => {
                self.searchdomain = wire::split_list(value);
                true
            }
            "meta" => {
                let meta = value.parse::<PropertyString>().ok();
                self.created = meta.as_ref().and_then(|meta| meta.get("ctime")).and_then(|time| time.parse().ok());
                // The other half of it (QEMU's version) stays readable.
                false
            }
            "smbios1" => {
                let smbios = value.parse::<PropertyString>().ok();
                self.uuid = smbios.as_ref().and_then(|smbios| smbios.get("uuid")).map(str::to_owned);
                // So does what else the firmware shows.
                false
            }
            _ => self.take_numbered(key, value),
        }
    }

    fn take_numbered(&mut self, key: &str, value: &str) -> bool {
        let index = |prefix: &str| key.strip_prefix(prefix).and_then(|digits| digits.parse::<u16>().ok());
        if let Ok(drive_key) = key.parse::<DriveKey>() {
            return value.parse().map(|drive| self.drives.insert(drive_key, drive)).is_ok();
        }
        if let Some(index) = index("net") {
            return value.parse().map(|net| self.nets.insert(index, net)).is_ok();
        }
        if let Some(index) = index("ipconfig") {
            return value.parse().map(|ip| self.ip_configs.insert(index, ip)).is_ok();
        }
        false
    }

    /// The disks that the VM uses (no CD-ROMs, not the cloud-init drive, nothing unused).
    pub fn disks(&self) -> impl Iterator<Item = (DriveKey, &Drive)> {
        self.drives.iter().map(|(key, drive)| (*key, drive)).filter(|(key, drive)| key.is_attached() && drive.is_disk())
    }

    /// The cloud-init drive.
    pub fn cloud_init_drive(&self) -> Option<(DriveKey, &Drive)> {
        self.drives.iter().map(|(key, drive)| (*key, drive)).find(|(_, drive)| drive.is_cloud_init())
    }

    /// The key under which a volume stands, unused ones included.
    pub fn key_of(&self, volume: &str) -> Option<DriveKey> {
        self.drives.iter().find(|(_, drive)| drive.volume == volume).map(|(key, _)| *key)
    }
}

impl<'de> Deserialize<'de> for Config {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let raw = BTreeMap::<String, Value>::deserialize(d)?;
        let mut settings = BTreeMap::new();
        for (key, value) in raw {
            let text = match wire::scalar_text(&value) {
                Ok(text) => text,
                // Where we expect a text, this is no VM's configuration; elsewhere it may be something new.
                Err(()) if Self::default().take(&key, "1") => {
                    return Err(serde::de::Error::custom(format!("{key}: expected text, got {value}")));
                }
                Err(()) => Some(value.to_string()),
            };
            settings.extend(text.map(|text| (key, text)));
        }
        Ok(Self::read(settings))
    }
}

/// Typed additions for VMs: the keys that are more than a text.
impl Params {
    /// A disk, CD-ROM or cloud-init drive.
    #[must_use]
    pub fn drive(self, key: DriveKey, drive: &Drive) -> Self {
        self.set(key.to_string(), drive)
    }

    /// `netN`.
    #[must_use]
    pub fn net(self, index: u16, net: &Net) -> Self {
        self.set(format!("net{index}"), net)
    }

    /// `ipconfigN`.
    #[must_use]
    pub fn ip_config(self, index: u16, config: &IpConfig) -> Self {
        self.set(format!("ipconfig{index}"), config)
    }

    /// `sshkeys`, from keys one a line.
    #[must_use]
    pub fn ssh_keys(self, keys: &str) -> Self {
        self.set("sshkeys", encode_ssh_keys(keys))
    }

    /// `tags`.
    #[must_use]
    pub fn tags<'a>(self, tags: impl IntoIterator<Item = &'a String>) -> Self {
        self.set("tags", print_tags(tags))
    }

    /// `boot`.
    #[must_use]
    pub fn boot(self, order: &BootOrder) -> Self {
        self.set("boot", order)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::size::Size;
    use proptest::prelude::*;

    const RECORDED: &str = r#"{"scsihw":"virtio-scsi-single","protection":0,"meta":"creation-qemu=10.0.2,ctime=1795370332","bios":"seabios",
        "tags":"db;prod;web","hotplug":"disk,network,usb","cores":1,"machine":"q35","sockets":1,"boot":"order=scsi0;net0","cpu":"x86-64-v2-AES",
        "net0":"virtio=BC:24:11:53:39:1B,bridge=vmbr0,firewall=1,tag=10","description":"line one\nline two \u00fc","kvm":0,"startup":"order=1,up=30",
        "scsi0":"d1:200/vm-200-disk-0.raw,discard=on,iothread=1,size=1G,ssd=1","unused0":"d1:200/vm-200-disk-1.raw","ide2":"d1:200/vm-200-cloudinit.qcow2,media=cdrom",
        "smbios1":"manufacturer=QWNtZQ==,uuid=1c2f6b1e-0b58-4d3a-9d6c-0a6c3f3a6b11,base64=1","onboot":1,"digest":"d101df2fa60586ba21a4729af7cd9a1b6ea99818","memory":"64","agent":"1","serial0":"socket","name":"vm-full",
        "ipconfig0":"ip=192.0.2.5/24,gw=192.0.2.1","sshkeys":"ssh-ed25519%20AAAA%20me","nameserver":"192.0.2.1 192.0.2.2","scsi1":"broken,broken"}"#;

    #[test]
    fn a_list_where_a_text_is_expected_is_no_configuration() {
        let read = |json: &str| serde_json::from_str::<Config>(json).map_err(|error| error.to_string());
        for key in ["scsi0", "memory", "name", "net0", "digest"] {
            let error = read(&format!(r#"{{"cores":1,"{key}":[4711]}}"#)).unwrap_err();
            assert!(error.contains(&format!("{key}: expected text")), "{error}");
        }
        assert_eq!(read(r#"{"something-new":[1]}"#).unwrap().other["something-new"], "[1]");
    }

    #[test]
    fn reads_a_recorded_configuration() {
        let config: Config = serde_json::from_str(RECORDED).unwrap();
        assert_eq!((config.cores, config.memory, config.onboot), (Some(1), Some(64), Some(true)));
        assert_eq!(config.created, Some(1_795_370_332));
        assert_eq!(config.uuid.as_deref(), Some("1c2f6b1e-0b58-4d3a-9d6c-0a6c3f3a6b11"));
        assert_eq!(config.nets[&0].tag, Some(10));
        assert_eq!(config.boot.as_ref().unwrap().0, ["scsi0", "net0"]);
        assert_eq!(config.ssh_keys.as_deref(), Some("ssh-ed25519 AAAA me"));
        assert_eq!(config.nameserver.len(), 2);
        let disks: Vec<_> = config.disks().map(|(key, drive)| (key.to_string(), drive.size)).collect();
        assert_eq!(disks, [("scsi0".to_owned(), Some(Size::from_gib(1)))]);
        assert_eq!(config.cloud_init_drive().unwrap().0.to_string(), "ide2");
        assert_eq!(config.key_of("d1:200/vm-200-disk-1.raw").unwrap().to_string(), "unused0");
        let kept: Vec<_> = config.other.keys().map(String::as_str).collect();
        assert_eq!(kept, ["hotplug", "kvm", "meta", "scsi1", "serial0", "smbios1", "startup"]);
    }

    #[test]
    fn a_minimal_one_is_fine() {
        let config: Config = serde_json::from_str(r#"{"boot":" ","digest":"x","memory":"current=512"}"#).unwrap();
        assert_eq!((config.memory, config.drives.len()), (Some(512), 0));
        assert_eq!(config.boot, Some(BootOrder::default()));
    }

    #[test]
    fn typed_parameters_are_in_pves_form() {
        let params = Params::new()
            .drive("scsi0".parse().unwrap(), &Drive::allocate("ceph", Size::from_gib(8)))
            .net(0, &"virtio,bridge=vmbr0".parse().unwrap())
            .ssh_keys("ssh-ed25519 A b")
            .tags(&BTreeSet::from(["b".to_owned(), "a".to_owned()]));
        let form = params.onto(crate::Request::post("x")).form().unwrap();
        assert_eq!(form, "net0=virtio%2Cbridge%3Dvmbr0&scsi0=ceph%3A8&sshkeys=ssh-ed25519%2520A%2520b&tags=a%3Bb");
    }

    proptest! {
        #[test]
        fn any_settings_are_read(settings in proptest::collection::btree_map("(scsi|net|ipconfig|boot|memory|x)[0-9]{0,2}", "\\PC{0,20}", 0..6)) {
            let count = settings.len();
            let config = Config::read(settings);
            prop_assert!(config.drives.len() + config.nets.len() + config.ip_configs.len() + config.other.len() <= count);
        }
    }
}
