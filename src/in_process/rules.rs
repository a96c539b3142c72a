//! CRUSH rules: what is said before anything is written, what keeps them, and changes that are cut off between any two of their
//! steps. A life with a real Terraform is in the acceptance tests.

use serde_json::{Value as Json, json};

use super::lives::provider_block;
use super::work::Work;

/// A rule with these attributes.
fn rule(attributes: &str) -> String {
    format!("resource \"pve_ceph_crush_rule\" \"r\" {{\n{attributes}\n}}\n")
}

/// The rule and a pool that uses it.
fn with_pool(attributes: &str) -> String {
    let pool = "name = \"vm\"\nsize = 2\nmin_size = 2\ncrush_rule = pve_ceph_crush_rule.r.name\nallow_destroy = true";
    format!("{}\nresource \"pve_ceph_pool\" \"vm\" {{\n{pool}\n}}\n", rule(attributes))
}

/// A cluster with six OSDs that begins with these rules and pools.
async fn shaped(rules: &str, pools: &str) -> Work {
    Work::of(&format!("ceph:\n  stage: ready\n  rules: {rules}\n  pools: {pools}\n")).await
}

async fn ready() -> Work {
    shaped("[]", "[]").await
}

fn attributes(work: &Work) -> Json {
    work.instance("pve_ceph_crush_rule.r")["attributes"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_imported_rule_plans_nothing() {
    let mut work = shaped("[{name: r, failure_domain: host, device_class: ssd}]", "[]").await;
    let site = work.site.clone();
    work.write(&rule("name = \"r\"\nfailure_domain = \"host\"\ndevice_class = \"ssd\""));
    work.import("pve_ceph_crush_rule.r", "r").await.succeeded();
    assert!(work.plan().await.is_empty());
    assert!(site.mutations().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_is_said_before_anything_is_written() {
    let mut work = ready().await;
    let rows = [
        ("name = \"r\"\nfailure_domain = \"hots\"", "CRUSH knows no level \"hots\"", "osd, host, chassis"),
        ("name = \"r\"\nfailure_domain = \"rack\"", "Nothing below \"default\" is a rack", "osd, host"),
        (
            "name = \"r\"\nfailure_domain = \"host\"\nroot = \"nope\"",
            "CRUSH root \"nope\" does not exist",
            "There are: default",
        ),
        ("name = \"r\"\nfailure_domain = \"host\"\ndevice_class = \"nvme\"", "No OSD has device class \"nvme\"", "ssd"),
        (
            "name = \"replicated_rule\"\nfailure_domain = \"osd\"",
            "CRUSH rule \"replicated_rule\" exists already",
            "import {",
        ),
        ("name = \"-r\"\nfailure_domain = \"osd\"", "no `-` at the beginning", "name"),
        ("name = \"r.changing\"\nfailure_domain = \"osd\"", "must not end in", "name"),
    ];
    work.refused(rule, &rows).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_login_of_root_it_is_planned_with_a_warning_and_not_begun() {
    let mut work = ready().await;
    let site = work.site.clone();
    let mut login = provider_block(&work.bench.sim);
    login["username"] = Json::Null;
    login["password"] = Json::Null;
    work.bench.core.configure(login);
    work.write(&rule("name = \"r\"\nfailure_domain = \"osd\""));
    let plan = work.plan().await;
    assert!(plan.says("CRUSH rules need the login of root@pam"), "{}", plan.told());
    let output = work.apply().await.failed("Cannot create CRUSH rule \"r\"");
    assert!(output.says("PVE_PASSWORD"), "{}", output.told());
    assert!(site.mutations().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_in_use_is_not_destroyed() {
    let mut work =
        shaped("[{name: r, failure_domain: osd}]", "[{name: one, crush_rule: r}, {name: two, crush_rule: r}]").await;
    work.write(&rule("name = \"r\"\nfailure_domain = \"osd\""));
    work.import("pve_ceph_crush_rule.r", "r").await.succeeded();
    let output = work.destroy().await.failed("CRUSH rule \"r\" is in use");
    assert!(output.says("one, two"), "{}", output.told());
    assert!(work.plan().await.is_empty());
}

/// What a change from `host` to `osd` leaves behind when it is cut off after its first, second, ... command.
const CUT_OFF: [(&str, &str); 5] = [
    (
        "[{name: r, failure_domain: host}, {name: r.changing, failure_domain: osd}]",
        "[{name: a, crush_rule: r}, {name: b, crush_rule: r}]",
    ),
    (
        "[{name: r, failure_domain: host}, {name: r.changing, failure_domain: osd}]",
        "[{name: a, crush_rule: r.changing}, {name: b, crush_rule: r}]",
    ),
    (
        "[{name: r, failure_domain: host}, {name: r.changing, failure_domain: osd}]",
        "[{name: a, crush_rule: r.changing}, {name: b, crush_rule: r.changing}]",
    ),
    (
        "[{name: r.changing, failure_domain: osd}]",
        "[{name: a, crush_rule: r.changing}, {name: b, crush_rule: r.changing}]",
    ),
    ("[{name: r, failure_domain: osd}]", "[{name: a, crush_rule: r}, {name: b, crush_rule: r}]"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_cut_off_after_any_command_is_finished_by_the_next_apply_or_taken_back() {
    for (rules, pools) in CUT_OFF {
        for wanted in ["osd", "host"] {
            let mut work = shaped(rules, pools).await;
            let site = work.site.clone();
            work.write(&rule(&format!("name = \"r\"\nfailure_domain = \"{wanted}\"")));
            work.import("pve_ceph_crush_rule.r", "r").await.succeeded();
            work.apply().await.succeeded();
            assert!(work.plan().await.is_empty(), "{rules} {pools} {wanted}");
            let state = site.state().to_string();
            assert!(!state.contains("r.changing"), "{rules} {pools} {wanted}: {state}");
            assert_eq!(attributes(&work)["failure_domain"], wanted);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_cut_during_a_change_or_a_creation_lose_nothing() {
    let mut work = ready().await;
    let site = work.site.clone();
    let (osd, host) =
        (with_pool("name = \"r\"\nfailure_domain = \"osd\""), with_pool("name = \"r\"\nfailure_domain = \"host\""));
    let requests = [("POST", "/nodes/*/termproxy"), ("GET", "/nodes/*/vncwebsocket"), ("PUT", "/nodes/*/ceph/pool/*")];
    for (method, path) in requests {
        for when in ["before", "after"] {
            for text in [&osd, &host] {
                work.write(text);
                site.fault(&json!({
                    "match": { "method": method, "path": path }, "nth": 1, "times": 1, "when": when, "effect": { "drop": true },
                }));
                let first = work.apply().await;
                site.clear_faults();
                let tainted = work.bench.core.state.instances.values().any(|instance| instance.tainted);
                assert!(!tainted, "{method} {path} {when}: {}", first.told());
                work.apply().await.succeeded();
                assert!(work.plan().await.is_empty(), "{method} {path} {when}: {}", first.told());
                assert!(!site.state().to_string().contains("r.changing"), "{method} {path} {when}");
            }
            work.destroy().await.succeeded();
            // The terminal of the last command is kept for ten seconds: the next run opens one of its own all the same.
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_killed_between_any_two_steps_of_a_change_leaves_what_the_next_apply_finishes() {
    let pools = "[{name: a, crush_rule: r}, {name: b, crush_rule: r}]";
    let mut work = shaped("[{name: r, failure_domain: host}]", pools).await;
    let site = work.site.clone();
    work.write(&rule("name = \"r\"\nfailure_domain = \"host\""));
    work.import("pve_ceph_crush_rule.r", "r").await.succeeded();
    let mut cut_off = 0;
    // The map is read before each step, so holding the nth reading holds the change between two steps.
    for nth in 1..30 {
        let wanted = if nth % 2 == 1 { "osd" } else { "host" };
        work.write(&rule(&format!("name = \"r\"\nfailure_domain = \"{wanted}\"")));
        site.fault(&json!({
            "match": { "method": "GET", "path": "/nodes/*/ceph/crush" }, "nth": nth, "times": 1, "effect": { "hold": true },
        }));
        let reached = !work.apply_until_killed().await.ok;
        site.clear_faults();
        cut_off += usize::from(site.state().to_string().contains("r.changing"));
        work.apply().await.succeeded();
        assert!(work.plan().await.is_empty(), "after reading {nth}");
        assert!(!site.state().to_string().contains("r.changing"), "after reading {nth}");
        assert_eq!(attributes(&work)["failure_domain"], wanted);
        if !reached {
            break;
        }
    }
    // After making, each of two moves, and removing; one of them may be missed, since a reading that is older than two
    // seconds is repeated.
    assert!(cut_off >= 3, "cut off in the middle {cut_off} times");
}
