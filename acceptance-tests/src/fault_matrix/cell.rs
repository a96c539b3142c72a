//! One fault at one request of one operation, until everything has come to rest.

use std::fmt;

use anyhow::{bail, ensure};
use serde_json::Value;

use super::bench::IMPORTS;
use super::fault::Login;
use super::operation::Operation;
use super::verdict;
use super::{Bench, FAULTS, Fault, Point, Undisturbed};
use crate::difference::{must_be_the_same_but_for_half_a_copy, must_be_the_same_but_for_pg_num};
use crate::{Diagnostic, Output};

/// As fast as the simulator's clock runs unless it is told otherwise.
const CLOCK: u32 = 60;
/// After so many runs without a fault everything has to be as it should.
const RUNS: usize = 4;

/// A fault at a request of an operation.
#[derive(Clone, Debug)]
pub struct Cell {
    /// Of what.
    pub operation: Operation,
    /// What goes wrong.
    pub fault: Fault,
    /// Where.
    pub point: Point,
}

/// How a disturbed operation came to rest.
#[derive(Clone, Copy, Debug, Default)]
pub struct Converged {
    /// Whether the disturbed run itself succeeded.
    pub at_once: bool,
    /// Objects for which an error printed the `import` block that was needed.
    pub imported: usize,
}

/// The cells of a scene, by fault, and how many are left out because the operation has no request of the kind that the fault
/// strikes. `all`: at every request, not at one of them.
pub fn cells(undisturbed: &Undisturbed, all: bool) -> (Vec<Cell>, usize) {
    let (mut cells, mut left_out) = (Vec::new(), 0);
    for (number, fault) in FAULTS.iter().enumerate() {
        for operation in Operation::ALL {
            let places = fault.places(operation, undisturbed.points(operation));
            if places.is_empty() {
                left_out += 1;
                continue;
            }
            // Each fault begins somewhere else, so that together they strike everywhere.
            let chosen = if all { 0..places.len() } else { number % places.len()..number % places.len() + 1 };
            cells.extend(chosen.map(|n| Cell { operation, fault: *fault, point: places[n].clone() }));
        }
    }
    (cells, left_out)
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Point { method, path, nth } = &self.point;
        write!(f, "{}: {} at {method} {path} ({nth})", self.operation.name(), self.fault.name)
    }
}

impl Cell {
    /// Disturbs the operation, ends the fault, and repeats it until nothing is left to do.
    ///
    /// # Errors
    /// The fault never struck, what was said was of no use, the state was untrue, or it came to something else. The bench is
    /// then not to be used again.
    pub fn run(&self, bench: &mut Bench, undisturbed: &Undisturbed) -> anyhow::Result<Converged> {
        bench.bring_to(self.operation.prior())?;
        bench.sim.forget_requests()?;
        bench.log_in(self.fault.login == Login::Ticket);
        bench.sim.fault(&self.fault.at(self.operation, &self.point, CLOCK))?;
        let output = bench.run(self.operation)?;
        let seen = bench.sim.faults()?[0]["seen"].as_u64();
        ensure!(seen >= Some(self.point.nth), "the request was never sent: {}", output.gist());
        bench.mend(self.fault.kills_a_node())?;
        verdict::is_told(&self.fault, &output)?;
        let converged = match self.operation {
            Operation::PlanCheck | Operation::Read | Operation::DataSource => self.looked(bench, &output)?,
            Operation::Import => self.imported(bench, output)?,
            Operation::Create | Operation::Update | Operation::Wait | Operation::Delete => {
                self.settled(bench, output)?
            }
        };
        bench.tidy()?;
        if let Some(expected) = undisturbed.state_after(self.operation) {
            let state = bench.sim.state()?;
            let same = must_be_the_same_but_for_pg_num(expected, &state);
            if same.is_err() && self.fault.kills_a_node() && self.point.path.ends_with("/move_disk") {
                must_be_the_same_but_for_half_a_copy(expected, &state)?;
                bench.spoiled = true;
            } else {
                same?;
            }
        }
        Ok(converged)
    }

    /// A plan: nothing is written, and nothing planned for what is there.
    fn looked(&self, bench: &Bench, output: &Output) -> anyhow::Result<Converged> {
        ensure!(bench.sim.mutations()?.is_empty(), "a plan writes: {:?}", bench.sim.mutations()?);
        let expected = if self.operation == Operation::PlanCheck { 2 } else { 0 };
        let at_once = output.code == Some(expected);
        ensure!(at_once || output.code == Some(1), "it plans something else: {}", told(output));
        if !at_once {
            let again = bench.command(self.operation.arguments())?;
            ensure!(again.code == Some(expected), "without the fault: {}", told(&again));
        }
        Ok(Converged { at_once, imported: 0 })
    }

    /// An import: nothing is written, and the next one brings in what is missing.
    fn imported(&self, bench: &Bench, output: Output) -> anyhow::Result<Converged> {
        let at_once = output.code == Some(0);
        if !at_once {
            let again = bench.command(self.operation.arguments())?;
            ensure!(again.code == Some(0), "without the fault: {}", told(&again));
        }
        ensure!(bench.sim.mutations()?.is_empty(), "an import writes: {:?}", bench.sim.mutations()?);
        Ok(Converged { at_once, imported: 0 })
    }

    /// A change of the cluster: the same command, again and again.
    fn settled(&self, bench: &Bench, mut output: Output) -> anyhow::Result<Converged> {
        let mut converged = Converged { at_once: output.code == Some(0), imported: 0 };
        let mut blocks = String::new();
        let mut said = vec![told(&output)];
        for _ in 0..RUNS {
            let state = bench.work.state()?;
            ensure!(!state.to_string().contains("\"tainted\""), "tainted: {}", said.join("\n"));
            if self.operation == Operation::Delete && state["resources"].as_array().is_none_or(Vec::is_empty) {
                return Ok(converged);
            }
            for (address, id) in offers(&output) {
                let block = format!("import {{\n  to = {address}\n  id = {id}\n}}\n");
                if !blocks.contains(&block) {
                    blocks.push_str(&block);
                    converged.imported += 1;
                }
            }
            if self.operation != Operation::Delete {
                bench.work.write(IMPORTS, &blocks)?;
            }
            output = bench.command(self.operation.arguments())?;
            said.push(told(&output));
            let planned = planned(&output);
            let wrong = planned.iter().find(|(action, _)| match self.operation {
                Operation::Delete => action != "delete",
                Operation::Update => action != "update",
                // What the state says to be unfinished may never have begun.
                _ => action == "delete" || action == "replace",
            });
            if let Some((action, address)) = wrong {
                bail!("it plans to {action} {address}: {}", said.join("\n"));
            }
            if let Some((address, _)) = offers(&output).into_iter().find(|(address, _)| knows(&state, address)) {
                bail!("{address} was known, and is planned anew though it is there: {}", said.join("\n"));
            }
            if self.operation != Operation::Delete && output.code == Some(0) && planned.is_empty() {
                return Ok(converged);
            }
        }
        bail!("still not done: {}", said.join("\n"))
    }
}

/// Whether the state has a resource of this address.
fn knows(state: &Value, address: &str) -> bool {
    let resources = state["resources"].as_array().into_iter().flatten();
    resources.filter(|one| one["mode"] == "managed").any(|one| {
        let word = |key: &str| one[key].as_str().unwrap_or_default();
        format!("{}.{}", word("type"), word("name")) == address
    })
}

/// What a command with `-json` planned to do: action and address.
fn planned(output: &Output) -> Vec<(String, String)> {
    let events = output.stdout.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let of = |event: Value| {
        let change = (event["type"] == "planned_change").then_some(&event["change"])?;
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Some((word(&change["action"]), word(&change["resource"]["addr"])))
    };
    events.filter_map(of).filter(|(action, _)| !["noop", "read", "import"].contains(&action.as_str())).collect()
}

/// What it said, and what it planned.
fn told(output: &Output) -> String {
    let planned: Vec<String> = planned(output).iter().map(|(action, address)| format!("{action} {address}")).collect();
    format!("{}  planned: {}", output.gist(), planned.join(", "))
}

/// The `import` blocks that the errors print: for which resource, and the id as it is quoted there.
fn offers(output: &Output) -> Vec<(String, String)> {
    let of = |error: Diagnostic| {
        let (_, block) = error.detail.split_once("import {")?;
        let id = block.lines().find_map(|line| line.trim().strip_prefix("id = "))?.to_owned();
        Some((error.address?, id))
    };
    output.errors().into_iter().filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_planned_is_found_among_the_events() {
        let event = |action: &str| {
            json!({ "type": "planned_change", "change": { "action": action, "resource": { "addr": "a.b" } } })
                .to_string()
        };
        let stdout = [event("create"), event("noop"), "no JSON".to_owned()].join("\n");
        let output = Output { command: String::new(), code: Some(0), stdout, stderr: String::new() };
        assert_eq!(planned(&output), [("create".to_owned(), "a.b".to_owned())]);
        let state = json!({ "resources": [{ "mode": "managed", "type": "a", "name": "b" }] });
        assert!(knows(&state, "a.b") && !knows(&state, "a.c"));
    }
}
