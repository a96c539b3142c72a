//! What became of a request whose answer was lost, in this run or in one that was cut off: settled by looking, never by
//! sending it again.
//!
//! A task tells who started it, of which type and about which object, but none of its parameters; so a task is evidence
//! that a request of ours arrived, and never of what it asked for: that the object itself has to tell.

use std::collections::BTreeMap;
use std::time::Duration;

use pve_client::api::nodes::{TaskEntry, TaskFilter};
use pve_client::{Area, Client, Error, Lock, Task, Upid};
use terraform_plugin::{Cx, Diagnostic, Former};

use crate::ground::error::{During, Problem};
use crate::ground::ledger::Planned;
use crate::ground::pve::{Pve, patience};

/// How often, and how far apart, to look for a task: a request that arrived shows within a second or two.
const LOOKS: u32 = 4;
const PAUSE: Duration = Duration::from_millis(1500);

/// A task of this type about this object is about to be begun by this process, or was.
#[derive(Clone, Copy, Debug)]
struct Begun;

impl Planned for Begun {
    type Key = (&'static str, String);
}

/// Tells tasks of one type about one object apart, of those that somebody with our name has begun.
pub trait Recognise: Sync {
    /// Whether the task is the one that was asked for.
    fn is_ours(&self, cx: &Cx<Pve>, upid: &Upid) -> impl Future<Output = bool> + Send;
}

/// Type and object tell enough.
struct Any;

impl Recognise for Any {
    async fn is_ours(&self, _: &Cx<Pve>, _: &Upid) -> bool {
        true
    }
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

    /// The same without meaning to begin one: only to see what there was.
    pub async fn peek(
        cx: &Cx<Pve>,
        node: Option<&str>,
        kind: &'static str,
        id: impl Into<String>,
    ) -> Result<Self, Problem> {
        let node = node.map(str::to_owned);
        let mut before = Self { kind, id: id.into(), node, known: Vec::new(), begun_here: false };
        before.known = before.tasks(cx).await?;
        Ok(before)
    }

    /// Whether this process was about to begin such a task before: two resources then want to make the same object.
    pub fn begun_here(&self) -> bool {
        self.begun_here
    }

    /// The task by which a run for this state that was cut off has made the object at `place`: named by the journal, and
    /// confirmed by PVE, for whom the newest such task is by the same user or token and no older than the intent. One that
    /// still runs is waited for, so what it makes is there afterwards.
    ///
    /// Whether what is there is as it is wanted now has to be compared. A task that has failed is no evidence.
    pub async fn of_former_run(
        &self,
        cx: &Cx<Pve>,
        place: &str,
        lock: Lock,
        areas: &[Area],
    ) -> Result<Option<Upid>, Problem> {
        if self.begun_here {
            return Ok(None);
        }
        let Some(former) = cx.former(Some(place)).await else { return Ok(None) };
        // If somebody else has made it anew since, it is theirs.
        let Some(task) = self.newest() else { return Ok(None) };
        let Ok(upid) = task.upid.parse::<Upid>() else { return Ok(None) };
        if !begun_after(task, &former) || !is_ours(&cx.client, task) {
            return Ok(None);
        }
        if task.is_running() && !has_succeeded(cx, &upid, lock, areas).await? {
            return Ok(None);
        }
        Ok(Some(upid))
    }

    /// The task that was at work when this was looked at, whoever began it.
    pub fn running(&self) -> Option<Upid> {
        self.known.iter().find(|task| task.is_running()).and_then(|task| task.upid.parse().ok())
    }

    /// The task that made what is there.
    fn newest(&self) -> Option<&TaskEntry> {
        let made = self.known.iter().filter(|task| task.is_running() || task.is_success());
        made.max_by_key(|task| task.starttime)
    }

    /// Who made what is there, as a sentence for the error that it exists.
    pub fn maker(&self) -> Option<String> {
        self.newest().map(|task| {
            let token = task.tokenid.as_ref().map(|token| format!("!{token}")).unwrap_or_default();
            format!("It was made by {}{token} in task {}.", task.user, task.upid)
        })
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
        self.settle_that(cx, sent, lock, areas, &Any).await
    }

    /// The same where type and object do not tell which task is ours.
    pub async fn settle_that(
        &self,
        cx: &Cx<Pve>,
        sent: Result<Task, Problem>,
        lock: Lock,
        areas: &[Area],
        is: &impl Recognise,
    ) -> Result<Result<Task, Problem>, Problem> {
        let lost = match sent {
            Ok(task) => return Ok(Ok(task)),
            Err(lost) => lost,
        };
        tracing::warn!(?lost, kind = self.kind, id = self.id, "the answer is no help: looking for the task");
        match self.ours(cx, is).await? {
            Some(upid) => Ok(Ok(cx.client.attach(upid, lock, areas).await.during("Cannot follow the task")?)),
            None => Ok(Err(nothing_came_of(lost))),
        }
    }

    /// The task that our request has started, if there is one by now.
    async fn ours(&self, cx: &Cx<Pve>, is: &impl Recognise) -> Result<Option<Upid>, Problem> {
        for look in 0..LOOKS {
            if look > 0 {
                tokio::time::sleep(PAUSE).await;
            }
            for upid in begun_by_us(&cx.client, &self.known, self.tasks(cx).await?) {
                if is.is_ours(cx, &upid).await {
                    return Ok(Some(upid));
                }
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

/// Of the tasks that are there now, those that are new and that somebody with our name has begun: the whole name, since a
/// token of `root@pam` and whoever sits at a node's own shell are `root@pam!tf` and `root@pam`.
fn begun_by_us(client: &Client, known: &[TaskEntry], now: Vec<TaskEntry>) -> Vec<Upid> {
    let new = now.into_iter().filter(|task| known.iter().all(|known| known.upid != task.upid));
    new.filter(|task| is_ours(client, task)).filter_map(|task| task.upid.parse::<Upid>().ok()).collect()
}

/// How far nodes' clocks may be apart, in seconds: the intent is noted by one node's, the task by another's.
const SLACK: i64 = 5;

/// Waits for the end of a task that a run which was cut off has begun; whether it succeeded.
pub async fn has_succeeded(cx: &Cx<Pve>, upid: &Upid, lock: Lock, areas: &[Area]) -> Result<bool, Problem> {
    tracing::info!(%upid, "a run that was cut off has begun this: waiting for its end");
    let doing = "Cannot follow the task of a run that was cut off";
    let mut task = cx.client.attach(upid.clone(), lock, areas).await.during(doing)?;
    match task.wait(&patience(cx), |_| {}).await {
        Ok(()) => Ok(true),
        Err(Error::TaskFailed(_)) => Ok(false),
        Err(error) => Err(error).during(doing),
    }
}

/// Whether the task is no older than what a run was about to do.
pub fn begun_after(task: &TaskEntry, former: &Former) -> bool {
    task.starttime + SLACK >= former.begun
}

/// Whether somebody with our name has begun the task: the whole name, token included.
pub fn is_ours(client: &Client, task: &TaskEntry) -> bool {
    task.upid.parse::<Upid>().is_ok_and(|upid| client.has_begun(&upid))
}

/// Whether an object that is made without a task, exists already and is as it is wanted was made by a run for this state
/// that was cut off. Says so, if that is the case.
pub async fn is_of_former_run(cx: &Cx<Pve>, what: &str, place: &str) -> bool {
    let named = cx.former(Some(place)).await.is_some();
    if named {
        taken_over(cx, what, "");
    }
    named
}

/// Says that an object which exists already is taken for the one that a run for this state was making when it was cut off.
pub fn tell_taken_over(cx: &Cx<Pve>, what: &str, upid: &Upid) {
    taken_over(cx, what, &format!(" Task {upid} made it."));
}

fn taken_over(cx: &Cx<Pve>, what: &str, task: &str) {
    cx.warn(Diagnostic::warning(
        "What exists already is taken for ours",
        format!(
            "{what} exists already. A run for this state was cut off while it made just that, as the journal in Terraform's data folder tells, and \
             everything that is configured agrees.{task} If another block of this configuration holds it already, remove one of \
             the two."
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

/// Who sees an object in PVE's lists.
#[derive(Clone, Copy, Debug)]
pub enum Sight<'a> {
    /// Whoever may list.
    All,
    /// Only who has one of these privileges on this path; the others get a list without it.
    With(&'a str, &'a [&'a str]),
}

/// What came of a request that answers at once: the object; within, why it was not made; without, why that is not known.
/// The object was looked for before and not found, so if the answer was lost and it is there now, it is ours.
pub async fn arrived<T, M>(
    cx: &Cx<Pve>,
    answer: Result<T, Problem>,
    look: impl Future<Output = Result<Option<M>, Problem>>,
    sight: Sight<'_>,
) -> Result<Result<M, Problem>, Problem> {
    if let Err(lost) = &answer {
        tracing::warn!(?lost, "the answer is no help: looking for the object");
    }
    match (look.await?, answer) {
        (Some(found), _) => Ok(Ok(found)),
        (None, Ok(_)) => Err(Problem::new(
            "What was made is not to be seen",
            match hidden(cx, sight).await {
                Some(missing) => format!("PVE accepted the request. {missing}"),
                None => {
                    "PVE accepted the request, and does not show the object: somebody removed it meanwhile, or PVE is \
                         behind. The next refresh tells."
                        .to_owned()
                }
            },
        )),
        (None, Err(lost)) if lost.pve().is_some_and(Error::answer_lost) => match hidden(cx, sight).await {
            Some(missing) => Err(Problem::new(
                lost.doing().to_owned(),
                format!("The answer was lost, and whether the object was made is not to be seen. {missing}"),
            )),
            None => Ok(Err(nothing_came_of(lost))),
        },
        (None, Err(problem)) => Ok(Err(nothing_came_of(problem))),
    }
}

/// Why the object may be there and not be shown, as a sentence. Not in the list is no proof for whom lists are filtered.
async fn hidden(cx: &Cx<Pve>, sight: Sight<'_>) -> Option<String> {
    let Sight::With(path, privileges) = sight else { return None };
    match cx.client.access().on(path).await {
        Ok(ours) if ours.has_any(privileges) => None,
        _ => Some(format!(
            "The user or token may make it and not see it: give it {} on {path}, then apply again.",
            privileges.join(" or ")
        )),
    }
}

#[cfg(test)]
mod tests {
    use pve_client::Config;

    use super::*;

    fn task(number: u32, user: &str) -> TaskEntry {
        let upid = format!("UPID:pve1:0000291F:00070B{number:02X}:6B032D7F:cephcreatepool:vm:{user}:");
        let kind = "cephcreatepool";
        serde_json::from_value(serde_json::json!({ "upid": upid, "node": "pve1", "type": kind, "id": "vm" })).unwrap()
    }

    fn client(token: Option<&str>, login: Option<&str>) -> Client {
        let config = Config::default().endpoint("pve1", "https://192.0.2.1:8006");
        let config = token.into_iter().fold(config, |config, id| config.token(format!("{id}=secret")));
        Client::new(login.into_iter().fold(config, |config, user| config.login(user, "secret"))).unwrap()
    }

    #[test]
    fn after_a_lost_answer_a_new_task_of_somebody_else_is_not_ours() {
        let users = ["root@pam", "root@pam!other", "root@pam!tf2", "admin@pve", "root@pam!tf"];
        let now: Vec<_> = (1..).zip(users).map(|(number, user)| task(number, user)).collect();
        let found = |client: &Client, known: &[TaskEntry]| {
            begun_by_us(client, known, now.clone()).first().map(|upid| upid.user().to_owned())
        };
        assert_eq!(found(&client(Some("root@pam!tf"), None), &[]).as_deref(), Some("root@pam!tf"));
        assert_eq!(found(&client(None, Some("root@pam")), &[]).as_deref(), Some("root@pam"));
        assert_eq!(found(&client(Some("root@pam!t"), None), &[]), None, "a name that begins like another");
        assert_eq!(found(&client(None, Some("operator@pve")), &[]), None);
        // What was there before is nobody's answer, whoever began it.
        assert_eq!(found(&client(Some("root@pam!tf"), None), &now), None);
        assert_eq!(found(&client(None, Some("root@pam")), &now[..1]), None);
    }
}
