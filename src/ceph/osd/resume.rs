//! What became of a creation whose end nobody saw.

use pve_client::api::nodes::{TaskEntry, TaskFilter};
use pve_client::{Lock, Upid};
use terraform_plugin::{Cx, Diagnostic, Error};
use tokio::time::Instant;

use super::creation::{self, Creation, Start, identify, made_by, remember};
use super::device::kernel_name;
use super::identity::Identity;
use super::side::left;
use super::{Osd, leftover, look, parts, patience_until};
use crate::ground::error::{During, Problem};
use crate::ground::evidence;
use crate::ground::pve::Pve;

/// What became of a creation whose end nobody saw: its task, followed; or the OSD on the device, if such a task has run;
/// or nothing, and it is made now.
pub async fn resume(cx: &Cx<Pve>, prior: &Osd, want: &Osd, deadline: Instant) -> Result<Vec<Identity>, Problem> {
    let found = unidentified(cx, prior).await?;
    if !found.is_empty() && found.len() >= prior.count() {
        return Ok(found);
    }
    if !found.is_empty() {
        let upid = cx.private.get::<String>("task").and_then(|upid| upid.parse().ok());
        let list = look::disks(cx, &prior.node).await?;
        let path = prior.device.find(&list, &prior.node)?.devpath.clone();
        match upid {
            // What the configuration says now of doing it at once counts: the state is stored only when all is made.
            Some(upid) => {
                let told = Osd { force: prior.force || want.force, ..prior.clone() };
                parts::take_back(cx, &told, &path, &upid).await?;
            }
            None => {
                let detail =
                    format!("{} of {} are there, and no task tells who made them.", found.len(), prior.count());
                return Err(Problem::new(format!("Not all OSDs were made on {path} of {}", prior.node), detail));
            }
        }
    }
    freed(cx, prior, deadline).await?;
    let creation = match Creation::prepare(cx, want).await? {
        Start::Make(creation) => creation,
        Start::Made(found) => return Ok(found),
    };
    let sent = creation.begin(cx, deadline).await;
    let mut task = creation.settle(cx, sent).await??;
    remember(cx, task.upid());
    match creation.finish(cx, &mut task, deadline).await {
        Err(problem) if problem.is_failed_task() => match creation.take_back(cx, want, task.upid()).await {
            Ok(_) => Err(problem),
            Err(also) => {
                Err(problem.noting(Some(format!("Nor could what it left be taken away: {}", Error::from(also)))))
            }
        },
        finished => finished,
    }
}

/// Frees what a failed creation of ours had taken, and nobody could clear since.
pub async fn freed(cx: &Cx<Pve>, was: &Osd, deadline: Instant) -> Result<(), Problem> {
    let Some(upid) = cx.private.get::<String>("task").and_then(|upid| upid.parse().ok()) else { return Ok(()) };
    let node = &was.node;
    let list = look::disks(cx, node).await?;
    let Ok(target) = was.device.find(&list, node) else { return Ok(()) };
    // What the log of a task of long ago tells is lost with it: then `wipe_if` is asked for.
    let log: Vec<String> = cx.client.node(node).task_log(&upid, 0).await.unwrap_or_default();
    if creation::has_erased(&log, &target.devpath) {
        leftover::free(cx, node, &target.devpath, deadline).await?;
    }
    left::take_away(cx, node, &log, deadline).await
}

/// The OSDs that a creation of ours has made without our seeing their numbers.
pub async fn unidentified(cx: &Cx<Pve>, was: &Osd) -> Result<Vec<Identity>, Problem> {
    let node = &was.node;
    let remembered: Option<Upid> = cx.private.get::<String>("task").and_then(|upid| upid.parse().ok());
    if let Some(upid) = &remembered {
        let doing = format!("Cannot follow the creation of an OSD on {node}");
        let lock = Lock::NodeDisks(node.clone());
        let mut task = cx.client.attach(upid.clone(), lock, creation::AREAS).await.during(&doing)?;
        let ended = task.wait(&patience_until(cx, Instant::now() + cx.timeout), |_| {}).await.during(&doing);
        match ended {
            Err(problem) if !problem.is_failed_task() => tracing::warn!(?problem, "the task tells nothing any more"),
            _ => {}
        }
    }
    let list = look::disks(cx, node).await?;
    let target = was.device.find(&list, node)?;
    if target.osd_ids.is_empty() {
        return Ok(Vec::new());
    }
    let filter = TaskFilter { kind: Some(creation::TASK.to_owned()), ..TaskFilter::default() };
    let tasks = cx.client.node(node).tasks(&filter).await.during(format!("Cannot list the tasks of node {node}"))?;
    let name = kernel_name(&target.devpath);
    let is_remembered = |task: &TaskEntry| remembered.as_ref().is_some_and(|upid| task.upid == upid.as_str());
    // The end of one that PVE lost is not known; others that failed have made nothing.
    let counts = |task: &&TaskEntry| is_remembered(task) || task.is_running() || task.is_success();
    let made = tasks.iter().filter(|task| task.id == name).filter(counts);
    let begun: Option<i64> = cx.private.get(creation::BEGUN);
    // The newest made what is there. Somebody else's, or one of before, is not what was to be made.
    let ours = |task: &&TaskEntry| match &remembered {
        Some(_) => is_remembered(task),
        None => evidence::is_ours(&cx.client, task) && begun.is_some_and(|begun| task.starttime >= begun),
    };
    let Some(task) = made.max_by_key(|task| task.starttime).filter(ours) else {
        return Err(Problem::new(
            format!("Whose is the OSD on {} of {node}?", target.devpath),
            "The state holds an OSD whose creation was interrupted before its number was known, and no task tells that it was \
             made by us. If it is yours, take the resource out of the state (`terraform state rm`) and import it.",
        ));
    };
    let hint = match task.upid.parse() {
        Ok(upid) => made_by(cx, node, &upid).await,
        Err(_) => Vec::new(),
    };
    let found = identify(cx, node, &target.devpath, hint).await?;
    cx.warn(Diagnostic::warning(
        format!("{} on {} of {node} is taken for what was to be made", was.identified(&found).called(), target.devpath),
        format!("Its creation was interrupted before its number was known; task {} made it.", task.upid),
    ));
    Ok(found)
}
