//! The faults of `xtask/mutants.yaml`, each with the name of the test that notices it.
//!
//! A test counts only if it passes without any fault; so each is run that way first.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;

use super::copy::Copy;
use super::list::{self, Mutant};
use super::trial::{End, Trial};

/// How many may go unnoticed.
const UNNOTICED: usize = 2;

/// Which faults to try, and what to write.
#[derive(clap::Args)]
pub(super) struct Listed {
    /// Only the faults with these names
    #[arg(long = "only", value_name = "NAME")]
    only: Vec<String>,
    /// Writes the table to this file as well
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// A line of the table.
#[derive(Serialize)]
struct Row {
    name: String,
    wrong: String,
    file: String,
    /// The tests that failed; none if the fault survived.
    noticed_by: Vec<String>,
    /// What is wrong with the entry itself: it does not build.
    error: Option<String>,
}

/// Tries the faults; `false` if too many survive.
pub(super) fn run(args: &Listed) -> Result<bool> {
    let mutants = chosen(list::all()?, &args.only)?;
    let copy = Copy::make()?;
    let mut rows: Vec<Row> = mutants.iter().map(Row::new).collect();
    let trials = mutants.iter().map(Mutant::trials).collect::<Result<Vec<_>>>()?;
    // In rounds: everybody's quickest tests first, then the next ones for what has survived those.
    for round in 0..trials.iter().map(Vec::len).max().unwrap_or(0) {
        let open = (0..rows.len()).filter(|i| rows[*i].is_open());
        let left: Vec<(usize, &Trial)> = open.filter_map(|i| Some((i, trials[i].get(round)?))).collect();
        passes_without(&copy, left.iter().map(|(_, trial)| *trial).collect())?;
        for (i, trial) in left {
            try_one(&copy, &mutants[i], trial, &mut rows[i])?;
            println!("{}", rows[i].told());
            write(args, &rows)?;
        }
    }
    println!("==> all together");
    rows.iter().for_each(|row| println!("{}", row.told()));
    let noticed = rows.iter().filter(|row| !row.noticed_by.is_empty()).count();
    let broken = rows.iter().filter(|row| row.error.is_some()).count();
    println!("==> {noticed} of {} noticed", rows.len());
    Ok(broken == 0 && noticed + UNNOTICED >= rows.len())
}

/// A test that fails by itself notices nothing.
fn passes_without(copy: &Copy, trials: BTreeSet<&Trial>) -> Result<()> {
    for trial in trials {
        println!("==> without any fault: {trial}");
        let end = trial.run(copy)?;
        ensure!(end == End::Passed, "without any fault `{trial}` should pass: {}", end.told());
    }
    Ok(())
}

fn chosen(all: Vec<Mutant>, only: &[String]) -> Result<Vec<Mutant>> {
    let unknown = only.iter().find(|name| all.iter().all(|mutant| mutant.name != **name));
    ensure!(unknown.is_none(), "no fault is called {}", unknown.map_or("", String::as_str));
    Ok(all.into_iter().filter(|mutant| only.is_empty() || only.contains(&mutant.name)).collect())
}

/// Makes the fault, runs the tests, and takes it back.
fn try_one(copy: &Copy, mutant: &Mutant, trial: &Trial, row: &mut Row) -> Result<()> {
    let before = copy.read(&mutant.file)?;
    copy.write(&mutant.file, &mutant.applied_to(&before)?)?;
    let end = trial.run(copy);
    copy.write(&mutant.file, &before)?;
    match end? {
        End::Passed => {}
        End::Failed(tests) => row.noticed_by = tests,
        End::DoesNotBuild => row.error = Some(format!("does not build: {trial}")),
    }
    Ok(())
}

fn write(args: &Listed, rows: &[Row]) -> Result<()> {
    let Some(file) = &args.json else { return Ok(()) };
    let table = serde_json::json!({ "rows": rows });
    fs::write(file, serde_json::to_string_pretty(&table)?).with_context(|| file.display().to_string())
}

impl Row {
    fn new(mutant: &Mutant) -> Self {
        Self {
            name: mutant.name.clone(),
            wrong: mutant.wrong.clone(),
            file: mutant.file.clone(),
            noticed_by: Vec::new(),
            error: None,
        }
    }

    /// Whether it is neither noticed nor broken.
    fn is_open(&self) -> bool {
        self.noticed_by.is_empty() && self.error.is_none()
    }

    fn told(&self) -> String {
        let by = match (&self.error, &self.noticed_by[..]) {
            (Some(error), _) => error.clone(),
            (None, []) => "SURVIVED".to_owned(),
            (None, [one]) => one.clone(),
            (None, [one, rest @ ..]) => format!("{one} and {} more", rest.len()),
        };
        format!("{:<48} {by}", self.name)
    }
}
