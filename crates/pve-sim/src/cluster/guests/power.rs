//! A guest's power: what happens in `qmstart`, `qmstop`, `qmshutdown` and their like.

use std::time::Duration;

use super::drive::DriveKey;
use super::{Running, disks};
use crate::cluster::{Cluster, containers};
use crate::kernel::locks::Lock;
use crate::kernel::tasks::{Repeat, Steps, TaskCx, Upid};

/// How long QEMU takes to be there.
const STARTING: Duration = Duration::from_secs(2);
/// How long QEMU takes to be gone.
const STOPPING: Duration = Duration::from_secs(1);
/// How long an operating system takes to shut down.
const SHUTTING_DOWN: Duration = Duration::from_secs(5);
/// How long PVE waits for it when nobody says.
const PATIENCE: u64 = 60;

/// What the first line of a task says that the HA manager began.
pub const BY_HA: &str = "task started by HA resource agent";

impl Cluster {
    /// Starts a guest at once, as the end of `qmstart` does. What there is to log.
    ///
    /// # Errors
    /// PVE's text: a volume is missing, a storage cannot be used.
    pub(crate) fn power_on(&mut self, vmid: u32) -> Result<Vec<String>, String> {
        self.settle_pending(vmid);
        let Some(guest) = self.guests.get(vmid) else { return Ok(Vec::new()) };
        let node = guest.node.clone();
        let mut log = Vec::new();
        if let Some(bridge) = self.missing_bridge(&guest.config, &node) {
            // Belief: what PVE's script for network devices says, and how QEMU ends; recorded were none.
            log.push(format!("bridge '{bridge}' does not exist"));
            return Err(format!("{}\nstart failed: QEMU exited with code 1", log.join("\n")));
        }
        let mut drives: Vec<_> = guest.config.drives().filter(|(key, _)| !key.is_unused()).collect();
        // The cloud-init drive is written before the volumes are looked at.
        drives.sort_by_key(|(_, drive)| !drive.is_cloudinit());
        let mut open = std::collections::BTreeSet::new();
        for (key, drive) in drives {
            let Some((id, name)) = drive.volume.split_once(':').filter(|_| !drive.volume.starts_with('/')) else {
                continue;
            };
            let storage = self.storage.usable(id, &node)?;
            self.activate(storage)?;
            let missing = storage.missing(name);
            if drive.is_cloudinit() {
                log.extend(self.write_cloudinit(&node, vmid, &key)?);
            } else if self.volume(&node, &drive.volume).is_none() {
                return Err(missing);
            }
            open.insert(drive.volume);
        }
        let (now, pid) = (self.now, 10_000 + u32::try_from(self.ids.below(20_000)).unwrap_or_default());
        if let Some(guest) = self.guests.get_mut(vmid) {
            let (memory, machine) = (guest.config.memory(), machine(guest.config.get("machine")));
            guest.running = Some(Running { since: now, pid, paused: false, memory, machine, open });
        }
        Ok(log)
    }

    /// Writes the cloud-init drive; where its volume is not there (the guest came from another node), it is made anew
    /// under its name.
    pub(crate) fn write_cloudinit(&mut self, node: &str, vmid: u32, key: &DriveKey) -> Result<Vec<String>, String> {
        let Some(drive) = self.guests.get(vmid).and_then(|guest| guest.config.drive(key)) else {
            return Ok(Vec::new());
        };
        let mut log = Vec::new();
        if self.volume(node, &drive.volume).is_none()
            && let Some((id, name)) = drive.volume.split_once(':')
        {
            let format = name.rsplit_once('.').map_or("raw", |(_, extension)| extension).to_owned();
            let made = self.allocate(node, id, vmid, Some(name), &format, disks::CLOUDINIT)?;
            log.extend(Some(made.log).filter(|line| !line.is_empty()));
        }
        self.change_volume(node, &drive.volume, |volume| volume.used = volume.size.min(disks::CLOUDINIT));
        log.push("generating cloud-init ISO".to_owned());
        Ok(log)
    }

    /// Ends a guest at once.
    pub(crate) fn power_off(&mut self, vmid: u32) {
        if let Some(guest) = self.guests.get_mut(vmid) {
            guest.running = None;
        }
        self.settle_pending(vmid);
    }

    /// Starts a guest for the HA manager.
    pub fn ha_start(&mut self, node: &str, vmid: u32) -> Upid {
        if self.guests.get(vmid).is_some_and(super::Guest::is_container) {
            let steps = containers::power::start(vmid, true, false);
            return self.start_task(node, "root@pam", "vzstart", vmid.to_string(), steps);
        }
        self.start_task(node, "root@pam", "qmstart", vmid.to_string(), start(vmid, true, false))
    }

    /// Ends a guest for the HA manager: shut down within `timeout` seconds or stopped after them; with 0 at once.
    pub fn ha_stop(&mut self, node: &str, vmid: u32, timeout: u64) -> Upid {
        if self.guests.get(vmid).is_some_and(super::Guest::is_container) {
            let (kind, steps) = match timeout {
                0 => ("vzstop", containers::power::stop(vmid, true, false)),
                _ => ("vzshutdown", containers::power::shutdown(vmid, true, Some(timeout), true)),
            };
            return self.start_task(node, "root@pam", kind, vmid.to_string(), steps);
        }
        match timeout {
            0 => self.start_task(node, "root@pam", "qmstop", vmid.to_string(), stop(vmid, true, false)),
            _ => {
                let steps = shutdown(vmid, true, false, Some(timeout), true);
                self.start_task(node, "root@pam", "qmshutdown", vmid.to_string(), steps)
            }
        }
    }
}

/// The version in a machine type: `pc-q35-9.2+pve1` is (9, 2); without one it is that of QEMU.
fn machine(text: Option<&str>) -> (u32, u32) {
    let newest = (10, 0);
    let version = text.and_then(|text| text.split(',').next()?.rsplit('-').next()).unwrap_or_default();
    let version = version.split('+').next().unwrap_or_default();
    let Some((major, minor)) = version.split_once('.') else { return newest };
    match (major.parse(), minor.parse()) {
        (Ok(major), Ok(minor)) => (major, minor),
        _ => newest,
    }
}

/// The chain of every power task up to its work: the line that tells of HA, the guest's lock.
fn opening(vmid: u32, by_ha: bool) -> Steps {
    let steps = Steps::new();
    let steps = match by_ha {
        true => steps.run(|t| {
            t.log(BY_HA);
            Ok(())
        }),
        false => steps,
    };
    steps.lock(Lock::Vm(vmid))
}

/// The guest is still on the task's node, and nobody has locked it.
fn unlocked(t: &TaskCx<'_>, vmid: u32, skiplock: bool) -> Result<(), String> {
    let guest = t.cluster.guests.on(vmid, &t.node())?;
    match guest.config.lock().filter(|_| !skiplock) {
        Some(lock) => Err(format!("VM is locked ({lock})")),
        None => Ok(()),
    }
}

fn running(t: &TaskCx<'_>, vmid: u32) -> bool {
    t.cluster.guests.get(vmid).is_some_and(super::Guest::is_running)
}

/// The work of `qmstart`.
pub fn start(vmid: u32, by_ha: bool, skiplock: bool) -> Steps {
    opening(vmid, by_ha)
        .run(move |t| {
            let guest = t.cluster.guests.on(vmid, &t.node())?;
            if guest.config.get("template") == Some("1") {
                return Err("you can't start a vm if it's a template".to_owned());
            }
            if let Some(lock) = guest.config.lock().filter(|_| !skiplock) {
                return Err(format!("VM is locked ({lock})"));
            }
            match guest.is_running() {
                true => Err(format!("VM {vmid} already running")),
                false => Ok(()),
            }
        })
        .wait(STARTING)
        .run(move |t| {
            for line in t.cluster.power_on(vmid)? {
                t.log(line);
            }
            Ok(())
        })
}

/// The work of `qmstop`.
pub fn stop(vmid: u32, by_ha: bool, skiplock: bool) -> Steps {
    opening(vmid, by_ha).run(move |t| unlocked(t, vmid, skiplock)).wait(STOPPING).run(move |t| {
        t.cluster.power_off(vmid);
        Ok(())
    })
}

/// The work of `qmshutdown`; `force` stops what has not obeyed when the time is over.
pub fn shutdown(vmid: u32, by_ha: bool, skiplock: bool, timeout: Option<u64>, force: bool) -> Steps {
    let mut waited = Duration::ZERO;
    let patience = Duration::from_secs(timeout.unwrap_or(PATIENCE));
    let second = Duration::from_secs(1);
    opening(vmid, by_ha).run(move |t| unlocked(t, vmid, skiplock)).repeat(second, move |t| {
        let Some(guest) = t.cluster.guests.get(vmid).filter(|guest| guest.is_running()) else {
            return Ok(Repeat::Over);
        };
        let paused = guest.running.as_ref().is_some_and(|process| process.paused);
        let obeyed = guest.obeys() && !paused && waited >= SHUTTING_DOWN;
        if !obeyed && waited < patience {
            waited += second;
            return Ok(Repeat::Again);
        }
        if !obeyed {
            if !force {
                return Err("VM quit/powerdown failed - got timeout".to_owned());
            }
            t.log("VM still running - terminating now with SIGTERM");
        }
        t.cluster.power_off(vmid);
        Ok(Repeat::Over)
    })
}

/// The work of `qmreboot`: shut down, then started anew with what was pending.
pub fn reboot(vmid: u32, timeout: Option<u64>) -> Steps {
    let mut waited = Duration::ZERO;
    let patience = Duration::from_secs(timeout.unwrap_or(PATIENCE));
    let second = Duration::from_secs(1);
    opening(vmid, false)
        .run(move |t| unlocked(t, vmid, false))
        .repeat(second, move |t| {
            let obeys = t.cluster.guests.get(vmid).is_some_and(super::Guest::obeys);
            match () {
                () if obeys && waited >= SHUTTING_DOWN => Ok(Repeat::Over),
                () if waited >= patience => Err("VM quit/powerdown failed - got timeout".to_owned()),
                () => {
                    waited += second;
                    Ok(Repeat::Again)
                }
            }
        })
        .run(move |t| {
            t.cluster.power_off(vmid);
            Ok(())
        })
        .wait(STARTING)
        .run(move |t| {
            for line in t.cluster.power_on(vmid)? {
                t.log(line);
            }
            Ok(())
        })
}

/// The work of `qmreset`, `qmpause` and `qmresume`: the guest must run, and stays on.
pub fn nudge(vmid: u32, skiplock: bool, paused: Option<bool>) -> Steps {
    opening(vmid, false).run(move |t| {
        unlocked(t, vmid, skiplock)?;
        if !running(t, vmid) {
            return Err(format!("VM {vmid} not running"));
        }
        if let Some(process) = t.cluster.guests.get_mut(vmid).and_then(|guest| guest.running.as_mut()) {
            process.paused = paused.unwrap_or(process.paused);
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machine_types_tell_their_version() {
        assert_eq!(machine(Some("pc-i440fx-9.2+pve1")), (9, 2));
        assert_eq!(machine(Some("pc-q35-10.1,viommu=intel")), (10, 1));
        assert_eq!(machine(Some("q35")), (10, 0));
        assert_eq!(machine(None), (10, 0));
    }
}
