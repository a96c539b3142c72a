//! What becomes of an OSD from its creation to its end, and which one it is.

use acceptance_tests::{Sim, cluster};
use serde_json::json;

use super::{attributes, disks, osd};

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

#[test]
fn an_imported_osd_plans_nothing() -> anyhow::Result<()> {
    let Some((sim, work)) = disks()? else { return Ok(()) };
    work.write("main.tf", &osd("serial = \"TAKEN\"", "").replace("allow_destroy = true\n", ""))?;
    work.import("pve_ceph_osd.o", "0")?.succeeded()?;
    assert!(work.plan()?.is_empty());
    let found = attributes(&work)?;
    assert_eq!((&found["node"], &found["device"]["serial"]), (&json!("pve1"), &json!("TAKEN")));
    assert!(found["osd_fsid"].is_string());
    assert!(sim.mutations()?.is_empty());

    // Where it lies is asked for when something about that changes, and not before.
    sim.forget_requests()?;
    assert!(work.plan()?.is_empty());
    for seen in sim.requests()? {
        let dear = ["/disks/list", "/lv-info", "/metadata"].iter().any(|end| seen.path.ends_with(end));
        assert!(!dear, "{} {}", seen.method, seen.path);
    }
    Ok(())
}

#[test]
fn another_disk_is_another_osd_and_where_it_lies_is_told() -> anyhow::Result<()> {
    let Some((sim, work)) = disks()? else { return Ok(()) };
    work.write("main.tf", &osd("serial = \"FREE1\"", ""))?;
    work.apply()?.succeeded()?;
    sim.forget_requests()?;
    let (lies, words) = ("osd.1 lies on /dev/sdb of pve1", "device = { serial = \"FREE1\" }");
    let (other, elsewhere) = (osd("serial = \"EXT4\"", "wipe_if = [\"ext4\"]"), osd("serial = \"FREE1\"", ""));
    let elsewhere = elsewhere.replace("\"pve1\"", "\"pve2\"").replace("FREE1", "FREE2");
    for text in [&other, &elsewhere] {
        work.write("main.tf", text)?;
        let plan = work.plan()?;
        assert_eq!(plan.actions("pve_ceph_osd.o"), ["delete", "create"]);
        assert!(plan.output.says(lies) && plan.output.says(words), "{}", plan.output.told());
    }
    work.write("main.tf", &osd("serial = \"NONE\"", ""))?;
    work.try_plan(&[])?.failed("A disk with serial number NONE does not exist on pve1")?;
    assert!(sim.mutations()?.is_empty());

    // The way to a bigger disk.
    work.write("main.tf", &other)?;
    let output = work.apply()?.succeeded()?;
    assert!(output.says("Disks are erased for OSDs"), "{}", output.told());
    assert!(work.plan()?.is_empty());

    // Under the wrong key, nothing is planned silently.
    work.run(&["state", "rm", "pve_ceph_osd.o"])?.succeeded()?;
    sim.forget_requests()?;
    work.write("main.tf", &osd("serial = \"FREE1\"", "").replace("allow_destroy = true\n", ""))?;
    work.import("pve_ceph_osd.o", "0")?.succeeded()?;
    let output = work.try_plan(&[])?.failed("OSDs are protected")?;
    assert!(output.says("osd.0 lies on /dev/sdi of pve1"), "{}", output.told());
    assert!(sim.mutations()?.is_empty());
    Ok(())
}

#[test]
fn an_osd_is_taken_out_and_brought_in_as_it_is_said() -> anyhow::Result<()> {
    let Some((sim, work)) = disks()? else { return Ok(()) };
    let device = "path = \"/dev/sdb\"";
    let sent = |sim: &Sim| -> anyhow::Result<Vec<String>> {
        let asked = sim.mutations()?.into_iter().map(|seen| seen.path).collect();
        sim.forget_requests()?;
        Ok(asked)
    };
    work.write("main.tf", &osd(device, "in = false"))?;
    work.apply()?.succeeded()?;
    assert!(work.plan()?.is_empty() && attributes(&work)?["in"] == false && attributes(&work)?["ready"] == true);
    sim.forget_requests()?;
    work.write("main.tf", &osd(device, ""))?;
    let output = work.try_plan(&[])?.succeeded()?;
    assert!(output.says("OSDs are given no data") && output.says("osd.1 runs and is out"), "{}", output.told());
    work.write("main.tf", &osd(device, "in = true"))?;
    work.apply()?.succeeded()?;
    assert_eq!(sent(&sim)?, ["/nodes/localhost/ceph/osd/1/in"]);
    work.write("main.tf", &osd(device, ""))?;
    assert!(!work.try_plan(&[])?.succeeded()?.says("Warning:"));
    work.write("main.tf", &osd(device, "in = false"))?;
    work.apply()?.succeeded()?;
    assert_eq!(sent(&sim)?, ["/nodes/localhost/ceph/osd/1/out"]);
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
