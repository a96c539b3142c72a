//! A VM on its way to another node: asked for, watched, and looked for afterwards. What counts is where it is then, not how the
//! task ended.

use std::time::Duration;

use pve_client::api::ha::resource::Sid;
use pve_client::api::nodes::TaskFilter;
use pve_client::api::qemu::made::Migration;
use pve_client::{Area, Error as Api, Lock, Task, Upid};
use terraform_plugin::{Cx, Findings};
use tokio::time::{Instant, sleep};

use super::guest::{self, Found};
use super::identity;
use super::vm::Vm;
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

fn areas(vmid: u32) -> [Area; 4] {
    [Area::Guests, Area::GuestConfig(vmid), Area::Content, Area::Ha]
}

/// Brings a VM to a node; within, why it goes on without us. Says on the way how far it is.
pub async fn to_node(
    cx: &Cx<Pve>,
    found: Found,
    target: &str,
    storage: Option<&str>,
    say: &(dyn Fn(String) + Sync),
) -> Result<Result<Found, Problem>, Problem> {
    let vmid = found.guest.vmid;
    let from = found.guest.node.clone();
    let doing = format!("Cannot bring vm:{vmid} from {from} to {target}");
    if let Some(upid) = running(cx, &found).await? {
        say(format!("vm:{vmid} is on its way already: task {upid}"));
        let task = cx.client.attach(upid, Lock::Vm(vmid), &areas(vmid)).await.during(&doing)?;
        if let Some(why) = watch(cx, task, &doing, say).await?.1 {
            return Ok(Err(why));
        }
        let now = there(cx, &found).await?;
        if now.guest.node == target {
            return Ok(Ok(now));
        }
        return Box::pin(to_node(cx, now, target, storage, say)).await;
    }
    if from == target {
        return Ok(Ok(found));
    }
    let status = found.api(cx).status().await.during(&doing)?;
    let managed = status.ha.managed && status.ha.state.as_deref() != Some("ignored");
    let how = Migration {
        target: target.to_owned(),
        online: status.is_running(),
        target_storage: storage.map(str::to_owned),
    };
    let kind = if managed { "hamigrate" } else { "qmigrate" };
    let before = Before::look(cx, kind, vmid.to_string()).await?;
    let sent = found.api(cx).migrate(&how).await.during(&doing);
    let task = match sent {
        Err(problem) if problem.is_refused() => return Err(problem),
        sent => before.settle(cx, sent, Lock::Vm(vmid), &areas(vmid)).await??,
    };
    let by = if managed { " by HA" } else { "" };
    say(format!("vm:{vmid} goes from {from} to {target}{by}: task {}", task.upid()));
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
    let now = there(cx, &found).await?;
    match failed {
        None if now.guest.node == target => Ok(Ok(now)),
        // It has moved, and something was left to do: what, the task's log says.
        Some(problem) if now.guest.node == target => {
            say(format!("vm:{vmid} is on {target}, and the task says: {}", terraform_plugin::Error::from(problem)));
            Ok(Ok(now))
        }
        Some(problem) => Err(problem),
        None => Err(Problem::new(
            doing,
            format!("The task ended well, and the VM is on {}: somebody moved it since. Apply again.", now.guest.node),
        )),
    }
}

/// The VM where it is now, if it is still the same.
async fn there(cx: &Cx<Pve>, found: &Found) -> Result<Found, Problem> {
    let now = guest::must_exist(cx, found.guest.vmid).await?;
    identity::must_be_still_the_same(found, &now)?;
    Ok(now)
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
async fn by_ha(cx: &Cx<Pve>, found: &Found, target: &str, doing: &str) -> Result<Result<Found, Problem>, Problem> {
    let sid = Sid::vm(found.guest.vmid);
    let begun = Instant::now();
    let mut moving = false;
    loop {
        // It may be between two nodes for a moment.
        let now = there(cx, found).await?;
        let status = cx.client.ha().status().await.during(doing)?;
        let state = status.service(sid).map(|service| service.state.clone()).unwrap_or_default();
        if now.guest.node == target && !matches!(state.as_str(), "migrate" | "relocate") {
            return Ok(Ok(now));
        }
        let (was_moving, is_moving) = (moving, matches!(state.as_str(), "migrate" | "relocate"));
        moving |= is_moving;
        let given_up = (was_moving && !is_moving) || (!moving && begun.elapsed() >= DROPPED);
        if state == "error" || (given_up && now.guest.node != target) {
            // The list that tells where it is may be older than HA's status.
            sleep(STALE).await;
            let now = there(cx, found).await?;
            if now.guest.node == target {
                return Ok(Ok(now));
            }
            return Err(Problem::new(
                doing,
                format!(
                    "HA has not done it: {sid} is in its state `{state}` on {}. Its rules may forbid {target}, a volume may lie on {} \
                     alone, or the node is not online; the log of the guest's last task and the manager's journal (`journalctl -u \
                     pve-ha-crm`) tell. It was not taken out of HA.",
                    now.guest.node, now.guest.node
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

/// The migration of the VM that runs at this moment.
async fn running(cx: &Cx<Pve>, found: &Found) -> Result<Option<Upid>, Problem> {
    if found.config.lock.as_deref() != Some("migrate") {
        return Ok(None);
    }
    let vmid = found.guest.vmid;
    let filter = TaskFilter {
        kind: Some("qmigrate".to_owned()),
        id: Some(vmid.to_string()),
        limit: Some(20),
        ..TaskFilter::default()
    };
    let tasks = cx.client.node(&found.guest.node).tasks(&filter).await;
    let tasks = tasks.during(format!("Cannot list the tasks of vm:{vmid}"))?;
    Ok(tasks.iter().find(|task| task.is_running()).and_then(|task| task.upid.parse().ok()))
}

/// Brings a VM that is pinned to its node.
pub async fn to_its_node(cx: &Cx<Pve>, found: Found, want: &Vm) -> Result<Result<Found, Problem>, Problem> {
    let Some(target) = want.node.as_ref().filter(|_| want.origin.is_pinned()) else { return Ok(Ok(found)) };
    let (vmid, target) = (found.guest.vmid, target.clone());
    let moved = to_node(cx, found, &target, None, &|line| tracing::info!(vmid, target, "{line}")).await;
    moved.map_err(|problem| problem.at("node"))
}

/// The node that a change brings the VM to, if that is another than where it is. A plan says so.
pub async fn look(
    cx: &Cx<Pve>,
    live: &Found,
    want: &Vm,
    found: &mut Findings<Vm>,
) -> Result<Option<String>, terraform_plugin::Error> {
    let Some(target) = want.node.clone().filter(|node| want.origin.is_pinned() && *node != live.guest.node) else {
        return Ok(None);
    };
    let (vmid, from) = (live.guest.vmid, &live.guest.node);
    let nodes = cx.client.nodes().list().await.during("Cannot list the cluster's nodes")?;
    found.check(super::vm::must_be_online(&nodes, &target));
    let managed = live.guest.hastate.as_deref().is_some_and(|state| state != "ignored");
    let how = match (managed, live.guest.status.as_str()) {
        (true, _) => "HA is asked to move it",
        (false, "running") => "it is moved while it runs, with its local disks",
        _ => "it is moved with its local disks",
    };
    found.notice(
        Problem::new(
            format!("vm:{vmid} will go from {from} to {target}"),
            format!("It is pinned to {target} and is on {from}: {how}."),
        )
        .at("node"),
    );
    Ok(Some(target))
}
