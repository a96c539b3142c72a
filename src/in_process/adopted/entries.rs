//! Storages, resource pools, guests under HA.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use terraform_plugin::Key;

use super::{Rig, import_stays, model_stays, objects, told};
use crate::access::pool::{Pool, PoolKey};
use crate::ha::resource::HaResource;
use crate::section::{Section, from_live};
use crate::storage::cephfs::StorageCephfs;
use crate::storage::dir::StorageDir;
use crate::storage::iscsidirect::StorageIscsidirect;
use crate::storage::lvm::StorageLvm;
use crate::storage::rbd::StorageRbd;

const BARE: &str = "guests: [{vmid: 100, node: pve1, name: a}]";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_recorded_storage_is_imported_as_it_is() {
    let rig = Rig::of(BARE).await;
    let mut seen = BTreeMap::new();
    for (path, answer) in objects(|path| path == "/storage" || path.starts_with("/storage/")) {
        let Some(kind) = answer["type"].as_str().filter(|_| answer["content"].is_string()) else { continue };
        match kind {
            "rbd" => {
                let storage = stays::<StorageRbd>(&rig, &path, &answer).await;
                assert_eq!(storage.monhost.is_some(), answer["monhost"].is_string());
            }
            "dir" => drop(stays::<StorageDir>(&rig, &path, &answer).await),
            "lvm" => drop(stays::<StorageLvm>(&rig, &path, &answer).await),
            "iscsidirect" => drop(stays::<StorageIscsidirect>(&rig, &path, &answer).await),
            "cephfs" => drop(stays::<StorageCephfs>(&rig, &path, &answer).await),
            other => panic!("{other} is recorded as well: {answer}"),
        }
        *seen.entry(kind.to_owned()).or_insert(0) += 1;
    }
    assert!(seen["rbd"] > 8 && seen["dir"] > 8 && seen["lvm"] > 2 && seen.len() > 3, "only {seen:?} are recorded");
}

/// The model of what was told, which stays as it is.
async fn stays<S: Section>(rig: &Rig, path: &str, answer: &Json) -> S {
    let key = BTreeMap::from([("storage".to_owned(), answer["storage"].as_str().unwrap().into())]);
    let storage = from_live::<S>(answer.as_object().unwrap(), &S::Key::decode(&key).unwrap()).unwrap();
    model_stays(rig, &format!("{path}: {answer}"), &storage).await;
    storage
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_recorded_resource_pool_is_imported_as_it_is() {
    let rig = Rig::of(BARE).await;
    let mut seen = 0;
    for (path, answer) in objects(|path| path == "/pools" || path.starts_with("/pools/")) {
        let poolid = answer["poolid"].as_str().or(path.strip_prefix("/pools/")).unwrap().to_owned();
        let pool = from_live::<Pool>(answer.as_object().unwrap(), &PoolKey { poolid }).unwrap();
        model_stays(&rig, &format!("{path}: {answer}"), &pool).await;
        seen += 1;
    }
    assert!(seen > 10, "only {seen} are recorded");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_recorded_guest_under_ha_is_imported_as_it_is() {
    let rig = Rig::of(BARE).await;
    let mut seen = 0;
    for (path, answer) in objects(|path| path.starts_with("/cluster/ha/resources")) {
        let resource = HaResource::from_live(&told(&path, &answer));
        model_stays(&rig, &format!("{path}: {answer}"), &resource).await;
        seen += 1;
    }
    assert!(seen > 20, "only {seen} are recorded");
}

/// What the recordings have, read and imported from a cluster that has it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_cluster_has_is_imported_as_it_is() {
    let rig = Rig::of(
        "storages:
  - {storage: rbd1, type: rbd, krbd: '0', content: [images, rootdir], pool: rbd}
  - {storage: rbd2, type: rbd, content: [images]}
  - {storage: rbd3, type: rbd, pool: x, monhost: '192.0.2.1 192.0.2.2', username: admin, namespace: ns1, content: [images]}
  - {storage: net-rbd, type: rbd, pool: nope, content: [images]}
guests:
  - {vmid: 200, node: pve1, name: a}
  - {vmid: 201, node: pve2, name: b}
ha: {resources: [{vmid: 200, state: enabled, max_restart: 20, max_relocate: 30, comment: c}, {vmid: 201}]}
ceph: {stage: ready}
",
    )
    .await;
    for id in ["rbd1", "rbd2", "rbd3", "net-rbd"] {
        import_stays::<StorageRbd>(&rig, id).await;
    }
    for sid in ["vm:200", "vm:201"] {
        import_stays::<HaResource>(&rig, sid).await;
    }
}
