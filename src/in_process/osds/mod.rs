//! OSDs that are not as they should be: not listed, of unknown identity, down, without a disk, on disks that others use.

mod dead;
mod disks;
mod down;
mod identity;
mod left;
mod listed;
mod lives;
mod room;
mod several;
mod sides;

use serde_json::{Value as Json, json};
use terraform_plugin::value::Value;

use super::{Kept, Rig};
use crate::ceph::osd::Osd;

/// Monitors on three nodes, and free disks.
const DISKS: &str = "
nodes:
  - name: pve1
    disks:
      - {path: /dev/sdb, size: 64G, serial: A1}
      - {path: /dev/sdc, size: 64G, serial: A2}
      - {path: /dev/sdd, size: 64G, serial: PARTS, partitions: [{number: 1, size: 32G}, {number: 2, size: 16G, used: LVM}]}
      - {path: /dev/sde, size: 64G, serial: GROUP, partitions: [{number: 1, size: 32G, used: LVM, held: true}]}
  - name: pve2
    disks: [{path: /dev/sdb, size: 64G, serial: B1}]
  - name: pve3
    disks: [{path: /dev/sdb, size: 64G, serial: C1}]
ceph: {stage: monitors}
";

fn on(node: &str, serial: &str) -> Json {
    json!({ "node": node, "device": { "serial": serial }, "allow_destroy": true })
}

/// The same with further attributes.
fn and(mut config: Json, more: &Json) -> Json {
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    config
}

impl Rig {
    async fn osd(&self, node: &str, serial: &str) -> Kept<Osd> {
        self.bring(None, &on(node, serial)).await.unwrap().0
    }

    /// Ceph forgets an OSD by its own means; its volume stays on the disk.
    fn purge(&self, id: u32) {
        self.sim.world.with(|cluster| {
            let now = cluster.ceph.now();
            cluster.ceph_now().forget_osd(id, now);
        });
    }

    async fn kill_disk(&self, node: &str, serial: &str) {
        self.control("POST", &format!("/nodes/{node}/disks/{serial}/kill"), &Json::Null).await;
    }

    async fn wait(&self, seconds: u32) {
        self.control("POST", "/clock/advance", &json!({ "seconds": seconds })).await;
    }

    /// What was written, logging in and shells left aside.
    async fn sent(&self) -> Vec<String> {
        let reads = |asked: &String| asked.starts_with("GET ") || asked.contains("/access/") || asked.contains("proxy");
        self.asked().await.into_iter().filter(|asked| !reads(asked)).collect()
    }
}

/// With an attribute of its own.
fn with(kept: &Kept<Osd>, name: &str, value: Value) -> Kept<Osd> {
    let mut other = kept.clone();
    let Value::Object(attributes) = &mut other.state else { panic!("{kept:?}") };
    assert!(attributes.insert(name.to_owned(), value).is_some(), "{name}");
    other
}

fn says(kept: &Kept<Osd>, name: &str) -> Value {
    match &kept.state {
        Value::Object(attributes) => attributes[name].clone(),
        other => panic!("{other:?}"),
    }
}
