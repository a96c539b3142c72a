//! Backups: what `vzdump` does. What it tells of a container and of what goes wrong is recorded (32).
// Belief: the lines about a virtual machine, and how long reading its disks takes.

mod guest;

use std::collections::BTreeMap;
use std::time::Duration;

use super::drive::Drive;
use super::{Guest, size};
use crate::cluster::Cluster;
use crate::cluster::storage::backups::Retention;
use crate::cluster::storage::{Backup, Storage};
use crate::kernel::clock::Time;
use crate::kernel::tasks::{Job, Next, TaskCx, Upid};
use guest::{here, kind, notify, stamp, unlock, volumes};

/// What is read and written a second.
const RATE: u64 = 100 << 20;

/// What the files of a container come to, where nobody has told: those of the recording.
const FILES: u64 = 1_003_520;

/// Who takes backups on which node: one at a time.
#[derive(Debug, Default)]
pub struct Dumping(BTreeMap<String, Upid>);

/// What is asked for.
#[derive(Debug, Clone, Default)]
pub struct Order {
    /// The line of the command.
    pub command: String,
    /// Whom to back up, one after the other.
    pub vmids: Vec<u32>,
    /// Where to.
    pub storage: Option<String>,
    /// A folder in place of that.
    pub dumpdir: Option<String>,
    /// `snapshot`, `suspend`, `stop`.
    pub mode: String,
    /// `0`, `1`, `gzip`, `lzo`, `zstd`.
    pub compress: String,
    /// What is noted, with names in braces.
    pub notes: Option<String>,
    /// Whether it is protected.
    pub protected: bool,
    /// What is kept; unset: what the storage says.
    pub prune: Option<String>,
    /// Whether anything is removed.
    pub remove: bool,
    /// How long somebody else may take.
    pub lockwait: Duration,
}

/// How far it is.
#[derive(Debug)]
enum Stage {
    Begin,
    /// Waiting for whoever takes backups on this node.
    Queue(Duration),
    /// The guest with this index is next.
    Guest(usize),
    /// Its data is being written since then.
    Writing(usize, Time),
}

/// The work of the task.
#[derive(Debug)]
pub struct Dump {
    order: Order,
    stage: Stage,
    failed: bool,
}

impl Dump {
    /// Nothing is done yet.
    pub fn new(order: Order) -> Self {
        Self { order, stage: Stage::Begin, failed: false }
    }
}

impl Job for Dump {
    fn step(&mut self, t: &mut TaskCx<'_>) -> Next {
        loop {
            match self.stage {
                Stage::Begin => {
                    if self.order.storage.is_some() && self.order.dumpdir.is_some() {
                        return Next::Fail("cannot use options 'storage' and 'dumpdir' at the same time".to_owned());
                    }
                    if let Err(text) = self.target(t) {
                        notify(t);
                        return Next::Fail(text);
                    }
                    self.stage = Stage::Queue(Duration::ZERO);
                }
                Stage::Queue(waited) => match (turn(t), waited) {
                    (true, Duration::ZERO) => self.begin(t),
                    (true, _) => {
                        t.log("INFO: got global lock");
                        self.begin(t);
                    }
                    (false, _) if waited >= self.order.lockwait => {
                        return Next::Fail("can't acquire lock '/var/run/vzdump.lock' - got timeout".to_owned());
                    }
                    (false, _) => {
                        if waited.is_zero() {
                            t.log("INFO: trying to get global lock - waiting...");
                        }
                        self.stage = Stage::Queue(waited + Duration::from_secs(1));
                        return Next::After(Duration::from_secs(1));
                    }
                },
                Stage::Guest(index) => {
                    let Some(vmid) = self.order.vmids.get(index).copied() else { return self.end(t) };
                    match self.start(t, vmid) {
                        Ok(lasts) => {
                            self.stage = Stage::Writing(index, t.cluster.clock_of(&t.node()));
                            return Next::After(lasts);
                        }
                        Err(text) => {
                            self.fail(t, vmid, &text);
                            self.stage = Stage::Guest(index + 1);
                        }
                    }
                }
                Stage::Writing(index, since) => {
                    let vmid = self.order.vmids.get(index).copied().unwrap_or_default();
                    if let Err(text) = self.finish(t, vmid, since) {
                        unlock(t, vmid);
                        self.fail(t, vmid, &text);
                    }
                    self.stage = Stage::Guest(index + 1);
                }
            }
        }
    }

    fn stop(&mut self, t: &mut TaskCx<'_>) -> String {
        if let Stage::Writing(index, _) = self.stage {
            let vmid = self.order.vmids.get(index).copied().unwrap_or_default();
            unlock(t, vmid);
            t.log(format!("ERROR: Backup of VM {vmid} failed - interrupted by signal"));
        }
        "interrupted by signal".to_owned()
    }
}

impl Dump {
    fn storage_id(&self) -> &str {
        self.order.storage.as_deref().unwrap_or("local")
    }

    fn target<'a>(&self, t: &'a TaskCx<'_>) -> Result<&'a Storage, String> {
        let id = self.storage_id();
        let node = t.node();
        let failed = |text: String| format!("could not get storage information for '{id}': {text}");
        let storage = t.cluster.storage.usable(id, &node).map_err(|text| match t.cluster.storage.get(id) {
            None => format!("could not activate storage '{id}': {text}\n{}", failed(text.clone())),
            Some(_) => failed(text),
        })?;
        match storage.contents().contains("backup") {
            true => Ok(storage),
            false => Err(failed(format!("can't use storage '{id}' for backups - wrong content type"))),
        }
    }

    fn begin(&mut self, t: &mut TaskCx<'_>) {
        t.log(format!("INFO: starting new backup job: {}", self.order.command));
        self.stage = Stage::Guest(0);
    }

    fn end(&self, t: &mut TaskCx<'_>) -> Next {
        t.log(match self.failed {
            true => "INFO: Backup job finished with errors",
            false => "INFO: Backup job finished successfully",
        });
        notify(t);
        let node = t.node();
        t.cluster.dumping.0.remove(&node);
        match self.failed {
            true => Next::Fail("job errors".to_owned()),
            false => Next::Done,
        }
    }

    fn fail(&mut self, t: &mut TaskCx<'_>, vmid: u32, text: &str) {
        self.failed = true;
        let now = stamp(t.cluster.clock_of(&t.node()));
        t.log(format!("ERROR: Backup of VM {vmid} failed - {text}"));
        t.log(format!("INFO: Failed at {now}"));
    }

    /// Begins with a guest; how long its data takes.
    fn start(&self, t: &mut TaskCx<'_>, vmid: u32) -> Result<Duration, String> {
        let node = t.node();
        let guest = here(t, vmid)?.clone();
        let kind = kind(&guest);
        let now = t.cluster.clock_of(&node);
        t.log(format!("INFO: Starting Backup of VM {vmid} ({kind})"));
        t.log(format!("INFO: Backup started at {}", stamp(now)));
        t.log(format!("INFO: status = {}", if guest.is_running() { "running" } else { "stopped" }));
        if let Some(lock) = guest.config.lock() {
            return Err(match kind {
                "lxc" => format!("CT is locked ({lock})"),
                _ => format!("VM is locked ({lock})"),
            });
        }
        let managed = t.cluster.ha.manages(crate::cluster::ha::Sid(vmid, guest.kind));
        let mode = if guest.is_running() { self.order.mode.as_str() } else { "stop" };
        if managed && guest.is_running() && mode == "stop" {
            return Err(
                "Cannot execute a backup with stop mode on a HA managed and enabled Service. Use snapshot mode or \
                        disable the Service."
                    .to_owned(),
            );
        }
        t.log(format!("INFO: backup mode: {mode}"));
        t.log("INFO: ionice priority: 7");
        let name = guest.config.get(if kind == "lxc" { "hostname" } else { "name" }).unwrap_or_default().to_owned();
        t.log(format!("INFO: {} Name: {name}", if kind == "lxc" { "CT" } else { "VM" }));
        for (key, drive, included) in volumes(&guest) {
            let size = drive.options.get("size").cloned().unwrap_or_default();
            let at = drive.options.get("mp").map_or("/", String::as_str);
            t.log(match (kind, included) {
                ("lxc", true) => format!("INFO: including mount point {key} ('{at}') in backup"),
                ("lxc", false) => format!("INFO: excluding volume mount point {key} ('{at}') from backup (disabled)"),
                (_, true) => format!("INFO: include disk '{key}' '{}' {size}", drive.volume),
                (_, false) => format!("INFO: exclude disk '{key}' '{}' (backup=no)", drive.volume),
            });
        }
        if !guest.config.snapshots.is_empty() {
            t.log("INFO: snapshots found (not included into backup)");
        }
        if !guest.config.pending.is_empty() || !guest.config.pending_delete.is_empty() {
            t.log("INFO: pending configuration changes found (not included into backup)");
        }
        let (storage, file) = (self.target(t)?.clone(), self.file(kind, vmid, now));
        if !self.order.remove {
            self.must_have_room(t, &storage, kind, vmid)?;
        }
        if storage.kind.name == "pbs" {
            let kind = if kind == "lxc" { "ct" } else { "vm" };
            let at = now.format("%Y-%m-%dT%H:%M:%SZ");
            t.log(format!("INFO: creating Proxmox Backup Server archive '{kind}/{vmid}/{at}'"));
        } else {
            t.log(format!("INFO: creating vzdump archive '{}/dump/{file}'", storage.path()));
        }
        // Of a container its files alone are read.
        let bytes = if kind == "lxc" { FILES } else { self.bytes(&guest) };
        if let Some(guest) = t.cluster.guests.get_mut(vmid) {
            guest.config.values.insert("lock".to_owned(), "backup".to_owned());
        }
        Ok(Duration::from_millis(500) + Duration::from_secs(bytes / RATE))
    }

    /// With nothing to be removed, another one may be one too many.
    fn must_have_room(&self, t: &TaskCx<'_>, storage: &Storage, kind: &str, vmid: u32) -> Result<(), String> {
        let text = self.order.prune.as_deref().or(storage.get("prune-backups")).unwrap_or("keep-all=1");
        let most = text.split(',').find_map(|part| part.strip_prefix("keep-last=")?.parse::<usize>().ok());
        let archives = t.cluster.archives(storage, &t.node());
        let there = archives.iter().filter(|one| one.backup.vmid == vmid && one.backup.kind == kind);
        match most.filter(|most| there.count() >= *most) {
            Some(most) => Err(format!(
                "There is a max backup limit of {most} enforced by the target storage or the vzdump parameters. Either \
                 increase the limit or delete old backups."
            )),
            None => Ok(()),
        }
    }

    fn file(&self, kind: &str, vmid: u32, at: Time) -> String {
        let packed = match self.order.compress.as_str() {
            "zstd" => ".zst",
            "gzip" => ".gz",
            "lzo" | "1" => ".lzo",
            _ => "",
        };
        let kind_of_file = if kind == "lxc" { "tar" } else { "vma" };
        format!("vzdump-{kind}-{vmid}-{}.{kind_of_file}{packed}", at.format("%Y_%m_%d-%H_%M_%S"))
    }

    /// The bytes of the disks that are backed up.
    fn bytes(&self, guest: &Guest) -> u64 {
        let included = volumes(guest).into_iter().filter(|(_, _, included)| *included);
        included.filter_map(|(_, drive, _)| size::parse(drive.options.get("size")?)).sum()
    }

    fn finish(&self, t: &mut TaskCx<'_>, vmid: u32, since: Time) -> Result<(), String> {
        let node = t.node();
        let guest = here(t, vmid)?.clone();
        let kind = kind(&guest);
        let storage = self.target(t)?.clone();
        let volid = match storage.kind.name {
            "pbs" => {
                let folder = if kind == "lxc" { "ct" } else { "vm" };
                format!("{}:backup/{folder}/{vmid}/{}", storage.id, since.format("%Y-%m-%dT%H:%M:%SZ"))
            }
            _ => format!("{}:backup/{}", storage.id, self.file(kind, vmid, since)),
        };
        let all = guest::volumes(&guest);
        let size_of = |drive: &Drive| drive.options.get("size").and_then(|text| size::parse(text)).unwrap_or_default();
        let included = all.iter().filter(|(_, _, included)| *included);
        let volumes: BTreeMap<String, u64> = included.map(|(key, drive, _)| (key.clone(), size_of(drive))).collect();
        let left_out = |key: &String| {
            matches!(key.as_str(), "lock" | "parent")
                || key.starts_with("unused")
                || all.iter().any(|(other, _, included)| other == key && !included)
        };
        let config = guest.config.values.clone().into_iter().filter(|(key, _)| !left_out(key)).collect();
        let bytes = self.bytes(&guest);
        let seconds = t.cluster.clock_of(&node).since(since).as_secs();
        if kind == "qemu" {
            t.log(format!("INFO: transferred {} in {seconds} seconds", super::moving::render_bytes(bytes)));
        } else {
            t.log(format!("INFO: Total bytes written: {FILES} ({}KiB, {}MiB/s)", FILES >> 10, RATE >> 20));
        }
        // An archive is smaller than what is in it by what it is packed; of a container it holds the files alone.
        let bytes = if kind == "lxc" { FILES } else { bytes };
        let archive = bytes / if self.order.compress == "0" { 1 } else { 3 };
        t.log(match archive >> 20 {
            0 => format!("INFO: archive file size: {}KB", archive >> 10),
            mib => format!("INFO: archive file size: {mib}MB"),
        });
        if storage.kind.name != "pbs" && !t.cluster.has_room(&storage, &node, archive) {
            // Belief: what is said of a pipe into a full disk; no storage was filled up for the recordings.
            t.log("INFO: zstd: error 70 : Write error : cannot write block : No space left on device");
            return Err("write error - No space left on device".to_owned());
        }
        let limit = storage.get("max-protected-backups").and_then(|limit| limit.parse::<usize>().ok()).unwrap_or(5);
        let there = t.cluster.archives(&storage, &node);
        let guarded = there.iter().filter(|one| one.backup.vmid == vmid && one.backup.protected).count();
        if self.order.protected && guarded >= limit {
            return Err(format!(
                "The number of protected backups per guest is limited to {limit} on storage '{}'",
                storage.id
            ));
        }
        let notes = match &self.order.notes {
            Some(template) => {
                t.log("INFO: adding notes to backup");
                let name = guest.config.get(if kind == "lxc" { "hostname" } else { "name" }).unwrap_or_default();
                let values = [("guestname", name), ("node", &node), ("vmid", &vmid.to_string()), ("cluster", "")];
                values.iter().fold(template.replace("\\n", "\n"), |text, (key, value)| {
                    text.replace(&format!("{{{{{key}}}}}"), value)
                })
            }
            None => String::new(),
        };
        if self.order.protected {
            t.log("INFO: marking backup as protected");
        }
        let backup = Backup { kind, vmid, config, volumes, notes, protected: self.order.protected };
        t.cluster.put_archive(&node, &volid, archive, since, backup);
        self.prune(t, &storage, kind, vmid)?;
        unlock(t, vmid);
        let clock = t.cluster.clock_of(&node);
        let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
        t.log(format!("INFO: Finished Backup of VM {vmid} ({hours:02}:{minutes:02}:{:02})", seconds % 60));
        t.log(format!("INFO: Backup finished at {}", stamp(clock)));
        Ok(())
    }

    fn prune(&self, t: &mut TaskCx<'_>, storage: &Storage, kind: &str, vmid: u32) -> Result<(), String> {
        let text = self.order.prune.as_deref().or(storage.get("prune-backups")).unwrap_or("keep-all=1").to_owned();
        let retention = Retention::parse(&text);
        if !self.order.remove || retention.keeps_all() {
            return Ok(());
        }
        t.log(format!("INFO: prune older backups with retention: {text}"));
        let node = t.node();
        let archives = t.cluster.archives(storage, &node);
        let its = archives.into_iter().filter(|one| one.backup.vmid == vmid && one.backup.kind == kind).collect();
        let mut gone = 0;
        for (archive, _) in retention.marks(its).into_iter().filter(|(_, mark)| *mark == "remove") {
            t.log(format!("INFO: removing backup '{}'", archive.volid));
            t.cluster.free(&node, &archive.volid)?;
            gone += 1;
        }
        t.log(format!("INFO: pruned {gone} backup(s) not covered by keep-retention policy"));
        Ok(())
    }
}

/// Whether it is this task's turn on its node; it is the one at work then.
fn turn(t: &mut TaskCx<'_>) -> bool {
    let node = t.node();
    let Some(own) = Upid::parse(&t.upid()) else { return true };
    let other = t.cluster.dumping.0.get(&node).filter(|other| **other != own);
    let busy = other.and_then(|other| t.cluster.tasks.find(other)).is_some_and(|task| task.end.is_none());
    if !busy {
        t.cluster.dumping.0.insert(node, own);
    }
    !busy
}

impl Cluster {
    /// Whom a call means: those of a list that are on this node or nowhere, or all of the node that are not left out.
    pub fn to_dump(&self, node: &str, vmids: &[u32], all: bool, pool: Option<&str>, but: &[u32]) -> Vec<u32> {
        if !all && pool.is_none() {
            let elsewhere = |vmid: &u32| self.guests.get(*vmid).is_some_and(|guest| guest.node != node);
            return vmids.iter().copied().filter(|vmid| !elsewhere(vmid)).collect();
        }
        let here = self.guests.all.iter().filter(|(_, guest)| guest.node == node).map(|(vmid, _)| *vmid);
        let in_pool = |vmid: &u32| pool.is_none_or(|pool| self.pools.of_vm(*vmid) == Some(pool));
        here.filter(in_pool).filter(|vmid| !but.contains(vmid)).collect()
    }
}
