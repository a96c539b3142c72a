//! What a run that was cut off has made, and what merely looks like it: the journal beside Terraform's data must name it,
//! PVE must confirm it (its task, where there is one), and what is configured must agree. Everything else is told with its
//! `import` block. Further kinds of objects are in `src/in_process/taken_over.rs`.

use std::time::Duration;

use acceptance_tests::{Output, Sim, Workspace, cluster_of};
use anyhow::Context as _;
use serde_json::json;

const SHAPE: &str = include_str!("taken_over.yaml");

/// An object: how it is written, and what of it can be configured otherwise.
struct Case {
    address: &'static str,
    path: &'static str,
    usual: &'static str,
    otherwise: &'static str,
}

const CASES: &[Case] = &[
    Case {
        address: "pve_ceph_pool.this",
        path: "/nodes/*/ceph/pool",
        usual: "name = \"vm\"",
        otherwise: "pg_num = 16",
    },
    Case { address: "pve_pool.this", path: "/pools", usual: "poolid = \"team\"\ncomment = \"ours\"", otherwise: "" },
];

impl Case {
    /// Whether PVE makes it in a task, which tells who began it.
    fn has_task(&self) -> bool {
        self.path.starts_with("/nodes/")
    }

    fn text(&self, more: &str) -> String {
        let (kind, name) = self.address.split_once('.').unwrap_or_default();
        format!("resource \"{kind}\" \"{name}\" {{\n{}\n{more}\n}}\n", self.usual)
    }
}

/// Three nodes, each with an OSD on its first disk, and the workspace of a run whose provider was killed when PVE had made
/// the object.
fn cut_off(case: &Case) -> anyhow::Result<Option<(Sim, Workspace)>> {
    let Some((sim, work)) = cluster_of(SHAPE, &[])? else { return Ok(None) };
    work.write("main.tf", &case.text(""))?;
    sim.fault(&json!({
        "match": { "method": "POST", "path": case.path }, "when": "after", "effect": { "signal": "KILL", "to": "peer" },
    }))?;
    assert_eq!(work.apply()?.code, Some(1));
    sim.clear_faults()?;
    assert!(work.instance(case.address)?.is_null(), "a provider that was killed has nothing to say");
    // It is recorded when it has struck, which may be after its sender is dead.
    while sim.mutations()?.is_empty() {
        std::thread::sleep(Duration::from_millis(20));
    }
    sim.forget_requests()?;
    Ok(Some((sim, work)))
}

/// Not taken over, nothing written, and told how to import it.
fn told(sim: &Sim, work: &Workspace, case: &Case, output: Output) -> anyhow::Result<()> {
    let kind = case.address.split('.').next().unwrap_or_default();
    let output = output.failed("exists already")?;
    assert!(output.says(&format!("import {{ to = {kind}.this")), "{}", output.told());
    assert!(sim.mutations()?.is_empty(), "{:?}", sim.mutations()?);
    assert!(work.instance(case.address)?.is_null());
    Ok(())
}

#[test]
fn what_a_killed_run_has_made_is_taken_over_with_a_warning() -> anyhow::Result<()> {
    for case in CASES {
        let Some((sim, work)) = cut_off(case)? else { return Ok(()) };
        let output = work.apply()?.succeeded()?;
        assert!(output.says("What exists already is taken for ours"), "{}", output.told());
        assert!(sim.mutations()?.is_empty(), "{}: {:?}", case.address, sim.mutations()?);
        assert_ne!(work.instance(case.address)?["attributes"]["ready"], false, "{}", case.address);
        assert!(work.plan()?.is_empty(), "{}", case.address);
        // The entry is struck out once the state is seen to hold the object.
        work.write("main.tf", &format!("{}{ANOTHER}", case.text("")))?;
        work.apply()?.succeeded()?;
        assert_eq!(entries(&work)?, 1, "{}", case.address);
    }
    Ok(())
}

const ANOTHER: &str = "resource \"pve_pool\" \"another\" {\n  poolid = \"another\"\n}\n";

/// How many entries the journal holds.
fn entries(work: &Workspace) -> anyhow::Result<usize> {
    Ok(std::fs::read_dir(work.path().join(".terraform/pve-journal"))?.count())
}

#[test]
fn what_is_configured_otherwise_is_not_taken_over() -> anyhow::Result<()> {
    for case in CASES {
        let Some((sim, work)) = cut_off(case)? else { return Ok(()) };
        // Until the task has ended, its end is waited for.
        sim.advance(120)?;
        let other = case.text(case.otherwise).replace("\"ours\"", "\"theirs\"");
        work.write("main.tf", &other)?;
        told(&sim, &work, case, work.apply()?)?;
    }
    Ok(())
}

#[test]
fn what_the_journal_does_not_name_is_not_taken_over() -> anyhow::Result<()> {
    for case in CASES {
        let Some((sim, work)) = cut_off(case)? else { return Ok(()) };
        sim.advance(120)?;
        // Another checkout: the same user and token, and a state that never was about to make it.
        work.lose_journal()?;
        told(&sim, &work, case, work.apply()?)?;
    }
    Ok(())
}

#[test]
fn what_somebody_else_has_made_is_not_taken_over() -> anyhow::Result<()> {
    for case in CASES.iter().filter(|case| case.has_task()) {
        let Some((sim, mut work)) = cut_off(case)? else { return Ok(()) };
        sim.advance(120)?;
        // The token has made it; now root comes with the password.
        work.set("PVE_API_TOKEN", "");
        told(&sim, &work, case, work.apply()?)?;
    }
    Ok(())
}

#[test]
fn two_blocks_for_one_object_do_not_share_it() -> anyhow::Result<()> {
    for case in CASES {
        let Some((_sim, work)) = cluster_of(SHAPE, &[])? else { return Ok(()) };
        let twice = case.text("").replace("\"this\"", "\"other\"");
        work.write("main.tf", &format!("{}{twice}", case.text("")))?;
        let output = work.apply()?;
        assert!(output.code == Some(1) && output.says("already"), "{}", output.told());
        let state = work.state()?;
        let instances =
            state["resources"].as_array().into_iter().flatten().map(|r| r["instances"].as_array().map_or(0, Vec::len));
        assert_eq!(instances.sum::<usize>(), 1, "{state:#}");
    }
    Ok(())
}

const PARTITION: &str = "resource \"pve_ceph_osd\" \"this\" {\n  node = \"pve1\"\n  \
                         device = { serial = \"SIM0103\", partition = 4 }\n  allow_destroy = true\n}\n";

/// Three nodes, and the workspace of an OSD on a partition that holds nothing yet.
fn on_a_partition() -> anyhow::Result<Option<(Sim, Workspace)>> {
    let Some((sim, work)) = cluster_of(SHAPE, &[])? else { return Ok(None) };
    work.write("main.tf", PARTITION)?;
    Ok(Some((sim, work)))
}

/// The OSD on the partition is destroyed, and the provider was killed before it could free the partition, which PVE leaves
/// with LVM's type.
fn cut_off_before_wiping() -> anyhow::Result<Option<(Sim, Workspace)>> {
    let Some((sim, work)) = on_a_partition()? else { return Ok(None) };
    work.apply()?.succeeded()?;
    sim.fault(&json!({
        "match": { "method": "PUT", "path": "/nodes/*/disks/wipedisk" }, "when": "before",
        "effect": { "signal": "KILL", "to": "peer" },
    }))?;
    assert_eq!(work.destroy()?.code, Some(1));
    sim.clear_faults()?;
    assert_eq!(used(&sim)?, "LVM");
    sim.forget_requests()?;
    Ok(Some((sim, work)))
}

/// What the partition holds, in PVE's words.
fn used(sim: &Sim) -> anyhow::Result<serde_json::Value> {
    let state = sim.state()?;
    let all = |of: &serde_json::Value| of.as_array().cloned().unwrap_or_default();
    let disks = all(&state["nodes"]).iter().flat_map(|node| all(&node["disks"])).collect::<Vec<_>>();
    let disk = disks.iter().find(|disk| disk["path"] == "/dev/sdd").context("/dev/sdd")?;
    Ok(disk["partitions"]["4"].clone())
}

#[test]
fn a_partition_that_a_killed_run_has_emptied_is_freed_by_the_next() -> anyhow::Result<()> {
    let Some((sim, work)) = cut_off_before_wiping()? else { return Ok(()) };
    work.destroy()?.succeeded()?;
    assert_eq!(used(&sim)?, serde_json::Value::Null);
    let Some((_sim, work)) = cut_off_before_wiping()? else { return Ok(()) };
    work.apply()?.succeeded()?;
    assert_eq!(work.instance("pve_ceph_osd.this")?["attributes"]["ready"], true);
    assert!(work.plan()?.is_empty());
    Ok(())
}

#[test]
fn a_partition_that_was_emptied_is_only_erased_where_that_is_said() -> anyhow::Result<()> {
    let Some((sim, work)) = cut_off_before_wiping()? else { return Ok(()) };
    work.lose_journal()?;
    // Nothing that can be asked tells this from a partition with data.
    work.apply()?.failed("wipe_if = [\"LVM\"]")?;
    assert!(sim.mutations()?.is_empty(), "{:?}", sim.mutations()?);
    work.write("main.tf", &PARTITION.replace("\n}", "\n  wipe_if = [\"LVM\"]\n}"))?;
    work.apply()?.succeeded()?;
    assert_eq!(work.instance("pve_ceph_osd.this")?["attributes"]["ready"], true);
    assert!(work.plan()?.is_empty());
    Ok(())
}

#[test]
fn a_partition_where_somebody_has_made_a_volume_group_meanwhile_is_left_alone() -> anyhow::Result<()> {
    let Some((sim, work)) = on_a_partition()? else { return Ok(()) };
    work.apply()?.succeeded()?;
    let groups = json!({ "data": { "leaf": 0, "children": [
        { "name": "somebodys", "leaf": 0, "children": [{ "name": "/dev/sdd4", "leaf": 1 }] },
    ] } });
    sim.fault(&json!({
        "match": { "method": "GET", "path": "/nodes/*/disks/lvm" }, "when": "before",
        "effect": { "body": groups.to_string(), "content_type": "application/json" },
    }))?;
    work.destroy()?.succeeded()?;
    assert_eq!(sim.faults()?[0]["seen"], 1);
    assert_eq!(used(&sim)?, "LVM");
    Ok(())
}
