//! Replays one recording: call after call against a simulator that begins where the recording began.

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};

use anyhow::{Context, Result};
use serde_json::Value;

use super::compare::{Difference, Kind, compare};
use super::exceptions::Exceptions;
use super::names::Names;
use super::recording::{Exchange, Recording};
use super::script::{Part, Script, Step};
use super::session::Session;

/// How one call went.
#[derive(Debug)]
pub(crate) enum Outcome {
    Matched,
    Differs(Vec<Difference>),
    /// Named in the file of exceptions; not made.
    LeftOut,
    /// On a path that the simulator does not serve; the feature that it belongs to.
    NotServed(String),
}

impl Outcome {
    /// What PVE's status was, if the simulator answered 501 instead.
    pub(crate) fn not_simulated(&self) -> Option<&Value> {
        let Outcome::Differs(differences) = self else { return None };
        differences.iter().find_map(|difference| match &difference.kind {
            Kind::Value { recorded, live } if difference.place == "status" && live == 501 => Some(recorded),
            _ => None,
        })
    }
}

/// How one recording went.
pub(crate) struct Replayed {
    pub(crate) file: String,
    /// Percent of the served calls that have to match.
    pub(crate) floor: f64,
    /// One for each call, in the order of the recording.
    pub(crate) outcomes: Vec<Outcome>,
    /// Steps of the script that did not work.
    pub(crate) complaints: Vec<String>,
}

impl Replayed {
    pub(crate) fn matched(&self) -> usize {
        self.outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Matched)).count()
    }

    /// How many calls are served.
    pub(crate) fn total(&self) -> usize {
        self.outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Matched | Outcome::Differs(_))).count()
    }

    /// Percent of the served calls that matched.
    pub(crate) fn share(&self) -> f64 {
        // Counts of calls are far below what a double holds exactly. Where nothing is served, nothing is reached.
        if self.total() == 0 { 0.0 } else { 100.0 * self.matched() as f64 / self.total() as f64 }
    }

    pub(crate) fn reaches_its_floor(&self) -> bool {
        self.share() >= self.floor
    }
}

/// Replays a whole recording.
pub(crate) async fn replay(recording: &Recording, script: &Script, exceptions: &Exceptions) -> Result<Replayed> {
    let configured = recording.configured();
    let (mut outcomes, mut complaints) = (HashMap::new(), Vec::new());
    for part in &script.parts {
        let first = part.numbers().next().unwrap_or_default();
        let mut replay =
            PartReplay { recording, part, exceptions, configured: &configured, complaints: &mut complaints };
        replay
            .run(&mut outcomes)
            .await
            .with_context(|| format!("in the part of {} that begins with call {first}", recording.name))?;
    }
    let mut outcomes: Vec<(usize, Outcome)> = outcomes.into_iter().collect();
    outcomes.sort_by_key(|(number, _)| *number);
    let outcomes = outcomes.into_iter().map(|(_, outcome)| outcome).collect();
    let mut replayed = Replayed { file: recording.name.clone(), floor: script.floor, outcomes, complaints };
    set_unserved_aside(recording, exceptions, &mut replayed);
    Ok(replayed)
}

/// One part of a recording on its way through a simulator.
struct PartReplay<'a> {
    recording: &'a Recording,
    part: &'a Part,
    exceptions: &'a Exceptions,
    /// What the requests of the recording set.
    configured: &'a [String],
    complaints: &'a mut Vec<String>,
}

impl PartReplay<'_> {
    async fn run(&mut self, outcomes: &mut HashMap<usize, Outcome>) -> Result<()> {
        let mut session = Session::start(self.part, tokens(self.recording)).await?;
        let mut names = Names::default();
        self.steps(&mut session, &names, &self.part.prelude).await;
        for number in self.part.numbers() {
            if let Some(steps) = self.part.before.get(&number) {
                self.steps(&mut session, &names, steps).await;
            }
            let outcome = match self.exceptions.leaves_out(&self.recording.name, number) {
                true => Outcome::LeftOut,
                false => self.call(&mut session, &mut names, number).await.with_context(|| format!("call {number}"))?,
            };
            outcomes.insert(number, outcome);
        }
        Ok(())
    }

    /// Steps that fail are told and do not end the replay: what they were for will differ by itself.
    async fn steps(&mut self, session: &mut Session, names: &Names, steps: &[Step]) {
        for step in steps {
            if let Err(error) = session.step(step, names).await {
                self.complaints.push(format!("{error:#}"));
            }
        }
    }

    async fn call(&self, session: &mut Session, names: &mut Names, number: usize) -> Result<Outcome> {
        let exchange = &self.recording.exchanges[number];
        if let Some(moment) = started_at(exchange) {
            session.advance_to(moment);
        }
        let through = self.part.through.get(&number).map(String::as_str);
        let reply = match sees_a_stopped_task(exchange) {
            true => session.until_stopped(&exchange.request, names, through).await?,
            false if self.part.waits.contains(&number) => {
                session.until_answered(&exchange.request, names, through).await?
            }
            false => session.call(&exchange.request, names, through).await?,
        };
        let is_configured = |piece: &str| self.configured.iter().any(|text| text.contains(piece));
        let recorded = Exchange {
            response: self.exceptions.without_lines(&self.recording.name, number, &exchange.response),
            ..exchange.clone()
        };
        let mut differences = compare(&recorded, &reply, names, &is_configured);
        differences
            .retain(|difference| !self.exceptions.leaves_out_place(&self.recording.name, number, &difference.place));
        Ok(if differences.is_empty() { Outcome::Matched } else { Outcome::Differs(differences) })
    }
}

/// The secrets of the tokens that the recording creates, by their full names.
fn tokens(recording: &Recording) -> HashMap<String, String> {
    let created = |exchange: &Exchange| {
        let data = &exchange.response["data"];
        Some((data["full-tokenid"].as_str()?.to_owned(), data["value"].as_str()?.to_owned()))
    };
    recording.exchanges.iter().filter_map(created).collect()
}

/// When the task that this call began had begun, in seconds since 1970: the only clock that most recordings carry.
fn started_at(exchange: &Exchange) -> Option<f64> {
    let upid = exchange.response["data"].as_str()?.strip_prefix("UPID:")?;
    let moment = u32::from_str_radix(upid.split(':').nth(3)?, 16).ok()?;
    Some(f64::from(moment))
}

/// Whether whoever recorded this had waited for the task to end.
fn sees_a_stopped_task(exchange: &Exchange) -> bool {
    let path = &exchange.request.path;
    path.contains("/tasks/UPID:") && path.ends_with("/status") && exchange.response["data"]["status"] == "stopped"
}

/// Takes the calls on paths that are not served out of the count. A path counts as not served if the file of exceptions
/// names it and the simulator has answered 501 there; calls there that failed before, at the check of their parameters,
/// are then no merit either.
fn set_unserved_aside(recording: &Recording, exceptions: &Exceptions, replayed: &mut Replayed) {
    let group = |exchange: &Exchange| {
        let request = &exchange.request;
        let (feature, pattern) = exceptions.not_served(&request.method, &request.path)?;
        Some((feature.to_owned(), pattern.to_owned(), request.method.clone(), request.path.split('/').count()))
    };
    let unserved: HashSet<_> = std::iter::zip(&recording.exchanges, &replayed.outcomes)
        .filter(|(_, outcome)| outcome.not_simulated().is_some())
        .filter_map(|(exchange, _)| group(exchange))
        .collect();
    // The tasks that such calls began, each with the feature.
    let mut tasks: HashMap<&str, String> = HashMap::new();
    for (exchange, outcome) in std::iter::zip(&recording.exchanges, &mut replayed.outcomes) {
        if matches!(outcome, Outcome::LeftOut) {
            continue;
        }
        let of_task = upid_in(&exchange.request.path).and_then(|upid| tasks.get(upid)).cloned();
        let unserved = group(exchange).filter(|found| unserved.contains(found)).map(|found| found.0);
        if let Some(feature) = of_task.or(unserved) {
            if let Some(upid) = exchange.response["data"].as_str().filter(|data| data.starts_with("UPID:")) {
                tasks.insert(upid, feature.clone());
            }
            *outcome = Outcome::NotServed(feature);
        }
    }
}

/// The UPID in a path below `/nodes/NODE/tasks`.
fn upid_in(path: &str) -> Option<&str> {
    path.split("/tasks/").nth(1)?.split('/').next().filter(|upid| upid.starts_with("UPID:"))
}
