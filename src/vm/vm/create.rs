//! Making a VM.

use std::sync::{Mutex, PoisonError};

use pve_client::{Area, Error as Api, Lock, Task};
use terraform_plugin::{Created, Cx, Failed, Notes, Unwritten, require};

use super::way::{Makes, Way};
use super::{Vm, agent, change, left_behind, origin, settings, vmid_path};
use crate::ground::error::{During, Problem, exists};
use crate::ground::evidence::Before;
use crate::ground::pve::{Pve, patience};
use crate::guest::power;
use crate::vm::guest::{self, Found};
use crate::vm::planned::{self, Place};
use crate::vm::turns::Turns;
use crate::vm::{identity, storage_turns};

/// How often a number that was free a moment ago may turn out to be taken.
const TRIES: u32 = 50;

/// What a creation changes.
pub fn areas(vmid: u32) -> [Area; 4] {
    [Area::Guests, Area::GuestConfig(vmid), Area::Content, Area::Ha]
}

pub async fn create(cx: &Cx<Pve>, want: &Vm, unwritten: Unwritten<Vm>) -> Result<Created<Vm>, Failed> {
    identity::forget(cx);
    if let Some(vmid) = unwritten.check(left_behind::find(cx, want).await)? {
        let written = unwritten.take_over(Vm { vmid: Some(vmid), ..want.clone() });
        return Ok(written.settle(async |notes| complete(cx, want, vmid, notes).await).await);
    }
    let uuid = identity::choose(cx);
    let mut way = unwritten.check(Way::of(cx, want).await)?;
    let (node, place, storages) = unwritten.check(way.place(cx, want).await)?;
    let so_far = Vm { node: want.node.clone().or_else(|| Some(node.clone())), ..want.clone() };
    unwritten.check(require(cx, &so_far, None).await)?;
    // Given up when the task has ended.
    let turn = unwritten.check(storage_turns::take(cx, &storages).await)?;

    let asking = Asking { way: &way, node: &node, place: &place, uuid: &uuid };
    let attempt = Mutex::new(None);
    let (mut sent, written) = unwritten.send(so_far.clone(), asking.ask(cx, want, &attempt)).await?;
    let mut turns = Turns::begin();
    let mut tries = 0;
    let (vmid, lost) = loop {
        tries += 1;
        let Some((vmid, before)) = attempt.lock().unwrap_or_else(PoisonError::into_inner).take() else {
            // It did not get as far as sending anything.
            let problem =
                sent.err().unwrap_or_else(|| Problem::new("Cannot create the VM", "Nothing was sent. Apply again."));
            return written.undo(problem, nothing_to_undo()).await;
        };
        written.note(Vm { vmid: Some(vmid), ..so_far.clone() });
        let doing = doing(vmid);
        let lost = sent.is_err();
        let made_it =
            async || Ok::<_, Problem>(guest::find(cx, vmid).await?.is_some_and(|it| identity::is(&it.config, &uuid)));
        let makes = Makes { way: &way, vmid };
        let mut task = match before.settle_that(cx, sent, Lock::Vm(vmid), &areas(vmid), &makes).await {
            Ok(Ok(task)) => task,
            Ok(Err(nothing)) => {
                match made_it().await {
                    Ok(true) => break (vmid, lost),
                    Ok(false) => {}
                    Err(problem) => return Ok(written.leave(problem)),
                }
                let problem = match must_be_absent(cx, vmid).await {
                    Ok(()) => nothing,
                    // It is there without a task of ours: somebody else's.
                    Err(problem) if problem.pve().is_none() => problem,
                    Err(problem) => return Ok(written.leave(problem)),
                };
                return written.undo(problem, nothing_to_undo()).await;
            }
            Err(problem) => return Ok(written.leave(problem)),
        };
        match task.wait(&patience(cx), |_| {}).await {
            Ok(()) => break (vmid, lost),
            // Somebody else was quicker, and what exists is theirs.
            Err(Api::TaskFailed(failure)) if failure.status.contains("already exists") => {
                if want.vmid.is_some() || tries >= TRIES {
                    let problem = exists("pve_vm", &format!("vm:{vmid}"), &vmid.to_string()).at(vmid_path());
                    return written.undo(problem, nothing_to_undo()).await;
                }
                sent = asking.ask(cx, want, &attempt).await;
            }
            // Somebody has the lock of what is cloned, or of the number: it is looked at that nothing was begun.
            Err(error) if error.is_contention() && made_it().await.is_ok_and(|made| !made) => {
                drop(task);
                if let Err(problem) = turns.again(cx, Problem::during(&doing, error)).await {
                    return written.undo(problem, nothing_to_undo()).await;
                }
                sent = asking.ask(cx, want, &attempt).await;
            }
            // PVE removes what it has begun; that it did so is looked at.
            Err(error @ Api::TaskFailed(_)) => {
                return written.undo(Problem::during(&doing, error), way.must_leave_nothing(cx, vmid)).await;
            }
            Err(error) => return Ok(written.leave(Problem::during(&doing, error))),
        }
    };
    if lost {
        match guest::must_exist(cx, vmid).await {
            Ok(found) if identity::is(&found.config, &uuid) => {
                tracing::info!(vmid, "the answer to its creation was lost; its uuid is the one that was asked for");
            }
            Ok(_) => {
                let problem = exists("pve_vm", &format!("vm:{vmid}"), &vmid.to_string()).at(vmid_path());
                return written.undo(problem, nothing_to_undo()).await;
            }
            Err(problem) => return Ok(written.leave(problem)),
        }
    }
    place.take();
    drop(turn);
    Ok(written.settle(async |notes| complete(cx, want, vmid, notes).await).await)
}

/// What is left to do when PVE has made the VM.
async fn complete(cx: &Cx<Pve>, want: &Vm, vmid: u32, notes: Notes<Vm>) -> Result<Vm, Problem> {
    let found = guest::must_exist(cx, vmid).await?;
    let found = origin::adopt(cx, found, want).await?;
    identity::remember(cx, &found.config);
    notes.note(seen(cx, &found, want));
    let found = change::finish(cx, found, want).await?;
    let made = seen(cx, &found, want);
    notes.note(made.clone());
    change::set_password(cx, &found, want).await?;
    if want.started == Some(true) {
        power::bring_to(cx, &found.guest, want.started).await?;
    }
    agent::wait(cx, &found, want).await?;
    Ok(made)
}

/// A VM that was just made, as the state has it.
pub fn seen(cx: &Cx<Pve>, found: &Found, want: &Vm) -> Vm {
    let node = &found.guest.node;
    let mut made = Vm::from_live(found.guest.vmid, node, &found.config, want.started.unwrap_or(false), Some(want));
    origin::leave_out_brought(cx, &mut made, Some(want));
    Vm { node: want.node.clone().or_else(|| Some(node.clone())), ..made }
}

/// Nothing of ours exists.
async fn nothing_to_undo() -> Result<(), Problem> {
    Ok(())
}

fn doing(vmid: u32) -> String {
    format!("Cannot create vm:{vmid}")
}

/// What is asked of whom.
struct Asking<'a> {
    way: &'a Way,
    node: &'a str,
    place: &'a Place<'a>,
    uuid: &'a str,
}

impl Asking<'_> {
    /// Sends the request. A number that PVE was to choose and that somebody else was quicker to take is asked for anew. Notes
    /// the number and what there was before, for settling a lost answer.
    async fn ask(&self, cx: &Cx<Pve>, want: &Vm, attempt: &Mutex<Option<(u32, Before)>>) -> Result<Task, Problem> {
        let mut tries = 0;
        loop {
            tries += 1;
            let vmid = match want.vmid {
                Some(vmid) => vmid,
                None => free_vmid(cx).await?,
            };
            self.place.is_for(vmid);
            let before = Before::look(cx, self.way.task(), self.way.about(vmid)).await?;
            // Assigned in one step; a panic elsewhere leaves nothing half done.
            *attempt.lock().unwrap_or_else(PoisonError::into_inner) = Some((vmid, before));
            match self.way.send(cx, want, self.node, vmid, self.uuid).await {
                Err(Api::Exists(_)) if want.vmid.is_none() && tries < TRIES => {
                    tracing::info!(vmid, "somebody else was quicker to take this number");
                }
                answer => {
                    let answer = answer.during(doing(vmid)).map_err(|problem| pool_at_fault(problem, want));
                    return answer.map_err(|problem| problem.with_attributes(settings::attribute));
                }
            }
        }
    }
}

/// PVE tells of a pool that does not exist as of a right that is missing.
fn pool_at_fault(problem: Problem, want: &Vm) -> Problem {
    let missing = |message: &str, pool: &str| message.contains(&format!("(pool '{pool}' does not exist)"));
    match (problem.pve(), &want.pool) {
        (Some(Api::Permission(refusal)), Some(pool)) if missing(&refusal.message, pool) => no_such_pool(pool),
        _ => problem,
    }
}

/// The error of a VM for a pool that is not there.
pub fn no_such_pool(pool: &str) -> Problem {
    Problem::new(
        format!("Resource pool \"{pool}\" does not exist"),
        "The VM cannot be made in it; nothing was written. `pve_pool` makes one; or leave `pool` out.",
    )
    .at("pool")
}

/// The next free number by PVE's rules, leaving out those that others in this run are about to take.
async fn free_vmid(cx: &Cx<Pve>) -> Result<u32, Problem> {
    let first = cx.client.cluster().next_id().await.during("Cannot ask for a free number")?;
    let guests = cx.client.cluster().guests().await.during("Cannot list the guests")?;
    Ok(planned::reserve_vmid(&cx.ledger, first, |vmid| guests.iter().any(|guest| guest.vmid == vmid)))
}

pub async fn must_be_absent(cx: &Cx<Pve>, vmid: u32) -> Result<(), Problem> {
    let guest = cx.client.cluster().guest(vmid).await.during(format!("Cannot look for vm:{vmid}"))?;
    match guest {
        None => Ok(()),
        Some(guest) if guest.kind == pve_client::api::cluster::GuestKind::Lxc => Err(Problem::new(
            format!("The number {vmid} is taken"),
            format!("A container on {} has it. Nothing was written. Choose another number.", guest.node),
        )
        .at(vmid_path())),
        Some(guest) => {
            let what = format!("vm:{vmid} on {}", guest.node);
            Err(exists("pve_vm", &what, &vmid.to_string()).at(vmid_path()))
        }
    }
}
