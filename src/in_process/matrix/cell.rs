//! One run that is cut off, until everything has come to rest.

use std::fmt;
use std::time::Duration;

use acceptance_tests::Beside;
use serde_json::{Value as Json, json};
use terraform_core::{By, Config, Core, Diagnostics, Rule};

use super::difference::difference;
use super::needless::nothing_needless;
use super::point::{Point, points, shape};
use crate::in_process::lives::{Bench, bench_of, example_of};
use crate::in_process::variants;

/// After so many runs everything has to be as it should: as many as the largest example has objects, each of which may need
/// an import of its own, and two.
const RUNS: usize = 6;
/// The cluster comes to rest in so many simulated seconds.
const REST: Duration = Duration::from_secs(900);

/// Which way the example is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::in_process) enum Phase {
    Apply,
    Update,
    Destroy,
}

impl Phase {
    async fn run(self, core: &mut Core, config: &Config) -> Result<(), Diagnostics> {
        match self {
            Self::Apply | Self::Update => core.apply(config).await.map(drop),
            Self::Destroy => core.destroy(config).await.map(drop),
        }
    }
}

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mishap {
    /// The provider dies before PVE has heard of the request, or when PVE has done it.
    Killed,
    /// The connection breaks.
    Lost,
}

/// Something that happens at a request.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    phase: Phase,
    point: Point,
    mishap: Mishap,
    /// Whether PVE has carried the request out.
    after: bool,
    /// Whether the journal in Terraform's data folder is gone afterwards.
    journal_lost: bool,
}

/// How it came to rest.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Converged {
    /// Whether it happened: how often something is looked at depends on time.
    pub(super) struck: bool,
    /// Objects for which an error printed the `import` block that was needed.
    pub(super) imported: usize,
}

/// An example with what undisturbed runs of it do.
pub(super) struct Subject {
    pub(super) name: String,
    config: Config,
    /// The same with other values, if there are any.
    changed: Option<Config>,
    /// The requests of an apply, of a change and of a destroy, and the cluster after each.
    apply: (Vec<Point>, Json),
    update: (Vec<Point>, Json),
    destroy: (Vec<Point>, Json),
    /// The cluster when the changed one is destroyed.
    gone: Json,
}

impl Subject {
    /// Applies, changes and destroys the example undisturbed.
    pub(super) async fn measured(name: String) -> Self {
        let config = Config::from_hcl(&example_of(&name).text).unwrap();
        let changed = variants::changed(&name).await;
        let mut bench = bench_of(&name).await;
        let apply = bench.measured(&name, Phase::Apply, &config).await;
        let destroy = bench.measured(&name, Phase::Destroy, &config).await;
        let (mut update, mut gone) = ((Vec::new(), Json::Null), Json::Null);
        if let Some(changed) = &changed {
            let mut bench = bench_of(&name).await;
            bench.measured(&name, Phase::Apply, &config).await;
            update = bench.measured(&name, Phase::Update, changed).await;
            gone = bench.measured(&name, Phase::Destroy, changed).await.1;
        }
        Self { name, config, changed, apply, update, destroy, gone }
    }

    /// What an undisturbed phase does, and comes to.
    fn of(&self, phase: Phase) -> &(Vec<Point>, Json) {
        match phase {
            Phase::Apply => &self.apply,
            Phase::Update => &self.update,
            Phase::Destroy => &self.destroy,
        }
    }

    /// Everything that can happen at each request.
    pub(super) fn cells(&self) -> Vec<Cell> {
        let mut cells = Vec::new();
        for phase in [Phase::Apply, Phase::Update, Phase::Destroy] {
            for point in &self.of(phase).0 {
                for after in [false, true] {
                    let mut push = |mishap, journal_lost| {
                        cells.push(Cell { phase, point: point.clone(), mishap, after, journal_lost });
                    };
                    push(Mishap::Killed, false);
                    push(Mishap::Lost, false);
                    if phase == Phase::Apply {
                        push(Mishap::Killed, true);
                    }
                }
            }
        }
        cells
    }
}

impl Bench {
    pub(in crate::in_process) fn forget(&self) {
        self.sim.world.control("DELETE", "/requests", &Json::Null).unwrap();
    }

    pub(in crate::in_process) fn points(&self) -> Vec<Point> {
        self.sim.world.with(|cluster| points(cluster.requests()))
    }

    pub(in crate::in_process) fn fault(&self) -> Json {
        self.sim.world.control("GET", "/faults", &Json::Null).unwrap()[0].take()
    }

    /// The cluster when what it does by itself has come to an end.
    pub(in crate::in_process) fn at_rest(&self) -> Json {
        self.sim.world.advance(REST);
        self.cluster()
    }

    /// What a phase asks for when nothing disturbs it, and what the cluster is then.
    async fn measured(&mut self, name: &str, phase: Phase, config: &Config) -> (Vec<Point>, Json) {
        self.forget();
        self.command(phase, config).await.unwrap_or_else(|said| panic!("{name}: {said}"));
        let measured = (self.points(), self.at_rest());
        self.core.refresh().await.unwrap();
        measured
    }

    async fn command(&mut self, phase: Phase, config: &Config) -> Result<(), Diagnostics> {
        phase.run(&mut self.core, config).await
    }
}

impl Cell {
    /// The line of the table that it counts in.
    pub(super) fn kind(&self) -> String {
        let what = if self.point.writes() { "writes" } else { "reads" };
        format!("{}, {what}: {}", self.phase_and_journal(), self.what())
    }

    fn phase_and_journal(&self) -> String {
        let lost = if self.journal_lost { ", journal lost" } else { "" };
        format!("{:?}{lost}", self.phase).to_lowercase()
    }

    fn what(&self) -> String {
        let what = if self.mishap == Mishap::Killed { "provider killed" } else { "connection lost" };
        format!("{what} {}", if self.after { "after" } else { "before" })
    }

    /// Cuts a run off in a cluster of its own, and repeats it until nothing is left to do.
    pub(super) async fn run(&self, subject: &Subject) -> Result<Converged, String> {
        let mut bench = bench_of(&subject.name).await;
        if self.phase != Phase::Apply {
            bench.core.apply(&subject.config).await.map_err(|said| format!("undisturbed: {said}"))?;
            bench.core.refresh().await.map_err(|said| format!("undisturbed: {said}"))?;
        }
        bench.forget();
        let changed = subject.changed.as_ref().filter(|_| self.phase == Phase::Update);
        let mut config = changed.unwrap_or(&subject.config).clone();
        let effect = if self.mishap == Mishap::Killed { json!({ "hold": true }) } else { json!({ "drop": true }) };
        let when = if self.after { "after" } else { "before" };
        let fault = json!({ "match": self.point.pattern(), "nth": self.point.nth, "when": when, "effect": effect });
        bench.sim.world.control("POST", "/faults", &fault).unwrap();
        let mut end = match self.mishap {
            Mishap::Killed => bench.killed(async |core| self.phase.run(core, &config).await).await,
            Mishap::Lost => bench.command(self.phase, &config).await,
        };
        let seen = bench.fault()["seen"].as_u64().unwrap_or_default();
        let mut converged = Converged { struck: seen >= self.point.nth as u64, ..Converged::default() };
        if !converged.struck && (end.is_err() || self.point.writes()) {
            return Err(format!("the request was never sent: {}", told(&end)));
        }
        let killed = self.mishap == Mishap::Killed && converged.struck;
        if killed && end.is_ok() {
            return Err("it was killed, and nobody noticed".to_owned());
        }
        bench.sim.world.control("DELETE", "/faults", &Json::Null).unwrap();
        if self.journal_lost {
            // There is none where nothing was about to be written.
            let _ = std::fs::remove_dir_all(bench.data.path().join("pve-journal"));
        }
        let mut said = vec![told(&end)];
        let settled = loop {
            must_not_be_said(&end, killed && said.len() == 1)?;
            if let Some(address) = bench.core.state.instances.iter().find(|(_, kept)| kept.tainted) {
                return Err(format!("{} is tainted:\n{}", address.0, said.join("\n")));
            }
            for (address, id) in offers(&end) {
                config = config.import(&address, Json::from(id));
                converged.imported += 1;
            }
            let nothing_left = match (self.phase, &end) {
                (Phase::Destroy, _) => bench.core.state.is_empty(),
                (_, Err(_)) => false,
                (_, Ok(())) => bench.core.plan(&config).await.is_ok_and(|plan| plan.is_empty()),
            };
            if nothing_left || said.len() > RUNS {
                break nothing_left;
            }
            end = bench.command(self.phase, &config).await;
            said.push(told(&end));
        };
        let said = said.join("\n");
        if !settled {
            return Err(format!("still not done:\n{said}"));
        }
        if converged.imported > 0 && !self.journal_lost {
            return Err(format!("an import was needed although the journal was kept:\n{said}"));
        }
        self.nothing_needless(&bench)?;
        let expected = &subject.of(self.phase).1;
        is_the_same(expected, &bench.at_rest()).map_err(|why| format!("{why}\n{said}"))?;
        if self.phase != Phase::Destroy {
            bench.core.destroy(&config).await.map_err(|said| format!("it cannot be destroyed: {said}"))?;
            let gone = if self.phase == Phase::Apply { &subject.destroy.1 } else { &subject.gone };
            let mut left = difference(gone, &bench.at_rest());
            if self.journal_lost {
                let beside = Beside::of(&subject.name).map_err(|error| error.to_string())?;
                left.retain(|place| !beside.leaves_when_forgotten(place.split(" is ").next().unwrap_or_default()));
            }
            none_of(&left).map_err(|why| format!("destroyed: {why}\n{said}"))?;
        }
        Ok(converged)
    }

    fn nothing_needless(&self, bench: &Bench) -> Result<(), String> {
        let requests = bench.sim.world.with(|cluster| cluster.requests().to_vec());
        let mut count = 0;
        nothing_needless(&requests, self.phase == Phase::Apply, |seen| {
            let here = self.point.method == seen.method && self.point.path == shape(&seen.path);
            count += usize::from(here);
            let unheard = here && count == self.point.nth && self.after;
            unheard || seen.status.is_some_and(|status| status < 300)
        })
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Point { method, path, nth } = &self.point;
        write!(f, "{}, {} {method} {path} ({nth})", self.phase_and_journal(), self.what())
    }
}

pub(in crate::in_process) fn is_the_same(expected: &Json, found: &Json) -> Result<(), String> {
    none_of(&difference(expected, found))
}

fn none_of(places: &[String]) -> Result<(), String> {
    if places.is_empty() { Ok(()) } else { Err(format!("the cluster is another one: {}", places.join("; "))) }
}

/// The provider has broken none of core's rules, but that it does not answer where it was killed.
fn must_not_be_said(end: &Result<(), Diagnostics>, killed: bool) -> Result<(), String> {
    let Err(said) = end else { return Ok(()) };
    let wrong = |error: &&terraform_core::Diagnostic| match error.by {
        By::Rule(Rule::RpcFailed) => !killed,
        By::Rule(_) => true,
        _ => error.summary.contains("panicked") || error.detail.contains("provider has a bug"),
    };
    said.errors.iter().find(wrong).map_or(Ok(()), |error| Err(format!("it says: {error}")))
}

pub(in crate::in_process) fn told(end: &Result<(), Diagnostics>) -> String {
    end.as_ref().map_or_else(ToString::to_string, |()| "done".to_owned())
}

/// The `import` blocks that the errors print: for which resource, and the id.
pub(in crate::in_process) fn offers(end: &Result<(), Diagnostics>) -> Vec<(String, String)> {
    let Err(said) = end else { return Vec::new() };
    let of = |error: &terraform_core::Diagnostic| {
        let (_, block) = error.detail.split_once("import {")?;
        let id = block.lines().find_map(|line| line.trim().strip_prefix("id = "))?;
        Some((error.address.clone(), serde_json::from_str(id).unwrap_or_else(|_| id.to_owned())))
    };
    said.errors.iter().filter_map(of).collect()
}
