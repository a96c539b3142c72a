//! Which devices can become an OSD: what the plan says, what the apply refuses, and what is erased.

use super::{disks, osd};

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
    let held = plan("serial = \"HELD\"\npartition = 1", "wipe_if = [\"LVM\"]")?;
    held.failed("Refusing to wipe partition 1 of HELD on pve1")?;
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
    work.write("main.tf", &osd("serial = \"HELD\"\npartition = 2", "wipe_if = [\"ext4\"]"))?;
    let output = work.apply()?.failed("Cannot wipe /dev/sdj2 on pve1")?;
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
