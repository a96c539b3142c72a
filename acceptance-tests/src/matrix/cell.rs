//! One disturbed run, until it has come to rest.

use std::fmt;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::{Matrix, Mishap, Point};
use crate::{Output, Sim, Workspace};

/// After so many applies everything has to be as it should.
const APPLIES: usize = 4;

/// Something that happens at a request.
#[derive(Clone, Debug)]
pub struct Cell {
    /// Where.
    pub point: Point,
    /// What.
    pub mishap: Mishap,
}

/// How a disturbed run came to rest.
#[derive(Clone, Copy, Debug, Default)]
pub struct Converged {
    /// Applies after the disturbed one.
    pub applies: usize,
    /// Objects for which an error printed the `import` block that was needed.
    pub imported: usize,
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Point { method, path, nth } = &self.point;
        write!(f, "{:?} at {method} {path} ({nth})", self.mishap)
    }
}

impl Matrix {
    /// Disturbs a run in a cluster of its own and applies again until nothing is left to do.
    ///
    /// # Errors
    /// Something was tainted, or it did not come to what an undisturbed run makes.
    pub fn run(&self, cell: &Cell) -> anyhow::Result<Converged> {
        let (sim, work) = self.bench()?;
        let mut output = disturbed(&sim, &work, cell)?;
        let mut converged = Converged::default();
        let mut imports = String::new();
        loop {
            ensure!(!work.state()?.to_string().contains("\"tainted\""), "tainted: {}", output.told());
            for (address, id) in offers(&output) {
                let block = format!("import {{\n  to = {address}\n  id = {id}\n}}\n");
                if !imports.contains(&block) {
                    imports.push_str(&block);
                    converged.imported += 1;
                }
            }
            work.write("import.tf", &imports)?;
            ensure!(converged.applies < APPLIES, "still not done: {}", output.told());
            output = work.apply_json()?;
            converged.applies += 1;
            if output.code == Some(0) && work.try_plan(&[])?.code == Some(0) {
                break;
            }
        }
        let state = sim.state()?;
        ensure!(state == self.state, "it came to something else:\n{state}\ninstead of\n{}", self.state);
        Ok(converged)
    }
}

/// The apply that something happens to.
fn disturbed(sim: &Sim, work: &Workspace, cell: &Cell) -> anyhow::Result<Output> {
    let fault = |when: &str, effect: Value| {
        let Point { method, path, nth } = &cell.point;
        json!({ "match": { "method": method, "path": path }, "nth": nth, "when": when, "effect": effect })
    };
    match cell.mishap {
        Mishap::LostBefore => sim.fault(&fault("before", json!({ "drop": true })))?,
        Mishap::LostAfter => sim.fault(&fault("after", json!({ "drop": true })))?,
        // Simulated time: three seconds at the usual sixtyfold.
        Mishap::Interrupted => sim.fault(&fault("before", json!({ "delay": "180s" })))?,
        Mishap::KilledBefore | Mishap::KilledAfter => {}
    }
    let mut running = work.start(&["apply", "-json", "-input=false", "-auto-approve"])?;
    match cell.mishap {
        Mishap::Interrupted => {
            let struck = || sim.faults().is_ok_and(|all| all[0]["seen"].as_u64() >= Some(cell.point.nth as u64));
            running.until("the request is sent", struck)?;
            running.interrupt()?;
        }
        Mishap::KilledBefore | Mishap::KilledAfter => {
            let when = if cell.mishap == Mishap::KilledBefore { "before" } else { "after" };
            // Terraform starts a provider for the plan and another for the apply.
            let mut known = Vec::new();
            while !running.has_ended()? {
                let providers = running.providers()?;
                if providers != known {
                    sim.clear_faults()?;
                    for pid in &providers {
                        sim.fault(&fault(when, json!({ "kill": pid })))?;
                    }
                    known = providers;
                }
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        Mishap::LostBefore | Mishap::LostAfter => {}
    }
    let output = running.wait()?;
    let seen = sim.faults()?[0]["seen"].as_u64();
    // A provider that was killed is gone from the list, and its faults with it.
    let killed = matches!(cell.mishap, Mishap::KilledBefore | Mishap::KilledAfter) && output.code != Some(0);
    ensure!(killed || seen >= Some(cell.point.nth as u64), "the request was never sent: {}", output.told());
    sim.clear_faults().context("ending the fault")?;
    Ok(output)
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
