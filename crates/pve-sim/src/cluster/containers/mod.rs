//! Containers: their configurations in the normal forms that PVE keeps, what they are made from, their volumes, their
//! power, their way to other nodes. A container is a [`Guest`] like any other; what differs is here.
//!
//! - [`config`]: texts and their normal forms; `change`: what a change of the configuration does.
//! - [`archive`]: what lies in templates, OCI images and backups; `create`, `copy`: how containers come to be.
//! - `volumes`: root file systems and mount points; `moving`: a volume on its way to another storage.
//! - [`power`]: starting and ending; [`migrate`]: to another node; `figures`: what status answers show.
//!
//! Nothing of a running container was recorded: containers could not be started where the recordings were made. What is
//! written here of that is Belief, read from pve-container 6.1.

pub mod archive;
pub mod change;
pub mod config;
pub mod copy;
pub mod create;
mod figures;
pub mod migrate;
pub mod moving;
pub mod power;
mod volumes;

pub use archive::{Archives, Image};
pub use change::Change;

use crate::cluster::Cluster;
use crate::cluster::guests::Guest;
use crate::cluster::guests::drive::Drive;

/// What is said of a lock in a container's configuration. `mounted` keeps nobody from starting or ending it.
pub(crate) fn locked(guest: &Guest, but: &[&str]) -> Result<(), String> {
    match guest.config.lock().filter(|lock| !but.contains(lock)) {
        Some(lock) => Err(format!("CT is locked ({lock})")),
        None => Ok(()),
    }
}

impl Cluster {
    /// Sets or takes away the lock of a container's configuration.
    pub(crate) fn lock_container(&mut self, vmid: u32, lock: Option<&str>) {
        let Some(guest) = self.guests.get_mut(vmid) else { return };
        match lock {
            Some(lock) => guest.config.values.insert("lock".to_owned(), lock.to_owned()),
            None => guest.config.values.remove("lock"),
        };
    }
}

/// The volumes that a container mounts, paths of the node left out.
pub(crate) fn mounted_volumes(guest: &Guest) -> impl Iterator<Item = Drive> + '_ {
    let mounts = volumes::of(&guest.config).map(|(_, mount)| mount);
    mounts.filter(|mount| volumes::mounts(mount) == volumes::Mounts::Volume)
}
