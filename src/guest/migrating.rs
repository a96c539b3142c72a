//! A guest on its way to another node: asked for, watched, and looked for afterwards. What counts is where it is then, not how the
//! task ended.

use std::time::Duration;

use pve_client::api::cluster::{Guest, GuestKind};
use pve_client::api::nodes::TaskFilter;
use pve_client::api::qemu::made::Migration;
use pve_client::{Area, Error as Api, Lock, Task, Upid};
use terraform_plugin::{Cx, Findings, Object};
use tokio::time::{Instant, sleep};

use super::machine::{Machine, sid};
use crate::ground::error::{During, Problem};
use crate::ground::evidence::Before;
use crate::ground::following::Teller;
use crate::ground::pve::{Pve, patience};

/// Pause between two looks at a guest that HA moves.
const PAUSE: Duration = Duration::from_secs(2);
/// Longer than a shared read lives.
const STALE: Duration = Duration::from_millis(2100);
/// HA acts in rounds of ten seconds; what it has not begun after so many, it has dropped.
const DROPPED: Duration = Duration::from_secs(90);

/// A guest that was found, and can be looked for again.
pub trait Wanders: Sized + Send + Sync {
    /// Its entry in the cluster's list.
    fn guest(&self) -> &Guest;

    /// What works on it.
    fn lock(&self) -> Option<&str>;

    /// The guest where it is now; an error if it is another one by now.
    fn again(&self, cx: &Cx<Pve>) -> impl Future<Output = Result<Self, Problem>> + Send;
}

fn areas(vmid: u32) -> [Area; 4] {
    [Area::Guests, Area::GuestConfig(vmid), Area::Content, Area::Ha]
}

/// Brings a guest to a node: a VM live if it runs, a container by ending it and starting it there. Within, why it goes on without
/// us. Says on the way how far it is.
pub async fn to_node<F: Wanders>(
    cx: &Cx<Pve>,
    found: F,
    target: &str,
    storage: Option<&str>,
    say: &(dyn Fn(String) + Sync),
) -> Result<Result<F, Problem>, Problem> {
    let (vmid, sid) = (found.guest().vmid, sid(found.guest()));
    let from = found.guest().node.clone();
    let doing = format!("Cannot bring {sid} from {from} to {target}");
    if let Some(upid) = running(cx, &found).await? {
        say(format!("{sid} is on its way already: task {upid}"));
        let task = cx.client.attach(upid, Lock::Vm(vmid), &areas(vmid)).await.during(&doing)?;
        if let Some(why) = watch(cx, task, &doing, say).await?.1 {
            return Ok(Err(why));
        }
        let now = found.again(cx).await?;
        if now.guest().node == target {
            return Ok(Ok(now));
        }
        return Box::pin(to_node(cx, now, target, storage, say)).await;
    }
    if from == target {
        return Ok(Ok(found));
    }
    let api = Machine::of(&cx.client, found.guest());
    let status = api.status().await.during(&doing)?;
    let managed = status.ha.managed && status.ha.state.as_deref() != Some("ignored");
    let how = Migration {
        target: target.to_owned(),
        online: status.is_running(),
        target_storage: storage.map(str::to_owned),
    };
    let kind = if managed { "hamigrate" } else { task(found.guest().kind) };
    let before = Before::look(cx, kind, vmid.to_string()).await?;
    let sent = api.migrate(&how).await.during(&doing);
    let task = match sent {
        Err(problem) if problem.is_refused() => return Err(problem),
        sent => before.settle(cx, sent, Lock::Vm(vmid), &areas(vmid)).await??,
    };
    let by = if managed { " by HA" } else { "" };
    say(format!("{sid} goes from {from} to {target}{by}: task {}", task.upid()));
    let (failed, goes_on) = watch(cx, task, &doing, say).await?;
    if let Some(why) = goes_on {
        return Ok(Err(why));
    }
    if managed {
        if let Some(problem) = failed {
            return Err(problem);
        }
        return by_ha(cx, &found, target, &doing).await;
    }
    let now = found.again(cx).await?;
    match failed {
        None if now.guest().node == target => Ok(Ok(now)),
        // It has moved, and something was left to do: what, the task's log says.
        Some(problem) if now.guest().node == target => {
            say(format!("{sid} is on {target}, and the task says: {}", terraform_plugin::Error::from(problem)));
            Ok(Ok(now))
        }
        Some(problem) => Err(problem),
        None => Err(Problem::new(
            doing,
            format!("The task ended well, and it is on {}: somebody moved it since. Apply again.", now.guest().node),
        )),
    }
}

/// Watches a task; how it failed, or why it goes on without us.
async fn watch(
    cx: &Cx<Pve>,
    mut task: Task,
    doing: &str,
    say: &(dyn Fn(String) + Sync),
) -> Result<(Option<Problem>, Option<Problem>), Problem> {
    let mut teller = Teller::default();
    let patience = patience(cx);
    let ended = task.wait(&patience, |seen| {
        if let Some(line) = teller.saw(seen.elapsed, seen.lines) {
            say(line);
        }
    });
    match ended.await {
        Ok(()) => Ok((None, None)),
        // Nobody knows how it ended; the guest itself tells.
        Err(Api::TaskLost { .. }) => Ok((None, None)),
        Err(error @ Api::TaskFailed(_)) => Ok((Some(Problem::during(doing, error)), None)),
        Err(Api::Stopped { .. } | Api::Timeout { .. } | Api::Stalled { .. }) => {
            let detail = format!(
                "The wait is over; the migration goes on by itself on {} (task {}). Apply again to see it to its end.",
                task.upid().node(),
                task.upid()
            );
            Ok((None, Some(Problem::new(format!("{doing} yet"), detail))))
        }
        Err(error) => Err(error).during(doing),
    }
}

/// Waits until HA has moved the guest. HA drops what it cannot do without a word.
async fn by_ha<F: Wanders>(cx: &Cx<Pve>, found: &F, target: &str, doing: &str) -> Result<Result<F, Problem>, Problem> {
    let sid = sid(found.guest());
    let begun = Instant::now();
    let mut moving = false;
    loop {
        // It may be between two nodes for a moment.
        let now = found.again(cx).await?;
        let status = cx.client.ha().status().await.during(doing)?;
        let state = status.service(sid).map(|service| service.state.clone()).unwrap_or_default();
        if now.guest().node == target && !matches!(state.as_str(), "migrate" | "relocate") {
            return Ok(Ok(now));
        }
        let (was_moving, is_moving) = (moving, matches!(state.as_str(), "migrate" | "relocate"));
        moving |= is_moving;
        let given_up = (was_moving && !is_moving) || (!moving && begun.elapsed() >= DROPPED);
        if state == "error" || (given_up && now.guest().node != target) {
            // The list that tells where it is may be older than HA's status.
            sleep(STALE).await;
            let now = found.again(cx).await?;
            if now.guest().node == target {
                return Ok(Ok(now));
            }
            return Err(Problem::new(
                doing,
                format!(
                    "HA has not done it: {sid} is in its state `{state}` on {}. Its rules may forbid {target}, a volume may lie on {} \
                     alone, or the node is not online; the log of the guest's last task and the manager's journal (`journalctl -u \
                     pve-ha-crm`) tell. It was not taken out of HA.",
                    now.guest().node,
                    now.guest().node
                ),
            ));
        }
        if begun.elapsed() >= cx.timeout {
            let detail =
                format!("HA goes on by itself: {sid} is in its state `{state}`. Apply again to see it to its end.");
            return Ok(Err(Problem::new(format!("{doing} yet"), detail)));
        }
        tokio::select! {
            () = cx.stop.cancelled() => {
                let detail = format!("Interrupted; HA goes on by itself: {sid} is in its state `{state}`.");
                return Ok(Err(Problem::new(format!("{doing} yet"), detail)));
            }
            () = sleep(PAUSE) => {}
        }
    }
}

/// PVE's name for the task.
fn task(kind: GuestKind) -> &'static str {
    match kind {
        GuestKind::Qemu => "qmigrate",
        GuestKind::Lxc => "vzmigrate",
    }
}

/// The migration of the guest that runs at this moment.
async fn running<F: Wanders>(cx: &Cx<Pve>, found: &F) -> Result<Option<Upid>, Problem> {
    if found.lock() != Some("migrate") {
        return Ok(None);
    }
    let guest = found.guest();
    let filter = TaskFilter {
        kind: Some(task(guest.kind).to_owned()),
        id: Some(guest.vmid.to_string()),
        limit: Some(20),
        ..TaskFilter::default()
    };
    let tasks = cx.client.node(&guest.node).tasks(&filter).await;
    let tasks = tasks.during(format!("Cannot list the tasks of {}", sid(guest)))?;
    Ok(tasks.iter().find(|task| task.is_running()).and_then(|task| task.upid.parse().ok()))
}

/// For a plan: a guest that is pinned to another node than it is on will go there.
pub async fn announce<M: Object>(
    cx: &Cx<Pve>,
    guest: &Guest,
    target: &str,
    found: &mut Findings<M>,
) -> Result<(), Problem> {
    let (sid, from) = (sid(guest), &guest.node);
    let nodes = cx.client.nodes().list().await.during("Cannot list the cluster's nodes")?;
    found.check(super::node::must_be_online(&nodes, target));
    let managed = guest.hastate.as_deref().is_some_and(|state| state != "ignored");
    let how = match (managed, guest.status.as_str(), guest.kind) {
        (true, ..) => "HA is asked to move it",
        (false, "running", GuestKind::Qemu) => "it is moved while it runs, with its local disks",
        (false, "running", GuestKind::Lxc) => "it is ended, moved with its local volumes, and started there",
        (.., GuestKind::Qemu) => "it is moved with its local disks",
        (.., GuestKind::Lxc) => "it is moved with its local volumes",
    };
    found.notice(
        Problem::new(
            format!("{sid} will go from {from} to {target}"),
            format!("It is pinned to {target} and is on {from}: {how}."),
        )
        .at("node"),
    );
    Ok(())
}
