//! How a task of PVE brings a file to a storage, and what becomes of it when the run is cut off.
//!
//! The task's id is the file's name and tells nothing of the storage, so it is evidence that something arrived; that it is
//! this file is told by the list of what lies there. What is fetched lies under another name until it is whole.

use std::collections::BTreeMap;

use pve_client::api::storage::Volume;
use pve_client::{Area, Error as PveError, Lock, Task};
use terraform_plugin::{Created, Cx, Deleted, Error, Failed, Read, Resource, Unwritten, Updated, require};

use super::place::{self, At, Seen};
use super::removal;
use crate::ground::error::{During, Problem};
use crate::ground::evidence::{self, Before};
use crate::ground::ledger::Planned;
use crate::ground::pve::{Pve, patience};

/// What such a task changes.
pub(super) const AREAS: &[Area] = &[Area::Content];

/// A file that a task brings.
pub(super) trait Brought: Resource<Pve> + Clone {
    /// The type of the task.
    const TASK: &'static str;
    /// Whether the task writes to the file's own place, so that one that fails may leave a part.
    const IN_PLACE: bool = false;

    /// Where it comes to lie.
    fn at(&self) -> At;

    /// What tells the task from others of its type.
    fn task_id(&self) -> String {
        self.at().file
    }

    /// Whose turn it is.
    fn lock(&self) -> Lock {
        Lock::Content(self.at().key().to_string())
    }

    /// Has it brought.
    fn begin(&self, cx: &Cx<Pve>, node: &str) -> impl Future<Output = Result<Task, PveError>> + Send;

    /// Whether what lies there is it, as far as that is to be seen.
    fn is_it(&self, there: &Volume) -> bool {
        let _ = there;
        true
    }

    /// As the state holds it once it is there; notes what is to be remembered.
    fn done(&self, cx: &Cx<Pve>, there: &Volume) -> Self;

    /// Whether the state says that it is complete.
    fn is_ready(&self) -> bool;
}

/// A file that is being brought by this process.
#[derive(Clone)]
struct Bringing;

impl Planned for Bringing {
    type Key = String;
}

/// An error if another resource brings the same.
fn claim(cx: &Cx<Pve>, at: &At) -> Result<(), Problem> {
    let place = at.key().to_string();
    let first = cx.ledger.with(|all: &mut BTreeMap<String, Bringing>| all.insert(place, Bringing).is_none());
    if first { Ok(()) } else { Err(made_twice(at)) }
}

/// Two resources want one file.
pub(super) fn made_twice(at: &At) -> Problem {
    Problem::new(
        format!("{} is made by another resource already", at.called()),
        "Two resources of this configuration name the same file; nothing was written for this one. Give one of them another \
         `file_name`, or remove it.",
    )
    .at("storage")
}

async fn before<M: Brought>(cx: &Cx<Pve>, want: &M) -> Result<Before, Problem> {
    match (want.at().node, M::IN_PLACE) {
        // What is sent is worked on by the node that took it.
        (Some(node), false) => Before::look_on(cx, &node, M::TASK, &want.task_id()).await,
        _ => Before::look(cx, M::TASK, want.task_id()).await,
    }
}

/// Makes it.
pub(super) async fn create<M: Brought>(cx: &Cx<Pve>, want: &M, unwritten: Unwritten<M>) -> Result<Created<M>, Failed> {
    let at = want.at();
    unwritten.check(claim(cx, &at))?;
    let node = unwritten.check(place::carrier(cx, &at).await)?;
    // Also the first look at it in this process, whatever other storages had of that name.
    let before = unwritten.check(before(cx, want).await)?;
    let place = at.key().to_string();
    // First: it may be on its way still.
    let former = unwritten.check(before.of_former_run(cx, &place, want.lock(), AREAS).await)?;
    let there = unwritten.check(place::find(cx, &at).await)?;
    match (there, former) {
        (Some(there), Some(upid)) if want.is_it(&there) => {
            evidence::tell_taken_over(cx, &at.called(), &upid);
            let done = want.done(cx, &there);
            return Ok(unwritten.take_over(want.clone()).made(done));
        }
        (Some(_), _) => return Err(unwritten.fail(at.named(M::NAME).existing().noting(before.maker()))),
        (None, _) => {}
    }
    unwritten.check(require(cx, want, None).await)?;
    let doing = at.doing("make");
    let request = async { want.begin(cx, &node).await.during(&doing) };
    let (sent, written) = unwritten.send(want.clone(), request).await?;
    let mut task = match before.settle(cx, sent, want.lock(), AREAS).await {
        Ok(Ok(task)) => task,
        Ok(Err(problem)) => return written.undo(problem, must_be_absent::<M>(cx, &at)).await,
        Err(problem) => return Ok(written.leave(problem)),
    };
    match task.wait(&patience(cx), |_| {}).await.during(&doing) {
        Ok(()) => Ok(written.settle(async |_| arrived(cx, want).await).await),
        Err(problem) if problem.is_failed_task() && M::IN_PLACE => {
            written.undo(problem, removal::remove(cx, &at)).await
        }
        Err(problem) if problem.is_failed_task() => written.undo(problem, must_be_absent::<M>(cx, &at)).await,
        Err(problem) => Ok(written.leave(problem)),
    }
}

/// Somebody may have put one there meanwhile: that is not ours.
async fn must_be_absent<M: Brought>(cx: &Cx<Pve>, at: &At) -> Result<(), Problem> {
    cx.client.changed(AREAS);
    at.named(M::NAME).must_be_absent(place::find(cx, at).await?)
}

/// What is there now that the task has ended.
async fn arrived<M: Brought>(cx: &Cx<Pve>, want: &M) -> Result<M, Problem> {
    cx.client.changed(AREAS);
    let at = want.at();
    match place::find(cx, &at).await? {
        Some(there) if want.is_it(&there) => Ok(want.done(cx, &there)),
        Some(_) => Err(Problem::new(
            at.doing("make"),
            "What lies there now is another file: somebody has put it there meanwhile.",
        )),
        None => Err(Problem::new(
            at.doing("make"),
            "PVE's task succeeded, and the file is not listed: somebody removed it meanwhile. Apply again.",
        )),
    }
}

/// Carries on with one that was left unfinished; of one that is whole nothing is sent.
pub(super) async fn update<M: Brought>(cx: &Cx<Pve>, prior: &M, want: &M) -> Result<Updated<M>, Error> {
    let at = want.at();
    if !prior.is_ready() {
        let node = at.node.clone().filter(|_| !M::IN_PLACE);
        let looked = Before::peek(cx, node.as_deref(), M::TASK, want.task_id()).await?;
        if let Some(upid) = looked.running() {
            // Whether it succeeds: what is there tells.
            evidence::has_succeeded(cx, &upid, want.lock(), AREAS).await?;
            cx.client.changed(AREAS);
        }
    }
    match place::find(cx, &at).await? {
        Some(there) if prior.is_ready() || want.is_it(&there) => return Ok(Updated::Done(want.done(cx, &there))),
        Some(_) if !M::IN_PLACE => return Err(at.named(M::NAME).existing().into()),
        _ => {}
    }
    let node = place::carrier(cx, &at).await?;
    if !M::IN_PLACE {
        require(cx, want, None).await?;
    }
    let doing = at.doing("make");
    let before = before(cx, want).await?;
    let sent = want.begin(cx, &node).await.during(&doing);
    let mut task = match before.settle(cx, sent, want.lock(), AREAS).await {
        Ok(task) => task?,
        Err(problem) => return Ok(Updated::unfinished(want.clone(), problem)),
    };
    match task.wait(&patience(cx), |_| {}).await.during(&doing) {
        Ok(()) => Ok(Updated::Done(arrived(cx, want).await?)),
        Err(problem) if problem.is_failed_task() => Err(problem.into()),
        Err(problem) => Ok(Updated::unfinished(want.clone(), problem)),
    }
}

/// What a read has found. One that is not complete is never gone: its next apply carries on.
pub(super) async fn read<M: Brought>(
    cx: &Cx<Pve>,
    at: &At,
    prior: Option<&M>,
    model: impl FnOnce(&Volume) -> M,
) -> Result<Read<M>, Error> {
    match prior.filter(|prior| !prior.is_ready()) {
        None => place::answer(cx, at, model).await,
        Some(prior) => match place::look(cx, at).await {
            Ok(Seen::There(there)) if prior.is_it(&there) => Ok(Read::Found(model(&there))),
            _ => Ok(Read::Found(prior.clone())),
        },
    }
}

/// Removes it. What still brings it is waited for: it would come after.
pub(super) async fn delete<M: Brought>(cx: &Cx<Pve>, was: &M) -> Result<Deleted<M>, Error> {
    if !was.is_ready() {
        let node = was.at().node.filter(|_| !M::IN_PLACE);
        let looked = Before::peek(cx, node.as_deref(), M::TASK, was.task_id()).await?;
        if let Some(upid) = looked.running() {
            evidence::has_succeeded(cx, &upid, was.lock(), AREAS).await?;
            cx.client.changed(AREAS);
        }
    }
    removal::delete(cx, &was.at()).await
}
