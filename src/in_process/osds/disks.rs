//! Disks that an OSD cannot have, and why.

use serde_json::json;

use super::super::{Rig, Told, apply, plan};
use super::{DISKS, and, on};
use crate::ceph::osd::Osd;

const STRAY: &str = "A disk carries the volume of an OSD that the cluster does not know";

/// What somebody else is told who plans an OSD there, and applies it.
async fn refused(rig: &Rig, config: &serde_json::Value) -> (Vec<String>, Told<()>) {
    let server = rig.another().await;
    let planned = plan::<Osd>(&server, None, config).await.unwrap();
    let warned = planned.warnings.clone();
    (warned, apply(&server, planned).await.map(drop))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_purged_osd_has_left_is_told_with_what_frees_the_disk() {
    let rig = Rig::of(DISKS).await;
    let made = rig.osd("pve1", "A1").await;
    let fsid = rig.sim.world.with(|cluster| cluster.ceph.osds[&0].uuid.clone());
    rig.purge(0);
    let (warned, told) = refused(&rig, &on("pve1", "A1")).await;
    assert!(warned.len() == 1 && warned[0].contains(STRAY), "{warned:?}");
    assert!(
        warned[0].contains(&format!("(osd.0, fsid {fsid})")) && warned[0].contains("look again in a minute"),
        "{warned:?}"
    );
    let told = told.unwrap_err();
    assert!(
        told[0].starts_with(STRAY) && told[0].contains("The cluster has no osd.0 any more: it was purged."),
        "{told:?}"
    );
    assert!(told[0].contains("`ceph-volume lvm zap --destroy /dev/sdb` on pve1 frees it"), "{told:?}");
    assert!(!told[0].contains("import"), "{told:?}");

    // Its number is used again on another node, and then on another disk of the same node.
    let other = rig.osd("pve2", "B1").await;
    let (warned, _) = refused(&rig, &on("pve1", "A1")).await;
    assert!(warned[0].contains("The cluster's osd.0 is another one, on pve2"), "{warned:?}");
    rig.destroy(&other).await.unwrap();
    let other = rig.osd("pve1", "A2").await;
    let (warned, told) = refused(&rig, &on("pve1", "A1")).await;
    assert!(warned[0].contains(STRAY) && warned[0].contains("is another one, on /dev/sdc"), "{warned:?}");
    assert!(told.unwrap_err()[0].starts_with(STRAY));
    // That one is no stray.
    let (warned, told) = refused(&rig, &on("pve1", "A2")).await;
    assert!(warned[0].contains("OSD osd.0 on /dev/sdc of pve1 exists already"), "{warned:?}");
    assert!(told.unwrap_err()[0].contains("to = pve_ceph_osd.this"));
    drop((made, other));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_with_a_left_volume_needs_wipe_if_afterwards() {
    let rig = Rig::of(DISKS).await;
    let part = and(on("pve1", "PARTS"), &json!({ "device": { "serial": "PARTS", "partition": 1 } }));
    rig.bring::<Osd>(None, &part).await.unwrap();
    rig.purge(0);
    let (_, told) = refused(&rig, &part).await;
    let told = told.unwrap_err();
    assert!(
        told[0].contains("zap --destroy /dev/sdd1` on pve1") && told[0].contains("`wipe_if = [\"LVM\"]`"),
        "{told:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_is_about_to_register_is_not_to_be_zapped() {
    let rig = Rig::of(DISKS).await;
    rig.osd("pve1", "A1").await;
    // In Ceph's records, and not in the tree.
    rig.sim.world.with(|cluster| cluster.ceph_now().crush.remove_item(0).unwrap());
    let (_, told) = refused(&rig, &on("pve1", "A1")).await;
    let told = told.unwrap_err();
    assert!(told[0].starts_with("OSD osd.0 on /dev/sdb of pve1 exists already"), "{told:?}");
    assert!(!told[0].contains("zap"), "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_volume_group_in_use_is_never_erased_and_what_is_left_of_one_is() {
    let rig = Rig::of(DISKS).await;
    let wiped = |serial: &str, partition: u32, words: &[&str]| {
        let device = json!({ "serial": serial, "partition": partition });
        json!({ "node": "pve1", "device": device, "wipe_if": words })
    };
    for words in [&["LVM"][..], &[]] {
        let told = rig.plan::<Osd>(None, &wiped("GROUP", 1, words)).await.unwrap_err();
        assert!(told[0].starts_with("Refusing to wipe partition 1 of GROUP on pve1"), "{told:?}");
        assert!(told[0].contains("volume group \"vg-sde1\" of LVM: it has logical volumes"), "{told:?}");
        assert!(told[0].contains("`vgremove vg-sde1` on pve1") && !told[0].contains("wipe_if"), "{told:?}");
    }
    // By the disk of which it is a part, too.
    let whole = json!({ "node": "pve1", "device": { "serial": "GROUP" }, "wipe_if": ["LVM", "partitions"] });
    let told = rig.plan::<Osd>(None, &whole).await.unwrap_err();
    assert!(told[0].contains("Found /dev/sde1: 32 GiB, part of the volume group"), "{told:?}");

    let left = rig.plan::<Osd>(None, &wiped("PARTS", 2, &["LVM"])).await.unwrap();
    assert!(
        left.warnings.len() == 1 && left.warnings[0].starts_with("Disks are erased for OSDs"),
        "{:?}",
        left.warnings
    );
    rig.apply(left).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_pve_itself_lies_on_is_never_erased() {
    let rig = Rig::of("ceph: {stage: monitors}").await;
    let system = json!({ "node": "pve1", "device": { "path": "/dev/sda3" }, "wipe_if": ["LVM"] });
    let told = rig.plan::<Osd>(None, &system).await.unwrap_err();
    assert!(told[0].contains("volume group \"pve\" of LVM: it is the one that PVE itself lies on"), "{told:?}");
    assert!(rig.sent().await.is_empty(), "{:?}", rig.sent().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_node_that_is_none_the_names_that_there_are_are_told() {
    let rig = Rig::of(DISKS).await;
    let planned = rig.plan::<Osd>(None, &on("pve9", "A1")).await.unwrap();
    let names = "Its nodes: pve1, pve2, pve3. Nothing was written.";
    assert!(planned.warnings.len() == 1 && planned.warnings[0].contains(names), "{:?}", planned.warnings);
    let told = rig.apply(planned).await.unwrap_err();
    assert!(told.len() == 1 && told[0].contains(names) && told[0].contains("\"pve9\""), "{told:?}");
}
