//! `cargo xtask crash-matrix`: every scenario, disturbed at each of its requests in every way, repeated until it is what an
//! undisturbed run makes. The tests draw a few of these cells by lot; this tries all of them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, available_parallelism};
use std::time::Instant;

use acceptance_tests::matrix::{Cell, Converged, Matrix, Phase, SCENARIOS};
use anyhow::{Context as _, Result};

use crate::in_process::InProcess;
use crate::table::{Options, Row};

/// What to try, and what to write.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    in_process: InProcess,
    /// Only cells whose name contains this, such as `ctrl-c`, `pve_ceph_osd` or `post /storage`
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Only the scenario of this name
    #[arg(long, value_name = "NAME")]
    scenario: Option<String>,
    /// Of the cells at requests that read, only every N-th
    #[arg(long, value_name = "N", default_value_t = 1)]
    every_read: usize,
    /// Each cell so many times: what fails depends on time now and then
    #[arg(long, value_name = "N", default_value_t = 1)]
    repeat: usize,
    /// How many at a time; a cell mostly waits
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
}

/// Tries every cell; `false` if one failed.
pub(crate) fn run(args: &Args) -> Result<bool> {
    if args.in_process.in_process {
        let only = args.only.clone().unwrap_or_default();
        let variables = [("MATRIX", "whole".to_owned()), ("MATRIX_ONLY", only)];
        return args.in_process.run("matrix", args.options.optimized, &variables);
    }
    let begun = Instant::now();
    let (terraform, provider) = args.options.prepare()?;
    let jobs = args.jobs.unwrap_or_else(|| 4 * available_parallelism().map_or(1, usize::from));
    let mut rows: Vec<Row> = Vec::new();
    for scenario in SCENARIOS.iter().filter(|s| args.scenario.as_ref().is_none_or(|name| name == s.name)) {
        let matrix = Matrix::begin(terraform, provider.clone(), *scenario).context(scenario.name)?;
        for phase in [Phase::Apply, Phase::Destroy] {
            let cells = chosen(matrix.cells(phase), args);
            println!("==> {}: {phase:?}, {} cells", scenario.name, cells.len());
            rows.extend(try_all(&matrix, &cells, jobs));
        }
    }
    println!("It took {} s.", begun.elapsed().as_secs());
    args.options.conclude(rows)
}

fn chosen(cells: Vec<Cell>, args: &Args) -> Vec<Cell> {
    let only = args.only.as_ref().map(|only| only.to_lowercase());
    let wanted = |cell: &Cell| {
        let named = format!("{cell} {}", cell.kind()).to_lowercase();
        only.as_ref().is_none_or(|only| named.contains(only))
            && (cell.point.call.is_some() || cell.point.nth.is_multiple_of(args.every_read.max(1)))
    };
    let cells: Vec<Cell> = cells.into_iter().filter(wanted).collect();
    vec![cells; args.repeat].concat()
}

/// After so many cells it is told how far it is.
const TELL: usize = 50;

/// Tries the cells, `jobs` at a time: each has a cluster of its own and spends most of its time waiting. Every failure is
/// told as it comes.
fn try_all(matrix: &Matrix, cells: &[Cell], jobs: usize) -> Vec<Row> {
    let next = AtomicUsize::new(0);
    let rows: Mutex<BTreeMap<String, Row>> = Mutex::new(BTreeMap::new());
    let go = || {
        while let Some(cell) = cells.get(next.fetch_add(1, Ordering::Relaxed)) {
            let end = matrix.run(cell);
            if let Err(error) = &end {
                println!("    FAILED {cell}: {error:#}");
            }
            if let Ok(Converged { uncounted: Some(why), .. }) = &end {
                println!("    not counted, since {why}: {cell}");
                continue;
            }
            let mut rows = rows.lock().unwrap_or_else(PoisonError::into_inner);
            let kind = format!("{}: {}", matrix.name(), cell.kind());
            rows.entry(kind.clone()).or_insert_with(|| Row::new(kind)).count(end.map(|converged| converged.imported));
            let done: usize = rows.values().map(|row| row.tried).sum();
            if done.is_multiple_of(TELL) {
                println!("    {done} of {}", cells.len());
            }
        }
    };
    thread::scope(|scope| (0..jobs.max(1)).for_each(|_| drop(scope.spawn(go))));
    rows.into_inner().unwrap_or_else(PoisonError::into_inner).into_values().collect()
}
