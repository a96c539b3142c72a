//! What happens to virtual machines between a plan and its apply, and behind the provider's back.

use serde_json::json;

use super::Rig;
use crate::vm::vm::Vm;

const ONE: &str = "
guests:
  - {vmid: 200, node: pve1, name: a, config: {memory: '512', scsi0: 'local-lvm:8', scsihw: virtio-scsi-pci}}
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_without_a_size_has_that_of_its_volume() {
    let rig = Rig::of(ONE).await;
    // As edited by hand.
    rig.sim.world.with(|cluster| {
        let config = &mut cluster.guests.get_mut(200).unwrap().config;
        config.values.insert("scsi0".into(), "local-lvm:vm-200-disk-0".into());
    });
    let config = json!({ "vmid": 200, "disks": { "scsi0": { "size": "8G" } } });
    let found = rig.import::<Vm>("200").await.unwrap();
    assert!(rig.plan(Some(&found), &config).await.unwrap().is_empty());
    let smaller = json!({ "vmid": 200, "disks": { "scsi0": { "size": "4G" } } });
    let refused = rig.plan(Some(&found), &smaller).await.unwrap_err();
    assert!(refused[0].contains("cannot shrink from 8G to 4G"), "{refused:?}");
}
