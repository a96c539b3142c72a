//! `DELETE /nodes/{node}/ceph/osd/{osdid}`.

use serde_json::Value;

use super::super::{Need, ceph, ceph_on, secs};
use super::osd_id;
use crate::cluster::ceph::SideVolume;
use crate::kernel::tasks::{Steps, TaskCx};
use crate::kernel::{Call, PveError, Routes};

pub(super) fn routes(r: &mut Routes) {
    r.delete("/nodes/{node}/ceph/osd/{osdid}", destroy);
}

fn destroy(call: &mut Call<'_>) -> Result<Value, PveError> {
    let (id, node) = (osd_id(call), call.node.clone());
    let cleanup = call.params.flag("cleanup").unwrap_or(false);
    let read = call.cluster.ids.below(9000);
    let ceph = ceph(call, Need::Monitors)?;
    if ceph.crush.host_of(id).as_deref() != Some(&node) {
        // Perl tells where it was and how many lines it had read, since the text ends without a newline.
        let place = format!("at /usr/share/perl5/PVE/API2/Ceph/OSD.pm line 1008, <GEN{read}> line 2.");
        return Err(PveError::new(format!("OSD osd.{id} does not belong to node {node}! {place}")));
    }
    let Some(osd) = ceph.osds.get(&id) else { return Err(PveError::new(format!("no such OSD '{id}'"))) };
    if osd.is_in() {
        return Err(PveError::new("osd is in use (in == 1)"));
    }
    if osd.up {
        return Err(PveError::new("osd is still running (up == 1)"));
    }
    let steps = Steps::new().wait(secs(3)).run(move |t| remove(t, &node, id, cleanup));
    Ok(call.task("cephdestroyosd", format!("osd.{id}"), steps))
}

fn remove(t: &mut TaskCx<'_>, node: &str, id: u32, cleanup: bool) -> Result<(), String> {
    let now = t.now().seconds();
    let ceph = ceph_on(t.cluster, node, Need::Monitors)?;
    let Some(osd) = ceph.osds.get(&id).cloned() else { return Err(format!("no such OSD '{id}'")) };
    ceph.purge_osd(id, now);
    t.log(format!(
        "destroy OSD osd.{id}\nRemove osd.{id} from the CRUSH map\nRemove the osd.{id} authentication key.\nRemove OSD osd.{id}\n\
         Remove osd.{id} mclock max capacity iops settings from config"
    ));
    let (sides, others) = std::mem::take(&mut t.cluster.ceph.side_volumes)
        .into_iter()
        .partition::<Vec<_>, _>(|volume| volume.osd.as_ref().is_some_and(|(_, of)| *of == osd.uuid));
    t.cluster.ceph.side_volumes = others;
    let device = osd.device.as_ref().filter(|d| d.has_volume());
    for volume in sides {
        if cleanup {
            let said = t.cluster.settle_group(node, &volume.vg, &volume.path, &volume.name);
            t.log(said);
        } else {
            t.log(format!("--> Zapping: /dev/{}/{}", volume.vg, volume.name));
            t.cluster.ceph.side_volumes.push(SideVolume { osd: None, ..volume });
        }
        if device.is_none() {
            t.log(format!("--> Zapping successful for OSD: {id}"));
        }
    }
    let Some(device) = device else {
        // An OSD without LVM below, as recorded, or with a dead disk.
        let dir = format!("/var/lib/ceph/osd/ceph-{id}");
        t.log(format!(
            "Unmount OSD osd.{id} from  {dir}\numount: {dir}: not mounted.\ncommand '/bin/umount {dir}' failed: exit code 32"
        ));
        return Ok(());
    };
    // Belief: ceph-volume's output as published.
    if cleanup {
        let said = t.cluster.settle_group(node, &device.vg, &device.path, &osd.lv_name());
        t.log(said);
    } else {
        t.log(format!("--> Zapping: /dev/{}/{}", device.vg, osd.lv_name()));
    }
    t.log(format!("--> Zapping successful for OSD: {id}"));
    Ok(())
}
