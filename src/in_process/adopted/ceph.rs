//! Pools, CRUSH rules and OSDs.

use pve_client::api::ceph::crush::CrushMap;
use pve_client::api::ceph::osd::OsdTree;
use pve_client::api::disks::Disk;
use serde_json::{Value as Json, json};

use super::{Rig, import_stays, model_stays, objects, recorded, told};
use crate::ceph::crush_rule::CrushRule;
use crate::ceph::erasure_pool::ErasurePool;
use crate::ceph::osd::Osd;
use crate::ceph::pool::Pool;

const CEPH: &str = "ceph: {stage: ready}";

/// The status of a pool, put as the list of pools puts it.
fn listed(status: &Json) -> Json {
    let uses = status["application_list"].as_array().into_iter().flatten();
    let uses: serde_json::Map<String, Json> = uses.map(|word| (word.as_str().unwrap().to_owned(), json!({}))).collect();
    json!({
        "pool_name": status["name"],
        "type": "replicated",
        "size": status["size"],
        "min_size": status["min_size"],
        "pg_num": status["pg_num"],
        "pg_num_min": status["pg_num_min"],
        "pg_autoscale_mode": status["pg_autoscale_mode"],
        "crush_rule_name": status["crush_rule"],
        "target_size": status["target_size"],
        "target_size_ratio": status["target_size_ratio"],
        "application_metadata": uses,
        "autoscale_status": status["autoscale_status"],
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_recorded_pool_is_imported_as_it_is() {
    let rig = Rig::of(CEPH).await;
    let in_lists = objects(|path| path.ends_with("/ceph/pool")).filter(|(_, pool)| pool["type"] != "erasure");
    let alone = recorded(|path| path.contains("/ceph/pool/") && path.ends_with("/status"));
    let alone = alone.into_iter().map(|(path, status)| (path, listed(&status)));
    let (mut seen, mut names) = (0, std::collections::BTreeSet::new());
    for (path, answer) in in_lists.chain(alone) {
        let pool = Pool::from_live(&told(&path, &answer), None);
        model_stays(&rig, &format!("{path}: {answer}"), &pool).await;
        names.insert(pool.name);
        seen += 1;
    }
    assert!(seen > 40 && names.len() > 10, "only {seen} are recorded, of {names:?}");
}

/// The pair that PVE made when it was recorded, and both ends of what the autoscaler's rate tells.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_erasure_coded_pool_is_imported_as_it_is() {
    let rig = Rig::of(CEPH).await;
    let recorded = objects(|path| path.ends_with("/ceph/pool")).filter(|(_, pool)| pool["type"] == "erasure");
    let mut seen = 0;
    for (path, answer) in recorded {
        let live: pve_client::api::ceph::pool::Pool = told(&path, &answer);
        assert_eq!((live.name.as_str(), live.chunks()), ("ec1-data", Some((2, 1))), "{answer}");
        seen += 1;
    }
    assert!(seen > 0);
    let more = [
        json!({"name": "ec1", "k": 2, "m": 1}),
        json!({"name": "ec2", "k": 3, "m": 2, "failure_domain": "osd"}),
        json!({"name": "ec3", "k": 2, "m": 2, "failure_domain": "osd", "device_class": "ssd"}),
    ];
    for mut one in more {
        one["data_pg_num"] = json!(8);
        rig.bring::<ErasurePool>(None, &one).await.unwrap();
    }
    rig.sim.world.advance(std::time::Duration::from_secs(60));
    for name in ["ec1", "ec2", "ec3"] {
        import_stays::<ErasurePool>(&rig, name).await;
    }
}

/// Every CRUSH map in the recordings, of PVE and of Ceph alone.
fn maps() -> Vec<(String, CrushMap)> {
    let path = format!("{}/crates/pve-sim/truth/ceph/02-crushmap.json", env!("CARGO_MANIFEST_DIR"));
    let calls: Vec<Json> = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    let texts =
        calls.iter().filter_map(|call| call["stdout"].as_str()).filter(|text| text.contains("# begin crush map"));
    let mut found: Vec<_> = texts.map(|text| (path.clone(), CrushMap::parse(text))).collect();
    for (path, answer) in recorded(|path| path.ends_with("/ceph/crush")) {
        found.push((path, CrushMap::parse(answer.as_str().unwrap())));
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_recorded_rule_is_imported_as_it_is() {
    let rig = Rig::of(CEPH).await;
    let mut seen = 0;
    for (path, map) in maps() {
        for rule in map.rules.iter().filter(|rule| rule.kind == "replicated") {
            let found = CrushRule::of(&rule.name, &map).ok().flatten();
            let found = found.unwrap_or_else(|| panic!("{path}: {rule:?} is not read"));
            model_stays(&rig, &format!("{path}: {rule:?}"), &found).await;
            seen += 1;
        }
    }
    assert!(seen > 5, "only {seen} rules are recorded");
}

/// The disks of a node with an OSD, as recorded, were it the OSD of that number.
fn disks_with(id: u32) -> Vec<Vec<Disk>> {
    let lists = recorded(|path| path.ends_with("/disks/list")).into_iter();
    let lists = lists.filter_map(|(path, mut list)| {
        let carrier = list.as_array_mut()?.iter_mut().find(|disk| disk["osdid-list"].is_array())?;
        carrier["osdid-list"] = json!([id.to_string()]);
        Some(told(&path, &list))
    });
    lists.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_recorded_osd_is_imported_as_it_is() {
    let rig = Rig::of(CEPH).await;
    let (mut seen, mut down) = (0, 0);
    for (path, answer) in recorded(|path| path.ends_with("/ceph/osd")) {
        let tree: OsdTree = told(&path, &answer);
        for live in &tree.osds {
            for list in disks_with(live.id) {
                let fsid = Some("6d2f6b0c-5a4b-4a6d-9a53-0b8a0f3f0c11".to_owned());
                let osd = Osd::imported(live, live.host.clone().unwrap(), fsid, &list);
                model_stays(&rig, &format!("{path}: {live:?}"), &osd).await;
                (seen, down) = (seen + 1, down + u32::from(!live.up));
            }
        }
    }
    assert!(seen > 20 && down > 0, "only {seen} are recorded, {down} of them down");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_cluster_of_ceph_has_is_imported_as_it_is() {
    let rig = Rig::of(
        "
ceph:
  stage: ready
  rules: [{name: by_osd, failure_domain: osd}, {name: fast, failure_domain: host, device_class: ssd}]
  pools:
    - {name: vm, size: 3, min_size: 2, application: rbd, crush_rule: fast}
    - {name: unused}
    - {name: single, size: 1, min_size: 1, application: rbd}
    - {name: nine, size: 9, min_size: 5, crush_rule: by_osd}
",
    )
    .await;
    for name in ["vm", "unused", "single", "nine"] {
        import_stays::<Pool>(&rig, name).await;
    }
    for name in ["replicated_rule", "by_osd", "fast"] {
        import_stays::<CrushRule>(&rig, name).await;
    }
    let osds: Vec<u32> = rig.sim.world.with(|cluster| cluster.ceph.osds.keys().copied().collect());
    assert!(osds.len() > 2);
    for osd in osds {
        import_stays::<Osd>(&rig, &osd.to_string()).await;
    }
}

/// One copy is what a pool may have that is adopted, and what none comes to have unasked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_single_copy_is_kept_and_not_made() {
    let rig = Rig::of(
        "ceph: {stage: ready, pools: [{name: single, size: 1, min_size: 1}, {name: vm, size: 3, min_size: 2}]}",
    )
    .await;
    let single = rig.import::<Pool>("single").await.unwrap();
    let edited = json!({ "name": "single", "size": 1, "min_size": 1, "target_size": "1G" });
    rig.bring(Some(&single), &edited).await.unwrap();
    let vm = rig.import::<Pool>("vm").await.unwrap();
    let one = |name: &str, allow: bool| json!({ "name": name, "size": 1, "min_size": 1, "allow_single_copy": allow });
    for prior in [None, Some(&vm)] {
        let told = rig.plan(prior, &one("vm", false)).await.unwrap_err();
        assert!(told.len() == 1 && told[0].starts_with("A single copy is refused"), "{told:?}");
        rig.plan(prior, &one("vm", true)).await.unwrap();
    }
    // What is not said of the copies needed is no second error.
    let told = rig.plan::<Pool>(None, &json!({ "name": "new", "size": 1 })).await.unwrap_err();
    assert!(told.len() == 1 && told[0].starts_with("A single copy is refused"), "{told:?}");
}
