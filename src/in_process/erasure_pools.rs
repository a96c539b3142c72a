//! Erasure coded pools: two pools that come and go together, what is said before, and what is left where that is cut off.

use std::time::Duration;

use serde_json::{Value as Json, json};
use terraform_core::Config;
use terraform_plugin::value::Value;

use super::lives::Bench;
use super::{Kept, Rig};
use crate::ceph::erasure_pool::ErasurePool;
use crate::storage::rbd::StorageRbd;

/// Three hosts with two OSDs each.
const READY: &str = "ceph: {stage: ready, rules: [{name: osds, failure_domain: osd}]}";

const TEXT: &str = "resource \"pve_ceph_erasure_pool\" \"cold\" {\nname = \"cold\"\nk = 2\nm = 1\ndata_pg_num = 16\n\
                    allow_destroy = true\n}\n";

fn cold() -> Json {
    json!({"name": "cold", "k": 2, "m": 1, "data_pg_num": 16, "allow_destroy": true})
}

fn with(more: Json) -> Json {
    let mut whole = cold();
    whole.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    whole
}

fn ceph(rig: &Rig) -> Json {
    rig.sim.world.with(|cluster| cluster.canonical()["ceph"].clone())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_pools_come_as_they_are_wanted_and_nothing_is_left_of_them() {
    let rig = Rig::of(READY).await;
    let before = ceph(&rig);
    let wanted = with(json!({"k": 3, "m": 2, "failure_domain": "osd", "device_class": "ssd", "data_min_size": 3,
        "metadata_size": 5, "metadata_min_size": 3, "metadata_crush_rule": "osds"}));
    let planned = rig.plan::<ErasurePool>(None, &wanted).await.unwrap();
    assert_eq!(planned.planned.attribute("data_pool"), Some(&Value::from("cold-data")));
    assert_eq!(planned.planned.attribute("metadata_pool"), Some(&Value::from("cold-metadata")));
    let (made, said) = rig.apply(planned).await.unwrap();
    assert_eq!(said, [""; 0]);
    let is = ceph(&rig);
    let of =
        |pool: &str| json!([is["pools"][pool]["size"], is["pools"][pool]["min_size"], is["pools"][pool]["crush_rule"]]);
    assert_eq!(of("cold-data"), json!([5, 3, "cold-data"]));
    assert_eq!(of("cold-metadata"), json!([5, 3, "osds"]));
    assert_eq!(is["profiles"]["pve_ec_cold"]["crush-device-class"], "ssd");
    assert!(rig.sim.world.with(|cluster| cluster.storage.get("cold").is_none()), "a storage is an object of its own");
    let made = rig.read(&made).await.unwrap();
    assert!(rig.plan(Some(&made), &wanted).await.unwrap().is_empty());
    let imported: Kept<ErasurePool> = rig.import("cold").await.unwrap();
    for attribute in ["k", "m", "failure_domain", "device_class", "data_min_size", "data_pg_num", "metadata_size"] {
        assert_eq!(imported.state.attribute(attribute), made.state.attribute(attribute), "{attribute}");
    }
    let more = with(json!({"k": 3, "m": 2, "failure_domain": "osd", "device_class": "ssd", "data_min_size": 4,
        "data_pg_num": 32, "metadata_size": 3, "metadata_min_size": 2, "metadata_crush_rule": "osds"}));
    let (made, _) = rig.bring(Some(&made), &more).await.unwrap();
    let is = ceph(&rig);
    assert_eq!([&is["pools"]["cold-data"]["min_size"], &is["pools"]["cold-data"]["pg_num"]], [&json!(4), &json!(32)]);
    assert_eq!(is["pools"]["cold-metadata"]["size"], 3);
    rig.configure().await;
    rig.destroy(&made).await.unwrap();
    assert_eq!(ceph(&rig), before, "rule and profile went along");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_is_said_at_plan() {
    let rig = Rig::of(READY).await;
    let told = async |more: Json| {
        let whole = with(more);
        if let Err(errors) = rig.validate::<ErasurePool>(&whole).await {
            return errors.join("\n");
        }
        match rig.plan::<ErasurePool>(None, &whole).await {
            Ok(planned) => planned.warnings.join("\n"),
            Err(errors) => errors.join("\n"),
        }
    };
    let rows = [
        (
            json!({"k": 4, "m": 2}),
            "k = 4 and m = 2 cannot be placed",
            "Each of its 6 chunks wants a host of its own, and there are 3",
        ),
        (
            json!({"k": 5, "m": 2, "failure_domain": "osd"}),
            "k = 5 and m = 2 cannot be placed",
            "wants an OSD of its own, and there are 6",
        ),
        (
            json!({"k": 4, "m": 2, "failure_domain": "osd", "data_min_size": 5}),
            "The death of one host stops a pool",
            "4 are left, fewer than data_min_size 5",
        ),
        (
            json!({"k": 5, "m": 1, "failure_domain": "osd"}),
            "4 are left, fewer than the 5 that it takes to read",
            "with its disks it is lost",
        ),
        (json!({}), "no chunk to spare", "m = 2 leaves one to spare"),
        (json!({"data_min_size": 1}), "data_min_size 1 is fewer than k 2", "At least 2; 2 is usual"),
        (json!({"data_min_size": 4}), "data_min_size 4 is more than k + m 3", "At most 3"),
        (json!({"k": 8, "m": 2, "data_min_size": 9}), "PVE does not set data_min_size 9", "at most 7"),
        (json!({"metadata_size": 1}), "A single copy is refused", "every image"),
        (
            json!({"metadata_min_size": 4}),
            "metadata_min_size 4 is more than metadata_size 3",
            "metadata_size is not set",
        ),
        (json!({"metadata_size": 5}), "Pool \"cold-metadata\" 5/2 cannot be placed", "replicated_rule"),
        (json!({"metadata_crush_rule": "nope"}), "CRUSH rule \"nope\" does not exist", "osds"),
        (json!({"device_class": "nvme"}), "No OSD has device class \"nvme\"", "ssd"),
        (json!({"failure_domain": "hots"}), "CRUSH knows no level \"hots\"", "host"),
    ];
    for (more, summary, detail) in rows {
        let said = told(more.clone()).await;
        assert!(said.contains(summary) && said.contains(detail), "{more}: {said}");
    }
    let there = Rig::of("ceph: {stage: ready, pools: [{name: cold-data, pg_num: 8}]}").await;
    let planned = there.plan::<ErasurePool>(None, &cold()).await.unwrap();
    let said = planned.warnings.join("\n");
    assert!(said.contains("exist already") && said.contains("There are: cold-data"), "{said}");
    assert!(there.apply(planned).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_stays_while_there_are_images_and_its_storage_is_held_to_it() {
    let rig = Rig::of(READY).await;
    let (made, _) = rig.bring::<ErasurePool>(None, &cold()).await.unwrap();
    let entry = json!({"storage": "cold", "pool": "cold-metadata", "data_pool": "cold-dat"});
    let told = rig.plan::<StorageRbd>(None, &entry).await.unwrap().warnings.join("\n");
    assert!(told.contains("Pool \"cold-dat\" does not exist"), "{told}");
    let entry = json!({"storage": "cold", "pool": "cold-metadata", "data_pool": "cold-data"});
    let with_data = entry;
    let without = json!({"storage": "cold", "pool": "cold-metadata"});
    let (mut entry, _) = rig.bring::<StorageRbd>(None, &with_data).await.unwrap();
    for (wanted, data_pool) in [(&without, None), (&with_data, Some("cold-data"))] {
        entry = rig.bring(Some(&entry), wanted).await.unwrap().0;
        let is = rig.sim.world.with(|cluster| cluster.storage.get("cold").unwrap().get("data-pool").map(str::to_owned));
        assert_eq!(is.as_deref(), data_pool);
    }
    rig.sim.world.with(|cluster| {
        let pool = cluster.ceph.pools.values_mut().find(|pool| pool.name == "cold-data").unwrap();
        pool.other = (4, 1 << 24);
    });
    rig.configure().await;
    let told = rig.destroy(&made).await.unwrap_err().join("\n");
    assert!(told.contains("Pool \"cold-data\" is in use"), "{told}");
    rig.sim.world.with(|cluster| {
        let pool = cluster.ceph.pools.values_mut().find(|pool| pool.name == "cold-data").unwrap();
        pool.other = (0, 0);
    });
    rig.destroy(&entry).await.unwrap();
    rig.configure().await;
    rig.destroy(&made).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_failed_task_leaves_is_removed_and_a_token_is_told_of_it() {
    let rig = Rig::of(READY).await;
    let before = ceph(&rig);
    // So many placement groups are refused when the pool is made: by then there are profile and rule.
    let many = with(json!({"data_pg_num": 8192}));
    let told = rig.bring::<ErasurePool>(None, &many).await.unwrap_err().join("\n");
    assert!(told.contains("total pgs"), "{told}");
    assert_eq!(ceph(&rig), before);
    // And these when the second one is made, by its copies.
    let fails = json!({"match": {"method": "POST", "path": "/nodes/*/ceph/pool"}, "effect": {"task": "fail", "message": "no luck"}});
    rig.control("POST", "/faults", &fails).await;
    rig.configure_as(&json!({"api_token": rig.sim.api_token})).await;
    let told = rig.bring::<ErasurePool>(None, &cold()).await.unwrap_err().join("\n");
    assert!(told.contains("no luck") && told.contains("ceph osd erasure-code-profile rm"), "{told}");
    assert_eq!(ceph(&rig), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_half_a_pair_the_rest_goes_and_both_are_made_anew() {
    for (gone, left) in [("cold-data", "cold-metadata"), ("cold-metadata", "cold-data")] {
        let mut bench = Bench::with_ceph().await;
        let config = Config::from_hcl(TEXT).unwrap();
        bench.core.apply(&config).await.unwrap();
        let undisturbed = bench.cluster();
        bench.sim.world.with(|cluster| {
            let now = cluster.ceph.now();
            assert!(cluster.ceph.delete_pool(gone, now).unwrap());
            if gone == "cold-data" {
                let rule = cluster.ceph.crush.rule_named(gone).unwrap().id;
                cluster.ceph.crush.remove_rule(rule);
            }
        });
        let plan = bench.core.plan(&config).await.unwrap();
        assert_eq!(plan.actions().len(), 1, "{gone}: {:?}", plan.actions());
        bench.core.apply(&config).await.unwrap_or_else(|said| panic!("{gone} is gone, {left} is left: {said}"));
        bench.sim.world.advance(Duration::from_secs(60));
        assert_eq!(bench.cluster()["ceph"], undisturbed["ceph"]);
        assert!(bench.core.plan(&config).await.unwrap().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_creation_that_was_killed_has_left_is_made_anew_if_the_journal_names_it() {
    for noted in [true, false] {
        let mut bench = Bench::with_ceph().await;
        let config = Config::from_hcl(TEXT).unwrap();
        let held = json!({"match": {"method": "POST", "path": "/nodes/*/ceph/pool"}, "when": "after", "effect": {"hold": true}});
        bench.sim.world.control("POST", "/faults", &held).unwrap();
        let _ = bench.killed(async |core| core.apply(&config).await).await;
        bench.sim.world.control("DELETE", "/faults", &Json::Null).unwrap();
        bench.sim.world.advance(Duration::from_secs(60));
        bench.sim.world.with(|cluster| {
            let now = cluster.ceph.now();
            assert!(cluster.ceph.delete_pool("cold-metadata", now).unwrap());
        });
        let data = bench.sim.world.with(|cluster| cluster.ceph.pool_named("cold-data").unwrap().id);
        if !noted {
            std::fs::remove_dir_all(bench.data.path().join("pve-journal")).unwrap();
        }
        let end = bench.core.apply(&config).await;
        let now = bench.sim.world.with(|cluster| cluster.ceph.pool_named("cold-data").unwrap().id);
        match end {
            Ok(_) => assert!(noted && now != data && bench.core.plan(&config).await.unwrap().is_empty()),
            Err(said) => assert!(!noted && now == data && said.to_string().contains("There are: cold-data"), "{said}"),
        }
    }
}
