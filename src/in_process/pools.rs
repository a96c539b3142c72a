//! Ceph's pools: what is said before anything is written, what keeps them, and creations that are cut off. A life with a real
//! Terraform is in the acceptance tests.

use serde_json::{Value as Json, json};

use super::lives::provider_block;
use super::work::Work;

/// A pool with these attributes.
fn pool(attributes: &str) -> String {
    format!("resource \"pve_ceph_pool\" \"vm\" {{\n{attributes}\n}}\n")
}

async fn ready() -> Work {
    Work::of("ceph: {stage: ready, pools: [{name: taken}]}").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_imported_pool_plans_nothing() {
    let mut work = ready().await;
    let site = work.site.clone();
    work.write(&pool("name = \"vm\"\nsize = 3\npg_num = 64"));
    work.apply().await.succeeded();
    work.forget("pve_ceph_pool.vm");
    site.forget_requests();
    work.import("pve_ceph_pool.vm", "vm").await.succeeded();
    assert!(work.plan().await.is_empty());
    assert!(site.mutations().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_is_said_before_anything_is_written() {
    let mut work = ready().await;
    let rows = [
        ("name = \"vm\"\nsize = 2\nmin_size = 3", "min_size 3 is more than size 2", "At most 2"),
        ("name = \"vm\"\nsize = 1", "A single copy is refused", "allow_single_copy = true"),
        ("name = \"vm\"\nsize = 5\nmin_size = 3", "cannot be placed by rule \"replicated_rule\"", "the cluster has 3"),
        ("name = \"vm\"\ncrush_rule = \"nope\"", "CRUSH rule \"nope\" does not exist", "replicated_rule"),
        ("name = \"taken\"", "Pool \"taken\" exists already", "import {"),
        ("name = \"a b\"", "text without colons, slashes and white space", "name"),
        ("name = \"vm\"\nsize = 9", "PVE does not set size 9", "at most 7"),
    ];
    work.refused(pool, &rows).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_protected_pool_is_not_destroyed() {
    let mut work = ready().await;
    work.write(&pool("name = \"vm\""));
    work.apply().await.succeeded();
    work.destroy().await.failed("is protected");
    assert!(work.plan().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_creation_cut_off_at_any_request_is_carried_on_by_the_next_apply() {
    let mut work = ready().await;
    let site = work.site.clone();
    let text = pool("name = \"vm\"\nsize = 3\nmin_size = 2\npg_num = 32\nallow_destroy = true");
    work.write(&text);
    work.apply().await.succeeded();
    let undisturbed = site.state();
    let posts = site.mutations().len();
    work.destroy().await.succeeded();
    assert!(posts > 0);
    for when in ["before", "after"] {
        for effect in [json!({ "drop": true }), json!({ "status": 500, "message": "got lock request timeout" })] {
            if when == "after" && effect.get("status").is_some() {
                continue;
            }
            site.fault(&json!({
                "match": { "method": "POST", "path": "/nodes/*/ceph/pool" }, "nth": 1, "times": 1, "when": when, "effect": effect,
            }));
            let first = work.apply().await;
            site.clear_faults();
            assert!(work.instance("pve_ceph_pool.vm")["status"].is_null(), "{when} {effect}: tainted");
            work.apply().await.succeeded();
            assert!(work.plan().await.is_empty(), "{when} {effect}: {}", first.told());
            assert_eq!(site.state(), undisturbed, "{when} {effect}");
            work.destroy().await.succeeded();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_only_look_can_plan_and_is_told_what_the_apply_needs() {
    let secret = "11111111-2222-3333-4444-555555555555";
    let shape = format!(
        "ceph: {{stage: ready}}\nusers:\n  - userid: look@pve\n    password: looking-1\n    tokens: [{{id: t, privsep: false, \
         value: {secret}}}]\n    acl: [{{path: /, role: PVEAuditor}}]\n"
    );
    let mut work = Work::of(&shape).await;
    let site = work.site.clone();
    let mut login = provider_block(&work.bench.sim);
    login["username"] = Json::Null;
    login["password"] = Json::Null;
    login["api_token"] = format!("look@pve!t={secret}").into();
    work.bench.core.configure(login);
    work.write(&pool("name = \"vm\"\nsize = 3"));
    let output = work.plan().await;
    assert!(output.says("The apply needs Sys.Modify"), "{}", output.told());
    let output = work.apply().await.failed("Cannot create pool \"vm\"");
    assert!(output.says("lacks Sys.Modify on /"), "{}", output.told());
    assert!(site.mutations().iter().all(|seen| seen.status == Some(403)), "{:?}", site.mutations());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pool_with_images_is_not_destroyed() {
    // The entry is on the node that the provider talks to, or on others only.
    for nodes in [json!([]), json!(["pve2", "pve3"])] {
        let shape = json!({
            "storages": [{ "storage": "ceph-vm", "type": "rbd", "pool": "vm", "content": ["images"], "nodes": nodes }],
            "guests": [{ "vmid": 101, "node": "pve2", "config": { "scsi0": "ceph-vm:1" } }],
            "ceph": { "stage": "ready", "pools": [{ "name": "vm", "pg_num": 32, "application": "rbd" }] },
        });
        let mut work = Work::of(&shape.to_string()).await;
        let site = work.site.clone();
        work.write(&pool("name = \"vm\"\nallow_destroy = true"));
        work.import("pve_ceph_pool.vm", "vm").await.succeeded();
        work.apply().await.succeeded();
        let output = work.destroy().await.failed("Pool \"vm\" is in use");
        assert!(output.says("such as ceph-vm:vm-101-disk-0"), "{}", output.told());
        // Nobody relied on PVE to refuse it.
        assert!(site.mutations().is_empty(), "{:?}", site.mutations());
        assert!(!work.instance("pve_ceph_pool.vm").is_null());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pool_of_which_there_are_no_figures_is_not_destroyed() {
    let mut work = ready().await;
    let site = work.site.clone();
    work.write(&pool("name = \"vm\"\nallow_destroy = true"));
    work.apply().await.succeeded();
    site.forget_requests();
    let bare = json!({ "data": { "name": "vm", "id": 2, "size": 3 } });
    site.fault(&json!({
        "match": { "method": "GET", "path": "/nodes/*/ceph/pool/vm/status" }, "times": 100,
        "effect": { "body": bare.to_string(), "content_type": "application/json" },
    }));
    work.destroy().await.failed("Nobody knows what is in pool \"vm\"");
    assert!(site.mutations().is_empty(), "{:?}", site.mutations());
}
