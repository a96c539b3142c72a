//! Making a container.

use std::sync::{Mutex, PoisonError};

use pve_client::api::lxc::Clone as CloneTo;
use pve_client::api::params::Params;
use pve_client::{Error as Api, Lock, Task};
use terraform_plugin::{Created, Cx, Failed, Notes, Unwritten, require};

use super::left_behind::{self, areas, must_be_absent};
use super::{Container, change, placement, settings};
use crate::ct::{guest, identity};
use crate::ground::error::{During, Problem};
use crate::ground::evidence::Before;
use crate::ground::pve::{Pve, patience};
use crate::guest::power;
use crate::vm::planned::{self, Place};

/// How often a number that was free a moment ago may turn out to be taken.
const TRIES: u32 = 50;

pub async fn create(
    cx: &Cx<Pve>,
    want: &Container,
    unwritten: Unwritten<Container>,
) -> Result<Created<Container>, Failed> {
    identity::forget(cx);
    if let Some(vmid) = unwritten.check(left_behind::find(cx, want).await)? {
        let written = unwritten.take_over(Container { vmid: Some(vmid), ..want.clone() });
        return Ok(written.settle(async |notes| complete(cx, want, vmid, notes).await).await);
    }
    let (node, place) = unwritten.check(placement::choose(cx, want).await)?;
    let so_far = Container { node: Some(node.clone()), ..want.clone() };
    unwritten.check(require(cx, &so_far, None).await)?;
    let first = match want.vmid {
        Some(vmid) => vmid,
        None => unwritten.check(free_vmid(cx).await)?,
    };
    // By this number the next run finds what this one has made, should it be killed.
    cx.jot(first.to_string());

    let attempt = Mutex::new(None);
    let asked = ask(cx, want, first, (&node, &place), &attempt);
    let (sent, written) = unwritten.send(so_far.clone(), asked).await?;
    let Some((vmid, before)) = attempt.lock().unwrap_or_else(PoisonError::into_inner).take() else {
        // It did not get as far as sending anything.
        let problem =
            sent.err().unwrap_or_else(|| Problem::new("Cannot create the container", "Nothing was sent. Apply again."));
        return written.undo(problem, async { Ok::<_, Problem>(()) }).await;
    };
    written.note(Container { vmid: Some(vmid), ..so_far.clone() });
    let doing = doing(vmid);
    let (_, about) = left_behind::task(want, vmid);
    let mut task = match before.settle(cx, sent, Lock::Vm(about), &areas(vmid)).await {
        Ok(Ok(task)) => task,
        Ok(Err(nothing)) => {
            return match must_be_absent(cx, vmid).await {
                Ok(()) => written.undo(nothing, async { Ok::<_, Problem>(()) }).await,
                // It is there without a task of ours: somebody else's.
                Err(problem) if problem.pve().is_none() => written.undo(problem, async { Ok::<_, Problem>(()) }).await,
                Err(problem) => Ok(written.leave(problem)),
            };
        }
        Err(problem) => return Ok(written.leave(problem)),
    };
    match task.wait(&patience(cx), |_| {}).await {
        Ok(()) => {}
        // PVE removes what it has begun; that it did so is looked at.
        Err(error @ Api::TaskFailed(_)) => {
            return written.undo(Problem::during(&doing, error), must_be_absent(cx, vmid)).await;
        }
        Err(error) => return Ok(written.leave(Problem::during(&doing, error))),
    }
    drop(task);
    place.take();
    Ok(written.settle(async |notes| complete(cx, want, vmid, notes).await).await)
}

/// What is left to do when PVE has made the container: what an image, an original or a backup has brought is brought to what is
/// wanted, before the first start.
async fn complete(cx: &Cx<Pve>, want: &Container, vmid: u32, notes: Notes<Container>) -> Result<Container, Problem> {
    let found = change::unlocked(cx, vmid, want).await?;
    identity::remember(cx, &found.config);
    let node = found.guest.node.clone();
    let as_it_is = |found: &guest::Found, started: bool| {
        let made = Container::from_live(vmid, &node, &found.config, started, Some(want));
        Container { node: Some(want.node.clone().unwrap_or_else(|| node.clone())), ..made }
    };
    notes.note(as_it_is(&found, false));
    let found = change::bring(cx, found, want, want).await?;
    identity::remember(cx, &found.config);
    if want.started == Some(true) {
        power::bring_to(cx, &found.guest, want.started).await?;
    }
    let found = guest::must_exist(cx, vmid).await?;
    Ok(as_it_is(&found, want.started.unwrap_or(false)))
}

fn doing(vmid: u32) -> String {
    format!("Cannot create ct:{vmid}")
}

impl Container {
    /// The archive that it is made from.
    pub(super) fn archive(&self) -> Option<&str> {
        let backup = self.restore.as_ref().map(|restore| restore.backup.as_str());
        self.template_file.as_deref().or(backup)
    }
}

/// What PVE is asked for.
fn request(want: &Container) -> Params {
    let all = want.params(None, None).opt("pool", want.pool.as_ref()).opt("ostemplate", want.archive());
    let params = all.opt("password", want.password.as_ref()).opt("ssh-public-keys", want.ssh_keys.as_ref());
    match &want.restore {
        None => params,
        Some(restore) => {
            let params = params.flag("restore", true).opt("storage", restore.storage.as_ref());
            if restore.unique == Some(true) { params.flag("unique", true) } else { params }
        }
    }
}

/// Sends the request. A number that PVE was to choose and that somebody else was quicker to take is asked for anew. Notes the
/// number and what there was before, for settling a lost answer.
async fn ask(
    cx: &Cx<Pve>,
    want: &Container,
    first: u32,
    (node, place): (&str, &Place<'_>),
    attempt: &Mutex<Option<(u32, Before)>>,
) -> Result<Task, Problem> {
    let (mut tries, mut vmid) = (0, first);
    loop {
        tries += 1;
        place.is_for(vmid);
        let (kind, about) = left_behind::task(want, vmid);
        let before = Before::look(cx, kind, about.to_string()).await?;
        // Assigned in one step; a panic elsewhere leaves nothing half done.
        *attempt.lock().unwrap_or_else(PoisonError::into_inner) = Some((vmid, before));
        let answer = match &want.clone {
            Some(of) => {
                let source = guest::must_exist(cx, of.vmid).await?;
                let to = CloneTo {
                    newid: vmid,
                    hostname: want.options.hostname.clone(),
                    full: of.full,
                    storage: of.storage.clone(),
                    target: (source.guest.node != node).then(|| node.to_owned()),
                    pool: want.pool.clone(),
                };
                source.api(cx).clone_to(&to).await
            }
            None => cx.client.lxc(node, vmid).create(&request(want)).await,
        };
        match answer {
            Err(Api::Exists(_)) if want.vmid.is_none() && tries < TRIES => {
                tracing::info!(vmid, "somebody else was quicker to take this number");
                vmid = free_vmid(cx).await?;
            }
            answer => {
                let answer = answer.during(doing(vmid)).map_err(|problem| pool_at_fault(problem, want));
                return answer.map_err(|problem| problem.with_attributes(settings::attribute));
            }
        }
    }
}

/// PVE tells of a pool that does not exist as of a right that is missing.
fn pool_at_fault(problem: Problem, want: &Container) -> Problem {
    let missing = |message: &str, pool: &str| message.contains(&format!("(pool '{pool}' does not exist)"));
    match (problem.pve(), &want.pool) {
        (Some(Api::Permission(refusal)), Some(pool)) if missing(&refusal.message, pool) => Problem::new(
            format!("Resource pool \"{pool}\" does not exist"),
            "The container cannot be made in it; nothing was written. `pve_pool` makes one; or leave `pool` out.",
        )
        .at("pool"),
        _ => problem,
    }
}

/// The next free number by PVE's rules, leaving out those that others in this run are about to take.
async fn free_vmid(cx: &Cx<Pve>) -> Result<u32, Problem> {
    let first = cx.client.cluster().next_id().await.during("Cannot ask for a free number")?;
    let guests = cx.client.cluster().guests().await.during("Cannot list the guests")?;
    Ok(planned::reserve_vmid(&cx.ledger, first, |vmid| guests.iter().any(|guest| guest.vmid == vmid)))
}
