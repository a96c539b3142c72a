//! What became of a request whose answer was lost: settled by looking, never by sending it again.
//!
//! A task tells who started it, of which type and about which object, but none of its parameters; so a task is evidence
//! that a request arrived, and never of what it asked for.

use std::collections::BTreeSet;
use std::time::Duration;

use pve_client::api::nodes::TaskFilter;
use pve_client::{Area, Client, Lock, Task, Upid};

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

    /// What came of the request: its task, or `None` when it never arrived. An answer that was lost is looked for among
    /// the tasks that are new.
    pub async fn settle(
        &self,
        client: &Client,
        sent: Result<Task, Problem>,
        lock: Lock,
        areas: &[Area],
    ) -> Result<Option<Task>, Problem> {
        let lost = match sent {
            Ok(task) => return Ok(Some(task)),
            Err(lost) => lost,
        };
        tracing::warn!(?lost, kind = self.kind, id = self.id, "the answer was lost: looking for the task");
        self.arrived(client, lock, areas).await
    }

    /// The task of a request whose answer is no help; `None` when it never arrived.
    pub async fn arrived(&self, client: &Client, lock: Lock, areas: &[Area]) -> Result<Option<Task>, Problem> {
        match self.ours(client).await? {
            Some(upid) => Ok(Some(client.attach(upid, lock, areas).await.during("Cannot follow the task")?)),
            None => Ok(None),
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

/// The error for a request that was lost on its way.
pub fn never_arrived(doing: &str) -> Problem {
    Problem::new(doing, "The connection broke before the request arrived; nothing was written. Apply again.")
}

/// What came of a request that answers at once: the object, or `None` when it never arrived. The object was looked for
/// before and not found, so if the answer was lost and it is there now, it is ours.
pub async fn arrived<T, M>(
    answer: Result<T, Problem>,
    look: impl Future<Output = Result<Option<M>, Problem>>,
) -> Result<Option<M>, Problem> {
    if let Err(lost) = &answer {
        tracing::warn!(?lost, "the answer was lost: looking for the object");
    }
    look.await
}
