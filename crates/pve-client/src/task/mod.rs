//! Waiting for what PVE does in the background.

mod log;
mod watch;

use std::collections::VecDeque;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::client::Writing;
use crate::{Area, Client, Error, Lock, Request, Upid};

/// How long, and until when, to wait for a task.
#[derive(Debug, Clone, Default)]
pub struct Patience {
    /// The longest wait, measured from the call of [`Task::wait`]; none waits for ever.
    pub timeout: Option<Duration>,
    /// The longest time without progress. Progress is seen in the task's log, which is followed if this is set.
    pub stall: Option<Duration>,
    /// Ends the wait; the task goes on.
    pub stop: CancellationToken,
}

/// How far a task is, told after each look at it.
#[derive(Debug)]
pub struct Progress<'a> {
    /// The task.
    pub upid: &'a Upid,
    /// Time since the wait began.
    pub elapsed: Duration,
    /// Lines of the log that are new since the last look. Empty when the log is not followed.
    pub lines: &'a [String],
}

/// A task in PVE. It holds its place in its lock's queue, and keeps shared reads from believing what they saw before
/// it, until it has ended or this handle is dropped.
pub struct Task {
    client: Client,
    upid: Upid,
    /// Read with the root ticket, since it was started with it.
    root: bool,
    writing: Option<Writing>,
    /// What started it, to start it again when it could not get its lock.
    request: Option<Request>,
    ended: Option<Result<(), Error>>,
    warnings: Vec<String>,
    /// Lines of the log read so far, and the last of them.
    seen: usize,
    tail: VecDeque<String>,
}

impl Client {
    /// A write that PVE carries out as a task: waits in the lock's queue and sends the request. The queue moves on
    /// when the task ends or its handle is dropped.
    pub async fn write_task(&self, lock: Lock, areas: &[Area], request: Request) -> Result<Task, Error> {
        let writing = self.begin_write(lock, areas).await?;
        let upid = self.submit(&request, &self.stop).await?;
        tracing::debug!(%upid, request = request.describe(), "task started");
        Ok(Task::new(self.clone(), upid, writing, Some(request)))
    }

    /// The same, where PVE may find that there is nothing to do and answers with no task.
    pub async fn write_task_if_any(&self, lock: Lock, areas: &[Area], request: Request) -> Result<Option<Task>, Error> {
        let writing = self.begin_write(lock, areas).await?;
        let answer: String = self.submit(&request, &self.stop).await?;
        let upid: Upid = match answer.parse() {
            Ok(upid) => upid,
            Err(_) if answer == "OK" => return Ok(None),
            Err(error) => {
                return Err(Error::Protocol { request: request.describe(), message: format!("no task: {error}") });
            }
        };
        tracing::debug!(%upid, request = request.describe(), "task started");
        Ok(Some(Task::new(self.clone(), upid, writing, Some(request))))
    }

    /// Takes hold again of a task that runs already, in its place in the lock's queue.
    pub async fn attach(&self, upid: Upid, lock: Lock, areas: &[Area]) -> Result<Task, Error> {
        let writing = self.begin_write(lock, areas).await?;
        Ok(Task::new(self.clone(), upid, writing, None))
    }
}

impl Task {
    fn new(client: Client, upid: Upid, writing: Writing, request: Option<Request>) -> Task {
        // What was begun by SSH is watched with what else there is.
        let root =
            request.as_ref().is_some_and(|request| request.needs_root() && client.root_by_ssh(request).is_none());
        Task {
            client,
            upid,
            root,
            writing: Some(writing),
            request,
            ended: None,
            warnings: Vec::new(),
            seen: 0,
            tail: VecDeque::new(),
        }
    }

    /// The task's name. It changes when a task that could not get its lock was started again.
    pub fn upid(&self) -> &Upid {
        &self.upid
    }

    /// Lines with warnings, of a task that succeeded with some. Known after [`Task::wait`].
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Lets the task go on by itself, frees its place in the queue, and gives its name for later.
    pub fn detach(self) -> Upid {
        self.upid
    }

    /// Waits until the task has ended.
    ///
    /// Lost connections, a new ticket or an endpoint that dies do not end the wait. These do: the task's end, the
    /// patience ([`Error::Timeout`], [`Error::Stalled`], [`Error::Stopped`]; the task goes on, and one may wait again),
    /// the task's node being offline in the cluster's eyes ([`Error::NodeUnreachable`]), and PVE not knowing the task
    /// or its result ([`Error::TaskLost`]).
    pub async fn wait(&mut self, patience: &Patience, on_progress: impl FnMut(&Progress<'_>)) -> Result<(), Error> {
        if let Some(ended) = &self.ended {
            return ended.clone();
        }
        let result = self.watch(patience, on_progress).await;
        if matches!(result, Ok(()) | Err(Error::TaskFailed(_) | Error::TaskLost { .. })) {
            self.writing = None;
            self.ended = Some(result.clone());
        }
        result
    }
}

#[cfg(test)]
mod tests;
