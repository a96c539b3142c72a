//! Tasks: what PVE calls a worker, known by its UPID.
//!
//! A task is a small state machine on the simulated clock. Most are a chain of [`Steps`]; what does not fit a chain
//! implements [`Job`] (closures do). While it runs it writes log lines, counts warnings and holds locks; it ends `OK`,
//! with warnings, with an error, or vanishes without a last line when its node dies.

mod engine;
mod steps;
mod upid;

use std::collections::BTreeMap;
use std::time::Duration;

pub use steps::{Repeat, Steps};
pub use upid::Upid;

use super::clock::Time;
use super::locks::Lock;
use crate::cluster::Cluster;

/// The time a worker takes from being forked to its first line: the call that began it has long answered.
pub(crate) const FORK: Duration = Duration::from_millis(50);

/// What a task does next.
pub enum Next {
    /// Call `step` again after this simulated time.
    After(Duration),
    /// Call `step` again when this lock is held; the task fails with PVE's text after ten seconds.
    Lock(Lock),
    /// The work is done: `OK`, or `WARNINGS: n` if there were any.
    Done,
    /// The work failed with this text.
    Fail(String),
}

/// The work of a task.
pub trait Job: Send + 'static {
    /// Carries out the next piece of work.
    fn step(&mut self, task: &mut TaskCx<'_>) -> Next;

    /// Whether one piece of work is left.
    fn is_at_its_last(&self) -> bool {
        false
    }

    /// Somebody stopped the task: undoes what must not stay and tells the error it ends with.
    fn stop(&mut self, _task: &mut TaskCx<'_>) -> String {
        // Belief: the text of a worker that gets SIGTERM outside of a command that it waits for.
        "received interrupt".to_owned()
    }
}

impl<F: FnMut(&mut TaskCx<'_>) -> Next + Send + 'static> Job for F {
    fn step(&mut self, task: &mut TaskCx<'_>) -> Next {
        self(task)
    }
}

/// What a step works with.
pub struct TaskCx<'a> {
    /// The whole cluster.
    pub cluster: &'a mut Cluster,
    number: u64,
}

impl TaskCx<'_> {
    /// The simulated time.
    pub fn now(&self) -> Time {
        self.cluster.now
    }

    /// The node where the task runs.
    pub fn node(&self) -> String {
        self.cluster.tasks.by_number(self.number).map(|t| t.upid.node.clone()).unwrap_or_default()
    }

    /// Whose task it is: `root@pam`, or `a@pve!token`.
    pub fn user(&self) -> String {
        self.cluster.tasks.by_number(self.number).map(|t| t.upid.user.clone()).unwrap_or_default()
    }

    /// The task's UPID.
    pub fn upid(&self) -> String {
        self.cluster.tasks.by_number(self.number).map(|t| t.upid.to_string()).unwrap_or_default()
    }

    /// Writes a line (or several) to the task's log.
    pub fn log(&mut self, text: impl AsRef<str>) {
        if let Some(task) = self.cluster.tasks.by_number_mut(self.number) {
            task.log.extend(text.as_ref().lines().map(str::to_owned));
        }
    }

    /// Writes `WARN: text` and counts it: the task will end with `WARNINGS: n` instead of `OK`.
    pub fn warn(&mut self, text: impl AsRef<str>) {
        self.log(format!("WARN: {}", text.as_ref()));
        if let Some(task) = self.cluster.tasks.by_number_mut(self.number) {
            task.warnings += 1;
        }
    }

    /// The task writes to a storage from now on, until it ends.
    pub fn works_on(&mut self, storage: &str) {
        self.cluster.concurrency.works_on(self.number, storage);
    }

    /// Releases a lock before the task's end.
    pub fn unlock(&mut self, lock: &Lock) {
        engine::release(self.cluster, lock, self.number);
    }
}

/// A task as it stands.
pub struct Task {
    /// Its name.
    pub upid: Upid,
    /// Log lines so far, the final `TASK ...` line included.
    pub log: Vec<String>,
    /// When it ended and with which exit status.
    pub end: Option<(Time, String)>,
    warnings: u32,
    started: Time,
    job: Option<Box<dyn Job>>,
    waiting: Option<(Lock, Time)>,
    fault: Option<TaskFault>,
}

impl Task {
    /// When it was started.
    pub fn started(&self) -> Time {
        self.started
    }
}

/// What a fault does to the task that a request begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskFault {
    /// How it ends.
    pub ending: TaskEnding,
    /// Whether its work is done before that. With a warning it always is.
    pub after_work: bool,
}

/// How a task ends by a fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskEnding {
    /// With this error.
    Error(String),
    /// With this error, before the last piece of its work.
    Midway(String),
    /// Without a final line.
    Vanish,
    /// Well, but for this warning.
    Warning(String),
}

/// All tasks of the cluster, in the order in which they began.
#[derive(Default)]
pub struct Tasks {
    tasks: BTreeMap<u64, Task>,
    begun: u64,
}

impl Tasks {
    /// Every task, the oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Task> {
        self.tasks.values()
    }

    /// The task with this UPID.
    pub fn find(&self, upid: &Upid) -> Option<&Task> {
        self.number_of(upid).and_then(|number| self.by_number(number))
    }

    /// Whether a task of this type and id runs on any node.
    pub fn is_running(&self, kind: &str, id: &str) -> bool {
        self.iter().any(|task| task.end.is_none() && task.upid.kind == kind && task.upid.id == id)
    }

    /// Takes over the tasks of a node that was by itself. What runs is carried out by nobody any more.
    pub(crate) fn adopt(&mut self, others: &mut Tasks) {
        for mut task in std::mem::take(&mut others.tasks).into_values() {
            self.begun += 1;
            task.job = None;
            self.tasks.insert(self.begun, task);
        }
    }

    fn number_of(&self, upid: &Upid) -> Option<u64> {
        self.tasks.iter().find(|(_, task)| task.upid == *upid).map(|(number, _)| *number)
    }

    fn by_number(&self, number: u64) -> Option<&Task> {
        self.tasks.get(&number)
    }

    fn by_number_mut(&mut self, number: u64) -> Option<&mut Task> {
        self.tasks.get_mut(&number)
    }
}

#[cfg(test)]
mod tests;
