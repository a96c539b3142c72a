//! `pve_template` of a container. PVE answers the conversion with nothing while a task of its own works on it, and refuses it
//! as a whole where one volume cannot be a base.

use pve_client::api::cluster::GuestKind;
use pve_client::{Area, Error as Api, Lock};
use terraform_plugin::{Created, Cx, Error, Failed, Findings, Unwritten, require};

use super::container::Container;
use super::guest::{self, Found};
use super::identity;
use crate::ground::error::{During, Problem};
use crate::ground::evidence::{self, Before};
use crate::ground::pve::{Pve, patience};
use crate::vm::template::Template;

const TASK: &str = "vztemplate";

/// What a conversion changes.
fn areas(vmid: u32) -> [Area; 3] {
    [Area::GuestConfig(vmid), Area::Guests, Area::Content]
}

fn doing(vmid: u32) -> String {
    format!("Cannot make ct:{vmid} a template")
}

/// Whether the guest of that number is a container.
pub async fn is_one(cx: &Cx<Pve>, vmid: u32) -> Result<bool, Problem> {
    let guest = cx.client.cluster().guest(vmid).await.during(format!("Cannot look for guest {vmid}"))?;
    Ok(guest.is_some_and(|guest| guest.kind == GuestKind::Lxc))
}

/// What speaks against it.
pub async fn look(
    cx: &Cx<Pve>,
    vmid: u32,
    prior: Option<&Template>,
    found: &mut Findings<Template>,
) -> Result<(), Error> {
    let Some(live) = guest::find(cx, vmid).await? else { return Ok(()) };
    if prior.is_some() || live.config.template {
        return Ok(());
    }
    found.notice(Problem::new(
        "A template never becomes a container again",
        format!("ct:{vmid} is to become a template, which cannot be undone: it will never run again."),
    ));
    found.check(guest::must_be_unlocked(&live));
    let status = live.api(cx).status().await.during(format!("Cannot look at ct:{vmid}"))?;
    if status.is_running() {
        let problem = Problem::new(
            format!("ct:{vmid} runs"),
            "What runs cannot become a template. Nothing was written. Set `started = false` in its `pve_container` and apply that, or \
             shut it down in PVE (under HA: by the `state` of its `pve_ha_resource`).",
        );
        found.mendable(problem.at("vmid"));
    }
    Ok(())
}

/// Whether the container goes with its template.
pub fn goes(cx: &Cx<Pve>, vmid: u32) -> bool {
    cx.going::<Container>().iter().any(|ct| ct.vmid == Some(vmid))
}

/// Makes it one.
pub async fn create(
    cx: &Cx<Pve>,
    want: &Template,
    unwritten: Unwritten<Template>,
) -> Result<Created<Template>, Failed> {
    identity::forget(cx);
    let vmid = want.vmid;
    let live = unwritten.check(guest::must_exist(cx, vmid).await)?;
    identity::remember(cx, &live.config);
    let written = if live.config.template {
        unwritten.take_over(want.clone())
    } else {
        unwritten.check(require(cx, want, None).await)?;
        let before = unwritten.check(Before::look(cx, TASK, vmid.to_string()).await)?;
        let (sent, written) = unwritten.send(want.clone(), ask(cx, &live)).await?;
        match ended(cx, &before, sent, vmid).await {
            Ok(Ok(())) => written,
            Ok(Err(problem)) => return written.undo(problem, must_be_none(cx, vmid)).await,
            Err(problem) => return Ok(written.leave(problem)),
        }
    };
    Ok(written.settle(async |_| finish(cx, want).await).await)
}

async fn ask(cx: &Cx<Pve>, live: &Found) -> Result<(), Problem> {
    live.api(cx).to_template().await.during(doing(live.guest.vmid))
}

/// How the task ended; within, why there is none or how it failed. It is found among those that are new, whatever the answer was.
async fn ended(
    cx: &Cx<Pve>,
    before: &Before,
    sent: Result<(), Problem>,
    vmid: u32,
) -> Result<Result<(), Problem>, Problem> {
    let doing = doing(vmid);
    let unseen = match sent {
        Err(problem) if problem.is_refused() => return Ok(Err(problem)),
        Err(problem) => problem,
        Ok(()) => Problem::new(&doing, "PVE took the request, and no task of it is to be seen."),
    };
    let mut task = match before.settle(cx, Err(unseen), Lock::Vm(vmid), &areas(vmid)).await? {
        Ok(task) => task,
        Err(nothing) => return Ok(Err(nothing)),
    };
    match task.wait(&patience(cx), |_| {}).await {
        Ok(()) => Ok(Ok(())),
        Err(error @ Api::TaskFailed(_)) => Ok(Err(Problem::during(&doing, error))),
        Err(error) => Err(Problem::during(&doing, error)),
    }
}

async fn must_be_none(cx: &Cx<Pve>, vmid: u32) -> Result<(), Problem> {
    match guest::find(cx, vmid).await? {
        Some(live) if live.config.template => {
            Err(Problem::new(format!("ct:{vmid} has become a template all the same"), "The next apply carries on."))
        }
        _ => Ok(()),
    }
}

/// Sees a conversion to its end that a run which was cut off has begun, or begins it anew.
pub async fn finish(cx: &Cx<Pve>, want: &Template) -> Result<Template, Problem> {
    let vmid = want.vmid;
    if let Some(upid) = Before::peek(cx, None, TASK, vmid.to_string()).await?.running() {
        // What came of it is looked at.
        evidence::has_succeeded(cx, &upid, Lock::Vm(vmid), &areas(vmid)).await?;
    }
    let live = guest::must_exist(cx, vmid).await?;
    identity::must_be_the_same(cx, &live)?;
    if !live.config.template {
        let before = Before::look(cx, TASK, vmid.to_string()).await?;
        ended(cx, &before, ask(cx, &live).await, vmid).await??;
    }
    Ok(Template { ready: true, ..want.clone() })
}

/// The template as it is; a container that is none is not there.
pub async fn seen(cx: &Cx<Pve>, vmid: u32, prior: Option<&Template>) -> Result<Option<Template>, Problem> {
    let Some(live) = guest::find(cx, vmid).await?.filter(|live| live.config.template) else { return Ok(None) };
    identity::complete(cx, &live.config);
    Ok(Some(Template { vmid, ready: true, ..prior.cloned().unwrap_or_default() }))
}
