//! All plain objects in one configuration: made, looked up, imported and destroyed by a real Terraform, a few commands for
//! however many there are.

use acceptance_tests::{Beside, Program, Terraform, difference};
use anyhow::{Context as _, ensure};

use super::bench;
use super::description::Object;
use super::example::{self, Example};

pub(crate) fn check(
    terraform: &'static Terraform,
    provider: &Program,
    resources: &[(String, Object)],
    data_sources: &[String],
) -> anyhow::Result<()> {
    let (sim, work) = bench(terraform, provider, "", "")?;
    let before = sim.state()?;
    let mut examples = Vec::new();
    for (name, _) in resources {
        let example = Example::of(name)?;
        work.write(&format!("{name}.tf"), &example.text)?;
        examples.push(example);
    }
    work.apply()?.succeeded().context("making all of them")?;
    ensure!(work.try_plan(&[])?.code == Some(0), "the plan after it is not empty: {}", work.try_plan(&[])?.told());

    for name in data_sources {
        work.write(&format!("data_{name}.tf"), &example::of_data_source(name)?)?;
    }
    sim.forget_requests()?;
    work.apply()?.succeeded().context("looking all of them up")?;
    ensure!(sim.mutations()?.is_empty(), "data sources write: {:?}", sim.mutations()?);
    let outputs = work.state()?["outputs"].take();
    for (output, value) in outputs.as_object().into_iter().flatten() {
        ensure!(!value["value"].is_null(), "output {output} is null");
    }
    let again = work.try_plan(&[])?;
    ensure!(again.code == Some(0), "the plan with data sources is not empty: {}", again.told());

    // What is local has to be set after an import: in the state, not in PVE.
    let mut blocks = String::new();
    for example in &examples {
        work.forget(&example.address)?;
        blocks.push_str(&format!("import {{\n  to = {}\n  id = \"{}\"\n}}\n", example.address, example.id));
    }
    work.write("import.tf", &blocks)?;
    sim.forget_requests()?;
    let imported = work.apply()?.succeeded().context("importing all of them")?;
    ensure!(imported.says(&format!("{} imported, 0 added,", examples.len())), "{}", imported.told());
    std::fs::remove_file(work.path().join("import.tf"))?;
    let again = work.try_plan(&[])?;
    ensure!(again.code == Some(0), "the plan after the import is not empty: {}", again.told());

    work.destroy()?.succeeded().context("destroying all of them")?;
    let mut left = difference(&before, &sim.state()?);
    for (name, _) in resources {
        let beside = Beside::of(name)?;
        left.retain(|place| !beside.leaves(&place.path));
    }
    ensure!(left.is_empty(), "something is left behind: {left:#?}");
    let unmodelled = sim.unmodelled()?;
    ensure!(unmodelled.as_array().is_none_or(Vec::is_empty), "not simulated: {unmodelled}");
    Ok(())
}
