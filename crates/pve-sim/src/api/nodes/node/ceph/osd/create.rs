//! `POST /nodes/{node}/ceph/osd`.
//!
//! The checks, the task's outcome, and what disks and tree show after it are held to recordings. Belief: what the task
//! does inside follows pve-manager's `API2/Ceph/OSD.pm` and `Diskmanage.pm` as read, and its log ceph-volume's output as
//! published.

use serde_json::Value;

use super::super::{Need, ceph, ceph_on, left_out, secs};
use crate::cluster::ceph::OsdDevice;
use crate::cluster::nodes::{Node, partition_path};
use crate::kernel::locks::Lock;
use crate::kernel::tasks::{Steps, TaskCx};
use crate::kernel::{Call, PveError, Routes};

pub(super) fn routes(r: &mut Routes) {
    r.post("/nodes/{node}/ceph/osd", create);
}

/// What the new OSD is to be.
#[derive(Clone)]
struct Plan {
    node: String,
    path: String,
    class: Option<String>,
    encrypted: bool,
    fsid: String,
    vg: String,
}

fn create(call: &mut Call<'_>) -> Result<Value, PveError> {
    ceph(call, Need::Config)?;
    let params = &call.params;
    for role in ["db_dev", "wal_dev"] {
        if params.has(role) && params.has("osds-per-device") {
            return Err(PveError::param(role, format!("cannot use 'osds-per-device' parameter with '{role}'")));
        }
    }
    for role in ["db_dev", "wal_dev"] {
        if params.text(role).is_some_and(|device| device == params.need("dev")) {
            let text = format!("cannot chose '{}' for more than one type.", params.need("dev"));
            return Err(PveError::param(role, text));
        }
    }
    if ["db_dev", "wal_dev", "osds-per-device"].into_iter().any(|name| params.has(name)) {
        return Err(left_out(call, "POST /nodes/{node}/ceph/osd with DB or WAL devices or several OSDs on a device"));
    }
    let class = params.text("crush-device-class").map(str::to_owned);
    let encrypted = params.flag("encrypted").unwrap_or(false);
    let wanted = params.need("dev").to_owned();
    let node = call.node.clone();
    // Belief: that this is what the wait for the monitors ends in where some are configured and none answers, too.
    if ceph(call, Need::Monitors).is_err() {
        return Err(PveError::new("got timeout"));
    }
    let path = match call.cluster.nodes.get(&node) {
        Some(node) => resolve(node, &wanted)?,
        None => return Err(PveError::new(format!("no such node '{node}'"))),
    };
    check_free(call.cluster.nodes.get(&node), &path).map_err(PveError::new)?;
    let name = path.trim_start_matches("/dev/").to_owned();
    let (fsid, vg) = (call.cluster.ids.uuid(), format!("ceph-{}", call.cluster.ids.uuid()));
    let plan = Plan { node: node.clone(), path, class, encrypted, fsid, vg };
    let (wipe, make) = (plan.clone(), plan);
    let steps = Steps::new()
        .lock(Lock::Disks(node))
        .run(|_| Ok(()))
        .run({
            let plan = wipe;
            move |t| begin(t, &plan)
        })
        .wait(secs(8))
        .run(move |t| finish(t, &make));
    Ok(call.task("cephcreateosd", name, steps))
}

/// The real path behind a path or by-id link.
fn resolve(node: &Node, wanted: &str) -> Result<String, PveError> {
    let absolute = if wanted.starts_with('/') { wanted.to_owned() } else { format!("/{wanted}") };
    let path = match absolute.strip_prefix("/dev/disk/by-id/") {
        Some(link) => by_id(node, link).ok_or_else(|| PveError::new("not a valid block device"))?,
        None => absolute,
    };
    if !path.starts_with("/dev/") {
        return Err(PveError::new(format!("got unusual device path '{path}'")));
    }
    let name = path.trim_start_matches("/dev/");
    // Devices that exist on every node but are no disks.
    if name.starts_with("loop") || name.starts_with("dm-") || name.starts_with("md") {
        return Err(PveError::new(format!("unable to get device info for '{path}'")));
    }
    let system = name.starts_with("sda") && !node.disks.is_empty();
    if node.device(&path).is_none() && !system {
        return Err(PveError::new("not a valid block device"));
    }
    Ok(path)
}

/// A link's last part ends with the disk's serial, and with `-partN` for a partition.
fn by_id(node: &Node, link: &str) -> Option<String> {
    let (base, part) = match link.rsplit_once("-part") {
        Some((base, number)) => (base, Some(number.parse().ok()?)),
        None => (link, None),
    };
    let fits = |serial: &str| base.strip_suffix(serial).is_some_and(|rest| rest.ends_with(['_', '-']));
    let disk = node.disks.iter().find(|d| d.serial.as_deref().is_some_and(fits))?;
    Some(part.map_or_else(|| disk.path.clone(), |number| partition_path(&disk.path, number)))
}

fn check_free(node: Option<&Node>, path: &str) -> Result<(), String> {
    match node.and_then(|n| n.device(path)) {
        Some(device) if device.used.is_none() => Ok(()),
        // The system disk is none of the node's data disks: always in use.
        _ => Err(format!("device '{path}' is already in use")),
    }
}

/// Under the lock: looks again, wipes, and changes the partition's type, which stays if the rest fails.
fn begin(t: &mut TaskCx<'_>, plan: &Plan) -> Result<(), String> {
    let path = &plan.path;
    check_free(t.cluster.nodes.get(&plan.node), path)?;
    t.log(format!("create OSD on {path} (bluestore)\nwiping block device {path}"));
    t.log("200+0 records in\n200+0 records out\n209715200 bytes (210 MB, 200 MiB) copied, 0.6 s, 350 MB/s");
    let Some(node) = t.cluster.nodes.get_mut(&plan.node) else { return Ok(()) };
    if node.device(path).is_some_and(|d| d.partition.is_some()) {
        node.set_used(path, Some("LVM"));
    }
    Ok(())
}

fn finish(t: &mut TaskCx<'_>, plan: &Plan) -> Result<(), String> {
    let Plan { node, path, class, encrypted, fsid, vg } = plan;
    let command = format!("command 'ceph-volume lvm create --data {path}' failed: exit code 1");
    t.log("Running command: /usr/bin/ceph-authtool --gen-print-key");
    t.log(format!("Running command: /usr/bin/ceph --cluster ceph --name client.bootstrap-osd osd new {fsid}"));
    let now = t.now().seconds();
    let Some((size, kind)) = t.cluster.nodes.get(node).and_then(|n| {
        let device = n.device(path)?;
        Some((device.size, crate::cluster::ceph::class_of(device.disk.media)))
    }) else {
        return Err(command);
    };
    if let Err(why) = ceph_on(t.cluster, node, Need::Monitors) {
        t.log(format!(" stderr: {why}\n-->  RuntimeError: Unable to create a new OSD id"));
        return Err(command);
    }
    let encrypted = *encrypted;
    let (vg_name, path_name) = (vg.clone(), path.clone());
    let device =
        OsdDevice { path: path_name, size, kind: kind.into(), encrypted, vg: vg_name, created: now, dead: false };
    if let Some(node) = t.cluster.nodes.get_mut(node) {
        node.set_used(path, Some("LVM"));
    }
    let id = t.cluster.ceph_now().create_osd(fsid, node, device, class.as_deref(), now);
    t.log(format!("Running command: vgcreate --force --yes {vg} {path}"));
    t.log(format!(
        " stdout: Physical volume \"{path}\" successfully created.\n stdout: Volume group \"{vg}\" successfully created"
    ));
    t.log(format!("Running command: lvcreate --yes -l 100%FREE -n osd-block-{fsid} {vg}"));
    t.log(format!(" stdout: Logical volume \"osd-block-{fsid}\" created."));
    t.log(format!(
        "Running command: /usr/bin/ceph-osd --cluster ceph --osd-objectstore bluestore --mkfs -i {id} --osd-uuid {fsid} --setuser ceph --setgroup ceph"
    ));
    t.log(format!("--> ceph-volume lvm prepare successful for: {path}"));
    t.log(format!("Running command: /usr/bin/systemctl enable ceph-volume@lvm-{id}-{fsid}"));
    t.log(format!("Running command: /usr/bin/systemctl start ceph-osd@{id}"));
    t.log(format!("--> ceph-volume lvm activate successful for osd ID: {id}"));
    t.log(format!("--> ceph-volume lvm create successful for: {path}"));
    Ok(())
}
