//! The loop that waits for a task through everything that may happen meanwhile.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout};

use super::log::substance;
use super::{Patience, Progress, Task};
use crate::error::{TaskFailure, lock_contention};
use crate::{Area, Error, Request};

/// Between two looks: from short, since many tasks are, to long.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(3));

/// Without any sign of life of PVE for this long the wait ends, whatever the patience.
const TROUBLE: Duration = Duration::from_secs(600);

/// How long a look may take beyond the patience.
const GRACE: Duration = Duration::from_secs(10);

#[derive(Deserialize)]
struct Status {
    status: String,
    exitstatus: Option<String>,
}

/// The exit status of a worker that was killed, or whose node was restarted, before it could tell a result.
const KILLED: &str = "unexpected status";

/// One look at a task.
enum Look {
    Running,
    Ended(String),
}

/// What the loop remembers between looks.
struct Watch {
    begun: Instant,
    moved: Instant,
    trouble: Option<Instant>,
    missing: bool,
    last: String,
    pause: Duration,
}

impl Task {
    pub(super) async fn watch(
        &mut self,
        patience: &Patience,
        mut on_progress: impl FnMut(&Progress<'_>),
    ) -> Result<(), Error> {
        let now = Instant::now();
        let mut watch =
            Watch { begun: now, moved: now, trouble: None, missing: false, last: String::new(), pause: PAUSE.0 };
        loop {
            let left = watch.left(patience);
            let look = async {
                sleep(watch.pause.min(left.unwrap_or(watch.pause))).await;
                let within = left.map_or(TROUBLE, |left| left + GRACE);
                let late = Error::AnswerLost { request: self.path("status"), message: "no answer in time".to_owned() };
                timeout(within, self.look(patience.stall.is_some())).await.unwrap_or(Err(late))
            };
            let looked = tokio::select! {
                biased;
                () = patience.stop.cancelled() => return Err(Error::Stopped { upid: Some(self.upid.clone()) }),
                looked = look => looked,
            };
            watch.pause = (watch.pause * 8 / 5).min(PAUSE.1);
            match looked {
                Ok((look, lines)) => {
                    watch.saw(&lines);
                    on_progress(&Progress { upid: &self.upid, elapsed: watch.begun.elapsed(), lines: &lines });
                    if let Look::Ended(status) = look
                        && let Some(result) = self.judge(status, &mut watch, patience).await
                    {
                        return result;
                    }
                }
                Err(error) => self.weather(error, &mut watch).await?,
            }
            watch.check(patience, self)?;
        }
    }

    async fn look(&mut self, follow: bool) -> Result<(Look, Vec<String>), Error> {
        let status: Status = self.client.call(self.read("status")).await?;
        let lines = if follow { self.new_lines().await? } else { Vec::new() };
        let look = match status.exitstatus {
            Some(exit) if status.status == "stopped" => Look::Ended(exit),
            None if status.status == "stopped" => Look::Ended(KILLED.to_owned()),
            _ => Look::Running,
        };
        Ok((look, lines))
    }

    /// The result that an exit status means; none if the task was started again.
    async fn judge(&mut self, status: String, watch: &mut Watch, patience: &Patience) -> Option<Result<(), Error>> {
        if status == "OK" {
            return Some(Ok(()));
        }
        if status.starts_with("WARNINGS: ") {
            self.seen = 0;
            let lines = self.new_lines().await.unwrap_or_default();
            self.warnings =
                lines.into_iter().filter(|line| line.contains("WARN") && !line.starts_with("TASK ")).collect();
            tracing::warn!(upid = %self.upid, warnings = ?self.warnings, "task ended with {status}");
            return Some(Ok(()));
        }
        if status == KILLED {
            let message = "it ended without a result".to_owned();
            return Some(Err(Error::TaskLost { upid: self.upid.clone(), message }));
        }
        if lock_contention(&status)
            && watch.begun.elapsed() + PAUSE.1 < self.client.inner.lock_patience
            && timeout(PAUSE.1, patience.stop.cancelled()).await.is_err()
            // Taken out: should this answer be lost, nothing is started a third time.
            && let Some(request) = self.request.take()
        {
            tracing::info!(upid = %self.upid, status, "starting the task again: somebody else held its lock");
            match self.client.submit(&request, &patience.stop).await {
                Ok(upid) => {
                    self.upid = upid;
                    self.request = Some(request);
                    self.seen = 0;
                    self.tail.clear();
                    watch.pause = PAUSE.0;
                    return None;
                }
                Err(error) => return Some(Err(error)),
            }
        }
        // The log may be out of reach; the status is the error's text in any case.
        let _ = self.new_lines().await;
        let log = self.tail.iter().cloned().collect();
        Some(Err(Error::TaskFailed(TaskFailure { upid: self.upid.clone(), status, log })))
    }

    /// Decides whether a failed look ends the wait.
    async fn weather(&mut self, error: Error, watch: &mut Watch) -> Result<(), Error> {
        match &error {
            Error::Absent(refusal) => {
                if std::mem::replace(&mut watch.missing, true) {
                    return Err(Error::TaskLost { upid: self.upid.clone(), message: refusal.message.clone() });
                }
                return Ok(());
            }
            Error::Parameter(parameter) => {
                return Err(Error::TaskLost { upid: self.upid.clone(), message: parameter.to_string() });
            }
            // Another's task needs rights that a token may lack.
            Error::Permission(_) if !self.root && self.client.has_root() => {
                self.root = true;
                return Ok(());
            }
            Error::Permission(_) | Error::Unauthenticated(_) | Error::NeedsRootTicket(_) | Error::Config(_) => {
                return Err(error);
            }
            Error::NodeUnreachable { .. } if self.node_is_down().await => return Err(error),
            _ => {}
        }
        let since = *watch.trouble.get_or_insert_with(Instant::now);
        tracing::debug!(upid = %self.upid, %error, "cannot see the task at the moment");
        if since.elapsed() >= TROUBLE { Err(error) } else { Ok(()) }
    }

    /// Whether a majority of the cluster sees the task's node offline.
    async fn node_is_down(&self) -> bool {
        #[derive(Deserialize)]
        struct Entry {
            #[serde(rename = "type")]
            kind: String,
            name: Option<String>,
            online: Option<Value>,
            quorate: Option<Value>,
        }
        let yes = |value: &Option<Value>| {
            matches!(value, Some(Value::Bool(true))) || value.as_ref().is_some_and(|v| v == 1 || v == "1")
        };
        let request = Request::get("cluster/status");
        let Ok(entries) = self.client.shared::<Vec<Entry>>(Area::Nodes, request).await else { return false };
        let quorate = entries.iter().any(|entry| entry.kind == "cluster" && yes(&entry.quorate));
        let node = entries.iter().find(|entry| entry.kind == "node" && entry.name.as_deref() == Some(self.upid.node()));
        quorate && node.is_some_and(|node| !yes(&node.online))
    }
}

impl Watch {
    fn saw(&mut self, lines: &[String]) {
        self.trouble = None;
        self.missing = false;
        for line in lines {
            let substance = substance(line);
            if substance != self.last {
                self.last = substance.to_owned();
                self.moved = Instant::now();
            }
        }
    }

    /// Time until the patience ends, if it does.
    fn left(&self, patience: &Patience) -> Option<Duration> {
        let timeout = patience.timeout.map(|timeout| timeout.saturating_sub(self.begun.elapsed()));
        let stall = patience.stall.map(|stall| stall.saturating_sub(self.moved.elapsed()));
        [timeout, stall].into_iter().flatten().min()
    }

    fn check(&self, patience: &Patience, task: &Task) -> Result<(), Error> {
        let over = |limit: &Duration, since: Instant| since.elapsed() >= *limit;
        if let Some(after) = patience.timeout.filter(|limit| over(limit, self.begun)) {
            return Err(Error::Timeout { upid: task.upid.clone(), after });
        }
        if let Some(after) = patience.stall.filter(|limit| over(limit, self.moved)) {
            return Err(Error::Stalled { upid: task.upid.clone(), after });
        }
        Ok(())
    }
}
