//! `vzmigrate`: to another node, by ending the container and starting it there.

use std::time::Duration;

use super::{locked, power, volumes};
use crate::cluster::Cluster;
use crate::cluster::guests::drive::Drive;
use crate::cluster::guests::power::BY_HA;
use crate::kernel::locks::Lock;
use crate::kernel::tasks::{Steps, TaskCx};

const MIGRATION: Duration = Duration::from_secs(5);
const CHECK_LOG: &str = "can't migrate CT - check log";

/// The work of the task. `restart`: what runs is ended first and started there, within so many seconds.
pub fn steps(vmid: u32, target: String, restart: Option<u64>) -> Steps {
    let (to, there) = (target.clone(), target.clone());
    let steps = Steps::new().lock(Lock::Ct(vmid)).run(move |t| begin(t, vmid, &to, restart.is_some()));
    let ran = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let noted = ran.clone();
    let steps = steps.run(move |t| {
        let runs = t.cluster.guests.get(vmid).is_some_and(|guest| guest.is_running());
        noted.store(runs, std::sync::atomic::Ordering::Relaxed);
        if runs {
            say(t, "starting container shutdown");
        }
        Ok(())
    });
    let steps = power::ended_first(steps, vmid, restart.unwrap_or(180));
    steps.wait(MIGRATION).run(move |t| finish(t, vmid, &target)).run(move |t| {
        if ran.load(std::sync::atomic::Ordering::Relaxed) {
            say(t, &format!("start container on target node '{there}'"));
            for line in t.cluster.start_container(vmid)? {
                t.warn(line);
            }
        }
        Ok(())
    })
}

/// The same for HA's local manager, which leaves the start to HA.
pub fn by_ha(vmid: u32, target: String) -> Steps {
    let to = target.clone();
    let steps = Steps::new()
        .run(|t| {
            t.log(BY_HA);
            Ok(())
        })
        .lock(Lock::Ct(vmid));
    power::ended_first(steps, vmid, 180)
        .run(move |t| begin(t, vmid, &to, false))
        .wait(MIGRATION)
        .run(move |t| finish(t, vmid, &target))
}

fn say(t: &mut TaskCx<'_>, text: &str) {
    let time = t.now().format("%Y-%m-%d %H:%M:%S");
    t.log(format!("{time} {text}"));
}

/// The volumes that lie on the node alone.
fn local(cluster: &Cluster, vmid: u32) -> Vec<Drive> {
    let mounts = cluster.guests.get(vmid).into_iter().flat_map(|guest| volumes::of(&guest.config));
    let volumes = mounts.map(|(_, mount)| mount).filter(|mount| volumes::mounts(mount) == volumes::Mounts::Volume);
    let shared = |mount: &Drive| mount.storage().and_then(|id| cluster.storage.get(id)).is_some_and(|s| s.shared());
    volumes.filter(|mount| !shared(mount)).collect()
}

fn begin(t: &mut TaskCx<'_>, vmid: u32, target: &str, restart: bool) -> Result<(), String> {
    let node = t.node();
    let guest = t.cluster.guests.ct_on(vmid, &node)?;
    locked(guest, &[])?;
    if guest.is_running() && !restart {
        return Err("lxc live migration is currently not implemented".to_owned());
    }
    let ip = t.cluster.nodes.get(target).map(|node| node.ip.clone()).unwrap_or_default();
    let mounts: Vec<_> = volumes::of(&guest.config).collect();
    say(t, &format!("starting migration of CT {vmid} to node '{target}' ({ip})"));
    for (key, mount) in mounts {
        let shared = mount.options.get("shared").is_some_and(|flag| flag == "1");
        match volumes::mounts(&mount) {
            volumes::Mounts::Volume => {
                t.cluster.storage.usable(mount.storage().unwrap_or_default(), target)?;
            }
            kind if !shared => {
                let kind = if kind == volumes::Mounts::Bind { "bind" } else { "device" };
                say(t, &format!("ERROR: cannot migrate local {kind} mount point '{key}'"));
                return Err(CHECK_LOG.to_owned());
            }
            _ => {}
        }
    }
    for mount in local(t.cluster, vmid) {
        say(t, &format!("found local volume '{}' (in current VM config)", mount.volume));
    }
    Ok(())
}

fn finish(t: &mut TaskCx<'_>, vmid: u32, target: &str) -> Result<(), String> {
    let node = t.node();
    if !t.cluster.nodes.online(target) {
        say(t, "aborting phase 1 - cleanup resources");
        return Err("migration aborted".to_owned());
    }
    t.cluster.guests.ct_on(vmid, &node)?;
    let volumes = local(t.cluster, vmid);
    if let Some(mount) = volumes.iter().find(|mount| t.cluster.volume(target, &mount.volume).is_some()) {
        say(t, &format!("ERROR: volume '{}' already exists", mount.volume));
        return Err("migration aborted".to_owned());
    }
    for mount in volumes {
        t.cluster.carry(&node, target, &mount.volume);
    }
    if let Some(guest) = t.cluster.guests.get_mut(vmid) {
        target.clone_into(&mut guest.node);
    }
    say(t, "start final cleanup");
    say(t, "migration finished successfully");
    Ok(())
}
