//! What became of a request whose answer was lost: settled by looking, never by sending it again.
//!
//! A task tells who started it, of which type and about which object, but none of its parameters; so a task is evidence
//! that a request arrived, and never of what it asked for.

use std::collections::BTreeSet;
use std::time::Duration;

use pve_client::api::nodes::TaskFilter;
use pve_client::{Area, Client, Error, Lock, Task, Upid};

use crate::error::{During, Problem};

/// How often, and how far apart, to look for a task: a request that arrived shows within a second or two.
const LOOKS: u32 = 4;
const PAUSE: Duration = Duration::from_millis(1500);

/// The tasks of one type about one object that there were before a request was sent. Comparing with them, not with a
/// time, makes the evidence independent of everybody's clocks.
#[derive(Debug)]
pub struct Before {
    kind: &'static str,
    id: String,
    known: BTreeSet<String>,
}

impl Before {
    /// Looks at what is there, about to start a task of type `kind` about `id` somewhere in the cluster.
    pub async fn look(client: &Client, kind: &'static str, id: impl Into<String>) -> Result<Self, Problem> {
        let mut before = Self { kind, id: id.into(), known: BTreeSet::new() };
        before.known = before.tasks(client).await?.into_iter().collect();
        Ok(before)
    }

    /// What came of the request: its task; within, why none was begun; without, why that is not known. An answer that was
    /// lost is looked for among the tasks that are new.
    pub async fn settle(
        &self,
        client: &Client,
        sent: Result<Task, Problem>,
        lock: Lock,
        areas: &[Area],
    ) -> Result<Result<Task, Problem>, Problem> {
        let lost = match sent {
            Ok(task) => return Ok(Ok(task)),
            Err(lost) => lost,
        };
        tracing::warn!(?lost, kind = self.kind, id = self.id, "the answer is no help: looking for the task");
        match self.ours(client).await? {
            Some(upid) => Ok(Ok(client.attach(upid, lock, areas).await.during("Cannot follow the task")?)),
            None => Ok(Err(nothing_came_of(lost))),
        }
    }

    /// The task that our request has started, if there is one by now.
    async fn ours(&self, client: &Client) -> Result<Option<Upid>, Problem> {
        for look in 0..LOOKS {
            if look > 0 {
                tokio::time::sleep(PAUSE).await;
            }
            let new = self.tasks(client).await?.into_iter().find(|upid| !self.known.contains(upid));
            if let Some(upid) = new.and_then(|upid| upid.parse().ok()) {
                return Ok(Some(upid));
            }
        }
        Ok(None)
    }

    async fn tasks(&self, client: &Client) -> Result<Vec<String>, Problem> {
        let nodes = client.nodes().list().await.during("Cannot list the cluster's nodes")?;
        let filter = TaskFilter { kind: Some(self.kind.to_owned()), ..TaskFilter::default() };
        let mut found = Vec::new();
        for node in nodes.iter().filter(|node| node.is_online()) {
            let doing = format!("Cannot list the tasks of node {}", node.node);
            let tasks = client.node(&node.node).tasks(&filter).await.during(doing)?;
            found.extend(tasks.into_iter().filter(|task| task.id == self.id).map(|task| task.upid));
        }
        Ok(found)
    }
}

/// Why nothing came of a request, now that nothing of it is to be seen: PVE's own words, or that it never arrived.
fn nothing_came_of(problem: Problem) -> Problem {
    if !problem.pve().is_some_and(Error::answer_lost) {
        return problem;
    }
    let doing = problem.doing().to_owned();
    Problem::new(doing, "The connection broke before the request arrived; nothing was written. Apply again.")
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
