//! Snapshots of guests: what `qmsnapshot`, `qmdelsnapshot` and `qmrollback` do. Recordings 06 and 31.

use std::collections::BTreeMap;
use std::time::Duration;

use super::drive::{Drive, DriveKey};
use super::{Config, power};
use crate::cluster::Cluster;
use crate::cluster::storage::Feature;
use crate::kernel::locks::Lock;
use crate::kernel::tasks::{Steps, TaskCx};

/// A section of the configuration: what the guest was like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Its options then, its drives among them.
    pub values: BTreeMap<String, String>,
    /// Its own notes; a snapshot made without has none.
    pub description: Option<String>,
    /// When it was begun, in Unix seconds.
    pub snaptime: u64,
    /// The snapshot that was current then.
    pub parent: Option<String>,
    /// `prepare` or `delete` as long as it is no whole one.
    pub state: Option<&'static str>,
    /// The volume with the guest's memory.
    pub vmstate: Option<String>,
}

impl Snapshot {
    /// The section as it is written.
    pub fn section(&self) -> BTreeMap<String, String> {
        let mut section = self.values.clone();
        let own = [
            ("description", self.description.clone().filter(|text| !text.is_empty())),
            ("snaptime", Some(self.snaptime.to_string())),
            ("parent", self.parent.clone()),
            ("snapstate", self.state.map(str::to_owned)),
            ("vmstate", self.vmstate.clone()),
        ];
        section.extend(own.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))));
        section
    }

    /// The volumes that it keeps, the memory's among them.
    pub fn volumes(&self) -> impl Iterator<Item = String> + '_ {
        let drives = self.values.iter().filter_map(|(key, text)| DriveKey::parse(key).and(Drive::parse(text)));
        let kept = drives.filter(|drive| !drive.is_cdrom()).map(|drive| drive.volume);
        kept.chain(self.vmstate.clone())
    }
}

/// What the section takes over from the configuration, and a rollback back.
fn is_copied(key: &str) -> bool {
    !matches!(key, "lock" | "description" | "parent") && !key.starts_with("unused")
}

/// How long the rest takes, and how much memory is written a second.
const WORK: Duration = Duration::from_millis(300);
const RAM: u64 = 1 << 30;

/// The drives that a snapshot is of.
fn disks(config: &Config) -> Vec<(DriveKey, Drive)> {
    config.drives().filter(|(key, drive)| !key.is_unused() && !drive.is_cdrom() && drive.storage().is_some()).collect()
}

fn must_be_unlocked(config: &Config) -> Result<(), String> {
    config.lock().map_or(Ok(()), |lock| Err(format!("VM is locked ({lock})")))
}

fn missing(name: &str) -> String {
    format!("snapshot '{name}' does not exist")
}

impl Cluster {
    /// Whether all disks of a guest have a feature.
    pub fn guest_offers(&self, node: &str, config: &Config, feature: Feature, snapshot: bool) -> bool {
        disks(config).iter().all(|(_, drive)| self.volume_offers(node, &drive.volume, feature, snapshot))
    }

    /// Where the memory goes: the storage that the guest names, else one of its own.
    // Belief: the order of those of its own.
    fn state_storage(&self, config: &Config) -> String {
        let of_disks = disks(config).into_iter().filter_map(|(_, drive)| drive.storage().map(str::to_owned));
        let mut own: Vec<String> = of_disks.collect();
        own.sort_by_key(|id| !self.storage.get(id).is_some_and(|storage| storage.shared()));
        let named = config.get("vmstatestorage").map(str::to_owned);
        named.or_else(|| own.into_iter().next()).unwrap_or_else(|| "local".to_owned())
    }
}

/// The work of `qmsnapshot`.
pub fn make(vmid: u32, name: String, description: Option<String>, ram: bool) -> Steps {
    let [first, second, third] = [name.clone(), name.clone(), name];
    Steps::new()
        .lock(Lock::Vm(vmid))
        .run(move |t| prepare(t, vmid, &first, description, ram))
        .wait(WORK)
        .run(move |t| {
            save(t, vmid, &second).inspect_err(|_| {
                t.log("snapshot create failed: starting cleanup");
                abandon(t, vmid, &second);
            })
        })
        .wait(WORK)
        .on_stop(move |t| {
            t.log("snapshot create failed: starting cleanup");
            abandon(t, vmid, &third);
            "interrupted by signal".to_owned()
        })
}

fn prepare(t: &mut TaskCx<'_>, vmid: u32, name: &str, notes: Option<String>, ram: bool) -> Result<(), String> {
    let (node, now) = (t.node(), t.cluster.clock_of(&t.node()).unix());
    let guest = t.cluster.guests.on(vmid, &node)?;
    let config = &guest.config;
    if config.get("template") == Some("1") {
        return Err("you can't take a snapshot if it's a template".to_owned());
    }
    must_be_unlocked(config)?;
    if config.snapshots.contains_key(name) {
        return Err(format!("snapshot name '{name}' already used"));
    }
    if !t.cluster.guest_offers(&node, config, Feature::Snapshot, false) {
        return Err("snapshot feature is not available".to_owned());
    }
    let values = config.values.clone().into_iter().filter(|(key, _)| is_copied(key)).collect();
    let parent = config.get("parent").map(str::to_owned);
    let mut snapshot =
        Snapshot { values, description: notes, snaptime: now, parent, state: Some("prepare"), vmstate: None };
    if ram && guest.is_running() {
        let (storage, memory) = (t.cluster.state_storage(config), config.memory());
        let files = t.cluster.storage.get(&storage).is_some_and(|storage| storage.kind.has_files());
        let volume = format!("vm-{vmid}-state-{name}{}", if files { ".raw" } else { "" });
        let made = t.cluster.allocate(&node, &storage, vmid, Some(&volume), "raw", 2 * memory + (500 << 20))?;
        t.log(format!("saving VM state and RAM using storage '{storage}'"));
        // Belief: the line, and how quick it is.
        let (seconds, mib) = (memory.div_ceil(RAM), memory >> 20);
        t.log(format!("{mib}.00 MiB in {seconds}s"));
        t.log(format!("completed saving the VM state in {seconds}s, saved {mib}.00 MiB"));
        snapshot.vmstate = Some(made.volid);
    }
    let guest = t.cluster.guests.on_mut(vmid, &node)?;
    guest.config.values.insert("lock".to_owned(), "snapshot".to_owned());
    guest.config.snapshots.insert(name.to_owned(), snapshot);
    t.unlock(&Lock::Vm(vmid));
    Ok(())
}

/// The volumes, and then the configuration.
fn save(t: &mut TaskCx<'_>, vmid: u32, name: &str) -> Result<(), String> {
    let node = t.node();
    let drives = disks(&t.cluster.guests.on(vmid, &node)?.config);
    for (key, drive) in drives {
        t.log(format!("snapshotting 'drive-{key}' ({})", drive.volume));
        let said = t.cluster.snapshot_volume(&node, &drive.volume, name)?;
        t.log(said);
    }
    let guest = t.cluster.guests.on_mut(vmid, &node)?;
    guest.config.values.remove("lock");
    if let Some(snapshot) = guest.config.snapshots.get_mut(name) {
        snapshot.state = None;
    }
    guest.config.values.insert("parent".to_owned(), name.to_owned());
    Ok(())
}

/// One that was begun is taken away with all that it has made.
fn abandon(t: &mut TaskCx<'_>, vmid: u32, name: &str) {
    let node = t.node();
    let Ok(guest) = t.cluster.guests.on_mut(vmid, &node) else { return };
    if guest.config.snapshots.get(name).and_then(|snapshot| snapshot.state) != Some("prepare") {
        return;
    }
    let Some(snapshot) = guest.config.snapshots.remove(name) else { return };
    guest.config.values.remove("lock");
    for volume in snapshot.volumes() {
        // Those that it has not reached yet have none.
        let _ = match snapshot.vmstate.as_ref() == Some(&volume) {
            true => t.cluster.free(&node, &volume),
            false => t.cluster.remove_volume_snapshot(&node, &volume, name).map(str::to_owned),
        };
    }
}

/// The work of `qmdelsnapshot`.
pub fn delete(vmid: u32, name: String, force: bool) -> Steps {
    let then = name.clone();
    Steps::new()
        .lock(Lock::Vm(vmid))
        .run(move |t| {
            let node = t.node();
            let guest = t.cluster.guests.on_mut(vmid, &node)?;
            if !guest.config.snapshots.contains_key(&name) {
                return Err(missing(&name));
            }
            must_be_unlocked(&guest.config)?;
            guest.config.values.insert("lock".to_owned(), "snapshot-delete".to_owned());
            if let Some(snapshot) = guest.config.snapshots.get_mut(&name) {
                snapshot.state = Some("delete");
            }
            Ok(())
        })
        .wait(WORK)
        .run(move |t| remove(t, vmid, &then, force))
}

fn remove(t: &mut TaskCx<'_>, vmid: u32, name: &str, force: bool) -> Result<(), String> {
    let node = t.node();
    let guest = t.cluster.guests.on(vmid, &node)?;
    let Some(snapshot) = guest.config.snapshots.get(name).cloned() else { return Ok(()) };
    for volume in snapshot.volumes() {
        let said = match snapshot.vmstate.as_ref() == Some(&volume) {
            true => t.cluster.free(&node, &volume),
            false => t.cluster.remove_volume_snapshot(&node, &volume, name).map(str::to_owned),
        };
        match said {
            Ok(said) => t.log(said),
            Err(text) if force => t.log(text),
            Err(text) => return Err(text),
        }
    }
    let guest = t.cluster.guests.on_mut(vmid, &node)?;
    let config = &mut guest.config;
    config.snapshots.remove(name);
    config.values.remove("lock");
    for other in config.snapshots.values_mut().filter(|other| other.parent.as_deref() == Some(name)) {
        other.parent = snapshot.parent.clone();
    }
    if config.get("parent") == Some(name) {
        match snapshot.parent.clone() {
            Some(parent) => config.values.insert("parent".to_owned(), parent),
            None => config.values.remove("parent"),
        };
    }
    // Disks that only it named are told as detached.
    let named = |config: &Config, volume: &str| config.drives().any(|(_, drive)| drive.volume == volume);
    for volume in snapshot.volumes().filter(|volume| snapshot.vmstate.as_ref() != Some(volume)) {
        let kept = config.snapshots.values().any(|other| other.volumes().any(|other| other == volume));
        if !kept && !named(config, &volume) {
            config.add_unused(&volume);
        }
    }
    Ok(())
}

/// The work of `qmrollback`.
pub fn roll_back(vmid: u32, name: String, start: bool) -> Steps {
    let then = name.clone();
    Steps::new()
        .lock(Lock::Vm(vmid))
        .run(move |t| {
            let node = t.node();
            let config = &t.cluster.guests.on(vmid, &node)?.config;
            if config.get("template") == Some("1") {
                return Err("you can't rollback if vm is a template".to_owned());
            }
            let snapshot = config.snapshots.get(&name).ok_or_else(|| missing(&name))?;
            let kept: Vec<String> =
                snapshot.volumes().filter(|volume| snapshot.vmstate.as_ref() != Some(volume)).collect();
            if let Some(state) = snapshot.state {
                return Err(format!("unable to rollback to incomplete snapshot (snapstate = {state})"));
            }
            for volume in kept {
                t.cluster.may_roll_back(&node, &volume, &name)?;
            }
            must_be_unlocked(&t.cluster.guests.on(vmid, &node)?.config)?;
            // It ends as if the plug were pulled; what was pending is lost, so it is not brought into force.
            let guest = t.cluster.guests.on_mut(vmid, &node)?;
            guest.running = None;
            guest.config.values.insert("lock".to_owned(), "rollback".to_owned());
            Ok(())
        })
        .wait(WORK)
        .run(move |t| bring_back(t, vmid, &then, start))
}

fn bring_back(t: &mut TaskCx<'_>, vmid: u32, name: &str, start: bool) -> Result<(), String> {
    let node = t.node();
    let config = &t.cluster.guests.on(vmid, &node)?.config;
    let snapshot = config.snapshots.get(name).cloned().ok_or_else(|| missing(name))?;
    for volume in snapshot.volumes().filter(|volume| snapshot.vmstate.as_ref() != Some(volume)) {
        let said = t.cluster.roll_volume_back(&node, &volume, name)?;
        t.log(said);
    }
    let genid = t.cluster.ids.uuid();
    let guest = t.cluster.guests.on_mut(vmid, &node)?;
    let before = std::mem::take(&mut guest.config);
    let mut values = snapshot.values.clone();
    values
        .extend(before.values.clone().into_iter().filter(|(key, _)| key == "description" || key.starts_with("unused")));
    values.insert("parent".to_owned(), name.to_owned());
    if let Some(old) = values.get_mut("vmgenid") {
        *old = genid;
    }
    guest.config = Config { values, snapshots: before.snapshots.clone(), ..Config::default() };
    let config = &mut guest.config;
    for (_, drive) in before.drives().filter(|(key, drive)| !key.is_unused() && !drive.is_cdrom()) {
        if drive.storage().is_some() && !config.drives().any(|(_, other)| other.volume == drive.volume) {
            config.add_unused(&drive.volume);
        }
    }
    // What came back is no longer detached.
    let used: Vec<String> =
        config.drives().filter(|(key, _)| !key.is_unused()).map(|(_, drive)| drive.volume).collect();
    config.values.retain(|key, volume| !key.starts_with("unused") || !used.contains(volume));
    if snapshot.vmstate.is_some() {
        let said = t.cluster.power_on(vmid)?;
        said.iter().for_each(|line| t.log(line));
    } else if start {
        let user = t.user();
        t.cluster.start_task(&node, &user, "qmstart", vmid.to_string(), power::start(vmid, false, false));
    }
    Ok(())
}
