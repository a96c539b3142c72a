//! `cargo xtask mutants`: do the tests bite? Faults made on purpose, one at a time in a copy of the sources.
//!
//! Two kinds. Those of `xtask/mutants.yaml` are written by hand, for what no machine makes: plausible mistakes in what PVE
//! does. All others come from cargo-mutants, thousands of them, tried in samples: what was tried is remembered in
//! `xtask/mutants/`.

mod area;
mod change;
mod copy;
mod judge;
mod list;
mod listed;
mod machine;
mod nearby;
mod record;
mod sample;
mod trial;

use anyhow::Result;
use clap::Subcommand;

pub(crate) use change::Change;
pub(crate) use machine::Machine;

/// Without a command: the faults that are written by hand.
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    listed: listed::Listed,
}

#[derive(Subcommand)]
enum What {
    /// A sample of an area's faults made by cargo-mutants, among those that were never tried; fails under 85 % caught
    Sample(sample::Sample),
    /// Those once more that survived and have no reason yet: after a test was written
    Again(sample::Again),
    /// The faults in the lines of a change; fails if one survives that has no reason
    Diff(Change),
    /// What was tried so far, as the table of docs/reliability.md
    Table,
}

/// Runs the command; `false` if too many survive.
pub(crate) fn run(args: &Args) -> Result<bool> {
    match &args.what {
        None => listed::run(&args.listed),
        Some(What::Sample(args)) => sample::run(args),
        Some(What::Again(args)) => sample::again(args),
        Some(What::Diff(change)) => {
            let tried = change.run(&Machine::find()?)?;
            println!("==> {}", tried.told());
            Ok(tried.survived.is_empty())
        }
        Some(What::Table) => sample::table(),
    }
}
