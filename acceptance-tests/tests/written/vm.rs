//! `pve_vm` with a real Terraform: its life, and several at once. All else is in `src/in_process/machine_lives.rs` and
//! `machine_mishaps.rs`.

use acceptance_tests::{Sim, cluster};

fn vm(attributes: &str) -> String {
    format!("resource \"pve_vm\" \"web\" {{\n{attributes}\n}}\n")
}

const FULL: &str = r#"
vmid          = 131
name          = "web"
cores         = 2
memory        = 1024
scsi_hardware = "virtio-scsi-single"
description   = "line one\nline two"
tags          = ["web", "Prod"]
on_boot       = true
started       = true
disks = {
  scsi0 = { size = "8G", initial_storage = "local-lvm", discard = true, iothread = true }
  scsi1 = { size = "1536M", storage = "local-lvm", cache = "none" }
}
networks = {
  net0 = { bridge = "vmbr0", tag = 20, firewall = true }
}
cloud_init = {
  storage   = "local-lvm"
  user      = "ops"
  ssh_keys  = ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAhLwvtjKRGnNn7jxMRbrVIdFNJN0F3cg2AQ0YqqAd2y ops@example\n"]
  ip_config = { net0 = { ip = "192.0.2.10/24", gw = "192.0.2.1" } }
  dns       = { servers = ["192.0.2.53", "192.0.2.54"], domain = "example.com" }
}
allow_destroy = true
"#;

#[test]
fn a_vm_lives_from_its_creation_to_its_end() -> anyhow::Result<()> {
    let Some((sim, work)) = cluster(&[])? else { return Ok(()) };
    let before = sim.state()?;
    work.write("main.tf", &vm(FULL))?;
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
