//! A guest on its way to another node: the work of `qmigrate`, as users and local managers (online or offline, local
//! volumes copied, `force`) ask for it.
//!
//! Belief: but for the refusals that were recorded, what is said and done is read from qemu-server's QemuMigrate.pm
//! (pve-behaviour-3 6.2); no migration that succeeded was recorded.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::drive::{Drive, DriveKey};
use super::moving::render_bytes;
use super::power::BY_HA;
use super::{Config, size};
use crate::cluster::Cluster;
use crate::kernel::locks::Lock;
use crate::kernel::tasks::{Repeat, Steps, TaskCx};

/// How long a migration takes besides the copying.
const MIGRATION: Duration = Duration::from_secs(8);
/// How often a running guest's migration says how far it is.
const ROUND: Duration = Duration::from_secs(1);
/// What the log says where a volume is in the way.
const CHECK_LOG: &str = "Problem found while scanning volumes - can't migrate VM - check log";
/// How a task ends that has moved nothing.
const ABORTED: &str = "migration aborted";

/// Who goes where, and how.
#[derive(Debug, Clone, Default)]
pub struct Order {
    /// The guest.
    pub vmid: u32,
    /// The node to go to.
    pub target: String,
    /// Asked for by HA's local manager, with all that it allows itself.
    pub by_ha: bool,
    /// Whether local disks of a running guest are copied.
    pub with_local_disks: bool,
    /// Where volumes of a storage that is not shared go to: by storage, or for all under an empty name.
    pub storages: BTreeMap<String, String>,
}

impl Order {
    /// What HA's local manager asks for.
    pub fn of_ha(vmid: u32, target: String) -> Self {
        Order { vmid, target, by_ha: true, with_local_disks: true, storages: BTreeMap::new() }
    }

    fn storage_of(&self, id: &str) -> String {
        self.storages.get(id).or_else(|| self.storages.get("")).map_or_else(|| id.to_owned(), String::clone)
    }

    /// What is refused at once.
    ///
    /// # Errors
    /// PVE's text: a storage that is not there, or not on the target.
    pub fn check(&self, cluster: &Cluster) -> Result<(), String> {
        let Some(guest) = cluster.guests.get(self.vmid) else { return Ok(()) };
        for storage in self.storages.values() {
            cluster.storage.usable(storage, &self.target)?;
        }
        for (_, drive) in guest.config.drives() {
            let Some((id, _)) = drive.volume.split_once(':').filter(|_| !drive.volume.starts_with('/')) else {
                continue;
            };
            let shared = cluster.storage.get(id).is_some_and(crate::cluster::storage::Storage::shared);
            let to = if shared { id.to_owned() } else { self.storage_of(id) };
            cluster.storage.usable(&to, &self.target)?;
        }
        Ok(())
    }

    /// The work of the task.
    pub fn steps(self) -> Steps {
        let (vmid, by_ha) = (self.vmid, self.by_ha);
        let (begin, tell, done) = (self.clone(), self.clone(), self);
        let mut seconds = 0;
        Steps::new()
            .run(move |t| {
                if by_ha {
                    t.log(BY_HA);
                }
                Ok(())
            })
            .lock(Lock::Vm(vmid))
            .run(move |t| begin.begin(t))
            .repeat(ROUND, move |t| {
                seconds += 1;
                tell.tell(t, seconds);
                Ok(if ROUND * seconds < MIGRATION { Repeat::Again } else { Repeat::Over })
            })
            .run(move |t| done.finish(t))
            .on_stop(move |t| {
                unlock(t, vmid);
                abort(t, "interrupted by signal")
            })
    }

    fn begin(&self, t: &mut TaskCx<'_>) -> Result<(), String> {
        let node = t.node();
        let guest = t.cluster.guests.on(self.vmid, &node)?;
        if let Some(lock) = guest.config.lock() {
            return Err(format!("VM is locked ({lock})"));
        }
        let (running, config) = (guest.is_running(), guest.config.clone());
        self.check(t.cluster)?;
        let devices = local_devices(&config);
        if !devices.is_empty() {
            let devices = devices.join(", ");
            return Err(abort(t, &format!("can't migrate VM which uses local devices: {devices}")));
        }
        let stopped = if running { "" } else { "stopped " };
        let address = t.cluster.nodes.get(&self.target).map(|node| node.ip.clone()).unwrap_or_default();
        let (vmid, target) = (self.vmid, &self.target);
        say(t, &format!("starting migration of {stopped}VM {vmid} to node '{target}' ({address})"));
        let local = local_drives(t.cluster, &config);
        for (key, drive, _) in &local {
            if !drive.is_cdrom() || drive.is_cloudinit() {
                let how = if key.is_unused() { "unused" } else { "attached" };
                say(t, &format!("found local disk '{}' ({how})", drive.volume));
            }
        }
        let problems = self.in_the_way(t.cluster, &node, &local, running);
        if !problems.is_empty() {
            problems.iter().for_each(|problem| t.log(problem));
            say(t, &format!("ERROR: {CHECK_LOG}"));
            say(t, "aborting phase 1 - cleanup resources");
            return Err(abort(t, CHECK_LOG));
        }
        for (_, drive, id) in &local {
            let bytes = t.cluster.volume(&node, &drive.volume).map_or(0, |volume| volume.used);
            if let Err(text) = t.cluster.must_have_room(&self.target, &self.storage_of(id), bytes) {
                return Err(abort(t, &text));
            }
        }
        if let Some(guest) = t.cluster.guests.get_mut(vmid) {
            guest.config.values.insert("lock".to_owned(), "migrate".to_owned());
        }
        let storages: Vec<String> = local.iter().map(|(_, _, id)| self.storage_of(id)).collect();
        storages.iter().for_each(|storage| t.works_on(storage));
        Ok(())
    }

    /// What keeps the guest where it is, in the words of the log.
    fn in_the_way(
        &self,
        cluster: &Cluster,
        node: &str,
        local: &[(DriveKey, Drive, String)],
        running: bool,
    ) -> Vec<String> {
        let one = |(key, drive, _): &(DriveKey, Drive, String)| {
            let volume = &drive.volume;
            let why = match () {
                () if drive.is_cdrom() && !drive.is_cloudinit() => "local cdrom image".to_owned(),
                () if cluster.volume(node, volume).is_none() => format!("volume '{volume}' does not exist"),
                () if running && !self.with_local_disks && !key.is_unused() && !drive.is_cdrom() => {
                    "can't live migrate attached local disks without with-local-disks option".to_owned()
                }
                () => return None,
            };
            Some(format!("can't migrate local disk '{volume}': {why}"))
        };
        local.iter().filter_map(one).collect()
    }

    /// How far the memory of a running guest is.
    fn tell(&self, t: &mut TaskCx<'_>, second: u32) {
        let Some(process) = t.cluster.guests.get(self.vmid).and_then(|guest| guest.running.as_ref()) else { return };
        let total = process.memory;
        let done = total / u64::from(u32::try_from(MIGRATION.as_secs()).unwrap_or(1)) * u64::from(second);
        let (done, total) = (render_bytes(done.min(total)), render_bytes(total));
        say(t, &format!("migration active, transferred {done} of {total} VM-state, 256.0 MiB/s"));
    }

    fn finish(&self, t: &mut TaskCx<'_>) -> Result<(), String> {
        let (vmid, target, node) = (self.vmid, &self.target, t.node());
        unlock(t, vmid);
        if !t.cluster.nodes.online(target) {
            say(t, "aborting phase 1 - cleanup resources");
            return Err(abort(t, "the target does not answer"));
        }
        let guest = t.cluster.guests.on(vmid, &node)?;
        if guest.is_running()
            && let Some(bridge) = t.cluster.missing_bridge(&guest.config, target)
        {
            return Err(abort(
                t,
                &format!("online migrate failure - remote command failed: bridge '{bridge}' does not exist"),
            ));
        }
        let local = local_drives(t.cluster, &t.cluster.guests.on(vmid, &node)?.config.clone());
        let same = |id: &String| self.storage_of(id) == *id;
        // Volumes keep their names; one that is there already, left by an earlier recovery, is not written over.
        let there = local.iter().find(|(_, drive, id)| same(id) && t.cluster.volume(target, &drive.volume).is_some());
        if let Some((_, drive, id)) = there {
            let volume = &drive.volume;
            t.log(format!("volume '{volume}' already exists"));
            return Err(abort(
                t,
                &format!("storage migration for '{volume}' to storage '{id}' failed - volume already exists"),
            ));
        }
        for (key, mut drive, id) in local {
            let to = self.storage_of(&id);
            t.log(format!("copying local disk '{}' to storage '{to}'", drive.volume));
            if same(&id) {
                t.cluster.carry(&node, target, &drive.volume);
                continue;
            }
            let Some(volume) = t.cluster.volume(&node, &drive.volume) else { continue };
            let format = t.cluster.storage.usable(&to, target)?.default_format().to_owned();
            let made =
                t.cluster.allocate(target, &to, vmid, None, &format, volume.size).map_err(|text| abort(t, &text))?;
            t.cluster.change_volume(target, &made.volid, |new| new.used = volume.used);
            // The source is given up when all has been copied; what cannot be freed is told.
            let said = t.cluster.free(&node, &drive.volume).unwrap_or_else(|text| text);
            t.log(said);
            drive.volume = made.volid;
            if !key.is_unused() {
                drive.options.insert("size".to_owned(), size::print(made.size));
            }
            if let Some(guest) = t.cluster.guests.get_mut(vmid) {
                guest.config.values.insert(key.to_string(), drive.to_string());
            }
        }
        if let Some(guest) = t.cluster.guests.get_mut(vmid) {
            target.clone_into(&mut guest.node);
        }
        say(t, &format!("migration finished successfully (duration 00:00:{:02})", MIGRATION.as_secs()));
        Ok(())
    }
}

fn say(t: &mut TaskCx<'_>, text: &str) {
    let time = t.now().format("%Y-%m-%d %H:%M:%S");
    t.log(format!("{time} {text}"));
}

/// Says why nothing was moved; how the task ends.
fn abort(t: &mut TaskCx<'_>, why: &str) -> String {
    say(t, &format!("ERROR: {ABORTED} (duration 00:00:00): {why}"));
    ABORTED.to_owned()
}

fn unlock(t: &mut TaskCx<'_>, vmid: u32) {
    let guest = t.cluster.guests.get_mut(vmid);
    if let Some(guest) = guest.filter(|guest| guest.config.lock() == Some("migrate")) {
        guest.config.values.remove("lock");
    }
}

/// The guest's drives whose volumes lie on the node alone.
fn local_drives(cluster: &Cluster, config: &Config) -> Vec<(DriveKey, Drive, String)> {
    let storage = |drive: &Drive| Some(drive.volume.split_once(':')?.0.to_owned());
    let local = |id: &String| cluster.storage.get(id).is_none_or(|storage| !storage.shared());
    let drives = config.drives().filter(|(_, drive)| !drive.volume.starts_with('/'));
    drives.filter_map(|(key, drive)| storage(&drive).filter(local).map(|id| (key, drive, id))).collect()
}

/// What of its node the guest uses by itself, and cannot leave without.
pub fn local_devices(config: &Config) -> Vec<String> {
    let numbered = |key: &str, prefix: &str| key.strip_prefix(prefix).is_some_and(|n| n.parse::<u32>().is_ok());
    let is = |key: &str, value: &str| match () {
        () if numbered(key, "usb") => !value.contains("spice") && !value.contains("mapping="),
        () if numbered(key, "hostpci") => !value.contains("mapping="),
        () if numbered(key, "serial") => value != "socket",
        () => numbered(key, "parallel") || numbered(key, "virtiofs") || key == "ivshmem",
    };
    // In the order in which PVE goes through them.
    let order = ["hostpci", "usb", "serial", "parallel", "virtiofs", "ivshmem"];
    let of = |prefix: &'static str| config.values.iter().filter(move |(key, _)| key.starts_with(prefix));
    order.into_iter().flat_map(of).filter(|(key, value)| is(key, value)).map(|(key, _)| key.clone()).collect()
}

impl Cluster {
    /// A bridge that the guest is to be on and that the node lacks.
    pub fn missing_bridge(&self, config: &Config, node: &str) -> Option<String> {
        let there = |bridge: &str| self.nodes.get(node).is_none_or(|node| node.bridges.iter().any(|b| b == bridge));
        let cards =
            config.values.iter().filter(|(key, _)| key.strip_prefix("net").is_some_and(|n| n.parse::<u32>().is_ok()));
        let bridges = cards.filter_map(|(_, text)| text.split(',').find_map(|part| part.strip_prefix("bridge=")));
        bridges.into_iter().find(|bridge| !there(bridge)).map(str::to_owned)
    }

    /// What `GET migrate` says of a guest.
    pub fn migration_outlook(&self, vmid: u32, node: &str) -> Value {
        let Some(guest) = self.guests.get(vmid) else { return Value::Null };
        let mut allowed = Vec::new();
        let mut refused = BTreeMap::new();
        for name in self.nodes.names().iter().filter(|name| *name != node) {
            let drives = guest.config.drives();
            let ids = drives.filter_map(|(_, drive)| Some(drive.volume.split_once(':')?.0.to_owned()));
            let missing: std::collections::BTreeSet<String> =
                ids.filter(|id| !id.starts_with('/') && self.storage.usable(id, name).is_err()).collect();
            if missing.is_empty() {
                allowed.push(name.clone());
                refused.insert(name.clone(), json!({}));
            } else {
                refused.insert(name.clone(), json!({ "unavailable_storages": missing }));
            }
        }
        let disks: Vec<Value> = local_drives(self, &guest.config)
            .into_iter()
            .map(|(key, drive, _)| {
                let mut entry = json!({
                    "volid": drive.volume,
                    "cdrom": u8::from(drive.is_cdrom()),
                    "is_attached": u8::from(!key.is_unused()),
                    "is_unused": u8::from(key.is_unused()),
                    "is_cloudinit": u8::from(drive.is_cloudinit()),
                    "is_tpmstate": u8::from(key.as_str() == "tpmstate0"),
                    "is_vmstate": 0,
                    "shared": 0,
                    "replicate": 1,
                });
                if !key.is_unused() {
                    entry["drivename"] = json!(key.as_str());
                }
                if let Some(bytes) = drive.options.get("size").and_then(|text| size::parse(text)) {
                    entry["size"] = json!(bytes);
                }
                entry
            })
            .collect();
        json!({
            "running": u8::from(guest.is_running()),
            "allowed_nodes": allowed,
            "not_allowed_nodes": refused,
            "local_disks": disks,
            "local_resources": local_devices(&guest.config),
            "mapped-resources": [],
            "mapped-resource-info": {},
            "has-dbus-vmstate": 1,
        })
    }
}
