//! `cargo xtask mutants`: do the tests bite? Faults made on purpose, one at a time in a copy of the sources, each with the
//! name of the test that notices it.
//!
//! A test counts only if it passes without any fault; so all of them are run that way first.

mod copy;
mod list;
mod trial;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;

use copy::Copy;
use list::Mutant;
use trial::{End, Trial};

/// How many may go unnoticed.
const UNNOTICED: usize = 2;

/// Which faults to try, and what to write.
#[derive(clap::Args)]
pub(crate) struct Args {
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
pub(crate) fn run(args: &Args) -> Result<bool> {
    let mutants = chosen(list::all()?, &args.only)?;
    let copy = Copy::make()?;
    let trials: BTreeSet<Trial> =
        mutants.iter().map(Mutant::trials).collect::<Result<Vec<_>>>()?.concat().into_iter().collect();
    println!("==> {} tests without any fault", trials.len());
    for trial in &trials {
        println!("    {trial}");
        match trial.run(&copy)? {
            End::Passed => {}
            other => anyhow::bail!("without any fault `{trial}` should pass: {}", other.told()),
        }
    }
    let mut rows = Vec::new();
    for mutant in &mutants {
        let row = try_one(&copy, mutant)?;
        println!("{}", row.told());
        rows.push(row);
        write(args, &rows)?;
    }
    let noticed = rows.iter().filter(|row| !row.noticed_by.is_empty()).count();
    let broken = rows.iter().filter(|row| row.error.is_some()).count();
    println!("==> {noticed} of {} noticed", rows.len());
    Ok(broken == 0 && noticed + UNNOTICED >= rows.len())
}

fn chosen(all: Vec<Mutant>, only: &[String]) -> Result<Vec<Mutant>> {
    let unknown = only.iter().find(|name| all.iter().all(|mutant| mutant.name != **name));
    ensure!(unknown.is_none(), "no fault is called {}", unknown.map_or("", String::as_str));
    Ok(all.into_iter().filter(|mutant| only.is_empty() || only.contains(&mutant.name)).collect())
}

/// Makes the fault, runs tests until one notices it, and takes it back.
fn try_one(copy: &Copy, mutant: &Mutant) -> Result<Row> {
    let mut row = Row {
        name: mutant.name.clone(),
        wrong: mutant.wrong.clone(),
        file: mutant.file.clone(),
        noticed_by: Vec::new(),
        error: None,
    };
    let before = copy.read(&mutant.file)?;
    copy.write(&mutant.file, &mutant.applied_to(&before)?)?;
    for trial in mutant.trials()? {
        match trial.run(copy)? {
            End::Passed => {}
            End::Failed(tests) => row.noticed_by = tests,
            End::DoesNotBuild => row.error = Some(format!("does not build: {trial}")),
        }
        if !row.noticed_by.is_empty() || row.error.is_some() {
            break;
        }
    }
    copy.write(&mutant.file, &before)?;
    Ok(row)
}

fn write(args: &Args, rows: &[Row]) -> Result<()> {
    let Some(file) = &args.json else { return Ok(()) };
    let table = serde_json::json!({ "rows": rows });
    fs::write(file, serde_json::to_string_pretty(&table)?).with_context(|| file.display().to_string())
}

impl Row {
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
