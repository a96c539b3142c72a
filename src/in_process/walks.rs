//! Random walks: a configuration is edited by lot, applied, looked at, imported into an empty state, and edited again. The
//! edits are those of the walks with a real Terraform.
//!
//! One walk of a few steps, another one each day (`WALK_SEED` repeats one). `WALKS` and `WALK_STEPS` say how many walks and
//! how many steps of each; the seeds of further ones follow the first.

use std::sync::Arc;
use std::time::Instant;

use acceptance_tests::import_id;
use acceptance_tests::lots::{number, seed};
use acceptance_tests::walk::{Picture, Terms, edit};
use fastrand::Rng;
use pve_sim::shape::{CephStage, NodeShape, Shape, Size};
use serde_json::Value as Json;
use terraform_core::{Action, Config, Diagnostics};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::lives::Bench;

/// Steps of a walk, unless `WALK_STEPS` says otherwise.
const STEPS: u64 = 8;
/// The most edits in a step.
const EDITS: usize = 3;
/// So many walk at a time: a step hardly waits.
const AT_A_TIME: usize = 4;
/// The most requests that one client may have in flight at an endpoint.
const IN_FLIGHT: u64 = 4;

/// A walk under way: its cluster, and what is applied.
struct Walk {
    seed: u64,
    rng: Rng,
    bench: Bench,
    picture: Picture,
    edits: Vec<String>,
}

impl Walk {
    /// A new cluster in which every disk is free, and in which nothing is applied yet.
    async fn begin(seed: u64) -> Self {
        let picture = Picture::new(Terms::ALONE);
        let disks = *picture.terms.disks.end() as usize;
        let nodes = (1..=picture.terms.nodes as usize).map(|n| NodeShape::numbered(n, disks, Size(64 << 30)));
        let mut shape = Shape { nodes: nodes.collect(), ..Shape::default() };
        shape.ceph.stage = CephStage::Monitors;
        Self {
            seed,
            rng: Rng::with_seed(seed),
            bench: Bench::of(shape).await,
            picture,
            edits: vec!["begin".to_owned()],
        }
    }

    /// As many steps as that, and the beginning; how many edits were made.
    async fn go(mut self, steps: u64) -> Result<usize, String> {
        let mut made = 0;
        for step in 0..=steps {
            if step > 0 {
                let count = self.rng.usize(1..=EDITS);
                (self.picture, self.edits) = edit(&mut self.rng, &self.picture, count);
                made += self.edits.len();
            }
            if let Err(why) = self.carry_out().await {
                let (seed, edits, text) = (self.seed, self.edits.join("\n  "), self.picture.hcl(None));
                return Err(format!("seed {seed}, step {step}:\n  {edits}\n{why}\n{text}"));
            }
        }
        Ok(made)
    }

    async fn carry_out(&mut self) -> Result<(), String> {
        let config = Config::from_hcl(&self.picture.hcl(None))?;
        let bench = &mut self.bench;
        bench.sim.world.control("DELETE", "/concurrency", &Json::Null)?;
        bench.core.apply(&config).await.map_err(|said| format!("applying the edits: {said}"))?;
        bench.plans_nothing(&config).await.map_err(|why| format!("after the apply: {why}"))?;

        // Everything into an empty state.
        let kept = std::mem::take(&mut bench.core.state);
        let mut imports = config.clone();
        for (address, one) in kept.instances.iter().filter(|(address, _)| !address.data) {
            let attributes: Json = serde_json::from_str(&one.attributes).map_err(|error| error.to_string())?;
            imports = imports.import(&address.to_string(), Json::from(import_id(&address.ty, &attributes)));
        }
        let written = bench.writes().len();
        let wrong = |said: Diagnostics| format!("importing everything: {said}");
        let plan = bench.core.plan(&imports).await.map_err(wrong)?;
        let more: Vec<_> = plan.actions().into_iter().filter(|(_, action)| *action != Action::Update).collect();
        if !more.is_empty() {
            return Err(format!("the import makes something: {more:?}"));
        }
        bench.core.apply_plan(plan).await.map_err(wrong)?;
        if bench.writes().len() > written {
            return Err(format!("the import wrote to PVE: {:?}", &bench.writes()[written..]));
        }
        bench.plans_nothing(&config).await.map_err(|why| format!("after the import: {why}"))?;
        bench.is_orderly()
    }
}

impl Bench {
    async fn plans_nothing(&self, config: &Config) -> Result<(), String> {
        let plan = self.core.plan(config).await.map_err(|said| said.to_string())?;
        if plan.is_empty() { Ok(()) } else { Err(format!("something is planned: {:?}", plan.actions())) }
    }

    /// Few requests were in flight, no two writes at one lock, and nothing was asked that is not simulated.
    fn is_orderly(&self) -> Result<(), String> {
        let told = self.sim.world.control("GET", "/concurrency", &Json::Null)?;
        let most = told["in_flight"].as_object().into_iter().flatten().filter_map(|(_, most)| most.as_u64()).max();
        let met = told["overlaps"].as_array().is_some_and(|met| !met.is_empty());
        if most > Some(IN_FLIGHT) || met {
            return Err(format!("out of order: {told}"));
        }
        let unmodelled = self.sim.world.control("GET", "/unmodelled", &Json::Null)?;
        match unmodelled.as_array().is_none_or(Vec::is_empty) {
            true => Ok(()),
            false => Err(format!("not simulated: {unmodelled}")),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_edited_is_applied_imported_and_applied_again() {
    let (begun, first) = (Instant::now(), seed("WALK_SEED"));
    let (walks, steps) = (number("WALKS").unwrap_or(1), number("WALK_STEPS").unwrap_or(STEPS));
    let places = Arc::new(Semaphore::new(AT_A_TIME));
    let mut all = JoinSet::new();
    for seed in first..first + walks {
        let places = places.clone();
        all.spawn(async move {
            let _place = places.acquire_owned().await.unwrap();
            let begun = Instant::now();
            let end = Walk::begin(seed).await.go(steps).await;
            match &end {
                Ok(edits) => eprintln!("seed {seed}: {steps} steps, {edits} edits, {} s", begun.elapsed().as_secs()),
                Err(why) => eprintln!("FAILED {why}"),
            }
            end
        });
    }
    let ends = all.join_all().await;
    eprintln!("{walks} walks of {steps} steps: {} s", begun.elapsed().as_secs());
    let failed: Vec<String> = ends.into_iter().filter_map(Result::err).collect();
    assert!(failed.is_empty(), "{} of {walks} failed:\n{}", failed.len(), failed.join("\n"));
}
