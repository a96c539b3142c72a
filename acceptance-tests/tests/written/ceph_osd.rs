//! `pve_ceph_osd` with a real Terraform.

use acceptance_tests::{HEAD, Program, Sim, Terraform, Workspace, cluster, cluster_of, or_skip};
use serde_json::{Value, json};

/// Free disks, a disk with partitions, contents of several kinds, twins, and disks that tell no serial.
const CLUSTER: &str = r#"
nodes:
  - name: pve1
    disks:
      - {path: /dev/sdb, size: 64G, serial: FREE1}
      - {path: /dev/sdc, size: 64G, serial: EXT4, used: ext4}
      - path: /dev/sdd
        size: 128G
        serial: PARTS
        partitions:
          - {number: 1, size: 1G, used: ext4, mounted: true}
          - {number: 2, size: 32G}
          - {number: 3, size: 32G, used: xfs}
      - {path: /dev/sde, size: 64G, serial: TWIN}
      - {path: /dev/sdf, size: 64G, serial: TWIN}
      - {path: /dev/sdg, size: 64G, serial: unknown}
      - path: /dev/sdh
        size: 64G
        serial: OLD
        partitions:
          - {number: 1, size: 10G, used: ext4}
          - {number: 2, size: 10G}
      - {path: /dev/sdi, size: 64G, serial: TAKEN}
      - path: /dev/sdj
        size: 64G
        serial: HELD
        partitions: [{number: 1, size: 32G, used: LVM, held: true}]
  - name: pve2
    disks: [{path: /dev/sdb, size: 64G, serial: FREE2}]
  - name: pve3
    disks: [{path: /dev/sdb, size: 64G, serial: FREE3}]
ceph:
  stage: monitors
  osds: [{node: pve1, device: /dev/sdi}]
"#;

/// An OSD on a device with these further attributes.
fn osd(device: &str, more: &str) -> String {
    format!(
        "resource \"pve_ceph_osd\" \"o\" {{\nnode = \"pve1\"\ndevice = {{ {device} }}\nallow_destroy = true\n{more}\n}}\n"
    )
}

fn disks() -> anyhow::Result<Option<(Sim, Workspace)>> {
    cluster_of(CLUSTER, &["--clock", "120"])
}

/// Six OSDs, and a pool with the disk of a virtual machine on it.
const IN_USE: &str = r#"
storages:
  - {storage: local, type: dir, path: /var/lib/vz, content: [iso]}
  - {storage: vm, type: rbd, pool: vm, content: [images]}
guests:
  - {vmid: 101, node: pve2, config: {scsi0: "vm:8"}}
ceph:
  stage: ready
  pools: [{name: vm, size: 3, application: rbd}]
"#;

fn in_use() -> anyhow::Result<Option<(Sim, Workspace)>> {
    cluster_of(IN_USE, &["--clock", "120"])
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

#[test]
fn a_plan_knows_what_the_apply_will_say() -> anyhow::Result<()> {
    let Some((sim, work)) = disks()? else { return Ok(()) };
    let plan = |device: &str, more: &str| {
        work.write("main.tf", &osd(device, more))?;
        work.try_plan(&[])
    };
    // What the node itself contradicts fails the plan.
    plan("serial = \"NONE\"", "")?.failed("A disk with serial number NONE does not exist on pve1")?;
    plan("serial = \"PARTS\"", "")?.failed("Refusing to wipe disk PARTS on pve1")?;
    // What may be mended until then is told.
    for (device, more, told) in [
        ("serial = \"PARTS\"\npartition = 9", "", "Partition 9 of PARTS does not exist on pve1"),
        ("serial = \"EXT4\"", "", "Refusing to wipe disk EXT4 on pve1"),
        ("serial = \"TAKEN\"", "", "to = pve_ceph_osd.this"),
        ("serial = \"EXT4\"", "wipe_if = [\"ext4\"]", "Now there is on it: /dev/sdc (64 GiB, ext4)."),
        ("serial = \"OLD\"", "wipe_if = [\"ext4\"]", "with its 2 partitions"),
    ] {
        let output = plan(device, more)?;
        assert_eq!(output.code, Some(2), "{}", output.told());
        assert!(output.says("Warning:") && output.says(told), "{device}: {}", output.told());
    }
    assert!(!plan("serial = \"FREE1\"", "")?.says("Warning:"));

    // What this state holds is no obstacle to itself.
    work.apply()?.succeeded()?;
    for device in ["serial = \"FREE1\"", "path = \"/dev/sdb\""] {
        let output = plan(device, "encrypted = true")?;
        assert!(output.code == Some(2) && !output.says("Warning:"), "{}", output.told());
    }
    work.write("main.tf", &osd("serial = \"FREE1\"", "").replace("\"o\"", "\"renamed\""))?;
    let output = work.plan()?.output;
    assert!(output.says("moved {"), "{}", output.told());
    work.write("main.tf", &osd("path = \"/dev/sdb\"", "").replace("\"o\"", "\"renamed\""))?;
    let output = work.plan()?.output;
    // Unless Terraform plans the new block before it shows the old one.
    let known = output.says("moved {") && output.says("Two resources name one disk");
    assert!(known || output.says("exists already"), "{}", output.told());
    assert!(sim.mutations()?.iter().all(|seen| seen.path.ends_with("/ceph/osd")), "nothing but what was applied");
    Ok(())
}

#[test]
fn what_is_wrong_is_said_before_anything_is_written() -> anyhow::Result<()> {
    let Some((sim, work)) = disks()? else { return Ok(()) };
    for (device, more, summary, cure) in [
        ("path = \"/dev/sdz\"", "", "Disk /dev/sdz does not exist on pve1", "/dev/sdb (serial FREE1, 64 GiB)"),
        ("by_id = \"/dev/disk/by-id/ata-NONE\"", "", "does not exist on pve1", "PVE knows one link of each disk"),
        ("serial = \"NONE\"", "", "A disk with serial number NONE does not exist on pve1", "FREE1"),
        ("serial = \"PARTS\"\npartition = 9", "", "Partition 9 of PARTS does not exist on pve1", "1, 2, 3"),
        ("serial = \"TWIN\"", "", "Serial number TWIN is not unique on pve1", "/dev/sde and /dev/sdf"),
        ("serial = \"unknown\"", "", "is what PVE says of disks that tell none", "by_id"),
        ("path = \"/dev/sdb\"\nserial = \"FREE1\"", "", "device", "serial"),
        ("path = \"/dev/sdc\"", "", "Refusing to wipe disk EXT4 on pve1", "wipe_if = [\"ext4\"]"),
        (
            "path = \"/dev/sdc\"",
            "wipe_if = [\"xfs\"]",
            "Refusing to wipe disk EXT4 on pve1",
            "ext4. Nothing was written.",
        ),
        (
            "path = \"/dev/sdd\"",
            "wipe_if = [\"ext4\", \"xfs\", \"partitions\"]",
            "Refusing to wipe disk PARTS on pve1",
            "/dev/sdd1: 1 GiB, mounted",
        ),
        ("path = \"/dev/sdd1\"", "wipe_if = [\"ext4\"]", "Refusing to wipe partition 1 of PARTS on pve1", "mounted"),
        ("path = \"/dev/sdb\"", "wipe_if = [\"mounted\"]", "what is mounted is never erased", "wipe_if"),
        (
            "path = \"/dev/sdi\"",
            "wipe_if = [\"LVM\"]",
            "OSD osd.0 on /dev/sdi of pve1 exists already",
            "to = pve_ceph_osd.this",
        ),
    ] {
        work.write("main.tf", &osd(device, more))?;
        let output = work.apply()?.failed(summary)?;
        assert!(output.says(cure), "{device} {more}: no word of {cure}:\n{}", output.told());
        assert_eq!(work.state()?["resources"].as_array().map_or(0, Vec::len), 0, "{device} {more}");
    }
    work.write("main.tf", &osd("path = \"/dev/sdb\"", "").replace("pve1", "pve9"))?;
    work.apply()?.failed("pve9")?;
    let sent: Vec<_> = sim.mutations()?.into_iter().map(|seen| format!("{} {}", seen.method, seen.path)).collect();
    assert!(sent.is_empty(), "{sent:?}");

    // That something has a device open is known to PVE alone, which then refuses to erase it.
    work.write("main.tf", &osd("serial = \"HELD\"\npartition = 1", "wipe_if = [\"LVM\"]"))?;
    let output = work.apply()?.failed("Cannot wipe /dev/sdj1 on pve1")?;
    assert!(output.says("has a holder"), "{}", output.told());
    assert_eq!(work.state()?["resources"].as_array().map_or(0, Vec::len), 0);
    Ok(())
}

#[test]
fn what_may_be_erased_is_erased_and_only_that() -> anyhow::Result<()> {
    let Some((sim, work)) = disks()? else { return Ok(()) };
    for device in ["path = \"/dev/sdc\"", "serial = \"OLD\""] {
        work.write("main.tf", &osd(device, "wipe_if = [\"ext4\"]"))?;
        sim.forget_requests()?;
        work.apply()?.succeeded()?;
        assert!(work.plan()?.is_empty(), "{device}");
        let wiped = sim.mutations()?.iter().filter(|seen| seen.path.ends_with("/disks/wipedisk")).count();
        assert_eq!(wiped, 1, "{device}");
        work.destroy()?.succeeded()?;
    }
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
fn a_creation_cut_off_at_any_request_is_carried_on_by_the_next_apply() -> anyhow::Result<()> {
    let Some((sim, work)) = disks()? else { return Ok(()) };
    let text = osd("serial = \"PARTS\"\npartition = 3", "wipe_if = [\"xfs\"]");
    work.write("main.tf", &text)?;
    work.apply()?.succeeded()?;
    let undisturbed = sim.state()?;
    let rows = [
        ("POST", "/nodes/*/ceph/osd", "before", json!({ "drop": true })),
        ("POST", "/nodes/*/ceph/osd", "after", json!({ "drop": true })),
        ("POST", "/nodes/*/ceph/osd", "before", json!({ "status": 500, "message": "no luck" })),
        ("POST", "/nodes/*/ceph/osd", "before", json!({ "task": "fail", "message": "no luck" })),
        ("POST", "/nodes/*/ceph/osd", "after", json!({ "task": "fail", "message": "no luck" })),
        ("POST", "/nodes/*/ceph/osd", "before", json!({ "task": "vanish" })),
        ("POST", "/nodes/*/ceph/osd", "after", json!({ "task": "vanish" })),
        ("GET", "/nodes/*/ceph/osd/*/lv-info", "before", json!({ "status": 500, "message": "no luck" })),
        ("GET", "/nodes/*/disks/list", "before", json!({ "drop": true })),
    ];
    for (method, path, when, effect) in rows {
        work.destroy()?.succeeded()?;
        sim.fault(&json!({
            "match": { "method": method, "path": path }, "nth": 1, "times": 1, "when": when, "effect": effect,
        }))?;
        let first = work.apply()?;
        sim.clear_faults()?;
        assert!(!work.state()?.to_string().contains("tainted"), "{path} {when} {effect}");
        work.apply()?.succeeded()?;
        assert!(work.plan()?.is_empty(), "{path} {when} {effect}: {}", first.told());
        let (mut now, mut then) = (sim.state()?, undisturbed.clone());
        // The first creation erased what the later ones found free.
        for state in [&mut now, &mut then] {
            state["nodes"].take();
        }
        assert_eq!(now, then, "{path} {when} {effect}");
    }
    Ok(())
}

#[test]
fn a_dead_node_keeps_its_osds_in_the_state() -> anyhow::Result<()> {
    let Some((sim, work)) = disks()? else { return Ok(()) };
    work.write("main.tf", &osd("path = \"/dev/sdb\"", "").replace("pve1", "pve3"))?;
    work.apply()?.succeeded()?;
    sim.power("pve3", false)?;
    sim.advance(120)?;
    assert!(work.plan()?.is_empty());
    sim.forget_requests()?;
    work.destroy()?.failed("pve3")?;
    assert!(sim.mutations()?.is_empty());
    assert!(!work.instance("pve_ceph_osd.o")?.is_null());
    sim.power("pve3", true)?;
    sim.advance(120)?;
    work.destroy()?.succeeded()?;
    Ok(())
}

#[test]
fn an_osd_with_data_is_emptied_before_it_is_stopped() -> anyhow::Result<()> {
    let Some((sim, work)) = in_use()? else { return Ok(()) };
    work.write("main.tf", &osd("path = \"/dev/sdb\"", ""))?;
    work.import("pve_ceph_osd.o", "0")?.succeeded()?;
    // That it may go has to be applied first.
    work.destroy()?.failed("OSDs are protected")?;
    work.apply()?.succeeded()?;
    assert!(sim.mutations()?.is_empty());
    sim.forget_requests()?;
    work.destroy()?.succeeded()?;
    let seen = sim.requests()?;
    let at = |end: &str| seen.iter().rposition(|seen| seen.path.ends_with(end)).ok_or(anyhow::anyhow!("no {end}"));
    let steps = [at("/ceph/osd/0/out")?, at("/ceph/cmd-safety")?, at("/ceph/stop")?, at("/ceph/osd/0")?];
    assert!(steps.is_sorted(), "{steps:?}");
    Ok(())
}

#[test]
fn another_osd_under_the_same_number_is_left_alone() -> anyhow::Result<()> {
    let Some((sim, work)) = disks()? else { return Ok(()) };
    let Some(terraform) = or_skip(Terraform::find()) else { return Ok(()) };
    work.write("main.tf", &osd("path = \"/dev/sdb\"", ""))?;
    work.apply()?.succeeded()?;
    assert_eq!(attributes(&work)?["osd_id"], 1);
    // Somebody else destroys it and makes another, which gets its number.
    let other = Workspace::of(terraform, &Program::provider()?, &sim)?;
    other.write("head.tf", HEAD)?;
    other.write("main.tf", &osd("path = \"/dev/sdb\"", ""))?;
    other.init()?.succeeded()?;
    other.import("pve_ceph_osd.o", "1")?.succeeded()?;
    other.apply()?.succeeded()?;
    other.destroy()?.succeeded()?;
    other.write("main.tf", &osd("path = \"/dev/sde\"", ""))?;
    other.apply()?.succeeded()?;
    assert_eq!(attributes(&other)?["osd_id"], 1);

    sim.forget_requests()?;
    let output = work.destroy()?.failed("osd.1 is another OSD now")?;
    assert!(output.says("terraform state rm"), "{}", output.told());
    assert!(sim.mutations()?.is_empty());
    Ok(())
}

#[test]
fn an_osd_that_a_killed_run_has_made_is_not_made_twice() -> anyhow::Result<()> {
    // What was made two hours ago is not taken for that, so they must not be over soon.
    let Some((sim, work)) = cluster_of(CLUSTER, &["--clock", "20"])? else { return Ok(()) };
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

#[test]
fn a_creation_that_takes_longer_than_it_may_is_taken_up_by_the_next_apply() -> anyhow::Result<()> {
    let Some((sim, work)) = cluster_of(CLUSTER, &["--clock", "2"])? else { return Ok(()) };
    let text =
        |create: &str| osd("serial = \"FREE1\"", &format!("encrypted = true\ntimeouts = {{ create = \"{create}\" }}"));
    work.write("main.tf", &text("1s"))?;
    let first = work.apply()?.succeeded()?;
    assert!(first.says("apply again to finish it"), "{}", first.told());
    let left = attributes(&work)?;
    assert_eq!((&left["ready"], &left["osd_id"]), (&json!(false), &Value::Null));
    assert_eq!(work.plan()?.actions("pve_ceph_osd.o"), ["update"]);

    work.write("main.tf", &text("10m"))?;
    work.apply()?.succeeded()?;
    assert!(work.plan()?.is_empty());
    let made = attributes(&work)?;
    assert_eq!((&made["ready"], &made["osd_id"], &made["encrypted"]), (&json!(true), &json!(1), &json!(true)));
    let asked = sim.mutations()?.iter().filter(|seen| seen.path.ends_with("/ceph/osd")).count();
    assert_eq!(asked, 1);

    // What is encrypted is seen by an import, and the plan does not want to make it anew.
    work.run(&["state", "rm", "pve_ceph_osd.o"])?.succeeded()?;
    work.import("pve_ceph_osd.o", "1")?.succeeded()?;
    assert_eq!(attributes(&work)?["encrypted"], true);
    work.write("main.tf", &osd("serial = \"FREE1\"", "encrypted = true"))?;
    work.apply()?.succeeded()?;
    assert!(work.plan()?.is_empty());
    work.write("main.tf", &osd("serial = \"FREE1\"", "encrypted = false"))?;
    assert_eq!(work.plan()?.actions("pve_ceph_osd.o"), ["delete", "create"]);
    Ok(())
}
