//! `GET /nodes/{node}/disks/lvm`: the volume groups, each with the disks and partitions that it lies on.

use serde_json::{Value, json};

use crate::cluster::nodes::partition_path;
use crate::kernel::{Call, PveError};

/// The volume group of PVE's installer.
const SYSTEM: &str = "pve";

// Belief: the shape is the schema's, `lvcount` and full groups are not recorded.
pub(super) fn list(call: &mut Call<'_>) -> Result<Value, PveError> {
    let group = |name: &str, path: &str, size: u64| {
        let volume = json!({ "name": path, "size": size, "free": 0, "leaf": 1 });
        json!({ "name": name, "size": size, "free": 0, "lvcount": 1, "leaf": 0, "children": [volume] })
    };
    let osds = call.cluster.ceph.osds.values().filter(|osd| osd.node == call.node);
    let left = call.cluster.ceph.leftovers.iter().filter(|left| left.node == call.node).map(|left| &left.device);
    let of_osds = osds.filter_map(|osd| osd.device.as_ref()).chain(left).filter(|device| device.has_volume());
    let mut groups: Vec<_> = of_osds.map(|device| group(&device.vg, &device.path, device.size)).collect();
    for disk in call.cluster.nodes.get(&call.node).map(|node| node.disks.as_slice()).unwrap_or_default() {
        let whole = (disk.path.clone(), disk.size.0, disk.used.as_deref(), disk.held);
        let part = disk.partitions.iter();
        let parts = part.map(|p| (partition_path(&disk.path, p.number), p.size.0, p.used.as_deref(), p.held));
        for (path, size, used, held) in std::iter::once(whole).chain(parts) {
            // Of what a cluster's file says to be LVM, what is held has a group; an OSD's disk has its own, above.
            if used == Some("LVM") && held {
                let name = if path == "/dev/sda3" { SYSTEM.to_owned() } else { path.replace("/dev/", "vg-") };
                groups.push(group(&name, &path, size));
            }
        }
    }
    Ok(json!({ "leaf": 0, "children": groups }))
}
