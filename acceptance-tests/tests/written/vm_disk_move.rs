//! `pve_vm_disk_move` with a real Terraform: its life, Ctrl-C, and two moves that Terraform begins at once. All else is in
//! `src/in_process/disk_moves.rs`.

use acceptance_tests::given::{CEPH_STORAGE, two_disks};
use acceptance_tests::{Sim, Workspace, cluster};
use serde_json::json;

/// 32 GiB take over nine simulated hours, nine minutes of real time: no machine is so slow that a move ends before it is
/// meant to ...
const SLOWLY: &str = "1MiB/s";
/// ... by putting the clock forward.
const LONG_ENOUGH: u64 = 36_000;

fn moved(attributes: &str) -> String {
    format!(
        "{CEPH_STORAGE}\nresource \"pve_vm_disk_move\" \"disk\" {{\nvmid = 101\ndisk = \"scsi0\"\n\
         storage = pve_storage_rbd.vm.storage\n{attributes}\n}}\n"
    )
}

/// A cluster with Ceph, its storage, and a running guest with 32 GiB on local-lvm.
fn with_storage(options: &[&str]) -> anyhow::Result<Option<(Sim, Workspace)>> {
    let all = [&["--ceph", "ready", "--guest", "101"], options].concat();
    let Some((sim, work)) = cluster(&all)? else { return Ok(None) };
    work.write("main.tf", CEPH_STORAGE)?;
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
    work.write("main.tf", CEPH_STORAGE)?;
    work.apply()?.succeeded()?;
    assert!(is_on_ceph(&sim)?);
    assert!(sim.mutations()?.is_empty(), "{:?}", sim.mutations()?);
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
