//! A disk given to another guest of the node: its volume is renamed, nothing is copied.

use super::drive::DriveKey;
use crate::cluster::Cluster;
use crate::kernel::locks::Lock;
use crate::kernel::tasks::Steps;

/// Which disk goes to whom.
#[derive(Debug, Clone)]
pub struct Gift {
    /// The guest that has it.
    pub from: u32,
    /// Its name there.
    pub key: DriveKey,
    /// The guest that gets it.
    pub to: u32,
    /// Its name there.
    pub as_key: DriveKey,
    /// The digest that the giver's configuration must have.
    pub digest: Option<String>,
    /// The digest that the taker's configuration must have.
    pub target_digest: Option<String>,
}

impl Gift {
    /// What keeps the disk from being given.
    ///
    /// # Errors
    /// PVE's text.
    pub fn check(&self, cluster: &Cluster, node: &str) -> Result<(), String> {
        let from = cluster.guests.on(self.from, node)?;
        if cluster.guests.get(self.to).is_none() {
            return Err(format!("could not find target VM {}", self.to));
        }
        let to = cluster.guests.on(self.to, node)?;
        for guest in [from, to] {
            if let Some(lock) = guest.config.lock() {
                return Err(format!("VM is locked ({lock})"));
            }
        }
        for (guest, digest) in [(from, &self.digest), (to, &self.target_digest)] {
            if digest.as_ref().is_some_and(|digest| *digest != guest.config.digest()) {
                return Err("detected modified configuration - file changed by other user? Try again.".to_owned());
            }
        }
        let Gift { key, as_key, .. } = self;
        let drive =
            from.config.drive(key).ok_or_else(|| format!("Disk '{key}' for VM '{}' does not exist", self.from))?;
        if drive.is_cdrom() {
            return Err("you can't move a cdrom".to_owned());
        }
        if from.is_running() && !key.is_unused() {
            return Err("Cannot move disk to another VM while the source VM is running - detach first".to_owned());
        }
        match to.config.get(as_key.as_str()) {
            Some(_) => Err(format!("Target disk key '{as_key}' is already in use for VM '{}'", self.to)),
            None => Ok(()),
        }
    }

    /// The work of the task.
    pub fn steps(self) -> Steps {
        let Gift { from, to, .. } = self;
        Steps::new().lock(Lock::Vm(from.min(to))).lock(Lock::Vm(from.max(to))).run(move |t| {
            let node = t.node();
            self.check(t.cluster, &node)?;
            let Gift { key, as_key, .. } = &self;
            let guest = t.cluster.guests.on_mut(from, &node)?;
            let Some(mut drive) = guest.config.drive(key) else { return Ok(()) };
            t.log(format!("reassign disk '{key}' from VM '{from}' as '{as_key}' to VM '{to}'"));
            drive.volume = t.cluster.rename(&node, &drive.volume, to)?;
            t.log(format!("removing disk '{key}' from VM '{from}' config"));
            let guest = t.cluster.guests.on_mut(from, &node)?;
            guest.config.values.remove(key.as_str());
            if as_key.is_unused() {
                drive.options.clear();
            }
            t.log(format!("update VM {to}: -{as_key} {drive}"));
            let taker = t.cluster.guests.on_mut(to, &node)?;
            let running = taker.is_running();
            taker.config.set(as_key.as_str(), drive.to_string(), running);
            Ok(())
        })
    }
}
