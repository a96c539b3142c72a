//! The way of a daemon into the cluster.

use pve_client::api::ceph::DAEMON_AREAS;
use pve_client::{Lock, Task};
use terraform_plugin::{Created, Cx, Error, Failed, Unwritten, Updated, require};
use tokio::time::Instant;

use super::{Daemon, Seen, called, find, lower, named, removal, task_id};
use crate::ceph::wait::{patience_until, until};
use crate::ground::error::{During, Problem};
use crate::ground::evidence::{self, Before};
use crate::ground::pve::Pve;

/// How the task ended.
enum End {
    /// The daemon was started.
    Started,
    /// None was begun.
    Never(Problem),
    /// It failed: what it made is there in part, or not at all.
    Failed(Problem),
    /// Nobody knows, or it goes on.
    Unknown(Problem),
}

/// Makes it.
pub async fn create<D: Daemon>(cx: &Cx<Pve>, want: &D, unwritten: Unwritten<D>) -> Result<Created<D>, Failed> {
    let doing = format!("Cannot create {}", lower::<D>(want.id()));
    let _turn = unwritten.check(cx.client.begin_write(Lock::CephDaemon, &[]).await.during(&doing))?;
    let deadline = Instant::now() + cx.timeout;
    D::remember(cx);
    let before = unwritten.check(look(cx, want).await)?;
    if unwritten.check(left_behind(cx, want, &before).await)? {
        return Ok(unwritten.take_over(want.clone()).settle(async |_| settled(cx, want, false, deadline).await).await);
    }
    unwritten.check(require(cx, want, None).await)?;
    let first = unwritten.check(none_yet::<D>(cx).await)?;
    let (sent, written) = unwritten.send(want.clone(), begin(cx, want)).await?;
    match end(cx, want, &before, sent, deadline).await {
        End::Started => Ok(written.settle(async |_| settled(cx, want, first, deadline).await).await),
        End::Never(problem) => written.undo(problem, must_be_absent::<D>(cx, want.id())).await,
        End::Unknown(problem) => Ok(written.leave(problem)),
        End::Failed(problem) => {
            let words = words(&problem);
            written.undo(problem, take_back(cx, want, words, deadline)).await
        }
    }
}

/// Carries on with what was begun.
pub async fn resume<D: Daemon>(cx: &Cx<Pve>, prior: &D, want: &D) -> Result<Updated<D>, Error> {
    let doing = format!("Cannot create {}", lower::<D>(want.id()));
    let _turn = cx.client.begin_write(Lock::CephDaemon, &[]).await.during(&doing)?;
    let deadline = Instant::now() + cx.timeout;
    D::remember(cx);
    if prior.is_ready() || find::<D>(cx, want.id()).await?.is_some() {
        return Ok(match settled(cx, want, false, deadline).await {
            Ok(made) => Updated::Done(made),
            Err(problem) => Updated::unfinished(want.clone(), problem),
        });
    }
    let before = look(cx, want).await?;
    let sent = match before.running() {
        // It is in the making still.
        Some(upid) => cx.client.attach(upid, Lock::CephMon, DAEMON_AREAS).await.during(&doing),
        None => begin(cx, want).await,
    };
    match end(cx, want, &before, sent, deadline).await {
        End::Started => {}
        End::Never(problem) => return Err(problem.into()),
        End::Failed(problem) => {
            take_back(cx, want, words(&problem), deadline).await?;
            return Err(problem.into());
        }
        End::Unknown(problem) => return Ok(Updated::unfinished(want.clone(), problem)),
    }
    Ok(match settled(cx, want, false, deadline).await {
        Ok(made) => Updated::Done(made),
        Err(problem) => Updated::unfinished(want.clone(), problem),
    })
}

async fn look<D: Daemon>(cx: &Cx<Pve>, want: &D) -> Result<Before, Problem> {
    Before::look_on(cx, want.node(), D::KIND.creates, &task_id::<D>(want.id())).await
}

async fn begin<D: Daemon>(cx: &Cx<Pve>, want: &D) -> Result<Task, Problem> {
    let doing = format!("Cannot create {}", lower::<D>(want.id()));
    let sent = cx.client.ceph().create_daemon(want.node(), D::KIND.sort, want.id(), want.address()).await;
    sent.during(doing).map_err(Problem::node_at_fault).map_err(|problem| {
        // PVE looks for it itself, and names no parameter.
        if problem.pve().is_some_and(|error| error.to_string().contains("monitor IP")) {
            return problem.at("address");
        }
        problem.with_attributes(|parameter| match parameter {
            "mon-address" => Some("address".into()),
            "monid" | "id" | "name" => Some("name".into()),
            "node" => Some("node".into()),
            _ => None,
        })
    })
}

async fn end<D: Daemon>(
    cx: &Cx<Pve>,
    want: &D,
    before: &Before,
    sent: Result<Task, Problem>,
    deadline: Instant,
) -> End {
    let mut task = match before.settle(cx, sent, Lock::CephMon, DAEMON_AREAS).await {
        Ok(Ok(task)) => task,
        Ok(Err(problem)) => return End::Never(problem),
        Err(problem) => return End::Unknown(problem),
    };
    let doing = format!("Cannot create {}", lower::<D>(want.id()));
    match task.wait(&patience_until(cx, deadline), |_| {}).await.during(doing) {
        Ok(()) => End::Started,
        Err(problem) if problem.is_failed_task() => End::Failed(problem),
        Err(problem) => End::Unknown(problem),
    }
}

/// Whether there is none of its kind. Without a monitor nobody can tell of the others: there is none then.
async fn none_yet<D: Daemon>(cx: &Cx<Pve>) -> Result<bool, Problem> {
    match D::all(cx).await {
        Ok(all) => Ok(all.is_empty()),
        Err(problem) if is_no_answer(&problem) => Ok(false),
        Err(problem) => Err(problem),
    }
}

/// Ceph does not answer at the moment: a monitor that joins has the others elect anew.
fn is_no_answer(problem: &Problem) -> bool {
    problem
        .pve()
        .is_some_and(|error| error.is_stumble_of_ceph() || matches!(error, pve_client::Error::CephUnreachable(_)))
}

/// Waits until Ceph counts it.
async fn settled<D: Daemon>(cx: &Cx<Pve>, want: &D, first: bool, deadline: Instant) -> Result<D, Problem> {
    let waiting = format!("{} is not {} yet", called::<D>(want.id()), D::KIND.works);
    let seen: Seen = until(cx, deadline, &waiting, async || {
        Ok(match find::<D>(cx, want.id()).await {
            Ok(Some(seen)) if seen.works => Ok(seen),
            Ok(Some(seen)) => Err(format!("PVE says \"{}\" of it.", seen.state)),
            Ok(None) => Err("PVE does not list it.".to_owned()),
            Err(problem) if is_no_answer(&problem) => Err("Ceph does not answer at the moment.".to_owned()),
            Err(problem) => return Err(problem),
        })
    })
    .await?;
    D::followed(cx, first, deadline).await?;
    // It began to count after its task was over.
    cx.client.changed(DAEMON_AREAS);
    Ok(D::of(&seen, Some(want)))
}

/// Whether it is there because a run of ours was cut off while making it, or because Ceph came with it; an error if it is
/// there otherwise.
async fn left_behind<D: Daemon>(cx: &Cx<Pve>, want: &D, before: &Before) -> Result<bool, Problem> {
    if before.begun_here() {
        return Err(Problem::new(
            format!("{} is made by another resource already", called::<D>(want.id())),
            "Two resources of this configuration name the same one; nothing was written for this one. Remove one of them.",
        )
        .at("name"));
    }
    // First: it may be in the making still.
    let former = before.of_former_run(cx, want.id(), Lock::CephMon, DAEMON_AREAS).await?;
    let (seen, named) = (find::<D>(cx, want.id()).await?, named::<D>(want.id()));
    let Some(seen) = seen else { return Ok(false) };
    let agrees = seen.host.as_deref() == Some(want.node())
        && want.address().is_none_or(|address| seen.address.as_deref() == Some(address));
    match former {
        Some(upid) if agrees => {
            evidence::tell_taken_over(cx, &named.what, &upid);
            Ok(true)
        }
        None if agrees && D::came_along(cx, &seen).await? => Ok(true),
        _ => Err(named.existing().noting(before.maker())),
    }
}

async fn must_be_absent<D: Daemon>(cx: &Cx<Pve>, id: &str) -> Result<(), Problem> {
    named::<D>(id).must_be_absent(find::<D>(cx, id).await?)
}

/// PVE's words for why a task failed.
fn words(problem: &Problem) -> String {
    problem.pve().map(ToString::to_string).unwrap_or_default()
}

/// Takes away what a task that failed has left: a directory, a key, lines in `ceph.conf`. Nothing that somebody else has made, or
/// is making: that is what our task has stumbled over then.
async fn take_back<D: Daemon>(cx: &Cx<Pve>, want: &D, words: String, deadline: Instant) -> Result<(), Problem> {
    if Before::peek(cx, Some(want.node()), D::KIND.creates, task_id::<D>(want.id())).await?.running().is_some() {
        return Ok(());
    }
    let stumbled = words.contains("already exist") || words.contains("already referenced");
    match find::<D>(cx, want.id()).await? {
        Some(seen) if seen.works || stumbled => Ok(()),
        _ => removal::clear::<D>(cx, want.node(), want.id(), deadline).await,
    }
}
