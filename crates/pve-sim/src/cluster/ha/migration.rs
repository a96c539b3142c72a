//! `qmigrate`, as local managers do it: online or offline, local volumes copied (`with-local-disks`), `force`.
//!
//! Belief: what refuses a migration is read from qemu-server's QemuMigrate.pm; no migration was recorded.

use std::time::Duration;

use crate::cluster::Cluster;
use crate::cluster::guests::drive::Drive;
use crate::cluster::guests::power::BY_HA;
use crate::kernel::locks::Lock;
use crate::kernel::tasks::{Steps, TaskCx};

/// How long a migration takes besides the copying.
const MIGRATION: Duration = Duration::from_secs(8);
/// What the task's error says where the log says more.
const CHECK_LOG: &str = "can't migrate VM - check log";

/// The work of the task.
pub(super) fn steps(vmid: u32, target: String) -> Steps {
    let to = target.clone();
    Steps::new()
        .run(|t| {
            t.log(BY_HA);
            Ok(())
        })
        .lock(Lock::Vm(vmid))
        .run(move |t| begin(t, vmid, &to))
        .wait(MIGRATION)
        .run(move |t| finish(t, vmid, &target))
}

fn say(t: &mut TaskCx<'_>, text: &str) {
    let time = t.now().format("%Y-%m-%d %H:%M:%S");
    t.log(format!("{time} {text}"));
}

fn begin(t: &mut TaskCx<'_>, vmid: u32, target: &str) -> Result<(), String> {
    let node = t.node();
    let guest = t.cluster.guests.on(vmid, &node)?;
    if let Some(lock) = guest.config.lock() {
        return Err(format!("VM is locked ({lock})"));
    }
    let stopped = if guest.is_running() { "" } else { "stopped " };
    say(t, &format!("starting migration of {stopped}VM {vmid} to node '{target}'"));
    let problems = in_the_way(t.cluster, &node, vmid, target)?;
    if problems.is_empty() {
        return Ok(());
    }
    for problem in problems {
        t.log(problem);
    }
    Err(CHECK_LOG.to_owned())
}

/// The guest's drives whose volumes lie on the node alone.
fn local_drives(cluster: &Cluster, vmid: u32) -> Vec<(Drive, String)> {
    let drives = cluster.guests.get(vmid).into_iter().flat_map(|guest| guest.config.drives());
    let storage = |drive: &Drive| Some(drive.volume.split_once(':')?.0.to_owned());
    let local = |id: &String| cluster.storage.get(id).is_none_or(|storage| !storage.shared());
    drives.filter_map(|(_, drive)| storage(&drive).filter(local).map(|id| (drive, id))).collect()
}

/// What keeps the guest where it is, in the words of the log.
fn in_the_way(cluster: &Cluster, node: &str, vmid: u32, target: &str) -> Result<Vec<String>, String> {
    let mut problems = Vec::new();
    let drives = cluster.guests.get(vmid).into_iter().flat_map(|guest| guest.config.drives());
    for (_, drive) in drives {
        if let Some((id, _)) = drive.volume.split_once(':').filter(|_| !drive.volume.starts_with('/')) {
            cluster.storage.usable(id, target)?;
        }
    }
    for (drive, _) in local_drives(cluster, vmid) {
        let volume = &drive.volume;
        if drive.is_cdrom() && !drive.is_cloudinit() {
            problems.push(format!("can't migrate local disk '{volume}': local cdrom image"));
        } else if cluster.volume(node, volume).is_none() {
            problems.push(format!("can't migrate local disk '{volume}': volume '{volume}' does not exist"));
        }
    }
    Ok(problems)
}

fn finish(t: &mut TaskCx<'_>, vmid: u32, target: &str) -> Result<(), String> {
    let node = t.node();
    if !t.cluster.nodes.online(target) {
        say(t, "aborting phase 1 - cleanup resources");
        return Err("migration aborted".to_owned());
    }
    t.cluster.guests.on(vmid, &node)?;
    let volumes = local_drives(t.cluster, vmid);
    // Volumes keep their names; one that is there already, left by an earlier recovery, is not written over.
    if let Some((drive, id)) = volumes.iter().find(|(drive, _)| t.cluster.volume(target, &drive.volume).is_some()) {
        let volume = &drive.volume;
        t.log(format!("volume '{volume}' already exists"));
        return Err(format!("storage migration for '{volume}' to storage '{id}' failed - volume already exists"));
    }
    for (drive, id) in volumes {
        t.log(format!("copying local disk '{}' to storage '{id}'", drive.volume));
        t.cluster.carry(&node, target, &drive.volume);
    }
    if let Some(guest) = t.cluster.guests.get_mut(vmid) {
        target.clone_into(&mut guest.node);
    }
    say(t, "migration finished successfully");
    Ok(())
}
