//! A disk on its way to another storage: the work of `qmmove`.
//!
//! A running guest's disk is mirrored by QEMU, with a line of progress every second; a stopped one's is copied by
//! qemu-img, with a line for each percent. The guest is locked all the while.

use std::time::Duration;

use super::drive::{Drive, DriveKey};
use super::{disks, size};
use crate::kernel::locks::Lock;
use crate::kernel::tasks::{Job, Next, TaskCx};

/// What is moved where.
#[derive(Debug, Clone)]
pub struct Order {
    /// The guest.
    pub vmid: u32,
    /// Which disk.
    pub key: DriveKey,
    /// The storage to go to.
    pub storage: String,
    /// The format wanted.
    pub format: Option<String>,
    /// Whether the old volume is freed.
    pub delete: bool,
    /// The digest that the configuration must have.
    pub digest: Option<String>,
    /// KiB a second; 0 is unlimited. `None`: nobody set a limit.
    pub bwlimit: Option<u64>,
}

/// What the target is, once it has been made.
#[derive(Debug, Clone)]
struct Target {
    volid: String,
    size: u64,
    format: String,
}

enum Stage {
    Waiting,
    Begin,
    /// QEMU mirrors under this job's name since so many seconds; bytes done.
    Mirror {
        job: String,
        seconds: u64,
        done: u64,
    },
    /// qemu-img copies; so many percent have been told.
    Copy {
        percent: u64,
    },
    /// All is copied: the guest goes over to the new volume.
    Switch,
}

/// The task.
pub struct Move {
    order: Order,
    stage: Stage,
    source: Drive,
    target: Option<Target>,
    /// Bytes to copy.
    total: u64,
}

/// The time of a copy whose speed nothing limits.
const INSTANT: Duration = Duration::from_secs(1);

impl Move {
    /// A move that has not begun.
    pub fn new(order: Order) -> Self {
        Move { order, stage: Stage::Waiting, source: Drive::of(""), target: None, total: 0 }
    }

    /// Bytes a second, if anything limits them.
    fn rate(&self, t: &TaskCx<'_>) -> Option<u64> {
        let asked = self.order.bwlimit.filter(|limit| *limit > 0).map(|limit| limit.saturating_mul(1024));
        [asked, t.cluster.profile.bandwidth].into_iter().flatten().min().map(|rate| rate.max(1))
    }

    fn begin(&mut self, t: &mut TaskCx<'_>) -> Result<Next, String> {
        let Order { vmid, key, storage, .. } = self.order.clone();
        let node = t.node();
        let guest = t.cluster.guests.on(vmid, &node)?;
        if let Some(lock) = guest.config.lock() {
            return Err(format!("VM is locked ({lock})"));
        }
        if self.order.digest.as_ref().is_some_and(|digest| *digest != guest.config.digest()) {
            return Err("detected modified configuration - file changed by other user? Try again.".to_owned());
        }
        self.source = guest.config.drive(&key).ok_or_else(|| format!("disk '{key}' does not exist"))?;
        let old = self.source.volume.clone();
        let machine = guest.running.as_ref().filter(|_| !key.is_unused()).map(|process| process.machine);
        let from = self.source.storage().unwrap_or_default().to_owned();
        t.log(format!("copying volume '{old}' from current storage '{from}' to target storage '{storage}'"));
        t.log(format!("create full clone of drive {key} ({old})"));
        if machine.is_some() && key.as_str() == "tpmstate0" {
            return Err("storage migration failed: cannot move TPM state while VM is running".to_owned());
        }
        let failed = |text: String| format!("storage migration failed: {text}");
        let volume = t.cluster.volume(&node, &old);
        let to = t.cluster.storage.usable(&storage, &node).map_err(failed)?;
        let wanted = self.order.format.clone().or_else(|| volume.as_ref().map(|volume| volume.format.clone()));
        let format = wanted.unwrap_or_else(|| to.default_format().to_owned());
        let taken = if to.takes_format(&format) { format.clone() } else { to.default_format().to_owned() };
        // Only a format that somebody asked for is missed.
        if taken != format && self.order.format.is_some() {
            t.log(format!(
                "format '{format}' is not supported by the target storage '{storage}' - using '{taken}' instead"
            ));
        }
        let cloudinit = self.source.is_cloudinit();
        let (bytes, name) = match (cloudinit, volume) {
            (true, _) => (disks::CLOUDINIT, Some(disks::cloudinit_name(vmid, &taken))),
            (false, Some(volume)) => (volume.size, None),
            (false, None) => {
                let missing = t.cluster.storage.get(&from).map(|s| s.missing(self.source.name().unwrap_or_default()));
                return Err(failed(missing.unwrap_or_else(|| format!("storage '{from}' does not exist"))));
            }
        };
        let made = t.cluster.allocate(&node, &storage, vmid, name.as_deref(), &taken, bytes).map_err(failed)?;
        t.log(&made.log);
        t.log(format!("allocated target volume '{}'", made.volid));
        self.target = Some(Target { volid: made.volid, size: made.size, format: taken });
        self.total = bytes;
        let silent = cloudinit || (machine.is_none() && key.as_str() == "efidisk0");
        if silent {
            self.stage = Stage::Switch;
            return Ok(Next::After(Duration::ZERO));
        }
        if let Some(machine) = machine {
            let limit = self.order.bwlimit.map(|limit| format!(" with bandwidth limit: {limit} KiB/s"));
            t.log(format!("drive mirror is starting for drive-{key}{}", limit.unwrap_or_default()));
            let job = format!("{}-{key}", if machine >= (10, 0) { "mirror" } else { "drive" });
            // QEMU mirrors onto what is as large to the byte; RBD's whole MiB may be more.
            if made.size != bytes {
                t.log(format!("{job}: Cancelling block job"));
                t.log(format!("{job}: Done."));
                self.drop_target(t);
                let why = format!("{job}: Source and target image have different sizes (io-status: ok)");
                return Err(format!("storage migration failed: block job (mirror) error: {why}"));
            }
            self.stage = Stage::Mirror { job, seconds: 0, done: 0 };
        } else {
            t.log(format!("transferred 0.0 B of {} (0.00%)", render_bytes(bytes)));
            self.stage = Stage::Copy { percent: 0 };
            return Ok(Next::After(self.until_percent(t, 0)));
        }
        Ok(Next::After(Duration::ZERO))
    }

    /// How long qemu-img takes from one line to the next.
    fn until_percent(&self, t: &TaskCx<'_>, percent: u64) -> Duration {
        match self.rate(t) {
            None => INSTANT,
            Some(rate) => {
                let to = self.total * (percent + 1) / 100 - self.total * percent / 100;
                Duration::from_secs_f64(to as f64 / rate as f64)
            }
        }
    }

    /// Whether source or target take no I/O for now.
    fn hangs(&self, t: &mut TaskCx<'_>) -> bool {
        let target = self.target.as_ref().is_some_and(|target| t.cluster.hangs(&target.volid));
        target || t.cluster.hangs(&self.source.volume)
    }

    fn mirror(&mut self, t: &mut TaskCx<'_>, job: String, seconds: u64, before: u64) -> Next {
        let gain = match self.rate(t) {
            _ if seconds == 0 || self.hangs(t) => 0,
            Some(rate) => rate,
            None => self.total,
        };
        let done = before.saturating_add(gain).min(self.total);
        let share = if self.total == 0 { 100.0 } else { done as f64 * 100.0 / self.total as f64 };
        let (done_text, total_text) = (render_bytes(done), render_bytes(self.total));
        let ready = done >= self.total;
        let suffix = if ready { ", ready" } else { "" };
        let took = render_duration(seconds);
        t.log(format!("{job}: transferred {done_text} of {total_text} ({share:.2}%) in {took}{suffix}"));
        if !ready {
            self.stage = Stage::Mirror { job, seconds: seconds + 1, done };
            return Next::After(Duration::from_secs(1));
        }
        t.log("all 'mirror' jobs are ready");
        t.log(format!("{job}: Completing block job..."));
        t.log(format!("{job}: Completed successfully."));
        t.log(format!("{job}: mirror-job finished"));
        self.stage = Stage::Switch;
        Next::After(Duration::ZERO)
    }

    fn copy(&mut self, t: &mut TaskCx<'_>, percent: u64) -> Next {
        if self.hangs(t) {
            self.stage = Stage::Copy { percent };
            return Next::After(Duration::from_secs(1));
        }
        let total = render_bytes(self.total);
        let told = if self.rate(t).is_none() { 100 } else { percent + 1 };
        let done = self.total * told / 100;
        t.log(format!("transferred {} of {total} ({told}.00%)", render_bytes(done)));
        if told < 100 {
            self.stage = Stage::Copy { percent: told };
            return Next::After(self.until_percent(t, told));
        }
        // The tool tells the end once more where it copies a file as it is.
        let is_file = |volid: &str| {
            let storage = volid.split_once(':').and_then(|(id, _)| t.cluster.storage.get(id));
            storage.is_some_and(|storage| storage.kind.has_files())
        };
        let as_it_is = |target: &Target| target.format == "raw" && self.source.volume.ends_with(".raw");
        if self.target.as_ref().is_some_and(|target| as_it_is(target) && is_file(&target.volid)) {
            t.log(format!("transferred {total} of {total} (100.00%)"));
        }
        self.stage = Stage::Switch;
        Next::After(Duration::ZERO)
    }

    fn switch(&mut self, t: &mut TaskCx<'_>) -> Result<Next, String> {
        let Order { vmid, key, delete, .. } = self.order.clone();
        let node = t.node();
        let Some(target) = self.target.take() else { return Ok(Next::Done) };
        let old = self.source.volume.clone();
        let used = t.cluster.volume(&node, &old).map_or(0, |volume| volume.used);
        t.cluster.change_volume(&node, &target.volid, |volume| volume.used = used.min(volume.size));
        let guest = t.cluster.guests.on_mut(vmid, &node)?;
        let mut drive = self.source.clone();
        drive.volume.clone_from(&target.volid);
        drive.options.remove("format");
        match key.is_unused() {
            true => drive.options.clear(),
            false => {
                drive.options.insert("size".to_owned(), size::print(target.size));
            }
        }
        guest.config.values.insert(key.to_string(), drive.to_string());
        // QEMU goes over to a mirrored volume; the cloud-init drive it keeps open as it was.
        let mut held = false;
        if let Some(process) = guest.running.as_mut() {
            if self.source.is_cloudinit() {
                held = process.open.contains(&old);
            } else if process.open.remove(&old) {
                process.open.insert(target.volid.clone());
            }
        }
        if !delete {
            let name = guest.config.add_unused(&old);
            t.log(format!("adding source volume '{old}' as '{name}' to config"));
            return Ok(Next::Done);
        }
        t.log(format!("removing source volume '{old}' after successful copy"));
        let freed = match held.then(|| t.cluster.storage.get(self.source.storage().unwrap_or_default())).flatten() {
            Some(storage) if !storage.kind.has_files() => {
                let name = self.source.name().unwrap_or_default();
                // Belief: the tools' own words for a volume that is open.
                Err(match storage.kind.name {
                    "rbd" => format!("rbd rm '{name}' error: rbd: error: image still has watchers"),
                    _ => {
                        let path = format!("{}/{name}", storage.get("vgname").unwrap_or_default());
                        format!("lvremove '{path}' error:   Logical volume {path} in use.")
                    }
                })
            }
            _ => t.cluster.free(&node, &old),
        };
        // That the source stays is told, and fails nothing.
        t.log(freed.unwrap_or_else(|text| text));
        Ok(Next::Done)
    }

    fn drop_target(&mut self, t: &mut TaskCx<'_>) {
        if let Some(target) = self.target.take() {
            // It was made by this task a moment ago; what cannot be freed stays, as with PVE.
            let said = t.cluster.free(&t.node(), &target.volid);
            t.log(said.unwrap_or_else(|text| text));
        }
    }
}

impl Job for Move {
    fn step(&mut self, t: &mut TaskCx<'_>) -> Next {
        let next = match std::mem::replace(&mut self.stage, Stage::Switch) {
            Stage::Waiting => {
                self.stage = Stage::Begin;
                return Next::Lock(Lock::Vm(self.order.vmid));
            }
            Stage::Begin => self.begin(t),
            Stage::Mirror { job, seconds, done } => Ok(self.mirror(t, job, seconds, done)),
            Stage::Copy { percent } => Ok(self.copy(t, percent)),
            Stage::Switch => self.switch(t),
        };
        next.unwrap_or_else(|text| {
            self.drop_target(t);
            Next::Fail(text)
        })
    }

    fn stop(&mut self, t: &mut TaskCx<'_>) -> String {
        match std::mem::replace(&mut self.stage, Stage::Switch) {
            Stage::Mirror { job, .. } => {
                t.log(format!("{job}: Cancelling block job"));
                t.log(format!("WARN: {job}: Operation canceled (io-status: ok)"));
                t.log(format!("{job}: Done."));
                self.drop_target(t);
                "storage migration failed: block job (mirror) error: interrupted by signal".to_owned()
            }
            Stage::Copy { .. } => {
                let path = |volid: &str| {
                    let (id, name) = volid.split_once(':').unwrap_or_default();
                    t.cluster.storage.get(id).map(|storage| storage.volume_path(name)).unwrap_or_default()
                };
                let source_format = t.cluster.volume(&t.node(), &self.source.volume).map(|volume| volume.format);
                let target = self.target.as_ref().map(|target| (path(&target.volid), target.format.clone()));
                let (to, format) = target.unwrap_or_default();
                let command = format!(
                    "/usr/bin/qemu-img convert -p -n -f {} -O {format} {} {to}",
                    source_format.unwrap_or_default(),
                    path(&self.source.volume),
                );
                self.drop_target(t);
                format!("storage migration failed: copy failed: command '{command}' failed: interrupted by signal")
            }
            _ => "received interrupt".to_owned(),
        }
    }
}

/// Bytes as PVE's log lines have them: one decimal, binary units.
pub fn render_bytes(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// A duration as PVE's log lines have it: `1w 2d 3h`, parts that are zero left out.
pub fn render_duration(seconds: u64) -> String {
    const UNITS: [(u64, &str); 5] = [(604_800, "w"), (86_400, "d"), (3600, "h"), (60, "m"), (1, "s")];
    let mut rest = seconds;
    let mut parts = Vec::new();
    for (length, unit) in UNITS {
        if rest >= length {
            parts.push(format!("{}{unit}", rest / length));
            rest %= length;
        }
    }
    if parts.is_empty() { "0s".to_owned() } else { parts.join(" ") }
}
