//! Disks on their way, while somebody else is at the same machine.

use serde_json::{Value as Json, json};

use super::{Kept, Rig};
use crate::vm::disk_move::VmDiskMove;

const TWO_DISKS: &str = "
storages:
  - {storage: local-lvm, type: lvmthin, vgname: pve, thinpool: data, content: [images]}
  - {storage: other, type: lvmthin, vgname: other, thinpool: data, content: [images]}
guests:
  - {vmid: 200, node: pve1, name: a, config: {memory: '512', scsi0: 'local-lvm:1', scsi1: 'local-lvm:8', scsihw: virtio-scsi-pci}}
";

fn moved(disk: &str, more: &Json) -> Json {
    let mut all = json!({ "vmid": 200, "disk": disk, "storage": "other" });
    all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    all
}

/// Brings a disk to the other storage; a colleague does something while a request of that is on its way to PVE.
async fn interrupted(
    rig: &Rig,
    path: &str,
    config: &Json,
    colleague: impl AsyncFnOnce(),
) -> super::Told<Kept<VmDiskMove>> {
    let planned = rig.plan::<VmDiskMove>(None, config).await.unwrap();
    let fault = json!({"match": {"method": "POST", "path": path}, "effect": {"delay": "900s"}});
    rig.control("POST", "/faults", &fault).await;
    let meanwhile = async {
        rig.the_write_has_come().await;
        colleague().await;
    };
    let (moved, ()) = tokio::join!(rig.apply(planned), meanwhile);
    moved.map(|(kept, said)| {
        assert!(said.is_empty(), "{said:?}");
        kept
    })
}

const MOVE: &str = "/nodes/*/qemu/*/move_disk";
const CONFIG: &str = "/nodes/*/qemu/*/config";

/// Sets values, or takes them out.
fn edit(rig: &Rig, settings: &[(&str, Option<String>)]) {
    rig.sim.world.with(|cluster| {
        let values = &mut cluster.guests.get_mut(200).unwrap().config.values;
        for (key, value) in settings {
            match value {
                Some(value) => drop(values.insert((*key).to_owned(), value.clone())),
                None => drop(values.remove(*key)),
            }
        }
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_that_was_changed_meanwhile_is_read_again_and_its_disk_moved() {
    let rig = Rig::of(TWO_DISKS).await;
    let colleague = async || edit(&rig, &[("description", Some("x".to_owned()))]);
    interrupted(&rig, MOVE, &moved("scsi0", &json!({})), colleague).await.unwrap();
    assert!(rig.says(200, "scsi0").starts_with("other:"));
    assert_eq!(rig.says(200, "description"), "x");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_somebody_exchanged_is_not_moved_and_what_they_detached_not_freed() {
    let rig = Rig::of(TWO_DISKS).await;
    let (first, second) = (rig.says(200, "scsi0"), rig.says(200, "scsi1"));
    let detached = first.split(',').next().unwrap().to_owned();
    let exchange = [("scsi0", Some(second.clone())), ("scsi1", None), ("unused0", Some(detached.clone()))];
    let colleague = async || edit(&rig, &exchange);
    let config = moved("scsi0", &json!({ "delete_source": true }));
    let told = interrupted(&rig, MOVE, &config, colleague).await.unwrap_err();
    assert!(told[0].starts_with("vm:200 scsi0 is another volume now"), "{told:?}");
    assert_eq!((rig.says(200, "scsi0"), rig.says(200, "unused0")), (second, detached));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_move_that_met_another_one_waits_for_its_end() {
    let rig = Rig::at_rate(TWO_DISKS, 4 << 20).await;
    let somebody = rig.another().await;
    let colleague = async || {
        let begin = moved("scsi1", &json!({ "detach_after": "1ms" }));
        let planned = super::plan::<VmDiskMove>(&somebody, None, &begin).await.unwrap();
        super::apply(&somebody, planned).await.unwrap();
    };
    // Ours arrives while theirs runs: PVE's task gives up after ten seconds.
    interrupted(&rig, MOVE, &moved("scsi0", &json!({})), colleague).await.unwrap();
    for disk in ["scsi0", "scsi1"] {
        assert!(rig.says(200, disk).starts_with("other:"), "{disk}");
    }
    let gave_up = rig.sim.world.with(|cluster| {
        let ends = cluster.tasks.iter().filter_map(|task| task.end.as_ref());
        ends.into_iter().any(|(_, status)| status.starts_with("can't lock file"))
    });
    assert!(gave_up, "the test does not try what it is meant to");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_source_is_freed_also_when_the_unused_disks_were_numbered_anew() {
    let rig = Rig::of(TWO_DISKS).await;
    let (kept, _) = rig.bring::<VmDiskMove>(None, &moved("scsi0", &json!({}))).await.unwrap();
    let source = rig.says(200, "unused0");
    let theirs = rig.says(200, "scsi1").split(',').next().unwrap().to_owned();
    let planned = rig.plan(Some(&kept), &moved("scsi0", &json!({ "delete_source": true }))).await.unwrap();
    let fault = json!({"match": {"method": "POST", "path": CONFIG}, "effect": {"delay": "900s"}});
    rig.control("POST", "/faults", &fault).await;
    let meanwhile = async {
        rig.the_write_has_come().await;
        edit(&rig, &[("scsi1", None), ("unused0", Some(theirs.clone())), ("unused1", Some(source.clone()))]);
    };
    let (freed, ()) = tokio::join!(rig.apply(planned), meanwhile);
    freed.unwrap();
    assert_eq!((rig.says(200, "unused0"), rig.says(200, "unused1")), (theirs, String::new()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_moves_of_one_disk_are_one_too_many() {
    let rig = Rig::of(TWO_DISKS).await;
    let one = moved("scsi0", &json!({}));
    rig.plan::<VmDiskMove>(None, &one).await.unwrap();
    rig.plan::<VmDiskMove>(None, &one).await.unwrap();
    let told = rig.plan::<VmDiskMove>(None, &moved("scsi0", &json!({ "storage": "local-lvm" }))).await.unwrap_err();
    assert!(told[0].starts_with("vm:200 scsi0 is moved to two storages"), "{told:?}");
    // Terraform plans anew.
    rig.configure().await;
    rig.plan::<VmDiskMove>(None, &moved("scsi0", &json!({ "storage": "local-lvm" }))).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_somebody_removed_is_forgotten_and_what_has_its_name_later_is_kept() {
    let rig = Rig::of(TWO_DISKS).await;
    let (kept, _) = rig.bring::<VmDiskMove>(None, &moved("scsi0", &json!({}))).await.unwrap();
    let source = rig.says(200, "unused0");
    assert!(source.starts_with("local-lvm:"), "{source}");
    edit(&rig, &[("unused0", None)]);
    rig.configure().await;
    let kept = rig.read(&kept).await.unwrap();
    // PVE gives the lowest free name to the next volume.
    edit(&rig, &[("unused0", Some(source.clone()))]);
    rig.configure().await;
    let freeing = moved("scsi0", &json!({ "delete_source": true }));
    let (kept, _) = rig.bring(Some(&kept), &freeing).await.unwrap();
    assert_eq!(rig.says(200, "unused0"), source, "a volume of somebody else was destroyed");
    assert!(rig.plan(Some(&kept), &freeing).await.unwrap().is_empty());
}
