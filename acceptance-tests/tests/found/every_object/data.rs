//! What is asked of every data source: its example can be applied, says something, and goes on saying it.

use acceptance_tests::{Program, Terraform, data_may_send};
use anyhow::ensure;

use super::bench;
use super::example;

pub(crate) fn check(terraform: &'static Terraform, provider: &Program, name: &str) -> anyhow::Result<()> {
    let text = example::of_data_source(name)?;
    let made = example::looked_up(name)?;
    let (sim, work) = bench(terraform, provider, name, made.as_deref().unwrap_or(&text))?;
    if made.is_some() {
        work.apply()?.succeeded()?;
        sim.forget_requests()?;
        work.write("data.tf", &text)?;
    }
    work.apply()?.succeeded()?;
    let state = work.state()?;
    let outputs = state["outputs"].as_object().filter(|outputs| !outputs.is_empty());
    let Some(outputs) = outputs else { anyhow::bail!("the example has no output") };
    for (output, value) in outputs {
        ensure!(!value["value"].is_null(), "output {output} is null");
    }
    let again = work.try_plan(&[])?;
    ensure!(again.code == Some(0), "the second plan is not empty: {}", again.told());
    let written = sim.mutations()?.into_iter().filter(|seen| !data_may_send(&seen.path));
    let written: Vec<_> = written.map(|seen| format!("{} {}", seen.method, seen.path)).collect();
    // What is written by an example that makes what it then looks at is not the data source's doing.
    ensure!(written.is_empty() || text.contains("resource \""), "a data source writes: {written:?}");
    let unmodelled = sim.unmodelled()?;
    ensure!(unmodelled.as_array().is_none_or(Vec::is_empty), "not simulated: {unmodelled}");
    Ok(())
}
