//! File systems of Ceph: made once a metadata server stands by, served before they count, and gone only where nobody needs
//! them.

use std::time::Duration;

use serde_json::{Value as Json, json};
use terraform_core::Config;
use terraform_plugin::value::Value;

use super::lives::{Bench, example_of};
use super::{Kept, Rig};
use crate::ceph::daemon::metadata_server::CephMetadataServer;
use crate::ceph::filesystem::CephFilesystem;
use crate::storage::cephfs::StorageCephfs;

const SERVERS: &str = "
ceph: {stage: ready, mdss: [pve1, pve2], rules: [{name: osds, failure_domain: osd}]}
";
const FILES: &str = "
ceph:
  stage: ready
  mdss: [pve1, pve3]
  pools: [{name: files_data, pg_num: 8}, {name: files_metadata, pg_num: 8}]
  filesystems: [{name: files, data_pool: files_data, metadata_pool: files_metadata}]
";

fn files() -> Json {
    json!({"name": "files", "data_size": 4, "data_min_size": 2, "data_crush_rule": "osds", "metadata_crush_rule": "osds",
        "metadata_size": 5, "metadata_min_size": 3, "allow_destroy": true})
}

fn ceph(rig: &Rig) -> Json {
    rig.sim.world.with(|cluster| cluster.canonical()["ceph"].clone())
}

fn copies(rig: &Rig, pool: &str) -> Json {
    let pool = ceph(rig)["pools"][pool].clone();
    json!([pool["size"], pool["min_size"], pool["crush_rule"]])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_pools_keep_what_is_said_and_go_with_it() {
    let rig = Rig::of(SERVERS).await;
    let before = ceph(&rig);
    let planned = rig.plan::<CephFilesystem>(None, &files()).await.unwrap();
    assert_eq!(planned.warnings, [""; 0]);
    assert_eq!(planned.planned.attribute("data_pool"), Some(&Value::from("files_data")));
    let (made, said) = rig.apply(planned).await.unwrap();
    assert_eq!(said, [""; 0]);
    assert_eq!(made.state.attribute("ready"), Some(&Value::Bool(true)));
    assert_eq!(copies(&rig, "files_data"), json!([4, 2, "osds"]));
    assert_eq!(copies(&rig, "files_metadata"), json!([5, 3, "osds"]));
    let made = rig.read(&made).await.unwrap();
    assert!(rig.plan(Some(&made), &files()).await.unwrap().is_empty());
    let mut fewer = files();
    fewer["metadata_size"] = json!(3);
    fewer["metadata_min_size"] = json!(2);
    let (made, _) = rig.bring(Some(&made), &fewer).await.unwrap();
    assert_eq!(copies(&rig, "files_metadata"), json!([3, 2, "osds"]));
    assert_eq!(copies(&rig, "files_data"), json!([4, 2, "osds"]));
    rig.configure().await;
    rig.destroy(&made).await.unwrap();
    rig.sim.world.advance(Duration::from_secs(60));
    assert_eq!(ceph(&rig), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_metadata_server_that_stands_by_there_is_none() {
    let rig = Rig::of("ceph: {stage: ready}").await;
    let planned = rig.plan::<CephFilesystem>(None, &json!({"name": "files"})).await.unwrap();
    assert!(
        planned.warnings[0].contains("There is none.") && planned.warnings[0].contains("depends_on"),
        "{planned:?}"
    );
    let told = rig.apply(planned).await.unwrap_err().join("\n");
    assert!(told.contains("No metadata server stands by") && told.contains("Nothing was written"), "{told}");
    // One that is planned is no news, and one that is under way is waited for.
    rig.configure().await;
    let server = rig.plan::<CephMetadataServer>(None, &json!({"node": "pve1"})).await.unwrap();
    let planned = rig.plan::<CephFilesystem>(None, &json!({"name": "files"})).await.unwrap();
    assert_eq!(planned.warnings, [""; 0]);
    let (server, files) = tokio::join!(rig.apply(server), rig.apply(planned));
    assert_eq!((server.unwrap().1, files.unwrap().1), (vec![], vec![]));
    // One that serves another is none that stands by.
    rig.configure().await;
    let planned = rig.plan::<CephFilesystem>(None, &json!({"name": "more"})).await.unwrap();
    assert!(planned.warnings[0].contains("There are: pve1 (up:active)"), "{planned:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_in_use_stays_with_the_reason() {
    let rig = Rig::of(FILES).await;
    let before = ceph(&rig);
    let files: Kept<CephFilesystem> = rig.import("files").await.unwrap();
    let told = rig.destroy(&files).await.unwrap_err().join("\n");
    assert!(told.contains("is protected") && told.contains("allow_destroy = true"), "{told}");
    let (files, _) = rig.bring(Some(&files), &json!({"name": "files", "allow_destroy": true})).await.unwrap();
    let entry = json!({"storage": "shared", "fs_name": "files", "content": ["iso"]});
    let (entry, _) = rig.bring::<StorageCephfs>(None, &entry).await.unwrap();
    rig.configure().await;
    let told = rig.destroy(&files).await.unwrap_err().join("\n");
    assert!(told.contains("Storages lie on it") && told.contains("mounted: shared"), "{told}");
    rig.destroy(&entry).await.unwrap();
    rig.sim.world.with(|cluster| {
        let pool = cluster.ceph.pools.values_mut().find(|pool| pool.name == "files_data").unwrap();
        pool.other = (1, 1 << 20);
    });
    rig.configure().await;
    let told = rig.destroy(&files).await.unwrap_err().join("\n");
    assert!(told.contains("It holds 1048576 bytes"), "{told}");
    assert_eq!(ceph(&rig), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_alone_takes_no_metadata_server_away() {
    let rig = Rig::of(FILES).await;
    let files: Kept<CephFilesystem> = rig.import("files").await.unwrap();
    let (files, _) = rig.bring(Some(&files), &json!({"name": "files", "allow_destroy": true})).await.unwrap();
    rig.configure_as(&json!({"api_token": rig.sim.api_token})).await;
    let told = rig.destroy(&files).await.unwrap_err().join("\n");
    assert!(told.contains("is served by a metadata server") && told.contains("PVE_PASSWORD"), "{told}");
    // Where none serves it, none has to be taken away.
    for node in ["pve1", "pve3"] {
        rig.sim.world.with(|cluster| {
            let now = cluster.ceph.now();
            cluster.ceph.remove_mds(node, now)
        });
    }
    rig.configure_as(&json!({"api_token": rig.sim.api_token})).await;
    rig.destroy(&files).await.unwrap();
    assert_eq!(ceph(&rig)["filesystems"], json!({}));
    assert_eq!(ceph(&rig)["pools"].get("files_data"), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removal_that_fails_gives_the_metadata_server_back() {
    let rig = Rig::of(FILES).await;
    let before = ceph(&rig);
    let files: Kept<CephFilesystem> = rig.import("files").await.unwrap();
    let (files, _) = rig.bring(Some(&files), &json!({"name": "files", "allow_destroy": true})).await.unwrap();
    let fails = json!({"match": {"method": "DELETE", "path": "/nodes/*/ceph/fs/*"}, "effect": {"task": "fail", "message": "no luck"}});
    rig.control("POST", "/faults", &fails).await;
    let told = rig.destroy(&files).await.unwrap_err().join("\n");
    assert!(told.contains("no luck"), "{told}");
    assert_eq!(ceph(&rig), before);
    rig.sim.world.advance(Duration::from_secs(60));
    assert!(rig.sim.world.with(|cluster| cluster.ceph.serves_fs(Some("files"))));
    rig.configure().await;
    rig.destroy(&files).await.unwrap();
    assert_eq!(ceph(&rig)["filesystems"], json!({}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_is_said_at_plan() {
    let rig = Rig::of(SERVERS).await;
    let told = async |more: Json| {
        let mut whole = json!({"name": "files"});
        whole.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        if let Err(errors) = rig.validate::<CephFilesystem>(&whole).await {
            return errors.join("\n");
        }
        match rig.plan::<CephFilesystem>(None, &whole).await {
            Ok(planned) => planned.warnings.join("\n"),
            Err(errors) => errors.join("\n"),
        }
    };
    let said = told(json!({"metadata_size": 2, "metadata_min_size": 3})).await;
    assert!(said.contains("metadata_min_size 3 is more than metadata_size 2"), "{said}");
    let said = told(json!({"data_min_size": 4})).await;
    assert!(said.contains("data_min_size 4 is more than data_size 3"), "{said}");
    let said = told(json!({"data_size": 1, "data_min_size": 1})).await;
    assert!(said.contains("A single copy is refused"), "{said}");
    let said = told(json!({"data_size": 5})).await;
    assert!(said.contains("Pool \"files_data\" 5/2 cannot be placed by rule \"replicated_rule\""), "{said}");
    let said = told(json!({"metadata_crush_rule": "nope"})).await;
    assert!(said.contains("CRUSH rule \"nope\" does not exist"), "{said}");
    let there = Rig::of(FILES).await;
    let planned = there.plan::<CephFilesystem>(None, &json!({"name": "files"})).await.unwrap();
    assert!(planned.warnings.iter().any(|said| said.contains("to = pve_ceph_filesystem.this")), "{planned:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_whose_removal_was_cut_off_is_served_again_if_it_is_to_stay() {
    let mut bench = Bench::with_ceph().await;
    let config = Config::from_hcl(&example_of("pve_ceph_filesystem").text).unwrap();
    bench.core.apply(&config).await.unwrap();
    let served = |bench: &Bench| bench.sim.world.with(|cluster| cluster.ceph.serves_fs(Some("files")));
    let held = json!({"match": {"method": "DELETE", "path": "/nodes/*/ceph/fs/*"}, "when": "before", "effect": {"hold": true}});
    bench.sim.world.control("POST", "/faults", &held).unwrap();
    let _ = bench.killed(async |core| core.destroy(&config).await).await;
    bench.sim.world.control("DELETE", "/faults", &Json::Null).unwrap();
    assert!(!served(&bench), "the metadata server was taken away first");
    bench.core.apply(&config).await.unwrap_or_else(|said| panic!("{said}"));
    assert!(served(&bench));
    assert_eq!(bench.cluster()["ceph"]["filesystems"], json!({"files": true}));
    assert!(bench.core.plan(&config).await.unwrap().is_empty());
}
