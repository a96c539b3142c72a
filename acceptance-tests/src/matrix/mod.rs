//! What becomes of a configuration when its apply or its destroy is disturbed at one of its requests: every request, times
//! everything that can happen there.
//!
//! A run without disturbance tells the requests and the state that every other run has to come to.

mod cell;
mod damage;
mod mishap;
mod point;
mod scenario;

use anyhow::ensure;
use serde_json::Value;

use crate::{Program, Sim, Terraform, Workspace};

pub use cell::{Cell, Converged, Journal};
pub use mishap::Mishap;
pub use point::Point;
pub use scenario::{SCENARIOS, Scenario};

/// Which way a scenario is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// `terraform apply`, from nothing.
    Apply,
    /// `terraform apply -destroy`, when everything is there.
    Destroy,
}

/// A scenario with what an undisturbed run of it does.
#[derive(Debug)]
pub struct Matrix {
    scenario: Scenario,
    terraform: &'static Terraform,
    provider: Program,
    apply: Undisturbed,
    destroy: Undisturbed,
    /// The resources, as `(type, name)`.
    resources: Vec<(String, String)>,
    /// The operations for which a type of resource knows a timeout.
    timeouts: Value,
}

/// A run that nothing happened to.
#[derive(Debug, Default)]
struct Undisturbed {
    points: Vec<Point>,
    /// The cluster afterwards.
    state: Value,
}

impl Matrix {
    /// Applies and destroys the scenario undisturbed.
    pub fn begin(terraform: &'static Terraform, provider: Program, scenario: Scenario) -> anyhow::Result<Self> {
        let mut matrix = Self {
            scenario,
            terraform,
            provider,
            apply: Undisturbed::default(),
            destroy: Undisturbed::default(),
            resources: Vec::new(),
            timeouts: Value::Null,
        };
        let (sim, work) = matrix.bench()?;
        work.apply()?.succeeded()?;
        matrix.apply = Undisturbed { points: point::all(&sim.requests()?), state: at_rest(&sim)? };
        ensure!(work.plan()?.is_empty(), "{}: an undisturbed apply does not converge", scenario.name);
        let state = work.state()?;
        for resource in state["resources"].as_array().into_iter().flatten().filter(|r| r["mode"] == "managed") {
            let word = |key: &str| resource[key].as_str().unwrap_or_default().to_owned();
            matrix.resources.push((word("type"), word("name")));
        }
        matrix.timeouts = timeouts(&work.schemas()?);
        sim.forget_requests()?;
        work.destroy()?.succeeded()?;
        matrix.destroy = Undisturbed { points: point::all(&sim.requests()?), state: at_rest(&sim)? };
        Ok(matrix)
    }

    /// The scenario's name.
    pub fn name(&self) -> &'static str {
        self.scenario.name
    }

    /// Everything that can happen at every request of a phase.
    pub fn cells(&self, phase: Phase) -> Vec<Cell> {
        let at = |point: &Point| {
            let point = point.clone();
            let of = move |mishap: Mishap| {
                // Only who is killed has nothing to say but what is written down.
                let lost = (phase == Phase::Apply && mishap.kills()).then_some(Journal::Lost);
                let point = point.clone();
                let cell = move |journal| Cell { phase, point: point.clone(), mishap, journal };
                std::iter::once(Journal::Kept).chain(lost).map(cell)
            };
            Mishap::ALL.into_iter().flat_map(of)
        };
        self.undisturbed(phase).points.iter().flat_map(at).collect()
    }

    fn undisturbed(&self, phase: Phase) -> &Undisturbed {
        match phase {
            Phase::Apply => &self.apply,
            Phase::Destroy => &self.destroy,
        }
    }

    /// A new cluster, and a workspace in which `terraform init` was run.
    fn bench(&self) -> anyhow::Result<(Sim, Workspace)> {
        let sim = Sim::start(self.scenario.cluster)?;
        let mut work = Workspace::of(self.terraform, &self.provider, &sim)?;
        // Users run release builds, where a result that contradicts the plan must not taint.
        work.set("TERRAFORM_PLUGIN_STRICT", "0");
        (self.scenario.write)(&work)?;
        work.init()?.succeeded()?;
        Ok((sim, work))
    }

    /// A file that gives the resources of a kind, or all of them, little time.
    fn hurry(&self, kind: &str, time: &str) -> String {
        let mut text = String::new();
        for (of, name) in self.resources.iter().filter(|(of, _)| kind == point::READS || of == kind) {
            let operations = self.timeouts[of].as_array().into_iter().flatten().filter_map(Value::as_str);
            let set: Vec<String> = operations.map(|operation| format!("{operation} = \"{time}\"")).collect();
            text += &format!("resource \"{of}\" \"{name}\" {{\n  timeouts = {{ {} }}\n}}\n", set.join(", "));
        }
        text
    }
}

/// The cluster when what it does by itself has come to an end.
fn at_rest(sim: &Sim) -> anyhow::Result<Value> {
    sim.advance(900)?;
    sim.state()
}

/// For each type of resource the names within its `timeouts`.
fn timeouts(schemas: &Value) -> Value {
    let mut found = serde_json::Map::new();
    for provider in schemas["provider_schemas"].as_object().into_iter().flat_map(|all| all.values()) {
        for (kind, schema) in provider["resource_schemas"].as_object().into_iter().flatten() {
            let nested = schema["block"]["attributes"]["timeouts"]["nested_type"]["attributes"].as_object();
            found.insert(kind.clone(), nested.into_iter().flat_map(|all| all.keys().cloned()).collect());
        }
    }
    Value::Object(found)
}
