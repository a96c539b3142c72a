//! The way of an account into being, and its changes.

use pve_client::Task;
use terraform_plugin::{Created, Cx, Error, Failed, Unwritten, Updated, require};
use tokio::time::Instant;

use super::calls::{AREAS, LOCK, Live, TURN};
use super::{AcmeAccount, calls, gone, named};
use crate::ceph::wait::patience_until;
use crate::ground::error::{During, Problem};
use crate::ground::evidence::{self, Before};
use crate::ground::pve::Pve;

/// PVE's task.
const TASK: &str = "acmeregister";

/// Registers it, or takes over what a run that was cut off has registered.
pub(super) async fn create(
    cx: &Cx<Pve>,
    want: &AcmeAccount,
    unwritten: Unwritten<AcmeAccount>,
) -> Result<Created<AcmeAccount>, Failed> {
    let doing = format!("Cannot register ACME account \"{}\"", want.name);
    let _turn = unwritten.check(cx.client.begin_write(TURN, &[]).await.during(&doing))?;
    let deadline = Instant::now() + cx.timeout;
    let before = unwritten.check(tasks(cx, TASK).await)?;
    if let Some(live) = unwritten.check(left_behind(cx, want, &before).await)? {
        return Ok(unwritten.take_over(want.clone()).made(finished(want, live)));
    }
    unwritten.check(require(cx, want, None).await)?;
    let (sent, written) = unwritten.send(want.clone(), calls::register(cx, want, &doing)).await?;
    let mut task = match before.settle(cx, sent, LOCK, AREAS).await {
        Ok(Ok(task)) => task,
        Ok(Err(problem)) => return written.undo(problem, must_be_absent(cx, want)).await,
        Err(problem) => return Ok(written.leave(problem)),
    };
    match ended(cx, &mut task, deadline, &doing).await {
        Ok(()) => Ok(written.settle(async |_| settled(cx, want).await).await),
        Err(problem) if problem.is_failed_task() => written.undo(problem, must_be_absent(cx, want)).await,
        Err(problem) => Ok(written.leave(problem)),
    }
}

/// Carries on with a registration that is not known to have ended well, and has the authority know the contacts.
pub(super) async fn bring(
    cx: &Cx<Pve>,
    prior: &AcmeAccount,
    want: &AcmeAccount,
) -> Result<Updated<AcmeAccount>, Error> {
    if prior.ready && prior.contact == want.contact {
        // What is left is the provider's own.
        return Ok(Updated::Done(AcmeAccount {
            location: prior.location.clone(),
            status: prior.status.clone(),
            ready: true,
            ..want.clone()
        }));
    }
    let doing = format!("Cannot change ACME account \"{}\"", want.name);
    let _turn = cx.client.begin_write(TURN, &[]).await.during(&doing)?;
    let deadline = Instant::now() + cx.timeout;
    if !prior.ready
        && let Err(problem) = carried_on(cx, want, deadline).await
    {
        return Ok(Updated::unfinished(want.clone(), problem));
    }
    let live = calls::find(cx, &want.name).await?.ok_or_else(|| gone(&want.name))?;
    let known = live.contact().or_else(|| prior.ready.then(|| prior.contact.clone()));
    if known.as_ref() == Some(&want.contact) {
        return Ok(Updated::Done(finished(want, live)));
    }
    let before = tasks(cx, "acmeupdate").await?;
    let sent = calls::tell_contact(cx, want, &doing).await;
    let mut task = before.settle(cx, sent, LOCK, AREAS).await??;
    ended(cx, &mut task, deadline, &doing).await?;
    Ok(Updated::Done(settled(cx, want).await?))
}

/// Waits for a registration that goes on, and registers what was not.
async fn carried_on(cx: &Cx<Pve>, want: &AcmeAccount, deadline: Instant) -> Result<(), Problem> {
    let doing = format!("Cannot register ACME account \"{}\"", want.name);
    let mut before = tasks(cx, TASK).await?;
    if let Some(upid) = before.running() {
        evidence::has_succeeded(cx, &upid, LOCK, AREAS).await?;
        before = tasks(cx, TASK).await?;
    }
    match calls::find(cx, &want.name).await? {
        Some(live) if live.directory == want.directory => return Ok(()),
        Some(_) => return Err(named(&want.name).existing()),
        None => {}
    }
    let sent = calls::register(cx, want, &doing).await;
    let mut task = before.settle(cx, sent, LOCK, AREAS).await??;
    ended(cx, &mut task, deadline, &doing).await
}

/// The tasks of a type: none tells which account it is about.
pub(super) async fn tasks(cx: &Cx<Pve>, kind: &'static str) -> Result<Before, Problem> {
    Before::peek(cx, None, kind, "").await
}

/// Whether something is being registered.
pub(super) async fn is_under_way(cx: &Cx<Pve>) -> Result<bool, Problem> {
    Ok(tasks(cx, TASK).await?.running().is_some())
}

/// Waits for the end of a task.
pub(super) async fn ended(cx: &Cx<Pve>, task: &mut Task, deadline: Instant, doing: &str) -> Result<(), Problem> {
    task.wait(&patience_until(cx, deadline), |_| {}).await.during(doing)
}

async fn settled(cx: &Cx<Pve>, want: &AcmeAccount) -> Result<AcmeAccount, Problem> {
    let live = calls::find(cx, &want.name).await?.ok_or_else(|| gone(&want.name))?;
    Ok(finished(want, live))
}

fn finished(want: &AcmeAccount, live: Live) -> AcmeAccount {
    AcmeAccount { ready: true, ..AcmeAccount::from_live(&want.name, live, Some(want)) }
}

/// The account, if it is there because a run of ours was cut off while registering it; an error if it is there otherwise.
async fn left_behind(cx: &Cx<Pve>, want: &AcmeAccount, before: &Before) -> Result<Option<Live>, Problem> {
    // First: it may be in the making still.
    let former = before.of_former_run(cx, &want.name, LOCK, AREAS).await?;
    if !calls::is_listed(cx, &want.name).await? {
        return Ok(None);
    }
    let named = named(&want.name);
    let Some(upid) = former else { return Err(named.existing()) };
    match calls::find(cx, &want.name).await? {
        Some(live) if agrees(want, &live) => {
            evidence::tell_taken_over(cx, &named.what, &upid);
            Ok(Some(live))
        }
        Some(_) => Err(named.existing()),
        None => Ok(None),
    }
}

/// Whether it is as it is wanted, as far as it tells.
fn agrees(want: &AcmeAccount, live: &Live) -> bool {
    let contact = live.contact().is_none_or(|contact| contact == want.contact);
    contact && live.directory == want.directory && live.tos == want.tos_url
}

async fn must_be_absent(cx: &Cx<Pve>, want: &AcmeAccount) -> Result<(), Problem> {
    named(&want.name).must_be_absent(calls::is_listed(cx, &want.name).await?.then_some(()))
}
