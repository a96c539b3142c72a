//! What became of a request whose answer was lost, in this run or in one that was cut off: settled by looking, never by
//! sending it again.
//!
//! A task tells who started it, of which type and about which object, but none of its parameters; so a task is evidence
//! that a request of ours arrived, and never of what it asked for: that the object itself has to tell.

use std::collections::BTreeMap;
use std::time::Duration;

use pve_client::api::nodes::{TaskEntry, TaskFilter};
use pve_client::{Area, Error, Lock, Task, Upid};
use terraform_plugin::{Cx, Diagnostic};

use crate::error::{During, Problem};
use crate::ledger::Planned;
use crate::pve::{Pve, patience};

/// How often, and how far apart, to look for a task: a request that arrived shows within a second or two.
const LOOKS: u32 = 4;
const PAUSE: Duration = Duration::from_millis(1500);

/// How long after its end a task still counts as that of a run which was cut off, in seconds of the server's clock. An
/// object that is older is not taken over: the error prints the `import` block.
const WINDOW: i64 = 2 * 60 * 60;

/// A task of this type about this object is about to be begun by this process, or was.
#[derive(Clone, Copy, Debug)]
struct Begun;

impl Planned for Begun {
    type Key = (&'static str, String);
}

/// The tasks of one type about one object that there were before a request was sent. Comparing with them, not with a
/// time, makes the evidence of a new one independent of everybody's clocks.
#[derive(Debug)]
pub struct Before {
    kind: &'static str,
    id: String,
    /// The node on which it runs, where `id` alone does not tell the object: every node has a `sdb`.
    node: Option<String>,
    known: Vec<TaskEntry>,
    /// Whether this process has looked at them before: what is there may then be its own work.
    begun_here: bool,
}

impl Before {
    /// Looks at what is there, about to start a task of type `kind` about `id` somewhere in the cluster.
    pub async fn look(cx: &Cx<Pve>, kind: &'static str, id: impl Into<String>) -> Result<Self, Problem> {
        Self::look_where(cx, kind, id.into(), None).await
    }

    /// The same, for a task on this node about something that every node has.
    pub async fn look_on(cx: &Cx<Pve>, node: &str, kind: &'static str, id: &str) -> Result<Self, Problem> {
        Self::look_where(cx, kind, id.to_owned(), Some(node.to_owned())).await
    }

    async fn look_where(cx: &Cx<Pve>, kind: &'static str, id: String, node: Option<String>) -> Result<Self, Problem> {
        let object = node.as_ref().map_or_else(|| id.clone(), |node| format!("{node} {id}"));
        let begun_here = cx.ledger.with(|begun: &mut BTreeMap<_, Begun>| begun.insert((kind, object), Begun).is_some());
        let mut before = Self { kind, id, node, known: Vec::new(), begun_here };
        before.known = before.tasks(cx).await?;
        Ok(before)
    }

    /// Whether this process was about to begin such a task before: two resources then want to make the same object.
    pub fn begun_here(&self) -> bool {
        self.begun_here
    }

    /// The task of a run of ours that was cut off before it could tell: begun by the same user or token, not by this
    /// process, not long ago. One that still runs is waited for, so what it makes is there afterwards.
    ///
    /// Whether that is what is wanted now has to be compared. A task that has failed is no evidence.
    pub async fn of_former_run(&self, cx: &Cx<Pve>, lock: Lock, areas: &[Area]) -> Result<Option<Upid>, Problem> {
        if self.begun_here {
            return Ok(None);
        }
        // If somebody else has made it anew since, it is theirs.
        let made = self.known.iter().filter(|task| task.is_running() || task.is_success());
        let Some(task) = made.max_by_key(|task| task.starttime) else { return Ok(None) };
        let recent = match (task.endtime, cx.client.server_time()) {
            (Some(end), Some(now)) => now - end <= WINDOW,
            (Some(_), None) => false,
            (None, _) => true,
        };
        let Ok(upid) = task.upid.parse::<Upid>() else { return Ok(None) };
        if !recent || !cx.client.is_us(upid.user()) {
            return Ok(None);
        }
        if task.is_running() {
            tracing::info!(%upid, "a run that was cut off has begun this: waiting for its end");
            let doing = "Cannot follow the task of a run that was cut off";
            let mut task = cx.client.attach(upid.clone(), lock, areas).await.during(doing)?;
            match task.wait(&patience(cx), |_| {}).await {
                Ok(()) => {}
                Err(Error::TaskFailed(_)) => return Ok(None),
                Err(error) => return Err(error).during(doing),
            }
        }
        Ok(Some(upid))
    }

    /// What came of the request: its task; within, why none was begun; without, why that is not known. An answer that was
    /// lost is looked for among the tasks that are new.
    pub async fn settle(
        &self,
        cx: &Cx<Pve>,
        sent: Result<Task, Problem>,
        lock: Lock,
        areas: &[Area],
    ) -> Result<Result<Task, Problem>, Problem> {
        let lost = match sent {
            Ok(task) => return Ok(Ok(task)),
            Err(lost) => lost,
        };
        tracing::warn!(?lost, kind = self.kind, id = self.id, "the answer is no help: looking for the task");
        match self.ours(cx).await? {
            Some(upid) => Ok(Ok(cx.client.attach(upid, lock, areas).await.during("Cannot follow the task")?)),
            None => Ok(Err(nothing_came_of(lost))),
        }
    }

    /// The task that our request has started, if there is one by now.
    async fn ours(&self, cx: &Cx<Pve>) -> Result<Option<Upid>, Problem> {
        for look in 0..LOOKS {
            if look > 0 {
                tokio::time::sleep(PAUSE).await;
            }
            let new = self.tasks(cx).await?.into_iter().filter(|task| self.known.iter().all(|k| k.upid != task.upid));
            let mut upids = new.filter_map(|task| task.upid.parse::<Upid>().ok());
            if let Some(upid) = upids.find(|upid| cx.client.is_us(upid.user())) {
                return Ok(Some(upid));
            }
        }
        Ok(None)
    }

    async fn tasks(&self, cx: &Cx<Pve>) -> Result<Vec<TaskEntry>, Problem> {
        let nodes = cx.client.nodes().list().await.during("Cannot list the cluster's nodes")?;
        let filter = TaskFilter { kind: Some(self.kind.to_owned()), ..TaskFilter::default() };
        let mut found = Vec::new();
        let here = |name: &str| self.node.as_ref().is_none_or(|only| only == name);
        for node in nodes.iter().filter(|node| node.is_online() && here(&node.node)) {
            let doing = format!("Cannot list the tasks of node {}", node.node);
            let tasks = cx.client.node(&node.node).tasks(&filter).await.during(doing)?;
            found.extend(tasks.into_iter().filter(|task| task.id == self.id));
        }
        Ok(found)
    }
}

/// Says that an object which exists already is taken for the one that a run of ours was making when it was cut off.
pub fn tell_taken_over(cx: &Cx<Pve>, what: &str, upid: &Upid) {
    cx.warn(Diagnostic::warning(
        format!("{what} exists already and is taken for ours"),
        format!(
            "Task {upid} of the same user made it a short time ago, and everything that is configured agrees: a run that was \
             cut off seems to have left it. If something else manages it, take this resource out of the state \
             (`terraform state rm`)."
        ),
    ));
}

/// Why nothing came of a request, now that nothing of it is to be seen: PVE's own words, or that it never arrived.
fn nothing_came_of(problem: Problem) -> Problem {
    if !problem.pve().is_some_and(Error::answer_lost) {
        return problem;
    }
    let doing = problem.doing().to_owned();
    let cause = match problem.pve() {
        Some(Error::Protocol { message, .. }) => format!("What came as an answer is not PVE's ({message})"),
        Some(Error::NodeUnreachable { node, message, .. }) => format!("Node {node} did not answer ({message})"),
        _ => "The connection broke before the request arrived".to_owned(),
    };
    Problem::new(doing, format!("{cause}; nothing was written. Apply again."))
}

/// What came of a request that answers at once: the object; within, why it was not made; without, why that is not known.
/// The object was looked for before and not found, so if the answer was lost and it is there now, it is ours.
pub async fn arrived<T, M>(
    answer: Result<T, Problem>,
    look: impl Future<Output = Result<Option<M>, Problem>>,
) -> Result<Result<M, Problem>, Problem> {
    if let Err(lost) = &answer {
        tracing::warn!(?lost, "the answer is no help: looking for the object");
    }
    Ok(match (look.await?, answer) {
        (Some(found), _) => Ok(found),
        (None, Err(problem)) => Err(nothing_came_of(problem)),
        (None, Ok(_)) => Err(Problem::new(
            "What was made is not there",
            "PVE accepted the request, and the object is not to be seen: somebody removed it meanwhile. Apply again.",
        )),
    })
}
