//! How tasks begin, go on, wait for locks and end.

use std::time::Duration;

use super::{FORK, Job, Next, Task, TaskCx, TaskEnding, TaskFault, Upid};
use crate::cluster::Cluster;
use crate::kernel::locks::{LOCK_WAIT, Lock};

/// The exit status of a task whose process is gone without a final line.
pub(crate) const VANISHED: &str = "unexpected status";

impl Cluster {
    /// Begins a task on `node` for `user` (`root@pam`, `a@pve!token`). Its first step comes a moment later.
    pub fn start_task(&mut self, node: &str, user: &str, kind: &str, id: impl Into<String>, job: impl Job) -> Upid {
        self.start_task_with(node, user, kind, id.into(), Box::new(job), None)
    }

    pub(crate) fn start_task_with(
        &mut self,
        node: &str,
        user: &str,
        kind: &str,
        id: String,
        job: Box<dyn Job>,
        fault: Option<TaskFault>,
    ) -> Upid {
        self.tasks.begun += 1;
        let number = self.tasks.begun;
        let uptime = self.now.since(self.nodes.booted(node).unwrap_or(self.now));
        let upid = Upid {
            node: node.to_owned(),
            // Process ids of one node never repeat within a run.
            pid: u32::try_from(2000 + number * 3).unwrap_or(u32::MAX),
            pstart: u64::try_from(uptime.as_millis() / 10).unwrap_or(u64::MAX),
            starttime: self.clock_of(node).unix(),
            kind: kind.to_owned(),
            id,
            user: user.to_owned(),
        };
        let task = Task {
            upid: upid.clone(),
            log: Vec::new(),
            end: None,
            warnings: 0,
            started: self.now,
            job: Some(job),
            waiting: None,
            fault,
        };
        self.concurrency.task_begins(number, kind);
        self.tasks.tasks.insert(number, task);
        self.after(FORK, move |cluster| first_step(cluster, number));
        upid
    }

    /// Stops a task as `DELETE tasks/{upid}` does; one that has ended stays as it is.
    pub fn stop_task(&mut self, upid: &Upid) {
        let Some(number) = self.tasks.number_of(upid) else { return };
        let Some(mut job) = self.tasks.by_number_mut(number).and_then(|task| task.job.take()) else { return };
        let text = job.stop(&mut TaskCx { cluster: self, number });
        end(self, number, Err(text));
    }

    /// Writes a line to the log of a task that somebody else carries out.
    pub(crate) fn log_to(&mut self, upid: &Upid, line: &str) {
        let Some(number) = self.tasks.number_of(upid) else { return };
        TaskCx { cluster: self, number }.log(line);
    }

    /// Ends such a task, unless it has ended.
    pub(crate) fn end_task(&mut self, upid: &Upid, result: Result<(), String>) {
        let Some(number) = self.tasks.number_of(upid) else { return };
        if self.tasks.by_number(number).is_some_and(|task| task.end.is_none()) {
            end(self, number, result);
        }
    }

    /// The processes of a node are gone: its tasks end without a final line, their locks with them.
    pub(crate) fn lose_tasks_of(&mut self, node: &str) {
        let running = self.tasks.tasks.iter().filter(|(_, t)| t.end.is_none() && t.upid.node == node);
        for number in running.map(|(number, _)| *number).collect::<Vec<_>>() {
            vanish(self, number);
        }
    }
}

fn first_step(cluster: &mut Cluster, number: u64) {
    let fault = cluster.tasks.by_number(number).and_then(|task| task.fault.clone());
    match fault {
        Some(TaskFault { ending: TaskEnding::Error(text), after_work: false }) => {
            // What the call had left for the task is cleared away, as after any failure.
            if let Some(mut job) = cluster.tasks.by_number_mut(number).and_then(|task| task.job.take()) {
                job.stop(&mut TaskCx { cluster, number });
            }
            end(cluster, number, Err(text));
        }
        Some(TaskFault { ending: TaskEnding::Vanish, after_work: false }) => vanish(cluster, number),
        _ => go_on(cluster, number),
    }
}

fn go_on(cluster: &mut Cluster, number: u64) {
    let midway = cluster.tasks.by_number(number).and_then(|task| match task.fault.clone()?.ending {
        TaskEnding::Midway(text) if task.job.as_ref()?.is_at_its_last() => Some(text),
        _ => None,
    });
    if let Some(text) = midway {
        return end(cluster, number, Err(text));
    }
    let Some(mut job) = cluster.tasks.by_number_mut(number).and_then(|task| task.job.take()) else { return };
    let next = job.step(&mut TaskCx { cluster, number });
    if let Some(task) = cluster.tasks.by_number_mut(number) {
        if task.end.is_some() {
            return;
        }
        task.job = Some(job);
    }
    match next {
        Next::After(span) => cluster.after(span, move |cluster| go_on(cluster, number)),
        Next::Lock(lock) => {
            cluster.concurrency.task_takes(number, &lock);
            let until = cluster.now + LOCK_WAIT;
            if let Some(task) = cluster.tasks.by_number_mut(number) {
                task.waiting = Some((lock, until));
            }
            try_lock(cluster, number, true);
        }
        Next::Fail(text) => end(cluster, number, Err(text)),
        Next::Done => match cluster.tasks.by_number(number).and_then(|task| task.fault.clone()) {
            Some(TaskFault { ending: TaskEnding::Error(text) | TaskEnding::Midway(text), .. }) => {
                end(cluster, number, Err(text))
            }
            Some(TaskFault { ending: TaskEnding::Vanish, .. }) => vanish(cluster, number),
            Some(TaskFault { ending: TaskEnding::Warning(text), .. }) => {
                TaskCx { cluster, number }.warn(text);
                end(cluster, number, Ok(()));
            }
            None => end(cluster, number, Ok(())),
        },
    }
}

/// Tries to take the lock that the task waits for; `first` tells the attempt that is made without waiting.
fn try_lock(cluster: &mut Cluster, number: u64, first: bool) {
    let Some(task) = cluster.tasks.by_number(number) else { return };
    let (Some((lock, until)), None) = (task.waiting.clone(), task.end.as_ref()) else { return };
    let quorate = lock.no_quorum_text().is_none() || cluster.nodes.quorate(&task.upid.node);
    if quorate && cluster.locks.take(&lock, number) {
        if let Some(task) = cluster.tasks.by_number_mut(number) {
            task.waiting = None;
            if !first {
                task.log.push(" OK".to_owned());
            }
        }
        go_on(cluster, number);
        return;
    }
    if cluster.now >= until {
        cluster.locks.give_up(&lock, number);
        let text = if quorate { lock.timeout_text() } else { lock.no_quorum_text().unwrap_or_default() };
        end(cluster, number, Err(text));
        return;
    }
    if first && let Some(task) = cluster.tasks.by_number_mut(number) {
        task.log.push("trying to acquire lock...".to_owned());
    }
    cluster.after(Duration::from_secs(1), move |cluster| try_lock(cluster, number, false));
}

/// Releases a lock and lets the first who waits have it at once.
pub(super) fn release(cluster: &mut Cluster, lock: &Lock, number: u64) {
    if let Some(next) = cluster.locks.release(lock, number) {
        cluster.after(Duration::ZERO, move |cluster| {
            if cluster.tasks.by_number(next).is_some_and(|task| task.waiting.is_some()) {
                try_lock(cluster, next, false);
            }
        });
    }
}

fn end(cluster: &mut Cluster, number: u64, result: Result<(), String>) {
    let now = cluster.now;
    if let Some(task) = cluster.tasks.by_number_mut(number) {
        let (last, status) = match (result, task.warnings) {
            (Ok(()), 0) => ("TASK OK".to_owned(), "OK".to_owned()),
            (Ok(()), n) => (format!("TASK WARNINGS: {n}"), format!("WARNINGS: {n}")),
            (Err(text), _) => {
                let text = text.trim_end().replace('\n', " ");
                (format!("TASK ERROR: {text}"), text)
            }
        };
        task.log.push(last);
        finish(task, now, status);
    }
    release_all(cluster, number);
}

fn vanish(cluster: &mut Cluster, number: u64) {
    let now = cluster.now;
    if let Some(task) = cluster.tasks.by_number_mut(number) {
        finish(task, now, VANISHED.to_owned());
    }
    release_all(cluster, number);
}

fn finish(task: &mut Task, now: crate::kernel::clock::Time, status: String) {
    task.end = Some((now, status));
    task.job = None;
    task.waiting = None;
}

fn release_all(cluster: &mut Cluster, number: u64) {
    cluster.concurrency.task_ends(number);
    for lock in cluster.locks.of_task(number) {
        cluster.locks.give_up(&lock, number);
        release(cluster, &lock, number);
    }
}
