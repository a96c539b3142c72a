//! A move of nine hours, and one that stands still.
//!
//! Simulated time is put forward by hand, a step after each look that the provider takes at the task: however slow the
//! machine is, the provider sees as many looks in an hour of the cluster as it is meant to, and tickets age between them.

use std::collections::BTreeSet;

use acceptance_tests::{Running, Sim, Workspace, cluster_of};
use anyhow::{Context as _, ensure};
use serde_json::json;

const CONFIGURATION: &str = r#"
resource "pve_vm_disk_move" "disk" {
  vmid          = 101
  disk          = "scsi0"
  storage       = "ceph-vm"
  delete_source = true
  stall_timeout = "STALL"
}
"#;

/// Between two looks at the task. A ticket is renewed when 5400 s are over and dies at 7200 s.
const STEP: u64 = 1350;

/// Seconds that 32 GiB take at 1 MiB a second.
const WHOLE: u64 = 32 * 1024;

/// A cluster whose Ceph has a pool and whose guest's disk is on local-lvm of pve1, and a workspace with a login only: no
/// token spares it the tickets. `clock` is how many times as fast as real time it lives. The provider knows the nodes from
/// the second on, so that it is never pve1 that it asks.
fn moving(nodes: usize, bandwidth: &str, clock: &str, stall: &str) -> anyhow::Result<Option<(Sim, Workspace)>> {
    let node = |n: usize| {
        json!({
            "name": format!("pve{n}"),
            "disks": [{ "path": "/dev/sdb", "size": "64G", "serial": format!("SIM{n}") }],
        })
    };
    let shape = json!({
        "nodes": (1..=nodes).map(node).collect::<Vec<_>>(),
        "storages": [
            { "storage": "local-lvm", "type": "lvmthin", "vgname": "pve", "thinpool": "data", "content": ["images"], "size": "1T" },
            { "storage": "ceph-vm", "type": "rbd", "pool": "vm", "content": ["images"] },
        ],
        "guests": [{
            "vmid": 101, "node": "pve1", "name": "web", "running": true,
            "config": { "memory": "2048", "scsihw": "virtio-scsi-single", "scsi0": "local-lvm:32" },
        }],
        "ceph": { "stage": "ready", "pools": [{ "name": "vm", "pg_num": 32, "application": "rbd" }] },
    });
    let options = ["--bandwidth", bandwidth, "--clock", clock];
    let Some((sim, mut work)) = cluster_of(shape, &options)? else { return Ok(None) };
    work.set("PVE_API_TOKEN", "");
    for variable in ["PVE_ENDPOINTS", "PVE_FINGERPRINTS"] {
        let all = sim.environment().find(|(name, _)| *name == variable).map(|(_, all)| all).unwrap_or_default();
        let others: Vec<&str> = all.split(',').filter(|entry| !entry.starts_with("pve1=")).collect();
        work.set(variable, &others.join(","));
    }
    work.write("main.tf", &CONFIGURATION.replace("STALL", stall))?;
    Ok(Some((sim, work)))
}

/// How often something was asked for.
fn count(sim: &Sim, method: &str, ending: &str) -> anyhow::Result<usize> {
    Ok(sim.requests()?.iter().filter(|seen| seen.method == method && seen.path.ends_with(ending)).count())
}

/// Waits for a whole look at the task, from its state to its log, that began after now.
fn look(sim: &Sim, running: &mut Running) -> anyhow::Result<()> {
    let so_far = sim.requests()?.len();
    let looked = || -> anyhow::Result<bool> {
        let requests = sim.requests()?;
        let of_the_task = requests[so_far..].iter().filter(|seen| seen.path.contains("qmmove"));
        let ends: Vec<&str> = of_the_task.map(|seen| seen.path.rsplit('/').next().unwrap_or_default()).collect();
        Ok(ends.windows(2).any(|pair| pair == ["status", "log"]))
    };
    running.until("the provider looks at the move", || looked().is_ok_and(|looked| looked))
}

/// An apply whose move has begun.
fn begin(sim: &Sim, work: &Workspace) -> anyhow::Result<Running> {
    let mut running = work.start_apply()?;
    match running.until("the move has begun", || count(sim, "POST", "/move_disk").is_ok_and(|n| n == 1)) {
        Ok(()) => Ok(running),
        Err(error) => Err(error.context(running.wait()?.told())),
    }
}

/// Lets the time pass in steps, each after a look of the provider.
fn pass(sim: &Sim, running: &mut Running, steps: u64) -> anyhow::Result<()> {
    for _ in 0..steps {
        look(sim, running)?;
        sim.advance(STEP)?;
    }
    Ok(())
}

/// The tasks that were looked at.
fn tasks(sim: &Sim) -> anyhow::Result<BTreeSet<String>> {
    let requests = sim.requests()?;
    let tasks = requests.iter().filter_map(|seen| seen.path.split('/').find(|part| part.contains("qmmove")));
    Ok(tasks.map(str::to_owned).collect())
}

/// Whether the guest still names the volume that is moved away from.
fn has_source(sim: &Sim) -> anyhow::Result<bool> {
    Ok(sim.state()?["guests"].to_string().contains("local-lvm:vm-101-disk-0"))
}

#[test]
fn nine_hours_with_renewals_a_restart_a_death_and_an_interruption() -> anyhow::Result<()> {
    let Some((sim, mut work)) = moving(4, "1MiB/s", "0.2", "15m")? else { return Ok(()) };
    let mut running = begin(&sim, &work)?;
    pass(&sim, &mut running, 6)?;
    look(&sim, &mut running)?;
    running.interrupt()?;
    let output = running.wait()?;
    assert!(output.says("vm:101 scsi0 is still moving: 2"), "{}", output.told());
    assert!(output.says("Interrupted; the task continues on pve1"), "{}", output.told());
    let left = work.instance("pve_vm_disk_move.disk")?;
    assert_eq!((&left["attributes"]["ready"], &left["status"]), (&json!(false), &json!(null)));
    assert!(has_source(&sim)?, "the move goes on in PVE");

    work.set("TF_LOG", "INFO");
    let mut running = work.start_apply()?;
    pass(&sim, &mut running, 1)?;
    let logins = count(&sim, "POST", "/access/ticket")?;
    // The endpoint that answers is restarted: the other takes over.
    let asked = sim.requests()?.last().map(|seen| seen.node.clone()).context("nothing was asked")?;
    sim.power(&asked, false)?;
    pass(&sim, &mut running, 3)?;
    sim.power(&asked, true)?;
    pass(&sim, &mut running, 3)?;
    assert!(sim.requests()?.iter().rev().take(3).all(|seen| seen.node != "pve1"));
    // Of the nodes that take no part, one that is no endpoint in use dies for good.
    let now = sim.requests()?.last().map(|seen| seen.node.clone()).context("nothing was asked")?;
    let dies = ["pve2", "pve3", "pve4"].into_iter().find(|node| *node != asked && *node != now).context("no node")?;
    sim.power(dies, false)?;
    pass(&sim, &mut running, 11)?;
    sim.advance(WHOLE - 24 * STEP + 60)?;
    let output = running.wait()?.succeeded()?;
    work.set("TF_LOG", "");

    // How far it is, at once and later: percent, rate and time left.
    let told: Vec<&str> = output.stderr.lines().filter(|line| line.contains("moving: ")).collect();
    assert!(told.first().is_some_and(|line| line.contains("moving: 2") && line.contains(" of 32 GiB")), "{told:?}");
    assert!(told.last().is_some_and(|line| line.contains("iB/s, ") && line.contains(" left")), "{told:?}");

    let renewals = count(&sim, "POST", "/access/ticket")? - logins;
    assert!(renewals >= 4, "{renewals} renewals");
    let refused: Vec<_> = sim.requests()?.into_iter().filter(|seen| seen.status == Some(401)).collect();
    assert!(refused.is_empty(), "{refused:?}");
    assert_eq!(count(&sim, "POST", "/move_disk")?, 1, "taken up again, not begun again");
    assert_eq!(tasks(&sim)?.len(), 1, "{:?}", tasks(&sim)?);
    let made = work.instance("pve_vm_disk_move.disk")?;
    assert_eq!(made["attributes"]["ready"], true);
    assert!(!has_source(&sim)?, "the source is gone");
    assert!(work.plan()?.is_empty());
    Ok(())
}

#[test]
fn a_move_that_stands_still_is_told_and_goes_on_when_it_can() -> anyhow::Result<()> {
    let Some((sim, work)) = moving(5, "20MiB/s", "2", "3s")? else { return Ok(()) };
    let running = begin(&sim, &work)?;
    sim.advance(300)?;
    // Two hosts of five: some placement groups keep one copy of three, and take no I/O; not so long that Ceph makes
    // new ones elsewhere.
    for node in ["pve4", "pve5"] {
        sim.power(node, false)?;
    }
    sim.advance(60)?;
    let output = running.wait()?;
    ensure!(output.code == Some(0), "{}", output.told());
    assert!(output.says("vm:101 scsi0 is still moving: "), "{}", output.told());
    assert!(output.says(" of 32 GiB"), "{}", output.told());
    assert!(output.says("Not a byte was moved for 3s; the task continues on pve1"), "{}", output.told());
    let left = work.instance("pve_vm_disk_move.disk")?;
    assert_eq!((&left["attributes"]["ready"], &left["status"]), (&json!(false), &json!(null)));
    assert!(has_source(&sim)?);
    assert_eq!(work.plan()?.actions("pve_vm_disk_move.disk"), ["update"]);

    for node in ["pve4", "pve5"] {
        sim.power(node, true)?;
    }
    sim.advance(300)?;
    let mut running = work.start_apply()?;
    look(&sim, &mut running)?;
    sim.advance(3600)?;
    running.wait()?.succeeded()?;
    assert_eq!(count(&sim, "POST", "/move_disk")?, 1);
    assert_eq!(work.instance("pve_vm_disk_move.disk")?["attributes"]["ready"], true);
    assert!(work.plan()?.is_empty());
    Ok(())
}
