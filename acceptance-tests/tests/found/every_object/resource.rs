//! What is asked of every resource: its life from its own example, and its import.

use acceptance_tests::{Beside, Program, Sim, Terraform, Workspace, difference};
use anyhow::{Context as _, ensure};
use serde_json::Value;

use super::bench;
use super::description::{Attribute, Object};
use super::example::Example;

/// A resource that is being checked.
struct Subject<'a> {
    object: &'a Object,
    example: Example,
    beside: Beside,
    sim: Sim,
    work: Workspace,
}

pub(crate) fn check(
    terraform: &'static Terraform,
    provider: &Program,
    name: &str,
    object: &Object,
) -> anyhow::Result<()> {
    let example = Example::of(name)?;
    let (sim, work) = bench(terraform, provider, name, &example.text)?;
    let before = sim.state()?;
    let beside = Beside::of(name)?;
    let subject = Subject { object, example, beside, sim, work };
    subject.lives().context("applying the example")?;
    subject.is_imported_by_id().context("importing it by id")?;
    subject.is_imported_by_identity().context("importing it by identity")?;
    subject.work.destroy()?.succeeded().context("destroying it")?;
    let mut left = difference(&before, &subject.sim.state()?);
    left.retain(|place| !subject.beside.leaves(&place.path) && !subject.beside.leaves_when_forgotten(&place.path));
    ensure!(left.is_empty(), "something is left behind: {left:#?}");
    let unmodelled = subject.sim.unmodelled()?;
    ensure!(unmodelled.as_array().is_none_or(Vec::is_empty), "not simulated: {unmodelled}");
    Ok(())
}

impl Subject<'_> {
    fn lives(&self) -> anyhow::Result<()> {
        self.work.apply()?.succeeded()?;
        self.plans_nothing("the plan after it")?;
        let refreshed = self.work.try_plan(&["-refresh-only"])?;
        if refreshed.code != Some(0) {
            // One resource may well change what another shows: a disk that moves away from its machine's storage.
            let plan = self.work.plan_with(&["-refresh-only"])?;
            let drift = plan.json["resource_drift"].as_array();
            let mine = |drifted: &Value| drifted["address"] == self.example.address.as_str();
            ensure!(!drift.into_iter().flatten().any(mine), "a refresh finds something: {}", refreshed.told());
        }
        Ok(())
    }

    fn is_imported_by_id(&self) -> anyhow::Result<()> {
        let attributes = self.instance()?["attributes"].take();
        let parts = self.object.key.iter().map(|key| match &attributes[key] {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        });
        let id = parts.collect::<Vec<_>>().join("/");
        // What PVE chooses may be another one in each run.
        let chosen = |key: &String| self.object.attributes.iter().any(|a| a.name == *key && a.rule == "computed");
        ensure!(
            id == self.example.id || self.object.key.iter().any(chosen),
            "import.sh says {:?}, yet its id is {id:?}",
            self.example.id
        );
        self.work.forget(&self.example.address)?;
        self.sim.forget_requests()?;
        self.work.import(&self.example.address, &id)?.succeeded()?;
        self.plans_only_what_is_local()?;
        self.nothing_was_written()
    }

    fn is_imported_by_identity(&self) -> anyhow::Result<()> {
        let identity = self.instance()?["identity"].take();
        ensure!(identity.is_object(), "it has no identity in the state");
        self.work.forget(&self.example.address)?;
        self.sim.forget_requests()?;
        let block = format!("import {{\n  to       = {}\n  identity = {identity}\n}}\n", self.example.address);
        self.work.write("import.tf", &block)?;
        let imported = self.work.apply()?.succeeded()?;
        ensure!(imported.says("1 imported, 0 added,"), "{}", imported.told());
        self.plans_nothing("the plan after it")?;
        std::fs::remove_file(self.work.path().join("import.tf"))?;
        self.nothing_was_written()
    }

    /// After an import, what PVE does not know may have to be set: in the state, not in PVE.
    fn plans_only_what_is_local(&self) -> anyhow::Result<()> {
        if self.work.try_plan(&[])?.code == Some(0) {
            return Ok(());
        }
        let plan = self.work.plan()?;
        ensure!(plan.actions(&self.example.address) == ["update"], "{}", plan.output.told());
        let change = plan.change(&self.example.address);
        let (before, after) = (&change["before"], &change["after"]);
        let planned = planned(&self.object.attributes, before, after, &change["after_unknown"]);
        ensure!(planned.is_empty(), "{}: {}", planned.join(", "), plan.output.told());
        self.work.apply()?.succeeded()?;
        self.plans_nothing("the plan after its local attributes were set")
    }

    fn plans_nothing(&self, when: &str) -> anyhow::Result<()> {
        let output = self.work.try_plan(&[])?;
        ensure!(output.code == Some(0), "{when} is not empty: {}", output.told());
        Ok(())
    }

    fn nothing_was_written(&self) -> anyhow::Result<()> {
        let sent = self.sim.mutations()?.into_iter().filter(|seen| !self.beside.only_reads(&seen.path));
        let sent: Vec<_> = sent.map(|seen| format!("{} {}", seen.method, seen.path)).collect();
        ensure!(sent.is_empty(), "requests that change something were sent: {sent:?}");
        Ok(())
    }

    fn instance(&self) -> anyhow::Result<Value> {
        let instance = self.work.instance(&self.example.address)?;
        ensure!(instance.is_object(), "{} is not in the state", self.example.address);
        Ok(instance)
    }
}

/// What a plan changes besides local attributes, in an object with these attributes.
fn planned(attributes: &[Attribute], before: &Value, after: &Value, unknown: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for attribute in attributes.iter().filter(|attribute| !attribute.is_local()) {
        let name = attribute.name.as_str();
        let (before, after, unknown) = (&before[name], &after[name], &unknown[name]);
        match (attribute.nesting.as_deref(), before, after) {
            (Some("single"), Value::Object(_), Value::Object(_)) => {
                found.extend(planned(&attribute.attributes, before, after, unknown));
            }
            (Some("map"), Value::Object(was), Value::Object(is)) if was.keys().eq(is.keys()) => {
                for key in was.keys() {
                    found.extend(planned(&attribute.attributes, &before[key], &after[key], &unknown[key]));
                }
            }
            // Nobody tells where a file came from: an import has it empty, and what is configured is noted.
            _ if matches!(name, "url" | "reference") && *before == "" => {}
            _ if *unknown == Value::Bool(true) => found.push(format!("{name} is not known")),
            _ if before != after => found.push(format!("{name} is to be {after} instead of {before}")),
            _ => {}
        }
    }
    found
}
