//! `cargo xtask demo`: the whole road, told step by step.
//!
//! Each step says what it is about to do and fails the demo unless what it says has happened.

use std::fs;
use std::time::{Duration, Instant};

use acceptance_tests::given::bare_nodes;
use acceptance_tests::{Output, Program, Sim, Terraform, Workspace, example};
use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

/// The virtual machine that is there before Terraform is.
const VMID: &str = "101";
/// How fast disks move.
const OPTIONS: [&str; 2] = ["--bandwidth", "200MiB/s"];
/// How long a failover may take here. Simulated it takes up to three and a half minutes, a sixtieth of that in real time.
const PATIENCE: Duration = Duration::from_secs(120);

/// Where the demo begins.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// `bare`: nodes that do not know each other; `ceph`: a cluster with Ceph's monitors
    #[arg(long, value_name = "WHERE", default_value = "bare")]
    from: From,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum From {
    Bare,
    Ceph,
}

/// Runs the demo.
pub(crate) fn run(args: &Args) -> Result<bool> {
    let begun = Instant::now();
    println!(
        "Three nodes, two empty disks each, {}, and one virtual machine on a local disk.",
        match args.from {
            From::Bare => "freshly installed and each by itself",
            From::Ceph => "Ceph's monitors running",
        }
    );
    println!("Everything below happens to a simulated cluster on this machine; time passes sixty times as fast.\n");

    step("Building the provider and the simulated cluster");
    let provider = Program::provider()?;
    let terraform = Terraform::find()?;
    let sim = match args.from {
        From::Bare => Sim::of(bare_nodes(3, 2, VMID.parse()?, 32), &OPTIONS)?,
        From::Ceph => Sim::start(&[&["--nodes", "3", "--disks", "2", "--guest", VMID], &OPTIONS[..]].concat())?,
    };
    let mut work = Workspace::of(terraform, &provider, &sim)?;
    copy_example(&work, args.from)?;
    work.set("TF_VAR_root_password", sim.password());
    done(&format!("nodes {}", sim.endpoints().keys().cloned().collect::<Vec<_>>().join(", ")));

    step("terraform init, terraform validate");
    work.init()?.succeeded()?;
    let valid = work.validate()?;
    ensure!(valid["valid"] == Value::Bool(true), "the configuration is not valid: {valid}");
    done("the configuration is valid");

    step("terraform plan");
    done(&last_line(&work.run(&["plan", "-input=false", "-no-color"])?.succeeded()?, "Plan:")?);

    let ceph = "OSDs on every disk, the rule, the pool, its storage, the disk moved while the machine runs, HA";
    match args.from {
        From::Ceph => step(&format!("terraform apply: {ceph}")),
        From::Bare => step(&format!(
            "terraform apply: the cluster, the others join it, packages, Ceph's monitors, managers and metadata servers, {ceph}"
        )),
    }
    let applied = work.apply()?.succeeded()?;
    done(&last_line(&applied, "Apply complete!")?);
    let state = work.state()?;
    let osds = count(&state, "pve_ceph_osd");
    let volume = text(&state, "pve_vm_disk_move", "volume")?;
    let fingerprints = state["outputs"]["fingerprints"]["value"].as_str();
    if let Some(fingerprints) = fingerprints {
        work.set("PVE_FINGERPRINTS", fingerprints);
        println!("    A node that has joined shows another certificate: PVE_FINGERPRINTS is what the apply tells now.");
    }
    let watch = Watch::new(terraform, &provider, &sim, fingerprints)?;
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
    if args.from == From::Bare {
        let state = sim.state()?;
        ensure!(state["ceph"]["osds"] == json!({}) && state["ceph"]["mons"] == json!({}), "{:#}", state["ceph"]);
        println!("    pve1 is alone again; the others are off, and have to be installed anew before they join again.");
    }

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
fn copy_example(work: &Workspace, from: From) -> Result<()> {
    let name = match from {
        From::Bare => "from-bare-nodes",
        From::Ceph => "ha-vm-on-ceph",
    };
    work.copy_example(name)?;
    let disks = fs::read_to_string(example(name).join("terraform.tfvars.example"))?;
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
    fn new(terraform: &'static Terraform, provider: &Program, sim: &Sim, fingerprints: Option<&str>) -> Result<Self> {
        let mut work = Workspace::of(terraform, provider, sim)?;
        work.set_all(fingerprints.map(|all| ("PVE_FINGERPRINTS", all)));
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
