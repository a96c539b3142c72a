//! What a change of a container's configuration does to it: all of it, or nothing.

use std::collections::BTreeMap;

use super::{config, volumes};
use crate::cluster::Cluster;
use crate::cluster::guests::Config;
use crate::cluster::guests::drive::{Drive, DriveKey};
use crate::cluster::storage::owner;
use crate::kernel::error::PveError;

/// A change: what is set, deleted, reverted.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// New values, in PVE's normal form.
    pub set: BTreeMap<String, String>,
    /// Keys to take away.
    pub delete: Vec<String>,
    /// Keys whose pending change is dropped.
    pub revert: Vec<String>,
}

/// Options that every container has.
const REQUIRED: [&str; 3] = ["memory", "ostype", "rootfs"];

impl Cluster {
    /// Carries out a change.
    ///
    /// # Errors
    /// PVE's refusal: nothing of the configuration is written then. Volumes that were made before it stay, named nowhere.
    pub fn change_container(&mut self, vmid: u32, change: &Change) -> Result<(), PveError> {
        let Some(guest) = self.guests.get(vmid) else { return Ok(()) };
        let (node, running) = (guest.node.clone(), guest.is_running());
        let mut after = guest.config.clone();
        check(vmid, &after, change)?;
        for key in &change.revert {
            after.revert(key);
        }
        let mut delete = change.delete.clone();
        delete.sort();
        for key in &delete {
            after.pending.remove(key);
            if running && !config::unsets_live(key) {
                if after.values.contains_key(key) {
                    after.pending_delete.insert(key.clone(), false);
                }
                continue;
            }
            let failed = |text| PveError::param(key, format!("unable to apply pending change {key} : {text}\n"));
            self.unset_of_container(&node, vmid, &mut after, key).map_err(failed)?;
        }
        for (key, value) in &change.set {
            after.pending_delete.remove(key);
            if running && !config::sets_live(&after, key) {
                match after.get(key) == Some(value) {
                    true => after.pending.remove(key),
                    false => after.pending.insert(key.clone(), value.clone()),
                };
                continue;
            }
            after.pending.remove(key);
            let failed = |text| {
                let what = if running { "hotplug" } else { "apply pending change" };
                let colon = if running { ":" } else { " :" };
                PveError::param(key, format!("unable to {what} {key}{colon} {text}\n"))
            };
            self.set_of_container(&node, vmid, &mut after, key, value).map_err(failed)?;
        }
        if let Some(guest) = self.guests.get_mut(vmid) {
            guest.config = after;
        }
        Ok(())
    }

    fn set_of_container(
        &mut self,
        node: &str,
        vmid: u32,
        after: &mut Config,
        key: &str,
        value: &str,
    ) -> Result<(), String> {
        // A new root is written as it is, and nothing is made for it.
        if key == "rootfs" || !config::is_mount(key) {
            after.values.insert(key.to_owned(), value.to_owned());
            return Ok(());
        }
        let wanted = Drive::parse(value).ok_or_else(|| format!("unable to parse '{value}'"))?;
        let old = after.get(key).and_then(Drive::parse);
        let (mount, _) = self.make_mount(node, vmid, wanted)?;
        after.values.insert(key.to_owned(), mount.to_string());
        after.values.retain(|name, volume| !(name.starts_with("unused") && *volume == mount.volume));
        if let Some(old) = old.filter(|old| old.volume != mount.volume) {
            Self::take_off(after, vmid, &old);
        }
        Ok(())
    }

    fn unset_of_container(&mut self, node: &str, vmid: u32, after: &mut Config, key: &str) -> Result<(), String> {
        let Some(value) = after.values.remove(key) else { return Ok(()) };
        let Some(mount) = Drive::parse(&value) else { return Ok(()) };
        if config::is_mount(key) {
            Self::take_off(after, vmid, &mount);
        } else if DriveKey::parse(key).is_some_and(|key| key.is_unused()) {
            let used = volumes::of(after).any(|(_, other)| other.volume == mount.volume);
            if !used && mount.name().and_then(owner) == Some(vmid) {
                self.free(node, &mount.volume)?;
            }
        }
        Ok(())
    }

    /// Brings what is pending into force, as a start does. What cannot be brought stays pending, and is told.
    pub(super) fn settle_container(&mut self, vmid: u32) -> Vec<String> {
        let Some(guest) = self.guests.get(vmid) else { return Vec::new() };
        let (node, mut after) = (guest.node.clone(), guest.config.clone());
        let mut told = Vec::new();
        for key in std::mem::take(&mut after.pending_delete).into_keys() {
            // Nothing of what waits frees a volume, so that nothing can fail.
            let _ = self.unset_of_container(&node, vmid, &mut after, &key);
        }
        for (key, value) in std::mem::take(&mut after.pending) {
            if let Err(text) = self.set_of_container(&node, vmid, &mut after, &key, &value) {
                told.push(format!("unable to apply pending change {key} : {text}"));
                after.pending.insert(key, value);
            }
        }
        if let Some(guest) = self.guests.get_mut(vmid) {
            guest.config = after;
        }
        told
    }
}

/// What is refused before anything is done.
fn check(vmid: u32, before: &Config, change: &Change) -> Result<(), PveError> {
    let protected = before.get("protection") == Some("1");
    for key in &change.delete {
        if REQUIRED.contains(&key.as_str()) {
            return Err(PveError::new(format!("unable to delete required option '{key}'")));
        }
        if key == "unprivileged" {
            return Err(PveError::new(format!("unable to modify read-only option: '{key}'")));
        }
        if protected && (config::is_mount(key) || key.starts_with("unused")) && before.values.contains_key(key) {
            return Err(PveError::new(format!("can't remove CT {vmid} drive '{key}' - protection mode enabled")));
        }
    }
    for key in change.set.keys() {
        if key == "unprivileged" {
            return Err(PveError::new(format!("unable to modify read-only option: '{key}'")));
        }
        if protected && config::is_mount(key) {
            return Err(PveError::new(format!("can't update CT {vmid} drive '{key}' - protection mode enabled")));
        }
    }
    Ok(())
}
