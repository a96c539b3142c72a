//! The same edits at every parallelism, by several providers, by several runs at once: the cluster is the same in the end.

use anyhow::{Context as _, ensure};
use fastrand::Rng;
use serde_json::Value;

use super::picture::{Picture, Terms};
use super::{apply, cluster, edit, workspace};
use crate::difference::must_be_the_same;
use crate::{Program, Sim, Terraform, Workspace};

/// How many resources Terraform works on at once, if nothing is said.
const USUAL: u32 = 10;

/// A history: the pictures of a walk, one after the other, with what was edited.
fn history(terms: Terms, seed: u64, steps: usize, edits: usize) -> Vec<(Picture, Vec<String>)> {
    let (mut rng, mut picture) = (Rng::with_seed(seed), Picture::new(terms));
    let mut all = vec![(picture.clone(), vec!["begin".to_owned()])];
    for _ in 0..steps {
        let (next, told) = edit(&mut rng, &picture, edits);
        picture = next.clone();
        all.push((next, told));
    }
    all
}

/// Applies the same edits at a parallelism of 1, 10 and 50, each in a cluster of its own, and compares the clusters after
/// every step.
///
/// # Errors
/// An apply failed, left something to be planned, or came to another cluster than the others did.
pub fn at_every_parallelism(
    terraform: &'static Terraform,
    provider: &Program,
    seed: u64,
    steps: usize,
    edits: usize,
) -> anyhow::Result<()> {
    let benches = [1, USUAL, 50].map(|parallelism| {
        let sim = cluster(&Terms::CERTAIN)?;
        let work = workspace(terraform, provider, &sim, &[])?;
        anyhow::Ok((parallelism, sim, work))
    });
    let benches = benches.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
    for (step, (picture, told)) in history(Terms::CERTAIN, seed, steps, edits).iter().enumerate() {
        let mut first: Option<Value> = None;
        for (parallelism, sim, work) in &benches {
            let told = || format!("seed {seed}, step {step}, parallelism {parallelism}:\n  {}", told.join("\n  "));
            work.write("main.tf", &picture.hcl(None))?;
            apply(work, *parallelism).with_context(told)?;
            work.plans_nothing().with_context(told)?;
            sim.concurrency()?.must_be_orderly().with_context(told)?;
            let state = sim.state()?;
            must_be_the_same(first.get_or_insert_with(|| state.clone()), &state).with_context(told)?;
        }
    }
    Ok(())
}

/// Two aliases of the provider, each with objects of its own, in one configuration: the cluster is what two runs one after
/// the other make of it.
///
/// # Errors
/// An apply failed (a lock that was held, for one), left something to be planned, or came to another cluster.
pub fn aliases_of_one_run(
    terraform: &'static Terraform,
    provider: &Program,
    seed: u64,
    steps: usize,
    edits: usize,
) -> anyhow::Result<()> {
    let sim = cluster(&Terms::PAIR[1])?;
    let work = workspace(terraform, provider, &sim, &["a", "b"])?;
    let reference = Apart::begin(terraform, provider)?;
    let [a, b] = pair(seed, steps, edits);
    for (step, (a, b)) in a.iter().zip(&b).enumerate() {
        let told = || format!("two aliases, seed {seed}, step {step}:\n  {}\n  {}", a.1.join("\n  "), b.1.join("\n  "));
        work.write("main.tf", &(a.0.hcl(Some("a")) + &b.0.hcl(Some("b"))))?;
        without_a_lock(apply(&work, 50).with_context(told)?.stdout).with_context(told)?;
        work.plans_nothing().with_context(told)?;
        reference.must_be_the_same([&a.0, &b.0], &sim).with_context(told)?;
    }
    Ok(())
}

/// Two runs of Terraform at the same time, each with objects of its own, on one cluster: it is what the two make of it one
/// after the other.
///
/// # Errors
/// An apply failed (a lock that was held, for one), left something to be planned, or came to another cluster.
pub fn two_runs_at_once(
    terraform: &'static Terraform,
    provider: &Program,
    seed: u64,
    steps: usize,
    edits: usize,
) -> anyhow::Result<()> {
    let sim = cluster(&Terms::PAIR[1])?;
    let works = [workspace(terraform, provider, &sim, &[])?, workspace(terraform, provider, &sim, &[])?];
    let reference = Apart::begin(terraform, provider)?;
    let [a, b] = pair(seed, steps, edits);
    for (step, (a, b)) in a.iter().zip(&b).enumerate() {
        let told = || format!("two runs, seed {seed}, step {step}:\n  {}\n  {}", a.1.join("\n  "), b.1.join("\n  "));
        for (work, picture) in works.iter().zip([&a.0, &b.0]) {
            work.write("main.tf", &picture.hcl(None))?;
        }
        let running = works.each_ref().map(Workspace::start_apply);
        for run in running {
            without_a_lock(run?.wait()?.succeeded().with_context(told)?.stdout).with_context(told)?;
        }
        for work in &works {
            work.plans_nothing().with_context(told)?;
        }
        reference.must_be_the_same([&a.0, &b.0], &sim).with_context(told)?;
    }
    Ok(())
}

/// The histories of two that share a cluster and its locks, and no object.
fn pair(seed: u64, steps: usize, edits: usize) -> [Vec<(Picture, Vec<String>)>; 2] {
    let [a, b] = Terms::PAIR;
    [history(a, seed, steps, edits), history(b, !seed, steps, edits)]
}

/// The same two histories, applied one after the other.
struct Apart {
    sim: Sim,
    works: [Workspace; 2],
}

impl Apart {
    fn begin(terraform: &'static Terraform, provider: &Program) -> anyhow::Result<Self> {
        let sim = cluster(&Terms::PAIR[1])?;
        let work = || workspace(terraform, provider, &sim, &[]);
        Ok(Self { works: [work()?, work()?], sim })
    }

    fn must_be_the_same(&self, pictures: [&Picture; 2], other: &Sim) -> anyhow::Result<()> {
        for (work, picture) in self.works.iter().zip(pictures) {
            work.write("main.tf", &picture.hcl(None))?;
            apply(work, USUAL).context("one after the other")?;
        }
        must_be_the_same(&self.sim.state()?, &other.state()?)
    }
}

/// No warning tells of a lock either.
fn without_a_lock(told: String) -> anyhow::Result<()> {
    ensure!(!told.contains("got timeout") && !told.contains("lock request"), "a lock reached the user: {told}");
    Ok(())
}
