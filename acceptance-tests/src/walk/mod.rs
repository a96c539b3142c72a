//! Random walks: a configuration is edited by lot, applied, looked at, imported into an empty state, and edited again.

mod edit;
mod hcl;
mod picture;
mod together;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use fastrand::Rng;

use crate::import::import_blocks;
use crate::{Output, Program, Sim, Terraform, Workspace};

pub use edit::edit;
pub use picture::{Picture, Terms};
pub use together::{aliases_of_one_run, at_every_parallelism, two_runs_at_once};

/// Simulated seconds pass so much faster than real ones.
const CLOCK: &str = "120";

/// The most edits in a step.
const EDITS: usize = 3;

/// A walk under way: its cluster, its workspace, and what is applied.
#[derive(Debug)]
pub struct Walk {
    seed: u64,
    rng: Rng,
    sim: Sim,
    work: Workspace,
    picture: Picture,
    step: usize,
    edits: Vec<String>,
}

impl Walk {
    /// A new cluster, and a workspace in which nothing is applied yet.
    pub fn begin(terraform: &'static Terraform, provider: &Program, seed: u64) -> anyhow::Result<Self> {
        let picture = Picture::new(Terms::ALONE);
        let sim = cluster(&picture.terms)?;
        let work = workspace(terraform, provider, &sim, &[])?;
        work.write("main.tf", &picture.hcl(None))?;
        let edits = vec!["begin".to_owned()];
        Ok(Self { seed, rng: Rng::with_seed(seed), sim, work, picture, step: 0, edits })
    }

    /// How many edits were made.
    pub fn step(&mut self) -> anyhow::Result<usize> {
        if self.step > 0 {
            let count = self.rng.usize(1..=EDITS);
            (self.picture, self.edits) = edit(&mut self.rng, &self.picture, count);
        }
        let told = || format!("seed {}, step {}:\n  {}", self.seed, self.step, self.edits.join("\n  "));
        let kept = Kept::before(self)?;
        self.carry_out().or_else(|error| {
            let place = kept.keep(self)?;
            Err(error).with_context(|| format!("{}\nkept in {}", told(), place.display()))
        })?;
        self.step += 1;
        Ok(self.edits.len())
    }

    fn carry_out(&self) -> anyhow::Result<()> {
        let Self { sim, work, .. } = self;
        work.write("main.tf", &self.picture.hcl(None))?;
        sim.forget_concurrency()?;
        work.apply()?.succeeded().context("applying the edits")?;
        work.plans_nothing().context("after the apply")?;

        // Everything into an empty state.
        let state = work.state()?;
        fs::remove_file(work.path().join("terraform.tfstate"))?;
        work.write("imports.tf", &import_blocks(&state, |_| None))?;
        sim.forget_requests()?;
        let output = work.apply()?.succeeded().context("importing everything")?;
        ensure!(output.says("0 added,") && output.says("0 destroyed"), "the import made something: {}", output.told());
        let sent = sim.mutations()?;
        ensure!(sent.is_empty(), "the import wrote to PVE: {sent:?}\n{}", output.told());
        fs::remove_file(work.path().join("imports.tf"))?;
        work.plans_nothing().context("after the import")?;

        sim.concurrency()?.must_be_orderly()?;
        let unmodelled = sim.unmodelled()?;
        ensure!(unmodelled.as_array().is_none_or(Vec::is_empty), "not simulated: {unmodelled}");
        Ok(())
    }
}

/// What was there before a step, for whoever wants to know how it went wrong.
struct Kept {
    main: Option<Vec<u8>>,
    state: Option<Vec<u8>>,
}

impl Kept {
    fn before(walk: &Walk) -> anyhow::Result<Self> {
        let file = |name| fs::read(walk.work.path().join(name)).ok();
        Ok(Self { main: file("main.tf"), state: file("terraform.tfstate") })
    }

    /// Both configurations, both states and the cluster, in a folder that stays.
    fn keep(self, walk: &Walk) -> anyhow::Result<PathBuf> {
        let place = crate::target().join(format!("acceptance/walk/seed-{}-step-{}", walk.seed, walk.step));
        fs::create_dir_all(&place)?;
        let put = |name: &str, text: &[u8]| fs::write(place.join(name), text);
        put("before.tf", &self.main.unwrap_or_default())?;
        put("before.tfstate", &self.state.unwrap_or_default())?;
        put("after.tf", walk.picture.hcl(None).as_bytes())?;
        put("after.tfstate", walk.work.state()?.to_string().as_bytes())?;
        put("cluster.json", format!("{:#}", walk.sim.state()?).as_bytes())?;
        put("requests.json", format!("{:#?}", walk.sim.requests()?).as_bytes())?;
        Ok(place)
    }
}

/// A cluster for the terms, in which every disk is free.
fn cluster(terms: &Terms) -> anyhow::Result<Sim> {
    let (nodes, disks) = (terms.nodes.to_string(), terms.disks.end().to_string());
    Sim::start(&["--nodes", &nodes, "--disks", &disks, "--ceph", "monitors", "--clock", CLOCK])
}

/// A workspace for it, in which `terraform init` was run.
fn workspace(
    terraform: &'static Terraform,
    provider: &Program,
    sim: &Sim,
    aliases: &[&str],
) -> anyhow::Result<Workspace> {
    let mut work = Workspace::of(terraform, provider, sim)?;
    // A result that contradicts the plan fails, in programs that were built with optimisation too.
    work.set("TERRAFORM_PLUGIN_STRICT", "1");
    work.write("head.tf", &hcl::head(aliases))?;
    work.init()?.succeeded()?;
    Ok(work)
}

/// `terraform apply` with so many resources at once.
fn apply(work: &Workspace, parallelism: u32) -> anyhow::Result<Output> {
    let parallelism = format!("-parallelism={parallelism}");
    work.run(&["apply", "-no-color", "-input=false", "-auto-approve", &parallelism])?.succeeded()
}
