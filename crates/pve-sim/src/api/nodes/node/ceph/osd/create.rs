//! `POST /nodes/{node}/ceph/osd`.
//!
//! The checks, the task's outcome, and what disks and tree show after it are held to recordings. Belief: what the task
//! does inside follows pve-manager's `API2/Ceph/OSD.pm` and `Diskmanage.pm` as read, and its log ceph-volume's output as
//! published.

use serde_json::Value;

use super::super::{Need, ceph, ceph_on, left_out, secs};
use crate::cluster::ceph::{OsdDevice, Role, SideVolume};
use crate::cluster::nodes::{Node, partition_path};
use crate::cluster::volume_groups::EXTENT;
use crate::kernel::locks::Lock;
use crate::kernel::tasks::{Steps, TaskCx};
use crate::kernel::{Call, PveError, Routes};

pub(super) fn routes(r: &mut Routes) {
    r.post("/nodes/{node}/ceph/osd", create);
}

/// What the new OSD is to be; or those, if there are to be several on the device.
#[derive(Clone)]
struct Plan {
    node: String,
    path: String,
    class: Option<String>,
    encrypted: bool,
    sides: Vec<Side>,
    /// So many, by Ceph's tool for several; one by that for one, if nothing is said.
    several: Option<u32>,
    vg: String,
}

/// A device of its own for database or log.
#[derive(Clone)]
struct Side {
    role: Role,
    path: String,
    size: u64,
}

/// The parameters for a role, and the part of the device that is taken for it if nobody says how much.
// Belief: the options bluestore_block_db_size and _wal_size, which come before that, are not looked at.
const ROLES: [(Role, &str, &str, u64); 2] =
    [(Role::Db, "db_dev", "db_dev_size", 10), (Role::Wal, "wal_dev", "wal_dev_size", 100)];

fn create(call: &mut Call<'_>) -> Result<Value, PveError> {
    ceph(call, Need::Config)?;
    let params = &call.params;
    for (_, name, ..) in ROLES {
        if params.has(name) && params.has("osds-per-device") {
            return Err(PveError::param(name, format!("cannot use 'osds-per-device' parameter with '{name}'")));
        }
    }
    for (at, (_, name, ..)) in ROLES.into_iter().enumerate() {
        let before = std::iter::once("dev").chain(ROLES[..at].iter().map(|(_, name, ..)| *name));
        let Some(device) = params.text(name) else { continue };
        if before.into_iter().any(|other| params.text(other) == Some(device)) {
            return Err(PveError::param(name, format!("cannot chose '{device}' for more than one type.")));
        }
    }
    let class = params.text("crush-device-class").map(str::to_owned);
    let encrypted = params.flag("encrypted").unwrap_or(false);
    let several = params.number("osds-per-device");
    let wanted = params.need("dev").to_owned();
    let given: Vec<_> = ROLES
        .into_iter()
        .filter_map(|(role, name, size, part)| {
            let gib = params.text(size).and_then(|text| text.parse::<f64>().ok());
            Some((role, params.text(name)?.to_owned(), gib, part))
        })
        .collect();
    let node = call.node.clone();
    // Belief: that this is what the wait for the monitors ends in where some are configured and none answers, too.
    if ceph(call, Need::Monitors).is_err() {
        return Err(PveError::new("got timeout"));
    }
    let Some(known) = call.cluster.nodes.get(&node) else {
        return Err(PveError::new(format!("no such node '{node}'")));
    };
    let path = resolve(known, &wanted)?;
    check_free(Some(known), &path).map_err(PveError::new)?;
    let whole = known.device(&path).map_or(0, |device| device.size);
    let mut sides = Vec::new();
    for (role, device, gib, part) in given {
        let device = resolve(known, &device)?;
        if known.device(&device).is_some_and(|device| device.used == Some("partitions")) {
            return Err(left_out(call, "POST /nodes/{node}/ceph/osd with partitions made for DB or WAL"));
        }
        check_side(Some(known), &device).map_err(PveError::new)?;
        let size = gib.map_or(whole / part, |gib| (gib * f64::from(1 << 30)) as u64);
        sides.push(Side { role, path: device, size });
    }
    let name = path.trim_start_matches("/dev/").to_owned();
    let vg = format!("ceph-{}", call.cluster.ids.uuid());
    let plan = Plan { node: node.clone(), path, class, encrypted, sides, several, vg };
    let wipe = plan.clone();
    let mut steps = Steps::new().lock(Lock::Disks(node)).run(|_| Ok(())).run(move |t| begin(t, &wipe));
    for nth in 0..several.unwrap_or(1) {
        let make = plan.clone();
        steps = steps.wait(secs(if nth == 0 { 8 } else { 4 })).run(move |t| finish(t, &make));
    }
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

fn check_side(node: Option<&Node>, path: &str) -> Result<(), String> {
    match node.and_then(|n| n.device(path)).map(|device| device.used) {
        Some(None | Some("LVM")) => Ok(()),
        _ => Err(format!("device '{path}' is already in use and has no LVM on it")),
    }
}

/// Under the lock: looks again, makes the volumes for database and log, wipes, and changes the partition's type. All of that
/// stays if the rest fails.
fn begin(t: &mut TaskCx<'_>, plan: &Plan) -> Result<(), String> {
    let path = &plan.path;
    check_free(t.cluster.nodes.get(&plan.node), path)?;
    for side in &plan.sides {
        check_side(t.cluster.nodes.get(&plan.node), &side.path)?;
    }
    t.log(format!("create OSD on {path} (bluestore)"));
    for side in &plan.sides {
        let role = side.role.word();
        t.log(format!("creating block.{role} on '{}'", side.path));
        let volume = make_side(t, &plan.node, side)?;
        t.log(format!("using '{}/{}' for block.{role}", volume.vg, volume.name));
        t.cluster.ceph.side_volumes.push(volume);
    }
    t.log(format!("wiping block device {path}"));
    t.log("200+0 records in\n200+0 records out\n209715200 bytes (210 MB, 200 MiB) copied, 0.6 s, 350 MB/s");
    let Some(node) = t.cluster.nodes.get_mut(&plan.node) else { return Ok(()) };
    if node.device(path).is_some_and(|d| d.partition.is_some()) {
        node.set_used(path, Some("LVM"));
    }
    Ok(())
}

/// A volume for database or log, in a new group or in the first of Ceph's that lies on the device.
fn make_side(t: &mut TaskCx<'_>, node: &str, side: &Side) -> Result<SideVolume, String> {
    let Side { role, path, size } = side;
    let device = t.cluster.nodes.get(node).and_then(|node| node.device(path));
    let (whole, used) = device.map_or((0, false), |device| (device.size, device.used.is_some()));
    if whole < *size {
        return Err(format!("'{path}' is smaller than requested size '{size}' bytes"));
    }
    let name = format!("osd-{}-{}", role.word(), t.cluster.ids.uuid());
    let (vg, free) = if used {
        let mut groups = t.cluster.volume_groups(node);
        groups.retain(|group| group.path == *path && group.name.starts_with("ceph-"));
        groups.sort_by(|a, b| a.name.cmp(&b.name));
        let group = groups.into_iter().next().ok_or_else(|| format!("no ceph vg found on '{path}'"))?;
        (group.name, group.free)
    } else {
        if let Some(node) = t.cluster.nodes.get_mut(node) {
            node.set_used(path, Some("LVM"));
        }
        (format!("ceph-{}", t.cluster.ids.uuid()), crate::cluster::volume_groups::room(whole))
    };
    let size = (size >> 10 << 10).div_ceil(EXTENT) * EXTENT;
    if free < size {
        // Belief: LVM's own words; PVE's check before compares bytes with KiB.
        return Err(format!(
            "lvcreate '{vg}/{name}' error:   Volume group \"{vg}\" has insufficient free space ({} extents): {} required.",
            free / EXTENT,
            size / EXTENT
        ));
    }
    let created = t.now().seconds();
    Ok(SideVolume { node: node.to_owned(), path: path.clone(), vg, name, size, role: *role, osd: None, created })
}

/// Ceph's tool makes an OSD.
fn finish(t: &mut TaskCx<'_>, plan: &Plan) -> Result<(), String> {
    let Plan { node, path, class, vg, .. } = plan;
    let nobodys = |t: &TaskCx<'_>, role: Role, on: &str| {
        let made = t.cluster.ceph.side_volumes.iter().rev();
        made.into_iter().find(|v| v.node == *node && v.path == on && v.role == role && v.osd.is_none()).cloned()
    };
    let sides: Vec<SideVolume> = plan.sides.iter().filter_map(|side| nobodys(t, side.role, &side.path)).collect();
    let blocks: String = sides.iter().map(|v| format!(" --block.{} {}/{}", v.role.word(), v.vg, v.name)).collect();
    let (tool, number) = match plan.several {
        Some(number) => (format!("batch --osds-per-device {number} --yes --no-auto -- {path}"), number),
        None => (format!("create{blocks} --data {path}"), 1),
    };
    let command = format!("command 'ceph-volume lvm {tool}' failed: exit code 1");
    let fsid = t.cluster.ids.uuid();
    t.log("Running command: /usr/bin/ceph-authtool --gen-print-key");
    t.log(format!("Running command: /usr/bin/ceph --cluster ceph --name client.bootstrap-osd osd new {fsid}"));
    let now = t.now().seconds();
    let Some((size, kind)) = t.cluster.nodes.get(node).and_then(|n| {
        let device = n.device(path)?;
        Some((device.size / u64::from(number), crate::cluster::ceph::class_of(device.disk.media)))
    }) else {
        return Err(command);
    };
    if let Err(why) = ceph_on(t.cluster, node, Need::Monitors) {
        t.log(format!(" stderr: {why}\n-->  RuntimeError: Unable to create a new OSD id"));
        return Err(command);
    }
    let device = OsdDevice {
        path: path.clone(),
        size,
        kind: kind.into(),
        encrypted: plan.encrypted,
        vg: vg.clone(),
        created: now,
        dead: false,
    };
    if let Some(node) = t.cluster.nodes.get_mut(node) {
        node.set_used(path, Some("LVM"));
    }
    let id = t.cluster.ceph_now().create_osd(&fsid, node, device, class.as_deref(), now);
    for volume in &mut t.cluster.ceph.side_volumes {
        if sides.iter().any(|side| side.name == volume.name) {
            volume.osd = Some((id, fsid.clone()));
        }
    }
    if let Some(osd) = t.cluster.ceph.osds.get_mut(&id) {
        osd.parts = sides.into_iter().map(|side| (side.role, side.path, side.size)).collect();
    }
    t.log(format!("Running command: vgcreate --force --yes {vg} {path}"));
    t.log(format!(
        " stdout: Physical volume \"{path}\" successfully created.\n stdout: Volume group \"{vg}\" successfully created"
    ));
    t.log(format!("Running command: lvcreate --yes -l {}%FREE -n osd-block-{fsid} {vg}", 100 / number));
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
