//! OSDs.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer};

use super::Ceph;
use crate::{Area, Error, Request, wire};

/// `GET ceph/osd`: the OSDs and what holds them, flattened.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OsdTree {
    /// Flags of the whole cluster: `noout`, `sortbitwise` ...
    pub flags: BTreeSet<String>,
    /// All OSDs, those outside of CRUSH included, by number.
    pub osds: Vec<Osd>,
    /// Roots, hosts and so on, from above.
    pub buckets: Vec<TreeBucket>,
}

/// An OSD.
#[derive(Debug, Clone, PartialEq)]
pub struct Osd {
    /// `3` of `osd.3`.
    pub id: u32,
    /// Its host in CRUSH, which is its node unless somebody gave it a place of its own ([`Ceph::osd_hosts`] tells then);
    /// `None` outside of CRUSH.
    pub host: Option<String>,
    /// Its daemon runs.
    pub up: bool,
    /// It is given data.
    pub in_: bool,
    /// `hdd`, `ssd`, `nvme` ...
    pub device_class: Option<String>,
    /// Weight in CRUSH, by default its size in TiB.
    pub crush_weight: f64,
    /// 0 to 1; 0 is out.
    pub reweight: f64,
    /// Placement groups on it; some seconds old.
    pub pgs: u32,
    /// Bytes; some seconds old.
    pub total_space: u64,
    /// Bytes; some seconds old.
    pub bytes_used: u64,
    /// `19.2.3`; absent if it never ran.
    pub version: Option<String>,
    /// Whether its database lies on a device of its own; `None` if its daemon has not told where it lies.
    pub db: Option<bool>,
    /// The same of its log.
    pub wal: Option<bool>,
}

/// A root, a host ...
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeBucket {
    /// Negative.
    pub id: i64,
    /// Name.
    pub name: String,
    /// `root`, `host` ...
    pub kind: String,
    /// The OSDs under it.
    pub osds: Vec<u32>,
}

impl OsdTree {
    /// An OSD by number.
    pub fn osd(&self, id: u32) -> Option<&Osd> {
        self.osds.iter().find(|osd| osd.id == id)
    }
}

/// PVE's words where there is nothing in the tree yet.
pub(super) fn is_empty_tree(message: &str) -> bool {
    message.contains("no tree nodes found") || message.contains("no root node")
}

#[derive(Deserialize)]
struct RawTree {
    #[serde(default, deserialize_with = "wire::set")]
    flags: BTreeSet<String>,
    #[serde(default)]
    root: RawNode,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct RawNode {
    #[serde(deserialize_with = "wire::number")]
    id: i64,
    name: String,
    #[serde(rename = "type")]
    kind: String,
    children: Vec<RawNode>,
    status: String,
    #[serde(rename = "in", deserialize_with = "wire::boolean")]
    in_: bool,
    host: Option<String>,
    device_class: Option<String>,
    #[serde(deserialize_with = "wire::number")]
    crush_weight: f64,
    #[serde(deserialize_with = "wire::number")]
    reweight: f64,
    #[serde(deserialize_with = "wire::number")]
    pgs: u32,
    #[serde(deserialize_with = "wire::number")]
    total_space: u64,
    #[serde(deserialize_with = "wire::number")]
    bytes_used: u64,
    ceph_version_short: Option<String>,
    blfsdev: Option<String>,
    dbdev: Option<String>,
    waldev: Option<String>,
}

impl<'de> Deserialize<'de> for OsdTree {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let raw = RawTree::deserialize(d)?;
        let mut tree = Self { flags: raw.flags, ..Self::default() };
        for child in raw.root.children {
            tree.take(child, None);
        }
        tree.osds.sort_by_key(|osd| osd.id);
        // With weights by class an OSD hangs in more than one root.
        tree.osds.dedup_by_key(|osd| osd.id);
        Ok(tree)
    }
}

impl OsdTree {
    /// Takes a branch over and returns its OSDs. JSON nests 128 levels at most, so this does not run deep.
    fn take(&mut self, node: RawNode, host: Option<&str>) -> Vec<u32> {
        if let (Ok(id), "osd") = (u32::try_from(node.id), node.kind.as_str()) {
            // Where it tells not even the device of its data, that no other is told is no sign.
            let tells = node.blfsdev.is_some();
            let own = |device: &Option<String>| (tells || device.is_some()).then_some(device.is_some());
            let (db, wal) = (own(&node.dbdev), own(&node.waldev));
            self.osds.push(Osd {
                id,
                host: node.host.or_else(|| host.map(str::to_owned)),
                up: node.status == "up",
                in_: node.in_,
                device_class: node.device_class,
                crush_weight: node.crush_weight,
                reweight: node.reweight,
                pgs: node.pgs,
                total_space: node.total_space,
                bytes_used: node.bytes_used,
                version: node.ceph_version_short,
                db,
                wal,
            });
            return vec![id];
        }
        let at = self.buckets.len();
        let own = (node.kind == "host").then(|| node.name.clone());
        self.buckets.push(TreeBucket { id: node.id, name: node.name, kind: node.kind, osds: Vec::new() });
        let mut osds = Vec::new();
        for child in node.children {
            osds.extend(self.take(child, own.as_deref().or(host)));
        }
        self.buckets[at].osds.clone_from(&osds);
        osds
    }
}

/// What an OSD is made of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OsdParams {
    /// The disk or partition: `/dev/sdb`, `/dev/nvme0n1p4`, or a `by-id` link.
    pub device: String,
    /// Its class in CRUSH; Ceph finds one by itself.
    pub crush_device_class: Option<String>,
    /// Encrypts it with dm-crypt.
    pub encrypted: Option<bool>,
    /// A device of its own for its database.
    pub db: Option<OsdSide>,
    /// A device of its own for its log; without it that lies with the database.
    pub wal: Option<OsdSide>,
    /// So many OSDs share the device. Not with `db` or `wal`.
    pub osds_per_device: Option<u32>,
}

/// A device of its own for a part of an OSD, which it may share with those of others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OsdSide {
    /// As [`OsdParams::device`].
    pub device: String,
    /// Bytes; PVE's default is the option of Ceph for it, or else a part of the OSD's own device.
    pub size: Option<u64>,
}

/// A volume of an OSD.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VolumeKind {
    /// Its data.
    Block,
    /// Its database, on a device of its own.
    Db,
    /// Its log, on a device of its own.
    Wal,
}

impl VolumeKind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::Db => "db",
            Self::Wal => "wal",
        }
    }
}

/// Bytes in GiB, as PVE takes them: `60`, `0.5`.
fn in_gib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 30)
}

impl OsdParams {
    pub(super) fn onto(&self, request: Request) -> Request {
        request
            .param("dev", &self.device)
            .opt("crush-device-class", self.crush_device_class.as_deref())
            .opt("encrypted", self.encrypted.map(wire::flag))
            .opt("db_dev", self.db.as_ref().map(|db| db.device.as_str()))
            .opt("db_dev_size", self.db.as_ref().and_then(|db| db.size).map(in_gib))
            .opt("wal_dev", self.wal.as_ref().map(|wal| wal.device.as_str()))
            .opt("wal_dev_size", self.wal.as_ref().and_then(|wal| wal.size).map(in_gib))
            .opt("osds-per-device", self.osds_per_device)
    }
}

/// `GET ceph/osd/{id}/metadata`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct OsdMetadata {
    /// The daemon.
    pub osd: OsdDaemon,
    /// Its devices.
    #[serde(default)]
    pub devices: Vec<OsdDevice>,
}

/// An OSD's daemon.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct OsdDaemon {
    /// Its number.
    #[serde(deserialize_with = "wire::number")]
    pub id: u32,
    /// Where it ran last.
    #[serde(default)]
    pub hostname: String,
    /// `bluestore`.
    #[serde(default)]
    pub osd_objectstore: String,
    /// `19.2.3 (squid)`.
    #[serde(default)]
    pub version: String,
    /// With dm-crypt; since PVE 9.2, `None` before.
    #[serde(default, deserialize_with = "wire::opt_boolean")]
    pub encrypted: Option<bool>,
}

/// A device of an OSD.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct OsdDevice {
    /// `block`, `db`, `wal`.
    pub device: String,
    /// `/dev/dm-1`.
    #[serde(default)]
    pub dev_node: Option<String>,
    /// `sdb`.
    #[serde(default)]
    pub physical_device: Option<String>,
    /// Bytes.
    #[serde(default, deserialize_with = "wire::number")]
    pub size: u64,
    /// `hdd`, `ssd`.
    #[serde(default, rename = "type")]
    pub kind: String,
}

/// `GET ceph/osd/{id}/lv-info`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct LogicalVolume {
    /// `osd-block-FSID`.
    pub lv_name: String,
    /// `/dev/VG/LV`.
    #[serde(default)]
    pub lv_path: String,
    /// `ceph-UUID`; not the fsid of anything.
    #[serde(default)]
    pub vg_name: String,
    /// Bytes.
    #[serde(default, deserialize_with = "wire::number")]
    pub lv_size: u64,
    /// Text.
    #[serde(default)]
    pub creation_time: String,
}

impl LogicalVolume {
    /// The OSD's fsid: made with it and never used again, unlike its number.
    pub fn osd_fsid(&self) -> Option<&str> {
        self.lv_name.strip_prefix("osd-block-")
    }
}

/// What `GET /cluster/ceph/metadata` tells of the OSDs.
#[derive(Debug, Deserialize, Default)]
#[serde(default)]
struct DaemonHosts {
    osd: Vec<DaemonHost>,
}

#[derive(Debug, Deserialize)]
struct DaemonHost {
    #[serde(deserialize_with = "wire::number")]
    id: u32,
    #[serde(default)]
    hostname: Option<String>,
}

impl DaemonHosts {
    fn by_id(&self) -> BTreeMap<u32, String> {
        self.osd.iter().filter_map(|osd| Some((osd.id, osd.hostname.clone()?))).collect()
    }
}

impl Ceph<'_> {
    /// The node on which each OSD ran last, wherever it hangs in CRUSH, by number; one that never ran is not in it.
    /// `GET /cluster/ceph/metadata`
    pub async fn osd_hosts(&self) -> Result<BTreeMap<u32, String>, Error> {
        let request = Request::get("cluster/ceph/metadata");
        Ok(self.client.shared::<DaemonHosts>(Area::CephOsds, request).await?.by_id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_daemons_tell_their_nodes() {
        let answer = r#"{"node":{},"mon":{},"osd":[{"id":0,"hostname":"pve1","devices":"loop0"},{"id":"3","hostname":"pve2"},{"id":4}]}"#;
        let hosts = serde_json::from_str::<DaemonHosts>(answer).unwrap().by_id();
        assert_eq!(hosts, BTreeMap::from([(0, "pve1".to_owned()), (3, "pve2".to_owned())]));
        let without: DaemonHosts = serde_json::from_str(r#"{"node":{}}"#).unwrap();
        assert!(without.by_id().is_empty());
    }

    #[test]
    fn reads_a_recorded_tree_with_ids_as_text() {
        let answer = r#"{"flags":"sortbitwise,noout","root":{"leaf":0,"children":[{"reweight":-1,"type":"root","id":"-1","name":"default","leaf":0,"children":[
            {"children":[{"host":"pve3","blfsdev":null,"pgs":3,"name":"osd.5","leaf":1,"crush_weight":0.0077,"total_space":8589934592,"ceph_version_short":"16.2.15",
              "type":"osd","apply_latency_ms":0,"in":1,"status":"up","id":"5","dbdev":null,"reweight":1,"bytes_used":304455680,"device_class":"hdd"},
             {"name":"osd.2","type":"osd","id":2,"in":"0","status":"down"}],"name":"pve3","version":"16.2.15","leaf":0,"id":"-7","reweight":-1,"type":"host"}]},
            {"id":7,"name":"osd.7","type":"osd","status":"up","in":true}]}}"#;
        let tree: OsdTree = serde_json::from_str(answer).unwrap();
        assert!(tree.flags.contains("noout"));
        assert_eq!(tree.osds.iter().map(|osd| osd.id).collect::<Vec<_>>(), [2, 5, 7]);
        assert!(tree.osd(5).unwrap().up && tree.osd(5).unwrap().in_ && !tree.osd(2).unwrap().in_);
        assert_eq!(tree.osd(2).unwrap().host.as_deref(), Some("pve3"), "from where it hangs");
        assert_eq!(tree.osd(7).unwrap().host, None);
        assert_eq!(
            tree.buckets[0],
            TreeBucket { id: -1, name: "default".into(), kind: "root".into(), osds: vec![5, 2] }
        );
    }

    #[test]
    fn devices_of_their_own_are_told_where_the_data_is() {
        let answer = r#"{"root":{"children":[
            {"id":"0","name":"osd.0","type":"osd","blfsdev":"/dev/dm-1","dbdev":"/dev/dm-7","waldev":null},
            {"id":"1","name":"osd.1","type":"osd","blfsdev":null,"dbdev":null,"waldev":null},
            {"id":"2","name":"osd.2","type":"osd"}]}}"#;
        let tree: OsdTree = serde_json::from_str(answer).unwrap();
        let told: Vec<_> = tree.osds.iter().map(|osd| (osd.db, osd.wal)).collect();
        assert_eq!(told, [(Some(true), Some(false)), (None, None), (None, None)]);
    }

    #[test]
    fn an_empty_cluster_has_no_tree() {
        assert!(is_empty_tree("no tree nodes found") && !is_empty_tree("got timeout"));
    }

    #[test]
    fn reads_recorded_details() {
        let answer = r#"{"devices":[{"device":"block","support_discard":true,"size":8589934592,"dev_node":null,"physical_device":"loop0","type":"hdd"}],
            "osd":{"encrypted":0,"mem_usage":27798528,"id":0,"pid":5721,"version":"16.2.15 (pacific)","hostname":"pve1","osd_objectstore":"bluestore"}}"#;
        let metadata: OsdMetadata = serde_json::from_str(answer).unwrap();
        assert_eq!((metadata.osd.encrypted, metadata.devices[0].size), (Some(false), 8589934592));
        let answer = r#"{"lv_name":"osd-block-ed3c1ba9-3ad6-4e6c-8d1c-0f5a1d1f0a11","lv_size":"1","vg_name":"ceph-x","lv_path":"/dev/ceph-x/y","creation_time":"2026"}"#;
        let volume: LogicalVolume = serde_json::from_str(answer).unwrap();
        assert_eq!(volume.osd_fsid(), Some("ed3c1ba9-3ad6-4e6c-8d1c-0f5a1d1f0a11"));
    }
}
