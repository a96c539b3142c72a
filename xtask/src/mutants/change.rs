//! The faults in the lines of a change.

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use super::area::Area;
use super::copy::Copy;
use super::judge::{Judge, Verdict};
use super::machine::{Fault, Machine};
use super::nearby;
use super::record::{Record, Word};
use super::sample::{draw, told};
use crate::cargo::workspace_root;

/// Which change, and how long.
#[derive(clap::Args)]
pub(crate) struct Change {
    /// What it began from; else where the branch left origin/main, or the commit before the last one. Files that git does
    /// not know yet are not looked at
    #[arg(long, value_name = "REVISION")]
    base: Option<String>,
    /// No further fault is begun after so many seconds, beside those that it takes to see the tests pass without any; which
    /// ones are tried, the change itself decides
    #[arg(long, default_value_t = 120)]
    seconds: u64,
}

/// What came of it.
pub(crate) struct Tried {
    /// What the change began from; none if nobody knows.
    base: Option<String>,
    possible: usize,
    tried: usize,
    /// The faults that nothing noticed, and that have no reason.
    pub(crate) survived: Vec<String>,
}

impl Change {
    /// What continuous integration tries of each change.
    pub(crate) const USUAL: Self = Self { base: None, seconds: 120 };

    /// Judged by all tests, which are seen to pass without any fault first.
    pub(crate) fn run(&self, machine: &Machine) -> Result<Tried> {
        let until = Instant::now() + Duration::from_secs(self.seconds);
        let mut tried = Tried { base: self.base()?, possible: 0, tried: 0, survived: Vec::new() };
        let Some(diff) = tried.diff()? else { return Ok(tried) };
        let copy = Copy::make()?;
        let mut judge = Judge::new(machine, &copy, Some(until), false);
        for (area, faults) in drawn(machine, &copy, &diff)? {
            tried.possible += faults.len();
            for fault in &faults {
                if judge.until.is_none_or(|until| Instant::now() <= until) {
                    let verdict = judge.judge(area, &[fault])?.pop().context("no verdict")?;
                    tried.take(area, fault, &verdict);
                }
            }
        }
        Ok(tried)
    }

    /// Judged by the nearest tests, upon what was just built and seen to pass; all of it within the time.
    pub(crate) fn at_once(&self, machine: &Machine) -> Result<Tried> {
        let until = Instant::now() + Duration::from_secs(self.seconds);
        let mut tried = Tried { base: self.base()?, possible: 0, tried: 0, survived: Vec::new() };
        let Some(diff) = tried.diff()? else { return Ok(tried) };
        let copy = Copy::lent()?;
        let mut clean = true;
        for (area, faults) in drawn(machine, &copy, &diff)? {
            tried.possible += faults.len();
            if !clean && Instant::now() < until {
                copy.lend_anew()?;
            }
            for fault in &faults {
                let verdict = nearby::judge(&copy, area, fault, until)?;
                tried.take(area, fault, &verdict);
                clean = false;
            }
        }
        Ok(tried)
    }

    fn base(&self) -> Result<Option<String>> {
        if let Some(base) = &self.base {
            return Ok(Some(git(&["rev-parse", "--verify", &format!("{base}^{{commit}}")])?.trim().to_owned()));
        }
        let head = git(&["rev-parse", "HEAD"])?;
        let left = git(&["merge-base", "HEAD", "origin/main"]).ok().filter(|left| *left != head);
        // Where a clone holds one commit alone, there is neither.
        let base = left.or_else(|| git(&["rev-parse", "--verify", "--quiet", "HEAD^"]).ok());
        Ok(base.map(|base| base.trim().to_owned()))
    }
}

/// The faults in the lines of the change, in an order that the change itself decides, without those that may survive.
fn drawn(machine: &Machine, copy: &Copy, diff: &str) -> Result<Vec<(Area, Vec<Fault>)>> {
    let file = copy.place("diff")?.join("change.diff");
    fs::write(&file, diff)?;
    let mut hasher = DefaultHasher::new();
    diff.hash(&mut hasher);
    let mut areas = Area::ALL;
    fastrand::Rng::with_seed(hasher.finish()).shuffle(&mut areas);
    let of = |area: Area| {
        let faults = area.faults_within(machine, copy, &file)?;
        let record = Record::load(area)?;
        let excused = |key: &str| record.0.get(key).is_some_and(|line| line.word == Word::Missed && !line.is_open());
        Ok((area, draw(&faults, |key| !excused(key), hasher.finish()).into_iter().cloned().collect()))
    };
    areas.into_iter().map(of).collect()
}

impl Tried {
    /// What has changed since it began; none if nothing, or nothing that is known.
    fn diff(&self) -> Result<Option<String>> {
        let Some(base) = &self.base else { return Ok(None) };
        let diff =
            git(&["diff", "--no-color", "--no-ext-diff", "--src-prefix=a/", "--dst-prefix=b/", base, "--", "*.rs"])?;
        Ok(Some(diff).filter(|diff| !diff.is_empty()))
    }

    fn take(&mut self, area: Area, fault: &Fault, verdict: &Verdict) {
        if *verdict == Verdict::Untried {
            return;
        }
        println!("{}", told(fault, verdict));
        self.tried += 1;
        if *verdict == Verdict::Missed {
            println!("{}", fault.diff);
            println!("    a test that notices it, or its reason as a line in {}", area.record().display());
            self.survived.push(fault.key.clone());
        }
    }

    /// In a line.
    pub(crate) fn told(&self) -> String {
        let Some(base) = &self.base else {
            return "SKIPPED: there is no earlier commit here to compare with".to_owned();
        };
        let since = &base[..base.len().min(12)];
        let survived = match self.survived.len() {
            0 => String::new(),
            some => format!(", {some} SURVIVED"),
        };
        format!("{} of {} faults tried in the lines changed since {since}{survived}", self.tried, self.possible)
    }
}

fn git(arguments: &[&str]) -> Result<String> {
    let output = Command::new("git").args(arguments).current_dir(workspace_root()).output().context("git")?;
    ensure!(output.status.success(), "git {}: {}", arguments[0], String::from_utf8_lossy(&output.stderr).trim());
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_survived_is_told_and_so_is_that_nothing_was_looked_at() {
        let tried = |base: Option<&str>, survived: &[&str]| Tried {
            base: base.map(str::to_owned),
            possible: 9,
            tried: 4,
            survived: survived.iter().map(|name| (*name).to_owned()).collect(),
        };
        assert_eq!(
            tried(Some("0123456789abcdef"), &[]).told(),
            "4 of 9 faults tried in the lines changed since 0123456789ab"
        );
        assert!(tried(Some("0123456789abcdef"), &["x"]).told().ends_with("1 SURVIVED"));
        assert!(tried(None, &[]).told().starts_with("SKIPPED"));
    }
}
