//! Who watches the judge: `terraform-core` beside a real Terraform, on each example. Both plan for the same cluster at the
//! same moment and have to say the same; what Terraform has stored, the judge plans nothing for, and reads again as
//! Terraform does; and what the judge applies by itself is what Terraform has applied.
//!
//! Of plain objects a sample is looked at, others every day (`AGREES_SEED` repeats one); all the others always.
//!
//! Whatever differs is a defect of `terraform-core`.

use acceptance_tests::lots::{draw, seed};
use acceptance_tests::{Beside, HEAD, Program, Sim, Terraform, Workspace};
use anyhow::{Context as _, ensure};
use serde_json::Value as Json;
use terraform_core::{Config, Core, Diagnostics, PlanOptions, Provider, State, compare};
use terraform_plugin::{Server, StopToken};
use terraform_provider_pve::{ADDRESS, PveProvider};

use super::Found;
use super::every_object::bench;
use super::every_object::description::Description;
use super::every_object::example::{Example, looked_up, of_data_source};

/// So many of the plain objects, of which there are many alike: others every day.
const PLAIN: usize = 2;

/// One for each example.
pub(super) fn find(terraform: &'static Terraform, provider: &Program) -> anyhow::Result<Vec<Found>> {
    let description = Description::of(provider)?;
    let (mut plain, mut chosen): (Vec<_>, Vec<_>) =
        description.resources.into_iter().partition(|(_, object)| object.plain);
    let mut random = fastrand::Rng::with_seed(seed("AGREES_SEED"));
    chosen.extend(std::iter::from_fn(|| draw(&mut random, &mut plain)).take(PLAIN));
    let resources = chosen.into_iter().map(|(name, _)| {
        let provider = provider.clone();
        Found::new(format!("resource::{name}"), move || {
            let example = Example::of(&name)?;
            let (sim, work) = bench(terraform, &provider, &name, &example.text)?;
            on_a_runtime(resource(&sim, &work, &example, Beside::of(&name)?.once))
        })
    });
    let data_sources = description.data_sources.into_iter().filter(|(_, object)| !object.plain).map(|(name, _)| {
        let provider = provider.clone();
        Found::new(format!("data::{name}"), move || {
            let text = of_data_source(&name)?;
            let (sim, work) = bench(terraform, &provider, &name, &text)?;
            make_what_is_looked_up(terraform, &provider, &sim, &name)?;
            on_a_runtime(data_source(&sim, &work, &text))
        })
    });
    Ok(resources.chain(data_sources).collect())
}

/// What there has to be for an example: somebody else has made it.
fn make_what_is_looked_up(
    terraform: &'static Terraform,
    provider: &Program,
    sim: &Sim,
    name: &str,
) -> anyhow::Result<()> {
    if let Some(made) = looked_up(name)? {
        let theirs = Workspace::of(terraform, provider, sim)?;
        theirs.write("head.tf", HEAD)?;
        theirs.write("main.tf", &made)?;
        theirs.init()?.succeeded()?;
        theirs.apply()?.succeeded()?;
    }
    Ok(())
}

fn on_a_runtime(check: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(check)
}

/// The judge, for that cluster.
async fn judge(sim: &Sim, work: &Workspace) -> anyhow::Result<Core> {
    let beside = work.path().join("judge");
    let launch = move || Provider::in_process(Server::<PveProvider>::beside(StopToken::new(), beside.clone()));
    Ok(Core::new(launch, sim.provider_block()).await.map_err(said)?.named(ADDRESS))
}

fn said(said: Diagnostics) -> anyhow::Error {
    anyhow::anyhow!("{said}")
}

fn agree(different: &[String]) -> anyhow::Result<()> {
    ensure!(different.is_empty(), "they differ:\n{}", different.join("\n"));
    Ok(())
}

/// Both plan, with these options.
async fn both_plan(
    core: &Core,
    work: &Workspace,
    config: &Config,
    options: &PlanOptions,
    words: &[&str],
) -> anyhow::Result<Json> {
    let ours = core.plan_with(config, options).await.map_err(said)?;
    let theirs = work.plan_with(words)?;
    agree(&compare::plans(&ours, &theirs.json))?;
    Ok(theirs.json)
}

/// `once`: it can be made but once in a cluster.
async fn resource(sim: &Sim, work: &Workspace, example: &Example, once: bool) -> anyhow::Result<()> {
    let config = Config::from_hcl(&example.text).map_err(anyhow::Error::msg)?;
    let mut core = judge(sim, work).await?;
    let plain = PlanOptions::default();
    let planned = both_plan(&core, work, &config, &plain, &[]).await.context("the plan to make it")?;
    work.apply()?.succeeded()?;
    let made = stored(work)?;

    core.state = made.clone();
    both_plan(&core, work, &config, &plain, &[]).await.context("the plan after it")?;
    core.refresh().await.map_err(said)?;
    work.run(&["apply", "-refresh-only", "-no-color", "-input=false", "-auto-approve"])?.succeeded()?;
    let refreshed = stored(work)?;
    agree(&compare::states(&core.state, &refreshed, core.schemas(), &|_, _| false))
        .context("the state after a refresh")?;

    let replace = PlanOptions { replace: vec![example.address.clone()], ..PlanOptions::default() };
    both_plan(&core, work, &config, &replace, &[&format!("-replace={}", example.address)])
        .await
        .context("to replace it")?;
    work.run(&["taint", &example.address])?.succeeded()?;
    core.taint(&example.address);
    both_plan(&core, work, &config, &plain, &[]).await.context("the plan when it is tainted")?;
    work.run(&["untaint", &example.address])?.succeeded()?;
    core.state = refreshed;

    imported(&mut core, work, &config, example).await.context("the plan to import it")?;
    let destroy = PlanOptions { destroy: true, ..PlanOptions::default() };
    both_plan(&core, work, &config, &destroy, &["-destroy"]).await.context("the plan to destroy it")?;
    work.destroy()?.succeeded()?;

    if once {
        return Ok(());
    }
    // The same by the judge alone.
    core.state = State::default();
    core.apply(&config).await.map_err(said)?;
    let unknown = |address: &str, name: &str| {
        let changes = planned["resource_changes"].as_array();
        let mine = changes.into_iter().flatten().find(|change| change["address"] == address);
        mine.is_some_and(|change| {
            change["change"]["after_unknown"][name] != Json::Null && change["change"]["after_unknown"][name] != false
        })
    };
    // What only the apply finds out may be another each time, and so what is kept of it.
    let volatile = |address: &terraform_core::Address, what: &str| {
        matches!(what, "private" | "identity") || unknown(&address.to_string(), what)
    };
    agree(&compare::states(&core.state, &made, core.schemas(), &volatile)).context("the state after an apply")?;
    core.destroy(&config).await.map_err(said)?;
    Ok(())
}

/// It is forgotten, and planned to be taken over.
async fn imported(core: &mut Core, work: &Workspace, config: &Config, example: &Example) -> anyhow::Result<()> {
    let before = (work.state()?, core.state.clone());
    let address = terraform_core::Address::from(example.address.as_str());
    let known = core.state.instances.remove(&address).context("it is not kept")?;
    let identity: Json = serde_json::from_str(&known.identity.context("it has no identity")?.1)?;
    work.forget(&example.address)?;
    work.write("import.tf", &format!("import {{\n  to       = {}\n  identity = {identity}\n}}\n", example.address))?;
    let config = config.clone().import_by_identity(&example.address, identity);
    both_plan(core, work, &config, &PlanOptions::default(), &[]).await?;
    std::fs::remove_file(work.path().join("import.tf"))?;
    work.write("terraform.tfstate", &before.0.to_string())?;
    core.state = before.1;
    Ok(())
}

async fn data_source(sim: &Sim, work: &Workspace, text: &str) -> anyhow::Result<()> {
    let config = Config::from_hcl(text).map_err(anyhow::Error::msg)?;
    let mut core = judge(sim, work).await?;
    both_plan(&core, work, &config, &PlanOptions::default(), &[]).await?;
    work.apply()?.succeeded()?;
    core.apply(&config).await.map_err(said)?;
    // Facts change by themselves: that they are told is enough.
    let facts = |address: &terraform_core::Address, what: &str| address.data && what != "schema_version";
    agree(&compare::states(&core.state, &stored(work)?, core.schemas(), &facts))
}

fn stored(work: &Workspace) -> anyhow::Result<State> {
    State::from_file(&work.state()?).map_err(anyhow::Error::msg)
}
