//! The shape of the cluster to simulate: what `--cluster FILE` says in YAML.

mod access;
mod authority;
mod ceph;
mod ha;
mod nodes;
mod units;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde::Deserialize;

use crate::cluster::guests::Kind;
use crate::cluster::guests::drive::{Drive, DriveKey};
use crate::cluster::storage::Kind as StorageKind;

pub use access::{AclShape, TokenShape, UserShape};
pub use authority::AuthorityShape;
pub use ceph::{CephPoolShape, CephShape, CephStage, CrushRuleShape, FileSystemShape, OsdShape};
pub use ha::{HaResourceShape, HaShape};
pub(crate) use nodes::SYSTEM_LVM;
pub use nodes::{DiskShape, Media, NodeShape, PartitionShape, RepositoryShape};
pub use units::{Size, parse_duration};

/// The whole file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Shape {
    /// The cluster's name in `/cluster/status`.
    pub name: String,
    /// The version of PVE, where `--pve` says none: `8.4` or `9.2`.
    pub pve: Option<String>,
    /// Its nodes, in the order of their node ids.
    pub nodes: Vec<NodeShape>,
    /// `storage.cfg`.
    pub storages: Vec<StorageShape>,
    /// Virtual machines that exist from the start.
    pub guests: Vec<GuestShape>,
    /// Users besides `root@pam`.
    pub users: Vec<UserShape>,
    /// Certificate authorities that are otherwise than those that nobody has described.
    pub authorities: Vec<AuthorityShape>,
    /// Ceph.
    pub ceph: CephShape,
    /// The HA manager.
    pub ha: HaShape,
    /// The clock; the command line's `--clock` wins.
    pub clock: ClockShape,
    /// The guest agents.
    pub agents: AgentShape,
    /// Whether the nodes answer by SSH, for root with the password of `root@pam`.
    pub ssh: bool,
    /// What nodes reach outside: hosts by name (`*`: all others) at loopback addresses, which answer in plain HTTP.
    pub web: BTreeMap<String, SocketAddr>,
    /// The index of appliances: records of `GET /nodes/{node}/aplinfo`.
    pub appliances: Vec<BTreeMap<String, String>>,
    /// Resource mappings by type (`dir`, `pci`, `usb`) and id: what `map` says.
    pub mappings: BTreeMap<String, BTreeMap<String, Vec<String>>>,
    /// Whether the nodes have the program that talks to registries of container images.
    pub skopeo: bool,
}

impl Default for Shape {
    fn default() -> Self {
        Shape {
            name: "sim".to_owned(),
            pve: None,
            nodes: (1..=3).map(|n| NodeShape::numbered(n, 2, Size(64 << 30))).collect(),
            storages: StorageShape::defaults(),
            guests: Vec::new(),
            users: Vec::new(),
            authorities: Vec::new(),
            ceph: CephShape::default(),
            ha: HaShape::default(),
            clock: ClockShape::default(),
            agents: AgentShape::default(),
            ssh: false,
            web: BTreeMap::new(),
            appliances: Vec::new(),
            mappings: BTreeMap::new(),
            skopeo: true,
        }
    }
}

/// What the agents of all guests have in common.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AgentShape {
    /// Seconds from a guest's start to the agent's first answer.
    pub boot: u64,
    /// Whether the guests have one at all.
    pub installed: bool,
    /// What the guests say in place of an answer: they do not know the command.
    pub error: Option<String>,
}

impl Default for AgentShape {
    fn default() -> Self {
        AgentShape { boot: 20, installed: true, error: None }
    }
}

/// A volume that lies on a storage from the start; on a storage that is not shared, on each of its nodes.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VolumeShape {
    /// Its name, as `import/debian.qcow2` or `backup/vzdump-qemu-100-2026_11_29-10_00_00.vma.zst`.
    pub name: String,
    /// What its user sees.
    pub size: Size,
    /// Of a backup: the configuration of the guest in it, as `GET config` shows it.
    #[serde(default)]
    pub config: BTreeMap<String, String>,
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
    /// Volumes that lie there from the start.
    #[serde(default)]
    pub volumes: Vec<VolumeShape>,
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
            volumes: Vec::new(),
            options: options.iter().map(|(k, v)| ((*k).to_owned(), (*v).into())).collect(),
        };
        vec![
            entry("local", "dir", &["iso", "vztmpl", "backup"], &[("path", "/var/lib/vz")]),
            entry("local-lvm", "lvmthin", &["images", "rootdir"], &[("vgname", "pve"), ("thinpool", "data")]),
        ]
    }
}

/// A virtual machine or a container.
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
    /// Whether it is a container.
    #[serde(default)]
    pub container: bool,
    /// Whether it runs.
    #[serde(default)]
    pub running: bool,
    /// Whether what runs inside keeps a device that is to be unplugged: PVE's "hotplug problem".
    #[serde(default)]
    pub refuses_unplug: bool,
    /// Its configuration, as `POST /nodes/{node}/qemu` takes it (`scsi0: local-lvm:32` allocates).
    #[serde(default)]
    pub config: BTreeMap<String, serde_json::Value>,
}

impl GuestShape {
    /// What it is.
    pub fn kind(&self) -> Kind {
        if self.container { Kind::Lxc } else { Kind::Qemu }
    }

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
            container: false,
            running: true,
            refuses_unplug: false,
            config: config.into_iter().map(|(key, value)| (key.to_owned(), value.into())).collect(),
        }
    }
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

impl Shape {
    /// Reads the YAML of a `--cluster` file. The error names line and key.
    pub fn from_yaml(text: &str) -> Result<Shape, String> {
        let shape: Shape = serde_saphyr::from_str(text).map_err(|e| e.to_string())?;
        shape.check()?;
        Ok(shape)
    }

    /// The cluster, the nodes by themselves, and each node as it is when it has just been installed.
    pub(crate) fn apart(&self) -> (Shape, BTreeMap<String, Shape>, BTreeMap<String, Shape>) {
        let mut nodes = self.nodes.clone();
        (1..).zip(&mut nodes).for_each(|(number, node)| {
            node.number.get_or_insert(number);
        });
        let bare = |node: &NodeShape| Shape {
            nodes: vec![NodeShape { single: false, online: true, ..node.clone() }],
            storages: self.storages.clone(),
            guests: Vec::new(),
            users: Vec::new(),
            ceph: CephShape { release: self.ceph.release.clone(), ..CephShape::default() },
            ha: HaShape::default(),
            ..self.clone()
        };
        let installed = nodes.iter().map(|node| (node.name.clone(), bare(node))).collect();
        let founder = nodes.iter().all(|node| node.single).then(|| nodes[0].name.clone());
        let (single, members): (Vec<_>, Vec<_>) =
            nodes.into_iter().partition(|node| node.single && Some(&node.name) != founder.as_ref());
        let singles = single.iter().map(|node| {
            let guests = self.guests.iter().filter(|guest| guest.node == node.name).cloned().collect();
            let shape = Shape { guests, ..bare(node) };
            (node.name.clone(), Shape { nodes: vec![NodeShape { single: false, ..node.clone() }], ..shape })
        });
        let guests = self.guests.iter().filter(|guest| members.iter().any(|node| node.name == guest.node));
        let main = Shape { guests: guests.cloned().collect(), ..self.clone() };
        (Shape { nodes: members, ..main }, singles.collect(), installed)
    }

    /// Storages are of a type that is simulated, and guests' disks lie on storages that are there.
    fn check_storages(&self) -> Result<(), String> {
        for StorageShape { storage, kind, .. } in &self.storages {
            if StorageKind::find(kind).is_none() {
                let known = StorageKind::names().collect::<Vec<_>>().join(", ");
                return Err(format!("storage '{storage}' is of type '{kind}', which is not simulated: one of {known}"));
            }
        }
        for guest in &self.guests {
            for (key, value) in guest.config.iter().filter(|(key, _)| DriveKey::parse(key).is_some()) {
                let drive = value.as_str().and_then(Drive::parse);
                let drive = drive.ok_or_else(|| format!("guest {}: '{key}' is no disk", guest.vmid))?;
                let there = |id: &str| self.storages.iter().any(|storage| storage.storage == id);
                if let Some(id) = drive.storage().filter(|id| !there(id)) {
                    return Err(format!("guest {}: '{key}' names the unknown storage '{id}'", guest.vmid));
                }
            }
        }
        Ok(())
    }

    /// What the types cannot say.
    ///
    /// # Errors
    /// What is twice there, or named and not there, or of a kind that is not simulated.
    pub fn check(&self) -> Result<(), String> {
        if self.nodes.is_empty() {
            return Err("a cluster needs at least one node".to_owned());
        }
        let mut names = std::collections::BTreeSet::new();
        for node in &self.nodes {
            if !names.insert(&node.name) {
                return Err(format!("node '{}' is there twice", node.name));
            }
            node.check_partitions()?;
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
        self.check_storages()?;
        for node in self.ceph.mons.iter().flatten() {
            known(node, "ceph.mons".to_owned())?;
        }
        for node in self.ceph.mgrs.iter().flatten() {
            known(node, "ceph.mgrs".to_owned())?;
        }
        for node in &self.ha.masters {
            known(node, "ha.masters".to_owned())?;
        }
        for resource in &self.ha.resources {
            if !vmids.contains(&resource.vmid) {
                return Err(format!("ha.resources names guest {}, which is not there", resource.vmid));
            }
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
  - {storage: local-lvm, type: lvmthin, vgname: pve, thinpool: data, content: [images]}
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
            ("nodes: [{name: a, disks: [], partitions: [{number: 3, size: 1G}]}]", "three partitions of its own"),
            ("nodes: [{name: a, partitions: [{number: 4, size: 600G}]}]", "no room for 600 GiB"),
            (
                "nodes: [{name: a, disks: [{path: /dev/sda, size: 1G}], partitions: [{number: 4, size: 1G}]}]",
                "names its system disk",
            ),
            ("storages: [{storage: a1, type: glusterfs}]", "type 'glusterfs', which is not simulated"),
            ("guests: [{vmid: 100, node: pve1, config: {scsi0: 'nope:1'}}]", "unknown storage 'nope'"),
            ("guests: [{vmid: 100, node: nowhere}]", "unknown node 'nowhere'"),
            ("ha: {masters: [nowhere]}", "ha.masters names the unknown node"),
            ("ha: {resources: [{vmid: 100}]}", "guest 100, which is not there"),
            ("ceph: {mgrs: [nowhere]}", "ceph.mgrs names the unknown node"),
            ("nodes: [{name: a, disks: [{path: /dev/sdb, size: 5X}]}]", "unknown unit 'X'"),
        ] {
            let error = Shape::from_yaml(yaml).unwrap_err();
            assert!(error.contains(part), "{yaml}: {error}");
        }
    }
}
