//! A few steps at random, other ones every day: one configuration after the other, at every parallelism, by two at once.
//! Further walks, without Terraform, are in the provider's own tests (`src/in_process/walks.rs`).

use acceptance_tests::lots::{number, seed};
use acceptance_tests::walk::{Walk, aliases_of_one_run, at_every_parallelism, two_runs_at_once};
use acceptance_tests::{Program, Terraform, or_skip};

/// Steps of the walk, unless `WALK_STEPS` says otherwise.
const STEPS: u64 = 2;

#[test]
fn whatever_is_edited_is_applied_imported_and_applied_again() -> anyhow::Result<()> {
    let Some(terraform) = or_skip(Terraform::find()) else { return Ok(()) };
    let mut walk = Walk::begin(terraform, &Program::provider()?, seed("WALK_SEED"))?;
    for _ in 0..number("WALK_STEPS").unwrap_or(STEPS) {
        walk.step()?;
    }
    Ok(())
}

#[test]
fn the_same_edits_end_in_the_same_cluster_at_every_parallelism() -> anyhow::Result<()> {
    let Some(terraform) = or_skip(Terraform::find()) else { return Ok(()) };
    at_every_parallelism(terraform, &Program::provider()?, seed("WALK_SEED"), 1, 24)
}

#[test]
fn two_aliases_get_along() -> anyhow::Result<()> {
    let Some(terraform) = or_skip(Terraform::find()) else { return Ok(()) };
    aliases_of_one_run(terraform, &Program::provider()?, seed("WALK_SEED"), 1, 16)
}

#[test]
fn two_runs_at_once_get_along() -> anyhow::Result<()> {
    let Some(terraform) = or_skip(Terraform::find()) else { return Ok(()) };
    two_runs_at_once(terraform, &Program::provider()?, seed("WALK_SEED"), 1, 16)
}
