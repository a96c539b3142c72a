//! Several OSDs on one device: one object, made, counted, changed and destroyed together.

use acceptance_tests::given::{OSD_DISKS, osd};
use serde_json::{Value as Json, json};
use terraform_core::Query;

use super::super::work::Work;

const TWO: &str = "osds_per_device = 2";

async fn work() -> Work {
    Work::at(OSD_DISKS, 120.0).await
}

fn says(work: &Work, attribute: &str) -> Json {
    work.instance("pve_ceph_osd.o")["attributes"][attribute].clone()
}

fn count(work: &Work) -> usize {
    work.site.state()["ceph"]["osds"].as_object().unwrap().len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_on_a_device_live_as_one_object() {
    let mut work = work().await;
    let before = work.site.state();
    work.write(&osd("serial = \"FREE1\"", TWO));
    work.apply().await.succeeded();
    assert!(work.plan().await.is_empty());
    let numbers = |work: &Work| says(work, "osds").as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(
        (numbers(&work), says(&work, "osd_id"), says(&work, "ready")),
        (vec!["1".to_owned(), "2".to_owned()], json!(1), json!(true))
    );

    // Each is changed.
    work.site.forget_requests();
    work.write(&osd("serial = \"FREE1\"", &format!("{TWO}\nin = false")));
    work.apply().await.succeeded();
    let out = |id: u32| format!("POST /nodes/localhost/ceph/osd/{id}/out");
    assert_eq!(work.site.sent(), [out(1), out(2)]);
    assert!(work.plan().await.is_empty());
    work.write(&osd("serial = \"FREE1\"", &format!("{TWO}\nin = true\ncrush_device_class = \"fast\"")));
    work.apply().await.succeeded();
    assert!(work.plan().await.is_empty());
    // One alone has been changed by somebody: that is seen, and mended.
    work.bench.sim.world.with(|cluster| {
        let now = cluster.ceph.now();
        cluster.ceph_now().osd_out(2, now);
    });
    work.site.forget_requests();
    assert_eq!(work.plan().await.actions("pve_ceph_osd.o"), ["update"]);
    work.apply().await.succeeded();
    assert_eq!(work.site.sent(), ["POST /nodes/localhost/ceph/osd/2/in"]);

    // By the number of any of them.
    let kept = says(&work, "osds");
    work.forget("pve_ceph_osd.o");
    work.import("pve_ceph_osd.o", "2").await.succeeded();
    assert_eq!((says(&work, "osds"), says(&work, "osds_per_device")), (kept, json!(2)));
    work.apply().await.succeeded();
    assert!(work.plan().await.is_empty());

    // Another number is another set.
    work.write(&osd("serial = \"FREE1\"", "osds_per_device = 3"));
    assert_eq!(work.plan().await.actions("pve_ceph_osd.o"), ["delete", "create"]);
    work.apply().await.succeeded();
    assert_eq!((numbers(&work).len(), count(&work)), (3, 4));
    work.destroy().await.succeeded();
    let mut after = work.site.state();
    after["ceph"]["pools"] = before["ceph"]["pools"].clone();
    assert_eq!(after, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_part_of_them_is_taken_back_and_no_other_is() {
    let mut work = work().await;
    work.write(&osd("serial = \"FREE1\"", TWO));
    work.site.fault(&json!({ "match": { "method": "POST", "path": "/nodes/*/ceph/osd" }, "effect": { "task": "midway", "message": "no luck" } }));
    let output = work.apply().await.failed("no luck");
    assert_eq!(count(&work), 1, "{}", output.told());
    assert!(work.instance("pve_ceph_osd.o").is_null());

    // What was cut off before it could take its part back does so in the next run.
    let fault =
        |path: &str, effect: Json| json!({ "match": { "method": "POST", "path": path }, "times": 1, "effect": effect });
    work.site.fault(&fault("/nodes/*/ceph/osd", json!({ "task": "midway" })));
    work.site.fault(&fault("/nodes/*/ceph/osd/*/out", json!({ "status": 500, "message": "asleep" })));
    let output = work.apply().await;
    assert!(output.says("asleep"), "{}", output.told());
    work.site.clear_faults();
    assert_eq!((says(&work, "ready"), says(&work, "osds"), count(&work)), (json!(false), Json::Null, 2));
    work.apply().await.succeeded();
    assert!(work.plan().await.is_empty());
    assert_eq!((says(&work, "osds").as_object().unwrap().len(), count(&work)), (2, 3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removal_that_ends_between_two_goes_on_with_the_second() {
    let mut work = work().await;
    work.write(&osd("serial = \"FREE1\"", TWO));
    work.apply().await.succeeded();
    work.site.fault(&json!({ "match": { "method": "DELETE", "path": "/nodes/*/ceph/osd/2" }, "effect": { "status": 500, "message": "no luck" } }));
    work.destroy().await.failed("no luck");
    assert_eq!((count(&work), says(&work, "ready")), (2, json!(false)));
    work.destroy().await.succeeded();
    assert_eq!(count(&work), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_removal_left_half_is_made_anew_where_it_is_still_wanted() {
    let mut work = work().await;
    work.write(&osd("serial = \"FREE1\"", TWO));
    work.apply().await.succeeded();
    let found = work.bench.core.query("pve_ceph_osd", json!({}), &Query::default()).await.unwrap().0;
    assert_eq!(found.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["0", "1"], "one object is listed once");
    work.site.fault(&json!({ "match": { "method": "DELETE", "path": "/nodes/*/ceph/osd/2" }, "effect": { "status": 500, "message": "no luck" } }));
    work.destroy().await.failed("no luck");
    let plan = work.plan().await;
    assert!(plan.says("Removals of OSDs were cut off") && plan.says("osd.1 of 2"), "{}", plan.told());
    assert_eq!(plan.actions("pve_ceph_osd.o"), ["delete", "create"]);
    work.apply().await.succeeded();
    assert!(work.plan().await.is_empty());
    assert_eq!((says(&work, "osds").as_object().unwrap().len(), count(&work)), (2, 3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_go_together_is_said() {
    let mut work = work().await;
    work.write(&osd("serial = \"FREE1\"", &format!("{TWO}\ndb_device = {{ serial = \"EXT4\" }}")));
    work.try_plan().await.failed("Several OSDs on a device have no other device");
    work.write(&osd("serial = \"FREE1\"", ""));
    work.apply().await.succeeded();
    work.write(&osd("serial = \"FREE1\"", TWO).replace("allow_destroy = true\n", "allow_destroy = false\n"));
    assert_eq!(work.plan().await.actions("pve_ceph_osd.o"), ["delete", "create"]);
    work.write(&osd("serial = \"FREE1\"", "").replace("allow_destroy = true\n", ""));
    work.apply().await.succeeded();
    work.write(&osd("serial = \"FREE1\"", TWO));
    work.try_plan().await.failed("How many OSDs a device has cannot be changed while it has some.");
}
