//! One disturbed run, until it has come to rest.

use std::fmt;

use anyhow::{Context as _, ensure};
use serde_json::json;

use super::mishap::LITTLE_TIME;
use super::{Matrix, Mishap, Phase, Point, damage};
use crate::difference::must_be_the_same_but_for_pg_num;
use crate::{Output, Seen, Sim, Workspace};

/// After so many runs everything has to be as it should.
const RUNS: usize = 5;
/// The same where the journal is lost: each stage of the road that was made by then needs its own import, one run after the
/// other (OSDs, rule, pool, storage, machine, HA).
const RUNS_WITH_IMPORTS: usize = 8;
/// So many requests are told when one that should have come did not.
const LAST: usize = 8;
const IMPORTS: &str = "import.tf";
const HURRY: &str = "hurry_override.tf";

/// Something that happens at a request.
#[derive(Clone, Debug)]
pub struct Cell {
    /// Of which run.
    pub phase: Phase,
    /// Where.
    pub point: Point,
    /// What.
    pub mishap: Mishap,
    /// What becomes of the journal in Terraform's data folder.
    pub journal: Journal,
}

/// What becomes of the journal in Terraform's data folder between the disturbed run and the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Journal {
    /// It is there, as on a machine where people work: nothing needs an import.
    Kept,
    /// It is gone, as in a pipeline that begins with a fresh checkout: an import may be needed.
    Lost,
}

/// How a disturbed run came to rest.
#[derive(Clone, Copy, Debug, Default)]
pub struct Converged {
    /// Why it is not counted, although nothing was wrong with it.
    pub uncounted: Option<&'static str>,
    /// Runs after the disturbed one.
    pub runs: usize,
    /// Objects for which an error printed the `import` block that was needed.
    pub imported: usize,
}

impl Cell {
    /// The line of the table that it counts in.
    pub fn kind(&self) -> String {
        let journal = if self.journal == Journal::Lost { ", journal lost" } else { "" };
        format!("{:?}, {}{journal}: {}", self.phase, self.mishap.name(), self.point.object).to_lowercase()
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}, {} at {}", self.phase, self.mishap.name(), self.point)?;
        if self.journal == Journal::Lost { f.write_str(", journal lost") } else { Ok(()) }
    }
}

impl Matrix {
    /// Disturbs a run in a cluster of its own and repeats it until nothing is left to do.
    ///
    /// # Errors
    /// Something was tainted, made twice, or destroyed on the way, or it did not come to what an undisturbed run makes.
    pub fn run(&self, cell: &Cell) -> anyhow::Result<Converged> {
        let (sim, work) = self.bench()?;
        let hurried = cell.mishap == Mishap::TimeOver;
        if hurried {
            work.write(HURRY, &self.hurry(cell.point.object, LITTLE_TIME))?;
        }
        if cell.phase == Phase::Destroy {
            work.write(HURRY, "")?;
            work.apply()?.succeeded()?;
            if hurried {
                work.write(HURRY, &self.hurry(cell.point.object, LITTLE_TIME))?;
                work.apply()?.succeeded()?;
            }
        }
        sim.forget_requests()?;
        let (mut output, struck) = disturbed(&sim, &work, cell)?;
        work.write(HURRY, "")?;
        if cell.journal == Journal::Lost {
            work.lose_journal()?;
        }
        let uncounted = if struck { None } else { Some("it ended before that request") };
        let mut converged = Converged { uncounted, ..Converged::default() };
        if cell.mishap.kills_terraform() && is_cut_off(&work, cell.phase) {
            converged.uncounted = Some("Terraform was killed while it wrote its state");
            return Ok(converged);
        }
        let mut imports = String::new();
        let mut told = vec![output.gist()];
        let settled = loop {
            damage::none_in_state(&work)?;
            damage::none_told(&output)?;
            for (address, id) in offers(&output) {
                let block = format!("import {{\n  to = {address}\n  id = {id}\n}}\n");
                if !imports.contains(&block) {
                    imports.push_str(&block);
                    converged.imported += 1;
                }
            }
            if cell.phase == Phase::Apply {
                work.write(IMPORTS, &imports)?;
            }
            let runs = if cell.journal == Journal::Lost { RUNS_WITH_IMPORTS } else { RUNS };
            if converged.runs == runs {
                break false;
            }
            output = work.run(arguments(cell.phase))?;
            told.push(output.gist());
            converged.runs += 1;
            if output.code == Some(0) && is_done(&work, cell.phase)? {
                break true;
            }
        };
        ensure!(settled, "still not done:\n{}", told.join("\n"));
        let needless = converged.imported > 0 && cell.journal == Journal::Kept;
        ensure!(!needless, "an import was needed although the journal was kept:\n{}", told.join("\n"));
        let requests = sim.requests()?;
        damage::nothing_twice(&requests, cell)?;
        if cell.phase == Phase::Apply {
            damage::nothing_destroyed(&requests)?;
        }
        let (state, expected) = (super::at_rest(&sim)?, &self.undisturbed(cell.phase).state);
        must_be_the_same_but_for_pg_num(expected, &state).with_context(|| told.join("\n"))?;
        Ok(converged)
    }
}

fn arguments(phase: Phase) -> &'static [&'static str] {
    match phase {
        Phase::Apply => &["apply", "-json", "-input=false", "-auto-approve"],
        Phase::Destroy => &["apply", "-destroy", "-json", "-input=false", "-auto-approve"],
    }
}

fn is_done(work: &Workspace, phase: Phase) -> anyhow::Result<bool> {
    Ok(match phase {
        Phase::Apply => work.try_plan(&[])?.code == Some(0),
        Phase::Destroy => work.state()?["resources"].as_array().is_none_or(Vec::is_empty),
    })
}

/// The run that something happens to, and whether it did not come to its end before that. Reads are repeated until
/// something has come about, so how many there are depends on time; and where time runs out, so does what ends first.
fn disturbed(sim: &Sim, work: &Workspace, cell: &Cell) -> anyhow::Result<(Output, bool)> {
    let (when, effect) = cell.mishap.fault();
    let (pattern, nth) = (cell.point.pattern(), cell.point.nth);
    sim.fault(&json!({ "match": pattern, "nth": nth, "when": when, "effect": effect }))?;
    let output = work.run(arguments(cell.phase))?;
    let fault = sim.faults()?[0].take();
    let struck = fault["seen"].as_u64() >= Some(nth as u64);
    let may_end_before = cell.point.call.is_none() && (output.code == Some(0) || cell.mishap == Mishap::TimeOver);
    ensure!(struck || may_end_before, "the request was never sent: {}\n{}", output.gist(), last_requests(sim)?);
    ensure!(fault["missed"].is_null(), "it did not happen: {}", fault["missed"]);
    ensure!(!struck || cell.mishap.ends_with(output.code), "it did not happen: {}", output.gist());
    sim.clear_faults().context("ending the fault")?;
    Ok((output, struck))
}

/// Whether Terraform was killed while it wrote its state: it empties the file first, and then nobody knows what there was.
/// The state of a first apply is empty anyway until something is done; what it loses later has to be taken up like what it
/// never knew.
fn is_cut_off(work: &Workspace, phase: Phase) -> bool {
    match work.state() {
        Ok(state) => phase == Phase::Destroy && state.is_null(),
        Err(error) => error.is::<serde_json::Error>(),
    }
}

fn last_requests(sim: &Sim) -> anyhow::Result<String> {
    let told = |seen: &Seen| format!("{} {}: {:?}", seen.method, seen.path, seen.status);
    let requests = sim.requests()?;
    Ok(requests[requests.len().saturating_sub(LAST)..].iter().map(told).collect::<Vec<_>>().join("\n"))
}

/// The `import` blocks that the errors print: for which resource, and the id as it is quoted there.
fn offers(output: &Output) -> Vec<(String, String)> {
    let of = |error: crate::Diagnostic| {
        let (_, block) = error.detail.split_once("import {")?;
        let id = block.lines().find_map(|line| line.trim().strip_prefix("id = "))?.to_owned();
        Some((error.address?, id))
    };
    output.errors().into_iter().filter_map(of).collect()
}
