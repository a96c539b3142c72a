//! `/nodes/{node}/disks`: the disks, and erasing them.

mod lvm;
#[cfg(test)]
mod tests;

use std::time::Duration;

use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::cluster::ceph::{OsdDevice, Role};
use crate::cluster::nodes::{Node, partition_path};
use crate::cluster::partitions::has_gpt;
use crate::kernel::locks::Lock;
use crate::kernel::tasks::Steps;
use crate::kernel::{Call, PveError, Routes};
use crate::shape::{DiskShape, Media, PartitionShape};

pub(crate) fn routes(r: &mut Routes) {
    r.get("/nodes/{node}/disks/list", list);
    r.get("/nodes/{node}/disks/lvm", lvm::list);
    r.put("/nodes/{node}/disks/wipedisk", wipe);
    r.post("/nodes/{node}/disks/initgpt", init);
}

/// What a disk or partition is used for that is mounted and tells nothing else.
const MOUNTED: &str = "mounted";

/// OSDs on a device: ids, and whether they are encrypted.
type Osds = Vec<(u32, bool)>;

fn osds_on(cluster: &Cluster, node: &str, path: &str) -> Osds {
    let fits = |on: &str, device: &OsdDevice| on == node && device.path == path && device.has_volume();
    let in_map = cluster.ceph.osds.iter().filter_map(|(id, osd)| {
        let device = osd.device.as_ref().filter(|device| fits(&osd.node, device))?;
        Some((*id, device.encrypted))
    });
    let left = cluster.ceph.leftovers.iter().filter(|left| fits(&left.node, &left.device));
    in_map.chain(left.map(|left| (left.id, left.device.encrypted))).collect()
}

fn list(call: &mut Call<'_>) -> Result<Value, PveError> {
    let partitions = call.params.flag("include-partitions") == Some(true);
    let skips_smart = call.params.flag("skipsmart") == Some(true);
    let wanted = call.params.text("type");
    let disks = call.cluster.nodes.get(&call.node).map(|node| node.disks.as_slice()).unwrap_or_default();
    let mut list = Vec::new();
    for disk in disks {
        let used = used(disk, partitions);
        let own = osds_on(call.cluster, &call.node, &disk.path);
        let of_parts =
            |part: &PartitionShape| osds_on(call.cluster, &call.node, &partition_path(&disk.path, part.number));
        let on_parts: Vec<Osds> = disk.partitions.iter().map(of_parts).collect();
        let no_osd = own.is_empty() && on_parts.iter().all(Vec::is_empty);
        if wants(wanted, used.as_deref(), no_osd, has_gpt(disk)) {
            let mut entry = disk_entry(disk, used, skips_smart, &own, &on_parts);
            add_sides(call.cluster, &call.node, &disk.path, &mut entry);
            list.push(entry);
        }
        for (part, osds) in disk.partitions.iter().zip(&on_parts).filter(|_| partitions) {
            if wants(wanted, part_used(part), osds.is_empty(), has_gpt(disk)) {
                let mut entry = partition_entry(disk, part, osds);
                add_sides(call.cluster, &call.node, &partition_path(&disk.path, part.number), &mut entry);
                list.push(entry);
            }
        }
    }
    Ok(list.into())
}

fn wants(wanted: Option<&str>, used: Option<&str>, no_osd: bool, gpt: bool) -> bool {
    match wanted {
        Some("unused") => used.is_none(),
        Some("journal_disks") => no_osd && (matches!(used, None | Some("LVM")) || (gpt && used == Some("partitions"))),
        _ => true,
    }
}

/// What the disk as a whole is used for. Without its partitions in the list, the first one's use stands for it.
fn used(disk: &DiskShape, partitions_listed: bool) -> Option<String> {
    if disk.used.is_some() || disk.partitions.is_empty() {
        return disk.used.clone();
    }
    let first = disk.partitions.iter().find_map(part_used).filter(|_| !partitions_listed);
    Some(first.unwrap_or("partitions").to_owned())
}

fn part_used(part: &PartitionShape) -> Option<&str> {
    part.used.as_deref().or(part.mounted.then_some(MOUNTED))
}

/// A disk of a virtual machine, of which PVE knows little.
fn is_virtio(disk: &DiskShape) -> bool {
    disk.path.starts_with("/dev/vd")
}

/// `/dev/disk/by-id/...`; a disk without a serial has none, nor has one on virtio.
fn by_id(disk: &DiskShape) -> Option<String> {
    if is_virtio(disk) {
        return None;
    }
    let bus = if disk.media == Media::Nvme { "nvme" } else { "ata" };
    let model = disk.model.as_deref().unwrap_or("SIMDISK").replace(' ', "_");
    let serial = disk.serial.as_deref().filter(|serial| *serial != "unknown")?;
    Some(format!("/dev/disk/by-id/{bus}-{model}_{serial}"))
}

fn disk_entry(
    disk: &DiskShape,
    used: Option<String>,
    skips_smart: bool,
    own: &[(u32, bool)],
    on_parts: &[Osds],
) -> Value {
    let virtio = is_virtio(disk);
    let kind = match disk.media {
        _ if virtio => "unknown",
        Media::Ssd => "ssd",
        Media::Nvme => "nvme",
        Media::Hdd => "hdd",
    };
    let (health, wearout) = match (skips_smart || virtio, disk.media) {
        (true, _) => ("UNKNOWN", json!("N/A")),
        (false, Media::Hdd) => ("PASSED", json!("N/A")),
        (false, _) => ("PASSED", json!(100)),
    };
    let mut entry = json!({
        "devpath": disk.path,
        "size": disk.size.0,
        "type": kind,
        "gpt": u8::from(has_gpt(disk)),
        "rpm": match disk.media {
            _ if virtio => -1,
            Media::Hdd => 7200,
            Media::Ssd | Media::Nvme => 0,
        },
        "vendor": match disk.media {
            _ if virtio => "0x1af4",
            Media::Nvme => "unknown",
            Media::Ssd | Media::Hdd => "ATA     ",
        },
        "model": disk.model.as_deref().unwrap_or("SIMDISK"),
        "serial": disk.serial.as_deref().unwrap_or("unknown"),
        "wwn": disk.wwn.as_deref().unwrap_or("unknown"),
        "health": health,
        "wearout": wearout,
    });
    if let Some(link) = by_id(disk) {
        entry["by_id_link"] = json!(link);
    }
    if disk.used.as_deref() == Some(MOUNTED) {
        entry["mounted"] = json!(1);
    }
    if let Some(used) = used {
        entry["used"] = json!(used);
    }
    // Of several partitions with an OSD the disk names the one that was read last.
    let shown =
        if own.is_empty() { on_parts.iter().rfind(|osds| !osds.is_empty()).map(Vec::as_slice) } else { Some(own) };
    add_osds(&mut entry, shown.unwrap_or_default());
    if let Some((_, encrypted)) = shown.and_then(|osds| osds.first()) {
        entry["osdencrypted"] = json!(u8::from(*encrypted));
    }
    entry
}

fn partition_entry(disk: &DiskShape, part: &PartitionShape, osds: &[(u32, bool)]) -> Value {
    let mut entry = json!({
        "devpath": partition_path(&disk.path, part.number),
        "parent": disk.path,
        "type": "partition",
        "gpt": u8::from(has_gpt(disk)),
        "size": part.size.0,
        "used": part_used(part),
    });
    if let Some(link) = by_id(disk) {
        entry["by_id_link"] = json!(format!("{link}-part{}", part.number));
    }
    if part.mounted {
        entry["mounted"] = json!(1);
    }
    add_osds(&mut entry, osds);
    if osds.first().is_some_and(|(_, encrypted)| *encrypted) {
        entry["encrypted"] = json!(1);
    }
    entry
}

/// OSD ids are texts; `-1` alone is a number.
fn add_osds(entry: &mut Value, osds: &[(u32, bool)]) {
    let Some((first, _)) = osds.first() else {
        entry["osdid"] = json!(-1);
        entry["osdid-list"] = Value::Null;
        return;
    };
    entry["osdid"] = json!(first.to_string());
    entry["osdid-list"] = osds.iter().map(|(id, _)| Value::from(id.to_string())).collect();
    entry["bluestore"] = json!(1);
}

/// Databases and logs of OSDs that lie on the device, counted; what there is none of is not told.
fn add_sides(cluster: &Cluster, node: &str, path: &str, entry: &mut Value) {
    for role in [Role::Db, Role::Wal] {
        let count = cluster.ceph.sides_on(node, path, role);
        if count > 0 {
            entry[role.word()] = json!(count);
        }
    }
}

/// What keeps a disk or partition from being erased; of a disk, its partitions count.
fn in_use(cluster: &Cluster, node: &Node, path: &str) -> Result<(), String> {
    let device = node.device(path).ok_or("not a valid block device")?;
    let parts =
        device.disk.partitions.iter().filter(|part| device.partition.is_none_or(|wanted| wanted == part.number));
    let parts = parts.map(|part| (partition_path(&device.disk.path, part.number), part.mounted, part.held));
    let whole_mounted = device.disk.used.as_deref() == Some(MOUNTED);
    let whole = device.partition.is_none().then(|| (device.disk.path.clone(), whole_mounted, device.disk.held));
    for (path, mounted, held) in whole.into_iter().chain(parts) {
        if mounted {
            return Err(format!("disk/partition '{path}' is mounted"));
        }
        // The logical volume of an OSD is active, and so is that of a database.
        if held || cluster.has_volumes(&node.name, &path) {
            return Err(format!("disk/partition '{path}' has a holder"));
        }
    }
    Ok(())
}

/// The node of the call, and the name of the device for the task: the kernel's without the folder.
fn target<'a>(call: &'a Call<'_>) -> Result<(&'a Node, String), PveError> {
    let path = call.params.need("disk");
    let node = call.cluster.nodes.get(&call.node).filter(|node| node.device(path).is_some());
    let node = node.ok_or_else(|| PveError::new("not a valid block device"))?;
    Ok((node, path.rsplit('/').next().unwrap_or(path).to_owned()))
}

fn wipe(call: &mut Call<'_>) -> Result<Value, PveError> {
    let (node, id) = target(call)?;
    let path = call.params.need("disk").to_owned();
    in_use(call.cluster, node, &path).map_err(PveError::new)?;
    let node = call.node.clone();
    let steps = Steps::new().lock(Lock::Disks(node.clone())).wait(Duration::from_secs(1)).run(move |t| {
        let known = t.cluster.nodes.get(&node).ok_or("not a valid block device")?;
        in_use(t.cluster, known, &path)?;
        let megabytes = known.device(&path).map_or(0, |device| device.size >> 20).min(200);
        if let Some(node) = t.cluster.nodes.get_mut(&node) {
            node.set_used(&path, None);
            if let Some(disk) = node.disks.iter_mut().find(|disk| disk.path == path) {
                disk.partitions.clear();
                (disk.gpt, disk.mbr) = (false, false);
            }
        }
        t.log(format!("wiping block device {path}"));
        t.log(format!("{megabytes}+0 records in"));
        t.log(format!("{megabytes}+0 records out"));
        Ok(())
    });
    Ok(call.task("wipedisk", id, steps))
}

fn init(call: &mut Call<'_>) -> Result<Value, PveError> {
    let (node, id) = target(call)?;
    let path = call.params.need("disk").to_owned();
    if let Some(device) = node.device(&path) {
        if device.partition.is_some() {
            return Err(PveError::new(format!("{path} is a partition")));
        }
        if device.used.is_some() {
            return Err(PveError::new(format!("disk {path} already in use")));
        }
    }
    let node = call.node.clone();
    let steps = Steps::new().lock(Lock::Disks(node.clone())).wait(Duration::from_secs(1)).run(move |t| {
        let disks = t.cluster.nodes.get_mut(&node).map(|node| node.disks.as_mut_slice()).unwrap_or_default();
        if let Some(disk) = disks.iter_mut().find(|disk| disk.path == path) {
            (disk.gpt, disk.mbr) = (true, false);
        }
        // Belief: sgdisk's own words.
        t.log("The operation has completed successfully.");
        Ok(())
    });
    Ok(call.task("diskinit", id, steps))
}
