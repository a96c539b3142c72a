//! Tests that cannot run here say so, loudly.

use std::io::Write as _;

/// What was found, or a word on stderr (past the test harness, which would swallow it) that the test is skipped.
///
/// # Panics
/// With `ACCEPTANCE_MUST_NOT_SKIP=1` in the environment, a skip is a failure.
pub fn or_skip<T>(found: anyhow::Result<T>) -> Option<T> {
    let why = match found {
        Ok(found) => return Some(found),
        Err(why) => why,
    };
    if std::env::var("ACCEPTANCE_MUST_NOT_SKIP").is_ok_and(|value| value == "1") {
        panic!("must not be skipped: {why:#}");
    }
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    let _ = writeln!(std::io::stderr(), "SKIPPED {test}: {why:#}");
    None
}
