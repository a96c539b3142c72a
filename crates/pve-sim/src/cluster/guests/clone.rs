//! A guest made after the likeness of another: the work of `qmclone`.
//!
//! The new number is taken only here, within the task: of two that ask for one number, the second fails. The source is
//! locked for itself if it runs; clones of one that does not run go on side by side.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::drive::{Drive, DriveKey};
use super::moving::render_bytes;
use super::{Config, Guest, disks, net, size};
use crate::cluster::Cluster;
use crate::cluster::storage::{Storage, Volume};
use crate::kernel::ids::Ids;
use crate::kernel::locks::{LOCK_WAIT, Lock};
use crate::kernel::tasks::{Job, Next, TaskCx};

/// What is cloned, and into what.
#[derive(Debug, Clone)]
pub struct Order {
    /// The guest that is cloned.
    pub source: u32,
    /// Its snapshot that is cloned in place of what it is now.
    pub snapshot: Option<String>,
    /// The new guest.
    pub newid: u32,
    /// Its name, if one was given.
    pub name: Option<String>,
    /// Its notes, if some were given.
    pub description: Option<String>,
    /// The resource pool that it goes into.
    pub pool: Option<String>,
    /// The storage for its disks; each to its own if absent.
    pub storage: Option<String>,
    /// The format wanted.
    pub format: Option<String>,
    /// Whether its disks are copied even though they could lie upon the source's.
    pub full: bool,
    /// The node where it ends up.
    pub target: Option<String>,
    /// KiB a second; 0 is unlimited.
    pub bwlimit: Option<u64>,
}

/// The description of a clone before its first disk is there.
const TEMPORARY: &str = "qmclone temporary file";

/// How long a disk takes whose speed nothing limits, and one that only refers to another.
const COPIED: Duration = Duration::from_secs(1);
const LINKED: Duration = Duration::from_millis(100);
/// How often a source that is locked is looked at again.
const LOOK: Duration = Duration::from_millis(500);

enum Stage {
    Source { waited: Duration },
    Taken,
    Begin,
    Disks,
    Finish,
}

/// The task.
pub struct Clone {
    order: Order,
    stage: Stage,
    left: VecDeque<(DriveKey, Drive)>,
    config: Config,
    made: Vec<String>,
    /// Whether the new number is this task's.
    ours: bool,
}

impl Order {
    /// What keeps the clone from being made: PVE's text. It is looked at when it is asked for, and once more by the task.
    ///
    /// # Errors
    /// PVE's text.
    pub fn check(&self, cluster: &Cluster, node: &str) -> Result<(), String> {
        let guest = cluster.guests.on(self.source, node)?;
        if let Some(lock) = guest.config.lock() {
            return Err(format!("VM is locked ({lock})"));
        }
        let config = self.original(&guest.config)?;
        if self.storage.is_some() && !self.full {
            return Err("parameter 'storage' not allowed for linked clones".to_owned());
        }
        if let Some(target) = self.target.as_ref().filter(|target| *target != node) {
            if let Some(storage) = self.storage.as_ref().and_then(|id| cluster.storage.get(id))
                && !storage.shared()
            {
                return Err(format!("can't clone to non-shared storage '{}'", storage.id));
            }
            if self.uses_local(cluster, &config) {
                return Err(format!("can't clone VM to node '{target}' (VM uses local storage)"));
            }
        }
        if cluster.guests.get(self.newid).is_some() {
            return Err(format!("unable to create VM {}: config file already exists", self.newid));
        }
        if let Some(id) = &self.storage {
            cluster.storage.usable(id, node)?;
        }
        for (key, drive) in copied(&config) {
            let linked = !self.full && !drive.is_cloudinit() && key.as_str() != "tpmstate0";
            if linked && !can_link(cluster, &drive) {
                return Err(format!("Linked clone feature is not supported for '{}' ({key})", drive.volume));
            }
        }
        Ok(())
    }

    /// What is cloned: the guest as it is, or as its snapshot has it.
    ///
    /// Belief: the volumes of a snapshot are copied as they are now; what was in them nobody looks at here.
    fn original(&self, config: &Config) -> Result<Config, String> {
        let Some(name) = &self.snapshot else { return Ok(config.clone()) };
        let snapshot = config.snapshots.get(name).ok_or_else(|| format!("snapshot '{name}' does not exist"))?;
        Ok(Config { values: snapshot.values.clone(), ..Config::default() })
    }

    /// Whether something of the guest lies where one node alone sees it. With a storage to go to, what is copied does not.
    fn uses_local(&self, cluster: &Cluster, config: &Config) -> bool {
        let shared = |id: &str| cluster.storage.get(id).is_some_and(Storage::shared);
        let mut drives = config.drives().filter(|(key, _)| !key.is_unused());
        drives.any(|(_, drive)| {
            let to = match &self.storage {
                Some(storage) if !drive.is_cdrom() || drive.is_cloudinit() => Some(storage.as_str()),
                _ => drive.storage(),
            };
            to.is_some_and(|id| !shared(id))
        })
    }
}

/// The drives whose volumes the clone gets its own of.
fn copied(config: &Config) -> impl Iterator<Item = (DriveKey, Drive)> + '_ {
    let own = |drive: &Drive| drive.is_cloudinit() || (!drive.is_cdrom() && !drive.volume.starts_with('/'));
    config.drives().filter(move |(key, drive)| !key.is_unused() && own(drive))
}

/// Whether a disk can lie upon this volume: a template's, on a storage that keeps such.
pub fn can_link(cluster: &Cluster, drive: &Drive) -> bool {
    let file = drive.name().and_then(|name| name.rsplit('/').next()).unwrap_or_default();
    let kind = drive.storage().and_then(|id| cluster.storage.get(id)).map(|storage| storage.kind.name);
    file.starts_with("base-") && kind.is_some_and(|kind| kind != "lvm" && kind != "iscsi")
}

/// What of the source's configuration the clone has as well, and what is made anew.
fn likeness(source: &Config, order: &Order, ids: &mut Ids) -> Config {
    let mut values: BTreeMap<String, String> = source.values.clone();
    let dropped = |key: &str| matches!(key, "template" | "lock" | "parent") || key.starts_with("unused");
    values.retain(|key, _| !dropped(key));
    let name = source.get("name").map_or_else(|| order.source.to_string(), str::to_owned);
    values.insert("name".to_owned(), order.name.clone().unwrap_or_else(|| format!("Copy-of-VM-{name}")));
    if let Some(text) = order.description.as_ref().filter(|text| !text.is_empty()) {
        values.insert("description".to_owned(), text.trim_end().to_owned());
    }
    for (key, value) in &mut values {
        if key == "vmgenid" {
            *value = ids.uuid();
        } else if key == "smbios1" {
            let others = value.split(',').filter(|part| !part.starts_with("uuid=")).map(str::to_owned);
            *value = std::iter::once(format!("uuid={}", ids.uuid())).chain(others).collect::<Vec<_>>().join(",");
        } else if key.strip_prefix("net").is_some_and(|number| number.parse::<u32>().is_ok()) {
            *value = net::with_new_mac(value, ids);
        }
    }
    values.entry("smbios1".to_owned()).or_insert_with(|| format!("uuid={}", ids.uuid()));
    Config { values, ..Config::default() }
}

impl Clone {
    /// A clone that has not begun.
    pub fn new(order: Order) -> Self {
        let stage = Stage::Source { waited: Duration::ZERO };
        Clone { order, stage, left: VecDeque::new(), config: Config::default(), made: Vec::new(), ours: false }
    }

    fn begin(&mut self, t: &mut TaskCx<'_>) -> Result<Next, String> {
        let node = t.node();
        self.order.check(t.cluster, &node)?;
        t.log(format!("creating a clone of VM {} with ID {}", self.order.source, self.order.newid));
        let source = self.order.original(&t.cluster.guests.on(self.order.source, &node)?.config)?;
        if !source.pending.is_empty() || !source.pending_delete.is_empty() {
            let keys = source.pending.keys().chain(source.pending_delete.keys()).cloned().collect::<Vec<_>>();
            t.log(format!("found pending changes for '{}', discarding for clone", keys.join("', '")));
        }
        self.config = likeness(&source, &self.order, &mut t.cluster.ids);
        self.left = copied(&source).collect();
        let storages: Vec<String> = self.left.iter().filter_map(|(_, drive)| self.storage_of(drive)).collect();
        storages.iter().for_each(|storage| t.works_on(storage));
        let mut stub = Config::default();
        stub.values.insert("lock".to_owned(), "clone".to_owned());
        stub.values.insert("description".to_owned(), TEMPORARY.to_owned());
        let guest = Guest::new(&node, stub, t.now());
        t.cluster.guests.all.insert(self.order.newid, guest);
        self.ours = true;
        self.stage = Stage::Disks;
        Ok(Next::After(self.time(t)))
    }

    fn storage_of(&self, drive: &Drive) -> Option<String> {
        self.order.storage.clone().or_else(|| drive.storage().map(str::to_owned))
    }

    fn links(&self, key: &DriveKey, drive: &Drive) -> bool {
        !self.order.full && !drive.is_cloudinit() && key.as_str() != "tpmstate0"
    }

    /// How long the next disk takes.
    fn time(&self, t: &TaskCx<'_>) -> Duration {
        let Some((key, drive)) = self.left.front() else { return Duration::ZERO };
        let asked = self.order.bwlimit.filter(|limit| *limit > 0).map(|limit| limit.saturating_mul(1024));
        let rate = [asked, t.cluster.profile.bandwidth].into_iter().flatten().min();
        let bytes = t.cluster.volume(&t.node(), &drive.volume).map_or(0, |volume| volume.size);
        match rate {
            _ if drive.is_cloudinit() || self.links(key, drive) => LINKED,
            Some(rate) => Duration::from_secs_f64(bytes as f64 / rate.max(1) as f64),
            None => COPIED,
        }
    }

    /// The next disk is there.
    fn disk(&mut self, t: &mut TaskCx<'_>) -> Result<Next, String> {
        let failed = |text: String| format!("clone failed: {text}");
        if let Some((key, drive)) = self.left.pop_front() {
            let how = if self.links(&key, &drive) { "linked" } else { "full" };
            t.log(format!("create {how} clone of drive {key} ({})", drive.volume));
            let drive = match how {
                "linked" => self.link(t, drive),
                _ => self.copy(t, &key, drive),
            };
            let drive = drive.map_err(failed)?;
            self.config.values.insert(key.to_string(), drive.to_string());
            let mut now = self.config.clone();
            now.values.insert("lock".to_owned(), "clone".to_owned());
            if let Some(guest) = t.cluster.guests.get_mut(self.order.newid) {
                guest.config = now;
            }
        }
        if self.left.is_empty() {
            self.stage = Stage::Finish;
            return Ok(Next::After(Duration::ZERO));
        }
        Ok(Next::After(self.time(t)))
    }

    /// A volume that lies upon the source's.
    fn link(&mut self, t: &mut TaskCx<'_>, mut drive: Drive) -> Result<Drive, String> {
        let (volid, log) = t.cluster.link_volume(&t.node(), &drive.volume, self.order.newid)?;
        log.iter().for_each(|line| t.log(line));
        self.made.push(volid.clone());
        drive.volume = volid;
        Ok(drive)
    }

    /// A copy of its own.
    fn copy(&mut self, t: &mut TaskCx<'_>, key: &DriveKey, mut drive: Drive) -> Result<Drive, String> {
        let node = t.node();
        let id = self.storage_of(&drive).unwrap_or_default();
        let from = t.cluster.volume(&node, &drive.volume);
        let to = t.cluster.storage.usable(&id, &node)?;
        let wanted = self.order.format.clone().or_else(|| from.as_ref().map(|volume| volume.format.clone()));
        let wanted = wanted.unwrap_or_else(|| to.default_format().to_owned());
        let format = if to.takes_format(&wanted) { wanted.clone() } else { to.default_format().to_owned() };
        if format != wanted && self.order.format.is_some() {
            t.log(format!(
                "format '{wanted}' is not supported by the target storage '{id}' - using '{format}' instead"
            ));
        }
        let (bytes, name) = match (drive.is_cloudinit(), &from) {
            (true, _) => (disks::CLOUDINIT, Some(disks::cloudinit_name(self.order.newid, &format))),
            (false, Some(volume)) => (volume.size, None),
            (false, None) => return Err(format!("volume '{}' does not exist", drive.volume)),
        };
        let used = from.as_ref().map_or(0, |volume| volume.used);
        let made = t.cluster.allocate(&node, &id, self.order.newid, name.as_deref(), &format, bytes)?;
        t.log(&made.log);
        self.made.push(made.volid.clone());
        t.log(format!("allocated target volume '{}'", made.volid));
        t.cluster.must_have_room(&node, &id, used)?;
        t.cluster.change_volume(&node, &made.volid, |volume: &mut Volume| volume.used = used.min(volume.size));
        let silent = drive.is_cloudinit() || key.as_str() == "efidisk0";
        if !silent {
            let text = render_bytes(bytes);
            t.log(format!("transferred 0.0 B of {text} (0.00%)"));
            t.log(format!("transferred {text} of {text} (100.00%)"));
        }
        drive.volume = made.volid;
        drive.options.insert("size".to_owned(), size::print(made.size));
        Ok(drive)
    }

    fn finish(&mut self, t: &mut TaskCx<'_>) -> Next {
        if let Some(guest) = t.cluster.guests.get_mut(self.order.newid) {
            guest.config = self.config.clone();
            if let Some(target) = &self.order.target {
                target.clone_into(&mut guest.node);
            }
        }
        if let Some(pool) = &self.order.pool {
            t.cluster.pools.add_vm(pool, self.order.newid);
        }
        Next::Done
    }

    /// What was made is taken away again.
    fn undo(&mut self, t: &mut TaskCx<'_>) {
        let node = t.node();
        for volid in std::mem::take(&mut self.made) {
            // Made a moment ago, so that it can be freed.
            let said = t.cluster.free(&node, &volid);
            t.log(said.unwrap_or_else(|text| text));
        }
        if std::mem::take(&mut self.ours) {
            t.cluster.guests.all.remove(&self.order.newid);
        }
    }
}

impl Job for Clone {
    fn step(&mut self, t: &mut TaskCx<'_>) -> Next {
        let next = match &mut self.stage {
            Stage::Source { waited } => {
                let lock = Lock::Vm(self.order.source);
                let running = t.cluster.guests.get(self.order.source).is_some_and(Guest::is_running);
                // Belief: PVE waits one second here (pve-behaviour-3 2.2); recorded are the usual ten.
                match (running, t.cluster.locks.is_held(&lock)) {
                    (true, _) => {
                        self.stage = Stage::Taken;
                        return Next::Lock(lock);
                    }
                    (false, true) if *waited < LOCK_WAIT => {
                        *waited += LOOK;
                        return Next::After(LOOK);
                    }
                    (false, true) => Err(lock.timeout_text()),
                    (false, false) => {
                        self.stage = Stage::Taken;
                        Ok(Next::After(Duration::ZERO))
                    }
                }
            }
            Stage::Taken => {
                self.stage = Stage::Begin;
                return Next::Lock(Lock::Vm(self.order.newid));
            }
            Stage::Begin => self.begin(t),
            Stage::Disks => self.disk(t),
            Stage::Finish => Ok(self.finish(t)),
        };
        next.unwrap_or_else(|text| {
            self.undo(t);
            Next::Fail(text)
        })
    }

    fn is_at_its_last(&self) -> bool {
        matches!(self.stage, Stage::Finish)
    }

    fn stop(&mut self, t: &mut TaskCx<'_>) -> String {
        self.undo(t);
        "clone failed: interrupted by signal".to_owned()
    }
}
