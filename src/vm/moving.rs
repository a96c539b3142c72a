//! Moving a disk to another storage: found running or begun, followed, and finished. `pve_vm` and `pve_vm_disk_move` share
//! it.

use std::time::{Duration, Instant};

use pve_client::api::nodes::TaskFilter;
use pve_client::api::params::Params;
use pve_client::api::qemu::DiskMove;
use pve_client::api::qemu::drive::{Bus, Drive, DriveKey};
use pve_client::{Area, Error as Api, Lock, Patience, Task, Upid};
use terraform_plugin::{Cx, Path};

use super::disks::must_hold_images;
use super::guest::{self, Found};
use super::identity;
use super::pending;
use super::progress::{Head, Meter};
use crate::error::{During, Problem};
use crate::evidence::Before;
use crate::ha::local::Places;
use crate::ha::planned;
use crate::pve::{Pve, patience};

/// How often a running move is told about.
const TELL: Duration = Duration::from_secs(30);

/// How often a configuration is read anew because somebody changed it in between.
const READINGS: u32 = 5;

/// The pause before something is tried again whose lock somebody else has. PVE itself waits for it, some seconds.
const PAUSE: Duration = Duration::from_secs(1);

/// What a move changes.
pub fn areas(vmid: u32) -> [Area; 2] {
    [Area::GuestConfig(vmid), Area::Content]
}

/// Which disk goes where.
#[derive(Clone, Debug)]
pub struct Order {
    /// The VM.
    pub vmid: u32,
    /// The disk.
    pub disk: DriveKey,
    /// Where it goes, and how.
    pub to: DiskMove,
    /// The attribute that names the disk.
    pub disk_at: Path,
    /// The attribute that names the storage.
    pub storage_at: Path,
}

/// When watching a move ends before the move does.
#[derive(Clone, Debug)]
pub struct Limits {
    /// After this time it is left alone, if that is wished.
    pub detach_after: Option<terraform_plugin::Duration>,
    /// After this time without progress.
    pub stall: Duration,
}

/// What there is to do.
#[derive(Debug)]
pub enum Ready {
    /// The disk is there already.
    There(Found),
    /// It is on its way.
    Moving {
        /// The VM.
        found: Found,
        /// The task.
        upid: Upid,
        /// The volume that is copied.
        source: String,
    },
    /// The move can begin.
    Free(Found),
}

/// Why a move is not watched to a good end.
#[derive(Debug)]
pub enum Halt {
    /// It goes on in PVE, or what is left of it is for the next apply.
    GoesOn(Problem),
    /// It could not begin, or it failed.
    Failed(Problem),
}

impl From<Problem> for Halt {
    fn from(problem: Problem) -> Self {
        Self::Failed(problem)
    }
}

impl Order {
    /// `vm:101 scsi0`
    pub fn what(&self) -> String {
        format!("vm:{} {}", self.vmid, self.disk)
    }

    fn doing(&self) -> String {
        format!("Cannot move {} to storage \"{}\"", self.what(), self.to.storage)
    }

    /// Looks at the disk, and waits until no other disk of the VM is being moved: PVE moves one at a time.
    pub async fn prepare(&self, cx: &Cx<Pve>) -> Result<Ready, Problem> {
        let begun = Instant::now();
        let mut first: Option<Found> = None;
        loop {
            // A change of the disk that waits for the next stop may name the volume of before an earlier move.
            let found = guest::in_force(cx, self.vmid).await?;
            if let Some(first) = &first {
                identity::must_be_still_the_same(first, &found)?;
            }
            let drive = self.movable(&found)?;
            let there = drive.storage() == Some(self.to.storage.as_str());
            let (upid, head) = match running(cx, &found).await? {
                Some((upid, Some(head))) if head.disk == self.disk && head.goes_to(&self.to.storage) => {
                    return Ok(Ready::Moving { found, upid, source: head.source });
                }
                _ if there => return Ok(Ready::There(found)),
                Some(other) => other,
                None => {
                    guest::must_be_unlocked(&found)?;
                    must_hold_images(cx, &self.to.storage, &found.guest.node, self.storage_at.clone()).await?;
                    self.tpm_needs_stop(cx, &found).await?;
                    self.ha_must_start_it(cx, &found).await?;
                    return Ok(Ready::Free(found));
                }
            };
            first = Some(found);
            self.wait_for_other(cx, upid, head, cx.timeout.saturating_sub(begun.elapsed())).await?;
        }
    }

    /// The disk, if it is one that can be moved.
    pub fn movable<'a>(&self, found: &'a Found) -> Result<&'a Drive, Problem> {
        let refuse = |why: String| Problem::new(self.doing(), why).at(self.disk_at.clone());
        let Some(drive) = found.config.drives.get(&self.disk) else {
            let there: Vec<String> =
                found.config.disks().map(|(key, drive)| format!("{key} ({})", drive.volume)).collect();
            let there = if there.is_empty() { "no disks".to_owned() } else { there.join(", ") };
            return Err(refuse(format!("The VM has no disk at {}. Nothing was written. It has: {there}.", self.disk)));
        };
        if drive.is_cloud_init() {
            return Err(refuse(
                "It is the cloud-init drive, which holds no data: PVE writes it anew at each start, and HA makes it anew where \
                 it starts the guest. It need not be moved. Nothing was written."
                    .to_owned(),
            ));
        }
        if drive.is_cdrom() {
            return Err(refuse(format!(
                "It is a CD-ROM drive with {}, which PVE cannot move. Nothing was written. Empty it instead.",
                drive.volume
            )));
        }
        if self.disk.bus == Bus::Unused {
            return Err(refuse("The VM does not use that volume. Nothing was written. Attach it first.".to_owned()));
        }
        Ok(drive)
    }

    /// An error if it is the TPM's state and the VM runs.
    pub async fn tpm_needs_stop(&self, cx: &Cx<Pve>, found: &Found) -> Result<(), Problem> {
        if self.disk.bus != Bus::TpmState || !found.api(cx).status().await.during(self.doing())?.is_running() {
            return Ok(());
        }
        Err(Problem::new(
            self.doing(),
            "PVE cannot move the TPM's state while the VM runs. Nothing was written. Stop it first.",
        )
        .at(self.disk_at.clone()))
    }

    /// An error if HA is to start the VM on every node and could not do so any more.
    async fn ha_must_start_it(&self, cx: &Cx<Pve>, found: &Found) -> Result<(), Problem> {
        match is_under_ha(found) {
            true => self.takes_from_ha(cx, found).await?.map_or(Ok(()), Err),
            false => Ok(()),
        }
    }

    /// What speaks against the move if the VM is to be under HA: a disk that every node has by now would
    /// be on one node only, and the configuration does not insist on that.
    pub async fn takes_from_ha(&self, cx: &Cx<Pve>, found: &Found) -> Result<Option<Problem>, Problem> {
        let places = Places::look(&cx.api).await?;
        let Some(why) = places.why_local(&self.to.storage) else { return Ok(None) };
        let is = found.config.drives.get(&self.disk).and_then(Drive::storage);
        let sid = format!("vm:{}", self.vmid);
        if is.is_some_and(|is| places.why_local(is).is_some()) || planned::may_be_local(cx, &sid) {
            return Ok(None);
        }
        let problem = Problem::new(
            self.doing(),
            format!(
                "{sid} is under HA, and {} would lie on {why}: HA would have nothing to start when its node dies. Nothing was \
                 written. Choose a storage that all nodes share, or take it out of HA first; or insist with `allow_local = true` \
                 in its `pve_ha_resource`, and let the move depend on that.",
                self.disk
            ),
        );
        Ok(Some(problem.at(self.storage_at.clone())))
    }

    /// PVE would fail a second move of the same VM after ten seconds.
    async fn wait_for_other(
        &self,
        cx: &Cx<Pve>,
        upid: Upid,
        head: Option<Head>,
        patience: Duration,
    ) -> Result<(), Problem> {
        let other = head.map_or_else(|| "a disk".to_owned(), |head| head.disk.to_string());
        tracing::info!(vmid = self.vmid, other, %upid, "waiting: another move of this VM runs");
        let mut task = self.attach(cx, upid).await?;
        let patience = Patience { timeout: Some(patience), stop: cx.stop.token(), ..Patience::default() };
        match task.wait(&patience, |_| {}).await {
            // How it ended is its owner's business.
            Ok(()) | Err(Api::TaskFailed(_) | Api::TaskLost { .. }) => Ok(()),
            Err(_) => Err(Problem::new(
                self.doing(),
                format!(
                    "{other} of vm:{} is being moved, and PVE moves one disk of a VM at a time. Nothing was written for {}. \
                     Apply again when that is done. Task {}",
                    self.vmid,
                    self.disk,
                    task.upid()
                ),
            )
            .at(self.disk_at.clone())),
        }
    }

    /// Takes hold of a move that runs already.
    pub async fn attach(&self, cx: &Cx<Pve>, upid: Upid) -> Result<Task, Problem> {
        let attached = cx.client.attach(upid, Lock::Vm(self.vmid), &areas(self.vmid)).await;
        attached.during(format!("Cannot follow the move of {}", self.what()))
    }

    /// Looks at the tasks before the move is begun.
    pub async fn before(&self, cx: &Cx<Pve>) -> Result<Before, Problem> {
        Before::look(cx, "qmmove", self.vmid.to_string()).await
    }

    /// Begins the move of what was `found`. If somebody has the VM's lock or has changed it meanwhile, it is read and compared
    /// again: the same VM, and the same volume at this place.
    pub async fn send(&self, cx: &Cx<Pve>, found: &Found) -> Result<Task, Problem> {
        let begun = Instant::now();
        let mut now = found.clone();
        let mut readings = 1;
        loop {
            let to = DiskMove { digest: now.config.digest.clone(), ..self.to.clone() };
            let refused = match now.api(cx).move_disk(self.disk, &to).await.during(self.doing()) {
                Err(problem) if problem.is_contention() || problem.is_modified() => problem,
                sent => return sent,
            };
            now = match self.once_more(cx, found, refused, &mut readings, begun).await.map_err(Problem::unsent)? {
                Ready::Free(now) => now,
                Ready::There(_) | Ready::Moving { .. } => {
                    return Err(Problem::new(
                        self.doing(),
                        "Somebody else has moved it there meanwhile, or does so at this moment. Nothing was written. Apply again.",
                    )
                    .at(self.disk_at.clone())
                    .unsent());
                }
            };
        }
    }

    /// After a refusal that passes: waits, and looks again what there is to do with the very same volume.
    async fn once_more(
        &self,
        cx: &Cx<Pve>,
        found: &Found,
        refused: Problem,
        readings: &mut u32,
        begun: Instant,
    ) -> Result<Ready, Problem> {
        *readings += 1;
        let over = begun.elapsed() >= cx.timeout || cx.stop.is_cancelled();
        if over || (refused.is_modified() && *readings > READINGS) {
            return Err(refused);
        }
        tracing::info!(vmid = self.vmid, ?refused, "somebody else is at this VM: looking again");
        if refused.is_contention() {
            tokio::time::sleep(PAUSE).await;
        }
        let ready = self.prepare(cx).await?;
        if let Ready::Free(now) = &ready {
            identity::must_be_still_the_same(found, now)?;
            let (was, is) = (&self.movable(found)?.volume, &self.movable(now)?.volume);
            if was != is {
                return Err(Problem::new(
                    format!("{} is another volume now", self.what()),
                    format!(
                        "It was {was} when the move to storage \"{}\" was begun, and somebody has put {is} in its place. Nothing \
                         was written for it. Apply again to move that one.",
                        self.to.storage
                    ),
                )
                .at(self.disk_at.clone()));
            }
        }
        Ok(ready)
    }

    /// The task of a move that was begun, also where its answer was lost; within, why none was begun.
    pub async fn settle(
        &self,
        cx: &Cx<Pve>,
        before: &Before,
        sent: Result<Task, Problem>,
    ) -> Result<Result<Task, Problem>, Problem> {
        before.settle(cx, sent, Lock::Vm(self.vmid), &areas(self.vmid)).await
    }

    /// Watches the move of what was `found` to its end. A task that met a held lock, or another configuration once it had the
    /// lock, has done nothing: it is begun again, if there is still the same to be done.
    pub async fn see_through(&self, cx: &Cx<Pve>, found: &Found, task: Task, limits: &Limits) -> Result<(), Halt> {
        let begun = Instant::now();
        let mut readings = 1;
        let mut task = task;
        loop {
            let refused = match self.follow(cx, &mut task, limits).await {
                Err(Halt::Failed(problem)) if problem.is_contention() || problem.is_modified() => problem,
                end => return end,
            };
            // Its place in the queue for the VM is free for whoever waits.
            drop(task);
            task = match self.once_more(cx, found, refused, &mut readings, begun).await? {
                Ready::There(_) => return Ok(()),
                Ready::Moving { upid, .. } => self.attach(cx, upid).await?,
                Ready::Free(now) => {
                    let before = self.before(cx).await?;
                    let sent = match self.send(cx, &now).await {
                        Err(problem) if problem.is_refused() => return Err(problem.into()),
                        sent => sent,
                    };
                    self.settle(cx, &before, sent).await.map_err(Halt::GoesOn)??
                }
            };
        }
    }

    /// Watches the move to its end, and tells at first and then every half a minute how far it is.
    pub async fn follow(&self, cx: &Cx<Pve>, task: &mut Task, limits: &Limits) -> Result<(), Halt> {
        let detach = limits.detach_after.as_ref().filter(|after| after.get() <= cx.timeout);
        let patience = Patience {
            timeout: Some(detach.map_or(cx.timeout, terraform_plugin::Duration::get)),
            stall: Some(limits.stall),
            stop: cx.stop.token(),
        };
        let what = self.what();
        let (mut meter, mut told) = (Meter::default(), None);
        let end = task
            .wait(&patience, |progress| {
                meter.saw(progress.elapsed, progress.lines);
                // At once, so that whoever takes a move up again sees where it stands, and then now and again.
                if meter.knows() && told.is_none_or(|told| progress.elapsed >= told + TELL) {
                    told = Some(progress.elapsed);
                    tracing::info!(disk = what, target_storage = self.to.storage, "moving: {meter}");
                }
            })
            .await;
        let why = match end {
            Ok(()) => return Ok(()),
            Err(Api::Timeout { .. }) => match detach {
                Some(after) => format!("detach_after ({after}) is over"),
                None => format!("The time allowed ({}) is over", terraform_plugin::Duration::from(cx.timeout)),
            },
            Err(Api::Stalled { .. }) => {
                format!("Not a byte was moved for {}", terraform_plugin::Duration::from(limits.stall))
            }
            Err(Api::Stopped { .. }) => "Interrupted".to_owned(),
            // The last two: it had met a held lock, and was refused when it was to be begun once more.
            Err(error @ (Api::TaskFailed(_) | Api::Modified(_) | Api::Locked { .. })) => {
                return Err(error).during(self.doing()).map_err(Halt::Failed);
            }
            Err(Api::NodeUnreachable { node, .. }) => {
                return Err(Halt::GoesOn(Problem::new(
                    format!("{what} was moving when node {node} went away: {meter}"),
                    format!(
                        "A copy does not survive the death of its node; the source is untouched. Apply again when {node} is \
                         back: the disk is then where the VM's configuration says, and is moved again if need be."
                    ),
                )));
            }
            // Nobody knows how it ended; the disk itself tells.
            Err(Api::TaskLost { .. }) => return Ok(()),
            Err(error) => format!("The task cannot be watched any more ({error})"),
        };
        Err(Halt::GoesOn(Problem::new(
            format!("{what} is still moving: {meter}"),
            format!(
                "{why}; the task continues on {}. The source is untouched. Apply again to re-attach. vm:{} can be put under \
                 HA when it is done.",
                task.upid().node(),
                self.vmid
            ),
        )))
    }

    /// Looks where the disk is now; its volume, if it is where it should be. A source that was to be deleted and still
    /// stands in the configuration as `unusedN` is freed: that one only.
    pub async fn finish(&self, cx: &Cx<Pve>, source: Option<&str>) -> Result<String, Problem> {
        let found = guest::in_force(cx, self.vmid).await?;
        let volume = self.arrived(&found)?;
        pending::renew(cx, self.vmid, self.disk).await?;
        if let Some(source) = source.filter(|source| self.to.delete_source && *source != volume) {
            self.free(cx, found, source).await?;
        }
        Ok(volume)
    }

    /// The disk's volume, if it is where it should be.
    fn arrived(&self, found: &Found) -> Result<String, Problem> {
        let drive = self.movable(found)?;
        if drive.storage() == Some(self.to.storage.as_str()) {
            return Ok(drive.volume.clone());
        }
        Err(Problem::new(
            self.doing(),
            format!("The move has ended, and {} is still {}. Apply again.", self.disk, drive.volume),
        ))
    }

    /// Frees the source, if it is among the VM's unused volumes. Their numbers are given anew, so the one that is named must
    /// still be what was read; if not, it is read again.
    async fn free(&self, cx: &Cx<Pve>, found: Found, source: &str) -> Result<(), Problem> {
        let doing =
            format!("{} is on storage \"{}\", but its source {source} cannot be freed", self.what(), self.to.storage);
        let begun = Instant::now();
        let (mut now, mut readings) = (guest::must_exist(cx, self.vmid).await?, 1);
        loop {
            identity::must_be_still_the_same(&found, &now)?;
            let Some(unused) = left_over(&now, source) else { return Ok(()) };
            let params = Params::new().remove(unused.to_string()).digest(now.config.digest.as_deref());
            let freed = async {
                let mut task = now.api(cx).update(&params).await?;
                task.wait(&patience(cx), |_| {}).await
            };
            let problem = match freed.await.during(&doing) {
                Err(problem) if problem.is_contention() || problem.is_modified() => problem,
                done => return done,
            };
            readings += 1;
            let over = begun.elapsed() >= cx.timeout || cx.stop.is_cancelled();
            if over || (problem.is_modified() && readings > READINGS) {
                return Err(problem);
            }
            if problem.is_contention() {
                match running(cx, &now).await? {
                    Some((upid, head)) => {
                        self.wait_for_other(cx, upid, head, cx.timeout.saturating_sub(begun.elapsed())).await?
                    }
                    None => tokio::time::sleep(PAUSE).await,
                }
            }
            now = guest::must_exist(cx, self.vmid).await?;
        }
    }

    /// All of it, where a failure is an error: what an update does. `source` is what is remembered of an earlier move;
    /// `remember` is told of the source of this one before anything is sent.
    pub async fn carry_out(
        &self,
        cx: &Cx<Pve>,
        limits: &Limits,
        source: Option<String>,
        remember: impl Fn(&str),
    ) -> Result<String, Halt> {
        let (source, found, task) = match self.prepare(cx).await? {
            Ready::There(_) => return Ok(self.finish(cx, source.as_deref()).await?),
            Ready::Moving { found, upid, source } => {
                remember(&source);
                (source, found, self.attach(cx, upid).await?)
            }
            Ready::Free(found) => {
                let source = self.movable(&found)?.volume.clone();
                remember(&source);
                let before = self.before(cx).await?;
                let sent = match self.send(cx, &found).await {
                    Err(problem) if problem.is_refused() => return Err(problem.into()),
                    sent => sent,
                };
                let task = self.settle(cx, &before, sent).await.map_err(Halt::GoesOn)?;
                (source, found, task?)
            }
        };
        self.see_through(cx, &found, task, limits).await?;
        // It has arrived; what is left to do can be done by the next apply.
        self.finish(cx, Some(&source)).await.map_err(Halt::GoesOn)
    }
}

/// Whether HA has the VM and is to keep it running somewhere.
pub fn is_under_ha(found: &Found) -> bool {
    found.guest.hastate.as_deref().is_some_and(|state| state != "ignored")
}

/// The `unusedN` that holds this volume, if there is one.
pub fn left_over(found: &Found, volume: &str) -> Option<DriveKey> {
    found.config.key_of(volume).filter(|key| key.bus == Bus::Unused)
}

/// The move of one of the VM's disks that runs at this moment, with what its log tells about it.
pub async fn running(cx: &Cx<Pve>, found: &Found) -> Result<Option<(Upid, Option<Head>)>, Problem> {
    let vmid = found.guest.vmid;
    let filter = TaskFilter {
        kind: Some("qmmove".to_owned()),
        id: Some(vmid.to_string()),
        limit: Some(20),
        ..TaskFilter::default()
    };
    let node = cx.client.node(&found.guest.node);
    let tasks = node.tasks(&filter).await.during(format!("Cannot list the tasks of vm:{vmid}"))?;
    // One at most has the VM's lock; the others wait for it, or for their end.
    let mut waiting = None;
    for task in tasks.iter().filter(|task| task.is_running()) {
        let Ok(upid) = task.upid.parse::<Upid>() else { continue };
        // A log that we may not read is no reason to give up: the task itself says enough.
        let head = Head::read(&node.task_log(&upid, 5).await.unwrap_or_default());
        if head.is_some() {
            return Ok(Some((upid, head)));
        }
        waiting = Some((upid, None));
    }
    Ok(waiting)
}
