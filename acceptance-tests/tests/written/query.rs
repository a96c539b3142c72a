//! `terraform query`: what exists is found, written down, and taken over from an empty folder.

use std::collections::BTreeSet;

use acceptance_tests::{Program, Sim, Terraform, Workspace};
use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use crate::road::scenario;

/// A folder with nothing but the provider's block.
pub(super) const EMPTY: &str = "terraform {\n  required_providers {\n    pve = {\n      source = \"homelab/pve\"\n    }\n  }\n}\n\nprovider \"pve\" {}\n";

/// Types and identities of what a state holds, but for moves of disks, which need no import.
pub(super) fn held(state: &Value) -> BTreeSet<(String, String)> {
    let mut held = BTreeSet::new();
    for resource in state["resources"].as_array().into_iter().flatten().filter(|r| r["mode"] == "managed") {
        let ty = resource["type"].as_str().unwrap_or_default();
        for instance in resource["instances"].as_array().into_iter().flatten().filter(|_| ty != "pve_vm_disk_move") {
            held.insert((ty.to_owned(), instance["identity"].to_string()));
        }
    }
    held
}

/// Another folder for the same cluster.
pub(super) fn elsewhere(sim: &Sim, main: &str) -> anyhow::Result<Workspace> {
    let work = Workspace::of(Terraform::find()?, &Program::provider()?, sim)?;
    work.write("main.tf", main)?;
    Ok(work)
}

/// Asks for everything that can be listed, and takes over what is found, by imports that write nothing and leave nothing to be
/// planned. `false` with a client that has no lists.
pub(super) fn query_all(sim: &Sim, fresh: &Workspace) -> anyhow::Result<bool> {
    let schemas = fresh.schemas()?;
    let ours = schemas["provider_schemas"].as_object().and_then(|all| all.values().next()).context("no schemas")?;
    // OpenTofu has no lists, and sees nothing different.
    let Some(lists) = ours["list_resource_schemas"].as_object() else { return Ok(false) };
    let block = |ty: &String| {
        format!(
            "list \"{ty}\" \"all\" {{\n  provider         = pve\n  include_resource = true\n  limit            = 1000\n}}\n"
        )
    };
    fresh.write("all.tfquery.hcl", &lists.keys().map(block).collect::<String>())?;
    sim.forget_requests()?;
    fresh.run(&["query", "-no-color", "-generate-config-out=generated.tf"])?.succeeded()?;
    let output = fresh.apply()?.succeeded()?;
    ensure!(output.says("0 added, 0 changed, 0 destroyed"), "{}", output.told());
    // What is read in a terminal is no write.
    let writes: Vec<_> = sim.mutations()?.into_iter().filter(|seen| !seen.path.ends_with("/termproxy")).collect();
    ensure!(writes.is_empty(), "{writes:?}");
    fresh.plans_nothing()?;
    Ok(true)
}

#[test]
fn what_the_scenario_has_made_is_found_and_taken_over_from_an_empty_folder() -> anyhow::Result<()> {
    let Some((sim, work)) = scenario(3, 1, 101, (3, 2))? else { return Ok(()) };
    work.apply()?.succeeded()?;
    let made = held(&work.state()?);

    let fresh = elsewhere(&sim, EMPTY)?;
    fresh.init()?.succeeded()?;
    if !query_all(&sim, &fresh)? {
        return Ok(());
    }
    let missing: Vec<_> = made.difference(&held(&fresh.state()?)).cloned().collect();
    ensure!(missing.is_empty(), "not taken over: {missing:?}");

    // One list, narrowed down; without `include_resource` names are enough.
    let one = "list \"pve_vm\" \"one\" {\n  provider = pve\n  config {\n    name = \"no-such-name\"\n  }\n}\n";
    fresh.write("all.tfquery.hcl", one)?;
    let output = fresh.run(&["query", "-json"])?.succeeded()?;
    ensure!(!output.says("list_resource_found") && output.says("list_complete"), "{}", output.told());
    ensure!(sim.unmodelled()? == json!([]), "asked for what the simulator does not know: {}", sim.unmodelled()?);
    Ok(())
}
