//! A cluster in which one disturbed operation follows another, and what undisturbed ones do there.

use std::collections::BTreeMap;
use std::time::Duration;

use acceptance_tests::Beside;
use acceptance_tests::fault_matrix::{Operation, Point};
use serde_json::Value as Json;
use terraform_core::{Action, Config, Diagnostics, PlanOptions, State};

use crate::in_process::lives::{Bench, bench_of, example_of, provider_block};
use crate::in_process::matrix::cell::is_the_same;
use crate::in_process::variants;

/// A command that takes longer hangs: an honest one ends after three minutes at the latest.
const LIMIT: Duration = Duration::from_secs(240);
/// Time for daemons to come up, for HA to take note, and for what the provider has seen to be old.
const RECOVERY: Duration = Duration::from_secs(600);

/// What there is of the example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Prior {
    Nothing,
    There,
    Changed,
}

impl Prior {
    /// What an operation begins with.
    pub(super) fn of(operation: Operation) -> Self {
        match operation {
            Operation::PlanCheck | Operation::Create | Operation::Wait => Self::Nothing,
            Operation::Read | Operation::Import | Operation::DataSource | Operation::Update | Operation::Delete => {
                Self::There
            }
        }
    }

    /// What it comes to.
    pub(super) fn after(operation: Operation) -> Self {
        match operation {
            Operation::PlanCheck | Operation::Delete => Self::Nothing,
            Operation::Create | Operation::Wait | Operation::Read | Operation::Import | Operation::DataSource => {
                Self::There
            }
            Operation::Update => Self::Changed,
        }
    }
}

/// What was planned, and how it ended.
pub(super) struct Said {
    pub(super) planned: Vec<(String, Action)>,
    pub(super) end: Result<(), Diagnostics>,
    /// What was warned of.
    pub(super) warned: String,
}

/// An example, and what undisturbed runs of it do.
pub(super) struct Undisturbed {
    pub(super) name: String,
    pub(super) config: Config,
    /// The same with other values, if its schema tells of any.
    pub(super) changed: Option<Config>,
    /// Whether it has a secret, of which nobody can tell after an import whether it is another.
    pub(super) secret: bool,
    points: BTreeMap<Operation, Vec<Point>>,
    there: Json,
    nothing: Json,
    other: Json,
    /// What is left when the changed one is destroyed.
    other_gone: Json,
    /// Whether a cluster in which it was made and destroyed serves once more.
    again: bool,
}

impl Undisturbed {
    /// Runs every operation once.
    pub(super) async fn measured(name: String) -> Self {
        let example = example_of(&name);
        let config = Config::from_hcl(&example.text).unwrap();
        let changed = variants::changed(&name).await;
        let mut subject = Self {
            secret: example.text.contains("_version"),
            name,
            config,
            changed,
            points: BTreeMap::new(),
            there: Json::Null,
            nothing: Json::Null,
            other: Json::Null,
            other_gone: Json::Null,
            again: true,
        };
        let mut stand = Stand::new(&subject).await;
        let before = stand.bench.at_rest();
        use Operation::{Create, Delete, Import, PlanCheck, Read, Update, Wait};
        for operation in [PlanCheck, Create, Read, Import, Delete] {
            stand.measure(operation, &mut subject).await;
        }
        subject.points.insert(Wait, subject.points(Create).to_vec());
        subject.again = !Beside::of(&subject.name).unwrap().once;
        if subject.again {
            stand.command(Create, &subject, &subject.config).await.end.unwrap();
            subject.again = is_the_same(&before, &subject.nothing).is_ok();
            subject.again &= is_the_same(&subject.there, &stand.bench.at_rest()).is_ok();
        }
        if subject.changed.is_some() {
            stand.bench.core.refresh().await.unwrap();
            stand.measure(Update, &mut subject).await;
            let gone = stand.command(Delete, &subject, &subject.config).await;
            gone.end.unwrap_or_else(|said| panic!("{}: destroying what was changed: {said}", subject.name));
            subject.other_gone = stand.bench.at_rest();
        }
        subject
    }

    /// The requests that an operation sends.
    pub(super) fn points(&self, operation: Operation) -> &[Point] {
        self.points.get(&operation).map_or(&[], Vec::as_slice)
    }

    /// The cluster after an operation.
    pub(super) fn after(&self, operation: Operation) -> Option<&Json> {
        match Prior::after(operation) {
            // A plan writes nothing, and what there was before it may never have been used.
            Prior::Nothing if operation == Operation::PlanCheck => None,
            Prior::Nothing => Some(&self.nothing),
            Prior::There => Some(&self.there),
            Prior::Changed => Some(&self.other),
        }
    }
}

/// A cluster, and what of the example there is in it.
pub(super) struct Stand {
    pub(super) bench: Bench,
    pub(super) prior: Prior,
    /// Whether something is left that no operation takes away.
    pub(super) spoiled: bool,
    /// Whether it is read by commands in a terminal.
    pub(super) beside: Beside,
    /// The state that an import has begun without.
    kept: Option<State>,
}

impl Stand {
    pub(super) async fn new(subject: &Undisturbed) -> Self {
        let (bench, beside) = (bench_of(&subject.name).await, Beside::of(&subject.name).unwrap());
        Self { bench, prior: Prior::Nothing, spoiled: false, beside, kept: None }
    }

    async fn measure(&mut self, operation: Operation, subject: &mut Undisturbed) {
        self.bench.forget();
        let config = self.first(operation, subject);
        let said = self.command(operation, subject, &config).await;
        let name = format!("{}: {}", subject.name, operation.name());
        said.end.unwrap_or_else(|errors| panic!("{name}: {errors}"));
        let points = self.bench.points();
        let points = points.into_iter().map(|p| Point { method: p.method, path: p.path, nth: p.nth as u64 }).collect();
        subject.points.insert(operation, points);
        match operation {
            Operation::Create => subject.there = self.bench.at_rest(),
            Operation::Update => subject.other = self.bench.at_rest(),
            Operation::Delete => subject.nothing = self.bench.at_rest(),
            _ => {}
        }
        self.tidy();
        if operation == Operation::Create {
            self.bench.core.refresh().await.unwrap();
        }
    }

    /// Makes what an operation begins with, undisturbed; what is left of the example is looked at on the way.
    pub(super) async fn bring_to(&mut self, prior: Prior, subject: &Undisturbed) -> Result<(), String> {
        if self.prior == Prior::Changed || prior == Prior::Nothing && self.prior != prior {
            let said = self.command(Operation::Delete, subject, &subject.config).await;
            said.end.map_err(|said| format!("it cannot be destroyed: {said}"))?;
            let left = if self.prior == Prior::Changed { &subject.other_gone } else { &subject.nothing };
            is_the_same(left, &self.bench.at_rest()).map_err(|why| format!("destroyed: {why}"))?;
            self.spoiled |= !subject.again || is_the_same(&subject.nothing, left).is_err();
            self.prior = Prior::Nothing;
        }
        if self.spoiled {
            *self = Self::new(subject).await;
        }
        if prior != self.prior {
            let said = self.command(Operation::Create, subject, &subject.config).await;
            said.end.map_err(|said| format!("undisturbed: {said}"))?;
            // The first look after an apply strikes out what the journal holds.
            self.bench.core.refresh().await.map_err(|said| format!("undisturbed: {said}"))?;
            self.prior = prior;
        }
        Ok(())
    }

    /// The configuration with which an operation begins.
    pub(super) fn first(&mut self, operation: Operation, subject: &Undisturbed) -> Config {
        match operation {
            Operation::Update => subject.changed.clone().unwrap_or_else(|| subject.config.clone()),
            Operation::Import => {
                let kept = std::mem::take(&mut self.bench.core.state);
                let identity = |json: &str| serde_json::from_str::<Json>(json).unwrap();
                let config = kept.instances.iter().fold(subject.config.clone(), |config, (address, one)| {
                    config.import_by_identity(&address.to_string(), identity(&one.identity.as_ref().unwrap().1))
                });
                self.kept = Some(kept);
                config
            }
            _ => subject.config.clone(),
        }
    }

    /// Takes away what an operation needed.
    pub(super) fn tidy(&mut self) {
        if let Some(kept) = self.kept.take() {
            self.bench.core.state = kept;
        }
    }

    /// Logs in with the ticket of root@pam alone, or with a token as well.
    pub(super) fn log_in(&mut self, ticket_only: bool) {
        let mut block = provider_block(&self.bench.sim);
        if ticket_only {
            block["api_token"] = Json::Null;
        }
        self.bench.core.configure(block);
    }

    /// Ends what has been disturbed.
    pub(super) fn mend(&mut self, a_node_was_off: bool) {
        let world = &self.bench.sim.world;
        world.control("DELETE", "/faults", &Json::Null).unwrap();
        if a_node_was_off {
            for (node, _) in &self.bench.sim.endpoints {
                world.control("POST", &format!("/nodes/{node}/power"), &serde_json::json!({ "on": true })).unwrap();
            }
            world.advance(RECOVERY);
        }
        self.log_in(false);
    }

    /// Runs an operation to its end, if it has one.
    pub(super) async fn command(&mut self, operation: Operation, subject: &Undisturbed, config: &Config) -> Said {
        let run = self.run(operation, config);
        tokio::time::timeout(LIMIT, run)
            .await
            .unwrap_or_else(|_| panic!("{}: {} hangs", subject.name, operation.name()))
    }

    async fn run(&mut self, operation: Operation, config: &Config) -> Said {
        let core = &mut self.bench.core;
        let options = PlanOptions { destroy: operation == Operation::Delete, ..PlanOptions::default() };
        let plan = match core.plan_with(config, &options).await {
            Ok(plan) => plan,
            Err(said) => return Said { planned: Vec::new(), warned: format!("{said}"), end: Err(said) },
        };
        let planned = plan.actions();
        let mut warned = format!("{:?}", plan.warnings);
        if matches!(operation, Operation::PlanCheck | Operation::Read) {
            return Said { planned, end: Ok(()), warned };
        }
        let end = core.apply_plan(plan).await;
        match &end {
            Ok(applied) => warned += &format!("{:?}", applied.warnings),
            Err(said) => warned += &format!("{:?}", said.warnings),
        }
        Said { planned, end: end.map(drop), warned }
    }
}
