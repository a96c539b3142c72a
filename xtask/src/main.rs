//! The project's own commands: `cargo xtask COMMAND`, one file each.
//!
//! Everything here is for people who work on the project and for its continuous integration; nothing of it is part of
//! the provider.

// A command-line program talks through stdout.
#![allow(clippy::print_stdout)]

mod bench;
mod cargo;
mod crash_matrix;
mod demo;
mod dist;
mod docs;
mod fault_matrix;
mod fuzz;
mod golden;
mod in_process;
mod install;
mod mutants;
mod package;
mod table;
mod test;
mod walk;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// The project's own commands.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Disturbs the scenarios at every request in every way, and applies them again
    CrashMatrix(crash_matrix::Args),
    /// Tries every fault at every kind of operation, in every configuration
    FaultMatrix(fault_matrix::Args),
    /// Measures start-up, memory and plans of the release build, each figure beside its goal
    Bench(bench::Args),
    /// The whole road with a real Terraform against a simulated cluster, told step by step
    Demo(demo::Args),
    /// Makes what a registry serves: a zip a platform, its checksums, the manifest
    Dist(dist::Args),
    /// Writes `docs/` from the provider's schemas and the examples
    Docs(docs::Args),
    /// Every fuzz target for ten minutes, or as long as told
    Fuzz(fuzz::Args),
    /// Replays the recordings of real PVE against the simulator and counts what matches
    Golden(golden::Args),
    /// Builds the provider and puts it where `terraform init` and `tofu init` find it
    Install(install::Args),
    /// Makes faults on purpose, one at a time in a copy, and tells which test notices each
    Mutants(mutants::Args),
    /// Everything that continuous integration checks; ends with the names of what failed
    Test(test::Args),
    /// Random walks over configurations: edited, applied, imported, edited again
    Walk(walk::Args),
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("Error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs one command; `false` means that it ran and found something wrong, and has said what.
fn run(command: Command) -> Result<bool> {
    match command {
        Command::Bench(args) => bench::run(&args),
        Command::CrashMatrix(args) => crash_matrix::run(&args),
        Command::Demo(args) => demo::run(&args),
        Command::Dist(args) => dist::run(&args),
        Command::Docs(args) => docs::run(&args),
        Command::FaultMatrix(args) => fault_matrix::run(&args),
        Command::Fuzz(args) => fuzz::run(&args),
        Command::Golden(args) => golden::run(&args).map(|summary| summary.below.is_empty()),
        Command::Install(args) => install::run(&args),
        Command::Mutants(args) => mutants::run(&args),
        Command::Test(args) => test::run(&args),
        Command::Walk(args) => walk::run(&args),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::*;

    /// The project's pages that tell of commands: those in the root, beside each crate and below `docs/`.
    fn pages(folder: &Path, found: &mut Vec<PathBuf>) {
        let skipped = ["target", "truth", "src", "tests", "examples", ".git"];
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if path.is_dir() && !skipped.contains(&name) {
                pages(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }

    #[test]
    fn every_command_in_the_pages_is_one() {
        let mut found = Vec::new();
        pages(&cargo::workspace_root(), &mut found);
        let (mut read, mut wrong) = (0, Vec::new());
        for page in found {
            let text = fs::read_to_string(&page).unwrap();
            // Lines of a block, and what stands in backticks; up to a comment or what is only hinted at.
            let quoted = text.split('`').skip(1).step_by(2).filter(|quoted| !quoted.contains('\n'));
            for command in text.lines().chain(quoted).filter(|line| line.starts_with("cargo xtask ")) {
                let words: Vec<&str> =
                    command.split_whitespace().skip(1).take_while(|word| !word.starts_with('#')).collect();
                if words.iter().any(|word| word.contains(['[', '$', '>', '|']) || *word == "COMMAND" || *word == "...")
                {
                    continue;
                }
                read += 1;
                if let Err(error) = Cli::try_parse_from(words)
                    && error.kind() != clap::error::ErrorKind::DisplayHelp
                    // `--area AREA`: whoever reads puts a value there.
                    && error.kind() != clap::error::ErrorKind::InvalidValue
                {
                    wrong.push(format!("{}: {command}: {error}", page.display()));
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        assert!(read > 30, "only {read} commands were found");
    }
}
