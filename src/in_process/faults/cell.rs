//! One fault at one request of one operation, until everything has come to rest.

use std::fmt;

use acceptance_tests::fault_matrix::{Fault, Login, Operation, Point};
use acceptance_tests::must_be_the_same_but_for_half_a_copy;
use terraform_core::{Action, By, Config};

use super::stand::{Prior, Said, Stand, Undisturbed};
use crate::in_process::lives::FACTOR;
use crate::in_process::matrix::cell::{is_the_same, offers, told};
use crate::in_process::matrix::needless::nothing_needless;
use crate::in_process::matrix::point::shape;

/// After so many runs without a fault everything has to be as it should.
const RUNS: usize = 5;

/// A fault at a request of an operation.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    pub(super) operation: Operation,
    pub(super) fault: Fault,
    pub(super) point: Point,
}

/// How it came to rest.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Converged {
    /// Whether it happened: how often something is looked at depends on time.
    pub(super) struck: bool,
    /// Whether the disturbed run itself succeeded.
    pub(super) at_once: bool,
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Point { method, path, nth } = &self.point;
        write!(f, "{}: {} at {method} {path} ({nth})", self.operation.name(), self.fault.name)
    }
}

impl Cell {
    /// Disturbs the operation, ends the fault, and repeats it until nothing is left to do. After a failure the stand is not to
    /// be used again.
    pub(super) async fn run(&self, stand: &mut Stand, subject: &Undisturbed) -> Result<Converged, String> {
        stand.bring_to(Prior::of(self.operation), subject).await.map_err(|why| format!("before it: {why}"))?;
        stand.bench.forget();
        let config = stand.first(self.operation, subject);
        stand.log_in(self.fault.login == Login::Ticket);
        let fault = self.fault.at(self.operation, &self.point, FACTOR);
        stand.bench.sim.world.control("POST", "/faults", &fault)?;
        let first = stand.command(self.operation, subject, &config).await;
        let seen = stand.bench.fault()["seen"].as_u64().unwrap_or_default();
        stand.mend(self.fault.kills_a_node());
        stand.prior = Prior::after(self.operation);
        let converged = Converged { struck: seen >= self.point.nth, at_once: first.end.is_ok() };
        if !converged.struck && (first.end.is_err() || self.point.writes()) {
            return Err(format!("the request was never sent: {}", told(&first.end)));
        }
        self.is_told(&first)?;
        match self.operation {
            Operation::PlanCheck | Operation::Read => self.looked(stand, subject, &config, &first).await?,
            Operation::Import => self.imported(stand, subject, config, first).await?,
            _ => self.settled(stand, subject, config, first).await?,
        }
        stand.tidy();
        if let Some(expected) = subject.after(self.operation) {
            let found = stand.bench.at_rest();
            let half = self.fault.kills_a_node() && must_be_the_same_but_for_half_a_copy(expected, &found).is_ok();
            stand.spoiled |= self.fault.kills_a_node();
            if !half {
                is_the_same(expected, &found)?;
            }
        }
        Ok(converged)
    }

    /// What was said is of use to whoever reads it, and the provider has broken none of core's rules.
    fn is_told(&self, said: &Said) -> Result<(), String> {
        breaks_no_rule(said)?;
        let errors = said.end.as_ref().err().map(|said| said.errors.as_slice()).unwrap_or_default();
        let told: Vec<_> = errors.iter().map(|error| (error.summary.as_str(), error.detail.as_str())).collect();
        if said.end.is_err() && told.is_empty() {
            return Err("it failed without a word".to_owned());
        }
        let all = format!("{} {}", said.warned, self::told(&said.end));
        self.fault.is_told(&all, &told).map_err(|why| format!("{why}: {all}"))
    }

    /// A plan: nothing is written, and nothing planned for what is there.
    async fn looked(
        &self,
        stand: &mut Stand,
        subject: &Undisturbed,
        config: &Config,
        first: &Said,
    ) -> Result<(), String> {
        self.wrote_nothing(stand)?;
        if first.end.is_err() {
            return self.as_undisturbed(&stand.command(self.operation, subject, config).await);
        }
        self.as_undisturbed(first)
    }

    /// A plan is what it is without a fault.
    fn as_undisturbed(&self, said: &Said) -> Result<(), String> {
        let creates = self.operation == Operation::PlanCheck;
        let fits = if creates {
            !said.planned.is_empty() && said.planned.iter().all(|(_, action)| *action == Action::Create)
        } else {
            said.planned.is_empty()
        };
        if said.end.is_ok() && fits { Ok(()) } else { Err(format!("it plans something else: {}", line(said))) }
    }

    fn wrote_nothing(&self, stand: &Stand) -> Result<(), String> {
        let sent = stand.bench.writes().into_iter().filter(|sent| !stand.beside.only_reads(sent));
        let sent: Vec<String> = sent.collect();
        if sent.is_empty() { Ok(()) } else { Err(format!("it writes: {sent:?}")) }
    }

    /// An import: the next one brings in what is missing, and nothing is written but what nobody can know.
    async fn imported(
        &self,
        stand: &mut Stand,
        subject: &Undisturbed,
        config: Config,
        first: Said,
    ) -> Result<(), String> {
        let mut said = vec![line(&first)];
        let mut end = first.end;
        while end.is_err() || !stand.run_is_over(subject).await? {
            if said.len() > RUNS {
                return Err(format!("still not imported:\n{}", said.join("\n")));
            }
            let next = stand.command(Operation::Import, subject, &config).await;
            breaks_no_rule(&next)?;
            said.push(line(&next));
            if next.planned.iter().any(|(_, action)| *action != Action::Update) {
                return Err(format!("more than an import: {}", said.join("\n")));
            }
            end = next.end;
        }
        if subject.secret { Ok(()) } else { self.wrote_nothing(stand) }
    }

    /// A change of the cluster: the same command, again and again.
    async fn settled(
        &self,
        stand: &mut Stand,
        subject: &Undisturbed,
        config: Config,
        first: Said,
    ) -> Result<(), String> {
        let mut said = vec![line(&first)];
        let mut last = first;
        loop {
            let state = &stand.bench.core.state;
            if let Some((address, _)) = state.instances.iter().find(|(_, kept)| kept.tainted) {
                return Err(format!("{address} is tainted:\n{}", said.join("\n")));
            }
            let done = match self.operation {
                Operation::Delete => state.is_empty(),
                _ => last.end.is_ok() && stand.plans_nothing(&config).await,
            };
            if done {
                break;
            }
            if said.len() > RUNS {
                return Err(format!("still not done:\n{}", said.join("\n")));
            }
            if let Some((address, _)) = offers(&last.end).first() {
                return Err(format!(
                    "{address} has to be imported although the journal was kept:\n{}",
                    said.join("\n")
                ));
            }
            last = stand.command(self.operation, subject, &config).await;
            said.push(line(&last));
            breaks_no_rule(&last)?;
            let wrong = last.planned.iter().find(|(_, action)| match self.operation {
                Operation::Delete => *action != Action::Delete,
                // What the state says to be unfinished may never have begun.
                _ => *action == Action::Delete || action.is_replace(),
            });
            if let Some((address, action)) = wrong {
                return Err(format!("it plans to {action:?} {address}:\n{}", said.join("\n")));
            }
        }
        self.nothing_needless(stand).map_err(|why| format!("{why}\n{}", said.join("\n")))
    }

    fn nothing_needless(&self, stand: &Stand) -> Result<(), String> {
        // What a node that has died was about to do is done again.
        if self.fault.kills_a_node() {
            return Ok(());
        }
        let requests = stand.bench.sim.world.with(|cluster| cluster.requests().to_vec());
        let climbs = matches!(self.operation, Operation::Create | Operation::Wait);
        let (first, last) = (self.point.nth, self.point.nth.saturating_add(self.fault.times));
        let mut count = 0;
        nothing_needless(&requests, climbs, |seen| {
            let here = self.point.method == seen.method && self.point.path == shape(&seen.path);
            count += u64::from(here);
            let answered = seen.status.is_some_and(|status| status < 300);
            if here && (first..last).contains(&count) && !self.fault.lets_through() {
                self.fault.after
            } else {
                answered
            }
        })
    }
}

impl Stand {
    async fn plans_nothing(&self, config: &Config) -> bool {
        self.bench.core.plan(config).await.is_ok_and(|plan| plan.is_empty())
    }

    /// Whether everything is in the state again, as the configuration has it.
    async fn run_is_over(&self, subject: &Undisturbed) -> Result<bool, String> {
        let plan = self.bench.core.plan(&subject.config).await;
        plan.map(|plan| plan.is_empty()).map_err(|said| format!("without the fault: {said}"))
    }
}

/// The provider has broken none of core's rules.
fn breaks_no_rule(said: &Said) -> Result<(), String> {
    let errors = said.end.as_ref().err().map(|said| said.errors.as_slice()).unwrap_or_default();
    let wrong = errors.iter().find(|error| matches!(error.by, By::Rule(_)));
    wrong.map_or(Ok(()), |error| Err(format!("it says: {error}")))
}

fn line(said: &Said) -> String {
    let planned: Vec<String> = said.planned.iter().map(|(address, action)| format!("{action:?} {address}")).collect();
    format!("{}; planned: {}", told(&said.end), planned.join(", "))
}
