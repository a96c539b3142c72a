//! `cargo xtask crash-matrix`: every scenario, disturbed at each of its requests in every way, repeated until it is what an
//! undisturbed run makes. The tests draw a few of these cells by lot; this tries all of them.

use std::fs;
use std::path::PathBuf;
use std::thread::available_parallelism;
use std::time::Instant;

use acceptance_tests::matrix::{Cell, Matrix, Phase, Row, SCENARIOS, try_all};
use acceptance_tests::{Program, Terraform, optimize};
use anyhow::{Context as _, Result};

/// What to try, and what to write.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Builds provider and simulator with optimisation first: some minutes, and less than half the time for each run
    #[arg(long)]
    optimized: bool,
    /// Writes the table to this file as well
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Only cells whose name contains this, such as `ctrl-c`, `pve_ceph_osd` or `post /storage`
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Only the scenario of this name
    #[arg(long, value_name = "NAME")]
    scenario: Option<String>,
    /// Of the cells at requests that read, only every N-th
    #[arg(long, value_name = "N", default_value_t = 1)]
    every_read: usize,
    /// How many at a time; a cell mostly waits
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
}

/// Tries every cell; `false` if one failed.
pub(crate) fn run(args: &Args) -> Result<bool> {
    if args.optimized {
        optimize();
    }
    let begun = Instant::now();
    let terraform = Terraform::find()?;
    let jobs = args.jobs.unwrap_or_else(|| 4 * available_parallelism().map_or(1, usize::from));
    let mut rows: Vec<Row> = Vec::new();
    for scenario in SCENARIOS.iter().filter(|s| args.scenario.as_ref().is_none_or(|name| name == s.name)) {
        let matrix = Matrix::begin(terraform, Program::provider()?, *scenario).context(scenario.name)?;
        for phase in [Phase::Apply, Phase::Destroy] {
            let cells = chosen(matrix.cells(phase), args);
            println!("==> {}: {phase:?}, {} cells", scenario.name, cells.len());
            rows.extend(try_all(&matrix, &cells, jobs, &|told| println!("    {told}")));
        }
    }
    println!("{:<92} {:>6} {:>10} {:>9} {:>7}", "", "tried", "converged", "imported", "failed");
    for row in &rows {
        println!("{:<92} {:>6} {:>10} {:>9} {:>7}", row.kind, row.tried, row.converged, row.imported, row.failed);
    }
    let sum = |of: fn(&Row) -> usize| rows.iter().map(of).sum::<usize>();
    let (tried, failed) = (sum(|row| row.tried), sum(|row| row.failed));
    let (converged, imported) = (sum(|row| row.converged), sum(|row| row.imported));
    println!("{:<92} {tried:>6} {converged:>10} {imported:>9} {failed:>7}", "all");
    println!("It took {} s.", begun.elapsed().as_secs());
    if let Some(file) = &args.json {
        let table = serde_json::json!({ "rows": rows });
        fs::write(file, serde_json::to_string_pretty(&table)?).with_context(|| file.display().to_string())?;
    }
    Ok(failed == 0 && tried > 0)
}

fn chosen(cells: Vec<Cell>, args: &Args) -> Vec<Cell> {
    let only = args.only.as_ref().map(|only| only.to_lowercase());
    let wanted = |cell: &Cell| {
        let named = format!("{cell} {}", cell.kind()).to_lowercase();
        only.as_ref().is_none_or(|only| named.contains(only))
            && (cell.point.call.is_some() || cell.point.nth.is_multiple_of(args.every_read.max(1)))
    };
    cells.into_iter().filter(wanted).collect()
}
