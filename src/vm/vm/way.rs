//! The ways in which a VM is made: empty, as a clone of another, from a backup.

use std::collections::BTreeSet;
use std::time::Duration;

use pve_client::api::params::Params;
use pve_client::api::qemu::VmRemoval;
use pve_client::{Error as Api, Task, Upid};
use terraform_plugin::{Cx, Diagnostic};

use super::create::must_be_absent;
use super::{Vm, firmware, origin, placement};
use crate::ground::error::{During, Problem};
use crate::ground::evidence::Recognise;
use crate::ground::pve::{Pve, patience};
use crate::vm::guest::{self, Found};
use crate::vm::identity;
use crate::vm::planned::Place;

/// Pause between two looks at a task that has not said yet what it is about.
const PAUSE: Duration = Duration::from_secs(1);

/// How a VM is made.
pub enum Way {
    /// Empty, or with disks from images.
    New,
    /// As a clone.
    Clone {
        /// Of this one.
        source: Box<Found>,
        /// The node where it ends up, if that is another than its source's.
        target: Option<String>,
    },
    /// From a backup.
    Restore,
}

/// Recognises the task that makes the VM with this number. Of one VM many clones may be made at once, and only a task's log
/// tells which is which.
pub struct Makes<'a> {
    /// How it is made.
    pub way: &'a Way,
    /// Its number.
    pub vmid: u32,
}

impl Recognise for Makes<'_> {
    async fn is_ours(&self, cx: &Cx<Pve>, upid: &Upid) -> bool {
        match self.way {
            Way::Clone { .. } => made_by_clone(cx, upid).await == Some(self.vmid),
            _ => true,
        }
    }
}

impl Way {
    /// The way that is asked for.
    pub async fn of(cx: &Cx<Pve>, want: &Vm) -> Result<Self, Problem> {
        match origin::source(cx, want).await? {
            Some(source) => Ok(Way::Clone { source: Box::new(source), target: None }),
            None if want.origin.restore.is_some() => Ok(Way::Restore),
            None => Ok(Way::New),
        }
    }

    /// Chooses the node, and the storages that are written to.
    pub async fn place<'a>(
        &mut self,
        cx: &'a Cx<Pve>,
        want: &Vm,
    ) -> Result<(String, Place<'a>, BTreeSet<String>), Problem> {
        let (Way::Clone { source, target }, Some(clone)) = (&mut *self, &want.origin.clone) else {
            let (node, place) = placement::choose(cx, want).await?;
            let storages: BTreeSet<String> = placement::needed(want).into_iter().map(str::to_owned).collect();
            return Ok((node, place, storages));
        };
        let (storages, local) = origin::storages(cx, source, clone).await?;
        let here = source.guest.node.clone();
        if local {
            let there = Vm { node: Some(here.clone()), ..want.clone() };
            let (node, place) = placement::choose(cx, &there).await?;
            if let Some(wanted) = want.node.as_ref().filter(|wanted| **wanted != here) {
                cx.warn(
                    Diagnostic::warning(
                        "A clone is made where its source is",
                        format!(
                            "vm:{} has disks that only {here} sees, so its clone is made there and not on {wanted}{}",
                            clone.vmid,
                            if want.origin.is_pinned() {
                                "; it is brought there afterwards."
                            } else {
                                ". `placement = \"pinned\"` brings it there afterwards."
                            }
                        ),
                    )
                    .at("node"),
                );
            }
            return Ok((node, place, storages));
        }
        let (node, place) = placement::choose(cx, want).await?;
        *target = Some(node.clone()).filter(|node| *node != here);
        Ok((node, place, storages))
    }

    /// The type of PVE's task.
    pub fn task(&self) -> &'static str {
        match self {
            Way::New => "qmcreate",
            Way::Clone { .. } => "qmclone",
            Way::Restore => "qmrestore",
        }
    }

    /// What PVE's task is about: a clone's is about its source.
    pub fn about(&self, vmid: u32) -> String {
        match self {
            Way::Clone { source, .. } => source.guest.vmid.to_string(),
            _ => vmid.to_string(),
        }
    }

    /// Sends the request.
    pub async fn send(&self, cx: &Cx<Pve>, want: &Vm, node: &str, vmid: u32, uuid: &str) -> Result<Task, Api> {
        let pool = want.pool.as_ref();
        let uuid_only = || Params::new().opt("pool", pool).set("smbios1", format!("uuid={uuid}"));
        match self {
            Way::New => {
                let smbios = firmware::smbios_of_a_new_one(want, uuid);
                let params = want.params(None, None).opt("pool", pool).set("smbios1", smbios);
                cx.client.qemu(node, vmid).create(&params).await
            }
            Way::Restore => {
                let Some(restore) = &want.origin.restore else {
                    return cx.client.qemu(node, vmid).create(&uuid_only()).await;
                };
                let smbios = firmware::smbios_of_an_archive(cx, node, &restore.archive, uuid).await;
                let params = Params::new().opt("pool", pool).set("smbios1", smbios).set("archive", &restore.archive);
                let params = params.opt("storage", restore.storage.as_ref());
                let params = restore.unique.into_iter().fold(params, |params, on| params.flag("unique", on));
                cx.client.qemu(node, vmid).create(&params).await
            }
            Way::Clone { source, target } => {
                let mut params = Params::new()
                    .opt("pool", pool)
                    .opt("name", want.name.as_ref())
                    .opt("target", target.as_ref())
                    .set("description", identity::mark(uuid));
                if let Some(clone) = &want.origin.clone {
                    params = params.opt("snapname", clone.snapshot.as_ref());
                    params = params.opt("storage", clone.storage.as_ref()).opt("format", clone.format.as_ref());
                    params = clone.full.into_iter().fold(params, |params, on| params.flag("full", on));
                }
                source.api(cx).clone_to(vmid, &params).await
            }
        }
    }

    /// After the task has failed: nothing of it is there any more. PVE removes what it has begun, but for a restore, of which a
    /// guest with next to nothing in its configuration stays: that is taken away.
    pub async fn must_leave_nothing(&self, cx: &Cx<Pve>, vmid: u32) -> Result<(), Problem> {
        match self {
            Way::Restore => take_stub_away(cx, vmid).await,
            _ => must_be_absent(cx, vmid).await,
        }
    }
}

/// The number of the VM that a clone's task makes, once its log says so; none if it ends without.
pub async fn made_by_clone(cx: &Cx<Pve>, upid: &Upid) -> Option<u32> {
    let node = cx.client.node(upid.node());
    loop {
        // The log first: a task that ends in between has said it by then.
        let ended = !matches!(node.task_status(upid).await, Ok(None));
        let lines = node.task_log(upid, 20).await.unwrap_or_default();
        let line = lines.iter().find(|line| line.starts_with("creating a clone of VM "));
        if let Some(vmid) = line.and_then(|line| line.rsplit_once(" with ID ")?.1.trim().parse().ok()) {
            return Some(vmid);
        }
        if ended || cx.stop.is_cancelled() {
            return None;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Takes away what a restore that failed has left, if that is all it is.
pub async fn take_stub_away(cx: &Cx<Pve>, vmid: u32) -> Result<(), Problem> {
    let Some(found) = guest::find(cx, vmid).await? else { return Ok(()) };
    if !is_stub(&found) {
        return must_be_absent(cx, vmid).await;
    }
    let doing = format!("Cannot take away what the restore has left of vm:{vmid}");
    let mut task = found.api(cx).delete(VmRemoval::default()).await.during(&doing)?;
    task.wait(&patience(cx), |_| {}).await.during(&doing)
}

/// Whether a guest is what a restore leaves when it fails: nothing tells which it is, and it has no disk.
pub fn is_stub(found: &Found) -> bool {
    let config = &found.config;
    config.uuid.is_none() && config.created.is_none() && config.drives.is_empty() && config.nets.is_empty()
}
