//! What becomes of a configuration when its apply is disturbed at one of its requests: every request that writes, times
//! everything that can happen there.
//!
//! A run without disturbance tells the requests and the state that every other run has to come to.

mod cell;

use std::collections::BTreeMap;

use anyhow::ensure;
use serde_json::Value;

use crate::{Program, Seen, Sim, Terraform, Workspace};

pub use cell::{Cell, Converged};

const HEAD: &str =
    "terraform {\n  required_providers {\n    pve = { source = \"homelab/pve\" }\n  }\n}\n\nprovider \"pve\" {}\n";

/// A configuration and the cluster that it is applied to.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// What it is called in reports.
    pub name: &'static str,
    /// Options of `pve-sim serve`.
    pub cluster: &'static [&'static str],
    /// The configuration, without its provider.
    pub text: &'static str,
}

/// What is disturbed.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "pool, storage, machine, HA",
        cluster: &["--ceph", "ready"],
        text: include_str!("../../../examples/resources/pve_ha_resource/resource.tf"),
    },
    Scenario {
        name: "OSD",
        cluster: &["--ceph", "monitors"],
        text: "resource \"pve_ceph_osd\" \"one\" {\n  node   = \"pve1\"\n  device = { serial = \"SIM0101\" }\n}\n",
    },
    Scenario {
        name: "CRUSH rule",
        cluster: &["--ceph", "ready"],
        text: include_str!("../../../examples/resources/pve_ceph_crush_rule/resource.tf"),
    },
    Scenario {
        name: "resource pool",
        cluster: &[],
        text: include_str!("../../../examples/resources/pve_pool/resource.tf"),
    },
];

/// A request that writes: the `nth` of those with this verb and path, counted from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Point {
    /// Verb.
    pub method: String,
    /// Below `/api2/json`.
    pub path: String,
    /// Which of several that look the same.
    pub nth: usize,
}

/// What happens at a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mishap {
    /// The connection breaks before PVE has heard of it.
    LostBefore,
    /// The connection breaks when PVE has done it.
    LostAfter,
    /// The provider dies before PVE has heard of it.
    KilledBefore,
    /// The provider dies when PVE has done it.
    KilledAfter,
    /// Ctrl-C while it is on its way.
    Interrupted,
}

impl Mishap {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::LostBefore, Self::LostAfter, Self::KilledBefore, Self::KilledAfter, Self::Interrupted];
}

/// A scenario with what an undisturbed apply of it does.
#[derive(Debug)]
pub struct Matrix {
    scenario: Scenario,
    terraform: &'static Terraform,
    provider: Program,
    /// The requests that write, in order.
    pub points: Vec<Point>,
    /// The cluster afterwards.
    state: Value,
}

impl Matrix {
    /// Applies the scenario undisturbed.
    pub fn begin(terraform: &'static Terraform, provider: Program, scenario: Scenario) -> anyhow::Result<Self> {
        let mut matrix = Self { scenario, terraform, provider, points: Vec::new(), state: Value::Null };
        let (sim, work) = matrix.bench()?;
        work.apply()?.succeeded()?;
        matrix.points = points(&sim.mutations()?);
        ensure!(!matrix.points.is_empty(), "{}: nothing is written", scenario.name);
        ensure!(work.plan()?.is_empty(), "{}: an undisturbed apply does not converge", scenario.name);
        matrix.state = sim.state()?;
        Ok(matrix)
    }

    /// Everything that can happen at every request.
    pub fn cells(&self) -> Vec<Cell> {
        let at = |point: &Point| Mishap::ALL.map(|mishap| Cell { point: point.clone(), mishap });
        self.points.iter().flat_map(at).collect()
    }

    /// A new cluster, and a workspace in which `terraform init` was run.
    fn bench(&self) -> anyhow::Result<(Sim, Workspace)> {
        let sim = Sim::start(self.scenario.cluster)?;
        let mut work = Workspace::new(self.terraform, &self.provider)?;
        work.set_all(sim.environment());
        // Users run release builds, where a result that contradicts the plan must not taint.
        work.set("TERRAFORM_PLUGIN_STRICT", "0");
        work.write("head.tf", HEAD)?;
        work.write("main.tf", self.scenario.text)?;
        work.init()?.succeeded()?;
        Ok((sim, work))
    }
}

fn points(requests: &[Seen]) -> Vec<Point> {
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let of = |seen: &'_ Seen, nth| Point { method: seen.method.clone(), path: seen.path.clone(), nth };
    let mut points = Vec::new();
    for seen in requests {
        let count = counts.entry((&seen.method, &seen.path)).or_default();
        *count += 1;
        points.push(of(seen, *count));
    }
    points
}
