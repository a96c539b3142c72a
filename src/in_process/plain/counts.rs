//! What a plan over many objects of one family asks for.

use std::collections::BTreeMap;
use std::time::Instant;

use serde_json::{Value as Json, json};
use terraform_plugin::model::Model;

use super::super::{Kept, Rig};
use crate::access::group::Group;
use crate::access::role::Role;
use crate::storage::dir::StorageDir;

/// More of them ask no more; making them is what takes time here.
const OBJECTS: u32 = 120;

/// Refreshes and plans all of them as the next command does, and looks what was asked: each list once, and once more for each
/// two seconds that it took, which is how long PVE's answers are believed.
async fn one_list<M: Model>(path: &str, config: impl Fn(u32) -> Json) {
    let rig = Rig::of("{}").await;
    let mut all: Vec<(Kept<M>, Json)> = Vec::new();
    for n in 0..OBJECTS {
        let config = config(n);
        all.push((rig.bring::<M>(None, &config).await.unwrap().0, config));
    }
    rig.configure().await;
    rig.forget_requests().await;
    let began = Instant::now();
    for (kept, config) in &all {
        let read = rig.read(kept).await.unwrap();
        assert!(rig.plan(Some(&read), config).await.unwrap().is_empty(), "{config}");
    }
    let believed = 1 + began.elapsed().as_secs() / 2;
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for asked in rig.asked().await {
        *counts.entry(asked).or_default() += 1;
    }
    assert!(counts.get(&format!("GET {path}")).is_some_and(|count| *count <= believed + 1), "{believed}: {counts:?}");
    counts.retain(|asked, count| *count > believed + 1 || asked.starts_with(&format!("GET {path}/")));
    assert!(counts.is_empty(), "asked for each of them: {counts:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_groups_are_one_list() {
    one_list::<Group>("/access/groups", |n| json!({"groupid": format!("g{n}")})).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_roles_are_one_list() {
    one_list::<Role>("/access/roles", |n| json!({"roleid": format!("r{n}"), "privs": ["VM.Audit"]})).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_storages_are_one_list() {
    one_list::<StorageDir>("/storage", |n| json!({"storage": format!("s{n}"), "path": format!("/srv/{n}")})).await;
}
