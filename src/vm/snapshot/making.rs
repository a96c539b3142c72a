//! Making a snapshot, and finishing one that was left half made.

use pve_client::api::snapshots::Snapshot as Live;
use pve_client::{Area, Error as Api, Lock, Task};
use terraform_plugin::{Created, Cx, Failed, Unwritten, require};

use super::{Snapshot, one, with_cure};
use crate::ground::error::{During, Problem, exists};
use crate::ground::evidence::{self, Before};
use crate::ground::pve::{Pve, patience};
use crate::vm::identity;
use crate::vm::subject::{self, Subject};

/// What PVE works on a guest's snapshots with.
const TASKS: [&str; 3] = [TASK, "qmdelsnapshot", "qmrollback"];

/// PVE works on one snapshot of a guest at a time: siblings come one after the other, from the look to the end of the task.
pub(super) async fn turn(cx: &Cx<Pve>, vmid: u32) -> Result<pve_client::Writing, Problem> {
    let doing = format!("Cannot wait for what else is done to the snapshots of guest {vmid}");
    cx.client.begin_write(Lock::Snapshots(vmid), &[Area::GuestConfig(vmid)]).await.during(doing)
}

/// What a snapshot changes.
fn areas(vmid: u32) -> [Area; 3] {
    [Area::GuestConfig(vmid), Area::Guests, Area::Content]
}

fn doing(subject: &Subject, name: &str) -> String {
    format!("Cannot make snapshot \"{name}\" of {}", subject.sid())
}

/// The task that makes one.
const TASK: &str = "qmsnapshot";

/// It exists and is whole: the error that prints the import block.
pub(super) fn is_there(want_vmid: u32, subject: &Subject, name: &str) -> Problem {
    let what = format!("snapshot \"{name}\" of {}", subject.sid());
    exists("pve_snapshot", &what, &format!("{want_vmid}/{name}")).at("name")
}

pub(super) async fn create(
    cx: &Cx<Pve>,
    want: &Snapshot,
    unwritten: Unwritten<Snapshot>,
) -> Result<Created<Snapshot>, Failed> {
    // A replacement inherits what was known of its predecessor.
    identity::forget(cx);
    let subject = unwritten.check(subject::must_exist(cx, want.vmid).await)?;
    subject.remember(cx);
    let (vmid, name) = (want.vmid, &want.name);
    let _turn = unwritten.check(turn(cx, vmid).await)?;
    // What another run is at is waited for.
    unwritten.check(wait_for_others(cx, &unwritten.check(subject::must_exist(cx, vmid).await)?).await)?;
    let before = unwritten.check(Before::look(cx, TASK, vmid.to_string()).await)?;
    let place = format!("{vmid}/{name}");
    let former = before.of_former_run(cx, &place, Lock::Vm(vmid), &areas(vmid)).await;
    if let Some(upid) = unwritten.check(former)?
        && let Some(live) = unwritten.check(one(cx, &subject, name).await)?
        && says(&live, want)
    {
        evidence::tell_taken_over(cx, &format!("Snapshot \"{name}\" of {}", subject.sid()), &upid);
        let written = unwritten.take_over(want.clone());
        return Ok(written.settle(async |_| complete(cx, want, true).await).await);
    }
    unwritten.check(require(cx, want, None).await)?;
    let sent = async { begin(cx, &subject, want).await };
    let (sent, written) = unwritten.send(want.clone(), sent).await?;
    let task = match before.settle(cx, sent, Lock::Vm(vmid), &areas(vmid)).await {
        Ok(Ok(task)) => Ok(task),
        Ok(Err(nothing)) => Err(nothing),
        Err(problem) => return Ok(written.leave(problem)),
    };
    let ended = match task {
        Ok(mut task) => task.wait(&patience(cx), |_| {}).await,
        Err(problem) => return written.undo(with_cure(problem), must_be_absent(cx, &subject, name)).await,
    };
    match ended {
        Ok(()) => Ok(written.settle(async |_| complete(cx, want, true).await).await),
        // PVE takes away what it has begun; that it did so is looked at.
        Err(error @ Api::TaskFailed(_)) => {
            let problem = with_cure(Problem::during(doing(&subject, name), error));
            written.undo(problem, must_be_absent(cx, &subject, name)).await
        }
        Err(error) => Ok(written.leave(Problem::during(doing(&subject, name), error))),
    }
}

/// Whether it is what is wanted, as far as it tells.
fn says(live: &Live, want: &Snapshot) -> bool {
    let told = live.description.as_deref().unwrap_or_default().trim_end();
    told == want.description.as_deref().unwrap_or_default().trim_end()
}

/// What was left half made goes first; then the request.
async fn begin(cx: &Cx<Pve>, subject: &Subject, want: &Snapshot) -> Result<Task, Problem> {
    let doing = doing(subject, &want.name);
    if one(cx, subject, &want.name).await?.is_some_and(|live| live.snapstate.is_some()) {
        let task = subject.snapshots(cx).delete(&want.name).await.during(&doing);
        let ended = task?.wait(&patience(cx), |_| {}).await.during(&doing);
        ended.map_err(with_cure)?;
    }
    let made = subject.snapshots(cx).make(&want.name, want.description.as_deref(), want.vmstate).await;
    made.during(&doing).map_err(|problem| {
        problem.with_attributes(|parameter| match parameter {
            "snapname" => Some("name".into()),
            "description" => Some("description".into()),
            "vmstate" => Some("vmstate".into()),
            _ => None,
        })
    })
}

/// Sees to it that the snapshot is there as a whole, with its notes. One that is not is only made if it `may_be_made`: nobody has
/// seen it whole yet.
pub(super) async fn complete(cx: &Cx<Pve>, want: &Snapshot, may_be_made: bool) -> Result<Snapshot, Problem> {
    let subject = subject::must_exist(cx, want.vmid).await?;
    subject.must_be_the_same(cx)?;
    wait_for_others(cx, &subject).await?;
    let mut live = one(cx, &subject, &want.name).await?;
    if may_be_made && live.as_ref().is_none_or(|live| live.snapstate.is_some()) {
        subject::must_exist(cx, want.vmid).await?.must_be_unlocked()?;
        let mut task = begin(cx, &subject, want).await?;
        task.wait(&patience(cx), |_| {}).await.during(doing(&subject, &want.name)).map_err(with_cure)?;
        live = one(cx, &subject, &want.name).await?;
    }
    let Some(live) = live else {
        return Err(Problem::new(
            format!("Snapshot \"{}\" of {} is gone again", want.name, subject.sid()),
            "Somebody removed it meanwhile. Nothing was written. Apply again to have a new one.",
        ));
    };
    if !says(&live, want) {
        let doing = format!("Cannot change the notes of snapshot \"{}\" of {}", want.name, subject.sid());
        let notes = want.description.as_deref().unwrap_or_default();
        subject.snapshots(cx).describe(&want.name, notes).await.during(doing)?;
    }
    let made = Snapshot::from_live(want.vmid, &live, Some(want));
    Ok(Snapshot { description: want.description.clone(), ..made })
}

/// Waits for whatever works on the guest's snapshots, whoever began it.
pub(super) async fn wait_for_others(cx: &Cx<Pve>, subject: &Subject) -> Result<(), Problem> {
    if subject.lock.is_none() {
        return Ok(());
    }
    let vmid = subject.guest.vmid;
    for kind in TASKS {
        let there = Before::peek(cx, Some(&subject.guest.node), kind, vmid.to_string()).await?;
        let Some(upid) = there.running() else { continue };
        let doing = format!("Cannot follow what works on {}", subject.sid());
        let mut task = cx.client.attach(upid, Lock::Vm(vmid), &areas(vmid)).await.during(&doing)?;
        match task.wait(&patience(cx), |_| {}).await {
            // What came of it is looked at.
            Ok(()) | Err(Api::TaskFailed(_)) => {}
            Err(error) => return Err(error).during(&doing),
        }
    }
    Ok(())
}

async fn must_be_absent(cx: &Cx<Pve>, subject: &Subject, name: &str) -> Result<(), Problem> {
    match one(cx, subject, name).await? {
        None => Ok(()),
        Some(_) => Err(Problem::new(
            format!("Something of snapshot \"{name}\" of {} is there", subject.sid()),
            "PVE has not taken it away. The next apply finishes it.",
        )),
    }
}
