//! `pve_vm_disk_move` with a real Terraform. Bad input is in `src/in_process/wrong`.

use acceptance_tests::{Sim, Workspace, cluster};
use serde_json::json;

const STORAGE: &str = r#"
resource "pve_ceph_pool" "vm" {
  name          = "vm"
  allow_destroy = true
}
resource "pve_storage_rbd" "vm" {
  storage = "ceph-vm"
  pool    = pve_ceph_pool.vm.name
}
"#;

/// 32 GiB take over nine simulated hours, nine minutes of real time: no machine is so slow that a move ends before it is
/// meant to ...
const SLOWLY: &str = "1MiB/s";
/// ... by putting the clock forward.
const LONG_ENOUGH: u64 = 36_000;

fn moved(attributes: &str) -> String {
    format!(
        "{STORAGE}\nresource \"pve_vm_disk_move\" \"disk\" {{\nvmid = 101\ndisk = \"scsi0\"\n\
         storage = pve_storage_rbd.vm.storage\n{attributes}\n}}\n"
    )
}

/// A cluster with Ceph, its storage, and a running guest with 32 GiB on local-lvm.
fn with_storage(options: &[&str]) -> anyhow::Result<Option<(Sim, Workspace)>> {
    let all = [&["--ceph", "ready", "--guest", "101"], options].concat();
    let Some((sim, work)) = cluster(&all)? else { return Ok(None) };
    work.write("main.tf", STORAGE)?;
    work.apply()?.succeeded()?;
    sim.forget_requests()?;
    Ok(Some((sim, work)))
}

/// How often a move was begun.
fn moves(sim: &Sim) -> anyhow::Result<usize> {
    // One that PVE refused, since the configuration had changed meanwhile, is none.
    Ok(sim
        .mutations()?
        .iter()
        .filter(|seen| seen.path.ends_with("/move_disk") && seen.status.is_none_or(|status| status < 400))
        .count())
}

fn is_on_ceph(sim: &Sim) -> anyhow::Result<bool> {
    Ok(sim.state()?.to_string().contains("ceph-vm:vm-101-disk-"))
}

#[test]
fn a_disk_is_moved_while_its_vm_runs() -> anyhow::Result<()> {
    let Some((sim, work)) = with_storage(&[])? else { return Ok(()) };
    work.write("main.tf", &moved(""))?;
    work.apply()?.succeeded()?;
    let made = work.instance("pve_vm_disk_move.disk")?;
    assert_eq!(made["attributes"]["ready"], true);
    assert!(made["attributes"]["volume"].as_str().is_some_and(|volume| volume.starts_with("ceph-vm:vm-101-disk-")));
    assert!(work.plan()?.is_empty());
    assert!(sim.state()?.to_string().contains("unused0"), "the source stays as an unused disk");

    // To be deleted after all: that one volume is freed, nothing is moved.
    work.write("main.tf", &moved("delete_source = true"))?;
    work.apply()?.succeeded()?;
    assert!(!sim.state()?.to_string().contains("unused0"));
    assert!(work.plan()?.is_empty());
    assert_eq!(moves(&sim)?, 1);

    work.run(&["state", "rm", "pve_vm_disk_move.disk"])?.succeeded()?;
    sim.forget_requests()?;
    work.import("pve_vm_disk_move.disk", "101/scsi0")?.succeeded()?;
    work.apply()?.succeeded()?;
    assert!(work.plan()?.is_empty());
    // Already there is done: also without an import.
    work.run(&["state", "rm", "pve_vm_disk_move.disk"])?.succeeded()?;
    work.apply()?.succeeded()?;
    assert!(work.plan()?.is_empty());

    // Destroying leaves the disk where it is.
    work.write("main.tf", STORAGE)?;
    work.apply()?.succeeded()?;
    assert!(is_on_ceph(&sim)?);
    assert!(sim.mutations()?.is_empty(), "{:?}", sim.mutations()?);
    Ok(())
}

#[test]
fn a_move_that_is_left_alone_is_taken_up_again() -> anyhow::Result<()> {
    let Some((sim, work)) = with_storage(&["--bandwidth", SLOWLY])? else { return Ok(()) };
    let text = moved("delete_source = true\ndetach_after = \"2s\"");
    work.write("main.tf", &text)?;
    let output = work.apply()?.succeeded()?;
    assert!(output.says("vm:101 scsi0 is still moving"), "{}", output.told());
    assert!(output.says("detach_after (2s) is over; the task continues on pve1"), "{}", output.told());
    let made = work.instance("pve_vm_disk_move.disk")?;
    assert_eq!((&made["attributes"]["ready"], &made["status"]), (&json!(false), &json!(null)));
    assert_eq!(work.plan()?.actions("pve_vm_disk_move.disk"), ["update"]);

    let output = work.apply()?.succeeded()?;
    assert!(output.says("is still moving"), "{}", output.told());
    assert_eq!(moves(&sim)?, 1, "taken up again, not begun again");

    // It ends while nobody looks: the next plan has nothing to do.
    sim.advance(LONG_ENOUGH)?;
    assert!(work.plan()?.is_empty());
    work.apply()?.succeeded()?;
    assert_eq!(work.instance("pve_vm_disk_move.disk")?["attributes"]["ready"], true);
    assert!(is_on_ceph(&sim)?);
    assert_eq!(moves(&sim)?, 1);
    Ok(())
}

#[test]
fn an_interrupted_move_goes_on_and_is_finished_by_the_next_apply() -> anyhow::Result<()> {
    let Some((sim, work)) = with_storage(&["--bandwidth", SLOWLY])? else { return Ok(()) };
    work.write("main.tf", &moved(""))?;
    let mut running = work.start_apply()?;
    running.until("the move has begun", || moves(&sim).is_ok_and(|n| n == 1))?;
    running.interrupt()?;
    let output = running.wait()?;
    assert!(output.says("is still moving"), "{}", output.told());
    let made = work.instance("pve_vm_disk_move.disk")?;
    assert_eq!((&made["attributes"]["ready"], &made["status"]), (&json!(false), &json!(null)));

    let mut running = work.start_apply()?;
    running.until("the provider looks at the task", || {
        sim.requests().is_ok_and(|all| all.iter().rev().take(4).any(|seen| seen.path.contains("qmmove")))
    })?;
    sim.advance(LONG_ENOUGH)?;
    running.wait()?.succeeded()?;
    assert_eq!(work.instance("pve_vm_disk_move.disk")?["attributes"]["ready"], true);
    assert!(work.plan()?.is_empty());
    assert_eq!(moves(&sim)?, 1);
    Ok(())
}

#[test]
fn a_failed_move_leaves_nothing_and_no_state() -> anyhow::Result<()> {
    let Some((sim, work)) = with_storage(&[])? else { return Ok(()) };
    sim.fault(&json!({
        "match": {"method": "POST", "path": "/nodes/*/qemu/*/move_disk"},
        "effect": {"task": "fail", "message": "storage migration failed: no space left"}
    }))?;
    work.write("main.tf", &moved(""))?;
    let output = work.apply()?.failed("Cannot move vm:101 scsi0 to storage \"ceph-vm\"")?;
    assert!(output.says("no space left"), "{}", output.told());
    assert!(work.instance("pve_vm_disk_move.disk")?.is_null());
    sim.clear_faults()?;
    work.apply()?.succeeded()?;
    assert!(work.plan()?.is_empty());
    Ok(())
}

#[test]
fn lost_answers_are_settled_by_looking() -> anyhow::Result<()> {
    for when in ["before", "after"] {
        let Some((sim, work)) = with_storage(&[])? else { return Ok(()) };
        sim.fault(&json!({
            "match": {"method": "POST", "path": "/nodes/*/qemu/*/move_disk"}, "when": when,
            "times": 1, "effect": {"drop": true}
        }))?;
        work.write("main.tf", &moved(""))?;
        let output = work.apply()?;
        if output.code != Some(0) {
            assert!(output.says("nothing was written"), "{when}: {}", output.told());
            assert!(work.instance("pve_vm_disk_move.disk")?.is_null());
            work.apply()?.succeeded()?;
        }
        assert!(work.plan()?.is_empty(), "{when}");
        assert!(!sim.state()?.to_string().contains("unused1"), "moved once only");
    }
    Ok(())
}

/// A VM with two disks on local-lvm, both to be moved.
fn two_disks(first: &str, second: &str) -> String {
    let one = |disk: &str, attributes: &str| {
        format!(
            "resource \"pve_vm_disk_move\" \"{disk}\" {{\nvmid = pve_vm.two.vmid\ndisk = \"{disk}\"\n\
             storage = pve_storage_rbd.vm.storage\n{attributes}\n}}\n"
        )
    };
    let vm = "resource \"pve_vm\" \"two\" {\nvmid = 102\nstarted = true\nallow_destroy = true\ndisks = {\n\
              scsi0 = { size = \"4G\", initial_storage = \"local-lvm\" }\n\
              scsi1 = { size = \"32G\", initial_storage = \"local-lvm\" }\n}\ndepends_on = [pve_storage_rbd.vm]\n}\n";
    let moves = [("scsi0", first), ("scsi1", second)].into_iter().filter(|(_, attributes)| *attributes != "none");
    format!("{STORAGE}\n{vm}{}", moves.map(|(disk, attributes)| one(disk, attributes)).collect::<String>())
}

#[test]
fn two_disks_of_a_vm_are_moved_one_after_the_other() -> anyhow::Result<()> {
    let Some((sim, work)) = with_storage(&[])? else { return Ok(()) };
    work.write("main.tf", &two_disks("delete_source = true", "delete_source = true"))?;
    work.apply()?.succeeded()?;
    assert!(work.plan()?.is_empty());
    let vm = work.instance("pve_vm.two")?;
    let state = sim.state()?.to_string();
    assert!(state.contains("ceph-vm:vm-102-disk-0") && state.contains("ceph-vm:vm-102-disk-1"), "{vm}");
    work.run(&["state", "rm", "pve_vm_disk_move.scsi0", "pve_vm_disk_move.scsi1"])?.succeeded()?;
    work.write("main.tf", &two_disks("none", "none"))?;
    assert!(work.plan()?.is_empty(), "where the disks lie is not compared");
    work.destroy()?.succeeded()?;
    Ok(())
}

#[test]
fn another_disk_on_its_way_is_waited_for_or_named() -> anyhow::Result<()> {
    let Some((sim, work)) = with_storage(&["--bandwidth", SLOWLY])? else { return Ok(()) };
    work.write("main.tf", &two_disks("none", "detach_after = \"1s\""))?;
    work.apply()?.succeeded()?;
    work.write("main.tf", &two_disks("timeouts = { create = \"2s\" }", "detach_after = \"1s\""))?;
    let output = work.apply()?.failed("Cannot move vm:102 scsi0")?;
    assert!(output.says("scsi1 of vm:102 is being moved"), "{}", output.told());
    assert!(work.instance("pve_vm_disk_move.scsi0")?.is_null());
    assert_eq!(moves(&sim)?, 1);

    // A state that was lost: the move that runs is taken up, not begun again.
    work.run(&["state", "rm", "pve_vm_disk_move.scsi1"])?.succeeded()?;
    work.write("main.tf", &two_disks("none", "detach_after = \"1s\""))?;
    let output = work.apply()?.succeeded()?;
    assert!(output.says("vm:102 scsi1 is still moving"), "{}", output.told());
    assert_eq!(moves(&sim)?, 1);
    sim.advance(LONG_ENOUGH)?;
    work.write("main.tf", &two_disks("", "delete_source = true"))?;
    let mut running = work.start_apply()?;
    running.until("the second move has begun", || moves(&sim).is_ok_and(|n| n == 2))?;
    sim.advance(LONG_ENOUGH)?;
    running.wait()?.succeeded()?;
    assert!(work.plan()?.is_empty());
    Ok(())
}

#[test]
fn a_provider_killed_in_a_move_leaves_the_move_to_be_taken_up() -> anyhow::Result<()> {
    for when in ["before", "after"] {
        let Some((sim, work)) = with_storage(&["--bandwidth", "50MiB/s"])? else { return Ok(()) };
        work.write("main.tf", &moved("delete_source = true"))?;
        sim.fault(&json!({
            "match": {"method": "GET", "path": "/nodes/pve1/tasks"}, "nth": 2, "effect": {"delay": "600s"}
        }))?;
        let mut running = work.start_apply()?;
        running.until("the provider looks at the tasks", || {
            sim.faults().is_ok_and(|faults| faults[0]["seen"].as_u64().is_some_and(|seen| seen >= 2))
        })?;
        for pid in running.providers()? {
            sim.fault(&json!({
                "match": {"method": "POST", "path": "/nodes/*/qemu/*/move_disk"}, "when": when, "effect": {"kill": pid}
            }))?;
        }
        assert_eq!(running.wait()?.code, Some(1));
        sim.clear_faults()?;
        work.apply()?.succeeded()?;
        assert!(work.plan()?.is_empty(), "{when}");
        let state = sim.state()?.to_string();
        assert!(!state.contains("unused0") && !state.contains("ceph-vm:vm-101-disk-1"), "{when}: moved once");
    }
    Ok(())
}

#[test]
fn the_death_of_the_node_ends_a_move_and_it_is_begun_again_later() -> anyhow::Result<()> {
    let Some((sim, work)) = with_storage(&["--bandwidth", SLOWLY])? else { return Ok(()) };
    work.write("main.tf", &moved(""))?;
    let mut running = work.start_apply()?;
    running.until("the move has begun", || moves(&sim).is_ok_and(|n| n == 1))?;
    sim.power("pve1", false)?;
    let output = running.wait()?;
    assert!(output.says("pve1"), "{}", output.told());
    assert!(!output.says("tainted"), "{}", output.told());
    assert_ne!(work.instance("pve_vm_disk_move.disk")?["status"], json!("tainted"));
    sim.power("pve1", true)?;
    sim.advance(60)?;
    let mut running = work.start_apply()?;
    running.until("the move has begun again", || moves(&sim).is_ok_and(|n| n == 2))?;
    sim.advance(LONG_ENOUGH)?;
    running.wait()?.succeeded()?;
    assert!(work.plan()?.is_empty());
    assert!(is_on_ceph(&sim)?);
    Ok(())
}

#[test]
fn a_disk_that_pve_vm_owns_is_taken_up_again_too() -> anyhow::Result<()> {
    let Some((sim, work)) = with_storage(&["--bandwidth", SLOWLY])? else { return Ok(()) };
    let owned = |storage: &str| {
        format!(
            "{STORAGE}\nresource \"pve_vm\" \"web\" {{\nvmid = 101\ndisks = {{ scsi0 = {{ size = \"32G\", storage = \"{storage}\" }} }}\n}}\n"
        )
    };
    work.write("main.tf", &owned("local-lvm"))?;
    work.import("pve_vm.web", "101")?.succeeded()?;
    assert!(work.plan()?.is_empty());
    work.write("main.tf", &owned("ceph-vm"))?;
    let mut running = work.start_apply()?;
    running.until("the move has begun", || moves(&sim).is_ok_and(|n| n == 1))?;
    running.interrupt()?;
    let output = running.wait()?;
    assert!(output.says("vm:101 scsi0 is still moving"), "{}", output.told());
    assert_eq!(work.plan()?.actions("pve_vm.web"), ["update"]);
    sim.advance(LONG_ENOUGH)?;
    work.apply()?.succeeded()?;
    assert!(work.plan()?.is_empty());
    assert_eq!(moves(&sim)?, 1);
    assert!(is_on_ceph(&sim)?);
    Ok(())
}
