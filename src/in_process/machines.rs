//! What happens to virtual machines between a plan and its apply, and behind the provider's back.

use std::time::Duration;

use serde_json::{Value as Json, json};

use super::{Kept, Rig};
use crate::vm::disk_move::VmDiskMove;
use crate::vm::vm::Vm;

const ONE: &str = "
storages:
  - {storage: local-lvm, type: lvmthin, vgname: pve, thinpool: data, content: [images]}
  - {storage: other, type: lvmthin, vgname: other, thinpool: data, content: [images]}
guests:
  - {vmid: 200, node: pve1, name: a, config: {memory: '512', scsi0: 'local-lvm:8', scsihw: virtio-scsi-pci}}
";

/// Somebody writes a setting into the guest's file.
fn edit(rig: &Rig, vmid: u32, key: &str, value: &str) {
    rig.sim.world.with(|cluster| {
        let config = &mut cluster.guests.get_mut(vmid).unwrap().config;
        config.values.insert(key.to_owned(), value.to_owned());
    });
}

fn setting(rig: &Rig, vmid: u32, key: &str) -> Option<String> {
    rig.sim.world.with(|cluster| cluster.guests.get(vmid)?.config.get(key).map(str::to_owned))
}

fn private<M>(kept: &Kept<M>) -> Json {
    serde_json::from_slice(&kept.private).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_without_a_size_has_that_of_its_volume() {
    let rig = Rig::of(ONE).await;
    edit(&rig, 200, "scsi0", "local-lvm:vm-200-disk-0");
    let config = json!({ "vmid": 200, "disks": { "scsi0": { "size": "8G" } } });
    let found = rig.import::<Vm>("200").await.unwrap();
    assert!(rig.plan(Some(&found), &config).await.unwrap().is_empty());
    let smaller = json!({ "vmid": 200, "disks": { "scsi0": { "size": "4G" } } });
    let refused = rig.plan(Some(&found), &smaller).await.unwrap_err();
    assert!(refused[0].contains("cannot shrink from 8G to 4G"), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_processor_that_qemu_does_not_know_is_told_of_where_it_is_new() {
    let rig = Rig::of(ONE).await;
    let of = |vmid: u32, cpu: &str| json!({ "vmid": vmid, "cpu": cpu });
    let planned = rig.plan::<Vm>(None, &of(150, "hosst,flags=+aes")).await.unwrap();
    let told = &planned.warnings;
    assert!(told.len() == 1 && told[0].contains("There is no processor type \"hosst\""), "{told:?}");
    assert!(told[0].contains("Did you mean host?"), "{told:?}");
    let refused = rig.apply(planned).await.unwrap_err();
    assert!(refused.len() == 1 && refused[0].contains("Nothing was written"), "{refused:?}");
    for cpu in ["host", "cputype=x86-64-v2-AES", "custom-mine"] {
        rig.configure().await;
        assert_eq!(rig.plan::<Vm>(None, &of(150, cpu)).await.unwrap().warnings, [""; 0], "{cpu}");
    }
    // One that stands there already is nobody's business, and costs no request.
    edit(&rig, 200, "cpu", "gone");
    let found = rig.import::<Vm>("200").await.unwrap();
    let asks = async || rig.asked().await.iter().any(|asked| asked.ends_with("/capabilities/qemu/cpu"));
    rig.configure().await;
    rig.forget_requests().await;
    let more = json!({ "vmid": 200, "cpu": "gone", "memory": 1024 });
    assert_eq!(rig.plan(Some(&found), &more).await.unwrap().warnings, [""; 0]);
    assert!(!asks().await);
    let told = rig.plan(Some(&found), &of(200, "Skylake-Servr")).await.unwrap().warnings;
    assert!(told[0].contains("Did you mean Skylake-Server?"), "{told:?}");
    assert!(asks().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cloud_init_without_a_drive_reaches_nobody_and_the_plan_says_so() {
    let rig = Rig::of(ONE).await;
    let with = |vmid: u32, ci: Json| json!({ "vmid": vmid, "cloud_init": ci });
    let told = |warnings: &[String]| warnings.iter().filter(|told| told.contains("reach nobody")).count();
    let planned = rig.plan::<Vm>(None, &with(150, json!({ "user": "joe" }))).await.unwrap();
    assert!(told(&planned.warnings) == 1 && planned.warnings.len() == 1, "{:?}", planned.warnings);
    let (made, _) = rig.apply(planned).await.unwrap();
    let whole = json!({ "user": "joe", "storage": "local-lvm" });
    assert_eq!(rig.plan::<Vm>(None, &with(151, whole.clone())).await.unwrap().warnings, [""; 0]);
    // What is there is no news; a further setting is.
    let more = json!({ "vmid": 150, "cloud_init": { "user": "joe" }, "memory": 1024 });
    assert_eq!(told(&rig.plan(Some(&made), &more).await.unwrap().warnings), 0);
    let other = rig.plan(Some(&made), &with(150, json!({ "user": "jim" }))).await.unwrap();
    assert_eq!(told(&other.warnings), 1, "{:?}", other.warnings);
    let (made, _) = rig.bring(Some(&made), &with(150, whole)).await.unwrap();
    assert_eq!(told(&rig.plan(Some(&made), &with(150, json!({ "user": "jim" }))).await.unwrap().warnings), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tags_and_notes_are_imported_whatever_their_spelling() {
    let rig = Rig::of(ONE).await;
    edit(&rig, 200, "tags", "prod;web");
    edit(&rig, 200, "description", "one\ntwo");
    let found = rig.import::<Vm>("200").await.unwrap();
    let config = json!({ "vmid": 200, "tags": ["Web", "prod"], "description": "one\ntwo\n" });
    assert!(rig.plan(Some(&found), &config).await.unwrap().is_empty());
    let other = json!({ "vmid": 200, "tags": ["web"], "description": "one\ntwo\n" });
    assert!(!rig.plan(Some(&found), &other).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_made_has_the_uuid_that_was_chosen_for_it() {
    let rig = Rig::of("{}").await;
    let config = json!({ "name": "web", "allow_destroy": true });
    let (made, _) = rig.bring::<Vm>(None, &config).await.unwrap();
    let vmid = made.state.attribute("vmid").unwrap().as_number().unwrap().as_str().parse().unwrap();
    let uuid = private(&made)["uuid"].as_str().unwrap().to_owned();
    assert_eq!(setting(&rig, vmid, "smbios1"), Some(format!("uuid={uuid}")));

    // A clone that was given the number has the same `ctime`, and whatever else agrees, it is not touched.
    edit(&rig, vmid, "smbios1", "uuid=11111111-2222-3333-4444-555555555555");
    rig.configure().await;
    let seen = rig.read(&made).await.unwrap();
    assert_eq!(private(&seen)["uuid"], uuid.as_str());
    let renamed = json!({ "name": "db", "allow_destroy": true });
    for refused in [rig.bring(Some(&seen), &renamed).await.unwrap_err(), rig.destroy(&seen).await.unwrap_err()] {
        assert!(refused[0].contains("is another VM now"), "{refused:?}");
    }
    // What else the firmware shows is nobody's business here.
    edit(&rig, vmid, "smbios1", &format!("uuid={},manufacturer=QWNtZQ==,base64=1", uuid.to_uppercase()));
    rig.configure().await;
    let seen = rig.read(&seen).await.unwrap();
    let (renamed, _) = rig.bring(Some(&seen), &renamed).await.unwrap();
    rig.destroy(&renamed).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn states_of_before_learn_the_uuid() {
    let rig = Rig::of(ONE).await;
    let mut found = rig.import::<Vm>("200").await.unwrap();
    let known = private(&found);
    found.private = json!({ "created": known["created"] }).to_string().into_bytes();
    let seen = rig.read(&found).await.unwrap();
    assert_eq!(private(&seen)["uuid"], known["uuid"]);
    // But not that of another.
    found.private = json!({ "created": known["created"].as_i64().unwrap() - 1 }).to_string().into_bytes();
    let seen = rig.read(&found).await.unwrap();
    assert!(private(&seen).get("uuid").is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_is_made_in_its_pool_which_is_not_looked_at_again() {
    let rig = Rig::of("{}").await;
    let refused = rig.bring::<Vm>(None, &json!({ "vmid": 150, "pool": "nope" })).await.unwrap_err();
    assert!(refused[0].starts_with("Resource pool \"nope\" does not exist"), "{refused:?}");
    rig.bring::<crate::access::pool::Pool>(None, &json!({ "poolid": "team" })).await.unwrap();
    let (made, _) =
        rig.bring::<Vm>(None, &json!({ "vmid": 150, "pool": "team", "allow_destroy": true })).await.unwrap();
    let member = || rig.sim.world.with(|cluster| cluster.pools.of_vm(150).map(str::to_owned));
    assert_eq!(member().as_deref(), Some("team"));
    let moved = json!({ "vmid": 150, "pool": "elsewhere", "allow_destroy": true });
    let (made, _) = rig.bring(Some(&made), &moved).await.unwrap();
    assert!(rig.plan(Some(&rig.read(&made).await.unwrap()), &moved).await.unwrap().is_empty());
    assert_eq!(member().as_deref(), Some("team"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_waited_for_a_move_reads_the_configuration_again() {
    let rig = Rig::at_rate(ONE, 100 << 20).await;
    let found = rig.import::<Vm>("200").await.unwrap();
    let disk = json!({ "vmid": 200, "disk": "scsi0", "storage": "other" });
    let change = json!({ "vmid": 200, "description": "x", "disks": { "scsi0": { "discard": true } } });
    let moving = async || rig.sim.world.with(|cluster| cluster.tasks.is_running("qmmove", "200"));
    let updating = async {
        while !moving().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        rig.bring(Some(&found), &change).await
    };
    let (moved, updated) = tokio::join!(rig.bring::<VmDiskMove>(None, &disk), updating);
    moved.unwrap();
    updated.unwrap();
    assert_eq!(setting(&rig, 200, "description").as_deref(), Some("x"));
    let drive = setting(&rig, 200, "scsi0").unwrap();
    assert!(drive.starts_with("other:") && drive.contains("discard=on"), "{drive}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_move_that_somebody_else_began_is_waited_for() {
    let rig = Rig::at_rate(ONE, 10 << 20).await;
    let found = rig.import::<Vm>("200").await.unwrap();
    let moving = || rig.sim.world.with(|cluster| cluster.tasks.is_running("qmmove", "200"));
    let somebody = rig.another().await;
    let begin = json!({ "vmid": 200, "disk": "scsi0", "storage": "other", "detach_after": "1ms" });
    let planned = super::plan::<VmDiskMove>(&somebody, None, &begin).await.unwrap();
    let (left, _) = super::apply(&somebody, planned).await.unwrap();
    assert_eq!(left.state.attribute("ready").unwrap().as_bool(), Some(false));
    assert!(moving(), "it is on its way");
    let change = json!({ "vmid": 200, "description": "x", "disks": { "scsi0": { "size": "9G" } } });
    rig.bring(Some(&found), &change).await.unwrap();
    assert!(!moving(), "it was waited for");
    assert_eq!(setting(&rig, 200, "description").as_deref(), Some("x"));
    assert!(setting(&rig, 200, "scsi0").unwrap().starts_with("other:"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_running_guest_keeps_goes_with_its_next_stop_and_the_rest_is_done() {
    let rig = Rig::of("{}").await;
    let with = |disks: Json, started: bool| {
        json!({ "vmid": 150, "disks": disks, "started": started, "allow_destroy": true, "cores": 2,
                "description": format!("{started}") })
    };
    let one = json!({ "size": "1G", "storage": "local-lvm" });
    let both = with(json!({ "scsi0": one, "scsi1": one }), true);
    let (made, _) = rig.bring::<Vm>(None, &both).await.unwrap();
    rig.sim.world.with(|cluster| cluster.guests.get_mut(150).unwrap().refuses_unplug = true);
    // The disk grows, though another one could not be unplugged before.
    let config = with(json!({ "scsi0": { "size": "2G", "storage": "local-lvm" } }), true);
    let planned = rig.plan(Some(&made), &config).await.unwrap();
    assert!(planned.warnings[0].contains("scsi1 is not in `disks` any more"), "{:?}", planned.warnings);
    let (kept, said) = rig.apply(planned).await.unwrap();
    assert!(
        said.iter().any(|said| said.contains("A VM does not let go of a device while it runs: vm:150")),
        "{said:?}"
    );
    assert!(said.iter().any(|said| said.contains("scsi1") && said.contains("next stop")), "{said:?}");
    let seen = rig.read(&kept).await.unwrap();
    assert!(rig.plan(Some(&seen), &config).await.unwrap().is_empty());
    assert!(setting(&rig, 150, "scsi0").unwrap().contains("size=2G"));
    rig.bring(Some(&seen), &with(json!({ "scsi0": { "size": "2G", "storage": "local-lvm" } }), false)).await.unwrap();
    assert_eq!(setting(&rig, 150, "scsi1"), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_tells_what_the_apply_would_say() {
    let rig = Rig::of(ONE).await;
    let disk = json!({ "scsi0": { "size": "1G", "storage": "nope" } });
    let config =
        json!({ "vmid": 200, "node": "pve9", "pool": "team", "disks": disk, "cloud_init": { "storage": "s1" } });
    let planned = rig.plan::<Vm>(None, &config).await.unwrap();
    let told = |said: &[String], what: &str| said.iter().filter(|said| said.contains(&format!(": {what}"))).count();
    let all = [
        "vm:200 on pve1 exists already",
        "The cluster has no node \"pve9\"",
        "Resource pool \"team\" does not exist",
        "Storage \"nope\" does not exist",
        "Storage \"s1\" does not exist",
    ];
    for what in all {
        assert_eq!(told(&planned.warnings, what), 1, "{what}: {:?}", planned.warnings);
    }
    assert_eq!(rig.apply(planned).await.unwrap_err().len(), 1, "one after the other, as they can be mended");

    // What the same plan makes is no news.
    let rig = Rig::of("{ceph: {stage: ready}}").await;
    rig.plan::<crate::access::pool::Pool>(None, &json!({ "poolid": "team" })).await.unwrap();
    rig.plan::<crate::storage::rbd::StorageRbd>(None, &json!({ "storage": "s1", "pool": "p" })).await.unwrap();
    let config = json!({ "vmid": 150, "node": "pve1", "pool": "team", "cloud_init": { "storage": "s1" } });
    let planned = rig.plan::<Vm>(None, &config).await.unwrap();
    assert!(planned.warnings.is_empty(), "{:?}", planned.warnings);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_fails_where_nothing_could_mend_it() {
    let rig = Rig::of(ONE).await;
    let found = rig.import::<Vm>("200").await.unwrap();
    let refused = rig.plan(Some(&found), &json!({ "vmid": 201 })).await.unwrap_err();
    assert!(refused[0].starts_with("vm:200 is protected"), "{refused:?}");
    let refused = rig.plan(Some(&found), &json!({ "vmid": 200, "disks": { "scsi0": { "size": "1G" } } })).await;
    assert!(refused.unwrap_err()[0].starts_with("scsi0 cannot shrink from 8G to 1G"));
    // A lock ends by itself.
    edit(&rig, 200, "lock", "backup");
    rig.configure().await;
    let planned = rig.plan(Some(&found), &json!({ "vmid": 200, "cores": 2 })).await.unwrap();
    assert!(planned.warnings[0].contains("vm:200 is locked (backup)"), "{:?}", planned.warnings);
    let refused = rig.apply(planned).await.unwrap_err();
    assert!(refused[0].starts_with("vm:200 is locked (backup)"), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn machines_that_are_made_at_once_are_spread() {
    let rig = Rig::of("{}").await;
    let one = async || rig.bring::<Vm>(None, &json!({})).await.unwrap();
    tokio::join!(one(), one(), one(), one(), one(), one(), one(), one());
    let mut nodes = std::collections::BTreeMap::new();
    rig.sim.world.with(|cluster| {
        for guest in cluster.guests.all.values() {
            *nodes.entry(guest.node.clone()).or_insert(0) += 1;
        }
    });
    let mut counts: Vec<i32> = nodes.into_values().collect();
    counts.sort_unstable();
    assert_eq!(counts, [2, 3, 3]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_is_wanted_again_before_it_has_gone_is_the_same_disk() {
    let rig = Rig::of("{}").await;
    let with = |disks: Json| json!({ "vmid": 150, "disks": disks, "started": true, "allow_destroy": true });
    let one = json!({ "size": "1G", "storage": "local-lvm" });
    let both = with(json!({ "scsi0": one, "scsi1": one }));
    let (made, _) = rig.bring::<Vm>(None, &both).await.unwrap();
    let waits = |rig: &Rig| {
        rig.sim.world.with(|cluster| {
            let config = &cluster.guests.get(150).unwrap().config;
            config.pending.keys().chain(config.pending_delete.keys()).cloned().collect::<Vec<_>>()
        })
    };
    rig.sim.world.with(|cluster| cluster.guests.get_mut(150).unwrap().refuses_unplug = true);
    let (volume, boot) = (setting(&rig, 150, "scsi0").unwrap(), setting(&rig, 150, "boot"));
    let (kept, _) = rig.bring(Some(&made), &with(json!({ "scsi1": one }))).await.unwrap();
    assert_eq!(waits(&rig), ["boot", "scsi0"], "PVE takes it out of the boot order, too");
    // Somebody has thought better of it.
    let (back, _) = rig.bring(Some(&kept), &both).await.unwrap();
    assert_eq!(setting(&rig, 150, "scsi0"), Some(volume), "not a new, empty volume");
    assert_eq!((setting(&rig, 150, "boot"), waits(&rig)), (boot, vec![]));
    assert!(rig.plan(Some(&back), &both).await.unwrap().is_empty());
}
