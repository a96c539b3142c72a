//! A guest that becomes a template: what `qmtemplate` does. There is no way back. Recordings 06 and 31.

use std::time::Duration;

use super::Guest;
use super::drive::{Drive, DriveKey};
use crate::cluster::Cluster;
use crate::cluster::storage::Feature;
use crate::kernel::locks::Lock;
use crate::kernel::tasks::{Steps, TaskCx};

/// What keeps a guest from becoming one; of one that is one already, another disk can still be converted.
///
/// # Errors
/// PVE's text.
pub fn check(guest: &Guest, disk: Option<&DriveKey>) -> Result<(), String> {
    let config = &guest.config;
    if let Some(lock) = config.lock() {
        return Err(format!("VM is locked ({lock})"));
    }
    if !config.snapshots.is_empty() {
        return Err("unable to create template, because VM contains snapshots".to_owned());
    }
    if config.get("template") == Some("1") && disk.is_none() {
        return Err("you can't convert a template to a template".to_owned());
    }
    match guest.is_running() {
        true => Err("you can't convert a VM to template if VM is running".to_owned()),
        false => Ok(()),
    }
}

/// The work of `qmtemplate`.
pub fn convert(vmid: u32, disk: Option<DriveKey>) -> Steps {
    let only = disk.clone();
    Steps::new()
        .lock(Lock::Vm(vmid))
        .run(move |t| {
            let node = t.node();
            let guest = t.cluster.guests.on_mut(vmid, &node)?;
            check(guest, disk.as_ref())?;
            guest.config.values.insert("template".to_owned(), "1".to_owned());
            Ok(())
        })
        .wait(Duration::from_millis(300))
        .run(move |t| {
            let node = t.node();
            let drives: Vec<(DriveKey, Drive)> = t.cluster.guests.on(vmid, &node)?.config.drives().collect();
            let meant = |key: &DriveKey| !key.is_unused() && only.as_ref().is_none_or(|only| only == key);
            for (key, drive) in drives.into_iter().filter(|(key, drive)| meant(key) && !drive.is_cdrom()) {
                into_base(t, vmid, &node, &key, drive)?;
            }
            Ok(())
        })
}

/// A disk on a storage that cannot is left as it is, without a word.
fn into_base(t: &mut TaskCx<'_>, vmid: u32, node: &str, key: &DriveKey, mut drive: Drive) -> Result<(), String> {
    if !t.cluster.volume_offers(node, &drive.volume, Feature::Template, false) {
        return Ok(());
    }
    let (volume, said) = t.cluster.become_base(node, &drive.volume)?;
    t.log(said);
    drive.volume = volume;
    let guest = t.cluster.guests.on_mut(vmid, node)?;
    guest.config.values.insert(key.to_string(), drive.to_string());
    Ok(())
}

impl Cluster {
    /// What keeps a template from being destroyed: the first of its volumes that somebody's disk is a linked clone of.
    pub fn cloned_base(&self, vmid: u32) -> Option<String> {
        let guest = self.guests.get(vmid)?;
        guest.config.drives().map(|(_, drive)| drive.volume).find(|volume| self.clone_of(volume).is_some())
    }
}
