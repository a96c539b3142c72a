//! `GET /nodes/{node}/ceph/osd/{osdid}/metadata` and `/lv-info`.

use serde_json::{Value, json};

use super::super::{Need, ceph};
use super::{osd_id, side_node};
use crate::cluster::ceph::{OsdDevice, SideVolume, lv_name};
use crate::kernel::clock::Time;
use crate::kernel::{Call, PveError, Routes};

pub(super) fn routes(r: &mut Routes) {
    r.get("/nodes/{node}/ceph/osd/{osdid}/metadata", metadata);
    r.get("/nodes/{node}/ceph/osd/{osdid}/lv-info", lv_info);
}

fn metadata(call: &mut Call<'_>) -> Result<Value, PveError> {
    let (id, node) = (osd_id(call), call.node.clone());
    let ceph = ceph(call, Need::Monitors)?;
    let ip = ceph.daemon_ip(&node);
    let Some(osd) = ceph.osds.get(&id) else {
        return Err(PveError::new(format!("error with 'osd metadata': mon_cmd failed - osd.{id} does not exist")));
    };
    if osd.node != node {
        return Err(PveError::new(format!("OSD '{id}' does not exists on host '{node}'")));
    }
    if !osd.booted {
        // Ceph has no metadata of an OSD that was never up, and no words for it either.
        return Err(PveError::new("error with 'osd metadata': mon_cmd failed - "));
    }
    let port = 6800 + id * 8;
    let pid = 20_000 + id;
    let addr = |n: u32| format!("[v2:{ip}:{}/{pid},v1:{ip}:{}/{pid}]", port + n, port + n + 1);
    let device = osd.device.as_ref();
    let path = device.map_or("", |d| d.path.as_str());
    let mut data = json!({
        "id": id, "hostname": node, "version": format!("{} ({})", ceph.release.short(), ceph.release.name()),
        "osd_data": format!("/var/lib/ceph/osd/ceph-{id}"), "osd_objectstore": "bluestore",
        "mem_usage": if osd.running { 640 << 20 } else { 0 },
        "encrypted": u8::from(device.is_some_and(|d| d.encrypted)),
        "front_addr": addr(0), "back_addr": addr(2), "hb_front_addr": addr(4), "hb_back_addr": addr(6),
    });
    if osd.running {
        data["pid"] = json!(pid);
    }
    let on_disk = !path.is_empty();
    let block = json!({
        "device": "block", "size": osd.size(), "support_discard": true,
        "type": device.map_or("hdd", |d| if d.kind == "hdd" { "hdd" } else { "ssd" }),
        "dev_node": on_disk.then(|| format!("/dev/dm-{id}")), "physical_device": path.rsplit('/').next(),
    });
    let mut devices = vec![block];
    for (role, path, size) in &osd.parts {
        // Ceph names the disk, of a partition, too.
        // Belief: from Ceph's sources; no OSD with a device of its own for its database was recorded.
        let disk = path.rsplit('/').next().unwrap_or_default().trim_end_matches(|c: char| c.is_ascii_digit());
        let disk = if path.contains("/nvme") {
            path.rsplit('/').next().and_then(|name| name.split('p').next())
        } else {
            Some(disk)
        };
        devices.push(json!({
            "device": role.word(), "size": size, "support_discard": true, "type": "ssd",
            "dev_node": side_node(id, *role), "physical_device": disk,
        }));
    }
    Ok(json!({ "osd": data, "devices": devices }))
}

fn lv_info(call: &mut Call<'_>) -> Result<Value, PveError> {
    let (id, node) = (osd_id(call), call.node.clone());
    let kind = call.params.text("type").unwrap_or("block").to_owned();
    let ceph = ceph(call, Need::Config)?;
    let in_map: Option<(&str, &OsdDevice)> =
        ceph.osds.get(&id).filter(|o| o.node == node).and_then(|o| Some((o.uuid.as_str(), o.device.as_ref()?)));
    // LVM still finds what the monitors have forgotten.
    let left = ceph.leftovers.iter().find(|left| left.id == id && left.node == node);
    let found = in_map.filter(|(_, device)| device.has_volume());
    let block = found.or(left.map(|left| (left.uuid.as_str(), &left.device)));
    let tagged = |uuid: &str| {
        let of = |v: &&SideVolume| v.node == node && v.osd.as_ref().is_some_and(|(n, of)| *n == id && of == uuid);
        ceph.side_volumes.iter().filter(of).collect::<Vec<_>>()
    };
    // Without its own volume, by what Ceph knows of it.
    let uuid = block.map(|(uuid, _)| uuid).or_else(|| ceph.osds.get(&id).map(|osd| osd.uuid.as_str()));
    let sides = uuid.map(tagged).unwrap_or_default();
    if block.is_none() && sides.is_empty() {
        return Err(PveError::new(format!(
            "OSD '{id}' not found in 'ceph-volume lvm list' on node '{node}'.\nMaybe it was created before LVM became the default?"
        )));
    }
    let not_found = || PveError::new(format!("volume type '{kind}' not found for OSD {id}"));
    if kind != "block" {
        let volume = sides.iter().find(|volume| volume.role.word() == kind).ok_or_else(not_found)?;
        let (name, vg) = (&volume.name, &volume.vg);
        let created = Time::from_unix(volume.created as u64);
        return Ok(json!({
            "creation_time": created.format("%Y-%m-%d %H:%M:%S +0000"), "lv_name": name, "lv_path": format!("/dev/{vg}/{name}"),
            "lv_size": volume.size, "lv_uuid": name.chars().rev().filter(|c| *c != '-').collect::<String>(), "vg_name": vg,
        }));
    }
    let (uuid, device) = block.ok_or_else(not_found)?;
    let (name, vg) = (lv_name(uuid), &device.vg);
    // The LV's own id: made from the OSD's so that it stays the same.
    let lv_uuid = uuid.replace('-', "").chars().rev().collect::<String>();
    let created = Time::from_unix(device.created as u64);
    Ok(json!({
        "creation_time": created.format("%Y-%m-%d %H:%M:%S +0000"), "lv_name": name, "lv_path": format!("/dev/{vg}/{name}"),
        "lv_size": device.size, "lv_uuid": lv_uuid, "vg_name": vg,
    }))
}
