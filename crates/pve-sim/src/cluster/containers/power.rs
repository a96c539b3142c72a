//! A container's power: what happens in `vzstart`, `vzstop`, `vzshutdown` and their like.
//!
//! Belief, all of it but the refusals: containers could not be started where the recordings were made.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{config, locked, volumes};
use crate::cluster::Cluster;
use crate::cluster::guests::Running;
use crate::cluster::guests::power::BY_HA;
use crate::kernel::locks::Lock;
use crate::kernel::params::property;
use crate::kernel::tasks::{Repeat, Steps, TaskCx};

const STARTING: Duration = Duration::from_secs(2);
const STOPPING: Duration = Duration::from_secs(1);
/// How long a system takes to end.
const SHUTTING_DOWN: Duration = Duration::from_secs(3);
/// How long PVE waits for it when nobody says.
const PATIENCE: u64 = 60;

impl Cluster {
    /// Starts a container at once, as the end of `vzstart` does. What there is to log.
    ///
    /// # Errors
    /// PVE's text: a volume is missing, a storage cannot be used, a bridge is not there.
    pub(crate) fn start_container(&mut self, vmid: u32) -> Result<Vec<String>, String> {
        let log = self.settle_container(vmid);
        let failed = |why: String| format!("startup for container '{vmid}' failed - {why}");
        let Some(guest) = self.guests.get(vmid) else { return Ok(log) };
        let (node, config) = (guest.node.clone(), guest.config.clone());
        let mut open = BTreeSet::new();
        for (_, mount) in volumes::of(&config).filter(|(_, mount)| volumes::mounts(mount) == volumes::Mounts::Volume) {
            let id = mount.storage().unwrap_or_default();
            let storage = self.storage.usable(id, &node)?.clone();
            self.activate(&storage)?;
            let missing = storage.missing(mount.name().unwrap_or_default());
            if self.volume(&node, &mount.volume).is_none() {
                return Err(failed(missing));
            }
            open.insert(mount.volume);
        }
        let bridges = self.nodes.get(&node).map(|node| node.bridges.clone()).unwrap_or_default();
        for (_, net) in nets(&config) {
            if let Some(bridge) = net.get("bridge").filter(|bridge| !bridges.contains(bridge)) {
                return Err(failed(format!("bridge '{bridge}' does not exist")));
            }
        }
        let memory = config.memory();
        let (now, pid) = (self.now, 10_000 + u32::try_from(self.ids.below(20_000)).unwrap_or_default());
        if let Some(guest) = self.guests.get_mut(vmid) {
            guest.running = Some(Running { since: now, pid, paused: false, memory, machine: (0, 0), open });
        }
        Ok(log)
    }

    /// Ends a container at once. What is pending waits for its next start.
    pub(crate) fn stop_container(&mut self, vmid: u32) {
        if let Some(guest) = self.guests.get_mut(vmid) {
            guest.running = None;
        }
    }
}

/// A container's network devices, by name.
pub fn nets(
    config: &crate::cluster::guests::Config,
) -> impl Iterator<Item = (String, std::collections::BTreeMap<String, String>)> + '_ {
    let nets = config.values.iter().filter(|(key, _)| config::numbered(key, "net"));
    nets.filter_map(|(key, text)| {
        let keys = property::keys("POST", "/nodes/{node}/lxc", key)?;
        Some((key.clone(), property::parse(key, keys, text).ok()?))
    })
}

/// The chain of every power task up to its work.
fn opening(vmid: u32, by_ha: bool) -> Steps {
    let steps = Steps::new();
    let steps = match by_ha {
        true => steps.run(|t| {
            t.log(BY_HA);
            Ok(())
        }),
        false => steps,
    };
    steps.lock(Lock::Ct(vmid))
}

fn unlocked(t: &TaskCx<'_>, vmid: u32, skiplock: bool) -> Result<(), String> {
    let guest = t.cluster.guests.ct_on(vmid, &t.node())?;
    if skiplock { Ok(()) } else { locked(guest, &["mounted"]) }
}

/// The work of `vzstart`.
pub fn start(vmid: u32, by_ha: bool, skiplock: bool) -> Steps {
    opening(vmid, by_ha)
        .run(move |t| {
            let guest = t.cluster.guests.ct_on(vmid, &t.node())?;
            if guest.config.get("template") == Some("1") {
                return Err("you can't start a CT if it's a template".to_owned());
            }
            unlocked(t, vmid, skiplock)?;
            match t.cluster.guests.ct_on(vmid, &t.node())?.is_running() {
                true => Err(format!("CT {vmid} already running")),
                false => Ok(()),
            }
        })
        .wait(STARTING)
        .run(move |t| {
            for line in t.cluster.start_container(vmid)? {
                t.warn(line);
            }
            Ok(())
        })
}

/// The work of `vzstop`.
pub fn stop(vmid: u32, by_ha: bool, skiplock: bool) -> Steps {
    opening(vmid, by_ha).run(move |t| unlocked(t, vmid, skiplock)).wait(STOPPING).run(move |t| {
        t.cluster.stop_container(vmid);
        Ok(())
    })
}

/// The end of a container's system, within `timeout` seconds; `force` stops what has not obeyed when the time is over.
fn ending(vmid: u32, timeout: Option<u64>, force: bool) -> impl FnMut(&mut TaskCx<'_>) -> Result<Repeat, String> {
    let mut waited = Duration::ZERO;
    let patience = Duration::from_secs(timeout.unwrap_or(PATIENCE));
    move |t| {
        if !t.cluster.guests.get(vmid).is_some_and(|guest| guest.is_running()) {
            return Ok(Repeat::Over);
        }
        if waited < SHUTTING_DOWN && waited < patience {
            waited += Duration::from_secs(1);
            return Ok(Repeat::Again);
        }
        if waited < SHUTTING_DOWN && !force {
            return Err("container did not stop".to_owned());
        }
        t.cluster.stop_container(vmid);
        Ok(Repeat::Over)
    }
}

/// The work of `vzshutdown`.
pub fn shutdown(vmid: u32, by_ha: bool, timeout: Option<u64>, force: bool) -> Steps {
    opening(vmid, by_ha)
        .run(move |t| unlocked(t, vmid, false))
        .repeat(Duration::from_secs(1), ending(vmid, timeout, force))
}

/// The work of `vzreboot`: ended, by force if need be, and started anew with what was pending.
pub fn reboot(vmid: u32, timeout: Option<u64>) -> Steps {
    opening(vmid, false)
        .run(move |t| unlocked(t, vmid, false))
        .repeat(Duration::from_secs(1), ending(vmid, timeout, true))
        .wait(STARTING)
        .run(move |t| {
            for line in t.cluster.start_container(vmid)? {
                t.warn(line);
            }
            Ok(())
        })
}

/// Ends what runs and goes on, for tasks that take a container elsewhere.
pub(super) fn ended_first(steps: Steps, vmid: u32, timeout: u64) -> Steps {
    steps.repeat(Duration::from_secs(1), ending(vmid, Some(timeout), false))
}
