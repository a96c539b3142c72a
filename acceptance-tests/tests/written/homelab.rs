//! The modules in `examples/modules`: each with its own `terraform test`, and all of them twice in one configuration.

use std::fs;
use std::path::Path;

use acceptance_tests::{Sim, Workspace, cluster, cluster_of, example};
use anyhow::ensure;
use serde_json::json;

/// The cluster that the modules' own tests ask for.
const OPTIONS: [&str; 6] = ["--nodes", "3", "--guest", "101:2G", "--clock", "600"];

/// What the nodes of `virtual-lan` take besides: SSH.
const BY_SSH: &str = include_str!("../../../examples/modules/virtual-lan/tests/lan.yaml");

/// What `reverse-tunnel` takes: SSH, and the image of a cloud.
const AT_HOME: &str = include_str!("../../../examples/modules/reverse-tunnel/tests/home.yaml");

/// A cluster, and a workspace that holds the modules in `modules/`; nothing is configured yet.
fn with_modules() -> anyhow::Result<Option<(Sim, Workspace)>> {
    beside_modules(cluster(&OPTIONS)?)
}

fn beside_modules(begun: Option<(Sim, Workspace)>) -> anyhow::Result<Option<(Sim, Workspace)>> {
    let Some((sim, work)) = begun else { return Ok(None) };
    copy(&example("modules"), &work.path().join("modules"))?;
    Ok(Some((sim, work)))
}

fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        match entry.file_type()?.is_dir() {
            true => copy(&entry.path(), &to)?,
            false => drop(fs::copy(entry.path(), to)?),
        }
    }
    Ok(())
}

/// Runs a module's own tests, and looks that nothing of it is left.
fn tested(module: &str, runs: usize) -> anyhow::Result<()> {
    let Some((sim, work)) = with_modules()? else { return Ok(()) };
    let folder = format!("-chdir=modules/{module}");
    work.run(&[&folder, "init", "-no-color", "-input=false"])?.succeeded()?;
    let output = work.run(&[&folder, "test", "-no-color"])?.succeeded()?;
    ensure!(output.says(&format!("{runs} passed, 0 failed")), "{}", output.told());
    let state = sim.state()?;
    // Ceph's own pool came with the first OSD, and stays.
    let pools: Vec<&String> = state["ceph"]["pools"].as_object().into_iter().flatten().map(|(name, _)| name).collect();
    ensure!(pools == [".mgr"] && state["ceph"]["osds"] == json!({}), "{:#}", state["ceph"]);
    ensure!(!state["storage"].to_string().contains("ceph-vm"), "{:#}", state["storage"]);
    ensure!(sim.unmodelled()? == json!([]), "asked for what the simulator does not know: {}", sim.unmodelled()?);
    Ok(())
}

#[test]
fn ceph_from_disks_to_storages_passes_its_own_test() -> anyhow::Result<()> {
    tested("homelab-ceph", 4)
}

#[test]
fn guests_under_ha_pass_their_own_test() -> anyhow::Result<()> {
    tested("homelab-ha", 5)
}

#[test]
fn a_network_between_the_nodes_passes_its_own_test_and_is_made_twice() -> anyhow::Result<()> {
    let Some((near, work)) = beside_modules(cluster_of(BY_SSH, &[])?)? else { return Ok(()) };
    let before = near.state()?;
    let folder = "-chdir=modules/virtual-lan";
    work.run(&[folder, "init", "-no-color", "-input=false"])?.succeeded()?;
    let output = work.run(&[folder, "test", "-no-color"])?.succeeded()?;
    ensure!(output.says("4 passed, 0 failed"), "{}", output.told());
    ensure!(near.state()? == before, "something is left: {:#}", near.state()?["nodes"]);

    let far = Sim::of(BY_SSH, &[])?;
    fs::remove_file(work.path().join("head.tf"))?;
    let provider = |alias: &str, sim: &Sim| {
        let mut block = sim.provider_block();
        block["alias"] = json!(alias);
        block
    };
    let lan = |alias: &str, interface: &str| {
        let key = |n: u32| format!("{n}{}=", "A".repeat(42));
        let node = |n: u32| json!({ "endpoint": format!("192.0.2.{n}"), "address": format!("10.99.0.{n}/24"), "public_key": key(n) });
        json!({
            "source": "./modules/virtual-lan",
            "providers": { "pve": format!("pve.{alias}") },
            "interface": interface,
            "nodes": { "pve1": node(1), "pve2": node(2) },
            "private_keys": { "pve1": "hunter1", "pve2": "hunter2" },
        })
    };
    let configuration = json!({
        "terraform": { "required_providers": { "pve": { "source": "homelab/pve" } } },
        "provider": { "pve": [provider("near", &near), provider("far", &far)] },
        "module": { "near": lan("near", "wg-lan"), "far": lan("far", "wg-far") },
    });
    work.write("main.tf.json", &configuration.to_string())?;
    work.init()?.succeeded()?;
    let output = work.apply()?.succeeded()?;
    // Three files and a service on each of two nodes, twice.
    ensure!(output.says("Resources: 16 added, 0 changed, 0 destroyed."), "{}", output.told());
    for (sim, interface) in [(&near, "wg-lan"), (&far, "wg-far")] {
        let node = sim.state()?["nodes"][0].clone();
        let key = &node["files"][format!("/usr/local/etc/{interface}.key")];
        ensure!(key["content"] == "hunter1" && key["mode"] == "0600", "{node:#}");
        ensure!(
            node["units"][format!("{interface}.service")] == json!({ "enabled": true, "active": "active" }),
            "{node:#}"
        );
    }
    let state = fs::read_to_string(work.path().join("terraform.tfstate"))?;
    ensure!(!state.contains("hunter"), "a key is in the state");
    ensure!(work.plan()?.is_empty());
    work.destroy()?.succeeded()?;
    ensure!(near.state()? == before, "something is left: {:#}", near.state()?["nodes"]);
    Ok(())
}

#[test]
fn a_reverse_tunnel_passes_its_own_test() -> anyhow::Result<()> {
    let Some((home, work)) = beside_modules(cluster_of(AT_HOME, &[])?)? else { return Ok(()) };
    let before = home.state()?;
    let folder = "-chdir=modules/reverse-tunnel";
    work.run(&[folder, "init", "-no-color", "-input=false"])?.succeeded()?;
    let output = work.run(&[folder, "test", "-no-color"])?.succeeded()?;
    ensure!(output.says("4 passed, 0 failed"), "{}", output.told());
    ensure!(home.state()? == before, "something is left: {:#}", home.state()?["guests"]);
    ensure!(home.unmodelled()? == json!([]), "asked for what the simulator does not know: {}", home.unmodelled()?);
    Ok(())
}

#[test]
fn they_are_formatted() -> anyhow::Result<()> {
    let Some((_sim, work)) = with_modules()? else { return Ok(()) };
    work.run(&["fmt", "-check", "-diff", "-recursive", "-no-color", "modules"])?.succeeded()?;
    Ok(())
}

/// One configuration for two homelabs: the modules are used twice, each time with a provider of its own.
#[test]
fn two_clusters_in_one_apply() -> anyhow::Result<()> {
    let Some((near, work)) = with_modules()? else { return Ok(()) };
    let far = Sim::start(&OPTIONS)?;
    fs::remove_file(work.path().join("head.tf"))?;
    let provider = |alias: &str, sim: &Sim| {
        let mut block = sim.provider_block();
        block["alias"] = json!(alias);
        block
    };
    let ceph = |alias: &str| {
        json!({
            "source": "./modules/homelab-ceph",
            "providers": { "pve": format!("pve.{alias}") },
            "osds": {
                "pve1": [{ "serial": "SIM0101" }, { "serial": "SIM0102" }],
                "pve2": [{ "serial": "SIM0201" }, { "serial": "SIM0202" }],
                "pve3": [{ "serial": "SIM0301" }],
            },
        })
    };
    let ha = |alias: &str| {
        json!({
            "source": "./modules/homelab-ha",
            "providers": { "pve": format!("pve.{alias}") },
            "storage": format!("${{module.ceph_{alias}.storages[\"vm\"]}}"),
            "guests": { "db": { "vmid": 101 } },
        })
    };
    let configuration = json!({
        "terraform": { "required_providers": { "pve": { "source": "homelab/pve" } } },
        "provider": { "pve": [provider("near", &near), provider("far", &far)] },
        "module": {
            "ceph_near": ceph("near"), "ceph_far": ceph("far"), "ha_near": ha("near"), "ha_far": ha("far"),
        },
    });
    work.write("main.tf.json", &configuration.to_string())?;
    work.init()?.succeeded()?;
    let output = work.apply()?.succeeded()?;
    // Five OSDs, a rule, a pool, its storage, a move and HA, each twice.
    ensure!(output.says("Resources: 20 added, 0 changed, 0 destroyed."), "{}", output.told());
    for sim in [&near, &far] {
        let state = sim.state()?;
        ensure!(state["ceph"]["osds"].as_object().is_some_and(|osds| osds.len() == 5), "{:#}", state["ceph"]["osds"]);
        ensure!(state["guests"].to_string().contains("ceph-vm:vm-101-disk-0"), "{:#}", state["guests"]);
    }
    ensure!(work.plan()?.is_empty());
    Ok(())
}
