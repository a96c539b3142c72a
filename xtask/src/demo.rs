//! `cargo xtask demo`: the whole road, told step by step.
//!
//! Each step says what it is about to do and fails the demo unless what it says has happened.

use std::fs;
use std::time::{Duration, Instant};

use acceptance_tests::{Output, Program, Sim, Terraform, Workspace, example};
use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

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
    let work = Workspace::of(terraform, &provider, &sim)?;
    copy_example(&work)?;
    let watch = Watch::new(terraform, &provider, &sim)?;
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
    println!("    vm:{VMID} runs on {} and is under HA.", watch.machine()?.0);

    step("terraform plan again");
    ensure!(work.plan()?.is_empty(), "the plan is not empty:\n{}", work.run(&["plan", "-no-color"])?.told());
    done("No changes.");

    step("A change in place: HA may now try two other nodes instead of one");
    work.write("demo.auto.tfvars", "max_relocate = 2\n")?;
    done(&last_line(&work.apply()?.succeeded()?, "Apply complete!")?);

    let (node, _) = watch.machine()?;
    step(&format!("The plug is pulled on {node}, where vm:{VMID} runs"));
    sim.power(&node, false)?;
    let begun_failover = Instant::now();
    let new = loop {
        match watch.machine() {
            Ok((now, state)) if now != node && state == "started" => break now,
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
    watch.wait_for_health()?;
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
    work.copy_example("ha-vm-on-ceph")?;
    let disks = fs::read_to_string(example("ha-vm-on-ceph").join("terraform.tfvars.example"))?;
    work.write("terraform.tfvars", &format!("{disks}\nvmid = {VMID}\nallow_destroy = true\n"))
}

/// The line that begins with `start`.
fn last_line(output: &Output, start: &str) -> Result<String> {
    let lines: Vec<&str> = output.stdout.lines().map(str::trim).filter(|line| line.starts_with(start)).collect();
    lines.last().map(|line| (*line).to_owned()).with_context(|| format!("no line with {start}:\n{}", output.told()))
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

/// A configuration of its own that only looks.
struct Watch(Workspace);

impl Watch {
    fn new(terraform: &'static Terraform, provider: &Program, sim: &Sim) -> Result<Self> {
        let work = Workspace::of(terraform, provider, sim)?;
        work.copy_example("watch")?;
        work.init()?.succeeded()?;
        Ok(Self(work))
    }

    fn output(&self, name: &str) -> Result<Value> {
        self.0.apply()?.succeeded()?;
        Ok(self.0.state()?["outputs"][name]["value"].clone())
    }

    /// Where the virtual machine that was there before runs, and what HA says of it.
    fn machine(&self) -> Result<(String, String)> {
        let services = self.output("services")?;
        let service = &services[format!("vm:{VMID}")];
        let text =
            |name: &str| service[name].as_str().map(str::to_owned).with_context(|| format!("no {name}: {services}"));
        Ok((text("node")?, text("state")?))
    }

    /// Ceph has to be whole again before OSDs can be taken away without loss.
    fn wait_for_health(&self) -> Result<()> {
        let begun = Instant::now();
        loop {
            let pgs = self.output("pgs")?;
            if pgs.as_object().is_some_and(|pgs| pgs.keys().all(|name| name == "active+clean")) {
                return Ok(());
            }
            ensure!(begun.elapsed() < PATIENCE, "Ceph has not recovered: {pgs}");
            std::thread::sleep(Duration::from_secs(1));
        }
    }
}
