//! `pve_node_disks`: what disks a node has, and what is on them.

use pve_client::api::disks::Disk as Live;
use terraform_plugin::{Cx, DataSource, Error, Model, Need, Nested};

use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;

/// A node's disks and partitions: serial numbers, sizes, and what is on them in PVE's words.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "node_disks", area = "Nodes")]
pub struct NodeDisks {
    /// The node.
    #[attr(required)]
    pub node: String,
    /// The disks, by kernel name.
    #[attr(computed)]
    pub disks: Option<Vec<Disk>>,
}

/// A disk.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct Disk {
    /// Its path at the moment, such as `/dev/sdb`. It may change when the node boots: name disks by `serial`.
    #[attr(computed)]
    pub path: Option<String>,
    /// Its link below `/dev/disk/by-id`, if it has one.
    #[attr(computed)]
    pub by_id: Option<String>,
    /// Its serial number. Null when the disk tells none.
    #[attr(computed)]
    pub serial: Option<String>,
    /// Its model.
    #[attr(computed)]
    pub model: Option<String>,
    /// `hdd`, `ssd`, `nvme`, `usb` or `unknown`.
    #[attr(computed)]
    pub r#type: Option<String>,
    /// Bytes.
    #[attr(computed)]
    pub size: Option<u64>,
    /// What is on it in PVE's words (`LVM`, `ext4`, `partitions`, ...). Null when it is free.
    #[attr(computed)]
    pub used: Option<String>,
    /// The OSDs on it.
    #[attr(computed)]
    pub osds: Option<Vec<u32>>,
    /// Its partitions.
    #[attr(computed)]
    pub partitions: Option<Vec<Partition>>,
}

/// A partition.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct Partition {
    /// Its number.
    #[attr(computed)]
    pub number: Option<u32>,
    /// Its path at the moment.
    #[attr(computed)]
    pub path: Option<String>,
    /// Bytes.
    #[attr(computed)]
    pub size: Option<u64>,
    /// What is on it in PVE's words. Null when it is free.
    #[attr(computed)]
    pub used: Option<String>,
    /// The OSDs on it.
    #[attr(computed)]
    pub osds: Option<Vec<u32>>,
}

impl DataSource<Pve> for NodeDisks {
    fn needs() -> Vec<Need> {
        vec![Need::to_plan("/nodes/{node}", &["Sys.Audit"])]
    }

    async fn read(cx: &Cx<Pve>, config: Self) -> Result<Self, Error> {
        let node = config.node;
        let found = cx.client.disks(&node).list().await.during(format!("Cannot list the disks of node {node}"));
        let found = found.map_err(Problem::node_at_fault)?;
        let disks = found.iter().filter(|disk| !disk.is_partition()).map(|disk| {
            let own = found.iter().filter(|part| part.parent.as_ref() == Some(&disk.devpath));
            Disk::from_live(disk, own.map(Partition::from_live).collect())
        });
        Ok(Self { disks: Some(disks.collect()), node })
    }
}

impl Disk {
    fn from_live(live: &Live, partitions: Vec<Partition>) -> Self {
        Self {
            path: Some(live.devpath.clone()),
            by_id: live.by_id_link.clone(),
            serial: live.serial.clone(),
            model: live.model.clone(),
            r#type: Some(live.kind.clone()),
            size: Some(live.size),
            used: live.used.clone(),
            osds: Some(live.osd_ids.clone()),
            partitions: Some(partitions),
        }
    }
}

impl Partition {
    fn from_live(live: &Live) -> Self {
        Self {
            number: live.partition_number(),
            path: Some(live.devpath.clone()),
            size: Some(live.size),
            used: live.used.clone(),
            osds: Some(live.osd_ids.clone()),
        }
    }
}
