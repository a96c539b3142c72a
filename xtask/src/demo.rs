//! `cargo xtask demo`: the whole road, told step by step.
//!
//! Each step says what it is about to do and fails the demo unless what it says has happened.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use acceptance_tests::{Output, Program, Sim, Terraform, Workspace};
use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::cargo::workspace_root;

/// The virtual machine that is there before Terraform is.
const VMID: &str = "101";
/// How long a failover may take here. Simulated it takes up to three and a half minutes, a sixtieth of that in real time.
const PATIENCE: Duration = Duration::from_secs(120);

/// Runs the demo.
pub(crate) fn run() -> Result<bool> {
    let begun = Instant::now();
    println!("Three nodes, two empty disks each, Ceph's monitors running, and one virtual machine on a local disk.");
    println!("Everything below happens to a simulated cluster on this machine; time passes sixty times as fast.\n");

    step("Building the provider and the simulated cluster");
    let provider = Program::provider()?;
    let terraform = Terraform::find()?;
    let sim = Sim::start(&["--nodes", "3", "--disks", "2", "--guest", VMID, "--bandwidth", "200MiB/s"])?;
    let mut work = Workspace::new(terraform, &provider)?;
    work.set_all(sim.environment());
    copy_example(&work)?;
    done(&format!("nodes {}", sim.endpoints().keys().cloned().collect::<Vec<_>>().join(", ")));

    step("terraform init, terraform validate");
    work.init()?.succeeded()?;
    let valid = work.validate()?;
    ensure!(valid["valid"] == Value::Bool(true), "the configuration is not valid: {valid}");
    done("the configuration is valid");

    step("terraform plan");
    done(&last_line(&work.run(&["plan", "-input=false", "-no-color"])?.succeeded()?, "Plan:")?);

    step(
        "terraform apply: OSDs on every disk, the rule, the pool, its storage, the disk moved while the machine runs, HA",
    );
    let applied = work.apply()?.succeeded()?;
    done(&last_line(&applied, "Apply complete!")?);
    let state = work.state()?;
    let osds = count(&state, "pve_ceph_osd");
    let volume = text(&state, "pve_vm_disk_move", "volume")?;
    println!("    {osds} OSDs hold the pool; the disk of vm:{VMID} is now {volume}; its machine was never stopped.");
    println!("    vm:{VMID} runs on {} and is under HA.", runs_on(&state)?);

    step("terraform plan again");
    ensure!(work.plan()?.is_empty(), "the plan is not empty:\n{}", work.run(&["plan", "-no-color"])?.told());
    done("No changes.");

    step("A change in place: HA may now try two other nodes instead of one");
    work.write("demo.auto.tfvars", "max_relocate = 2\n")?;
    done(&last_line(&work.apply()?.succeeded()?, "Apply complete!")?);

    let state = work.state()?;
    let node = runs_on(&state)?;
    step(&format!("The plug is pulled on {node}, where vm:{VMID} runs"));
    sim.power(&node, false)?;
    let begun_failover = Instant::now();
    let new = loop {
        let state = refreshed(&work)?;
        match runs_on(&state) {
            Ok(now) if now != node && says_started(&state) => break now,
            _ => {}
        }
        ensure!(begun_failover.elapsed() < PATIENCE, "HA has not brought vm:{VMID} up elsewhere");
        std::thread::sleep(Duration::from_secs(1));
    };
    done(&format!("HA fenced {node} and started vm:{VMID} on {new}"));

    step(&format!("terraform plan, with {node} dead and the machine elsewhere"));
    let output = work.try_plan(&[])?;
    ensure!(work.plan()?.is_empty(), "the plan after the failover is not empty:\n{}", output.told());
    done("No changes.");

    step(&format!("{node} comes back, and everything is taken down again: terraform destroy"));
    sim.power(&node, true)?;
    wait_for_health(&work)?;
    let destroyed = work.destroy()?.succeeded()?;
    done(&last_line(&destroyed, "Destroy complete!")?);

    println!("\nThe whole road took {} s. The plan after the failover said:", begun.elapsed().as_secs());
    println!("No changes.");
    Ok(true)
}

fn step(what: &str) {
    println!("==> {what}");
}

fn done(what: &str) {
    println!("    {what}");
}

/// The scenario with the disks of the simulated nodes.
fn copy_example(work: &Workspace) -> Result<()> {
    let example = workspace_root().join("examples/ha-vm-on-ceph");
    for entry in fs::read_dir(&example).with_context(|| example.display().to_string())? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.ends_with(".tf") {
            work.write(&name, &fs::read_to_string(&path)?)?;
        }
    }
    let disks = fs::read_to_string(example.join("terraform.tfvars.example"))?;
    work.write("terraform.tfvars", &format!("{disks}\nvmid = {VMID}\nallow_destroy = true\n"))
}

/// The line that begins with `start`.
fn last_line(output: &Output, start: &str) -> Result<String> {
    let lines: Vec<&str> = output.stdout.lines().map(str::trim).filter(|line| line.starts_with(start)).collect();
    lines.last().map(|line| (*line).to_owned()).with_context(|| format!("no line with {start}:\n{}", output.told()))
}

/// The state after a refresh, which is how the data source learns where the machines run.
fn refreshed(work: &Workspace) -> Result<Value> {
    work.run(&["apply", "-refresh-only", "-auto-approve", "-input=false", "-no-color"])?;
    work.state()
}

fn resources<'a>(state: &'a Value, kind: &'a str) -> impl Iterator<Item = &'a Value> {
    let all = state["resources"].as_array().into_iter().flatten().filter(move |r| r["type"] == kind);
    all.flat_map(|r| r["instances"].as_array().into_iter().flatten())
}

fn count(state: &Value, kind: &str) -> usize {
    resources(state, kind).count()
}

fn text(state: &Value, kind: &str, attribute: &str) -> Result<String> {
    let found = resources(state, kind).find_map(|instance| instance["attributes"][attribute].as_str());
    found.map(str::to_owned).with_context(|| format!("no {kind} with {attribute} in the state"))
}

/// What the example's data source says of the virtual machine that was there before.
fn service(state: &Value) -> Result<BTreeMap<String, String>> {
    let instance = resources(state, "pve_ha_status").next().context("no pve_ha_status in the state")?;
    let service = &instance["attributes"]["services"][format!("vm:{VMID}")];
    let pairs = service.as_object().context("vm is not under HA")?;
    Ok(pairs.iter().filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect())
}

fn runs_on(state: &Value) -> Result<String> {
    service(state)?.remove("node").context("HA names no node")
}

fn says_started(state: &Value) -> bool {
    service(state).is_ok_and(|service| service.get("state").is_some_and(|state| state == "started"))
}

/// Ceph has to be whole again before OSDs can be taken away without loss.
fn wait_for_health(work: &Workspace) -> Result<()> {
    let begun = Instant::now();
    loop {
        let state = refreshed(work)?;
        let pgs = resources(&state, "pve_ceph_status").find_map(|i| i["attributes"]["pgs_by_state"].as_object());
        if pgs.is_some_and(|pgs| pgs.keys().all(|name| name == "active+clean")) {
            return Ok(());
        }
        ensure!(begun.elapsed() < PATIENCE, "Ceph has not recovered: {pgs:?}");
        std::thread::sleep(Duration::from_secs(1));
    }
}
