//! Whom the removal of OSDs takes room from.

use serde_json::json;

use super::super::{Kept, Rig};
use super::on;
use crate::ceph::osd::Osd;
use crate::vm::vm::Vm;

/// A pool with a storage on it, and nothing in it yet.
const POOL: &str = "
storages:
  - {storage: local, type: dir, path: /var/lib/vz, content: [iso, snippets]}
  - {storage: vm, type: rbd, pool: vm, content: [images]}
ceph: {stage: ready, pools: [{name: vm, size: 3, min_size: 2, application: rbd}]}
";

async fn first_host(rig: &Rig) -> Vec<Kept<Osd>> {
    let mut osds = Vec::new();
    for (id, serial) in [("0", "SIM0101"), ("1", "SIM0102")] {
        let found = rig.import::<Osd>(id).await.unwrap();
        osds.push(rig.bring(Some(&found), &on("pve1", serial)).await.unwrap().0);
    }
    rig.configure().await;
    osds
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_nobody_has_written_to_needs_its_pool_as_any_other() {
    let rig = Rig::of(POOL).await;
    let osds = first_host(&rig).await;
    let machine = json!({ "vmid": 150, "node": "pve2", "disks": { "scsi0": { "storage": "vm", "size": "8G" } } });
    rig.bring::<Vm>(None, &machine).await.unwrap();
    assert_eq!(rig.sim.world.with(|cluster| cluster.ceph.pool_named("vm").unwrap().stored()), 0);
    rig.destroy(&osds[0]).await.unwrap();
    let told = rig.destroy(&osds[1]).await.unwrap_err();
    assert!(told[0].starts_with("OSDs cannot go: copies would have no place left"), "{told:?}");
    assert!(told[0].contains("Pool \"vm\" 3/2 has 4 OSDs on 2 hosts left"), "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_pool_needs_no_room() {
    let rig = Rig::of(POOL).await;
    for osd in first_host(&rig).await {
        rig.destroy(&osd).await.unwrap();
    }
    assert_eq!(rig.sim.world.with(|cluster| cluster.ceph.osds.len()), 4);
}
