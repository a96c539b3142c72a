//! A cluster and a workspace in which one disturbed operation follows another.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;

use super::Scene;
use super::operation::{APPLY, Operation, Prior};
use super::point::{Point, points};
use crate::{HEAD, Output, Program, Sim, Terraform, Workspace};

const VARIABLE: &str = "variable \"other\" {\n  type = bool\n}\n";
const VALUES: &str = "terraform.tfvars";
const STATE: &str = "terraform.tfstate";
pub(super) const IMPORTS: &str = "import.tf";
const DATA: &str = "data.tf";
/// A command that takes longer hangs.
const LIMIT: Duration = Duration::from_secs(240);

/// What an undisturbed run of every operation does.
#[derive(Debug)]
pub struct Undisturbed {
    /// The configuration.
    pub scene: Scene,
    points: BTreeMap<Operation, Vec<Point>>,
    nothing: Value,
    there: Value,
    other: Value,
}

impl Undisturbed {
    /// Runs every operation of a scene once.
    ///
    /// # Errors
    /// An operation fails though nothing disturbs it.
    pub fn measure(terraform: &'static Terraform, provider: &Program, scene: Scene) -> anyhow::Result<Self> {
        let mut bench = Bench::new(terraform, provider, scene)?;
        let mut points = BTreeMap::new();
        let (mut nothing, mut there, mut other) = (Value::Null, Value::Null, Value::Null);
        for operation in Operation::ALL {
            bench.bring_to(operation.prior())?;
            bench.sim.forget_requests()?;
            let output = bench.run(operation)?;
            let expected = if operation == Operation::PlanCheck { 2 } else { 0 };
            ensure!(output.code == Some(expected), "{} undisturbed: {}", operation.name(), output.gist());
            points.insert(operation, self::points(&bench.sim.requests()?));
            match operation {
                Operation::Create => there = bench.sim.state()?,
                Operation::Update => other = bench.sim.state()?,
                // Not what there was in the beginning: Ceph makes a pool of its own beside the first OSD.
                Operation::Delete => nothing = bench.sim.state()?,
                _ => ensure!(operation.writes() || bench.sim.mutations()?.is_empty(), "{} writes", operation.name()),
            }
            bench.tidy()?;
        }
        Ok(Self { scene, points, nothing, there, other })
    }

    /// The requests that an operation sends.
    pub(super) fn points(&self, operation: Operation) -> &[Point] {
        self.points.get(&operation).map_or(&[], Vec::as_slice)
    }

    /// The cluster after an operation, or, if it changes nothing, before it.
    pub(super) fn state_after(&self, operation: Operation) -> Option<&Value> {
        match operation {
            // It writes nothing, and what there was before it may never have been used.
            Operation::PlanCheck => None,
            Operation::Delete => Some(&self.nothing),
            Operation::Create | Operation::Read | Operation::Import | Operation::DataSource | Operation::Wait => {
                Some(&self.there)
            }
            Operation::Update => Some(&self.other),
        }
    }
}

/// A cluster and a workspace, and what there is in them.
#[derive(Debug)]
pub struct Bench {
    pub(super) sim: Sim,
    pub(super) work: Workspace,
    scene: Scene,
    prior: Prior,
    /// The state file that an import has begun without.
    kept: Option<String>,
    /// Whether somebody has looked since the last apply.
    looked: bool,
    /// Whether something is left that no operation takes away.
    pub(super) spoiled: bool,
}

impl Bench {
    /// Whether it serves another cell.
    pub fn is_usable(&self) -> bool {
        !self.spoiled
    }

    /// A new cluster, and a workspace in which `terraform init` was run.
    pub fn new(terraform: &'static Terraform, provider: &Program, scene: Scene) -> anyhow::Result<Self> {
        let sim = Sim::start(scene.cluster)?;
        let mut work = Workspace::of(terraform, provider, &sim)?;
        // Users run release builds, where a result that contradicts the plan must not taint.
        work.set("TERRAFORM_PLUGIN_STRICT", "0");
        work.write("head.tf", HEAD)?;
        work.write("variable.tf", VARIABLE)?;
        work.write("main.tf", scene.text)?;
        work.write(VALUES, "other = false\n")?;
        work.init()?.succeeded()?;
        Ok(Self { sim, work, scene, prior: Prior::Nothing, kept: None, looked: false, spoiled: false })
    }

    /// Makes what an operation begins with, undisturbed.
    pub(super) fn bring_to(&mut self, prior: Prior) -> anyhow::Result<()> {
        if self.prior != prior {
            let output = match prior {
                Prior::Nothing => self.command(Operation::Delete.arguments())?,
                Prior::There => {
                    self.choose(false)?;
                    self.command(APPLY)?
                }
                Prior::Other => {
                    self.choose(true)?;
                    self.command(APPLY)?
                }
            };
            ensure!(output.code == Some(0), "undisturbed: {}", output.gist());
            self.prior = prior;
            self.looked = false;
        }
        if !self.looked && prior != Prior::Nothing {
            // The first look after an apply strikes out what the journal holds, and asks for that.
            self.command(Operation::Read.arguments())?;
            self.looked = true;
        }
        Ok(())
    }

    /// Runs an operation in what [`Bench::bring_to`] has made for it.
    pub(super) fn run(&mut self, operation: Operation) -> anyhow::Result<Output> {
        match operation {
            Operation::PlanCheck | Operation::Create | Operation::Wait => self.choose(false)?,
            Operation::Update => self.choose(true)?,
            Operation::DataSource => self.work.write(DATA, self.scene.data)?,
            Operation::Import => {
                let file = self.work.path().join(STATE);
                self.kept = Some(std::fs::read_to_string(&file)?);
                std::fs::remove_file(&file)?;
                self.work.write(IMPORTS, &self.scene.import_blocks())?;
            }
            Operation::Read | Operation::Delete => {}
        }
        match operation {
            Operation::Create | Operation::Wait => self.prior = Prior::There,
            Operation::Update => self.prior = Prior::Other,
            Operation::Delete => self.prior = Prior::Nothing,
            Operation::PlanCheck | Operation::Read | Operation::Import | Operation::DataSource => {}
        }
        self.looked &= !operation.writes();
        self.command(operation.arguments())
    }

    /// Takes away what an operation needed in its workspace.
    pub(super) fn tidy(&mut self) -> anyhow::Result<()> {
        if let Some(state) = self.kept.take() {
            self.work.write(STATE, &state)?;
        }
        self.work.write(IMPORTS, "")?;
        self.work.write(DATA, "")
    }

    /// Logs in with the ticket of root@pam alone, or with a token as well.
    pub(super) fn log_in(&mut self, ticket_only: bool) {
        let token =
            self.sim.environment().find(|(name, _)| *name == "PVE_API_TOKEN").map(|(_, token)| token.to_owned());
        self.work.set("PVE_API_TOKEN", if ticket_only { "" } else { token.as_deref().unwrap_or_default() });
    }

    /// Ends what has been disturbed.
    pub(super) fn mend(&mut self, a_node_was_off: bool) -> anyhow::Result<()> {
        self.sim.clear_faults().context("ending the fault")?;
        self.log_in(false);
        if a_node_was_off {
            for node in self.sim.endpoints().keys() {
                self.sim.power(node, true)?;
            }
            // Time for daemons to come up, for HA to take note, and for what the provider has seen to be old.
            self.sim.advance(600)?;
        }
        Ok(())
    }

    /// Runs a command to its end, if it has one.
    pub(super) fn command(&self, arguments: &[&str]) -> anyhow::Result<Output> {
        let mut running = self.work.start(arguments)?;
        let begun = Instant::now();
        while !running.has_ended()? {
            if begun.elapsed() > LIMIT {
                let last: Vec<String> = self.sim.requests()?.iter().rev().take(8).map(|r| format!("{r:?}")).collect();
                bail!("`terraform {}` hangs; its last requests: {last:#?}", arguments.join(" "));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        running.wait()
    }

    fn choose(&self, other: bool) -> anyhow::Result<()> {
        self.work.write(VALUES, &format!("other = {other}\n"))
    }
}
