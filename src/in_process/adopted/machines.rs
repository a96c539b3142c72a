//! Virtual machines.

use serde_json::Value as Json;

use super::{Rig, model_stays, recorded, told};
use crate::vm::vm::Vm;

/// Every configuration of a virtual machine that PVE answered with in the recordings, and in one that the simulator is not
/// held to.
fn configurations() -> Vec<(String, Json)> {
    let more: Vec<Json> = serde_json::from_str(include_str!("machines.json")).unwrap();
    let mut found = recorded(|path| path.contains("/qemu/") && path.ends_with("/config"));
    found.extend(more.into_iter().map(|config| ("machines.json".to_owned(), config)));
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_recorded_machine_is_imported_as_it_is() {
    let rig = Rig::of("guests: [{vmid: 131, node: pve1, name: a}]").await;
    let mut seen = 0;
    for (path, answer) in configurations() {
        let vm = Vm::imported(131, "pve1", &told(&path, &answer));
        model_stays(&rig, &format!("{path}: {answer}"), &vm).await;
        seen += 1;
    }
    assert!(seen > 60, "only {seen} configurations are recorded");
}
