//! `cargo xtask fault-matrix`: every fault at every kind of operation, in every configuration. The tests draw a few of these
//! cells by lot; this tries all of them.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use acceptance_tests::fault_matrix::{Bench, FAULTS, SCENES, Scene, Undisturbed, cells};
use acceptance_tests::{Program, Terraform};
use anyhow::{Context as _, Result, anyhow};

use crate::in_process::InProcess;
use crate::table::{Options, Row};

/// What to try, and what to write.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    in_process: InProcess,
    /// Only faults with this in their name
    #[arg(long, value_name = "TEXT")]
    fault: Option<String>,
    /// Only operations with this in their name
    #[arg(long, value_name = "TEXT")]
    operation: Option<String>,
    /// Only configurations with this in their name
    #[arg(long, value_name = "TEXT")]
    scene: Option<String>,
    /// With `--in-process`: only cells with this in their names, such as `pve_group` or `delete: 596`
    #[arg(long, value_name = "TEXT", requires = "in_process", conflicts_with_all = ["fault", "operation", "scene"])]
    only: Option<String>,
    /// At every request that a fault can strike, not at one for each fault and operation
    #[arg(long)]
    every_request: bool,
}

/// What came of it so far.
struct Tally {
    /// In the order of [`FAULTS`].
    rows: Mutex<Vec<Row>>,
    /// How often the disturbed run itself succeeded.
    at_once: AtomicUsize,
}

/// Tries every cell; `false` if one failed.
pub(crate) fn run(args: &Args) -> Result<bool> {
    if args.in_process.in_process {
        let only = args.only.as_ref().or(args.fault.as_ref()).or(args.operation.as_ref());
        let variables = [("MATRIX", "whole".to_owned()), ("MATRIX_ONLY", only.cloned().unwrap_or_default())];
        return args.in_process.run("faults", args.options.optimized, &variables);
    }
    let (terraform, provider) = args.options.prepare()?;
    let rows = Mutex::new(FAULTS.iter().map(|fault| Row::new(fault.name)).collect::<Vec<_>>());
    let tally = Tally { rows, at_once: AtomicUsize::new(0) };
    // The configurations do not touch each other: one waits while another computes.
    thread::scope(|scope| {
        let begin = |scene: &'static Scene| {
            let (tally, provider) = (&tally, &provider);
            scope.spawn(move || try_scene(args, terraform, provider, *scene, tally).context(scene.name))
        };
        let scenes = SCENES.iter().filter(|scene| wanted(&args.scene, scene.name));
        let running: Vec<_> = scenes.map(begin).collect();
        running.into_iter().try_for_each(|one| one.join().map_err(|_| anyhow!("a thread panicked"))?)
    })?;
    println!("{} succeeded in spite of the fault", tally.at_once.into_inner());
    args.options.conclude(tally.rows.into_inner().map_err(|_| anyhow!("a thread panicked"))?)
}

fn wanted(text: &Option<String>, name: &str) -> bool {
    text.as_ref().is_none_or(|text| name.contains(text.as_str()))
}

fn try_scene(
    args: &Args,
    terraform: &'static Terraform,
    provider: &Program,
    scene: Scene,
    tally: &Tally,
) -> Result<()> {
    let undisturbed = Undisturbed::measure(terraform, provider, scene)?;
    let (mut cells, left_out) = cells(&undisturbed, args.every_request);
    cells.retain(|cell| wanted(&args.fault, cell.fault.name) && wanted(&args.operation, cell.operation.name()));
    println!("==> {}: {} cells; {left_out} left out, since the operation has no such request", scene.name, cells.len());
    let mut bench: Option<Bench> = None;
    for cell in cells {
        let mut ready = match bench.take() {
            Some(bench) => bench,
            None => Bench::new(terraform, provider, scene)?,
        };
        let outcome = cell.run(&mut ready, &undisturbed);
        match &outcome {
            Ok(converged) => {
                tally.at_once.fetch_add(usize::from(converged.at_once), Ordering::Relaxed);
                bench = Some(ready).filter(Bench::is_usable);
            }
            Err(error) => println!("    FAILED {}: {cell}: {error:#}", scene.name),
        }
        let mut rows = tally.rows.lock().map_err(|_| anyhow!("a thread panicked"))?;
        if let Some(row) = rows.iter_mut().find(|row| row.kind == cell.fault.name) {
            row.count(outcome.map(|converged| converged.imported));
        }
        args.options.write(&rows)?;
    }
    Ok(())
}
