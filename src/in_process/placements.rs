//! What a pool's copies would be worth: told for what exists, for what is planned, and for nothing but plans.

use std::collections::BTreeMap;

use pve_sim::shape::Shape;
use serde_json::{Value as Json, json};
use terraform_core::{Config, Value};

use super::lives::Bench;

const GIB: f64 = (1_u64 << 30) as f64;

/// A cluster of this shape.
async fn bench(shape: &str) -> Bench {
    Bench::of(Shape::from_yaml(shape).unwrap()).await
}

/// What a data source with these attributes tells.
async fn told(bench: &Bench, attributes: &str) -> BTreeMap<String, Json> {
    let (found, warnings) = asked(bench, &format!("data \"pve_ceph_placement\" \"it\" {{\n{attributes}\n}}\n")).await;
    assert_eq!(warnings, [""; 0]);
    found
}

async fn asked(bench: &Bench, text: &str) -> (BTreeMap<String, Json>, Vec<String>) {
    let text = format!("{text}output \"it\" {{ value = data.pve_ceph_placement.it }}\n");
    let plan = bench.core.plan(&Config::from_hcl(&text).unwrap()).await.unwrap_or_else(|said| panic!("{said}"));
    let Value::Object(found) = &plan.outputs["it"] else { panic!("{:?}", plan.outputs) };
    let found = found.iter().map(|(name, value)| (name.clone(), shown(value))).collect();
    (found, plan.warnings.iter().map(ToString::to_string).collect())
}

fn shown(value: &Value) -> Json {
    match value {
        Value::Bool(on) => json!(on),
        Value::Number(number) => serde_json::from_str(&number.to_string()).unwrap(),
        Value::String(text) => json!(text),
        Value::Map(of) | Value::Object(of) => of.iter().map(|(name, value)| (name.clone(), shown(value))).collect(),
        _ => Json::Null,
    }
}

/// The errors of a plan with a data source of these attributes.
async fn refused(bench: &Bench, attributes: &str) -> String {
    let text = format!("data \"pve_ceph_placement\" \"it\" {{\n{attributes}\n}}\n");
    bench.core.plan(&Config::from_hcl(&text).unwrap()).await.unwrap_err().to_string()
}

/// Hosts and OSDs that may die: with I/O going on, without loss.
fn may_fail(told: &BTreeMap<String, Json>) -> Json {
    let of = |name: &str| told[name].clone();
    json!([
        [of("hosts_may_fail_with_io"), of("hosts_may_fail_without_loss")],
        [of("osds_may_fail_with_io"), of("osds_may_fail_without_loss")]
    ])
}

fn gib(told: &BTreeMap<String, Json>, name: &str) -> f64 {
    told[name].as_f64().unwrap() / GIB
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_copies_on_three_nodes_with_two_disks_each() {
    let bench = bench("ceph: {stage: ready}").await;
    let five = told(&bench, "rule = { failure_domain = \"osd\" }\nsize = 5\nmin_size = 3").await;
    assert_eq!((&five["placeable"], &five["undersized_pgs"]), (&json!(true), &json!(0)));
    assert_eq!(may_fail(&five), json!([[1, 2], [2, 4]]));
    assert_eq!((&five["copies_on_one_host"], &five["pgs_stopped_by_one_host"]), (&json!(2), &json!(0)));
    assert_eq!(five["pgs_by_copies_on_one_host"], json!({"2": 1024}));
    let (usable, raw) = (gib(&five, "usable_bytes"), gib(&five, "raw_bytes"));
    assert!((usable / raw - 0.2).abs() < 0.002, "{usable} {raw}");

    // Over hosts there are places for three of them: enough to go on, until one dies.
    let hosts = told(&bench, "size = 5\nmin_size = 3\npg_num = 64").await;
    assert_eq!((&hosts["placeable"], &hosts["undersized_pgs"]), (&json!(false), &json!(64)));
    assert_eq!((&hosts["copies_on_one_host"], &hosts["pgs_stopped_by_one_host"]), (&json!(1), &json!(64)));
    assert_eq!(may_fail(&hosts), json!([[0, 2], [0, 2]]));

    // Three copies, two of which may be on one host; how often is told as well.
    let three = told(&bench, "rule = { failure_domain = \"osd\" }\nsize = 3\nmin_size = 2").await;
    assert_eq!(may_fail(&three), json!([[0, 1], [1, 2]]));
    let often = three["pgs_by_copies_on_one_host"].as_object().unwrap();
    let (apart, together) = (often["1"].as_u64().unwrap(), often["2"].as_u64().unwrap());
    // 8 of the 20 ways to choose three of the six are on three hosts.
    assert!(apart + together == 1024 && (350..470).contains(&apart), "{often:?}");
    let stopped = three["pgs_stopped_by_one_host"].as_u64().unwrap();
    assert!((together / 3..together).contains(&stopped), "{stopped} of {together}");

    // More needed than there are with all hosts alive: it stands still already, and can be lost all the same.
    let still = told(&bench, "size = 5\nmin_size = 4").await;
    assert_eq!(may_fail(&still), json!([[null, 2], [null, 2]]));
    assert_eq!(still["pgs_stopped_by_one_host"], json!(1024));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn before_there_is_a_ceph_everything_is_planned() {
    let bench = bench("ceph: {stage: none}").await;
    let osds = "osds = flatten([for node in [\"fra\", \"nyc\", \"sgp\"] : [\n    { host = node, size = \"1T\", device_class = \
                \"nvme\" },\n    { host = node, size = \"4T\" },\n]])";
    let all = told(&bench, &format!("size = 3\nmin_size = 2\n{osds}")).await;
    assert_eq!((&all["placeable"], may_fail(&all)), (&json!(true), json!([[1, 2], [1, 2]])));
    assert_eq!((gib(&all, "usable_bytes").round(), gib(&all, "raw_bytes")), (5.0 * 1024.0, 15.0 * 1024.0));

    let class =
        format!("rule = {{ failure_domain = \"host\", device_class = \"nvme\" }}\nsize = 3\nmin_size = 2\n{osds}");
    let fast = told(&bench, &class).await;
    assert_eq!((gib(&fast, "usable_bytes").round(), gib(&fast, "raw_bytes")), (1024.0, 3.0 * 1024.0));
    let none = told(&bench, &class.replace("\"nvme\" }\nsize", "\"ssd\" }\nsize")).await;
    assert_eq!((&none["placeable"], &none["usable_bytes"]), (&json!(false), &json!(0)));
    assert_eq!(may_fail(&none), json!([[null, null], [null, null]]));
    let nothing = told(&bench, "size = 3\nmin_size = 2").await;
    assert_eq!((&nothing["undersized_pgs"], &nothing["raw_bytes"]), (&json!(1024), &json!(0)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chunks_of_erasure_coded_pools_count_k_of_them() {
    let bench = bench("ceph: {stage: ready}").await;
    let rule = "rule = { failure_domain = \"host\", type = \"erasure\" }\nsize = 3\nmin_size = 2";
    let two_and_one = told(&bench, &format!("{rule}\nk = 2")).await;
    assert_eq!((&two_and_one["placeable"], may_fail(&two_and_one)), (&json!(true), json!([[1, 1], [1, 1]])));
    let part = gib(&two_and_one, "usable_bytes") / gib(&two_and_one, "raw_bytes");
    assert!((part - 2.0 / 3.0).abs() < 0.01, "{part}");

    let over =
        told(&bench, &format!("{}\nk = 2", rule.replace("\"host\"", "\"osd\"").replace("size = 3", "size = 4"))).await;
    // Two of the four chunks may be on one host, and two suffice.
    assert_eq!((&over["copies_on_one_host"], may_fail(&over)), (&json!(2), json!([[1, 1], [2, 2]])));

    let refusal = refused(&bench, rule).await;
    assert!(refusal.contains("places the chunks of erasure-coded pools"), "{refusal}");
    let refusal = refused(&bench, "size = 3\nmin_size = 2\nk = 2").await;
    assert!(refusal.contains("\"replicated_rule\" places whole copies"), "{refusal}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_that_the_same_run_makes_counts_as_it_will_be() {
    let bench = bench("ceph: {stage: ready, rules: [{name: old, failure_domain: osd}]}").await;
    let text = |name: &str, domain: &str| {
        format!(
            "resource \"pve_ceph_crush_rule\" \"r\" {{\n  name = \"{name}\"\n  failure_domain = \"{domain}\"\n}}\n\
             data \"pve_ceph_placement\" \"it\" {{\n  crush_rule = pve_ceph_crush_rule.r.name\n  size = 5\n  min_size = 3\n}}\n"
        )
    };
    assert_eq!(asked(&bench, &text("new", "osd")).await.0["placeable"], json!(true));
    assert_eq!(asked(&bench, &text("new", "host")).await.0["placeable"], json!(false));
    let existing = told(&bench, "crush_rule = \"old\"\nsize = 5\nmin_size = 3").await;
    assert_eq!(existing["placeable"], json!(true));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_told_is_refused_with_what_there_is() {
    let bench = bench("ceph: {stage: ready}").await;
    let with = |rule: &str| format!("rule = {{ {rule} }}\nsize = 3\nmin_size = 2");
    let rows = [
        (
            "crush_rule = \"nope\"\nsize = 3\nmin_size = 2".to_owned(),
            "CRUSH rule \"nope\" does not exist",
            "There are: replicated_rule.",
        ),
        (with("failure_domain = \"shelf\""), "knows a level that the map does not", "host"),
        (
            with("failure_domain = \"host\", root = \"other\""),
            "There is no CRUSH bucket \"other\"",
            "There are: default, pve1",
        ),
        ("size = 2\nmin_size = 3".to_owned(), "min_size 3 is more than size 2", "At most 2"),
        ("size = 4\nmin_size = 2\nk = 3".to_owned(), "min_size 2 is less than k 3", "nothing can be read"),
        (
            format!("crush_rule = \"replicated_rule\"\n{}", with("failure_domain = \"osd\"")),
            "`crush_rule` and `rule` exclude each other",
            "",
        ),
        (
            "size = 3\nmin_size = 2\nosds = [{ host = \"pve9\", size = \"1T\", parent = \"r9\" }]".to_owned(),
            "There is no CRUSH bucket \"r9\"",
            "",
        ),
    ];
    for (attributes, summary, detail) in rows {
        let said = refused(&bench, &attributes).await;
        assert!(said.contains(summary) && said.contains(detail), "{attributes}: {said}");
    }
}
