//! The shape of the cluster to simulate: what `--cluster FILE` says in YAML.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde::de::Error as _;

/// A size in bytes; written as `64G`, `512M`, `1.5T` (powers of 1024) or a plain number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

impl std::str::FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let number: f64 = digits.parse().map_err(|_| format!("'{text}' is not a size: expected as in 64G"))?;
        let factor: f64 = match text[digits.len()..].to_ascii_uppercase().as_str() {
            "" | "B" => 1.0,
            "K" | "KB" | "KIB" => 1024.0,
            "M" | "MB" | "MIB" => 1_048_576.0,
            "G" | "GB" | "GIB" => 1_073_741_824.0,
            "T" | "TB" | "TIB" => 1_099_511_627_776.0,
            other => return Err(format!("unknown unit '{other}' in size '{text}': use K, M, G or T")),
        };
        if !(number.is_finite() && number >= 0.0) {
            return Err(format!("'{text}' is not a size"));
        }
        // Sizes are far below 2^53, so the rounding is exact for everything a disk can have.
        Ok(Size((number * factor).round() as u64))
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Bytes(u64),
            Text(String),
        }
        match Form::deserialize(deserializer)? {
            Form::Bytes(bytes) => Ok(Size(bytes)),
            Form::Text(text) => text.parse().map_err(D::Error::custom),
        }
    }
}

/// Reads `250ms`, `30s`, `5m`, `2h` or a plain number of seconds.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match &text[digits.len()..] {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        other => return Err(format!("unknown unit '{other}' in duration '{text}': use ms, s, m or h")),
    };
    let number: f64 = digits.parse().map_err(|_| format!("'{text}' is not a duration: expected as in 30s"))?;
    Duration::try_from_secs_f64(number * factor).map_err(|_| format!("'{text}' is not a duration"))
}

/// The whole file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Shape {
    /// The cluster's name in `/cluster/status`.
    pub name: String,
    /// Its nodes, in the order of their node ids.
    pub nodes: Vec<NodeShape>,
    /// `storage.cfg`.
    pub storages: Vec<StorageShape>,
    /// Virtual machines that exist from the start.
    pub guests: Vec<GuestShape>,
    /// Users besides `root@pam`.
    pub users: Vec<UserShape>,
    /// Ceph.
    pub ceph: CephShape,
    /// The HA manager.
    pub ha: HaShape,
    /// The clock; the command line's `--clock` wins.
    pub clock: ClockShape,
}

impl Default for Shape {
    fn default() -> Self {
        Shape {
            name: "sim".to_owned(),
            nodes: (1..=3).map(|n| NodeShape::numbered(n, 2, Size(64 << 30))).collect(),
            storages: StorageShape::defaults(),
            guests: Vec::new(),
            users: Vec::new(),
            ceph: CephShape::default(),
            ha: HaShape::default(),
            clock: ClockShape::default(),
        }
    }
}

/// A node.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeShape {
    /// Name, as `pve1`.
    pub name: String,
    /// Address within the cluster; `10.0.0.N` for the N-th node if absent.
    #[serde(default)]
    pub ip: Option<String>,
    /// Whether it is switched on at the start.
    #[serde(default = "yes")]
    pub online: bool,
    /// Disks besides the system disk.
    #[serde(default)]
    pub disks: Vec<DiskShape>,
    /// Cores, as in `/nodes`.
    #[serde(default = "eight")]
    pub cpus: u32,
    /// Memory.
    #[serde(default = "memory")]
    pub memory: Size,
}

impl NodeShape {
    /// Node `pveN` with `disks` empty disks, each with a serial that no other disk of the cluster has.
    pub fn numbered(n: usize, disks: usize, size: Size) -> Self {
        let disks = (0..disks).map(|d| DiskShape {
            path: format!("/dev/sd{}", disk_letters(d + 1)),
            size,
            serial: Some(format!("SIM{n:02}{:02}", d + 1)),
            model: None,
            media: Media::Ssd,
            used: None,
            partitions: Vec::new(),
        });
        NodeShape {
            name: format!("pve{n}"),
            ip: None,
            online: true,
            disks: disks.collect(),
            cpus: eight(),
            memory: memory(),
        }
    }
}

/// The letters of the n-th disk from 0: a, b, ..., z, aa, ab ...
fn disk_letters(mut n: usize) -> String {
    let mut letters = Vec::new();
    loop {
        letters.push(b'a' + u8::try_from(n % 26).unwrap_or(0));
        if n < 26 {
            break;
        }
        n = n / 26 - 1;
    }
    letters.iter().rev().map(|b| char::from(*b)).collect()
}

/// A disk.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DiskShape {
    /// Kernel path, as `/dev/sdb`.
    pub path: String,
    /// Size.
    pub size: Size,
    /// Serial; one is made up if absent, `unknown` is what disks without one show.
    #[serde(default)]
    pub serial: Option<String>,
    /// Model.
    #[serde(default)]
    pub model: Option<String>,
    /// What it is made of.
    #[serde(default, rename = "type")]
    pub media: Media,
    /// PVE's word for what the whole disk holds (`ext4`, `LVM`, `ZFS`, ...).
    #[serde(default)]
    pub used: Option<String>,
    /// Its partitions.
    #[serde(default)]
    pub partitions: Vec<PartitionShape>,
}

/// What a disk is made of, in PVE's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Media {
    /// Flash on SATA or SAS.
    #[default]
    Ssd,
    /// Flash on PCIe.
    Nvme,
    /// Rotating.
    Hdd,
}

/// A partition.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartitionShape {
    /// Number, from 1.
    pub number: u32,
    /// Size.
    pub size: Size,
    /// PVE's word for what it holds.
    #[serde(default)]
    pub used: Option<String>,
    /// Whether it is mounted.
    #[serde(default)]
    pub mounted: bool,
}

/// An entry of `storage.cfg`; besides these keys any that the storage type has.
#[derive(Debug, Clone, Deserialize)]
pub struct StorageShape {
    /// Name.
    pub storage: String,
    /// Type, as `dir`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it may hold.
    #[serde(default)]
    pub content: Vec<String>,
    /// The nodes it exists on; everywhere if empty.
    #[serde(default)]
    pub nodes: Vec<String>,
    /// How much it holds on each node (or in all, if shared).
    #[serde(default)]
    pub size: Option<Size>,
    /// Everything else, as in `storage.cfg`.
    #[serde(flatten)]
    pub options: BTreeMap<String, serde_json::Value>,
}

impl StorageShape {
    /// What PVE's installer makes on LVM: `local` and `local-lvm`.
    pub fn defaults() -> Vec<Self> {
        let entry = |storage: &str, kind: &str, content: &[&str], options: &[(&str, &str)]| StorageShape {
            storage: storage.to_owned(),
            kind: kind.to_owned(),
            content: content.iter().map(|c| (*c).to_owned()).collect(),
            nodes: Vec::new(),
            size: None,
            options: options.iter().map(|(k, v)| ((*k).to_owned(), (*v).into())).collect(),
        };
        vec![
            entry("local", "dir", &["iso", "vztmpl", "backup"], &[("path", "/var/lib/vz")]),
            entry("local-lvm", "lvmthin", &["images", "rootdir"], &[("vgname", "pve"), ("thinpool", "data")]),
        ]
    }
}

/// A virtual machine.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuestShape {
    /// Number.
    pub vmid: u32,
    /// The node it is on.
    pub node: String,
    /// Name.
    #[serde(default)]
    pub name: Option<String>,
    /// Whether it runs.
    #[serde(default)]
    pub running: bool,
    /// Its configuration, as `POST /nodes/{node}/qemu` takes it (`scsi0: local-lvm:32` allocates).
    #[serde(default)]
    pub config: BTreeMap<String, serde_json::Value>,
}

impl GuestShape {
    /// A running machine with a cloud-init drive and a 32 GiB disk on `local-lvm`.
    pub fn ready(vmid: u32, node: &str) -> Self {
        let config = [
            ("cores", "2"),
            ("memory", "2048"),
            ("ostype", "l26"),
            ("scsihw", "virtio-scsi-single"),
            ("boot", "order=scsi0"),
            ("scsi0", "local-lvm:32,discard=on,iothread=1"),
            ("ide2", "local-lvm:cloudinit"),
            ("net0", "virtio,bridge=vmbr0"),
            ("ipconfig0", "ip=dhcp"),
        ];
        GuestShape {
            vmid,
            node: node.to_owned(),
            name: Some(format!("vm{vmid}")),
            running: true,
            config: config.into_iter().map(|(key, value)| (key.to_owned(), value.into())).collect(),
        }
    }
}

/// A user.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserShape {
    /// Id with realm, as `a@pve`.
    pub userid: String,
    /// Password; without one nobody can log in.
    #[serde(default)]
    pub password: Option<String>,
    /// Whether the account is enabled.
    #[serde(default = "yes")]
    pub enable: bool,
    /// Unix seconds when the account ends; 0 is never.
    #[serde(default)]
    pub expire: u64,
    /// API tokens.
    #[serde(default)]
    pub tokens: Vec<TokenShape>,
    /// Access control entries of the user.
    #[serde(default)]
    pub acl: Vec<AclShape>,
}

/// An API token.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenShape {
    /// Id without the user.
    pub id: String,
    /// Whether only the token's own entries count (together with the user's).
    #[serde(default = "yes")]
    pub privsep: bool,
    /// The secret, a UUID; one is made up if absent.
    #[serde(default)]
    pub value: Option<String>,
    /// Unix seconds when it ends; 0 is never.
    #[serde(default)]
    pub expire: u64,
    /// Access control entries of the token.
    #[serde(default)]
    pub acl: Vec<AclShape>,
}

/// An access control entry.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AclShape {
    /// Path, as `/vms`.
    pub path: String,
    /// Role.
    pub role: String,
    /// Whether it counts below the path as well.
    #[serde(default = "yes")]
    pub propagate: bool,
}

/// How far Ceph has been set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CephStage {
    /// No packages.
    None,
    /// Packages, no configuration.
    Installed,
    /// A configuration, no monitor.
    Initialised,
    /// A monitor and a manager on each node, no OSD.
    #[default]
    Monitors,
    /// Every disk is an OSD.
    Ready,
}

impl std::str::FromStr for CephStage {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "none" => CephStage::None,
            "installed" => CephStage::Installed,
            "initialised" => CephStage::Initialised,
            "monitors" => CephStage::Monitors,
            "ready" => CephStage::Ready,
            other => {
                let known = "none, installed, initialised, monitors, ready";
                return Err(format!("unknown Ceph stage '{other}': one of {known}"));
            }
        })
    }
}

/// Ceph at the start.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CephShape {
    /// How far it has been set up.
    pub stage: CephStage,
    /// Release, as `20.2`; that is the default.
    pub release: Option<String>,
    /// Nodes with a monitor; by default each, from stage `monitors` on.
    pub mons: Option<Vec<String>>,
    /// Nodes with a manager, the active one first; by default each, from stage `monitors` on.
    pub mgrs: Option<Vec<String>>,
    /// OSDs, instead of one on each disk (stage `ready`) or none.
    pub osds: Option<Vec<OsdShape>>,
    /// Pools.
    pub pools: Vec<CephPoolShape>,
    /// CRUSH rules besides `replicated_rule`.
    pub rules: Vec<CrushRuleShape>,
}

/// An OSD.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OsdShape {
    /// The node it is on.
    pub node: String,
    /// The disk it is on; an OSD without one lives in memory and has `size`.
    #[serde(default)]
    pub device: Option<String>,
    /// Its size; the disk's by default.
    #[serde(default)]
    pub size: Option<Size>,
    /// CRUSH device class; that of the disk by default.
    #[serde(default)]
    pub class: Option<String>,
}

/// A Ceph pool.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CephPoolShape {
    /// Name.
    pub name: String,
    /// Its number, where pools before it were destroyed; the next free one if absent.
    #[serde(default)]
    pub id: Option<u32>,
    /// Copies.
    #[serde(default)]
    pub size: Option<u32>,
    /// Copies needed for I/O.
    #[serde(default)]
    pub min_size: Option<u32>,
    /// Placement groups.
    #[serde(default)]
    pub pg_num: Option<u32>,
    /// CRUSH rule.
    #[serde(default)]
    pub crush_rule: Option<String>,
    /// Application, as `rbd`.
    #[serde(default)]
    pub application: Option<String>,
}

/// A replicated CRUSH rule.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CrushRuleShape {
    /// Name.
    pub name: String,
    /// What copies are spread over: `osd`, `host` ...
    pub failure_domain: String,
    /// Where it starts; `default` by default.
    #[serde(default)]
    pub root: Option<String>,
    /// Only devices of this class.
    #[serde(default)]
    pub device_class: Option<String>,
}

/// The HA manager at the start: nothing is managed yet.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HaShape {
    /// Nodes that become master in the next elections, in turn; after those, the first node alive.
    pub masters: Vec<String>,
}

/// The clock.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClockShape {
    /// Simulated seconds per real second; 0 stands still.
    pub factor: Option<f64>,
    /// Where it begins, RFC 3339.
    pub start: Option<String>,
}

fn yes() -> bool {
    true
}

fn eight() -> u32 {
    8
}

fn memory() -> Size {
    Size(32 << 30)
}

impl Shape {
    /// Reads the YAML of a `--cluster` file. The error names line and key.
    pub fn from_yaml(text: &str) -> Result<Shape, String> {
        let shape: Shape = serde_saphyr::from_str(text).map_err(|e| e.to_string())?;
        shape.check()?;
        Ok(shape)
    }

    /// What the types cannot say.
    fn check(&self) -> Result<(), String> {
        if self.nodes.is_empty() {
            return Err("a cluster needs at least one node".to_owned());
        }
        let mut names = std::collections::BTreeSet::new();
        for node in &self.nodes {
            if !names.insert(&node.name) {
                return Err(format!("node '{}' is there twice", node.name));
            }
        }
        let known = |node: &String, who: String| match names.contains(node) {
            true => Ok(()),
            false => Err(format!("{who} names the unknown node '{node}'")),
        };
        let mut vmids = std::collections::BTreeSet::new();
        for guest in &self.guests {
            known(&guest.node, format!("guest {}", guest.vmid))?;
            if !vmids.insert(guest.vmid) {
                return Err(format!("guest {} is there twice", guest.vmid));
            }
        }
        for node in self.ceph.mons.iter().flatten() {
            known(node, "ceph.mons".to_owned())?;
        }
        for node in self.ceph.mgrs.iter().flatten() {
            known(node, "ceph.mgrs".to_owned())?;
        }
        for node in &self.ha.masters {
            known(node, "ha.masters".to_owned())?;
        }
        for osd in self.ceph.osds.iter().flatten() {
            known(&osd.node, "ceph.osds".to_owned())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_file_is_read() {
        let shape = Shape::from_yaml(
            "
nodes:
  - {name: pve1, disks: [{path: /dev/sdb, size: 64G, serial: A, partitions: [{number: 1, size: 10G, used: ext4, mounted: true}]}]}
  - {name: pve2, online: false}
storages:
  - {storage: local, type: dir, path: /var/lib/vz, content: [iso]}
guests:
  - {vmid: 101, node: pve1, name: x, running: true, config: {memory: '2048', scsi0: 'local-lvm:32'}}
users:
  - {userid: a@pve, password: secret, tokens: [{id: t, privsep: false}], acl: [{path: /, role: PVEAuditor}]}
ceph: {stage: monitors, release: '16.2', pools: [{name: vm, size: 3}]}
clock: {factor: 0, start: '2026-11-22T10:00:00Z'}
",
        )
        .unwrap();
        assert_eq!(shape.nodes[0].disks[0].partitions[0].size, Size(10 << 30));
        assert!(!shape.nodes[1].online);
        assert_eq!(shape.storages[0].options["path"], "/var/lib/vz");
        assert_eq!(shape.ceph.stage, CephStage::Monitors);
        assert_eq!(shape.clock.factor, Some(0.0));
    }

    #[test]
    fn mistakes_are_named() {
        for (yaml, part) in [
            ("nodes: []", "at least one node"),
            ("nodes: [{name: a}, {name: a}]", "twice"),
            ("nodes: [{name: a, color: red}]", "color"),
            ("guests: [{vmid: 100, node: nowhere}]", "unknown node 'nowhere'"),
            ("ha: {masters: [nowhere]}", "ha.masters names the unknown node"),
            ("ceph: {mgrs: [nowhere]}", "ceph.mgrs names the unknown node"),
            ("nodes: [{name: a, disks: [{path: /dev/sdb, size: 5X}]}]", "unknown unit 'X'"),
        ] {
            let error = Shape::from_yaml(yaml).unwrap_err();
            assert!(error.contains(part), "{yaml}: {error}");
        }
    }

    #[test]
    fn disks_are_lettered_as_the_kernel_does() {
        let letters: Vec<_> = [0, 1, 25, 26, 27, 52].into_iter().map(disk_letters).collect();
        assert_eq!(letters, ["a", "b", "z", "aa", "ab", "ba"]);
    }

    #[test]
    fn durations_have_units() {
        assert_eq!(parse_duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(parse_duration("2h"), Ok(Duration::from_secs(7200)));
        assert!(parse_duration("-1s").is_err());
        assert!(parse_duration("5 weeks").is_err());
    }
}
