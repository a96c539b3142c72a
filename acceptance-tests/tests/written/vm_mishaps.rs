//! `pve_vm` when things go wrong: lost answers, killed providers, dead nodes, other people. Bad input is in
//! `src/in_process/wrong`.

use acceptance_tests::{Sim, cluster};
use serde_json::{Value, json};

fn vm(attributes: &str) -> String {
    format!("resource \"pve_vm\" \"web\" {{\nallow_destroy = true\n{attributes}\n}}\n")
}

const SMALL: &str = "name = \"web\"\ndisks = { scsi0 = { size = \"1G\", storage = \"local-lvm\" } }\n";

/// How many VMs there are.
fn vms(sim: &Sim) -> anyhow::Result<usize> {
    // Each disk's volume is named after its VM once in the configuration.
    let state = sim.state()?.to_string();
    Ok(state.matches("\"scsi0\":\"").count())
}

#[test]
fn what_pve_refuses_points_at_the_attribute() -> anyhow::Result<()> {
    let Some((sim, work)) = cluster(&[])? else { return Ok(()) };
    let before = sim.state()?;
    work.write("main.tf", &vm(&format!("{SMALL}cpu = \"no such, thing\"")))?;
    let output = work.apply()?.failed("Cannot create vm:100")?;
    assert!(output.says("with pve_vm.web") && output.says("cpu"), "{}", output.told());
    assert_eq!(sim.state()?, before);
    Ok(())
}

#[test]
fn several_vms_at_once_get_numbers_of_their_own() -> anyhow::Result<()> {
    let Some((sim, work)) = cluster(&[])? else { return Ok(()) };
    let text =
        "count = 4\nname = \"web-${count.index}\"\ndisks = { scsi0 = { size = \"1G\", storage = \"local-lvm\" } }";
    work.write("main.tf", &vm(text))?;
    work.apply()?.succeeded()?;
    assert_eq!(vms(&sim)?, 4);
    assert!(work.plan()?.is_empty());
    work.destroy()?.succeeded()?;
    assert_eq!(vms(&sim)?, 0);
    Ok(())
}

#[test]
fn lost_answers_make_nothing_twice() -> anyhow::Result<()> {
    for when in ["before", "after"] {
        let Some((sim, work)) = cluster(&[])? else { return Ok(()) };
        sim.fault(&json!({
            "match": {"method": "POST", "path": "/nodes/*/qemu"}, "when": when, "effect": {"drop": true}
        }))?;
        work.write("main.tf", &vm(SMALL))?;
        let output = work.apply()?;
        if when == "before" {
            output.failed("nothing was written")?;
            work.apply()?.succeeded()?;
        } else {
            // It has the uuid that was asked for: there is nothing to tell.
            let output = output.succeeded()?;
            assert!(!output.says("taken for ours") && !output.says("Warning"), "{}", output.told());
        }
        assert!(work.plan()?.is_empty(), "{when}");
        assert_eq!(vms(&sim)?, 1, "{when}");
    }
    Ok(())
}

#[test]
fn a_provider_killed_in_a_create_leaves_nothing_twice() -> anyhow::Result<()> {
    for (when, vmid) in [("before", ""), ("after", ""), ("after", "vmid = 150\n")] {
        let Some((sim, work)) = cluster(&[])? else { return Ok(()) };
        work.write("main.tf", &vm(&format!("{vmid}{SMALL}")))?;
        // The look at the tasks just before the request is held up until the provider's process is known.
        sim.fault(&json!({"match": {"method": "GET", "path": "/nodes/*/tasks"}, "effect": {"delay": "600s"}}))?;
        let mut running = work.start_apply()?;
        running.until("the provider looks at the tasks", || {
            sim.faults().is_ok_and(|faults| faults[0]["seen"].as_u64() == Some(1) || faults == json!([]))
        })?;
        for pid in running.providers()? {
            sim.fault(&json!({
                "match": {"method": "POST", "path": "/nodes/*/qemu"}, "when": when, "effect": {"kill": pid}
            }))?;
        }
        assert_eq!(running.wait()?.code, Some(1));
        sim.clear_faults()?;
        sim.advance(60)?;
        let output = work.apply()?;
        if when == "before" {
            output.succeeded()?;
        } else if !vmid.is_empty() {
            let output = output.succeeded()?;
            assert!(output.says("vm:150 on pve1 exists already"), "{}", output.told());
        } else {
            // No task can tell which resource a number that PVE has chosen belongs to; the uuid in the journal does.
            let output = output.succeeded()?;
            assert!(output.says("vm:100 on pve1 exists already"), "{}", output.told());
        }
        assert!(work.plan()?.is_empty());
        assert_eq!(vms(&sim)?, 1, "{when} {vmid}");
    }
    Ok(())
}

#[test]
fn a_vm_that_does_not_start_is_kept_and_started_by_the_next_apply() -> anyhow::Result<()> {
    let Some((sim, work)) = cluster(&[])? else { return Ok(()) };
    sim.fault(&json!({
        "match": {"method": "POST", "path": "/nodes/*/qemu/*/status/start"},
        "effect": {"task": "fail", "message": "no bridge vmbr9"}
    }))?;
    work.write("main.tf", &vm(&format!("{SMALL}started = true")))?;
    let output = work.apply()?.succeeded()?;
    assert!(output.says("Cannot start vm:100") && output.says("no bridge vmbr9"), "{}", output.told());
    let made = work.instance("pve_vm.web")?;
    assert_eq!((&made["attributes"]["ready"], &made["status"]), (&json!(false), &Value::Null));
    sim.clear_faults()?;
    work.apply()?.succeeded()?;
    assert_eq!(work.instance("pve_vm.web")?["attributes"]["ready"], true);
    assert!(work.plan()?.is_empty());
    assert_eq!(vms(&sim)?, 1);
    Ok(())
}

#[test]
fn a_create_that_fails_leaves_nothing() -> anyhow::Result<()> {
    let Some((sim, work)) = cluster(&[])? else { return Ok(()) };
    let before = sim.state()?;
    sim.fault(&json!({
        "match": {"method": "POST", "path": "/nodes/*/qemu"}, "effect": {"task": "fail", "message": "no space left"}
    }))?;
    work.write("main.tf", &vm(SMALL))?;
    let output = work.apply()?.failed("Cannot create vm:100")?;
    assert!(output.says("no space left"), "{}", output.told());
    assert!(work.instance("pve_vm.web")?.is_null());
    sim.clear_faults()?;
    assert_eq!(sim.state()?, before);
    Ok(())
}

#[test]
fn under_ha_only_ha_starts_and_stops_and_nothing_is_destroyed() -> anyhow::Result<()> {
    let Some((sim, work)) = cluster(&[])? else { return Ok(()) };
    let ha = "\nresource \"pve_ha_resource\" \"web\" {\nsid = \"vm:${pve_vm.web.vmid}\"\nallow_local = true\n}\n";
    work.write("main.tf", &(vm(&format!("{SMALL}started = true")) + ha))?;
    work.apply()?.succeeded()?;
    assert!(work.plan()?.is_empty());

    sim.forget_requests()?;
    work.write("main.tf", &(vm(&format!("{SMALL}started = false")) + ha))?;
    let output = work.apply()?.succeeded()?;
    assert!(output.says("HA decides whether a VM runs"), "{}", output.told());
    assert!(sim.mutations()?.is_empty(), "{:?}", sim.mutations()?);
    assert!(work.plan()?.is_empty());

    let output = work.run(&["destroy", "-no-color", "-auto-approve", "-target=pve_vm.web"])?;
    // Terraform takes what depends on it first; taken out of the state, HA's entry is in the way.
    output.succeeded()?;
    work.apply()?.succeeded()?;
    work.run(&["state", "rm", "pve_ha_resource.web"])?.succeeded()?;
    work.write("main.tf", &vm(&format!("{SMALL}started = true")))?;
    sim.forget_requests()?;
    work.destroy()?.failed("is under HA")?;
    assert!(sim.mutations()?.is_empty(), "{:?}", sim.mutations()?);
    Ok(())
}

#[test]
fn a_dead_node_plans_nothing_and_its_vm_is_not_destroyed() -> anyhow::Result<()> {
    let Some((sim, work)) = cluster(&[])? else { return Ok(()) };
    work.write("main.tf", &vm(&format!("node = \"pve2\"\n{SMALL}")))?;
    work.apply()?.succeeded()?;
    sim.power("pve2", false)?;
    let plan = work.plan()?;
    assert!(plan.is_empty());
    assert!(plan.output.says("its objects are kept as last seen"), "{}", plan.output.told());
    work.destroy()?.failed("pve2")?;
    assert_eq!(work.instance("pve_vm.web")?["attributes"]["vmid"], 100);
    Ok(())
}

#[test]
fn another_vm_with_the_same_number_is_not_destroyed() -> anyhow::Result<()> {
    let Some((sim, work)) = cluster(&[])? else { return Ok(()) };
    work.write("main.tf", &vm(SMALL))?;
    work.apply()?.succeeded()?;
    let ours = std::fs::read(work.path().join("terraform.tfstate"))?;
    work.destroy()?.succeeded()?;
    sim.advance(600)?;
    work.apply()?.succeeded()?;
    std::fs::write(work.path().join("terraform.tfstate"), ours)?;
    sim.forget_requests()?;
    work.destroy()?.failed("vm:100 is another VM now")?;
    assert!(sim.mutations()?.is_empty(), "{:?}", sim.mutations()?);
    assert_eq!(vms(&sim)?, 1);
    Ok(())
}

#[test]
fn a_disk_that_is_owned_here_moves_with_its_storage() -> anyhow::Result<()> {
    let Some((sim, work)) = cluster(&["--ceph", "ready"])? else { return Ok(()) };
    let ceph = "resource \"pve_ceph_pool\" \"vm\" {\nname = \"vm\"\nallow_destroy = true\n}\n\
                resource \"pve_storage_rbd\" \"vm\" {\nstorage = \"ceph-vm\"\npool = pve_ceph_pool.vm.name\n}\n";
    work.write("main.tf", &(vm(&format!("{SMALL}started = true\ndepends_on = [pve_storage_rbd.vm]")) + ceph))?;
    work.apply()?.succeeded()?;
    let there = SMALL.replace("local-lvm", "ceph-vm");
    work.write("main.tf", &(vm(&format!("{there}started = true\ndepends_on = [pve_storage_rbd.vm]")) + ceph))?;
    assert_eq!(work.plan()?.actions("pve_vm.web"), ["update"]);
    work.apply()?.succeeded()?;
    assert!(work.plan()?.is_empty());
    let state = sim.state()?.to_string();
    assert!(state.contains("ceph-vm:vm-100-disk-0") && !state.contains("unused0"), "{state}");
    work.destroy()?.succeeded()?;
    Ok(())
}

#[test]
fn a_refresh_costs_one_request_a_vm() -> anyhow::Result<()> {
    let ids: Vec<String> = (101..=120).map(|vmid: u32| vmid.to_string()).collect();
    let options: Vec<&str> = ids.iter().flat_map(|id| ["--guest", id.as_str()]).collect();
    let Some((sim, work)) = cluster(&options)? else { return Ok(()) };
    let text = "for_each = toset([for n in range(101, 121) : tostring(n)])\nvmid = tonumber(each.key)";
    let import = "import {\nfor_each = toset([for n in range(101, 121) : tostring(n)])\nto = pve_vm.web[each.key]\nid = each.key\n}\n";
    work.write("main.tf", &(vm(text) + import))?;
    work.apply()?.succeeded()?;
    sim.forget_requests()?;
    assert!(work.plan()?.is_empty());
    let asked = sim.requests()?.len();
    assert!(asked <= 26, "{asked} requests for 20 VMs: {:?}", sim.requests()?);
    Ok(())
}

#[test]
fn a_locked_vm_is_left_alone() -> anyhow::Result<()> {
    let Some((sim, work)) = cluster(&[])? else { return Ok(()) };
    work.write("main.tf", &vm(SMALL))?;
    work.apply()?.succeeded()?;
    sim.fault(&json!({
        "match": {"method": "POST", "path": "/nodes/*/qemu/*/config"},
        "effect": {"status": 500, "message": "VM is locked (backup)"}
    }))?;
    work.write("main.tf", &vm(&format!("{SMALL}cores = 2")))?;
    let output = work.apply()?.failed("Cannot change vm:100")?;
    assert!(output.says("locked by a running or interrupted operation (backup)"), "{}", output.told());
    work.apply()?.succeeded()?;
    assert!(work.plan()?.is_empty());
    Ok(())
}

#[test]
fn a_lost_answer_to_a_change_adds_no_disk_twice() -> anyhow::Result<()> {
    for when in ["before", "after"] {
        let Some((sim, work)) = cluster(&[])? else { return Ok(()) };
        work.write("main.tf", &vm(SMALL))?;
        work.apply()?.succeeded()?;
        sim.fault(&json!({
            "match": {"method": "POST", "path": "/nodes/*/qemu/*/config"}, "when": when, "effect": {"drop": true}
        }))?;
        let disk = |name: &str| format!("{name} = {{ size = \"1G\", storage = \"local-lvm\" }}\n");
        let two = format!("name = \"web\"\ndisks = {{\n{}{}}}\n", disk("scsi0"), disk("scsi1"));
        work.write("main.tf", &vm(&two))?;
        if when == "before" {
            work.apply()?.failed("nothing was written")?;
        }
        work.apply()?.succeeded()?;
        assert!(work.plan()?.is_empty(), "{when}");
        assert!(!sim.state()?.to_string().contains("vm-100-disk-2"), "{when}: a disk was made twice");
    }
    Ok(())
}

#[test]
fn a_number_that_somebody_else_takes_is_asked_for_anew() -> anyhow::Result<()> {
    let Some((sim, work)) = cluster(&[])? else { return Ok(()) };
    sim.fault(&json!({
        "match": {"method": "POST", "path": "/nodes/*/qemu"},
        "effect": {"status": 500, "message": "unable to create VM 100 - VM 100 already exists on node 'pve2'"}
    }))?;
    work.write("main.tf", &vm(SMALL))?;
    work.apply()?.succeeded()?;
    assert_eq!(work.instance("pve_vm.web")?["attributes"]["vmid"], 101);
    assert!(work.plan()?.is_empty());
    Ok(())
}

#[test]
fn a_vm_that_went_to_another_node_is_changed_and_destroyed_there() -> anyhow::Result<()> {
    let Some((sim, work)) = cluster(&["--ceph", "ready"])? else { return Ok(()) };
    let around = "resource \"pve_ceph_pool\" \"vm\" {\nname = \"vm\"\nallow_destroy = true\n}\n\
                  resource \"pve_storage_rbd\" \"vm\" {\nstorage = \"ceph-vm\"\npool = pve_ceph_pool.vm.name\n}\n";
    let ha = "resource \"pve_ha_resource\" \"web\" {\nsid = \"vm:${pve_vm.web.vmid}\"\n}\n";
    let disk = "node = \"pve3\"\ndisks = { scsi0 = { size = \"1G\", storage = pve_storage_rbd.vm.storage } }\n";
    work.write("main.tf", &(vm(disk) + around + ha))?;
    work.apply()?.succeeded()?;
    sim.power("pve3", false)?;
    sim.advance(600)?;
    let plan = work.plan()?;
    assert!(plan.is_empty(), "{}", plan.output.told());
    work.write("main.tf", &(vm(&format!("{disk}description = \"moved\"")) + around + ha))?;
    work.apply()?.succeeded()?;
    assert!(work.plan()?.is_empty());
    sim.power("pve3", true)?;
    sim.advance(600)?;
    work.destroy()?.succeeded()?;
    assert_eq!(vms(&sim)?, 0);
    Ok(())
}
