//! `cargo xtask crash-matrix`: every scenario, disturbed at each of its requests in every way, applied again until it is
//! what an undisturbed run makes. The tests draw a few of these cells by lot; this tries all of them.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use acceptance_tests::matrix::{Matrix, SCENARIOS};
use acceptance_tests::{Program, Terraform};
use anyhow::{Context as _, Result};
use serde::Serialize;

/// What to write.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Writes the table to this file as well
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// A line of the table.
#[derive(Default, Serialize)]
struct Row {
    kind: String,
    tried: usize,
    /// Came to what an undisturbed run makes by applying again.
    converged: usize,
    /// Likewise, after taking up an `import` block that an error had printed.
    imported: usize,
    failed: usize,
}

/// Tries every cell; `false` if one failed.
pub(crate) fn run(args: &Args) -> Result<bool> {
    let terraform = Terraform::find()?;
    let mut rows: BTreeMap<String, Row> = BTreeMap::new();
    for scenario in SCENARIOS {
        let matrix = Matrix::begin(terraform, Program::provider()?, *scenario).context(scenario.name)?;
        println!("==> {}: {} requests that write", scenario.name, matrix.points.len());
        for cell in matrix.cells() {
            let kind = format!("{}: {:?}", scenario.name, cell.mishap);
            let row = rows.entry(kind.clone()).or_insert_with(|| Row { kind, ..Row::default() });
            row.tried += 1;
            match matrix.run(&cell) {
                Ok(converged) if converged.imported == 0 => row.converged += 1,
                Ok(_) => row.imported += 1,
                Err(error) => {
                    row.failed += 1;
                    println!("    FAILED {cell}: {error:#}");
                }
            }
        }
    }
    println!("{:<60} {:>6} {:>10} {:>9} {:>7}", "", "tried", "converged", "imported", "failed");
    for row in rows.values() {
        println!("{:<60} {:>6} {:>10} {:>9} {:>7}", row.kind, row.tried, row.converged, row.imported, row.failed);
    }
    let failed: usize = rows.values().map(|row| row.failed).sum();
    if let Some(file) = &args.json {
        let table = serde_json::json!({ "rows": rows.into_values().collect::<Vec<_>>() });
        fs::write(file, serde_json::to_string_pretty(&table)?).with_context(|| file.display().to_string())?;
    }
    Ok(failed == 0)
}
