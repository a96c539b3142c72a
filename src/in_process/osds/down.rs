//! OSDs that are down: what a refresh tells, and what `in` means then.

use serde_json::json;
use terraform_plugin::value::Value;

use super::super::{Kept, Rig};
use super::{and, on, says};
use crate::ceph::osd::Osd;

const READY: &str = "ceph: {stage: ready}";

/// osd.0 of pve1, imported, with these further attributes.
async fn one(rig: &Rig, more: &serde_json::Value) -> Kept<Osd> {
    let found = rig.import::<Osd>("0").await.unwrap();
    rig.bring(Some(&found), &and(on("pve1", "SIM0101"), more)).await.unwrap().0
}

impl Rig {
    /// The daemon stops.
    async fn stop(&self, id: u32) {
        self.sim.world.with(|cluster| {
            let now = cluster.ceph.now();
            cluster.ceph_now().stop_osd(id, now);
        });
    }

    /// The same, and nobody takes the OSD out for it.
    async fn stop_without_out(&self, id: u32) {
        self.sim.world.with(|cluster| cluster.ceph.flags.insert("noout".to_owned()));
        self.stop(id).await;
        self.wait(60).await;
        self.configure().await;
        self.forget_requests().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ceph_takes_out_because_it_is_down_is_none_of_ours() {
    let rig = Rig::of(READY).await;
    let kept = one(&rig, &json!({ "in": true })).await;
    rig.stop(0).await;
    rig.wait(900).await;
    assert!(rig.sim.world.with(|cluster| !cluster.ceph_now().osds[&0].is_in()), "Ceph has taken it out");
    rig.configure().await;
    rig.forget_requests().await;
    let read = rig.read(&kept).await.unwrap();
    assert_eq!(read.state, kept.state);
    for config in [on("pve1", "SIM0101"), and(on("pve1", "SIM0101"), &json!({ "in": true }))] {
        let planned = rig.plan(Some(&read), &config).await.unwrap();
        assert!(planned.is_empty() && planned.warnings.is_empty(), "{:?} {:?}", planned.planned, planned.warnings);
    }
    // Something else is changed: it is not brought in on the occasion.
    let classed = and(on("pve1", "SIM0101"), &json!({ "in": true, "crush_device_class": "fast" }));
    let (classed, said) = rig.bring(Some(&read), &classed).await.unwrap();
    assert_eq!(
        (says(&classed, "in"), says(&classed, "crush_device_class")),
        (Value::Bool(true), Value::String("fast".into()))
    );
    assert!(said.is_empty() && rig.sent().await.is_empty(), "{said:?} {:?}", rig.sent().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_is_down_can_be_taken_out_and_bringing_it_in_is_said_to_wait() {
    let rig = Rig::of(READY).await;
    let kept = one(&rig, &json!({})).await;
    rig.stop_without_out(0).await;
    let (out, said) = rig.bring(Some(&kept), &and(on("pve1", "SIM0101"), &json!({ "in": false }))).await.unwrap();
    assert_eq!(
        (rig.sent().await, says(&out, "in")),
        (vec!["POST /nodes/localhost/ceph/osd/0/out".to_owned()], Value::Bool(false))
    );
    assert!(said.is_empty(), "{said:?}");

    rig.configure().await;
    rig.forget_requests().await;
    let wanted = rig.plan(Some(&out), &and(on("pve1", "SIM0101"), &json!({ "in": true }))).await.unwrap();
    let said = "OSDs that are down are not brought in: osd.0 is down";
    assert!(wanted.warnings.len() == 1 && wanted.warnings[0].starts_with(said), "{:?}", wanted.warnings);
    let (_, told) = rig.apply(wanted).await.unwrap();
    assert!(told.len() == 1 && told[0].starts_with(said), "{told:?}");
    assert!(rig.sent().await.is_empty(), "{:?}", rig.sent().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_without_a_disk_is_not_said_to_be_taken_out() {
    let rig = Rig::of(READY).await;
    let kept = one(&rig, &json!({})).await;
    rig.stop_without_out(0).await;
    rig.kill_disk("pve1", "SIM0101").await;
    let told = rig.bring(Some(&kept), &and(on("pve1", "SIM0101"), &json!({ "in": false }))).await.unwrap_err();
    assert!(told[0].starts_with("osd.0 has no volume on pve1"), "{told:?}");
    assert!(rig.sent().await.is_empty(), "{:?}", rig.sent().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_disk_is_told_by_a_refresh_and_nothing_is_asked_where_all_is_well() {
    let rig = Rig::of(READY).await;
    let mut kept = Vec::new();
    for id in ["0", "1"] {
        kept.push(rig.import::<Osd>(id).await.unwrap());
    }
    rig.configure().await;
    rig.forget_requests().await;
    assert!(rig.refresh(&kept[0]).await.unwrap().1.is_empty());
    assert_eq!(rig.asked().await, ["GET /nodes/localhost/ceph/osd"]);

    // Stopped, with all that it has: no dead disk.
    rig.stop_without_out(0).await;
    assert!(rig.refresh(&kept[0]).await.unwrap().1.is_empty());
    for serial in ["SIM0101", "SIM0102"] {
        rig.kill_disk("pve1", serial).await;
    }
    rig.wait(60).await;
    rig.configure().await;
    for (id, kept) in kept.iter().enumerate() {
        let (read, said) = rig.refresh(kept).await.unwrap();
        assert_eq!(read.state, kept.state);
        let told = format!("OSDs have lost their disks: osd.{id} is down, and pve1 knows no volume of it");
        assert!(said.len() == 1 && said[0].starts_with(&told), "{said:?}");
        assert!(said[0].contains("name another one in its configuration, with `allow_destroy = true`"), "{said:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_without_a_disk_is_imported_with_the_place_where_it_lay() {
    let rig = Rig::of(READY).await;
    rig.kill_disk("pve1", "SIM0101").await;
    rig.wait(60).await;
    rig.configure().await;
    let found = rig.import::<Osd>("0").await.unwrap();
    let config = json!({ "node": "pve1", "device": { "path": "/dev/sdb" } });
    rig.validate::<Osd>(&config).await.unwrap();
    let planned = rig.plan(Some(&found), &config).await.unwrap();
    assert!(planned.is_empty() && planned.warnings.is_empty(), "{:?} {:?}", planned.planned, planned.warnings);
    // In its owner's words nothing is replaced.
    let planned = rig.plan(Some(&found), &on("pve1", "SIM0101")).await.unwrap();
    assert!(!planned.replaces && planned.warnings.len() == 1, "{:?}", planned.warnings);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_lies_on_nothing_that_has_a_name_is_not_imported() {
    let rig = Rig::of("ceph: {stage: monitors, osds: [{node: pve1, size: 8G}]}").await;
    let told = rig.import::<Osd>("0").await.unwrap_err();
    assert!(told[0].starts_with("osd.0 lies on no disk that pve1 lists"), "{told:?}");
    assert!(told[0].contains("Ceph knows none of it") && told[0].contains("Nothing was imported"), "{told:?}");
}
