//! What somebody still uses does not go, and is not changed under its users.

use serde_json::{Value as Json, json};

use super::{Kept, Rig};
use crate::access::pool::Pool;
use crate::ceph::crush_rule::CrushRule;
use crate::ceph::pool::Pool as CephPool;
use crate::storage::rbd::StorageRbd;
use crate::vm::vm::Vm;

/// Two storages on one pool, which show each other's images: one by which a VM calls its disk, and one that nobody names.
const TWO_ENTRIES: &str = "
storages:
  - {storage: local, type: dir, path: /var/lib/vz, content: [iso]}
  - {storage: named, type: rbd, pool: vm, content: [images]}
  - {storage: other, type: rbd, pool: vm, content: [images]}
guests:
  - {vmid: 200, node: pve1, name: a, config: {scsi0: 'named:1', scsihw: virtio-scsi-pci}}
ceph: {stage: ready, pools: [{name: vm, size: 3, min_size: 2, application: rbd}, {name: spare, application: rbd}]}
";

/// The storage that nobody names, removed after the VM was edited. What is said against it.
async fn removed_after(edit: impl FnOnce(&mut pve_sim::cluster::guests::Config)) -> Vec<String> {
    let rig = Rig::of(TWO_ENTRIES).await;
    rig.sim.world.with(|cluster| edit(&mut cluster.guests.get_mut(200).unwrap().config));
    let entry = rig.import::<StorageRbd>("other").await.unwrap();
    let removed = rig.destroy(&entry).await;
    let there = rig.sim.world.with(|cluster| cluster.storage.all.contains_key("other"));
    assert_eq!(there, removed.is_err());
    removed.err().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storage_goes_when_nobody_names_it() {
    assert_eq!(removed_after(|_| {}).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storage_stays_for_whatever_names_it() {
    for (key, value, why) in [
        ("scsi1", "other:vm-200-disk-1,size=1G", "Guest 200 could not start without it."),
        ("unused0", "other:vm-200-disk-1", "Guest 200 could not start without it."),
        ("ide2", "other:vm-200-cloudinit,media=cdrom", "Guest 200 could not start without it."),
        ("efidisk0", "other:vm-200-disk-1,size=528K", "Guest 200 could not start without it."),
        ("tpmstate0", "other:vm-200-disk-1,size=4M", "Guest 200 could not start without it."),
        ("vmstate", "other:vm-200-state-suspend-2026-11-29", "Guest 200 could not start without it."),
        ("vmstatestorage", "other", "Guest 200 could not start without it."),
        // A snapshot has drives of its own.
        ("parent", "before", "Guest 200 has snapshots, whose disks it may name."),
    ] {
        let edit = |config: &mut pve_sim::cluster::guests::Config| config.values.insert(key.into(), value.into());
        let told = removed_after(|config| drop(edit(config))).await;
        assert!(told.len() == 1 && told[0].contains("Storage \"other\" is in use"), "{key}: {told:?}");
        assert!(told[0].contains(why) && told[0].contains("Nothing was written."), "{key}: {told:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storage_stays_for_what_names_it_until_the_next_stop_or_from_then_on() {
    let drive = || "other:vm-200-disk-1,size=1G".to_owned();
    let detached = removed_after(|config| {
        config.values.insert("scsi1".into(), drive());
        config.pending_delete.insert("scsi1".into(), false);
    });
    let attached = removed_after(|config| drop(config.pending.insert("scsi1".into(), drive())));
    for told in [detached.await, attached.await] {
        assert!(told.len() == 1 && told[0].contains("Guest 200 could not start without it."), "{told:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storage_of_another_cluster_is_looked_at_like_any_other() {
    let elsewhere =
        "  - {storage: ext, type: rbd, pool: vm, content: [images], monhost: '192.0.2.1', username: admin}\nguests:";
    let rig = Rig::of(&TWO_ENTRIES.replace("guests:", elsewhere)).await;
    let entry = rig.import::<StorageRbd>("ext").await.unwrap();
    assert!(rig.plan(Some(&entry), &json!({ "storage": "ext", "pool": "vm" })).await.unwrap().is_empty());
    // A pool of that name here means nothing.
    let told = rig.destroy(&entry).await.unwrap_err();
    assert!(told[0].contains("Storage \"ext\" is in use"), "{told:?}");
    let told = rig.plan(Some(&entry), &json!({ "storage": "ext2", "pool": "vm" })).await.unwrap_err();
    assert!(told[0].starts_with("An entry for another cluster's Ceph cannot be replaced"), "{told:?}");
    let off = json!({ "storage": "ext", "pool": "elsewhere", "disable": true });
    let told = rig.plan(Some(&entry), &off).await.unwrap().warnings;
    assert!(
        told.len() == 2 && told.iter().any(|told| told.contains("is in use")),
        "pools of here are not asked: {told:?}"
    );
    let (off, _) = rig.bring(Some(&entry), &json!({ "storage": "ext", "pool": "vm", "disable": true })).await.unwrap();
    rig.destroy(&off).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storage_is_told_at_plan_what_it_misses() {
    let rig = Rig::of(TWO_ENTRIES).await;
    let told = rig.plan::<StorageRbd>(None, &json!({ "storage": "other", "pool": "nope" })).await.unwrap().warnings;
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].contains("Storage \"other\" exists already"), "{told:?}");
    assert!(told[1].contains("Pool \"nope\" does not exist"), "{told:?}");
    rig.plan::<CephPool>(None, &json!({ "name": "nope" })).await.unwrap();
    let told = rig.plan::<StorageRbd>(None, &json!({ "storage": "new", "pool": "nope" })).await.unwrap().warnings;
    assert!(told.is_empty(), "what the same plan makes is no news: {told:?}");
    let told = rig.plan::<StorageRbd>(None, &json!({ "storage": "local", "pool": "vm" })).await.unwrap().warnings;
    assert!(told.len() == 1 && told[0].contains("Storage \"local\" is of type dir"), "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pool_with_images_is_told_when_its_destruction_is_planned() {
    let rig = Rig::of(TWO_ENTRIES).await;
    let warned = async |pool: &Kept<CephPool>| rig.plan(Some(pool), &Json::Null).await.unwrap().warnings;
    let mut pools = Vec::new();
    for name in ["vm", "spare"] {
        let pool = rig.import::<CephPool>(name).await.unwrap();
        let told = rig.plan(Some(&pool), &Json::Null).await.unwrap_err();
        assert!(told.len() == 1 && told[0].contains("is protected"), "{told:?}");
        let allowed = json!({ "name": name, "allow_destroy": true });
        pools.push(rig.bring(Some(&pool), &allowed).await.unwrap().0);
    }
    let told = warned(&pools[0]).await;
    assert!(told.len() == 1 && told[0].contains("Pool \"vm\" is in use"), "{told:?}");
    assert!(told[0].contains("holds 1 images on it, such as ") && told[0].contains("vm-200"), "{told:?}");
    let refused = rig.destroy(&pools[0]).await.unwrap_err();
    assert!(refused[0].contains("Pool \"vm\" is in use"), "{refused:?}");

    // Those go along to whom the images belong; others may not.
    let vm = rig.import::<Vm>("200").await.unwrap();
    let vm = rig.bring(Some(&vm), &json!({ "vmid": 200, "allow_destroy": true })).await.unwrap().0;
    rig.plan(Some(&vm), &Json::Null).await.unwrap();
    assert_eq!(warned(&pools[0]).await, [""; 0]);

    assert_eq!(warned(&pools[1]).await, [""; 0]);
    rig.destroy(&pools[1]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pool_with_members_stays() {
    let rig = Rig::of(TWO_ENTRIES).await;
    let inner = json!({ "poolid": "a/b" });
    let told = rig.plan::<Pool>(None, &inner).await.unwrap().warnings;
    assert!(told.len() == 1 && told[0].contains("Pool \"a\" does not exist"), "{told:?}");
    let (pool, _) = rig.bring::<Pool>(None, &json!({ "poolid": "a" })).await.unwrap();
    rig.configure().await;
    assert!(rig.plan::<Pool>(None, &inner).await.unwrap().warnings.is_empty());
    let pool = rig.read(&pool).await.unwrap();
    let told = rig.plan::<Pool>(None, &json!({ "poolid": "a" })).await.unwrap().warnings;
    assert!(told.is_empty(), "this state holds it: {told:?}");
    let into = |cluster: &mut pve_sim::cluster::Cluster, vms: Vec<u32>| {
        cluster.pools.all.get_mut("a").unwrap().vms = vms.into_iter().collect();
    };
    rig.sim.world.with(|cluster| into(cluster, vec![200]));
    let told = rig.destroy(&pool).await.unwrap_err();
    assert!(told[0].starts_with("Pool \"a\" has members") && told[0].contains("qemu/200"), "{told:?}");
    rig.sim.world.with(|cluster| into(cluster, Vec::new()));
    rig.destroy(&pool).await.unwrap();
    assert!(rig.sim.world.with(|cluster| cluster.pools.all.is_empty()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storage_in_use_keeps_its_pool() {
    let rig = Rig::of(TWO_ENTRIES).await;
    for (id, refused) in [("other", false), ("named", true)] {
        let entry = rig.import::<StorageRbd>(id).await.unwrap();
        let moved = rig.bring(Some(&entry), &json!({ "storage": id, "pool": "spare" })).await;
        assert_eq!(moved.is_err(), refused, "{id}");
        if let Err(told) = moved {
            assert!(told[0].contains("Storage \"named\" is in use"), "{told:?}");
        }
    }
}

/// A change of a rule that was cut off after a pool of these copies had been moved to the new one.
async fn cut_off(size: u32) -> Rig {
    Rig::of(&format!(
        "
ceph:
  stage: ready
  rules: [{{name: r, failure_domain: osd}}, {{name: r.changing, failure_domain: osd, device_class: ssd}}]
  pools: [{{name: vm, size: {size}, min_size: 2, crush_rule: r.changing, application: rbd}}]
"
    ))
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pools_on_a_rules_temporary_name_are_its_users() {
    let by_host = json!({ "name": "r", "failure_domain": "host" });
    let rig = cut_off(3).await;
    let rule = rig.import::<CrushRule>("r").await.unwrap();
    rig.bring(Some(&rule), &by_host).await.unwrap();

    // Four copies on three hosts: said when it is planned, and when a pool has become so since then.
    let full = cut_off(4).await;
    let rule = full.import::<CrushRule>("r").await.unwrap();
    let told = full.plan(Some(&rule), &by_host).await.err().unwrap();
    assert!(told[0].contains("Pool \"vm\"") && told[0].contains("hosts"), "{told:?}");

    let rig = cut_off(3).await;
    let planned = rig.plan(Some(&rig.import::<CrushRule>("r").await.unwrap()), &by_host).await.unwrap();
    let told = full.apply(planned).await.err().unwrap();
    assert!(told[0].contains("Pool \"vm\"") && told[0].contains("Nothing was written."), "{told:?}");

    // Nor does it go while they use it.
    let told = full.destroy(&rule).await.unwrap_err();
    assert!(told[0].contains("CRUSH rule \"r\" is in use") && told[0].contains("vm"), "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_removal_of_a_rule_is_told_of_by_the_plan_unless_its_pools_go_too() {
    let rig = Rig::of(
        "{ceph: {stage: ready, rules: [{name: r, failure_domain: osd}], pools: [{name: vm, crush_rule: r, application: rbd}]}}",
    )
    .await;
    let rule = rig.import::<CrushRule>("r").await.unwrap();
    let warned = async || rig.plan(Some(&rule), &Json::Null).await.unwrap().warnings;
    let told = warned().await;
    assert!(told.len() == 1 && told[0].contains("by it: vm.") && told[0].contains("create_before_destroy"), "{told:?}");
    let pool = rig.import::<CephPool>("vm").await.unwrap();
    let (pool, _) = rig.bring(Some(&pool), &json!({ "name": "vm", "allow_destroy": true })).await.unwrap();
    rig.plan(Some(&pool), &Json::Null).await.unwrap();
    assert_eq!(warned().await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_blocks_for_one_object_the_second_is_not_told_to_import_it() {
    let rig = Rig::of(TWO_ENTRIES).await;
    let (pool, entry) = (json!({ "poolid": "a" }), json!({ "storage": "mine", "pool": "vm" }));
    rig.bring::<Pool>(None, &pool).await.unwrap();
    rig.bring::<StorageRbd>(None, &entry).await.unwrap();
    let told =
        [rig.bring::<Pool>(None, &pool).await.unwrap_err(), rig.bring::<StorageRbd>(None, &entry).await.unwrap_err()];
    for told in told {
        assert!(told[0].contains("This state holds it already") && !told[0].contains("import {"), "{told:?}");
    }
    // What it does not hold is.
    let foreign = rig.bring::<StorageRbd>(None, &json!({ "storage": "other", "pool": "vm" })).await.unwrap_err();
    assert!(foreign[0].contains("import {"), "{foreign:?}");
}
