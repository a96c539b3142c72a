//! What HA can start on another node, and what it cannot.

use serde_json::{Value as Json, json};

use super::{Kept, Planned, Rig, Told};
use crate::ha::resource::HaResource;
use crate::storage::rbd::StorageRbd;
use crate::vm::disk_move::VmDiskMove;

const ONE: &str = "
storages:
  - {storage: local, type: dir, path: /var/lib/vz, content: [iso, snippets]}
  - {storage: local-lvm, type: lvmthin, vgname: pve, thinpool: data, content: [images]}
  - {storage: ceph-vm, type: rbd, pool: vm, content: [images]}
guests:
  - {vmid: 200, node: pve1, name: a, running: true, config: {memory: '512', scsi0: 'DISK:8', scsihw: virtio-scsi-pci}}
ceph: {stage: ready, pools: [{name: vm, size: 3, min_size: 2, application: rbd}]}
";

/// A guest whose disk lies there, and what else is in its configuration.
async fn guest_on(storage: &str, settings: &[(&str, &str)]) -> Rig {
    let rig = Rig::of(&ONE.replace("DISK", storage)).await;
    rig.sim.world.with(|cluster| {
        let config = &mut cluster.guests.get_mut(200).unwrap().config;
        config.values.extend(settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
    });
    rig
}

fn under_ha() -> Json {
    json!({ "sid": "vm:200" })
}

fn to(storage: &str) -> Json {
    json!({ "vmid": 200, "disk": "scsi0", "storage": storage })
}

/// What the first guest under HA is told is another matter.
async fn plan_of(rig: &Rig, want: &Json) -> Told<Planned<HaResource>> {
    let mut planned = rig.plan(None, want).await?;
    planned.warnings.retain(|told| !told.contains("arms the cluster's watchdogs"));
    Ok(planned)
}

async fn plan_ha(rig: &Rig) -> Told<Planned<HaResource>> {
    plan_of(rig, &under_ha()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_goes_under_ha_after_its_disk_was_moved_with_nothing_said_about_the_source() {
    let rig = guest_on("local-lvm", &[]).await;
    let (moved, _) = rig.bring::<VmDiskMove>(None, &to("ceph-vm")).await.unwrap();
    assert!(rig.says(200, "unused0").starts_with("local-lvm:"), "the source stays by default");
    let (_, said) = rig.bring::<HaResource>(None, &under_ha()).await.unwrap();
    assert!(said.len() == 1 && said[0].starts_with("Something of a guest under HA is on one node only"), "{said:?}");
    assert!(said[0].contains("unused0") && said[0].contains("starts the guest without it"), "{said:?}");
    drop(moved);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_local_is_in_the_way() {
    for (key, value, why) in [
        ("ide0", "local:iso/debian.iso,media=cdrom", "ide0: the image local:iso/debian.iso lies on storage local"),
        ("sata1", "/dev/disk/by-id/ata-X,size=1G", "sata1: the volume /dev/disk/by-id/ata-X is a path on its node"),
        ("hostpci0", "0000:01:00.0", "hostpci0: 0000:01:00.0 is a device of its node"),
        ("usb0", "host=1234:5678", "usb0: host=1234:5678 is a device of its node"),
        ("serial1", "/dev/ttyS0", "serial1: /dev/ttyS0 is a device of its node"),
        ("parallel0", "/dev/parport0", "parallel0: /dev/parport0 is a device of its node"),
    ] {
        let rig = guest_on("ceph-vm", &[(key, value)]).await;
        let planned = plan_ha(&rig).await.unwrap();
        let told = &planned.warnings;
        assert!(told.len() == 1 && told[0].contains("vm:200 cannot be started on another node"), "{key}: {told:?}");
        let refused = rig.apply(planned).await.unwrap_err();
        assert!(refused.len() == 1 && refused[0].contains(why), "{key}: {refused:?}");
        let insisted = json!({ "sid": "vm:200", "allow_local": true, "state": "disabled" });
        rig.bring::<HaResource>(None, &insisted).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_planned_move_takes_out_of_the_way_is_no_news() {
    let rig = guest_on("local-lvm", &[]).await;
    assert_eq!(plan_ha(&rig).await.unwrap().warnings.len(), 1);
    rig.configure().await;
    rig.plan::<VmDiskMove>(None, &to("ceph-vm")).await.unwrap();
    let planned = plan_ha(&rig).await.unwrap();
    assert!(planned.warnings.is_empty(), "{:?}", planned.warnings);
    // The move came to nothing.
    let refused = rig.apply(planned).await.unwrap_err();
    assert!(refused[0].contains("scsi0: the volume local-lvm:"), "{refused:?}");

    // Something else stays in the way.
    let rig = guest_on("local-lvm", &[("usb0", "host=1-4")]).await;
    rig.plan::<VmDiskMove>(None, &to("ceph-vm")).await.unwrap();
    let told = plan_ha(&rig).await.unwrap().warnings;
    assert!(told.len() == 1 && told[0].contains("usb0") && !told[0].contains("scsi0"), "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_that_wants_ha_and_a_local_disk_is_refused_whichever_comes_first() {
    let rig = guest_on("ceph-vm", &[]).await;
    rig.plan::<VmDiskMove>(None, &to("local-lvm")).await.unwrap();
    let told = plan_ha(&rig).await.unwrap_err();
    assert!(told[0].contains("scsi0 is to be moved to storage local-lvm, which is local to each node"), "{told:?}");

    rig.configure().await;
    plan_ha(&rig).await.unwrap();
    let told = rig.plan::<VmDiskMove>(None, &to("local-lvm")).await.unwrap_err();
    assert!(told[0].contains("vm:200 is under HA, and scsi0 would lie on storage local-lvm"), "{told:?}");

    rig.configure().await;
    rig.plan::<HaResource>(None, &json!({ "sid": "vm:200", "allow_local": true })).await.unwrap();
    assert!(rig.plan::<VmDiskMove>(None, &to("local-lvm")).await.unwrap().warnings.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_of_a_guest_under_ha_stays_where_every_node_has_it() {
    let rig = guest_on("ceph-vm", &[]).await;
    let (made, said): (Kept<HaResource>, _) = rig.bring(None, &under_ha()).await.unwrap();
    assert!(said.is_empty(), "{said:?}");
    // In a configuration of its own, which knows of no HA.
    rig.configure().await;
    let planned = rig.plan::<VmDiskMove>(None, &to("local-lvm")).await.unwrap();
    assert!(planned.warnings[0].contains("vm:200 is under HA"), "{:?}", planned.warnings);
    let refused = rig.apply(planned).await.unwrap_err();
    assert!(
        refused[0].contains("HA would have nothing to start") && refused[0].contains("Nothing was written"),
        "{refused:?}"
    );
    assert!(rig.says(200, "scsi0").starts_with("ceph-vm:"));

    rig.destroy(&made).await.unwrap();
    rig.configure().await;
    rig.bring::<VmDiskMove>(None, &to("local-lvm")).await.unwrap();
    assert!(rig.says(200, "scsi0").starts_with("local-lvm:"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_same_plan_makes_is_not_missed() {
    let rig = guest_on("ceph-vm", &[]).await;
    let ha = json!({ "sid": "vm:150" });
    let told = plan_of(&rig, &ha).await.unwrap().warnings;
    assert!(told.len() == 1 && told[0].contains("Guest vm:150 does not exist"), "{told:?}");
    let disk = json!({ "vmid": 150, "disk": "scsi0", "storage": "nope" });
    let told = rig.plan::<VmDiskMove>(None, &disk).await.unwrap().warnings;
    assert!(told.len() == 1 && told[0].contains("vm:150 does not exist"), "{told:?}");
    let told = rig.plan::<VmDiskMove>(None, &to("later")).await.unwrap().warnings;
    assert!(told.len() == 1 && told[0].contains("Storage \"later\" does not exist"), "{told:?}");

    rig.configure().await;
    rig.plan::<StorageRbd>(None, &json!({ "storage": "later", "pool": "vm" })).await.unwrap();
    rig.plan::<crate::vm::vm::Vm>(None, &json!({ "vmid": 150 })).await.unwrap();
    assert!(plan_of(&rig, &ha).await.unwrap().warnings.is_empty());
    assert!(rig.plan::<VmDiskMove>(None, &disk).await.unwrap().warnings.is_empty());
    assert!(rig.plan::<VmDiskMove>(None, &to("later")).await.unwrap().warnings.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn as_many_attempts_as_pve_takes() {
    let rig = guest_on("ceph-vm", &[]).await;
    let many = json!({ "sid": "vm:200", "max_restart": 1000, "max_relocate": 0 });
    let (made, _): (Kept<HaResource>, _) = rig.bring(None, &many).await.unwrap();
    let found = rig.import::<HaResource>("vm:200").await.unwrap();
    assert!(rig.plan(Some(&found), &many).await.unwrap().is_empty());
    drop(made);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_node_that_may_get_the_guest_has_to_have_what_it_needs() {
    let shape = ONE.replace("DISK", "ceph-vm").replace(
        "storages:",
        "nodes: [{name: pve1, bridges: [vmbr0, lan]}, {name: pve2, bridges: [vmbr0, lan]}, {name: pve3, bridges: [vmbr0]}]\n\
         storages:\n  - {storage: two, type: dir, path: /x, content: [images, iso], shared: 1, nodes: [pve1, pve2]}",
    );
    for (key, value, why) in [
        ("net0", "virtio=BC:24:11:00:00:01,bridge=lan", "net0: the bridge lan is not on pve3"),
        (
            "scsi1",
            "two:200/vm-200-disk-1.raw,size=1G",
            "scsi1: the volume two:200/vm-200-disk-1.raw lies on storage two, which is not on pve3",
        ),
        (
            "ide0",
            "two:iso/a.iso,media=cdrom",
            "ide0: the image two:iso/a.iso lies on storage two, which is not on pve3",
        ),
        ("ide2", "two:200/vm-200-cloudinit.qcow2,media=cdrom", "made anew on a storage that is not on pve3"),
    ] {
        let rig = Rig::of(&shape).await;
        rig.sim.world.with(|cluster| {
            cluster.guests.get_mut(200).unwrap().config.values.insert(key.to_owned(), value.to_owned());
        });
        let told = plan_ha(&rig).await.unwrap().warnings;
        assert!(told.len() == 1 && told[0].contains(why), "{key}: {told:?}");
        rig.configure().await;
        // A rule that is made later leaves it two nodes, which have it.
        let bounded = json!({ "sid": "vm:200", "candidates": ["pve1", "pve2"] });
        assert_eq!(plan_of(&rig, &bounded).await.unwrap().warnings, [""; 0], "{key}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mapping_has_to_have_a_device_on_every_node() {
    use crate::mapping::pci::MappingPci;
    let rig = guest_on("ceph-vm", &[("hostpci0", "mapping=gpu")]).await;
    let device = |node: &str| json!({ "node": node, "path": "0000:01:00.0", "id": "8086:1533" });
    let map = |nodes: &[&str]| json!({ "id": "gpu", "map": nodes.iter().map(|node| device(node)).collect::<Vec<_>>() });
    let (made, _) = rig.bring::<MappingPci>(None, &map(&["pve1", "pve2"])).await.unwrap();
    rig.configure().await;
    let told = plan_ha(&rig).await.unwrap().warnings;
    assert!(told.len() == 1 && told[0].contains("hostpci0: the mapping gpu has nothing for pve3"), "{told:?}");
    rig.bring(Some(&made), &map(&["pve1", "pve2", "pve3"])).await.unwrap();
    rig.configure().await;
    assert_eq!(plan_ha(&rig).await.unwrap().warnings, [""; 0]);
}
