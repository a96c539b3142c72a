//! `cargo xtask fault-matrix`: every fault at every kind of operation, in every configuration. The tests draw a few of these
//! cells by lot; this tries all of them.

use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;
use std::thread;

use acceptance_tests::fault_matrix::{Bench, Converged, FAULTS, SCENES, Scene, Undisturbed, cells};
use acceptance_tests::{Program, Terraform, optimize};
use anyhow::{Context as _, Result, anyhow};
use serde::Serialize;

/// What to try, and what to write.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Builds provider and simulator with optimisation first: some minutes, and less than half the time for each run
    #[arg(long)]
    optimized: bool,
    /// Writes the table to this file as well
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Only faults with this in their name
    #[arg(long, value_name = "TEXT")]
    fault: Option<String>,
    /// Only operations with this in their name
    #[arg(long, value_name = "TEXT")]
    operation: Option<String>,
    /// Only configurations with this in their name
    #[arg(long, value_name = "TEXT")]
    scene: Option<String>,
    /// At every request that a fault can strike, not at one for each fault and operation
    #[arg(long)]
    every_request: bool,
}

/// A line of the table.
#[derive(Serialize)]
struct Row {
    kind: &'static str,
    tried: usize,
    /// Came to what an undisturbed run makes, at once or by doing the same again.
    converged: usize,
    /// Likewise, after taking up an `import` block that an error had printed.
    imported: usize,
    failed: usize,
    /// The disturbed run itself succeeded.
    #[serde(skip)]
    at_once: usize,
}

/// Tries every cell; `false` if one failed.
pub(crate) fn run(args: &Args) -> Result<bool> {
    if args.optimized {
        optimize();
    }
    let terraform = Terraform::find()?;
    let provider = Program::provider()?;
    let new = |kind| Row { kind, tried: 0, converged: 0, imported: 0, failed: 0, at_once: 0 };
    let rows = Mutex::new(FAULTS.iter().map(|fault| new(fault.name)).collect::<Vec<_>>());
    let wanted = |text: &Option<String>, name: &str| text.as_ref().is_none_or(|text| name.contains(text.as_str()));
    // The configurations do not touch each other: one waits while another computes.
    thread::scope(|scope| {
        let begin = |scene: &'static Scene| {
            let (rows, provider) = (&rows, &provider);
            scope.spawn(move || try_scene(args, terraform, provider, *scene, rows).context(scene.name))
        };
        let scenes = SCENES.iter().filter(|scene| wanted(&args.scene, scene.name));
        let running: Vec<_> = scenes.map(begin).collect();
        running.into_iter().try_for_each(|one| one.join().map_err(|_| anyhow!("a thread panicked"))?)
    })?;
    let mut rows = rows.into_inner().map_err(|_| anyhow!("a thread panicked"))?;
    rows.retain(|row| row.tried > 0);
    println!(
        "{:<44} {:>6} {:>10} {:>9} {:>7}   succeeded in spite of it",
        "", "tried", "converged", "imported", "failed"
    );
    for Row { kind, tried, converged, imported, failed, at_once } in &rows {
        println!("{kind:<44} {tried:>6} {converged:>10} {imported:>9} {failed:>7}   {at_once}");
    }
    let failed: usize = rows.iter().map(|row| row.failed).sum();
    let tried: usize = rows.iter().map(|row| row.tried).sum();
    println!("{tried} tried, {failed} failed");
    write(args, &rows)?;
    Ok(failed == 0 && tried > 0)
}

/// Writes the table as far as it has come: a run that is broken off is not lost.
fn write(args: &Args, rows: &[Row]) -> Result<()> {
    if let Some(file) = &args.json {
        let rows: Vec<&Row> = rows.iter().filter(|row| row.tried > 0).collect();
        let table = serde_json::json!({ "rows": rows });
        fs::write(file, serde_json::to_string_pretty(&table)?).with_context(|| file.display().to_string())?;
    }
    Ok(())
}

fn try_scene(
    args: &Args,
    terraform: &'static Terraform,
    provider: &Program,
    scene: Scene,
    rows: &Mutex<Vec<Row>>,
) -> Result<()> {
    let undisturbed = Undisturbed::measure(terraform, provider, scene)?;
    let (mut cells, left_out) = cells(&undisturbed, args.every_request);
    let wanted = |text: &Option<String>, name: &str| text.as_ref().is_none_or(|text| name.contains(text.as_str()));
    cells.retain(|cell| wanted(&args.fault, cell.fault.name) && wanted(&args.operation, cell.operation.name()));
    println!("==> {}: {} cells; {left_out} left out, since the operation has no such request", scene.name, cells.len());
    let mut bench: Option<Bench> = None;
    for cell in cells {
        let mut ready = match bench.take() {
            Some(bench) => bench,
            None => Bench::new(terraform, provider, scene)?,
        };
        let outcome = cell.run(&mut ready, &undisturbed);
        let mut rows = rows.lock().map_err(|_| anyhow!("a thread panicked"))?;
        let Some(row) = rows.iter_mut().find(|row| row.kind == cell.fault.name) else { continue };
        row.tried += 1;
        match outcome {
            Ok(Converged { at_once, imported }) => {
                row.at_once += usize::from(at_once);
                row.converged += usize::from(imported == 0);
                row.imported += usize::from(imported > 0);
                bench = Some(ready);
            }
            Err(error) => {
                row.failed += 1;
                println!("    FAILED {}: {cell}: {error:#}", scene.name);
            }
        }
        write(args, &rows)?;
    }
    Ok(())
}
