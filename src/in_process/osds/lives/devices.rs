//! Which devices can become an OSD: what the plan says, what the apply refuses, and what is erased.

use super::super::super::work::{Said, Work};
use super::disks;
use acceptance_tests::given::osd;

async fn plan(work: &mut Work, device: &str, more: &str) -> Said {
    work.write(&osd(device, more));
    work.try_plan().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_knows_what_the_apply_will_say() {
    let mut work = disks().await;
    let site = work.site.clone();
    // What the node itself contradicts fails the plan.
    plan(&mut work, "serial = \"NONE\"", "").await.failed("A disk with serial number NONE does not exist on pve1");
    plan(&mut work, "serial = \"PARTS\"", "").await.failed("Refusing to wipe disk PARTS on pve1");
    let held = plan(&mut work, "serial = \"HELD\"\npartition = 1", "wipe_if = [\"LVM\"]").await;
    held.failed("Refusing to wipe partition 1 of HELD on pve1");
    // What may be mended until then is told.
    for (device, more, told) in [
        ("serial = \"PARTS\"\npartition = 9", "", "Partition 9 of PARTS does not exist on pve1"),
        ("serial = \"EXT4\"", "", "Refusing to wipe disk EXT4 on pve1"),
        ("serial = \"TAKEN\"", "", "to = pve_ceph_osd.this"),
        ("serial = \"EXT4\"", "wipe_if = [\"ext4\"]", "Now there is on it: /dev/sdc (64 GiB, ext4)."),
        ("serial = \"OLD\"", "wipe_if = [\"ext4\"]", "with its 2 partitions"),
    ] {
        let output = plan(&mut work, device, more).await;
        assert!(output.ok && output.says("Warning:") && output.says(told), "{device}: {}", output.told());
    }
    assert!(!plan(&mut work, "serial = \"FREE1\"", "").await.says("Warning:"));

    // What this state holds is no obstacle to itself.
    work.apply().await.succeeded();
    for device in ["serial = \"FREE1\"", "path = \"/dev/sdb\""] {
        let output = plan(&mut work, device, "encrypted = true").await;
        assert!(output.ok && !output.says("Warning:"), "{}", output.told());
    }
    work.write(&osd("serial = \"FREE1\"", "").replace("\"o\"", "\"renamed\""));
    let output = work.plan().await;
    assert!(output.says("moved {"), "{}", output.told());
    work.write(&osd("path = \"/dev/sdb\"", "").replace("\"o\"", "\"renamed\""));
    let output = work.plan().await;
    // Unless Terraform plans the new block before it shows the old one.
    let known = output.says("moved {") && output.says("Two resources name one disk");
    assert!(known || output.says("exists already"), "{}", output.told());
    assert!(site.mutations().iter().all(|seen| seen.path.ends_with("/ceph/osd")), "nothing but what was applied");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_is_said_before_anything_is_written() {
    let mut work = disks().await;
    let site = work.site.clone();
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
        work.write(&osd(device, more));
        let output = work.apply().await.failed(summary);
        assert!(output.says(cure), "{device} {more}: no word of {cure}:\n{}", output.told());
        assert_eq!(work.bench.core.state.addresses().len(), 0, "{device} {more}");
    }
    work.write(&osd("path = \"/dev/sdb\"", "").replace("pve1", "pve9"));
    work.apply().await.failed("pve9");
    let sent: Vec<_> = site.mutations().into_iter().map(|seen| format!("{} {}", seen.method, seen.path)).collect();
    assert!(sent.is_empty(), "{sent:?}");

    // That something has a device open is known to PVE alone, which then refuses to erase it.
    work.write(&osd("serial = \"HELD\"\npartition = 2", "wipe_if = [\"ext4\"]"));
    let output = work.apply().await.failed("Cannot wipe /dev/sdj2 on pve1");
    assert!(output.says("has a holder"), "{}", output.told());
    assert_eq!(work.bench.core.state.addresses().len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_be_erased_is_erased_and_only_that() {
    let mut work = disks().await;
    let site = work.site.clone();
    for device in ["path = \"/dev/sdc\"", "serial = \"OLD\""] {
        work.write(&osd(device, "wipe_if = [\"ext4\"]"));
        site.forget_requests();
        work.apply().await.succeeded();
        assert!(work.plan().await.is_empty(), "{device}");
        let wiped = site.mutations().iter().filter(|seen| seen.path.ends_with("/disks/wipedisk")).count();
        assert_eq!(wiped, 1, "{device}");
        work.destroy().await.succeeded();
    }
}
