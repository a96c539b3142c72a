//! The scenario of `examples/ha-vm-on-ceph`, on clusters of other shapes than its own.

use std::fs;

use acceptance_tests::{Program, Sim, Terraform, Workspace, import_blocks, or_skip};

/// A cluster with `nodes` nodes of `disks` empty disks, and the scenario for it.
pub(super) fn scenario(
    nodes: usize,
    disks: usize,
    vmid: u32,
    copies: (u32, u32),
) -> anyhow::Result<Option<(Sim, Workspace)>> {
    let Some(terraform) = or_skip(Terraform::find()) else { return Ok(None) };
    let count = |n: usize| n.to_string();
    let sim = Sim::start(&[
        "--nodes",
        &count(nodes),
        "--disks",
        &count(disks),
        "--guest",
        &vmid.to_string(),
        "--bandwidth",
        "1GiB/s",
        "--clock",
        "120",
    ])?;
    let work = Workspace::of(terraform, &Program::provider()?, &sim)?;
    work.copy_example("ha-vm-on-ceph")?;
    let serials = |n: usize| (1..=disks).map(|d| format!("\"SIM{n:02}{d:02}\"")).collect::<Vec<_>>().join(", ");
    let per_node: Vec<String> = (1..=nodes).map(|n| format!("  pve{n} = [{}]", serials(n))).collect();
    work.write(
        "terraform.tfvars",
        &format!(
            "osd_disks = {{\n{}\n}}\nvmid = {vmid}\ncopies = {{ size = {}, min_size = {} }}\nallow_destroy = true\n",
            per_node.join("\n"),
            copies.0,
            copies.1
        ),
    )?;
    work.init()?.succeeded()?;
    Ok(Some((sim, work)))
}

#[test]
fn five_nodes_with_a_disk_each_from_bare_disks_through_a_failover_and_down_again() -> anyhow::Result<()> {
    let Some((sim, work)) = scenario(5, 1, 205, (3, 2))? else { return Ok(()) };
    work.apply()?.succeeded()?;
    work.plans_nothing()?;
    let state = work.state()?;
    assert!(state.to_string().contains("ceph-vm:vm-205-disk-0"), "{state:#}");

    // A second apply asks PVE for nothing.
    sim.forget_requests()?;
    work.apply()?.succeeded()?;
    assert!(sim.mutations()?.is_empty(), "{:?}", sim.mutations()?);

    // Everything into an empty state: only what PVE is never told can differ.
    fs::remove_file(work.path().join("terraform.tfstate"))?;
    let main = fs::read_to_string(work.path().join("main.tf"))?;
    let import = main.find("import {").unwrap_or(main.len());
    let after = main[import..].find("}\n").map_or(main.len(), |end| import + end + 2);
    work.write("main.tf", &format!("{}{}", &main[..import], &main[after..]))?;
    work.write("imports.tf", &import_blocks(&state, |_| None))?;
    sim.forget_requests()?;
    let output = work.apply()?.succeeded()?;
    assert!(output.says("0 added") && output.says("0 destroyed"), "{}", output.told());
    assert!(sim.mutations()?.is_empty(), "{:?}", sim.mutations()?);
    work.plans_nothing()?;

    // A node dies, and its machine comes up elsewhere.
    sim.power("pve1", false)?;
    work.plans_nothing()?;
    sim.advance(600)?;
    work.plans_nothing()?;
    sim.power("pve1", true)?;
    sim.advance(900)?;
    assert_ne!(sim.state()?["guests"]["205"]["node"], "pve1");

    work.destroy()?.succeeded()?;
    let left = sim.state()?.to_string();
    for gone in ["vm:205", "ceph-vm", "replicated_rule_osd", "vm-205-disk"] {
        assert!(!left.contains(gone), "{gone} is still there");
    }
    Ok(())
}
