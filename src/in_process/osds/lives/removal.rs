//! How OSDs leave the cluster: what keeps them, a removal that ends early, and dead disks and nodes.

use acceptance_tests::given::{osd, osds};
use serde_json::json;

use super::super::super::work::{Site, Work};
use super::{attributes, disks, in_use};

/// The cluster, and the workspace that holds some of its OSDs by import: (node, serial, number).
async fn holding(which: &[(&str, &str, &str)], more: &str) -> Work {
    let mut work = in_use().await;
    let blocks: Vec<_> = which.iter().map(|(node, serial, _)| (*node, *serial)).collect();
    let imports =
        which.iter().map(|(_, serial, id)| format!("import {{\n  to = pve_ceph_osd.{serial}\n  id = \"{id}\"\n}}\n"));
    let blocks = osds(&blocks, more);
    work.write(&(imports.collect::<String>() + &blocks));
    work.apply().await.succeeded();
    work.write(&blocks);
    work.site.forget_requests();
    work
}

/// How many OSDs there are; six at the beginning.
fn count(site: &Site) -> usize {
    site.state()["ceph"]["osds"].as_object().map_or(0, |osds| osds.len())
}

const FREE: &str = "allow_destroy = true";
const FORCED: &str = "allow_destroy = true\nforce = true";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_is_protected_stays_and_one_that_is_free_tells_what_comes_of_it() {
    let mut work = holding(&[("pve1", "SIM0101", "0")], "").await;
    let site = work.site.clone();
    work.destroy().await.failed("OSDs are protected");
    work.write("");
    work.try_plan().await.failed("set `allow_destroy = true`");
    assert!(site.sent().is_empty());

    work.write(&osds(&[("pve1", "SIM0101")], FREE));
    work.apply().await.succeeded();
    assert!(site.sent().is_empty());
    work.write("");
    let output = work.plan().await;
    assert!(output.says("osd.0 goes, with"), "{}", output.told());
    assert!(output.says("Pool \"vm\" 3/2 has 5 OSDs on 3 hosts left."), "{}", output.told());
    work.apply().await.succeeded();
    assert_eq!(count(&site), 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_the_copies_need_is_not_emptied_unless_forced() {
    let both = [("pve1", "SIM0101", "0"), ("pve1", "SIM0102", "1")];
    let mut work = holding(&both, FREE).await;
    let site = work.site.clone();
    work.write("");
    let short = "its rule \"replicated_rule\" wants 3 hosts: every placement group would stay undersized";
    let output = work.plan().await;
    assert!(output.says("Warning: The removal of a pve_ceph_osd would fail as things are now"), "{}", output.told());
    assert!(output.says("OSDs cannot go: copies would have no place left"), "{}", output.told());
    assert!(output.says(short), "{}", output.told());
    // One after the other: what would be left of both is known to the second at the latest.
    let output = work.apply().await.failed("OSDs cannot go: copies would have no place left");
    assert!(output.says(short), "{}", output.told());
    assert!(count(&site) >= 5);
    let kept = |serial: &str| !work.instance(&format!("pve_ceph_osd.{serial}")).is_null();
    let left: Vec<_> =
        both.iter().map(|(node, serial, _)| (*node, *serial)).filter(|(_, serial)| kept(serial)).collect();
    assert!(!left.is_empty());
    work.write(&osds(&left, FORCED));
    work.apply().await.succeeded();
    work.destroy().await.succeeded();
    assert_eq!(count(&site), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removal_that_ended_early_goes_on_or_is_taken_back() {
    let short = format!("{FREE}\ntimeouts = {{ delete = \"1s\" }}");
    let one = [("pve1", "SIM0101")];
    let mut work = holding(&[("pve1", "SIM0101", "0")], &short).await;
    let site = work.site.clone();
    let draining = json!({ "data": { "safe": 0, "status": "3 pgs are still on it" } });
    let drain = json!({
        "match": { "method": "GET", "path": "/nodes/*/ceph/cmd-safety" }, "times": 1000, "when": "before",
        "effect": { "body": draining.to_string(), "content_type": "application/json" },
    });
    for forgotten in [false, true] {
        site.fault(&drain);
        work.write(&if forgotten { String::new() } else { osds(&one, &short) });
        let output = if forgotten { work.apply().await } else { work.destroy().await };
        let output = output.failed("osd.0 is not safe to destroy yet");
        assert!(output.says("3 pgs are still on it"), "{}", output.told());
        assert!(output.says("osd.0 is on its way out of the cluster"), "{}", output.told());
        site.clear_faults();
        let kept = work.instance("pve_ceph_osd.SIM0101");
        assert!(kept["attributes"]["ready"] == false && kept["status"].is_null(), "{kept}");
        if !forgotten {
            // Still configured: it is wanted back.
            site.forget_requests();
            assert_eq!(work.plan().await.actions("pve_ceph_osd.SIM0101"), ["update"]);
            work.apply().await.succeeded();
            assert_eq!(site.sent(), ["POST /nodes/localhost/ceph/osd/0/in"]);
            assert!(work.plan().await.is_empty());
            assert_eq!(work.instance("pve_ceph_osd.SIM0101")["attributes"]["in"], true);
        }
    }
    assert_eq!(count(&site), 6);
    work.apply().await.succeeded();
    assert_eq!(count(&site), 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_whose_removal_was_killed_is_brought_back_or_removed() {
    for wanted in [true, false] {
        let mut work = holding(&[("pve1", "SIM0101", "0")], FREE).await;
        let site = work.site.clone();
        site.fault(&json!({
            "match": { "method": "POST", "path": "/nodes/*/ceph/stop" }, "when": "after", "effect": { "hold": true },
        }));
        assert!(!work.destroy_until_killed().await.ok);
        site.clear_faults();
        // Down and out; nothing in the state says so, the journal does.
        assert_eq!(work.instance("pve_ceph_osd.SIM0101")["attributes"]["ready"], true);
        site.forget_requests();
        if wanted {
            assert_eq!(work.plan().await.actions("pve_ceph_osd.SIM0101"), ["update"]);
            work.apply().await.succeeded();
            assert_eq!(site.sent(), ["POST /nodes/localhost/ceph/osd/0/in", "POST /nodes/pve1/ceph/start"]);
            assert!(work.plan().await.is_empty());
        } else {
            work.destroy().await.succeeded();
        }
        assert_eq!(count(&site), if wanted { 6 } else { 5 });
        assert_eq!(work.noted(), 0, "{wanted}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_was_stopped_on_its_way_out_is_started_again() {
    let mut work = holding(&[("pve1", "SIM0101", "0")], FREE).await;
    let site = work.site.clone();
    site.fault(&json!({
        "match": { "method": "DELETE", "path": "/nodes/*/ceph/osd/0" }, "times": 1, "when": "before",
        "effect": { "status": 500, "message": "no luck" },
    }));
    let output = work.destroy().await.failed("no luck");
    assert!(output.says("osd.0 is on its way out of the cluster"), "{}", output.told());
    site.forget_requests();
    work.apply().await.succeeded();
    assert_eq!(site.sent(), ["POST /nodes/localhost/ceph/osd/0/in", "POST /nodes/pve1/ceph/start"]);
    assert!(work.plan().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_in_crush_that_is_no_node_is_no_obstacle_but_for_destroying() {
    let mut work = holding(&[("pve1", "SIM0101", "0")], FREE).await;
    let site = work.site.clone();
    let osd = json!({
        "id": "0", "name": "osd.0", "type": "osd", "leaf": 1, "host": "pve1-ssd", "status": "up", "in": 1,
        "device_class": "ssd", "crush_weight": 0.0625, "reweight": 1, "ceph_version_short": "19.2.3",
    });
    let host = json!({ "id": "-3", "name": "pve1-ssd", "type": "host", "leaf": 0, "children": [osd] });
    let root = json!({ "id": "-1", "name": "default", "type": "root", "leaf": 0, "children": [host] });
    let tree = json!({ "data": { "flags": "sortbitwise", "root": { "leaf": 0, "children": [root] } } });
    site.fault(&json!({
        "match": { "method": "GET", "path": "/nodes/*/ceph/osd" }, "times": 1000, "when": "before",
        "effect": { "body": tree.to_string(), "content_type": "application/json" },
    }));
    work.forget("pve_ceph_osd.SIM0101");
    work.import("pve_ceph_osd.SIM0101", "0").await.succeeded();
    work.apply().await.succeeded();
    assert!(work.plan().await.is_empty());
    let output = work.destroy().await.failed("PVE does not destroy osd.0 where it hangs in CRUSH");
    assert!(output.says("ceph osd crush move osd.0 host=pve1"), "{}", output.told());
    assert!(site.sent().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_osd_whose_disk_is_dead_goes_without_force_once_it_is_seen_to_be_down() {
    let mut work = holding(&[("pve1", "SIM0101", "0")], FREE).await;
    let site = work.site.clone();
    work.site.fault(&json!({
        "match": { "method": "GET", "path": "/nodes/*/ceph/osd/0/lv-info" }, "times": 1000,
        "effect": { "status": 500, "message": "OSD '0' not found in 'ceph-volume lvm list' on node 'pve1'." },
    }));
    let output = work.destroy().await.failed("osd.0 has no volume on pve1");
    assert!(output.says("once Ceph sees that it is down"), "{}", output.told());
    assert!(site.sent().is_empty());
    site.clear_faults();
    site.kill_disk("pve1", "SIM0101");
    site.advance(900);
    let plan = work.plan().await;
    assert!(plan.is_empty() && plan.says("OSDs have lost their disks"), "{}", plan.told());
    work.destroy().await.succeeded();
    assert_eq!(count(&site), 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_osd_whose_node_is_dead_goes_with_force_and_is_compared_before() {
    let mut work = holding(&[("pve1", "SIM0101", "0")], FORCED).await;
    let site = work.site.clone();
    let kept = work.bench.core.state.clone();
    site.power("pve1", false);
    site.advance(120);
    // Another one by now: not even by force.
    let fsid = work.instance("pve_ceph_osd.SIM0101")["attributes"]["osd_fsid"].as_str().unwrap().to_owned();
    let other = "00000000-0000-4000-8000-000000000000";
    for instance in work.bench.core.state.instances.values_mut() {
        instance.attributes = instance.attributes.replace(&fsid, other);
        instance.private = String::from_utf8_lossy(&instance.private).replace(&fsid, other).into();
    }
    let output = work.destroy().await.failed("osd.0 is another OSD now");
    assert!(output.says("by Ceph's records"), "{}", output.told());
    work.bench.core.state = kept;
    let output = work.destroy().await.succeeded();
    assert!(output.says("osd.0 is out of Ceph, and its disk was not touched"), "{}", output.told());
    assert_eq!(count(&site), 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_node_keeps_its_osds_in_the_state() {
    let mut work = disks().await;
    let site = work.site.clone();
    work.write(&osd("path = \"/dev/sdb\"", "").replace("pve1", "pve3"));
    work.apply().await.succeeded();
    site.power("pve3", false);
    site.advance(120);
    assert!(work.plan().await.is_empty());
    site.forget_requests();
    work.destroy().await.failed("pve3");
    assert!(site.mutations().is_empty());
    assert!(!work.instance("pve_ceph_osd.o").is_null());
    site.power("pve3", true);
    site.advance(120);
    work.destroy().await.succeeded();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_osd_with_data_is_emptied_before_it_is_stopped() {
    let mut work = in_use().await;
    let site = work.site.clone();
    work.write(&osd("path = \"/dev/sdb\"", ""));
    work.import("pve_ceph_osd.o", "0").await.succeeded();
    // That it may go has to be applied first.
    work.destroy().await.failed("OSDs are protected");
    work.apply().await.succeeded();
    assert!(site.mutations().is_empty());
    site.forget_requests();
    work.destroy().await.succeeded();
    let seen = site.requests();
    let at = |end: &str| seen.iter().rposition(|seen| seen.path.ends_with(end)).unwrap_or_else(|| panic!("no {end}"));
    let steps = ["/ceph/osd/0/out", "/ceph/cmd-safety", "/ceph/stop", "/ceph/osd/0"].map(at);
    assert!(steps.is_sorted(), "{steps:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_osd_under_the_same_number_is_left_alone() {
    let mut work = disks().await;
    let site = work.site.clone();
    work.write(&osd("path = \"/dev/sdb\"", ""));
    work.apply().await.succeeded();
    assert_eq!(attributes(&work)["osd_id"], 1);
    // Somebody else destroys it and makes another, which gets its number.
    let mut other = work.colleague().await;
    other.write(&osd("path = \"/dev/sdb\"", ""));
    other.import("pve_ceph_osd.o", "1").await.succeeded();
    other.apply().await.succeeded();
    other.destroy().await.succeeded();
    other.write(&osd("path = \"/dev/sde\"", ""));
    other.apply().await.succeeded();
    assert_eq!(attributes(&other)["osd_id"], 1);

    site.forget_requests();
    let output = work.destroy().await.failed("osd.1 is another OSD now");
    assert!(output.says("terraform state rm"), "{}", output.told());
    assert!(site.mutations().is_empty());
}
