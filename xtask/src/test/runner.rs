//! The step that runs every test of the workspace, and reads out of the runner's output which fail and what they say.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use anyhow::{Context, Result};

use super::Outcome;
use crate::cargo::{cargo, target};

/// Runs `cargo test` over the whole workspace, showing its output as it comes.
pub(super) fn run() -> Result<Outcome> {
    if !super::built()? {
        return Ok(Outcome::Failed(vec!["the workspace does not build, see above".to_owned()]));
    }
    let mut child = cargo(&["test", "--workspace", "--no-fail-fast"])
        .env(acceptance_tests::BUILT_IN, target().join("debug"))
        .env(THREADS, threads())
        .stdout(Stdio::piped())
        .spawn()
        .context("starting cargo test")?;
    let output = child.stdout.take().context("cargo test has no output")?;
    let mut tally = Tally::default();
    for line in BufReader::new(output).lines() {
        let line = line.context("reading what cargo test prints")?;
        println!("{line}");
        tally.read(&line);
    }
    let status = child.wait().context("waiting for cargo test")?;
    Ok(tally.outcome(status.success()))
}

/// How many tests run at a time in one program.
const THREADS: &str = "RUST_TEST_THREADS";

/// Twice as many as there are processors, unless somebody has said: most of the time a test waits for its cluster.
fn threads() -> String {
    let twice = || std::thread::available_parallelism().map_or(4, |cores| 2 * cores.get()).to_string();
    std::env::var(THREADS).unwrap_or_else(|_| twice())
}

/// So many lines of what a failed test says are repeated at the end, so many columns of each.
const LINES: usize = 15;
const COLUMNS: usize = 1000;

/// What the lines of the test runner add up to over all test programs.
#[derive(Default)]
struct Tally {
    passed: u64,
    ignored: u64,
    /// Each with what it said when it failed.
    failed: Vec<(String, Vec<String>)>,
    /// Whose words the lines are that come now, as a place in `failed`.
    speaking: Option<usize>,
}

impl Tally {
    fn read(&mut self, line: &str) {
        if let Some(counts) = line.strip_prefix("test result: ") {
            self.passed += count(counts, "passed");
            self.ignored += count(counts, "ignored");
            self.speaking = None;
        } else if let Some(name) = failed_test(line) {
            self.failed.push((name.to_owned(), Vec::new()));
        } else if let Some(name) = speaker(line) {
            self.speaking = self.failed.iter().rposition(|(failed, _)| failed == name);
        } else if line == "failures:" {
            self.speaking = None;
        } else if let Some((_, told)) = self.speaking.and_then(|at| self.failed.get_mut(at))
            && told.len() < LINES
            && !line.trim().is_empty()
        {
            told.push(line.chars().take(COLUMNS).collect());
        }
    }

    fn outcome(self, success: bool) -> Outcome {
        if success {
            Outcome::Passed(format!("{} tests, {} ignored", self.passed, self.ignored))
        } else if self.failed.is_empty() {
            Outcome::Failed(vec!["a test program did not build or did not finish, see above".to_owned()])
        } else {
            let told = self.failed.into_iter().map(|(name, told)| [vec![name], told].concat().join("\n    "));
            Outcome::Failed(told.collect())
        }
    }
}

/// The name of the test that a line of the test runner reports as failed.
pub(crate) fn failed_test(line: &str) -> Option<&str> {
    // Some runners fill up names to the length of the longest.
    line.strip_prefix("test ")?.strip_suffix(" ... FAILED").map(str::trim_end)
}

/// The name of the test whose words follow: `---- NAME stdout ----`, or without `stdout`.
fn speaker(line: &str) -> Option<&str> {
    let name = line.strip_prefix("---- ")?.strip_suffix(" ----")?;
    Some(name.strip_suffix(" stdout").unwrap_or(name))
}

/// The number before `what` in `ok. 12 passed; 0 failed; 1 ignored; ...`.
fn count(counts: &str, what: &str) -> u64 {
    let words: Vec<&str> = counts.split([' ', ';']).filter(|word| !word.is_empty()).collect();
    words.windows(2).find(|pair| pair[1] == what).and_then(|pair| pair[0].parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(lines: &[&str]) -> Tally {
        let mut tally = Tally::default();
        lines.iter().for_each(|line| tally.read(line));
        tally
    }

    #[test]
    fn counts_are_summed_over_all_test_programs() {
        let tally = tally(&[
            "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s",
            "test result: ok. 30 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s",
        ]);
        assert_eq!((tally.passed, tally.ignored), (42, 1));
        assert!(matches!(tally.outcome(true), Outcome::Passed(text) if text == "42 tests, 1 ignored"));
    }

    #[test]
    fn failed_tests_are_named_with_what_they_said() {
        let tally = tally(&[
            "test a::works ... ok",
            "test a::breaks ... FAILED",
            "test src/lib.rs - f (line 3)   ... FAILED",
            "",
            "failures:",
            "",
            "---- a::breaks stdout ----",
            "assertion failed",
            "",
            "---- src/lib.rs - f (line 3) ----",
            "still not done:",
            "",
            "  error",
            "failures:",
            "    a::breaks",
            "test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s",
        ]);
        let told = ["a::breaks\n    assertion failed", "src/lib.rs - f (line 3)\n    still not done:\n      error"];
        assert!(matches!(tally.outcome(false), Outcome::Failed(failed) if failed == told));
    }

    #[test]
    fn a_failure_without_a_failed_test_is_still_a_failure() {
        assert!(matches!(tally(&[]).outcome(false), Outcome::Failed(names) if names.len() == 1));
    }
}
