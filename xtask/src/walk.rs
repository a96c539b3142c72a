//! `cargo xtask walk`: random walks, and everything else that is about many things at once. The tests make a few steps of
//! each; this goes as far as one likes.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, available_parallelism};
use std::time::{Duration, Instant};

use acceptance_tests::load::Load;
use acceptance_tests::walk::{Walk, aliases_of_one_run, at_every_parallelism, two_runs_at_once};
use acceptance_tests::{Program, Terraform};
use anyhow::{Result, anyhow};

use crate::in_process::InProcess;
use crate::table::{Options, Row};

/// How far to go.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    in_process: InProcess,
    /// How many walks
    #[arg(long, default_value_t = 20)]
    seeds: u64,
    /// Steps of each
    #[arg(long, default_value_t = 200)]
    steps: usize,
    /// The seed of the first; the others follow
    #[arg(long, default_value_t = 1)]
    first_seed: u64,
    /// Begins no further step after so many minutes
    #[arg(long)]
    minutes: Option<u64>,
    /// How many walks at a time; a step mostly waits
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// Instead: the same edits at every parallelism, by two aliases, and by two runs at once
    #[arg(long, conflicts_with = "load")]
    together: bool,
    /// Instead: a large configuration in one apply, with Terraform's usual parallelism and with 50
    #[arg(long)]
    load: bool,
}

/// Walks; `false` if a step failed.
pub(crate) fn run(args: &Args) -> Result<bool> {
    if args.in_process.in_process {
        let variables = [
            ("WALK_SEED", args.first_seed.to_string()),
            ("WALKS", args.seeds.to_string()),
            ("WALK_STEPS", args.steps.to_string()),
        ];
        return args.in_process.run("walks", args.options.optimized, &variables);
    }
    let (terraform, provider) = args.options.prepare()?;
    args.options.conclude(match (args.load, args.together) {
        (true, _) => load(terraform, &provider)?,
        (_, true) => together(args, terraform, &provider),
        _ => walks(args, terraform, &provider)?,
    })
}

/// Counts one more, and tells why if it failed; whether it did not.
fn count(row: &mut Row, result: Result<()>) -> bool {
    if let Err(error) = &result {
        println!("    FAILED {error:#}");
    }
    let went_well = result.is_ok();
    row.count(result.map(|()| 0));
    went_well
}

/// A row a seed; what is tried is a step.
fn walks(args: &Args, terraform: &'static Terraform, provider: &Program) -> Result<Vec<Row>> {
    let begun = Instant::now();
    let over = || args.minutes.is_some_and(|minutes| begun.elapsed() >= Duration::from_secs(60 * minutes));
    let jobs = args.jobs.map_or_else(|| 3 * available_parallelism().map_or(1, usize::from), usize::from);
    let (next, rows) = (AtomicU64::new(args.first_seed), Mutex::new(BTreeMap::new()));
    let end = args.first_seed + args.seeds;
    let go = || loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= end || over() {
            break;
        }
        let row = walk(terraform, provider, seed, args.steps, &over);
        rows.lock().unwrap_or_else(PoisonError::into_inner).insert(seed, row);
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..jobs).map(|_| scope.spawn(go)).collect();
        threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| anyhow!("a walk panicked")))
    })?;
    Ok(rows.into_inner().unwrap_or_else(PoisonError::into_inner).into_values().collect())
}

/// The walk of one seed, as far as it goes.
fn walk(terraform: &'static Terraform, provider: &Program, seed: u64, steps: usize, over: &impl Fn() -> bool) -> Row {
    let mut row = Row::new(format!("seed {seed}"));
    let mut walk = match Walk::begin(terraform, provider, seed) {
        Ok(walk) => walk,
        Err(error) => {
            count(&mut row, Err(error.context("beginning the walk")));
            return row;
        }
    };
    let (began, mut edits) = (Instant::now(), 0);
    for step in 0..=steps {
        let made = walk.step().map(|made| edits += made);
        // A walk that has lost its way cannot go on.
        if !count(&mut row, made) || over() {
            break;
        }
        if step > 0 && step % TELL == 0 {
            println!("seed {seed}: {step} steps");
        }
    }
    println!("seed {seed}: {} steps, {edits} edits, {} s", row.converged, began.elapsed().as_secs());
    row
}

/// After so many steps a walk tells how far it is.
const TELL: usize = 50;

/// A row a kind; what is tried is a whole history.
fn together(args: &Args, terraform: &'static Terraform, provider: &Program) -> Vec<Row> {
    type Check = fn(&'static Terraform, &Program, u64, usize, usize) -> Result<()>;
    let kinds: [(&str, Check); 3] = [
        ("at parallelism 1, 10 and 50", at_every_parallelism),
        ("two aliases in one configuration", aliases_of_one_run),
        ("two runs at once", two_runs_at_once),
    ];
    let mut rows = Vec::new();
    for (kind, check) in kinds {
        let mut row = Row::new(format!("{kind}, {} steps", args.steps));
        for seed in args.first_seed..args.first_seed + args.seeds {
            let began = Instant::now();
            count(&mut row, check(terraform, provider, seed, args.steps, EDITS));
            println!("{kind}: seed {seed}, {} s", began.elapsed().as_secs());
        }
        rows.push(row);
    }
    rows
}

/// The edits of a step where much is to go on at once.
const EDITS: usize = 10;

fn load(terraform: &'static Terraform, provider: &Program) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for parallelism in [10, 50] {
        let mut row = Row::new(format!("{:?} at parallelism {parallelism}", Load::FULL));
        let borne = Load::FULL.bear(terraform, provider, parallelism);
        count(&mut row, borne.map(|borne| {
            let most = borne.concurrency.at_once.values().max();
            println!(
                "parallelism {parallelism}: {} objects, {} requests, {} s; in flight {:?}; {} locks, {most:?} writes at once",
                borne.objects,
                borne.requests,
                borne.took.as_secs(),
                borne.concurrency.in_flight,
                borne.concurrency.at_once.len(),
            );
        }));
        rows.push(row);
    }
    Ok(rows)
}
