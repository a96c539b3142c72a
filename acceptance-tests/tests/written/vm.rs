//! `pve_vm` with a real Terraform: its life, and several at once. All else is in `src/in_process/machine_lives.rs` and
//! `machine_mishaps.rs`.

use acceptance_tests::given::{FULL_VM, vm};
use acceptance_tests::{Sim, cluster};

#[test]
fn a_vm_lives_from_its_creation_to_its_end() -> anyhow::Result<()> {
    let Some((sim, work)) = cluster(&[])? else { return Ok(()) };
    let before = sim.state()?;
    work.write("main.tf", &vm(FULL_VM))?;
    work.apply()?.succeeded()?;
    let made = work.instance("pve_vm.web")?;
    assert_eq!(made["attributes"]["ready"], true);
    assert_eq!(made["attributes"]["started"], true);
    assert_eq!(made["attributes"]["node"], "pve1");
    assert!(work.plan()?.is_empty());

    // Long enough for it not to be taken for what a run that was cut off has left.
    sim.advance(3 * 3600)?;
    sim.forget_requests()?;
    work.run(&["state", "rm", "pve_vm.web"])?.succeeded()?;
    let output = work.apply()?.failed("vm:131 on pve1 exists already")?;
    assert!(output.says("to = pve_vm.this id = \"131\""), "{}", output.told());
    work.import("pve_vm.web", "131")?.succeeded()?;
    // Local attributes are set; applying them asks PVE for nothing.
    work.apply()?.succeeded()?;
    assert!(work.plan()?.is_empty());
    assert!(sim.mutations()?.is_empty(), "{:?}", sim.mutations()?);

    work.destroy()?.succeeded()?;
    assert_eq!(sim.state()?, before);
    Ok(())
}

/// How many VMs there are.
fn vms(sim: &Sim) -> anyhow::Result<usize> {
    // Each disk's volume is named after its VM once in the configuration.
    let state = sim.state()?.to_string();
    Ok(state.matches("\"scsi0\":\"").count())
}

#[test]
fn several_vms_at_once_get_numbers_of_their_own() -> anyhow::Result<()> {
    let Some((sim, work)) = cluster(&[])? else { return Ok(()) };
    let text =
        "count = 4\nname = \"web-${count.index}\"\ndisks = { scsi0 = { size = \"1G\", storage = \"local-lvm\" } }";
    work.write("main.tf", &vm(&format!("allow_destroy = true\n{text}")))?;
    work.apply()?.succeeded()?;
    assert_eq!(vms(&sim)?, 4);
    assert!(work.plan()?.is_empty());
    work.destroy()?.succeeded()?;
    assert_eq!(vms(&sim)?, 0);
    Ok(())
}
