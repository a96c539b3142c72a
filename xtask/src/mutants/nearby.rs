//! A fault and the tests nearest to it, in a copy upon which everything was built before.

use std::io::{BufRead as _, BufReader, Read};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Instant;

use anyhow::{Context as _, Result};

use super::area::Area;
use super::copy::Copy;
use super::judge::Verdict;
use super::machine::{Fault, Stage};
use crate::cargo::{TESTS_OF_ALL, test_program};
use crate::test::failed_test;

/// Makes the fault, asks the tests, and takes it back. What does not come to its end in time was not tried.
pub(super) fn judge(copy: &Copy, area: Area, fault: &Fault, until: Instant) -> Result<Verdict> {
    if Instant::now() >= until {
        return Ok(Verdict::Untried);
    }
    let before = copy.read(&fault.file)?;
    copy.write(&fault.file, &fault.applied_to(&before)?)?;
    let verdict = asked(copy, area, until);
    copy.write(&fault.file, &before)?;
    copy.sweep()?;
    verdict
}

fn asked(copy: &Copy, area: Area, until: Instant) -> Result<Verdict> {
    for (number, stage) in area.nearest().iter().enumerate() {
        let program = match built(copy.cargo(TESTS_OF_ALL), stage, until)? {
            Built::Program(program) => program,
            Built::Failed if number == 0 => return Ok(Verdict::Unviable),
            Built::Failed => return Ok(Verdict::Caught(format!("{} does not build", stage.package))),
            Built::OutOfTime => return Ok(Verdict::Untried),
        };
        let folder = if stage.package == Area::Src.package() { "" } else { &format!("crates/{}", stage.package) };
        let mut command = copy.program(&program, folder);
        match first_failure(command.args(&stage.words), until)? {
            Ran::Passed => {}
            Ran::Failed(test) => return Ok(Verdict::Caught(test)),
            Ran::OutOfTime => return Ok(Verdict::Untried),
        }
    }
    Ok(Verdict::Missed)
}

enum Built {
    Program(PathBuf),
    Failed,
    OutOfTime,
}

/// Builds until the tests of the stage are there. What else stands on what has changed is not waited for.
fn built(mut command: Command, stage: &Stage, until: Instant) -> Result<Built> {
    // Warnings about what a fault leaves unused are no news, and neither is why it does not build.
    let mut child = Group::spawn(command.stderr(Stdio::null()))?;
    let lines = child.lines()?;
    let target = stage.package.replace('-', "_");
    loop {
        match lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(line) => {
                if let Some(program) = test_program(&line, &target) {
                    return Ok(Built::Program(program));
                }
            }
            Err(RecvTimeoutError::Timeout) => return Ok(Built::OutOfTime),
            Err(RecvTimeoutError::Disconnected) => return Ok(Built::Failed),
        }
    }
}

enum Ran {
    Passed,
    Failed(String),
    OutOfTime,
}

/// Runs tests until the first one fails.
fn first_failure(command: &mut Command, until: Instant) -> Result<Ran> {
    let mut child = Group::spawn(command.stderr(Stdio::null()))?;
    let lines = child.lines()?;
    loop {
        match lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(line) => {
                if let Some(test) = failed_test(&line) {
                    return Ok(Ran::Failed(test.to_owned()));
                }
            }
            Err(RecvTimeoutError::Timeout) => return Ok(Ran::OutOfTime),
            Err(RecvTimeoutError::Disconnected) => {
                let passed = child.0.wait()?.success();
                return Ok(if passed {
                    Ran::Passed
                } else {
                    Ran::Failed("the tests did not come to their end".to_owned())
                });
            }
        }
    }
}

/// A program in a process group of its own, which ends with this, with everything that it has started.
struct Group(Child);

impl Group {
    fn spawn(command: &mut Command) -> Result<Self> {
        Ok(Self(command.stdin(Stdio::null()).stdout(Stdio::piped()).process_group(0).spawn()?))
    }

    /// What it prints, line by line.
    fn lines(&mut self) -> Result<mpsc::Receiver<String>> {
        Ok(lines(self.0.stdout.take().context("no output")?))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            let _ = Command::new("kill").args(["-KILL", "--", &format!("-{}", self.0.id())]).status();
            let _ = self.0.wait();
        }
    }
}

fn lines(output: impl Read + Send + 'static) -> mpsc::Receiver<String> {
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        // Nobody listens any more once what was waited for is there.
        BufReader::new(output).lines().map_while(Result::ok).try_for_each(|line| send.send(line)).ok();
    });
    receive
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn the_first_test_that_fails_is_told_and_the_others_are_not_waited_for() {
        let soon = || Instant::now() + Duration::from_secs(60);
        let ran = |script: &str| first_failure(&mut shell(script), soon()).unwrap();
        assert!(matches!(ran("echo 'test a ... ok'"), Ran::Passed));
        assert!(matches!(ran("echo 'test a::b ... FAILED'; sleep 600"), Ran::Failed(test) if test == "a::b"));
        assert!(matches!(ran("exit 1"), Ran::Failed(_)));
        assert!(matches!(first_failure(&mut shell("sleep 600"), Instant::now()).unwrap(), Ran::OutOfTime));
    }

    #[test]
    fn the_tests_of_the_stage_are_all_that_is_waited_for() {
        let soon = Instant::now() + Duration::from_secs(60);
        let message = |name: &str, test: bool| {
            let line = serde_json::json!({
                "target": {"name": name}, "profile": {"test": test}, "executable": format!("/t/{name}"),
            });
            format!("echo '{line}'; ")
        };
        let stage = Stage::new("pve-client", "--lib");
        let script =
            message("pve_sim", true) + &message("pve_client", false) + &message("pve_client", true) + "sleep 600";
        let end = built(shell(&script), &stage, soon).unwrap();
        assert!(matches!(end, Built::Program(program) if program == *"/t/pve_client"));
        assert!(matches!(built(shell("exit 1"), &stage, soon).unwrap(), Built::Failed));
        assert!(matches!(built(shell("sleep 600"), &stage, Instant::now()).unwrap(), Built::OutOfTime));
    }
}
