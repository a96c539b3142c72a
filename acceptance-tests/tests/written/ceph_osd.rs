//! `pve_ceph_osd` with a real Terraform: a life, a Terraform that is killed, and what Terraform does with several at once. All
//! else is in `src/in_process/osds/`.

use acceptance_tests::given::{OSD_DISKS, OSDS_IN_USE, osd, osds};
use acceptance_tests::{Sim, Workspace, cluster, cluster_of};
use serde_json::{Value, json};

fn disks() -> anyhow::Result<Option<(Sim, Workspace)>> {
    cluster_of(OSD_DISKS, &["--clock", "120"])
}

fn in_use() -> anyhow::Result<Option<(Sim, Workspace)>> {
    cluster_of(OSDS_IN_USE, &["--clock", "120"])
}

fn attributes(work: &Workspace) -> anyhow::Result<Value> {
    Ok(work.instance("pve_ceph_osd.o")?["attributes"].clone())
}

#[test]
fn an_osd_lives_from_a_free_partition_to_a_free_partition() -> anyhow::Result<()> {
    let Some((sim, work)) = disks()? else { return Ok(()) };
    let before = sim.state()?;
    let device = "serial = \"PARTS\"\npartition = 2";
    work.write("main.tf", &osd(device, "crush_device_class = \"fast\""))?;
    work.apply()?.succeeded()?;
    assert!(work.plan()?.is_empty());
    let made = attributes(&work)?;
    assert_eq!((&made["osd_id"], &made["ready"], &made["encrypted"]), (&json!(1), &json!(true), &json!(false)));
    assert_eq!(made["osd_fsid"].as_str().map(str::len), Some(36));

    work.write("main.tf", &osd(device, "crush_device_class = \"faster\""))?;
    assert_eq!(work.plan()?.actions("pve_ceph_osd.o"), ["update"]);
    work.apply()?.succeeded()?;
    assert!(work.plan()?.is_empty());
    assert_eq!(attributes(&work)?["crush_device_class"], "faster");

    // Other words for the same disk, and what is never sent.
    sim.forget_requests()?;
    work.write("main.tf", &osd("path = \"/dev/sdd2\"", "crush_device_class = \"faster\"\nforce = true"))?;
    let reworded = work.apply()?.succeeded()?;
    assert!(reworded.says("1 changed, 0 destroyed") && !reworded.says("Warning:"), "{}", reworded.told());
    assert!(work.plan()?.is_empty() && sim.mutations()?.is_empty());
    assert_eq!(attributes(&work)?["device"]["path"], "/dev/sdd2");

    work.destroy()?.succeeded()?;
    assert_eq!(sim.state()?, before);
    Ok(())
}

/// Both disks of every node, and with `pool` a pool on them.
fn six(pool: &str) -> String {
    format!(
        r#"resource "pve_ceph_osd" "all" {{
  for_each = toset(["pve1/sdb", "pve1/sdc", "pve2/sdb", "pve2/sdc", "pve3/sdb", "pve3/sdc"])
  node     = split("/", each.key)[0]
  device   = {{ path = "/dev/${{split("/", each.key)[1]}}" }}

  allow_destroy = true
}}
resource "pve_ceph_crush_rule" "osd" {{
  name           = "osd"
  failure_domain = "osd"
  device_class   = "ssd"
  depends_on     = [pve_ceph_osd.all]
}}
{pool}
"#
    )
}

#[test]
fn six_osds_a_rule_and_a_pool_come_and_go_in_one_apply() -> anyhow::Result<()> {
    let Some((sim, work)) = cluster(&["--ceph", "monitors", "--clock", "120"])? else { return Ok(()) };
    let before = sim.state()?;
    let pool = "resource \"pve_ceph_pool\" \"vm\" {\nname = \"vm\"\nsize = 5\nmin_size = 3\ncrush_rule = pve_ceph_crush_rule.osd.name\nallow_destroy = true\n}";
    work.write("main.tf", &six(pool))?;
    let applied = work.apply()?.succeeded()?;
    assert!(!applied.says("Warning:"), "{}", applied.told());
    assert!(work.plan()?.is_empty());
    work.destroy()?.succeeded()?;
    // `.mgr` was made by Ceph itself when the first OSDs came, and stays.
    let after = sim.state()?;
    assert_eq!(after["nodes"], before["nodes"]);
    assert_eq!(after["ceph"]["osds"], before["ceph"]["osds"]);
    Ok(())
}

#[test]
fn an_osd_that_a_killed_run_has_made_is_not_made_twice() -> anyhow::Result<()> {
    // What was made two hours ago is not taken for that, so they must not be over soon.
    let Some((sim, work)) = cluster_of(OSD_DISKS, &["--clock", "20"])? else { return Ok(()) };
    work.write("main.tf", &osd("serial = \"FREE1\"", ""))?;
    sim.fault(&json!({
        "match": { "method": "GET", "path": "/nodes/*/tasks/*/status" }, "effect": { "delay": "600s" },
    }))?;
    let mut running = work.start_apply()?;
    // The creation has been asked for, and nobody hears of its end.
    let asked = || sim.mutations().is_ok_and(|all| all.iter().any(|seen| seen.path.ends_with("/ceph/osd")));
    running.until("the OSD was asked for", asked)?;
    running.kill()?;
    drop(running);
    sim.clear_faults()?;
    sim.advance(120)?;
    let output = work.apply()?.succeeded()?;
    assert!(output.says("osd.1 on /dev/sdb of pve1 exists already"), "{}", output.told());
    assert!(work.plan()?.is_empty());
    let asked = sim.mutations()?.into_iter().filter(|seen| seen.path.ends_with("/ceph/osd")).count();
    assert_eq!(asked, 1);
    Ok(())
}

/// The cluster, and the workspace that holds some of its OSDs by import: (node, serial, number).
fn holding(which: &[(&str, &str, &str)], more: &str) -> anyhow::Result<Option<(Sim, Workspace)>> {
    let Some((sim, work)) = in_use()? else { return Ok(None) };
    let blocks: Vec<_> = which.iter().map(|(node, serial, _)| (*node, *serial)).collect();
    let imports =
        which.iter().map(|(_, serial, id)| format!("import {{\n  to = pve_ceph_osd.{serial}\n  id = \"{id}\"\n}}\n"));
    work.write("main.tf", &osds(&blocks, more))?;
    work.write("imports.tf", &imports.collect::<String>())?;
    work.apply()?.succeeded()?;
    std::fs::remove_file(work.path().join("imports.tf"))?;
    sim.forget_requests()?;
    Ok(Some((sim, work)))
}

#[test]
fn what_has_died_is_replaced_in_one_apply_by_words_that_were_never_applied() -> anyhow::Result<()> {
    let Some((sim, work)) = holding(&[("pve1", "SIM0101", "0")], "")? else { return Ok(()) };
    sim.kill_disk("pve1", "SIM0101")?;
    sim.put_in("pve1", &json!({ "path": "/dev/sdx", "size": "64G", "serial": "NEW" }))?;
    sim.advance(60)?;
    let block = |more: &str| osds(&[("pve1", "SIM0101")], more).replace("serial = \"SIM0101\"", "serial = \"NEW\"");
    work.write("main.tf", &block(""))?;
    work.apply()?.failed("OSDs are protected")?;
    // Plan and apply are two processes of the provider: what one has seen, the other is told by Terraform.
    work.write("main.tf", &block(FREE))?;
    let applied = work.apply()?.succeeded()?;
    assert!(applied.says("1 added, 0 changed, 1 destroyed"), "{}", applied.told());
    assert!(applied.says("OSDs whose disks are dead go"), "{}", applied.told());
    assert!(work.plan()?.is_empty());
    assert_eq!(count(&sim)?, 6);
    Ok(())
}

/// How many OSDs there are; six at the beginning.
fn count(sim: &Sim) -> anyhow::Result<usize> {
    Ok(sim.state()?["ceph"]["osds"].as_object().map_or(0, |osds| osds.len()))
}

const FREE: &str = "allow_destroy = true";
const FORCED: &str = "allow_destroy = true\nforce = true";

#[test]
fn a_host_that_the_copies_need_is_not_emptied_unless_forced() -> anyhow::Result<()> {
    let both = [("pve1", "SIM0101", "0"), ("pve1", "SIM0102", "1")];
    let Some((sim, work)) = holding(&both, FREE)? else { return Ok(()) };
    work.write("main.tf", "")?;
    let short = "its rule \"replicated_rule\" wants 3 hosts: every placement group would stay undersized";
    let output = work.plan()?.output;
    assert!(output.says("Warning: The removal of a pve_ceph_osd would fail as things are now"), "{}", output.told());
    assert!(output.says("OSDs cannot go: copies would have no place left"), "{}", output.told());
    assert!(output.says(short), "{}", output.told());
    // One after the other: what would be left of both is known to the second at the latest.
    let output = work.apply()?.failed("OSDs cannot go: copies would have no place left")?;
    assert!(output.says(short), "{}", output.told());
    assert!(count(&sim)? >= 5);
    assert!(work.state()?.to_string().contains("SIM010"));

    let left: Vec<_> = both.iter().map(|(node, serial, _)| (*node, *serial)).collect();
    let left: Vec<_> = left
        .into_iter()
        .filter(|(_, serial)| work.state().is_ok_and(|state| state.to_string().contains(serial)))
        .collect();
    work.write("main.tf", &osds(&left, FORCED))?;
    work.apply()?.succeeded()?;
    work.destroy()?.succeeded()?;
    assert_eq!(count(&sim)?, 4);
    Ok(())
}
