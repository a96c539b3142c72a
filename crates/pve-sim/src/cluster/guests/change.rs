//! What a change of a guest's configuration does to it.

use std::collections::BTreeMap;

use super::config::{Config, normalise_tags};
use super::drive::{Drive, DriveKey};
use super::net;
use crate::cluster::Cluster;
use crate::cluster::storage::owner;
use crate::kernel::error::PveError;
use crate::kernel::ids::Ids;

/// A change: what is set, deleted, reverted.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// New values, in PVE's normal form where that does not depend on the guest.
    pub set: BTreeMap<String, String>,
    /// Keys to take away.
    pub delete: Vec<String>,
    /// Keys whose pending change is dropped.
    pub revert: Vec<String>,
    /// Whether volumes of deleted drives are freed at once.
    pub force: bool,
}

/// A value in the form in which PVE keeps it; an address is made up for a network device without one.
/// `None` where the text is no drive or network string.
pub fn normalise(key: &str, value: &str, ids: &mut Ids) -> Option<(String, String)> {
    if let Some(drive) = DriveKey::parse(key) {
        return Some((drive.to_string(), Drive::parse(value)?.to_string()));
    }
    let numbered = |prefix: &str| key.strip_prefix(prefix).is_some_and(|n| n.parse::<u32>().is_ok());
    let value = match key {
        // A new one is asked for. Of a new guest `defaults` makes it.
        "vmgenid" if value == "1" => ids.uuid(),
        "tags" => normalise_tags(value),
        // Belief: what cgroups of the second version take.
        "cpuunits" => value.parse::<u32>().map_or_else(|_| value.to_owned(), |units| units.min(10_000).to_string()),
        _ if numbered("net") => net::normalise(value, || mac(ids))?,
        // What the file is read into again: a comment loses what is blank at its end, a line what is blank around it.
        "description" => value.trim_end().to_owned(),
        _ => value.trim().to_owned(),
    };
    Some((key.to_owned(), value))
}

pub(super) fn mac(ids: &mut Ids) -> String {
    let tail = ids.hex(6).to_uppercase();
    format!("BC:24:11:{}:{}:{}", &tail[..2], &tail[2..4], &tail[4..])
}

/// Options of a disk that a running guest does not take.
// Belief: what pve-qemu's hot change of a drive leaves out.
const COLD: [&str; 12] = [
    "aio",
    "cache",
    "discard",
    "detect_zeroes",
    "iothread",
    "product",
    "queues",
    "ro",
    "scsiblock",
    "serial",
    "ssd",
    "vendor",
];

/// The machine that PVE chooses for a Windows; none if it has a version.
// Belief: pve-behaviour 3, 1.4: the newest that is installed.
pub fn pinned(machine: Option<&str>) -> Option<String> {
    let mut parts = machine.unwrap_or("pc").split(',');
    let version = super::create::QEMU.rsplit_once('.').map_or(super::create::QEMU, |(version, _)| version);
    let kind = match parts.next() {
        Some("q35" | "type=q35") => format!("pc-q35-{version}"),
        Some("pc" | "type=pc" | "") => format!("pc-i440fx-{version}"),
        _ => return None,
    };
    Some([vec![kind.as_str()], parts.collect()].concat().join(","))
}

/// The devices of the boot order in force.
fn boot_devices(config: &Config) -> impl Iterator<Item = &str> {
    let order = config.get("boot").and_then(|boot| boot.split(',').find_map(|part| part.strip_prefix("order=")));
    order.into_iter().flat_map(|order| order.split(';')).filter(|device| !device.is_empty())
}

impl Cluster {
    /// Carries out a change. What there is to log.
    ///
    /// # Errors
    /// PVE's refusal. What was done before it stays done, as with PVE; and a device that could not be unplugged from the
    /// running guest stays only until the guest stops: everything else is done, and the refusal comes at the end.
    pub fn change_guest(&mut self, vmid: u32, change: Change) -> Result<Vec<String>, PveError> {
        let mut kept = BTreeMap::new();
        for key in &change.revert {
            self.revert(vmid, key);
        }
        for key in &change.delete {
            let why = self.keeps(vmid, key);
            match &why {
                Some(_) => self.unset_later(vmid, key, change.force),
                None => self.unset(vmid, key, change.force)?,
            }
            kept.extend(why.map(|why| (key.clone(), why)));
            self.leave_boot_order(vmid, key);
        }
        self.check_balloon(vmid, &change)?;
        let before = self.guests.get(vmid).map(|guest| guest.config.clone()).unwrap_or_default();
        // Belief: that it is the last to be found out. PVE sets the keys in an order of its own, another each time.
        let boots = self.check_boot(vmid, &change);
        let done = self.set_all(vmid, change.set, &mut kept).and_then(|log| boots.map(|()| log));
        if let Some(guest) = self.guests.get_mut(vmid) {
            match done {
                // Nothing waits for a guest that does not run.
                Ok(_) if !guest.is_running() => self.settle_pending(vmid),
                Ok(_) => {}
                Err(_) => guest.config.fall_back(&before),
            }
        }
        match (done, kept.is_empty()) {
            (Ok(_), false) => Err(PveError::params(kept)),
            (done, _) => done,
        }
    }

    /// Sets values, one after the other. What there is to log.
    fn set_all(
        &mut self,
        vmid: u32,
        set: BTreeMap<String, String>,
        kept: &mut BTreeMap<String, String>,
    ) -> Result<Vec<String>, PveError> {
        self.pin_machine(vmid, &set);
        let mut log = Vec::new();
        for (key, value) in set {
            match DriveKey::parse(&key) {
                Some(drive_key) => {
                    let why = self.keeps(vmid, &key);
                    self.join_boot_order(vmid, &key, &value);
                    let (said, unplugs) =
                        self.set_drive(vmid, &drive_key, &value, why.is_some()).map_err(PveError::new)?;
                    log.extend(said);
                    kept.extend(why.filter(|_| unplugs).map(|why| (key, why)));
                }
                None => {
                    if let Some(guest) = self.guests.get_mut(vmid) {
                        let running = guest.is_running();
                        guest.config.set(&key, value, running);
                    }
                }
            }
        }
        Ok(log)
    }

    /// A guest that becomes a Windows gets a machine with a version.
    fn pin_machine(&mut self, vmid: u32, set: &BTreeMap<String, String>) {
        let Some(guest) = self.guests.get_mut(vmid) else { return };
        let becomes = set.get("ostype").is_some_and(|kind| kind.starts_with('w'));
        if !becomes
            || set.contains_key("machine")
            || guest.config.get("ostype") == set.get("ostype").map(String::as_str)
        {
            return;
        }
        let (running, is) = (guest.is_running(), guest.config.get("machine").map(str::to_owned));
        if let Some(machine) = pinned(is.as_deref()) {
            guest.config.set("machine", machine, running);
        }
    }

    /// Why a device stays in the running guest though it can be unplugged as such: PVE's text.
    fn keeps(&self, vmid: u32, key: &str) -> Option<String> {
        let guest = self.guests.get(vmid).filter(|guest| guest.is_running() && guest.config.takes_live(key, None))?;
        let device = match DriveKey::parse(key) {
            Some(key) => !key.is_unused(),
            None => key.starts_with("net"),
        };
        let there = guest.config.values.contains_key(key);
        let why = match boot_devices(&guest.config).any(|device| device == key) {
            _ if !device || !there => return None,
            true if !key.starts_with("net") => format!("can't unplug bootdisk '{key}'"),
            // Belief: PVE's text when QEMU still shows the device five seconds after it was asked to let go.
            _ if guest.refuses_unplug => format!("error on hot-unplugging device '{key}'"),
            _ => return None,
        };
        Some(format!("hotplug problem - {why}\n"))
    }

    /// Takes a device away with the guest's next stop.
    fn unset_later(&mut self, vmid: u32, key: &str, force: bool) {
        if let Some(guest) = self.guests.get_mut(vmid) {
            guest.config.pending.remove(key);
            guest.config.pending_delete.insert(key.to_owned(), force);
        }
    }

    /// A device that is taken away is taken out of the boot order, also where it stays until the guest's stop.
    fn leave_boot_order(&mut self, vmid: u32, key: &str) {
        let Some(guest) = self.guests.get_mut(vmid) else { return };
        let running = guest.is_running();
        let left: Vec<&str> = boot_devices(&guest.config).filter(|device| *device != key).collect();
        if left.len() < boot_devices(&guest.config).count() {
            // PVE writes an empty property string as one blank.
            let order = if left.is_empty() { " ".to_owned() } else { format!("order={}", left.join(";")) };
            guest.config.set("boot", order, running);
        }
    }

    /// A new CD-ROM drive is put at the end of the boot order, if there is one.
    fn join_boot_order(&mut self, vmid: u32, key: &str, value: &str) {
        let cdrom = Drive::parse(value).is_some_and(|drive| drive.is_cdrom() && !drive.is_cloudinit());
        let Some(guest) = self.guests.get_mut(vmid).filter(|_| cdrom) else { return };
        let (running, devices) = (guest.is_running(), boot_devices(&guest.config).collect::<Vec<_>>());
        if !devices.is_empty() && !devices.contains(&key) {
            let order = format!("order={};{key}", devices.join(";"));
            guest.config.set("boot", order, running);
        }
    }

    /// The memory that a guest gives back to comes out of what it has.
    fn check_balloon(&self, vmid: u32, change: &Change) -> Result<(), PveError> {
        let Some(guest) = self.guests.get(vmid) else { return Ok(()) };
        let Some(balloon) = change.set.get("balloon").and_then(|text| text.parse::<u64>().ok()) else { return Ok(()) };
        let mut after = Config { values: guest.config.with_pending(), ..Config::default() };
        after.values.extend(change.set.get("memory").map(|memory| ("memory".to_owned(), memory.clone())));
        match balloon << 20 > after.memory() {
            true => Err(PveError::new("balloon value too large (must be smaller than assigned memory)")),
            false => Ok(()),
        }
    }

    /// The devices of a new boot order must be there, or come with the same change.
    fn check_boot(&self, vmid: u32, change: &Change) -> Result<(), PveError> {
        let order = change.set.get("boot").and_then(|boot| boot.split(',').find_map(|p| p.strip_prefix("order=")));
        let Some(guest) = self.guests.get(vmid) else { return Ok(()) };
        let after = guest.config.with_pending();
        let there = |device: &&str| after.contains_key(*device) || change.set.contains_key(*device);
        match order.into_iter().flat_map(|order| order.split(';')).find(|device| !there(device)) {
            Some(device) => Err(PveError::new(format!("invalid bootorder: device '{device}' does not exist'"))),
            None => Ok(()),
        }
    }

    fn revert(&mut self, vmid: u32, key: &str) {
        let Some(guest) = self.guests.get_mut(vmid) else { return };
        let dropped = guest.config.pending.get(key).cloned();
        guest.config.revert(key);
        let kept = |drive: &Drive| guest.config.drives().any(|(_, other)| other.volume == drive.volume);
        if let (Some(_), Some(drive)) = (DriveKey::parse(key), dropped.as_deref().and_then(Drive::parse))
            && !kept(&drive)
        {
            // A volume that was made for the reverted change is not lost. Freeing cannot fail here: nobody uses it.
            let _ = self.detach(vmid, &drive);
        }
    }

    fn unset(&mut self, vmid: u32, key: &str, force: bool) -> Result<(), PveError> {
        let Some(guest) = self.guests.get_mut(vmid) else { return Ok(()) };
        let running = guest.is_running();
        let Some(drive_key) = DriveKey::parse(key) else {
            guest.config.unset(key, force, running);
            return Ok(());
        };
        let key = drive_key.as_str();
        let drive = guest.config.drive(&drive_key);
        if guest.config.get("protection") == Some("1")
            && let Some(drive) = drive.as_ref().filter(|drive| !drive.is_cdrom())
        {
            let what = match drive_key.is_unused() {
                true => format!("unused disk '{}'", drive.volume),
                false => format!("drive '{key}'"),
            };
            return Err(PveError::new(format!("can't remove {what} - protection mode enabled")));
        }
        if drive_key.is_unused() {
            if let Some(drive) = drive {
                let kept = |one: &super::snapshots::Snapshot| one.volumes().any(|volume| volume == drive.volume);
                if guest.config.snapshots.values().any(kept) {
                    let text = format!("unable to delete '{}' - volume is still in use (snapshot?)", drive.volume);
                    return Err(PveError::new(text));
                }
                self.free_owned(vmid, &drive)?;
            }
            if let Some(guest) = self.guests.get_mut(vmid) {
                guest.config.unset(key, force, false);
            }
            return Ok(());
        }
        let live = !running || guest.config.takes_live(key, None);
        let was_pending = guest.config.pending.get(key).and_then(|text| Drive::parse(text));
        guest.config.unset(key, force, running);
        if let Some(drive) = was_pending {
            self.detach(vmid, &drive).map_err(PveError::new)?;
        }
        if let (true, Some(drive)) = (live, drive) {
            self.close(vmid, &drive.volume);
            match force {
                true => self.free_owned(vmid, &drive)?,
                false => self.detach(vmid, &drive).map_err(PveError::new)?,
            }
        }
        Ok(())
    }

    fn free_owned(&mut self, vmid: u32, drive: &Drive) -> Result<(), PveError> {
        let node = self.guests.get(vmid).map(|guest| guest.node.clone()).unwrap_or_default();
        if drive.name().and_then(owner) == Some(vmid) {
            self.free(&node, &drive.volume).map_err(PveError::new)?;
        }
        Ok(())
    }

    /// The running guest no longer holds the volume open.
    fn close(&mut self, vmid: u32, volume: &str) {
        if let Some(running) = self.guests.get_mut(vmid).and_then(|guest| guest.running.as_mut()) {
            running.open.remove(volume);
        }
    }

    /// Sets a drive; where another volume takes its place and the guest `keeps` the old one, that is done with its next
    /// stop. What there is to log, and whether a device was to be unplugged.
    fn set_drive(
        &mut self,
        vmid: u32,
        key: &DriveKey,
        value: &str,
        keeps: bool,
    ) -> Result<(Vec<String>, bool), String> {
        let Some(guest) = self.guests.get(vmid) else { return Ok((Vec::new(), false)) };
        let (node, running) = (guest.node.clone(), guest.is_running());
        let old = guest.config.drive(key);
        let wanted = Drive::parse(value).ok_or_else(|| format!("unable to parse drive options for '{key}'"))?;
        if wanted.is_cloudinit()
            && let Some((other, _)) = guest.config.drives().find(|(other, d)| other != key && d.is_cloudinit())
        {
            return Err(format!("{key} - cloud-init drive is already attached at '{other}'"));
        }
        // The cloud-init drive's name is fixed: asked for again, it is the one that is there.
        let again = wanted.name() == Some("cloudinit")
            && old.as_ref().is_some_and(|old| old.is_cloudinit() && old.storage() == wanted.storage());
        if again {
            return Ok((Vec::new(), false));
        }
        let (drive, log) = self.make_drive(&node, vmid, key, wanted)?;
        let replaced = old.filter(|old| old.volume != drive.volume);
        let Some(guest) = self.guests.get_mut(vmid) else { return Ok((log, false)) };
        let unplugs = replaced.is_some() && !drive.is_cdrom();
        let cold = |drive: &Drive| COLD.map(|option| drive.options.get(option).cloned());
        let same_disk = replaced.is_none() && guest.config.get(key.as_str()).is_some();
        let before = guest.config.drive(key);
        let live = match same_disk {
            true => before.is_some_and(|before| cold(&before) == cold(&drive)) || drive.is_cdrom(),
            // The medium of a CD-ROM drive can always be changed.
            false => guest.config.takes_live(key.as_str(), Some(value)) || (drive.is_cdrom() && replaced.is_some()),
        };
        if running && (!live || (unplugs && keeps)) {
            guest.config.pending_delete.remove(key.as_str());
            guest.config.pending.insert(key.to_string(), drive.to_string());
            return Ok((log, unplugs));
        }
        guest.config.set(key.as_str(), drive.to_string(), false);
        // A detached volume that is attached again is no longer unused.
        guest.config.values.retain(|name, volume| !(name.starts_with("unused") && *volume == drive.volume));
        if let Some(process) = guest.running.as_mut() {
            process.open.insert(drive.volume.clone());
        }
        if let Some(replaced) = replaced {
            self.close(vmid, &replaced.volume);
            self.detach(vmid, &replaced)?;
        }
        Ok((log, unplugs))
    }

    /// Brings what is pending into force, as stopping and starting do.
    pub(super) fn settle_pending(&mut self, vmid: u32) {
        let Some(guest) = self.guests.get_mut(vmid) else { return };
        let coming = guest.config.pending.clone();
        let replaced: Vec<Drive> = coming
            .iter()
            .filter_map(|(key, text)| {
                let (old, new) = (guest.config.drive(&DriveKey::parse(key)?)?, Drive::parse(text)?);
                (old.volume != new.volume).then_some(old)
            })
            .collect();
        let gone = guest.config.apply_pending();
        for drive in replaced {
            // Freeing a cloud-init drive that is gone already changes nothing.
            let _ = self.detach(vmid, &drive);
        }
        for (key, text, force) in gone {
            if let (Some(_), Some(drive)) = (DriveKey::parse(&key), Drive::parse(&text)) {
                let _ = match force {
                    true => self.free_owned(vmid, &drive).map_err(|e| e.message()),
                    false => self.detach(vmid, &drive),
                };
            }
        }
    }
}
