//! Containers on their way to other nodes: by `pve_guest_migrate`, and brought back where they are pinned.

use pve_sim::Options;
use pve_sim::shape::Shape;
use serde_json::json;

use super::beside::{done, refused};
use super::containers::SHAPE;
use super::work::Work;

async fn cluster() -> Work {
    Work::with(Options { shape: Shape::from_yaml(SHAPE).unwrap(), factor: 600.0, ..Options::default() }).await
}

fn ct(body: &str) -> String {
    format!(
        "resource \"pve_container\" \"it\" {{\nvmid = 100\nnode = \"pve1\"\nallow_destroy = true\n\
         template_file = \"local:vztmpl/debian-13_amd64.tar.zst\"\nrootfs = {{ storage = \"nas\", size = \"1G\" }}\n\
         networks = {{ net0 = {{ name = \"eth0\", bridge = \"vmbr0\" }} }}\n{body}\n}}\n"
    )
}

fn node(work: &Work) -> (String, bool) {
    work.site.by_hand(|cluster| {
        let guest = cluster.guests.get(100).unwrap();
        (guest.node.clone(), guest.is_running())
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_runs_is_ended_and_started_there_and_a_pinned_one_is_brought_back() {
    let mut work = cluster().await;
    work.write(&ct("started = true"));
    work.apply().await.succeeded();
    work.site.forget_requests();
    let told = done(&work, "guest_migrate", json!({"vmid": 100, "node": "pve2"})).await.progress;
    assert!(told.iter().any(|line| line.contains("ct:100 goes from pve1 to pve2: task UPID:pve1")), "{told:?}");
    assert_eq!(told.last().unwrap(), "ct:100 is on pve2");
    assert_eq!(work.site.sent(), ["POST /nodes/pve1/lxc/100/migrate"]);
    assert_eq!(node(&work), ("pve2".to_owned(), true));
    assert!(work.plan().await.is_empty());
    work.site.forget_requests();
    let told = done(&work, "guest_migrate", json!({"vmid": 100, "node": "pve2"})).await.progress;
    assert_eq!((told.last().unwrap().as_str(), work.site.sent()), ("ct:100 is on pve2 already", Vec::new()));
    let elsewhere = json!({"vmid": 100, "node": "pve3", "storage": "local-lvm"});
    refused(&work, "guest_migrate", elsewhere, "ct:100 is a container").await;
    refused(&work, "guest_migrate", json!({"vmid": 999, "node": "pve3"}), "Guest 999 does not exist").await;

    work.write(&ct("started = true\nplacement = \"pinned\""));
    let plan = work.plan().await;
    assert!(plan.says("ct:100 will go from pve2 to pve1") && plan.says("started there"), "{}", plan.told());
    work.apply().await.succeeded();
    assert_eq!(node(&work), ("pve1".to_owned(), true));
    assert!(work.plan().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_ha_it_is_ha_that_moves_it() {
    let mut work = cluster().await;
    let ha = "resource \"pve_ha_resource\" \"it\" {\nsid = \"ct:${pve_container.it.vmid}\"\n}\n";
    let pinned = ct("placement = \"pinned\"\nstarted = true") + ha;
    work.write(&pinned);
    work.apply().await.succeeded();
    work.site.forget_requests();
    let told = done(&work, "guest_migrate", json!({"vmid": 100, "node": "pve3"})).await.progress;
    assert!(told.iter().any(|line| line.contains("by HA")) && told.last().unwrap() == "ct:100 is on pve3", "{told:?}");
    assert_eq!(work.site.sent(), ["POST /nodes/pve1/lxc/100/migrate"]);
    let plan = work.plan().await;
    assert!(plan.says("HA is asked to move it"), "{}", plan.told());
    let said = work.apply().await.succeeded();
    assert_eq!(node(&work).0, "pve1", "{}", said.told());
    assert!(work.plan().await.is_empty());
}

/// A container that becomes a template, and a linked clone of it.
fn shop(more: &str) -> String {
    ct(more).replace("\"nas\"", "\"local-lvm\"")
        + "resource \"pve_template\" \"it\" {\nvmid = pve_container.it.vmid\n}\n\
           resource \"pve_container\" \"copy\" {\nvmid = 101\nclone = { vmid = pve_template.it.vmid }\nallow_destroy = true\n}\n"
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_becomes_a_template_and_is_cloned_by_link() {
    for fault in [None, Some(("before", "drop")), Some(("after", "drop"))] {
        let mut work = cluster().await;
        if let Some((when, effect)) = fault {
            work.site.fault(&json!({
                "match": {"method": "POST", "path": "/nodes/*/lxc/100/template"}, "when": when, "effect": {effect: true}
            }));
        }
        work.write(&shop(""));
        let said = work.apply().await;
        assert_eq!(said.ok, fault.is_none_or(|(when, _)| when == "after"), "{fault:?}: {}", said.told());
        work.site.clear_faults();
        work.apply().await.succeeded();
        let plan = work.plan().await;
        assert!(plan.is_empty(), "{fault:?}: {}", plan.told());
        let asked = work.site.sent().iter().filter(|call| call.ends_with("/lxc/100/template")).count();
        assert_eq!(asked, if fault.is_some_and(|(when, _)| when == "before") { 2 } else { 1 }, "{fault:?}");
        assert!(work.site.setting(100, "rootfs").is_some_and(|root| root.contains("base-100-")));
        work.forget("pve_template.it");
        work.import("pve_template.it", "100").await.succeeded();
        assert!(work.plan().await.is_empty());
        work.destroy().await.succeeded();
    }
    let mut work = cluster().await;
    work.write(&shop("started = true"));
    work.apply().await.failed("ct:100 runs");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_moves_it_once() {
    for when in ["before", "after"] {
        let mut work = cluster().await;
        work.write(&ct(""));
        work.apply().await.succeeded();
        work.site.by_hand(|cluster| cluster.guests.adopt(100, "pve2"));
        work.site.advance(60);
        work.site.fault(&json!({
            "match": {"method": "POST", "path": "/nodes/*/lxc/100/migrate"}, "when": when, "effect": {"drop": true}
        }));
        work.write(&ct("placement = \"pinned\""));
        let said = work.apply().await;
        assert_eq!(said.ok, when == "after", "{when}: {}", said.told());
        work.site.clear_faults();
        work.apply().await.succeeded();
        assert_eq!(node(&work).0, "pve1", "{when}");
        assert!(work.plan().await.is_empty(), "{when}");
    }
}
