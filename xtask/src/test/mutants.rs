//! The step that makes faults in the lines of the change, for two minutes, and tells which survive the nearest tests.
//!
//! It comes after the tests, and upon what they were built of: nothing but the faults is built. It never fails: which faults
//! fit into the time hangs on the machine, and where a clone holds little of the past, so does what counts as the change.
//! `cargo xtask mutants diff` is the one that judges.

use anyhow::Result;

use super::Outcome;
use crate::mutants::{Change, Machine};

pub(super) fn run() -> Result<Outcome> {
    // Building it takes minutes: only where nobody waits.
    let machine = if acceptance_tests::must_not_skip() { Machine::find_or_install() } else { Machine::find() };
    let tried = match machine.and_then(|machine| Change::USUAL.at_once(&machine)) {
        Ok(tried) => tried,
        Err(why) => {
            println!("SKIPPED mutants: {why:#}");
            return Ok(Outcome::Passed("SKIPPED, see above".to_owned()));
        }
    };
    for survivor in &tried.survived {
        println!("SURVIVED {survivor}");
    }
    Ok(Outcome::Passed(tried.told()))
}
