//! Takes faults through the tests of their area, from the quick ones to the slow ones, until one notices.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use super::area::Area;
use super::copy::Copy;
use super::machine::{End, Fault, Machine, Stage};

/// Tests that take so many times as long as without a fault do not end: with others at work on the machine they may well
/// take a few times as long.
const LONGER: u32 = 4;
const AT_LEAST: Duration = Duration::from_secs(60);

pub(super) struct Judge<'a> {
    pub(super) machine: &'a Machine,
    pub(super) copy: &'a Copy,
    /// Nothing new is begun after this. What it takes to see the tests pass without any fault does not count.
    pub(super) until: Option<Instant>,
    /// Only the tests of the crate with the fault in it.
    own: bool,
    /// How long the tests may take that were seen to pass without any fault.
    passed: BTreeMap<Stage, Duration>,
}

/// What is known of a fault in the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// By this test.
    Caught(String),
    Missed,
    /// The crate itself does not build with it: no test is asked.
    Unviable,
    /// Time was up.
    Untried,
}

impl<'a> Judge<'a> {
    pub(super) fn new(machine: &'a Machine, copy: &'a Copy, until: Option<Instant>, own: bool) -> Self {
        Self { machine, copy, until, own, passed: BTreeMap::new() }
    }

    /// Judges some faults of one area.
    pub(super) fn judge(&mut self, area: Area, faults: &[&Fault]) -> Result<Vec<Verdict>> {
        let mut verdicts = vec![Verdict::Missed; faults.len()];
        let stages = area.stages();
        let own = self.own;
        let asked = stages.iter().filter(|stage| !own || stage.package == area.package());
        for (number, stage) in asked.enumerate() {
            let left: Vec<usize> = (0..faults.len()).filter(|i| verdicts[*i] == Verdict::Missed).collect();
            if left.is_empty() {
                break;
            }
            let patience = self.passes_without(stage)?;
            if self.until.is_some_and(|until| Instant::now() > until) {
                left.iter().for_each(|i| verdicts[*i] = Verdict::Untried);
                break;
            }
            let these: Vec<&Fault> = left.iter().map(|i| faults[*i]).collect();
            let ends = self.machine.run(self.copy, &these, stage, patience)?;
            for (i, end) in left.into_iter().zip(ends) {
                verdicts[i] = match end {
                    End::Caught(by) => Verdict::Caught(by),
                    End::Missed => Verdict::Missed,
                    End::DoesNotBuild if number == 0 => Verdict::Unviable,
                    // It built by itself, so what stands on it is what notices.
                    End::DoesNotBuild => Verdict::Caught(format!("{} does not build", stage.package)),
                };
            }
        }
        Ok(verdicts)
    }

    /// A test that fails by itself notices nothing. How long the tests take tells how long they may take with a fault.
    fn passes_without(&mut self, stage: &Stage) -> Result<Duration> {
        if let Some(patience) = self.passed.get(stage) {
            return Ok(*patience);
        }
        println!("==> without any fault: cargo {}", stage.arguments(true));
        let begun = Instant::now();
        self.cargo(&stage.arguments(false))?;
        let built = Instant::now();
        self.cargo(&stage.arguments(true))?;
        let patience = AT_LEAST.max(built.elapsed() * LONGER);
        self.until = self.until.map(|until| until + begun.elapsed());
        self.passed.insert(stage.clone(), patience);
        Ok(patience)
    }

    fn cargo(&self, arguments: &str) -> Result<()> {
        let output = self.copy.cargo(arguments).output().context("starting cargo")?;
        let told = [output.stdout, output.stderr].concat();
        ensure!(
            output.status.success(),
            "without any fault `cargo {arguments}` should pass: {}",
            String::from_utf8_lossy(&told)
        );
        Ok(())
    }
}
