//! The scenario of `examples/from-bare-nodes`: nodes that do not know each other, the whole road, and back.

use std::fs;
use std::process::Command;

use acceptance_tests::given::{bare_nodes, bare_serial};
use acceptance_tests::{Program, Sim, Terraform, Workspace, import_blocks, or_skip};
use anyhow::{Context as _, ensure};
use serde_json::json;

use crate::query::{elsewhere, held};

/// So many freshly installed nodes of `disks` disks, the first with a virtual machine, and the scenario for them.
fn scenario(nodes: usize, disks: usize, copies: (u32, u32)) -> anyhow::Result<Option<(Sim, Workspace)>> {
    let Some(terraform) = or_skip(Terraform::find()) else { return Ok(None) };
    let sim = Sim::of(bare_nodes(nodes, disks, 101, 4), &["--bandwidth", "1GiB/s", "--clock", "240"])?;
    let mut work = Workspace::of(terraform, &Program::provider()?, &sim)?;
    work.set("TF_VAR_root_password", sim.password());
    work.copy_example("from-bare-nodes")?;
    let node = |n: usize| format!("pve{n}");
    let disks: Vec<(String, Vec<String>)> =
        (1..=nodes).map(|n| (node(n), (1..=disks).map(|d| bare_serial(n, d)).collect())).collect();
    let values = json!({
        "founder": "pve1",
        "members": (2..=nodes).map(node).collect::<Vec<_>>(),
        "osd_disks": disks.into_iter().collect::<std::collections::BTreeMap<_, _>>(),
        "copies": { "size": copies.0, "min_size": copies.1 },
        "allow_destroy": true,
    });
    work.write("terraform.tfvars.json", &values.to_string())?;
    work.init()?.succeeded()?;
    Ok(Some((sim, work)))
}

/// Nodes that have joined show other certificates: those that the apply has told.
fn fingerprints(work: &Workspace) -> anyhow::Result<String> {
    let state = work.state()?;
    let told = state["outputs"]["fingerprints"]["value"].as_str();
    Ok(told.context("no fingerprints in the outputs")?.to_owned())
}

/// They are trusted from now on.
fn trust_the_members(work: &mut Workspace) -> anyhow::Result<()> {
    let told = fingerprints(work)?;
    work.set("PVE_FINGERPRINTS", &told);
    Ok(())
}

#[test]
fn three_nodes_become_a_cluster_with_ceph_and_a_machine_under_ha_in_one_apply() -> anyhow::Result<()> {
    let Some((sim, mut work)) = scenario(3, 2, (5, 3))? else { return Ok(()) };
    let output = work.apply()?.succeeded()?;
    ensure!(output.says("Resources: 1 imported, 43 added, 1 changed, 0 destroyed."), "{}", output.told());
    trust_the_members(&mut work)?;
    work.plans_nothing()?;
    ensure!(sim.unmodelled()? == json!([]), "asked for what the simulator does not know: {}", sim.unmodelled()?);

    // Everything into an empty state: only what PVE is never told can differ.
    let blocks = import_blocks(&work.state()?, |_| None);
    fs::remove_file(work.path().join("terraform.tfstate"))?;
    let guests = fs::read_to_string(work.path().join("guests.tf"))?;
    let own = guests.find("resource \"pve_vm\"").context("no virtual machine in the example")?;
    work.write("guests.tf", &guests[own..])?;
    work.write("import.tf", &blocks)?;
    sim.forget_requests()?;
    let output = work.apply()?.succeeded()?;
    ensure!(output.says("0 added") && output.says("0 destroyed"), "{}", output.told());
    ensure!(sim.mutations()?.is_empty(), "{:?}", sim.mutations()?);
    fs::remove_file(work.path().join("import.tf"))?;
    work.plans_nothing()?;

    // Once more, by what the provider itself writes of what it finds.
    let made = held(&work.state()?);
    let (trusted, folder) = (fingerprints(&work)?, tempfile::tempdir()?);
    let written = Command::new(Program::provider()?.path)
        .args(["query", "--out"])
        .arg(folder.path().join("found"))
        .envs(sim.environment())
        .env("PVE_FINGERPRINTS", &trusted)
        .output()?;
    ensure!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));
    let mut fresh = elsewhere(&sim, "")?;
    for file in fs::read_dir(folder.path().join("found"))? {
        let path = file?.path();
        fresh.write(&path.file_name().unwrap_or_default().to_string_lossy(), &fs::read_to_string(&path)?)?;
    }
    fresh.set("PVE_FINGERPRINTS", &trusted);
    sim.forget_requests()?;
    fresh.init()?.succeeded()?;
    fresh.run(&["fmt", "-check", "-no-color"])?.succeeded()?;
    let output = fresh.apply()?.succeeded()?;
    ensure!(output.says("0 added, 0 changed, 0 destroyed"), "{}", output.told());
    ensure!(sim.mutations()?.is_empty(), "{:?}", sim.mutations()?);
    fresh.plans_nothing()?;
    let missing: Vec<_> = made.difference(&held(&fresh.state()?)).cloned().collect();
    ensure!(missing.is_empty(), "not taken over: {missing:?}");

    // And back: the founder is alone, as it was installed; the others are off.
    work.destroy()?.succeeded()?;
    let state = sim.state()?;
    ensure!(state["ceph"]["osds"] == json!({}) && state["ceph"]["mons"] == json!({}), "{:#}", state["ceph"]);
    ensure!(state["nodes"].as_array().is_some_and(|nodes| nodes.len() == 1), "{:#}", state["nodes"]);
    Ok(())
}

/// In whatever order the graph allows, one at a time too.
#[test]
fn five_nodes_one_step_after_the_other() -> anyhow::Result<()> {
    let Some((_sim, mut work)) = scenario(5, 1, (3, 2))? else { return Ok(()) };
    work.run(&["apply", "-auto-approve", "-input=false", "-no-color", "-parallelism=1"])?.succeeded()?;
    trust_the_members(&mut work)?;
    work.plans_nothing()
}
