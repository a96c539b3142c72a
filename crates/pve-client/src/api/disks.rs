//! A node's disks.

use std::sync::Arc;

use serde::{Deserialize, Deserializer};

use crate::{Area, Client, Error, Lock, Request, Task, wire};

/// `/nodes/{node}/disks`.
#[derive(Clone, Copy)]
pub struct Disks<'a> {
    client: &'a Client,
    node: &'a str,
}

/// A disk or partition in `GET /nodes/{node}/disks/list`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Disk {
    /// `/dev/sdb`, `/dev/nvme0n1p4`. Not stable over reboots.
    pub devpath: String,
    /// `/dev/disk/by-id/...`; disks only, and not for all.
    #[serde(default, deserialize_with = "known")]
    pub by_id_link: Option<String>,
    /// Bytes.
    #[serde(default, deserialize_with = "wire::number")]
    pub size: u64,
    /// `hdd`, `ssd`, `nvme`, `usb`, `unknown`; `partition`.
    #[serde(default, rename = "type")]
    pub kind: String,
    /// What is on it in PVE's words: `LVM`, `ZFS`, `mounted`, `partitions`, `BIOS boot`, `ext4` ... `None` is free.
    /// A disk with partitions says `partitions`; judge it by each of them.
    #[serde(default, deserialize_with = "known")]
    pub used: Option<String>,
    /// The OSDs on it. A disk with OSDs on several partitions names only one: look at the partitions.
    #[serde(default, rename = "osdid-list", deserialize_with = "osd_ids")]
    pub osd_ids: Vec<u32>,
    /// Disks: the OSD on it is encrypted. Partitions have [`Disk::encrypted`] instead.
    #[serde(default, deserialize_with = "wire::boolean")]
    pub osdencrypted: bool,
    /// Partitions: the OSD on it is encrypted.
    #[serde(default, deserialize_with = "wire::boolean")]
    pub encrypted: bool,
    /// `None` for partitions and if the disk tells none.
    #[serde(default, deserialize_with = "known")]
    pub serial: Option<String>,
    /// `0x5...`.
    #[serde(default, deserialize_with = "known")]
    pub wwn: Option<String>,
    /// Maker.
    #[serde(default, deserialize_with = "known")]
    pub vendor: Option<String>,
    /// Model.
    #[serde(default, deserialize_with = "known")]
    pub model: Option<String>,
    /// Has a GPT.
    #[serde(default, deserialize_with = "wire::boolean")]
    pub gpt: bool,
    /// Is mounted.
    #[serde(default, deserialize_with = "wire::boolean")]
    pub mounted: bool,
    /// The disk of a partition.
    #[serde(default, deserialize_with = "known")]
    pub parent: Option<String>,
    /// Number of block.db volumes on it.
    #[serde(default, deserialize_with = "wire::number")]
    pub db: u32,
    /// Number of block.wal volumes on it.
    #[serde(default, deserialize_with = "wire::number")]
    pub wal: u32,
    /// Number of journals of old OSDs on it.
    #[serde(default, deserialize_with = "wire::number")]
    pub journals: u32,
}

/// `GET /nodes/{node}/disks/lvm`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct VolumeGroups {
    children: Vec<VolumeGroup>,
}

/// A volume group of LVM.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct VolumeGroup {
    /// Its name.
    pub name: String,
    /// How many logical volumes are in it; not told by every version.
    #[serde(default, deserialize_with = "wire::opt_number")]
    lvcount: Option<u32>,
    /// Bytes.
    #[serde(default, deserialize_with = "wire::number")]
    size: u64,
    /// Bytes that no logical volume has.
    #[serde(default, deserialize_with = "wire::number")]
    free: u64,
    #[serde(default)]
    children: Vec<PhysicalVolume>,
}

impl VolumeGroup {
    /// Whether a logical volume is in it.
    pub fn has_volumes(&self) -> bool {
        self.lvcount.map_or(self.free < self.size, |count| count > 0)
    }

    /// Bytes that no logical volume has.
    pub fn free(&self) -> u64 {
        self.free
    }

    /// The disks and partitions that it lies on.
    pub fn devices(&self) -> impl Iterator<Item = &str> {
        self.children.iter().map(|volume| volume.name.as_str())
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct PhysicalVolume {
    /// Its device.
    name: String,
}

impl VolumeGroups {
    /// The group of this name.
    pub fn named(&self, name: &str) -> Option<&VolumeGroup> {
        self.children.iter().find(|group| group.name == name)
    }

    /// Those that a disk or partition is part of and whose names begin so, in the order of their names.
    pub fn on(&self, devpath: &str, begins: &str) -> Vec<&VolumeGroup> {
        let fits =
            |group: &&VolumeGroup| group.name.starts_with(begins) && group.devices().any(|device| device == devpath);
        let mut found: Vec<_> = self.children.iter().filter(fits).collect();
        found.sort_by(|a, b| a.name.cmp(&b.name));
        found
    }

    /// The group that a disk or partition is part of. Told for those that are not active, too.
    pub fn of(&self, devpath: &str) -> Option<&VolumeGroup> {
        self.children.iter().find(|group| group.devices().any(|device| device == devpath))
    }
}

/// Text without the blanks around it; empty and `unknown` are `None`.
fn known<'de, D: Deserializer<'de>>(d: D) -> Result<Option<String>, D::Error> {
    let text = wire::opt_text(d)?.map(|text| text.trim().to_owned());
    Ok(text.filter(|text| !text.is_empty() && text != "unknown"))
}

/// `null`, or ids as text or number.
fn osd_ids<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<u32>, D::Error> {
    Ok(wire::list(d)?.iter().filter_map(|id| id.parse().ok()).collect())
}

impl Disk {
    /// Whether it is a partition.
    pub fn is_partition(&self) -> bool {
        self.parent.is_some() || self.kind == "partition"
    }

    /// Whether there is nothing on it that PVE knows of.
    pub fn is_free(&self) -> bool {
        self.used.is_none() && !self.mounted && self.osd_ids.is_empty() && self.db + self.wal + self.journals == 0
    }

    /// Its partitions, of the list that it is in.
    pub fn parts<'a>(&'a self, list: &'a [Self]) -> impl Iterator<Item = &'a Self> {
        list.iter().filter(|part| part.parent.as_ref() == Some(&self.devpath))
    }

    /// The number of a partition: 4 of `/dev/sdb4` and of `/dev/nvme0n1p4`.
    pub fn partition_number(&self) -> Option<u32> {
        let rest = self.devpath.strip_prefix(self.parent.as_deref()?)?;
        // Disks whose name ends in a digit have a `p` in between.
        rest.strip_prefix('p').unwrap_or(rest).parse().ok()
    }
}

impl<'a> Disks<'a> {
    pub(super) fn new(client: &'a Client, node: &'a str) -> Self {
        Self { client, node }
    }

    fn path(&self, rest: &str) -> String {
        format!("nodes/{}/disks/{rest}", self.node)
    }

    /// All disks, each followed or preceded by its partitions. SMART is not asked: it can take 10 s a disk.
    /// `GET /nodes/{node}/disks/list?include-partitions=1&skipsmart=1`
    pub async fn list(&self) -> Result<Arc<Vec<Disk>>, Error> {
        let request =
            Request::get(self.path("list")).node(self.node).flag("include-partitions", true).flag("skipsmart", true);
        self.client.shared(Area::Disks, request).await
    }

    /// LVM's volume groups, never from the cache. PVE leaves out what LVM could not tell: that something is missing here is
    /// no proof that it is not there.
    /// `GET /nodes/{node}/disks/lvm`
    pub async fn volume_groups(&self) -> Result<VolumeGroups, Error> {
        self.client.call(Request::get(self.path("lvm")).node(self.node)).await
    }

    /// Erases a disk or partition. Refused by PVE if it is mounted or held, but for nothing else: what is on it has to be
    /// looked at before. `device` is a path like `/dev/sdb4`; PVE takes no `by-id` links here.
    /// `PUT /nodes/{node}/disks/wipedisk`, reserved to root@pam.
    pub async fn wipe(&self, device: &str) -> Result<Task, Error> {
        let request = Request::put(self.path("wipedisk")).node(self.node).root().param("disk", device);
        self.client.write_task(Lock::NodeDisks(self.node.to_owned()), &[Area::Disks], request).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_recorded_system_disk() {
        let answer = r#"{"rpm":-1,"devpath":"/dev/vda","serial":"RIG0001","vendor":"0x1af4","osdid-list":null,"size":274877906944,"wearout":"N/A",
            "used":"mounted","osdid":-1,"gpt":0,"health":"UNKNOWN","mounted":1,"wwn":"0x5000000000000001","model":"RIGDISK","type":"unknown"}"#;
        let disk: Disk = serde_json::from_str(answer).unwrap();
        assert_eq!(disk.serial.as_deref(), Some("RIG0001"));
        assert!(disk.osd_ids.is_empty() && disk.mounted && !disk.is_free() && !disk.is_partition());
    }

    #[test]
    fn reads_osd_disks_and_partitions() {
        let answer = r#"[{"devpath":"/dev/sdb","size":960197124096,"type":"ssd","used":"LVM","gpt":0,"rpm":0,"vendor":"ATA     ","model":"X","serial":"unknown",
              "wwn":"unknown","health":"PASSED","wearout":99,"osdid":"3","osdid-list":["3",4],"bluestore":1,"osdencrypted":0},
            {"devpath":"/dev/nvme0n1p4","parent":"/dev/nvme0n1","type":"partition","gpt":1,"size":1,"used":null,"osdid":-1,"osdid-list":null},
            {"devpath":"/dev/sdc1","parent":"/dev/sdc","type":"partition","gpt":"1","size":"12","used":"ext4","osdid":-1,"osdid-list":null}]"#;
        let disks: Vec<Disk> = serde_json::from_str(answer).unwrap();
        assert_eq!(
            (&disks[0].osd_ids, &disks[0].serial, disks[0].vendor.as_deref()),
            (&vec![3, 4], &None, Some("ATA"))
        );
        assert!(disks[1].is_free() && disks[1].is_partition());
        assert_eq!(
            (disks[1].partition_number(), disks[2].partition_number(), disks[0].partition_number()),
            (Some(4), Some(1), None)
        );
        assert!(!disks[2].is_free() && disks[2].gpt && disks[2].size == 12);
    }

    #[test]
    fn a_volume_group_tells_what_it_lies_on() {
        let answer = r#"{"leaf":0,"children":[{"name":"pve","size":1,"free":0,"lvcount":3,"leaf":0,
            "children":[{"name":"/dev/sda3","size":1,"free":0,"leaf":1}]},{"name":"empty","leaf":0},
            {"name":"vgx","size":6438256640,"free":6438256640,"lvcount":0,"leaf":0,"children":[{"name":"/dev/sdb"},{"name":"/dev/sdc"}]},
            {"name":"old","size":"8","free":"4","children":[{"name":"/dev/sdd"}]}]}"#;
        let groups: VolumeGroups = serde_json::from_str(answer).unwrap();
        let of = |path: &str| groups.of(path).map(|group| (group.name.as_str(), group.has_volumes()));
        assert_eq!((of("/dev/sda3"), of("/dev/sda")), (Some(("pve", true)), None));
        let on =
            |path: &str, begins: &str| groups.on(path, begins).iter().map(|group| group.free()).collect::<Vec<_>>();
        assert_eq!(
            (on("/dev/sdc", "vg"), on("/dev/sdc", "ceph-"), on("/dev/sdd", "")),
            (vec![6438256640], vec![], vec![4])
        );
        assert_eq!(groups.named("old").map(|group| group.free()), Some(4));
        assert_eq!((of("/dev/sdc"), of("/dev/sdd")), (Some(("vgx", false)), Some(("old", true))));
        assert_eq!(groups.of("/dev/sdb").unwrap().devices().collect::<Vec<_>>(), ["/dev/sdb", "/dev/sdc"]);
    }
}
