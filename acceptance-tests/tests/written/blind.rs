//! The whole road, planned by somebody who sees next to nothing of it, and planned while a node is dead.

use acceptance_tests::{Output, Program, Sim, Terraform, Workspace, example, or_skip};
use serde_json::{Value, json};

const SECRET: &str = "11111111-2222-3333-4444-555555555555";

/// Everything that there is a resource for, applied; and a token that may do nothing but ask for the cluster's status.
fn applied() -> anyhow::Result<Option<(Sim, Workspace)>> {
    let Some(terraform) = or_skip(Terraform::find()) else { return Ok(None) };
    let disk = |node: u32, n: u32| json!({ "path": format!("/dev/sd{}", ["b", "c"][n as usize - 1]), "size": "64G", "serial": format!("SIM{node:02}{n:02}") });
    let nodes = (1..=3).map(|node| json!({ "name": format!("pve{node}"), "disks": [disk(node, 1), disk(node, 2)] }));
    let user = json!({ "userid": "blind@pve", "tokens": [{ "id": "t", "privsep": false, "value": SECRET }] });
    let shape = json!({ "nodes": nodes.collect::<Vec<_>>(), "users": [user], "ceph": { "stage": "monitors" } });
    let sim = Sim::of(shape, &["--guest", "101", "--bandwidth", "2GiB/s"])?;
    let work = Workspace::of(terraform, &Program::provider()?, &sim)?;
    work.copy_example("ha-vm-on-ceph")?;
    let values = std::fs::read_to_string(example("ha-vm-on-ceph").join("terraform.tfvars.example"))?;
    work.write("terraform.tfvars", &values)?;
    work.write("pool.tf", "resource \"pve_pool\" \"web\" {\n  poolid = \"web\"\n}\n")?;
    work.init()?.succeeded()?;
    work.apply()?.succeeded()?;
    assert!(work.plan()?.is_empty());
    Ok(Some((sim, work)))
}

fn plan(work: &Workspace) -> anyhow::Result<Output> {
    work.run(&["plan", "-json", "-input=false", "-detailed-exitcode"])
}

/// `create pve_pool.web`, for everything that is planned.
fn planned(output: &Output) -> Vec<String> {
    let events = output.stdout.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let changes = events.filter(|event| event["type"] == "planned_change");
    changes.map(|event| format!("{} {}", event["change"]["action"], event["change"]["resource"]["addr"])).collect()
}

#[test]
fn what_a_token_cannot_see_is_never_planned_anew() -> anyhow::Result<()> {
    let Some((_sim, mut work)) = applied()? else { return Ok(()) };
    let token = format!("blind@pve!t={SECRET}");
    for (name, value) in [("PVE_USERNAME", ""), ("PVE_PASSWORD", ""), ("PVE_API_TOKEN", token.as_str())] {
        work.set(name, value);
    }
    let state = work.state()?;
    // One resource at a time: an error of one would keep the others from being planned.
    for resource in state["resources"].as_array().into_iter().flatten() {
        let kind = resource["type"].as_str().unwrap_or_default();
        let name = resource["name"].as_str().unwrap_or_default();
        let target = format!("-target={kind}.{name}");
        let output = work.run(&["plan", "-json", "-input=false", "-detailed-exitcode", &target])?;
        let anew: Vec<_> = planned(&output).into_iter().filter(|change| change.contains("create")).collect();
        assert!(anew.is_empty(), "{kind}: {anew:?}\n{}", output.gist());
        // It is told why, as an error or as a warning.
        assert!(
            !output.diagnostics().is_empty() && output.says("lacks") || output.says("may not see"),
            "{}",
            output.gist()
        );
    }
    let left = work.state()?;
    assert_eq!(left["resources"].as_array().map(Vec::len), state["resources"].as_array().map(Vec::len));
    Ok(())
}

#[test]
fn a_node_that_is_dead_while_planning_is_one_warning_and_nothing_planned() -> anyhow::Result<()> {
    let Some((sim, work)) = applied()? else { return Ok(()) };
    sim.power("pve1", false)?;
    sim.forget_requests()?;
    let output = plan(&work)?;
    assert_eq!(output.code, Some(0), "{}", output.gist());
    assert!(planned(&output).is_empty(), "{}", output.gist());
    let told: Vec<_> = output.diagnostics().into_iter().filter(|one| one.summary.contains("pve1")).collect();
    assert_eq!((told.len(), output.diagnostics().len()), (1, 1), "{}", output.gist());
    assert!(sim.mutations()?.is_empty());
    Ok(())
}
