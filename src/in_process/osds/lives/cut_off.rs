//! Creations whose end nobody saw.

use acceptance_tests::given::{OSD_DISKS, osd};
use serde_json::{Value, json};

use super::super::super::work::Work;
use super::{attributes, disks};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_creation_cut_off_at_any_request_is_carried_on_by_the_next_apply() {
    let mut work = disks().await;
    let site = work.site.clone();
    let text = osd("serial = \"PARTS\"\npartition = 3", "wipe_if = [\"xfs\"]");
    work.write(&text);
    work.apply().await.succeeded();
    let undisturbed = site.state();
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
        work.destroy().await.succeeded();
        site.fault(&json!({
            "match": { "method": method, "path": path }, "nth": 1, "times": 1, "when": when, "effect": effect,
        }));
        let first = work.apply().await;
        site.clear_faults();
        assert!(work.instance("pve_ceph_osd.o")["status"].is_null(), "{path} {when} {effect}");
        work.apply().await.succeeded();
        assert!(work.plan().await.is_empty(), "{path} {when} {effect}: {}", first.told());
        let (mut now, mut then) = (site.state(), undisturbed.clone());
        // The first creation erased what the later ones found free.
        for state in [&mut now, &mut then] {
            state["nodes"].take();
        }
        assert_eq!(now, then, "{path} {when} {effect}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_creation_that_takes_longer_than_it_may_is_taken_up_by_the_next_apply() {
    let mut work = Work::at(OSD_DISKS, 2.0).await;
    let site = work.site.clone();
    let text =
        |create: &str| osd("serial = \"FREE1\"", &format!("encrypted = true\ntimeouts = {{ create = \"{create}\" }}"));
    work.write(&text("1s"));
    let first = work.apply().await.succeeded();
    assert!(first.says("apply again to finish it"), "{}", first.told());
    let left = attributes(&work);
    assert_eq!((&left["ready"], &left["osd_id"]), (&json!(false), &Value::Null));
    assert_eq!(work.plan().await.actions("pve_ceph_osd.o"), ["update"]);

    work.write(&text("10m"));
    work.apply().await.succeeded();
    assert!(work.plan().await.is_empty());
    let made = attributes(&work);
    assert_eq!((&made["ready"], &made["osd_id"], &made["encrypted"]), (&json!(true), &json!(1), &json!(true)));
    let asked = site.mutations().iter().filter(|seen| seen.path.ends_with("/ceph/osd")).count();
    assert_eq!(asked, 1);

    // What is encrypted is seen by an import, and the plan does not want to make it anew.
    work.forget("pve_ceph_osd.o");
    work.import("pve_ceph_osd.o", "1").await.succeeded();
    assert_eq!(attributes(&work)["encrypted"], true);
    work.write(&osd("serial = \"FREE1\"", "encrypted = true"));
    work.apply().await.succeeded();
    assert!(work.plan().await.is_empty());
    work.write(&osd("serial = \"FREE1\"", "encrypted = false"));
    assert_eq!(work.plan().await.actions("pve_ceph_osd.o"), ["delete", "create"]);
}
