//! LVM's volume groups on the disks of nodes: those of OSDs, of their databases and logs, and those of what a cluster's file
//! says to be LVM.

use super::Cluster;
use super::ceph::OsdDevice;
use super::nodes::partition_path;

/// What LVM counts in: volumes are rounded up to it.
pub const EXTENT: u64 = 4 << 20;

/// The volume group of PVE's installer.
const SYSTEM: &str = "pve";

/// A volume group, on one device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// The device below it.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// Bytes that no volume has.
    pub free: u64,
    /// How many volumes it has.
    pub volumes: usize,
}

/// What a new group on a device of this size has room for: LVM's own data comes first.
pub fn room(device: u64) -> u64 {
    device.saturating_sub(1 << 20) / EXTENT * EXTENT
}

impl Cluster {
    /// The groups on a node.
    // Belief: what a node has that no OSD lies on is not recorded with volumes in it.
    pub fn volume_groups(&self, node: &str) -> Vec<Group> {
        let mut groups: Vec<Group> = Vec::new();
        let known = self.nodes.get(node);
        let of_osds = self.ceph.osds.values().filter(|osd| osd.node == node).filter_map(|osd| osd.device.as_ref());
        let left = self.ceph.leftovers.iter().filter(|left| left.node == node).map(|left| &left.device);
        // An OSD's own volumes fill their group.
        for device in of_osds.chain(left).filter(|device: &&OsdDevice| device.has_volume()) {
            match groups.iter_mut().find(|group| group.name == device.vg) {
                Some(group) => (group.size, group.volumes) = (group.size + device.size, group.volumes + 1),
                None => groups.push(Group {
                    name: device.vg.clone(),
                    path: device.path.clone(),
                    size: device.size,
                    free: 0,
                    volumes: 1,
                }),
            }
        }
        for volume in self.ceph.side_volumes.iter().filter(|volume| volume.node == node) {
            match groups.iter_mut().find(|group| group.name == volume.vg) {
                Some(group) => {
                    (group.free, group.volumes) = (group.free.saturating_sub(volume.size), group.volumes + 1);
                }
                None => {
                    let size = known.and_then(|node| node.device(&volume.path)).map_or(0, |device| room(device.size));
                    groups.push(Group {
                        name: volume.vg.clone(),
                        path: volume.path.clone(),
                        size,
                        free: size.saturating_sub(volume.size),
                        volumes: 1,
                    });
                }
            }
        }
        for disk in known.map(|node| node.disks.as_slice()).unwrap_or_default() {
            let whole = (disk.path.clone(), disk.size.0, disk.used.as_deref(), disk.held);
            let part = disk.partitions.iter();
            let parts = part.map(|p| (partition_path(&disk.path, p.number), p.size.0, p.used.as_deref(), p.held));
            for (path, size, used, held) in std::iter::once(whole).chain(parts) {
                // Of what a cluster's file says to be LVM, what is held has a group; an OSD's disk has its own, above.
                if used == Some("LVM") && held {
                    let name = if path == "/dev/sda3" { SYSTEM.to_owned() } else { path.replace("/dev/", "vg-") };
                    groups.push(Group { name, path, size, free: 0, volumes: 1 });
                }
            }
        }
        groups
    }

    /// Whether LVM has something on a device open.
    pub(crate) fn has_volumes(&self, node: &str, path: &str) -> bool {
        let carries = |on: &str, device: &OsdDevice| on == node && device.path == path && device.has_volume();
        self.ceph.osds.values().any(|osd| osd.device.as_ref().is_some_and(|device| carries(&osd.node, device)))
            || self.ceph.leftovers.iter().any(|left| carries(&left.node, &left.device))
            || self.ceph.side_volumes.iter().any(|volume| volume.node == node && volume.path == path)
    }

    /// After a volume was taken away: with the last one its group goes, and a partition keeps its type, which PVE shows as
    /// LVM. What ceph-volume says of it.
    pub(crate) fn settle_group(&mut self, node: &str, vg: &str, path: &str, lv: &str) -> String {
        let zapped = format!("--> Zapping: /dev/{vg}/{lv}\n");
        if self.volume_groups(node).iter().any(|group| group.name == vg) {
            return format!(
                "{zapped}--> More than 1 LV left in VG, will proceed to destroy LV only\nRunning command: lvremove -v -f /dev/{vg}/{lv}\n"
            );
        }
        if let Some(node) = self.nodes.get_mut(node) {
            let partition = node.device(path).is_some_and(|device| device.partition.is_some());
            node.set_used(path, partition.then_some("LVM"));
        }
        format!(
            "{zapped}--> Only 1 LV left in VG, will proceed to destroy volume group {vg}\nRunning command: vgremove -v -f {vg}\n"
        )
    }
}
