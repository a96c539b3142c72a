//! Lists of firewall rules: whatever was there becomes what is wanted, with as few calls as can be, and never a hole.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};
use terraform_plugin::Object;

use super::super::described::api;
use super::super::{Kept, Rig, forms};
use super::{life, merged};
use crate::firewall::options::FirewallOptions;
use crate::firewall::rules::{FirewallRules, Rule};

const SHAPE: &str = "{guests: [{vmid: 101, node: pve1, name: web}]}";

fn list(place: &str, rules: &[Json]) -> Json {
    json!({"place": place, "rules": rules})
}

/// A rule that is known by its port.
fn port(port: u32) -> Json {
    json!({"type": "in", "action": "ACCEPT", "proto": "tcp", "dport": port.to_string()})
}

/// What PVE has: ports, with a `-` before those that are off.
fn stored(rig: &Rig, place: &str) -> Vec<String> {
    let rules = rig.sim.world.with(|cluster| cluster.firewall.rules.get(place).cloned().unwrap_or_default());
    let told = |rule: &pve_sim::cluster::sections::Entry| {
        let off = if rule["enable"] == 1 { "" } else { "-" };
        format!("{off}{}", rule.get("dport").unwrap_or(&rule["action"]).as_str().unwrap())
    };
    rules.iter().map(told).collect()
}

async fn bring(rig: &Rig, kept: Option<&Kept<FirewallRules>>, config: &Json) -> Kept<FirewallRules> {
    let (made, said) =
        rig.bring::<FirewallRules>(kept, config).await.unwrap_or_else(|told| panic!("{config}: {told:?}"));
    assert_eq!(said, [""; 0], "{config}");
    let read = rig.read(&made).await.unwrap();
    assert!(rig.plan(Some(&read), config).await.unwrap().is_empty(), "{config}");
    read
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_live_in_every_place() {
    let rig = Rig::of(SHAPE).await;
    rig.sim.world.with(|cluster| cluster.firewall.groups.insert("web".to_owned(), None));
    let full = json!({
        "type": "in", "action": "REJECT", "enable": false, "comment": "ping, no", "dest": "192.0.2.1,192.0.2.2", "icmp_type": "echo-request",
        "iface": "net0", "log": "info", "proto": "icmp", "source": "198.51.100.0/24",
    });
    let ports = json!({"type": "out", "action": "DROP", "proto": "udp", "sport": "53", "dport": "80:90,443"});
    let named = json!({"type": "in", "action": "ACCEPT", "macro": "ssh"});
    let group = json!({"type": "group", "action": "web", "iface": "vmbr0"});
    for (place, last) in [("cluster", &group), ("node/pve2", &group), ("vm/101", &group), ("group/web", &named)] {
        let before = rig.sim.world.with(|cluster| cluster.canonical());
        let mut kept = None;
        for rules in [
            vec![port(22)],
            vec![full.clone(), ports.clone(), named.clone(), last.clone()],
            vec![last.clone(), full.clone(), port(80)],
            vec![port(80), port(80)],
        ] {
            kept = Some(bring(&rig, kept.as_ref(), &list(place, &rules)).await);
        }
        let imported = rig.import::<FirewallRules>(place).await.unwrap();
        assert!(rig.plan(Some(&imported), &list(place, &[port(80), port(80)])).await.unwrap().is_empty(), "{place}");
        rig.destroy(&imported).await.unwrap();
        assert_eq!(rig.sim.world.with(|cluster| cluster.canonical()), before, "{place}");
        rig.configure().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_in_the_middle_touches_no_other() {
    let rig = Rig::of(SHAPE).await;
    let rules = |ports: &[u32]| list("vm/101", &ports.iter().map(|n| port(*n)).collect::<Vec<_>>());
    let kept = bring(&rig, None, &rules(&[1, 2, 3, 4])).await;
    rig.forget_requests().await;
    let kept = bring(&rig, Some(&kept), &rules(&[1, 2, 9, 4])).await;
    assert_eq!(stored(&rig, "guest/101"), ["1", "2", "9", "4"]);
    let asked: Vec<String> = rig.asked().await.into_iter().filter(|asked| !asked.starts_with("GET")).collect();
    let path = "/nodes/pve1/qemu/101/firewall/rules";
    // Put first, moved before what is to stay behind it, switched on; then the old one goes.
    assert_eq!(
        asked,
        [format!("POST {path}"), format!("PUT {path}/0"), format!("PUT {path}/2"), format!("DELETE {path}/3")]
    );
    bring(&rig, Some(&kept), &rules(&[4, 1, 9])).await;
    assert_eq!(stored(&rig, "guest/101"), ["4", "1", "9"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_list_becomes_any_other() {
    let rig = Rig::of(SHAPE).await;
    let mut random = fastrand::Rng::with_seed(11);
    let mut kept = None;
    for _ in 0..25 {
        let ports: Vec<u32> = (0..random.usize(1..6)).map(|_| random.u32(1..5)).collect();
        let config = list("cluster", &ports.iter().map(|n| port(*n)).collect::<Vec<_>>());
        kept = Some(bring(&rig, kept.as_ref(), &config).await);
        assert_eq!(stored(&rig, "cluster"), ports.iter().map(u32::to_string).collect::<Vec<_>>());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_rule_is_named_and_leaves_the_list_as_it_was() {
    let rig = Rig::of(SHAPE).await;
    // New rules are put in from the last: two are there when the first is refused.
    let wrong = list("cluster", &[port(99_999), port(2), port(3)]);
    let told = rig.bring::<FirewallRules>(None, &wrong).await.unwrap_err();
    assert!(told[0].contains("invalid port '99999'") && told[0].contains("as it was"), "{told:?}");
    assert_eq!(stored(&rig, "cluster"), [""; 0]);
    rig.configure().await;
    let kept = bring(&rig, None, &list("cluster", &[port(1), port(2)])).await;
    let told = rig.bring(Some(&kept), &list("cluster", &[port(1), port(99_999), port(3), port(2)])).await.unwrap_err();
    assert!(told[0].contains("invalid port"), "{told:?}");
    assert_eq!(stored(&rig, "cluster"), ["1", "2"]);
    for rule in [
        json!({"type": "group", "action": "web", "proto": "tcp"}),
        json!({"type": "group", "action": "Web"}),
        json!({"type": "in", "action": "ACCEPT", "source": "10.0.0.1 10.0.0.2"}),
    ] {
        rig.validate::<FirewallRules>(&list("cluster", &[rule])).await.unwrap_err();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_pve_refuses_of_any_rule_is_told_by_the_plan_with_its_cure() {
    let rig = Rig::of(SHAPE).await;
    for (place, rule, cure) in [
        ("cluster", json!({"type": "in", "action": "accept"}), "`ACCEPT`, `DROP` and `REJECT`"),
        ("cluster", json!({"type": "in", "action": "web"}), "`type = \"group\"`"),
        ("cluster", json!({"type": "in", "action": "DROP", "dport": "22"}), "Set `proto` too"),
        ("cluster", json!({"type": "in", "action": "DROP", "proto": "tcp", "sport": "80,8000-8010"}), "`8000:8010`"),
        ("vm/101", json!({"type": "in", "action": "DROP", "iface": "eth0"}), "`net0`"),
    ] {
        let told = rig.validate::<FirewallRules>(&list(place, std::slice::from_ref(&rule))).await.unwrap_err();
        assert!(told.len() == 1 && told[0].contains(cure), "{rule}: {told:?}");
        // PVE refuses it, too: nothing is forbidden that would work.
        let planned = rig.plan::<FirewallRules>(None, &list(place, &[rule])).await.unwrap();
        let told = rig.apply(planned).await.map(|_| ()).unwrap_err();
        assert!(told[0].contains("PVE refuses this value"), "{told:?}");
        rig.configure().await;
    }
    for fine in [
        json!({"type": "in", "action": "DROP", "proto": "tcp", "dport": "ssh,80,8000:8010", "iface": "eth0"}),
        json!({"type": "group", "action": "web"}),
    ] {
        rig.validate::<FirewallRules>(&list("cluster", &[fine])).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_for_a_group_that_is_not_there_is_told_of() {
    let rig = Rig::of(SHAPE).await;
    rig.sim.world.with(|cluster| cluster.firewall.groups.insert("web".to_owned(), None));
    let rules = ["web", "wbe"].map(|group| json!({"type": "group", "action": group}));
    let planned = rig.plan::<FirewallRules>(None, &list("cluster", &rules)).await.unwrap();
    assert!(
        planned.warnings.len() == 1 && planned.warnings[0].contains("no \"wbe\"; there are: web"),
        "{:?}",
        planned.warnings
    );
    // PVE takes it all the same.
    rig.apply(planned).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_is_settled_and_what_is_there_is_not_taken_over() {
    let rig = Rig::of(SHAPE).await;
    let config = list("cluster", &[port(1), port(2), port(3)]);
    for (method, path) in [("POST", "/cluster/firewall/rules"), ("PUT", "/cluster/firewall/rules/*")] {
        let matched = json!({"method": method, "path": path});
        rig.control("POST", "/faults", &json!({"match": matched, "when": "after", "effect": {"drop": true}})).await;
        let (made, _) = rig.bring::<FirewallRules>(None, &config).await.unwrap();
        assert_eq!(stored(&rig, "cluster"), ["1", "2", "3"], "after a lost {method}");
        rig.destroy(&rig.read(&made).await.unwrap()).await.unwrap();
        assert_eq!(stored(&rig, "cluster"), [""; 0]);
        rig.configure().await;
    }
    bring(&rig, None, &config).await;
    let theirs = rig.another().await;
    let planned = super::super::plan::<FirewallRules>(&theirs, None, &list("cluster", &[port(7)])).await.unwrap();
    let told = super::super::apply(&theirs, planned).await.unwrap_err();
    assert!(told[0].contains("id = \"cluster\""), "{told:?}");
    assert_eq!(stored(&rig, "cluster"), ["1", "2", "3"]);
    for nowhere in ["vm/999", "group/none", "node/pve9"] {
        let told = rig.bring::<FirewallRules>(None, &list(nowhere, &[port(1)])).await.unwrap_err();
        assert!(told[0].contains("There is no") && told[0].contains("Nothing was written"), "{told:?}");
    }
}

/// What was written, but for where: `POST`, `PUT 0 moveto=2`.
async fn writes(rig: &Rig) -> Vec<String> {
    let seen = rig.control("GET", "/requests", &Json::Null).await;
    let write = |seen: &&Json| seen["method"] != "GET" && seen["path"] != "/access/ticket";
    let told = |seen: &Json| {
        let (params, path) = (&seen["params"], seen["path"].as_str().unwrap());
        let at = path.strip_prefix("/cluster/firewall/rules").unwrap().trim_start_matches('/');
        let how = ["moveto", "enable"].into_iter().find(|name| !params[*name].is_null() && !at.is_empty());
        let how = how.map(|name| format!("{name}={}", params[name].as_str().unwrap())).unwrap_or_default();
        format!("{} {at} {how}", seen["method"].as_str().unwrap()).trim().replace("  ", " ")
    };
    seen.as_array().unwrap().iter().filter(write).map(told).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_is_switched_in_its_place() {
    let rig = Rig::of(SHAPE).await;
    let rule = |n: u32, enable: bool| {
        let mut rule = port(n);
        rule["enable"] = json!(enable);
        rule
    };
    let kept = bring(&rig, None, &list("cluster", &[rule(1, true), rule(2, false), rule(3, true)])).await;
    rig.forget_requests().await;
    bring(&rig, Some(&kept), &list("cluster", &[rule(1, false), rule(2, true), rule(3, true)])).await;
    assert_eq!(stored(&rig, "cluster"), ["-1", "2", "3"]);
    // What opens comes before what closes.
    assert_eq!(writes(&rig).await, ["PUT 1 enable=1", "PUT 0 enable=0"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_cut_off_goes_on_from_where_it_was() {
    let rig = Rig::of(SHAPE).await;
    let rules = |ports: &[u32]| list("cluster", &ports.iter().map(|n| port(*n)).collect::<Vec<_>>());
    // Not in its place yet; in its place and off; on. The old one is there all the time.
    for (nth, left) in [(1, ["-4", "1", "2"].as_slice()), (3, &["1", "-3", "-4", "2"]), (4, &["1", "3", "-4", "2"])] {
        let kept = bring(&rig, None, &rules(&[1, 2])).await;
        let matched = json!({"method": "PUT", "path": "/cluster/firewall/rules/*"});
        let lost = json!({"match": matched, "nth": nth, "when": "before", "effect": {"drop": true}});
        rig.control("POST", "/faults", &lost).await;
        rig.forget_requests().await;
        rig.bring(Some(&kept), &rules(&[1, 3, 4])).await.unwrap_err();
        assert_eq!(stored(&rig, "cluster"), left);
        let kept = rig.read(&kept).await.unwrap();
        let kept = bring(&rig, Some(&kept), &rules(&[1, 3, 4])).await;
        assert_eq!(stored(&rig, "cluster"), ["1", "3", "4"]);
        let writes = writes(&rig).await;
        let count = |begins: &str| writes.iter().filter(|write| write.starts_with(begins)).count();
        assert_eq!((count("POST"), count("DELETE")), (2, 1), "{writes:?}");
        rig.destroy(&kept).await.unwrap();
        rig.configure().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_form_of_a_rule_is_refused_or_stays() {
    let rig = Rig::of(SHAPE).await;
    let done = forms::every_form::<FirewallRules>(&rig, &list("cluster", &[port(22)]), &forms::no_maps, &[]).await;
    assert!(done > 20, "only {done} forms were accepted");
}

#[test]
fn a_rule_has_all_that_pve_takes() {
    let api = api();
    let is = |m: &&Json| m["path"] == "/cluster/firewall/rules" && m["method"] == "POST";
    let post = &api["methods"].as_array().unwrap().iter().find(is).unwrap()["parameters"];
    let taken: BTreeSet<&str> = post.as_object().unwrap().keys().map(String::as_str).collect();
    let attributes = Rule::attributes();
    let ours: BTreeSet<&str> = attributes.iter().map(|a| a.parameter()).chain(["digest", "pos"]).collect();
    assert_eq!(ours, taken);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn options_live_in_every_place() {
    let rig = Rig::of(SHAPE).await;
    let cluster = [
        json!({"policy_in": "REJECT"}),
        json!({
            "enable": true, "ebtables": false, "policy_in": "DROP", "policy_out": "REJECT", "policy_forward": "DROP",
            "log_ratelimit": {"enable": true, "rate": "5/second", "burst": 10},
        }),
        json!({"enable": false, "log_ratelimit": {"enable": false}}),
    ];
    let node = [
        json!({"enable": false}),
        json!({
            "enable": true, "log_level_forward": "info", "log_level_in": "nolog", "log_level_out": "err", "log_nf_conntrack": true,
            "ndp": false, "nf_conntrack_allow_invalid": true, "nf_conntrack_helpers": ["tftp", "ftp"], "nf_conntrack_max": 100_000,
            "nf_conntrack_tcp_timeout_established": 7875, "nf_conntrack_tcp_timeout_syn_recv": 30, "nftables": true, "nosmurfs": false,
            "protection_synflood": true, "protection_synflood_burst": 500, "protection_synflood_rate": 100, "smurf_log_level": "debug",
            "tcp_flags_log_level": "crit", "tcpflags": true,
        }),
        json!({"nf_conntrack_helpers": ["sip"], "log_level_in": "alert"}),
    ];
    let guest = [
        json!({"enable": true}),
        json!({
            "enable": true, "dhcp": true, "ipfilter": true, "log_level_in": "warning", "log_level_out": "emerg", "macfilter": false,
            "ndp": false, "policy_in": "ACCEPT", "policy_out": "DROP", "radv": true,
        }),
        json!({"macfilter": true, "policy_in": "DROP"}),
    ];
    for (place, configs) in [("cluster", &cluster), ("node/pve2", &node), ("vm/101", &guest)] {
        let at = |config: &Json| merged(json!({"place": place}), config.clone());
        life::<FirewallOptions>(&rig, place, &configs.iter().map(at).collect::<Vec<_>>()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_place_has_options_of_its_own() {
    let rig = Rig::of(SHAPE).await;
    for (place, option, has) in [
        ("cluster", "dhcp", "`ebtables`"),
        ("node/pve1", "ebtables", "`nftables`"),
        ("vm/101", "nftables", "`macfilter`"),
        ("ct/102", "ebtables", "`macfilter`"),
    ] {
        let told = rig.validate::<FirewallOptions>(&json!({"place": place, option: true})).await.unwrap_err();
        assert!(told[0].contains(&format!("no `{option}`")) && told[0].contains(has), "{told:?}");
    }
    // PVE would make a file for a guest that is not there.
    for nowhere in ["vm/999", "ct/101", "node/pve9"] {
        let told = rig.bring::<FirewallOptions>(None, &json!({"place": nowhere, "enable": true})).await.unwrap_err();
        assert!(told[0].contains("There is no") && told[0].contains("Nothing was written"), "{told:?}");
    }
    let gone = rig.bring::<FirewallOptions>(None, &json!({"place": "vm/101", "enable": true})).await.unwrap().0;
    rig.sim.world.with(|cluster| cluster.guests.all.remove(&101));
    rig.configure().await;
    assert_eq!(rig.read(&gone).await.unwrap().state, terraform_plugin::value::Value::Null);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn switching_the_firewall_on_is_told_once() {
    let rig = Rig::of(SHAPE).await;
    let warned = |planned: &super::super::Planned<FirewallOptions>| {
        planned.warnings.iter().any(|told| told.contains("switched on in the whole cluster"))
    };
    let on = |policy: &str| json!({"place": "cluster", "enable": true, "policy_in": policy});
    let planned = rig.plan::<FirewallOptions>(None, &on("DROP")).await.unwrap();
    assert!(warned(&planned));
    let kept = rig.apply(planned).await.unwrap().0;
    assert!(!warned(&rig.plan(Some(&kept), &on("REJECT")).await.unwrap()), "it is on already");
    // As long as somebody only tries it, it is not.
    rig.sim.world.with(|cluster| {
        cluster.firewall.options.get_mut("cluster").unwrap().insert("enable".to_owned(), json!(1_764_000_000));
    });
    rig.configure().await;
    let tried = rig.read(&kept).await.unwrap();
    assert!(warned(&rig.plan(Some(&tried), &on("DROP")).await.unwrap()));
}
