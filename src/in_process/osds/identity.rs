//! Which OSD it is, where Ceph or the node tell only half of it.

use terraform_plugin::value::Value;

use super::super::Rig;
use super::{DISKS, and, on, says, with};
use crate::ceph::osd::Osd;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_ceph_does_not_list_yet_is_kept_and_its_removal_says_so() {
    let rig = Rig::of(DISKS).await;
    let made = rig.osd("pve1", "A1").await;
    let unfinished = with(&made, "ready", Value::Bool(false));
    rig.purge(0);
    rig.configure().await;
    // Its volume is there: it may be about to register.
    assert_eq!(rig.read(&unfinished).await.unwrap().state, unfinished.state);
    rig.forget_requests().await;
    let told = rig.destroy(&unfinished).await.unwrap_err();
    assert!(told[0].starts_with("Ceph does not list osd.0, which lies on a disk"), "{told:?}");
    assert!(told[0].contains("destroy again in a minute") && told[0].contains("zap --destroy --osd-id 0"), "{told:?}");
    assert!(rig.sent().await.is_empty(), "{:?}", rig.sent().await);
    // One that was there and is no more is gone, whatever lies on the disk.
    assert!(rig.read(&made).await.unwrap().state.is_null());

    // Nothing of it is left.
    rig.sim.world.with(|cluster| cluster.ceph.leftovers.clear());
    rig.configure().await;
    rig.destroy(&unfinished).await.unwrap();
    assert!(rig.read(&unfinished).await.unwrap().state.is_null());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_without_fsid_is_taken_for_the_osd_on_its_disk_and_for_no_other() {
    let rig = Rig::of(DISKS).await;
    let made = rig.osd("pve1", "A1").await;
    let unknown = with(&made, "osd_fsid", Value::Null);
    assert_eq!(rig.read(&unknown).await.unwrap().state, made.state, "it lies where it is said to lie");

    // The state tells of another disk: what has the number now may be anything.
    let elsewhere = rig.plan(Some(&unknown), &on("pve1", "A2")).await.unwrap();
    assert!(elsewhere.replaces, "{:?}", elsewhere.warnings);
    let Value::Object(planned) = elsewhere.planned else { panic!("{:?}", elsewhere.planned) };
    let other = with(&unknown, "device", planned["device"].clone());
    assert_eq!(says(&rig.read(&other).await.unwrap(), "osd_fsid"), Value::Null);
    rig.forget_requests().await;
    let told = rig.destroy(&other).await.unwrap_err();
    assert!(told[0].starts_with("Nobody knows whether osd.0 is the one in the state"), "{told:?}");
    assert!(rig.sent().await.is_empty(), "{:?}", rig.sent().await);
    rig.destroy(&unknown).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_without_fsid_is_not_purged_when_its_disk_is_dead() {
    let rig = Rig::of(DISKS).await;
    let forced = and(on("pve1", "A1"), &serde_json::json!({ "force": true }));
    let (made, _) = rig.bring::<Osd>(None, &forced).await.unwrap();
    rig.kill_disk("pve1", "A1").await;
    rig.wait(900).await;
    rig.configure().await;
    rig.forget_requests().await;
    let told = rig.destroy(&with(&made, "osd_fsid", Value::Null)).await.unwrap_err();
    assert!(told[0].starts_with("Nobody knows whether osd.0 is the one in the state"), "{told:?}");
    assert!(rig.sent().await.is_empty(), "{:?}", rig.sent().await);
    rig.destroy(&made).await.unwrap();
    assert!(rig.sim.world.with(|cluster| cluster.ceph.osds.is_empty()));
}
