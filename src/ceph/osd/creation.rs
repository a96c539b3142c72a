//! The way of a disk to an OSD: looked at, erased where that is allowed, given to Ceph, and found again.

use std::collections::BTreeSet;

use pve_client::api::ceph::osd::OsdParams;
use pve_client::api::nodes::TaskFilter;
use pve_client::{Area, Lock, Task, Upid, Writing};
use terraform_plugin::{Cx, WriteError, require};

use super::device::kernel_name;
use super::identity::Identity;
use super::settings::differs;
use super::side::{Role, left};
use super::{Osd, leftover, look, parts, patience_until, side};
use crate::ground::error::{During, Problem};
use crate::ground::evidence::{self, Before};
use crate::ground::pve::Pve;
use crate::node::handed_through;
use tokio::time::Instant;

/// What an OSD's creation and removal change.
pub const AREAS: &[Area] = &[Area::CephOsds, Area::Crush, Area::CephStatus, Area::CephPools, Area::Disks];

/// Private data: when the creation began, by the server's clock. A task that is older made something else.
pub const BEGUN: &str = "begun";

/// PVE's task.
pub const TASK: &str = "cephcreateosd";

/// A creation about to begin. Nobody else of this process uses a disk of the node while this is held, so what was looked
/// at is still true when the request leaves.
pub struct Creation {
    node: String,
    path: String,
    /// What is on it is erased first, as `wipe_if` allows.
    wipes: bool,
    params: OsdParams,
    before: Before,
    doing: String,
    _using: Writing,
}

/// What there is to do.
pub enum Start {
    /// Make the OSD, or those that share the device.
    Make(Box<Creation>),
    /// A run of ours that was cut off has made it.
    Made(Vec<Identity>),
}

/// What kept [`Creation::begin`] from a task.
#[derive(Debug)]
pub enum Trouble {
    /// The device could not be erased, so nothing was asked for.
    Wiping(Problem),
    /// The OSD was asked for.
    Asking(Problem),
}

impl From<Trouble> for terraform_plugin::Error {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Wiping(problem) | Trouble::Asking(problem) => problem.into(),
        }
    }
}

impl WriteError for Trouble {
    fn refused(&self) -> bool {
        match self {
            Self::Wiping(problem) | Self::Asking(problem) => problem.refused(),
        }
    }
}

impl Creation {
    /// Looks which device is meant and whether it may be used. Nothing is written.
    pub async fn prepare(cx: &Cx<Pve>, want: &Osd) -> Result<Start, Problem> {
        let node = want.node.clone();
        let doing = format!("Cannot create an OSD on {node}");
        let using = cx.client.begin_write(Lock::DiskUse(node.clone()), &[Area::Disks]).await.during(&doing)?;
        let list = look::disks(cx, &node).await?;
        let target = want.device.find(&list, &node)?;
        // Whether that may be is judged below, by a later look: what was free here and is not there is never erased.
        let (path, wipes) = (target.devpath.clone(), !target.is_free());
        let before = Before::look_on(cx, &node, TASK, kernel_name(&path)).await?;
        if let Some(found) = left_behind(cx, want, &path, &before).await? {
            return Ok(Start::Made(found));
        }
        nobody_else_at_it(cx, &node, &path).await?;
        require(cx, want, None).await?;
        if wipes {
            handed_through::must_not_be(cx, &node, target, &list).await.map_err(|problem| problem.at("device"))?;
        }
        let doing = format!("Cannot create an OSD on {path} of {node}");
        let params = OsdParams {
            device: path.clone(),
            crush_device_class: want.crush_device_class.clone(),
            encrypted: want.encrypted,
            db: side::asked(want, Role::Database, &list)?,
            wal: side::asked(want, Role::Log, &list)?,
            osds_per_device: want.osds_per_device.filter(|count| *count > 1),
        };
        Ok(Start::Make(Box::new(Self { node, path, wipes, params, before, doing, _using: using })))
    }

    /// Erases what may be erased, and asks for the OSD.
    pub async fn begin(&self, cx: &Cx<Pve>, deadline: Instant) -> Result<Task, Trouble> {
        cx.private.set(BEGUN, cx.client.server_time());
        if self.wipes {
            tracing::info!(node = self.node, device = self.path, "erasing what `wipe_if` allows");
            look::wipe(cx, &self.node, &self.path, deadline).await.map_err(Trouble::Wiping)?;
        }
        cx.client.ceph().create_osd(&self.node, &self.params).await.during(&self.doing).map_err(Trouble::Asking)
    }

    /// The task of what [`Creation::begin`] has sent; within, why no OSD is being made; without, why that is not known.
    pub async fn settle(&self, cx: &Cx<Pve>, sent: Result<Task, Trouble>) -> Result<Result<Task, Problem>, Problem> {
        let problem = match sent {
            Ok(task) => return Ok(Ok(task)),
            Err(Trouble::Wiping(problem)) => return Ok(Err(problem)),
            Err(Trouble::Asking(problem)) => problem,
        };
        tracing::warn!(
            ?problem,
            device = self.path,
            "it is not certain that an OSD was asked for: looking for the task"
        );
        let lock = Lock::NodeDisks(self.node.clone());
        self.before.settle(cx, Err(problem), lock, AREAS).await
    }

    /// Waits for the task, and finds what it has made.
    pub async fn finish(&self, cx: &Cx<Pve>, task: &mut Task, deadline: Instant) -> Result<Vec<Identity>, Problem> {
        let waited = task.wait(&patience_until(cx, deadline), |_| {}).await.during(&self.doing);
        remember(cx, task.upid());
        waited?;
        let hint = made_by(cx, &self.node, task.upid()).await;
        let found = identify(cx, &self.node, &self.path, hint).await?;
        let wanted = self.params.osds_per_device.map_or(1, |count| count as usize);
        if found.len() < wanted {
            let detail =
                format!("PVE's task succeeded, yet the node's list of disks names {} of {wanted}.", found.len());
            return Err(Problem::new(format!("Not all OSDs are to be seen on {} of {}", self.path, self.node), detail));
        }
        Ok(found)
    }

    /// Makes sure that there is no OSD on the device.
    pub async fn must_have_made_nothing(&self, cx: &Cx<Pve>) -> Result<(), Problem> {
        let list = look::disks(cx, &self.node).await?;
        let entry = list.iter().find(|disk| disk.devpath == self.path);
        match entry.and_then(|entry| entry.osd_ids.first()) {
            Some(osd) => Err(Problem::new(
                format!("A part of an OSD is left on {} of {}", self.path, self.node),
                format!("PVE's task failed, and Ceph did not take osd.{osd} back by itself."),
            )),
            None => Ok(()),
        }
    }

    /// After the task has failed: makes sure that no OSD is left, and that the devices are as free as they were.
    pub async fn take_back(&self, cx: &Cx<Pve>, want: &Osd, upid: &Upid) -> Result<(), Problem> {
        parts::take_back(cx, want, &self.path, upid).await?;
        self.must_have_made_nothing(cx).await?;
        let log = cx.client.node(&self.node).task_log(upid, 0).await.during(&self.doing)?;
        let deadline = Instant::now() + cx.timeout;
        if has_erased(&log, &self.path) {
            leftover::free(cx, &self.node, &self.path, deadline).await?;
        }
        left::take_away(cx, &self.node, &log, deadline).await
    }
}

/// The OSD on the device, if a run of ours was cut off while making it and it is as it is wanted.
async fn left_behind(cx: &Cx<Pve>, want: &Osd, path: &str, before: &Before) -> Result<Option<Vec<Identity>>, Problem> {
    let node = &want.node;
    let Some(upid) = before.of_former_run(cx, &want.device.on(node), Lock::NodeDisks(node.clone()), AREAS).await?
    else {
        return Ok(None);
    };
    let list = look::disks(cx, node).await?;
    let Some(disk) = list.iter().find(|disk| disk.devpath == path) else { return Ok(None) };
    let Some(id) = disk.osd_ids.first() else { return Ok(None) };
    let encrypted = disk.osdencrypted || disk.encrypted;
    let mut classed = disk.osd_ids.len() == want.count();
    for id in &disk.osd_ids {
        classed &= match look::osd(cx, *id).await? {
            Some(live) => !differs(want.crush_device_class.as_deref(), &live),
            None => false,
        };
    }
    if !classed || want.encrypted.unwrap_or(false) != encrypted || !side::as_wanted(cx, want, *id, &list).await? {
        return Ok(None);
    }
    let hint = made_by(cx, node, &upid).await;
    let found = identify(cx, node, path, hint.clone()).await?;
    if !hint.is_empty() && hint != found {
        return Ok(None);
    }
    let what = want.identified(&found).called();
    evidence::tell_taken_over(cx, &format!("{what} on {path} of {node}"), &upid);
    Ok(Some(found))
}

/// A creation that runs already, begun by somebody else: what is on the device is changing.
async fn nobody_else_at_it(cx: &Cx<Pve>, node: &str, path: &str) -> Result<(), Problem> {
    let filter = TaskFilter { kind: Some(TASK.to_owned()), ..TaskFilter::default() };
    let tasks = cx.client.node(node).tasks(&filter).await.during(format!("Cannot list the tasks of node {node}"))?;
    match tasks.iter().find(|task| task.is_running() && task.id == kernel_name(path)) {
        Some(task) => Err(Problem::new(
            format!("An OSD is being made on {path} of {node}"),
            format!(
                "Task {} of somebody else does so already; nothing was written. Apply again when it is done: you will be told \
                 how to import the OSD.",
                task.upid
            ),
        )
        .at("device")),
        None => Ok(()),
    }
}

/// Keeps the task's name with the object, for a later run that has to find out what became of it.
pub fn remember(cx: &Cx<Pve>, upid: &Upid) {
    cx.private.set("task", upid.as_str());
}

/// Whether a creation came as far as erasing the device, after its last look whether that is free: what is on it later is of
/// its making. One that failed before has not touched it.
pub fn has_erased(log: &[String], path: &str) -> bool {
    log.iter().any(|line| line.trim_end() == format!("wiping block device {path}"))
}

/// The OSDs that a task has made, by its log; none if the log does not tell, is gone, or cannot be read.
pub async fn made_by(cx: &Cx<Pve>, node: &str, upid: &Upid) -> Vec<Identity> {
    told(&cx.client.node(node).task_log(upid, 0).await.unwrap_or_default())
}

/// The OSDs on a device: their numbers from the node's list of disks, their fsids from their volumes; what the log of the task
/// says fills in where the list does not tell.
pub async fn identify(cx: &Cx<Pve>, node: &str, path: &str, hint: Vec<Identity>) -> Result<Vec<Identity>, Problem> {
    let list = look::disks(cx, node).await?;
    let listed = list.iter().find(|disk| disk.devpath == path).map(|disk| disk.osd_ids.clone()).unwrap_or_default();
    let told = || hint.iter().map(|hint| hint.id).collect();
    let ids: BTreeSet<u32> = if listed.is_empty() { told() } else { listed.into_iter().collect() };
    if ids.is_empty() {
        return Err(Problem::new(
            format!("No OSD is to be seen on {path} of {node}"),
            "PVE's task succeeded, yet the node's list of disks names no OSD on the device. Look at the task's log.",
        ));
    }
    let mut found = Vec::new();
    for id in ids {
        let doing = format!("Cannot read the volume of osd.{id}");
        let volume = cx.client.ceph().osd_volume(node, id).await.during(doing)?;
        let fsid = volume.osd_fsid().map(str::to_owned).ok_or_else(|| {
            Problem::new(
                format!("osd.{id} on {node} has no fsid"),
                format!("Its volume is called {}, which is not how Ceph names them.", volume.lv_name),
            )
        })?;
        found.push(Identity { id, fsid });
    }
    Ok(found)
}

/// What the log of a creation says of the new OSDs, in the order of their numbers: `ceph-volume@lvm-3-FSID`.
fn told(log: &[String]) -> Vec<Identity> {
    let one = |line: &String| {
        let (_, rest) = line.split_once("ceph-volume@lvm-")?;
        let (id, fsid) = rest.split_once('-')?;
        let fsid: String = fsid.chars().take_while(|c| c.is_ascii_hexdigit() || *c == '-').collect();
        (fsid.len() == 36).then_some(Identity { id: id.parse().ok()?, fsid })
    };
    let mut all: Vec<_> = log.iter().filter_map(one).collect();
    all.sort_by_key(|made| made.id);
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_tells_whether_the_device_was_touched() {
        let log = ["create OSD on /dev/sdb4 (bluestore)".to_owned(), "wiping block device /dev/sdb4".to_owned()];
        assert!(has_erased(&log, "/dev/sdb4"));
        assert!(!has_erased(&log, "/dev/sdb") && !has_erased(&log[..1], "/dev/sdb4"));
    }

    #[test]
    fn the_log_names_number_and_fsid() {
        let log = |line: &str| told(&["create OSD on /dev/sdb4 (bluestore)".to_owned(), line.to_owned()]);
        let fsid = "0a1b2c3d-1111-2222-3333-444455556666";
        assert_eq!(
            log(&format!("Running command: /usr/bin/systemctl enable ceph-volume@lvm-12-{fsid}")),
            [Identity { id: 12, fsid: fsid.to_owned() }]
        );
        assert_eq!(log(&format!("Created symlink /etc/x/ceph-volume@lvm-3-{fsid}.service."))[0].id, 3);
        assert_eq!(log("ceph-volume@lvm-3-short"), []);
        assert_eq!(log("--> ceph-volume lvm create successful for: /dev/sdb4"), []);
    }
}
