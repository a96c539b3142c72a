//! `pve_ceph_crush_rule` with a real Terraform.

use acceptance_tests::{Sim, Workspace, cluster, cluster_of, refused};
use serde_json::json;

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
fn shaped(rules: &str, pools: &str) -> anyhow::Result<Option<(Sim, Workspace)>> {
    cluster_of(format!("ceph:\n  stage: ready\n  rules: {rules}\n  pools: {pools}\n"), &[])
}

fn attributes(work: &Workspace) -> anyhow::Result<serde_json::Value> {
    Ok(work.instance("pve_ceph_crush_rule.r")?["attributes"].clone())
}

#[test]
fn a_rule_lives_from_its_creation_to_its_end_and_keeps_its_pools() -> anyhow::Result<()> {
    let Some((sim, work)) = cluster(&["--ceph", "ready"])? else { return Ok(()) };
    let before = sim.state()?;
    work.write("main.tf", &with_pool("name = \"osd\"\nfailure_domain = \"osd\""))?;
    work.apply()?.succeeded()?;
    assert!(work.plan()?.is_empty());
    assert_eq!(attributes(&work)?["root"], "default");
    assert_eq!(attributes(&work)?["ready"], true);

    for (change, domain, class) in [
        ("name = \"osd\"\nfailure_domain = \"host\"", "host", json!(null)),
        ("name = \"osd\"\nfailure_domain = \"host\"\ndevice_class = \"ssd\"", "host", json!("ssd")),
        ("name = \"osd\"\nfailure_domain = \"osd\"", "osd", json!(null)),
    ] {
        work.write("main.tf", &with_pool(change))?;
        assert_eq!(work.plan()?.actions("pve_ceph_crush_rule.r"), ["update"], "{change}");
        work.apply()?.succeeded()?;
        assert!(work.plan()?.is_empty(), "{change}");
        let now = attributes(&work)?;
        assert_eq!((now["failure_domain"].as_str(), &now["device_class"]), (Some(domain), &class));
        assert_eq!(work.instance("pve_ceph_pool.vm")?["attributes"]["crush_rule"], "osd");
    }
    work.destroy()?.succeeded()?;
    assert_eq!(sim.state()?, before);
    Ok(())
}

#[test]
fn an_imported_rule_plans_nothing() -> anyhow::Result<()> {
    let Some((sim, work)) = shaped("[{name: r, failure_domain: host, device_class: ssd}]", "[]")? else {
        return Ok(());
    };
    work.write("main.tf", &rule("name = \"r\"\nfailure_domain = \"host\"\ndevice_class = \"ssd\""))?;
    work.import("pve_ceph_crush_rule.r", "r")?.succeeded()?;
    assert!(work.plan()?.is_empty());
    assert!(sim.mutations()?.is_empty());
    Ok(())
}

#[test]
fn what_is_wrong_is_said_before_anything_is_written() -> anyhow::Result<()> {
    let Some((sim, work)) = cluster(&["--ceph", "ready"])? else { return Ok(()) };
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
    refused(&sim, &work, rule, &rows)
}

#[test]
fn without_the_login_of_root_it_is_planned_with_a_warning_and_not_begun() -> anyhow::Result<()> {
    let Some((sim, mut work)) = cluster(&["--ceph", "ready"])? else { return Ok(()) };
    work.set("PVE_USERNAME", "");
    work.set("PVE_PASSWORD", "");
    work.write("main.tf", &rule("name = \"r\"\nfailure_domain = \"osd\""))?;
    let plan = work.plan()?;
    assert!(plan.output.says("CRUSH rules need the login of root@pam, or SSH"), "{}", plan.output.told());
    let output = work.apply()?.failed("Cannot create CRUSH rule \"r\"")?;
    assert!(output.says("PVE_PASSWORD"), "{}", output.told());
    assert!(sim.mutations()?.is_empty());
    Ok(())
}

#[test]
fn a_rule_in_use_is_not_destroyed() -> anyhow::Result<()> {
    let Some((_sim, work)) =
        shaped("[{name: r, failure_domain: osd}]", "[{name: one, crush_rule: r}, {name: two, crush_rule: r}]")?
    else {
        return Ok(());
    };
    work.write("main.tf", &rule("name = \"r\"\nfailure_domain = \"osd\""))?;
    work.import("pve_ceph_crush_rule.r", "r")?.succeeded()?;
    let output = work.destroy()?.failed("CRUSH rule \"r\" is in use")?;
    assert!(output.says("one, two"), "{}", output.told());
    assert!(work.plan()?.is_empty());
    Ok(())
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

#[test]
fn a_change_cut_off_after_any_command_is_finished_by_the_next_apply_or_taken_back() -> anyhow::Result<()> {
    for (rules, pools) in CUT_OFF {
        for wanted in ["osd", "host"] {
            let Some((sim, work)) = shaped(rules, pools)? else { return Ok(()) };
            work.write("main.tf", &rule(&format!("name = \"r\"\nfailure_domain = \"{wanted}\"")))?;
            work.import("pve_ceph_crush_rule.r", "r")?.succeeded()?;
            work.apply()?.succeeded()?;
            assert!(work.plan()?.is_empty(), "{rules} {pools} {wanted}");
            let state = sim.state()?.to_string();
            assert!(!state.contains("r.changing"), "{rules} {pools} {wanted}: {state}");
            assert_eq!(attributes(&work)?["failure_domain"], wanted);
        }
    }
    Ok(())
}

#[test]
fn connections_cut_during_a_change_or_a_creation_lose_nothing() -> anyhow::Result<()> {
    let Some((sim, work)) = cluster(&["--ceph", "ready"])? else { return Ok(()) };
    let (osd, host) =
        (with_pool("name = \"r\"\nfailure_domain = \"osd\""), with_pool("name = \"r\"\nfailure_domain = \"host\""));
    let requests = [("POST", "/nodes/*/termproxy"), ("GET", "/nodes/*/vncwebsocket"), ("PUT", "/nodes/*/ceph/pool/*")];
    for (method, path) in requests {
        for when in ["before", "after"] {
            for text in [&osd, &host] {
                work.write("main.tf", text)?;
                sim.fault(&json!({
                    "match": { "method": method, "path": path }, "nth": 1, "times": 1, "when": when, "effect": { "drop": true },
                }))?;
                let first = work.apply()?;
                sim.clear_faults()?;
                assert!(!work.state()?.to_string().contains("tainted"), "{method} {path} {when}: {}", first.told());
                work.apply()?.succeeded()?;
                assert!(work.plan()?.is_empty(), "{method} {path} {when}: {}", first.told());
                assert!(!sim.state()?.to_string().contains("r.changing"), "{method} {path} {when}");
            }
            work.destroy()?.succeeded()?;
            // The terminal of the last command is kept for ten seconds: the next run opens one of its own all the same.
        }
    }
    Ok(())
}

#[test]
fn a_provider_killed_between_any_two_steps_of_a_change_leaves_what_the_next_apply_finishes() -> anyhow::Result<()> {
    let pools = "[{name: a, crush_rule: r}, {name: b, crush_rule: r}]";
    let Some((sim, work)) = shaped("[{name: r, failure_domain: host}]", pools)? else { return Ok(()) };
    work.write("main.tf", &rule("name = \"r\"\nfailure_domain = \"host\""))?;
    work.import("pve_ceph_crush_rule.r", "r")?.succeeded()?;
    let mut cut_off = 0;
    // The map is read before each step, so holding the nth reading holds the change between two steps.
    for nth in 1..30 {
        let wanted = if nth % 2 == 1 { "osd" } else { "host" };
        work.write("main.tf", &rule(&format!("name = \"r\"\nfailure_domain = \"{wanted}\"")))?;
        sim.fault(&json!({
            "match": { "method": "GET", "path": "/nodes/*/ceph/crush" }, "nth": nth, "times": 1, "effect": { "delay": "600s" },
        }))?;
        let mut running = work.start_apply()?;
        let held = || sim.faults().is_ok_and(|faults| faults[0]["seen"].as_u64() >= Some(nth));
        let reached = running.until("the map was read", held).is_ok();
        // With it goes the provider.
        drop(running);
        sim.clear_faults()?;
        cut_off += usize::from(sim.state()?.to_string().contains("r.changing"));
        work.apply()?.succeeded()?;
        assert!(work.plan()?.is_empty(), "after reading {nth}");
        assert!(!sim.state()?.to_string().contains("r.changing"), "after reading {nth}");
        assert_eq!(attributes(&work)?["failure_domain"], wanted);
        if !reached {
            break;
        }
    }
    // After making, each of two moves, and removing; one of them may be missed, since a reading that is older than two
    // seconds is repeated.
    assert!(cut_off >= 3, "cut off in the middle {cut_off} times");
    Ok(())
}
