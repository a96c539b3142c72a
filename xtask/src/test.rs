//! `cargo xtask test`: everything that continuous integration checks.
//!
//! All steps run even when an early one fails, so that one run tells everything; the tests come last because they take
//! longest and because whoever reads a log looks for their result at its end.

mod deny;
mod mutants;
mod runner;

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::cargo::{cargo, target};

pub(crate) use runner::failed_test;

/// Arguments of `cargo xtask test`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only the steps with these names
    #[arg(long = "only", value_name = "STEP")]
    only: Vec<String>,
}

/// One thing that is checked.
struct Step {
    name: &'static str,
    /// What the step finds out, as said before it runs.
    checks: &'static str,
    /// It makes no sense where this step has failed.
    after: Option<&'static str>,
    run: fn() -> Result<Outcome>,
}

/// How a step ended.
enum Outcome {
    /// All is well; the text says how much was checked, where that is a number worth reading.
    Passed(String),
    /// What failed, each by name and, in more lines, with what it said.
    Failed(Vec<String>),
}

const STEPS: &[Step] = &[
    Step { name: "fmt", checks: "the code is formatted", after: None, run: fmt },
    Step { name: "clippy", checks: "no warnings", after: None, run: clippy },
    Step {
        name: "deny",
        checks: "licences, bans, double versions and known holes of what is depended on",
        after: None,
        run: deny::run,
    },
    Step { name: "build", checks: "all of it builds, the tests too", after: None, run: build },
    Step { name: "docs", checks: "the pages in docs/ are what the models say", after: Some("build"), run: docs },
    Step { name: "golden", checks: "the simulator answers what PVE was recorded to answer", after: None, run: golden },
    Step { name: "test", checks: "unit, documentation and acceptance tests", after: Some("build"), run: runner::run },
    Step {
        name: "mutants",
        checks: "faults in the lines of the change are noticed",
        after: Some("test"),
        run: mutants::run,
    },
];

/// Runs the steps; `false` if one failed.
pub(crate) fn run(args: &Args) -> Result<bool> {
    let unknown: Vec<&str> =
        args.only.iter().map(String::as_str).filter(|name| STEPS.iter().all(|step| step.name != *name)).collect();
    if !unknown.is_empty() {
        let known: Vec<&str> = STEPS.iter().map(|step| step.name).collect();
        anyhow::bail!("no step is called {}; there are {}", unknown.join(", "), known.join(", "));
    }
    let steps: Vec<&Step> =
        STEPS.iter().filter(|step| args.only.is_empty() || args.only.iter().any(|name| name == step.name)).collect();

    let mut results = Vec::new();
    for (position, step) in steps.iter().enumerate() {
        println!("==> {}/{} {}: {}", position + 1, steps.len(), step.name, step.checks);
        let begun = Instant::now();
        let outcome = match step.after.filter(|before| has_failed(&results, before)) {
            Some(before) => Outcome::Passed(format!("SKIPPED: {before} failed")),
            // A step that could not even run is a failure of that step; the others still have something to tell.
            None => (step.run)().unwrap_or_else(|error| Outcome::Failed(vec![format!("could not run: {error:#}")])),
        };
        results.push((step.name, outcome, begun.elapsed()));
    }
    Ok(summary(&results))
}

fn has_failed(results: &[(&str, Outcome, Duration)], name: &str) -> bool {
    results.iter().any(|(step, outcome, _)| *step == name && matches!(outcome, Outcome::Failed(_)))
}

/// Prints one line a step and what failed; `true` if nothing did.
fn summary(results: &[(&str, Outcome, Duration)]) -> bool {
    println!("==> summary");
    let mut all_passed = true;
    for (name, outcome, took) in results {
        let seconds = took.as_secs();
        match outcome {
            Outcome::Passed(detail) if detail.is_empty() => println!("    {name}: passed in {seconds} s"),
            Outcome::Passed(detail) => println!("    {name}: passed in {seconds} s, {detail}"),
            Outcome::Failed(names) => {
                all_passed = false;
                println!("    {name}: FAILED in {seconds} s");
                for failed in names {
                    println!("        {}", failed.replace('\n', "\n        "));
                }
            }
        }
    }
    all_passed
}

fn fmt() -> Result<Outcome> {
    passes(&["fmt", "--all", "--check"], "run `cargo fmt --all`")
}

fn clippy() -> Result<Outcome> {
    passes(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"], "see clippy's output above")
}

/// One build for everything that follows: the provider, the tests, and the programs that they start. Building a part alone
/// chooses fewer features of what it stands on, and builds all of that once more.
fn built() -> Result<bool> {
    let status = cargo(&["build", "--workspace", "--all-targets"]).status();
    Ok(status.context("starting cargo build")?.success())
}

fn build() -> Result<Outcome> {
    Ok(match built()? {
        true => Outcome::Passed(String::new()),
        false => Outcome::Failed(vec!["see cargo's output above".to_owned()]),
    })
}

fn docs() -> Result<Outcome> {
    if !built()? {
        return Ok(Outcome::Failed(vec!["the workspace does not build, see above".to_owned()]));
    }
    let provider = target().join("debug/terraform-provider-pve");
    Ok(match crate::docs::check(Command::new(provider))? {
        true => Outcome::Passed(String::new()),
        false => Outcome::Failed(vec!["run `cargo xtask docs`".to_owned()]),
    })
}

fn golden() -> Result<Outcome> {
    let summary = crate::golden::run(&crate::golden::Args::default())?;
    Ok(match summary.below.is_empty() {
        true => Outcome::Passed(format!("{}/{} calls match", summary.matched, summary.total)),
        false => Outcome::Failed(summary.below),
    })
}

/// A step that is one call of cargo which shows by its exit code whether all is well.
fn passes(args: &[&str], cure: &str) -> Result<Outcome> {
    let status = cargo(args).status().with_context(|| format!("starting cargo {}", args[0]))?;
    Ok(if status.success() { Outcome::Passed(String::new()) } else { Outcome::Failed(vec![cure.to_owned()]) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_failed_step_fails_the_whole() {
        let took = Duration::from_secs(1);
        assert!(summary(&[("fmt", Outcome::Passed(String::new()), took)]));
        assert!(!summary(&[
            ("fmt", Outcome::Passed(String::new()), took),
            ("test", Outcome::Failed(vec!["a::b".into()]), took),
        ]));
    }

    #[test]
    fn what_follows_from_a_failure_is_not_run() {
        let took = Duration::from_secs(1);
        let results =
            [("build", Outcome::Failed(vec!["x".into()]), took), ("fmt", Outcome::Passed(String::new()), took)];
        assert!(has_failed(&results, "build") && !has_failed(&results, "fmt") && !has_failed(&results, "test"));
        for (position, step) in STEPS.iter().enumerate() {
            let before = step.after.is_none_or(|name| STEPS[..position].iter().any(|step| step.name == name));
            assert!(before, "{} follows a step that comes later", step.name);
        }
    }

    #[test]
    fn a_misspelt_step_is_refused_before_anything_runs() {
        let error = run(&Args { only: vec!["tset".into()] }).expect_err("no such step");
        assert!(error.to_string().contains("no step is called tset"), "{error}");
    }
}
