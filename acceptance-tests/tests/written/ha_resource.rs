//! `pve_ha_resource` and `pve_ha_status` with a real Terraform.

use acceptance_tests::{Sim, Workspace, cluster, cluster_of};

/// The guest's disk is local, which the configuration insists on.
fn ha(attributes: &str) -> String {
    format!("resource \"pve_ha_resource\" \"vm\" {{\nsid = \"vm:101\"\nallow_local = true\n{attributes}\n}}\n")
}

fn one_guest() -> anyhow::Result<Option<(Sim, Workspace)>> {
    cluster(&["--guest", "101"])
}

#[test]
fn a_guest_is_put_under_ha_changed_and_taken_out_again() -> anyhow::Result<()> {
    let Some((sim, work)) = one_guest()? else { return Ok(()) };
    work.write("main.tf", &ha("max_restart = 2\ncomment = \"web\""))?;
    work.apply()?.succeeded()?;
    let made = work.instance("pve_ha_resource.vm")?;
    assert_eq!(made["attributes"]["state"], "started");
    assert_eq!(made["attributes"]["max_relocate"], 1);
    assert_eq!(made["attributes"]["ready"], true);
    assert!(work.plan()?.is_empty());

    work.write("main.tf", &ha("max_restart = 3\nmax_relocate = 2\nfailback = false"))?;
    assert_eq!(work.plan()?.actions("pve_ha_resource.vm"), ["update"]);
    work.apply()?.succeeded()?;
    assert!(work.plan()?.is_empty());
    assert_eq!(work.instance("pve_ha_resource.vm")?["attributes"]["comment"], serde_json::Value::Null);

    work.write("main.tf", &ha("state = \"stopped\"\nmax_restart = 3"))?;
    work.apply()?.succeeded()?;
    assert!(work.plan()?.is_empty());
    work.write("main.tf", &ha("state = \"started\"\nmax_restart = 3"))?;
    work.apply()?.succeeded()?;

    work.run(&["state", "rm", "pve_ha_resource.vm"])?.succeeded()?;
    sim.forget_requests()?;
    work.import("pve_ha_resource.vm", "vm:101")?.succeeded()?;
    // `allow_local` is set and never sent: applying it asks PVE for nothing.
    work.apply()?.succeeded()?;
    assert!(work.plan()?.is_empty());
    assert!(sim.mutations()?.is_empty(), "{:?}", sim.mutations()?);

    work.destroy()?.succeeded()?;
    assert!(!sim.state()?.to_string().contains("vm:101"));
    Ok(())
}

#[test]
fn a_guest_that_could_not_be_started_elsewhere_is_refused_with_all_that_is_in_the_way() -> anyhow::Result<()> {
    let Some((sim, work)) = one_guest()? else { return Ok(()) };
    sim.forget_requests()?;
    work.write("main.tf", &ha("").replace("allow_local = true", ""))?;
    let output = work.apply()?.failed("vm:101 cannot be started on another node")?;
    assert!(output.says("scsi0: the volume local-lvm:"), "{}", output.told());
    assert!(output.says("pve_vm_disk_move") && output.says("allow_local = true"), "{}", output.told());
    assert!(!output.says("cloudinit"), "the cloud-init drive may be local:\n{}", output.told());
    assert!(sim.mutations()?.is_empty());
    Ok(())
}

#[test]
fn what_is_wrong_is_said_before_anything_is_written() -> anyhow::Result<()> {
    let Some((sim, work)) = one_guest()? else { return Ok(()) };
    sim.forget_requests()?;
    for (text, summary, cure) in [
        (ha("").replace("vm:101", "vm:999"), "Guest vm:999 does not exist", "VM.Audit"),
        (ha("").replace("vm:101", "101"), "vm:101", "did you mean"),
        (ha("").replace("vm:101", "qemu/101"), "must be vm:ID or ct:ID", "vm:101"),
        (ha("state = \"running\""), "started", "stopped"),
        (ha("comment = \"a\\nb\""), "one line", "line feeds"),
    ] {
        work.write("main.tf", &text)?;
        let output = work.apply()?.failed(summary)?;
        assert!(output.says(cure), "no word of {cure}:\n{}", output.told());
    }
    assert!(sim.mutations()?.is_empty());
    Ok(())
}

#[test]
fn a_guest_under_ha_already_is_not_taken_over_silently() -> anyhow::Result<()> {
    let Some((_sim, work)) = one_guest()? else { return Ok(()) };
    work.write("main.tf", &ha(""))?;
    work.apply()?.succeeded()?;
    // Until a run has seen it in the state, it might be what a killed Terraform never stored.
    assert!(work.plan()?.is_empty());
    work.run(&["state", "rm", "pve_ha_resource.vm"])?.succeeded()?;
    let output = work.apply()?.failed("HA resource vm:101 exists already")?;
    assert!(output.says("id = \"vm:101\""), "{}", output.told());
    Ok(())
}

#[test]
fn the_death_of_a_node_plans_nothing() -> anyhow::Result<()> {
    let Some((sim, work)) = one_guest()? else { return Ok(()) };
    work.write("main.tf", &ha(""))?;
    work.apply()?.succeeded()?;
    sim.power("pve1", false)?;
    assert!(work.plan()?.is_empty());
    sim.advance(400)?;
    assert!(work.plan()?.is_empty());
    Ok(())
}

#[test]
fn a_guest_that_ha_cannot_start_is_taken_out_again_and_the_task_is_quoted() -> anyhow::Result<()> {
    let shape = "guests:\n  - vmid: 101\n    node: pve1\n    running: false\n    config: {memory: \"512\", scsi0: \"local-lvm:4\", \
                 ide2: \"local:iso/missing.iso,media=cdrom\"}\n";
    let Some((sim, work)) = cluster_of(shape, &[])? else { return Ok(()) };
    work.write("main.tf", &ha("max_restart = 0\nmax_relocate = 0"))?;
    let output = work.apply()?.failed("HA could not start vm:101")?;
    assert!(output.says("TASK ERROR: volume 'local:iso/missing.iso' does not exist"), "{}", output.told());
    assert_eq!(work.instance("pve_ha_resource.vm")?, serde_json::Value::Null);
    assert_eq!(sim.state()?["ha"]["resources"], serde_json::json!([]));
    Ok(())
}

#[test]
fn a_guest_that_is_taken_out_is_waited_for_until_ha_has_let_go() -> anyhow::Result<()> {
    // So slow that HA's next round comes only when it is brought about.
    let Some((sim, work)) = cluster(&["--guest", "101", "--clock", "0.1"])? else { return Ok(()) };
    work.write("main.tf", &ha(""))?;
    let asked = |method: &str, path: &str| -> anyhow::Result<Option<usize>> {
        Ok(sim.requests()?.iter().position(|seen| seen.method == method && seen.path == path))
    };
    let mut running = work.start_apply()?;
    running
        .until("the guest is put under HA", || asked("POST", "/cluster/ha/resources").is_ok_and(|at| at.is_some()))?;
    sim.advance(60)?;
    running.wait()?.succeeded()?;

    let mut running = work.start(&["destroy", "-no-color", "-input=false", "-auto-approve"])?;
    let looks = || -> anyhow::Result<usize> {
        let Some(at) = asked("DELETE", "/cluster/ha/resources/vm:101")? else { return Ok(0) };
        Ok(sim.requests()?[at..].iter().filter(|seen| seen.path == "/cluster/ha/status/current").count())
    };
    running.until("the provider has looked twice whether HA has let go", || looks().is_ok_and(|n| n >= 2))?;
    sim.advance(60)?;
    running.wait()?.succeeded()?;
    Ok(())
}
