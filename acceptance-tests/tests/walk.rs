//! A few steps at random, other ones every day: one configuration after the other, at every parallelism, by two at once.

use std::time::{SystemTime, UNIX_EPOCH};

use acceptance_tests::walk::{Walk, aliases_of_one_run, at_every_parallelism, two_runs_at_once};
use acceptance_tests::{Program, Terraform, or_skip};

/// Steps of the walk, unless `WALK_STEPS` says otherwise.
const STEPS: u64 = 8;

/// `WALK_SEED`, or the number of the day; told, so that a failure can be repeated.
fn seed() -> u64 {
    let today = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() / 86_400);
    let seed = number("WALK_SEED").unwrap_or_else(today);
    eprintln!("WALK_SEED={seed} repeats this");
    seed
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

#[test]
fn whatever_is_edited_is_applied_imported_and_applied_again() -> anyhow::Result<()> {
    let Some(terraform) = or_skip(Terraform::find()) else { return Ok(()) };
    let mut walk = Walk::begin(terraform, &Program::provider()?, seed())?;
    for _ in 0..number("WALK_STEPS").unwrap_or(STEPS) {
        walk.step()?;
    }
    Ok(())
}

#[test]
fn the_same_edits_end_in_the_same_cluster_at_every_parallelism() -> anyhow::Result<()> {
    let Some(terraform) = or_skip(Terraform::find()) else { return Ok(()) };
    at_every_parallelism(terraform, &Program::provider()?, seed(), 1, 24)
}

#[test]
fn two_aliases_get_along() -> anyhow::Result<()> {
    let Some(terraform) = or_skip(Terraform::find()) else { return Ok(()) };
    aliases_of_one_run(terraform, &Program::provider()?, seed(), 1, 16)
}

#[test]
fn two_runs_at_once_get_along() -> anyhow::Result<()> {
    let Some(terraform) = or_skip(Terraform::find()) else { return Ok(()) };
    two_runs_at_once(terraform, &Program::provider()?, seed(), 1, 16)
}
