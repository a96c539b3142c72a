//! `pve_vm` with a real Terraform.

use acceptance_tests::cluster;
use serde_json::json;

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
fn a_vm_that_the_cluster_has_heard_nothing_of_yet_is_imported_as_it_is() -> anyhow::Result<()> {
    // The nodes tell of their guests every ten seconds, here more than a quarter of an hour.
    let Some((sim, work)) = cluster(&["--guest", "101", "--clock", "0.01"])? else { return Ok(()) };
    work.write("main.tf", &vm("vmid = 101\nstarted = true"))?;
    work.import("pve_vm.web", "101")?.succeeded()?;
    assert_eq!(work.instance("pve_vm.web")?["attributes"]["started"], true);
    assert!(work.plan()?.is_empty());
    // Nor later, when all know it.
    sim.advance(60)?;
    assert!(work.plan()?.is_empty());
    sim.forget_requests()?;
    assert!(work.plan()?.is_empty());
    let asked: Vec<String> = sim.requests()?.into_iter().map(|seen| seen.path).collect();
    assert!(!asked.iter().any(|path| path.ends_with("/status/current")), "{asked:?}");
    Ok(())
}

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

#[test]
fn an_imported_vm_with_nothing_but_its_number_plans_nothing() -> anyhow::Result<()> {
    let Some((sim, work)) = cluster(&["--guest", "101"])? else { return Ok(()) };
    let import = "import {\n  to = pve_vm.web\n  id = \"101\"\n}\n";
    work.write("main.tf", &format!("{}{import}", vm("vmid = 101")))?;
    sim.forget_requests()?;
    work.apply()?.succeeded()?;
    assert!(work.plan()?.is_empty());
    assert!(sim.mutations()?.is_empty(), "{:?}", sim.mutations()?);
    let found = work.instance("pve_vm.web")?;
    assert_eq!(found["attributes"]["started"], true);
    assert_eq!(found["attributes"]["disks"]["scsi0"]["storage"], "local-lvm");
    assert_eq!(found["attributes"]["disks"]["scsi0"]["size"], "32G");
    work.destroy()?.failed("vm:101 is protected")?;
    Ok(())
}

#[test]
fn changes_are_made_in_place() -> anyhow::Result<()> {
    let Some((sim, work)) = cluster(&[])? else { return Ok(()) };
    work.write("main.tf", &vm(FULL))?;
    work.apply()?.succeeded()?;

    // A running VM takes memory at its next stop and start.
    work.write("main.tf", &vm(&FULL.replace("1024", "2048").replace("\"8G\"", "\"10G\"").replace("tag = 20, ", "")))?;
    assert_eq!(work.plan()?.actions("pve_vm.web"), ["update"]);
    let output = work.apply()?.succeeded()?;
    assert!(output.says("memory take effect at its next stop and start"), "{}", output.told());
    assert!(work.plan()?.is_empty());
    let now = work.instance("pve_vm.web")?;
    assert_eq!(now["attributes"]["disks"]["scsi0"]["size"], "10G");
    assert_eq!(now["attributes"]["networks"]["net0"]["tag"], json!(null));

    let smaller = FULL.replace("1024", "2048").replace("\"8G\"", "\"9G\"");
    work.write("main.tf", &vm(&smaller))?;
    let output = work.try_plan(&[])?.failed("scsi0 cannot shrink from 10G to 9G")?;
    assert!(output.says("disks"), "{}", output.told());

    let without = FULL.replace("1024", "2048").replace("\"8G\"", "\"10G\"").replace("tag = 20, ", "");
    let without: String =
        without.lines().filter(|line| !line.contains("scsi1")).map(|line| format!("{line}\n")).collect();
    work.write("main.tf", &vm(&without.replace("started       = true", "started = false")))?;
    let output = work.apply()?.succeeded()?;
    assert!(output.says("A disk will be detached"), "{}", output.told());
    assert!(output.says("stays with the VM as unused0"), "{}", output.told());
    assert!(work.plan()?.is_empty());
    assert_eq!(work.instance("pve_vm.web")?["attributes"]["started"], false);

    let protected = without.replace("allow_destroy = true", "");
    work.write("main.tf", &vm(&protected))?;
    work.apply()?.succeeded()?;
    work.destroy()?.failed("vm:131 is protected")?;
    sim.forget_requests()?;
    Ok(())
}

#[test]
fn the_data_source_tells_where_a_vm_runs() -> anyhow::Result<()> {
    let Some((sim, work)) = cluster(&["--guest", "101"])? else { return Ok(()) };
    let lookup = |vmid: u32| {
        format!("data \"pve_vm\" \"it\" {{\nvmid = {vmid}\n}}\noutput \"it\" {{\nvalue = data.pve_vm.it\n}}\n")
    };
    work.write("main.tf", &lookup(101))?;
    work.apply()?.succeeded()?;
    let found = work.run(&["output", "-json", "it"])?.succeeded()?.json()?;
    assert_eq!((&found["node"], &found["running"]), (&json!("pve1"), &json!(true)));
    assert_eq!(found["drives"]["scsi0"]["size"], 34_359_738_368_u64);
    assert_eq!(found["drives"]["scsi0"]["storage"], "local-lvm");
    assert_eq!(found["ha_state"], json!(null));
    work.write("main.tf", &lookup(999))?;
    work.apply()?.failed("vm:999 does not exist")?;
    assert!(sim.mutations()?.is_empty());
    Ok(())
}

#[test]
fn a_disk_grows_and_moves_while_a_change_of_it_waits() -> anyhow::Result<()> {
    let Some((sim, work)) = cluster(&["--ceph", "ready"])? else { return Ok(()) };
    let config = |size: &str, storage: &str, cache: &str| {
        vm(&format!(
            "vmid = 131\nstarted = true\nallow_destroy = true\ndepends_on = [pve_storage_rbd.vm]\ndisks = {{ scsi0 = \
             {{ size = \"{size}\", storage = \"{storage}\", cache = \"{cache}\" }} }}"
        )) + "resource \"pve_ceph_pool\" \"vm\" {\nname = \"vm\"\n}\nresource \"pve_storage_rbd\" \"vm\" {\n\
              storage = \"ceph-vm\"\npool = pve_ceph_pool.vm.name\n}\n"
    };
    let steps = [
        ("1G", "local-lvm", "none"),
        // A running VM takes that at its next stop.
        ("1G", "local-lvm", "writeback"),
        ("2G", "local-lvm", "writeback"),
        ("2G", "ceph-vm", "writeback"),
    ];
    for (size, storage, cache) in steps {
        work.write("main.tf", &config(size, storage, cache))?;
        work.apply()?.succeeded()?;
        let plan = work.plan()?;
        assert!(plan.is_empty(), "{size} {storage} {cache}: {}", plan.output.told());
    }
    // What waits names what is there.
    let guest = &sim.state()?["guests"]["131"];
    assert_eq!(guest["pending"]["scsi0"], "ceph-vm:vm-131-disk-0,cache=writeback,size=2G");
    Ok(())
}
