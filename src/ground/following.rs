//! A task that is followed to its end and told of on the way: what actions have in common.

use std::time::Duration;

use pve_client::{Error as Api, Patience, Task, Upid};
use terraform_plugin::{Cx, Progress};

use super::error::{During, Problem};
use super::meter::Meter;
use super::pve::Pve;

/// How often a task that runs is told of.
const TELL: Duration = Duration::from_secs(10);

/// Follows a task to its end. `what` is what it does, as the lines and the errors name it: `Stopping vm:101`.
pub async fn follow(cx: &Cx<Pve>, what: &str, task: Result<Task, Api>, progress: &Progress) -> Result<(), Problem> {
    follow_for(cx, cx.timeout, what, task, progress).await
}

/// The same, given up after another time than the usual one.
pub async fn follow_for(
    cx: &Cx<Pve>,
    limit: Duration,
    what: &str,
    task: Result<Task, Api>,
    progress: &Progress,
) -> Result<(), Problem> {
    let mut task = task.during(format!("{what} failed"))?;
    progress.say(format!("{what}: task {} on {}", task.upid().kind(), task.upid().node()));
    // The log is followed only by those who mind that nothing moves.
    let patience = Patience { timeout: Some(limit), stall: Some(limit), stop: cx.stop.token() };
    let mut teller = Teller::default();
    let ended = task.wait(&patience, |seen| {
        if let Some(line) = teller.saw(seen.elapsed, seen.lines) {
            progress.say(format!("{what}: {line}"));
        }
    });
    match ended.await {
        Ok(()) => {
            for warning in task.warnings() {
                progress.say(format!("{what}: {warning}"));
            }
            Ok(())
        }
        Err(Api::Stopped { .. }) => Err(goes_on(what, "Interrupted", task.upid())),
        Err(Api::Timeout { .. } | Api::Stalled { .. }) => {
            let why = format!("The time allowed ({}) is over", terraform_plugin::Duration::from(limit));
            Err(goes_on(what, &why, task.upid()))
        }
        Err(error) => Err(error).during(format!("{what} failed")),
    }
}

/// It was left alone, and PVE carries on.
fn goes_on(what: &str, why: &str, upid: &Upid) -> Problem {
    Problem::new(
        format!("{what}: PVE carries on"),
        format!(
            "{why}; the task goes on by itself on {}, and nothing was undone. `terraform-provider-pve tasks --follow` shows how far \
             it is, and `terraform-provider-pve act task_stop upid={upid}` ends it.",
            upid.node()
        ),
    )
}

/// What of a task's log is worth a line: how far it is, if it tells, else what it said last.
#[derive(Default)]
pub struct Teller {
    meter: Meter,
    last: Option<String>,
    told: Option<Duration>,
}

impl Teller {
    /// Takes in lines that were new at `elapsed` since the watch began. How far it is is told at once and then again and again;
    /// other lines only of what takes its time. Nothing is told twice.
    pub fn saw(&mut self, elapsed: Duration, lines: &[String]) -> Option<String> {
        let knew = self.meter.knows();
        self.meter.saw(elapsed, lines);
        let first = self.meter.knows() && !knew;
        if !first && elapsed < self.told.unwrap_or_default() + TELL {
            return None;
        }
        let how = self.meter.how().filter(|how| self.last.as_ref() != Some(how))?;
        self.told = Some(elapsed);
        self.last.replace(how.clone());
        Some(how)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(all: &[&str]) -> Vec<String> {
        all.iter().map(|line| (*line).to_owned()).collect()
    }

    #[test]
    fn how_far_it_is_is_told_at_once_and_then_now_and_again() {
        let mut teller = Teller::default();
        let mut saw = |seconds: u64, line: &str| teller.saw(Duration::from_secs(seconds), &lines(&[line]));
        let at = |done: &str| format!("transferred {done} GiB of 32.0 GiB (37.00%)");
        assert_eq!(saw(0, "create full clone of drive scsi0"), None);
        assert_eq!(saw(1, &at("11.0")).as_deref(), Some("37 %, 11 of 32 GiB"));
        assert_eq!(saw(5, &at("11.1")), None);
        assert!(saw(11, &at("12.3")).is_some_and(|line| line.starts_with("37 %, 12.3 of 32 GiB, ")));
    }

    #[test]
    fn other_words_are_told_of_what_takes_its_time_and_once() {
        let mut teller = Teller::default();
        let mut saw = |seconds: u64, all: &[&str]| teller.saw(Duration::from_secs(seconds), &lines(all));
        assert_eq!(saw(1, &["trying to acquire lock..."]), None);
        assert_eq!(saw(10, &[]).as_deref(), Some("trying to acquire lock..."));
        assert_eq!(saw(30, &[]), None);
        assert_eq!(saw(31, &["a", "b", " "]).as_deref(), Some("b"));
    }
}
