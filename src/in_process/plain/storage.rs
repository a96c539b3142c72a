//! Storages of every type: their lives, what is wrong with them, their secrets, and what keeps them from going.

use serde_json::{Value as Json, json};
use terraform_plugin::model::Model;
use tfplugin6::provider_server::Provider as _;

use super::super::{Kept, Rig, json, message, tf, ty, type_name};
use super::{life, merged};
use crate::storage::btrfs::StorageBtrfs;
use crate::storage::cephfs::StorageCephfs;
use crate::storage::cifs::StorageCifs;
use crate::storage::dir::StorageDir;
use crate::storage::esxi::StorageEsxi;
use crate::storage::iscsi::StorageIscsi;
use crate::storage::iscsidirect::StorageIscsidirect;
use crate::storage::lvm::StorageLvm;
use crate::storage::lvmthin::StorageLvmthin;
use crate::storage::nfs::StorageNfs;
use crate::storage::pbs::StoragePbs;
use crate::storage::rbd::StorageRbd;
use crate::storage::zfs::StorageZfs;
use crate::storage::zfspool::StorageZfspool;

/// What all have, once and otherwise.
fn common() -> [Json; 2] {
    [json!({"nodes": ["pve1"], "disable": true}), json!({"nodes": ["pve1", "pve2"], "disable": false})]
}

fn bandwidth() -> [Json; 2] {
    let all = json!({"clone": 1, "default": 2, "migration": 3, "move_disk": 4, "restore": 5});
    [json!({"bwlimit": all}), json!({"bwlimit": {"move_disk": 100}})]
}

fn backups() -> [Json; 2] {
    let some = json!({"keep_last": 1, "keep_hourly": 2, "keep_daily": 3, "keep_weekly": 4, "keep_monthly": 5, "keep_yearly": 6});
    [
        json!({"prune_backups": some, "max_protected_backups": -1}),
        json!({"prune_backups": {"keep_all": true}, "max_protected_backups": 3}),
    ]
}

fn folders() -> [Json; 2] {
    [
        json!({"create_base_path": true, "create_subdirs": false, "preallocation": "falloc"}),
        json!({"create_base_path": false, "create_subdirs": true, "preallocation": "off"}),
    ]
}

fn content_dirs() -> [Json; 2] {
    [json!({"content_dirs": {"iso": "a/iso", "backup": "b"}}), json!({"content_dirs": {"iso": "iso"}})]
}

/// The life of a storage: with what it needs and cannot change, with all that it can have, with all of that otherwise,
/// and without again.
async fn lived<M: Model>(rig: &Rig, needs: Json, fixed: Json, parts: &[[Json; 2]]) {
    let plain = merged(merged(json!({"storage": "new"}), needs), fixed);
    let whole = |at: usize| parts.iter().fold(plain.clone(), |all, part| merged(all, part[at].clone()));
    life::<M>(rig, "new", &[plain.clone(), whole(0), whole(1), plain.clone()]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_files() {
    let rig = Rig::of("{}").await;
    let [common, bandwidth, backups, folders, content_dirs] =
        [common(), bandwidth(), backups(), folders(), content_dirs()];
    let dir = [
        json!({"content": ["iso", "backup"], "shared": true, "is_mountpoint": "yes", "format": "qcow2"}),
        json!({"content": ["images"], "shared": false, "is_mountpoint": "/mnt", "format": "raw"}),
    ];
    lived::<StorageDir>(
        &rig,
        json!({"path": "/srv/d"}),
        json!({"snapshot_as_volume_chain": true}),
        &[dir, common.clone(), bandwidth.clone(), backups.clone(), folders.clone(), content_dirs.clone()],
    )
    .await;
    let btrfs = [
        json!({"content": ["iso"], "shared": true, "is_mountpoint": "yes", "nocow": true, "format": "subvol"}),
        json!({"content": ["images"], "shared": false, "is_mountpoint": "no", "nocow": false, "format": "raw"}),
    ];
    let needs = json!({"path": "/srv/btrfs"});
    lived::<StorageBtrfs>(&rig, needs, json!({}), &[btrfs, common.clone(), backups.clone(), folders.clone()]).await;
    let files = [
        json!({"content": ["iso", "images"], "options": "vers=4.2", "format": "qcow2"}),
        json!({"content": ["backup"], "options": "soft", "format": "vmdk"}),
    ];
    let fixed = json!({"path": "/mnt/there", "snapshot_as_volume_chain": true});
    let shared = [common.clone(), bandwidth.clone(), backups.clone(), folders.clone(), content_dirs.clone()];
    let parts = [vec![files.clone()], shared.to_vec()].concat();
    lived::<StorageNfs>(&rig, json!({"server": "nas.example", "export": "/e"}), fixed.clone(), &parts).await;
    let cifs = [
        json!({"username": "u", "domain": "d", "smbversion": "3.0", "subdir": "/a"}),
        json!({"username": "v", "domain": "e", "smbversion": "3.11", "subdir": "/b"}),
    ];
    let parts = [vec![files, cifs], shared.to_vec()].concat();
    lived::<StorageCifs>(&rig, json!({"server": "nas.example", "share": "s"}), fixed, &parts).await;
    let cephfs = [
        json!({"content": ["iso"], "fs_name": "aa", "subdir": "/a", "username": "u", "fuse": true, "options": "noatime"}),
        json!({"content": ["backup", "vztmpl"], "fs_name": "bb", "subdir": "/b", "username": "v", "fuse": false, "options": "ro"}),
    ];
    let made = [json!({"create_base_path": true, "create_subdirs": false}), json!({"create_base_path": false})];
    let needs = json!({"monhost": "mon1.example mon2.example"});
    let parts = [cephfs, common, bandwidth, backups, made, content_dirs];
    lived::<StorageCephfs>(&rig, needs, json!({"path": "/mnt/there"}), &parts).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_disks() {
    let rig = Rig::of("{}").await;
    let [common, bandwidth, backups] = [common(), bandwidth(), backups()];
    let lvm = [
        json!({
            "content": ["rootdir"], "shared": true, "saferemove": true, "saferemove_throughput": "-20971520",
            "saferemove_stepsize": 8, "tagged_only": true, "snapshot_as_volume_chain": true,
        }),
        json!({
            "content": ["images"], "shared": false, "saferemove": false, "saferemove_throughput": "-1",
            "saferemove_stepsize": 16, "tagged_only": false, "snapshot_as_volume_chain": false,
        }),
    ];
    let needs = json!({"vgname": "pve"});
    lived::<StorageLvm>(&rig, needs.clone(), json!({}), &[lvm, common.clone(), bandwidth.clone()]).await;
    let content = [json!({"content": ["images"]}), json!({"content": ["rootdir"]})];
    let needs = merged(needs, json!({"thinpool": "data"}));
    lived::<StorageLvmthin>(&rig, needs, json!({}), &[content, common.clone(), bandwidth.clone()]).await;
    let zfspool = [
        json!({"content": ["images"], "blocksize": "16k", "sparse": true, "mountpoint": "/a"}),
        json!({"content": ["rootdir"], "blocksize": "8k", "sparse": false, "mountpoint": "/b"}),
    ];
    let needs = json!({"pool": "rpool/data"});
    lived::<StorageZfspool>(&rig, needs, json!({}), &[zfspool, common.clone(), bandwidth.clone()]).await;
    let zfs = [
        json!({"sparse": true, "nowritecache": true, "comstar_hg": "a", "comstar_tg": "b", "lio_tpg": "c", "zfs_base_path": "/dev"}),
        json!({"sparse": false, "nowritecache": false, "comstar_hg": "d", "comstar_tg": "e", "lio_tpg": "f", "zfs_base_path": "/d"}),
    ];
    let needs =
        json!({"portal": "p.example", "target": "iqn.a", "pool": "tank", "blocksize": "4k", "iscsiprovider": "LIO"});
    let fixed = json!({"content": ["images"]});
    lived::<StorageZfs>(&rig, needs, fixed, &[zfs, common.clone(), bandwidth.clone()]).await;
    let needs = json!({"portal": "p.example:3260", "target": "iqn.a"});
    let content = [json!({"content": ["images"]}), json!({"content": ["none"]})];
    let parts = [content, common.clone(), bandwidth];
    lived::<StorageIscsi>(&rig, needs.clone(), json!({}), &parts).await;
    lived::<StorageIscsidirect>(&rig, needs, json!({}), &parts).await;
    let esxi = [
        json!({"server": "a.example", "username": "u", "port": 444, "skip_cert_verification": true, "shared": true}),
        json!({"server": "b.example", "username": "v", "port": 445, "skip_cert_verification": false, "shared": false}),
    ];
    let needs = json!({"server": "esx.example", "username": "root", "password": "p"});
    lived::<StorageEsxi>(&rig, needs, json!({"content": ["import"]}), &[esxi, common.clone()]).await;
    let print = |byte: &str| vec![byte; 32].join(":");
    let pbs = [
        json!({
            "content": ["none"], "namespace": "a/b", "port": 8008, "username": "u@pbs", "fingerprint": print("AB"),
        }),
        json!({
            "content": ["backup"], "namespace": "c", "port": 8009, "username": "u@pbs!t", "fingerprint": print("CD"),
        }),
    ];
    let needs = json!({"server": "pbs.example", "datastore": "d"});
    lived::<StoragePbs>(&rig, needs, json!({}), &[pbs, common, backups]).await;
}

/// What PVE has kept of an option of the storage.
fn option(rig: &Rig, name: &str) -> Option<String> {
    rig.sim.world.with(|cluster| cluster.storage.get("new").and_then(|storage| storage.get(name).map(str::to_owned)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn secrets_are_told_to_pve_when_asked_for_and_to_nobody_else() {
    async fn kept<M: Model>(needs: Json, secret: &str, parameter: &str, values: [&str; 2]) {
        let rig = Rig::of("{}").await;
        let config = |value: &str, version: u32| {
            let given = json!({"storage": "new", secret: value, format!("{secret}_version"): version});
            merged(given, needs.clone())
        };
        let (made, _) = rig.bring::<M>(None, &config(values[0], 1)).await.unwrap();
        assert_eq!(option(&rig, parameter).as_deref(), Some(values[0]));
        // Only the version is looked at.
        assert!(rig.plan(Some(&made), &config(values[1], 1)).await.unwrap().is_empty());
        let (changed, _) = rig.bring(Some(&made), &config(values[1], 2)).await.unwrap();
        assert_eq!(option(&rig, parameter).as_deref(), Some(values[1]));
        let imported = rig.import::<M>("new").await.unwrap();
        for state in [&made.state, &changed.state, &imported.state] {
            let state = format!("{state:?}");
            assert!(values.iter().all(|value| !state.contains(value)), "{state}");
        }
        let (without, _) = rig.bring(Some(&changed), &merged(json!({"storage": "new"}), needs)).await.unwrap();
        assert_eq!(option(&rig, parameter), None);
        rig.destroy(&without).await.unwrap();
    }
    let values = ["hunter21", "hunter22"];
    kept::<StorageCifs>(json!({"server": "s", "share": "s", "username": "u"}), "password", "password", values).await;
    kept::<StorageCephfs>(json!({"monhost": "m"}), "keyring", "keyring", values).await;
    kept::<StorageEsxi>(json!({"server": "s", "username": "u"}), "password", "password", values).await;
    let pbs = || json!({"server": "s", "datastore": "d"});
    kept::<StoragePbs>(pbs(), "password", "password", values).await;
    let keys = [r#"{"data": "hunter21", "fingerprint": "aa"}"#, r#"{"data": "hunter22", "fingerprint": "bb"}"#];
    kept::<StoragePbs>(pbs(), "encryption_key", "encryption-key", keys).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_known_by_its_fingerprint() {
    let rig = Rig::of("{}").await;
    let shown = |kept: &Kept<StoragePbs>| kept.state.attribute("encryption_key_fingerprint").cloned();
    let needs = json!({"storage": "new", "server": "s", "datastore": "d"});
    let with = |key: &str, version: u32| {
        merged(
            needs.clone(),
            json!({"encryption_key": key, "encryption_key_version": version, "master_pubkey": "QQ==", "master_pubkey_version": 1}),
        )
    };
    let (made, _) = rig.bring::<StoragePbs>(None, &with(r#"{"fingerprint": "aa"}"#, 1)).await.unwrap();
    assert_eq!(shown(&made), Some("aa".into()));
    assert_eq!(option(&rig, "master-pubkey").as_deref(), Some("QQ=="));
    let (changed, _) = rig.bring(Some(&made), &with("{}", 2)).await.unwrap();
    assert_eq!(shown(&changed), Some("1".into()));
    let (without, _) = rig.bring(Some(&changed), &needs).await.unwrap();
    assert!(shown(&without).is_none_or(|value| value.is_null()));
}

/// What is said against a configuration that is applied, and the attribute that it is said of.
async fn refused<M: Model>(rig: &Rig, config: &Json) -> (String, String) {
    let planned = rig.plan::<M>(None, config).await.unwrap();
    let request = tf::apply_resource_change::Request {
        type_name: type_name::<M>(),
        prior_state: message(&planned.prior, &ty::<M>()),
        planned_state: message(&planned.planned, &ty::<M>()),
        config: json(config),
        planned_private: planned.private.into(),
        ..Default::default()
    };
    let answer = rig.server.apply_resource_change(tonic::Request::new(request)).await.unwrap().into_inner();
    let said = answer.diagnostics.first().cloned().unwrap_or_default();
    let selector = said.attribute.iter().flat_map(|path| &path.steps).filter_map(|step| step.selector.clone());
    let attribute = selector.filter_map(|selector| match selector {
        tf::attribute_path::step::Selector::AttributeName(name) => Some(name),
        _ => None,
    });
    (attribute.collect(), format!("{}: {}", said.summary, said.detail))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_pve_finds_wrong_is_told_at_the_attribute_in_its_words() {
    let rig = Rig::of("{}").await;
    let before = rig.sim.world.with(|cluster| cluster.canonical());
    let at = |more: Json| merged(json!({"storage": "new"}), more);
    let told = [
        refused::<StorageNfs>(&rig, &at(json!({"server": "192.0.2.9", "export": "/e"}))).await,
        refused::<StorageCifs>(&rig, &at(json!({"server": "192.0.2.9", "share": "s"}))).await,
        refused::<StorageEsxi>(&rig, &at(json!({"server": "esx.example", "username": "u"}))).await,
        refused::<StorageIscsi>(&rig, &at(json!({"portal": "192.0.2.9", "target": "t"}))).await,
        refused::<StoragePbs>(&rig, &at(json!({"server": "192.0.2.9", "datastore": "d"}))).await,
        refused::<StorageZfspool>(&rig, &at(json!({"pool": "tank"}))).await,
        refused::<StorageBtrfs>(&rig, &at(json!({"path": "/srv/b"}))).await,
        refused::<StorageCephfs>(&rig, &at(json!({"fs_name": "nope"}))).await,
        refused::<StorageLvm>(&rig, &at(json!({"vgname": "vg", "base": "nope:x"}))).await,
        refused::<StorageLvmthin>(&rig, &at(json!({"vgname": "nope", "thinpool": "data"}))).await,
        refused::<StorageDir>(&rig, &at(json!({"path": "/nope", "create_base_path": false}))).await,
    ];
    let expected = [
        ("server", "storage 'new' is not online"),
        ("server", "storage 'new' is not online"),
        ("password", "missing password"),
        ("portal", "storage 'new' is not online"),
        ("server", "error fetching datastores - 500 Can't connect to 192.0.2.9:8007"),
        ("pool", "could not activate storage 'new'"),
        ("path", "'/srv/b' is not a btrfs file system"),
        ("fs_name", "mount error: Job failed."),
        ("base", "base storage ID 'nope' does not exist"),
        ("vgname", "no such volume group 'nope'"),
        ("path", "directory '/nope' does not exist"),
    ];
    for ((attribute, text), (at, words)) in told.iter().zip(expected) {
        assert!(attribute == at && text.contains(words), "{attribute}: {text}");
        assert!(text.starts_with("Cannot create storage \"new\""), "{text}");
        assert!(text.contains("othing was written"), "{text}");
    }
    assert_eq!(rig.sim.world.with(|cluster| cluster.canonical()), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_is_refused_in_the_configuration() {
    async fn wrong<M: Model>(rig: &Rig, config: Json, words: &str) {
        let told = rig.validate::<M>(&merged(json!({"storage": "new"}), config)).await.unwrap_err();
        assert!(told.iter().any(|told| told.contains(words)), "{words}: {told:?}");
    }
    let rig = Rig::of("{}").await;
    let dir = |more: Json| merged(json!({"path": "/srv/d"}), more);
    wrong::<StorageDir>(&rig, json!({"path": "srv"}), "a path that begins with `/`").await;
    wrong::<StorageDir>(&rig, dir(json!({"content": ["disks"]})), "`images`").await;
    wrong::<StorageDir>(&rig, dir(json!({"content_dirs": {"isos": "a"}})), "no kind of content").await;
    wrong::<StorageDir>(&rig, dir(json!({"content_dirs": {"iso": "a,b"}})), "take it apart").await;
    wrong::<StorageDir>(&rig, dir(json!({"prune_backups": {}})), "keep_all").await;
    wrong::<StorageDir>(&rig, dir(json!({"prune_backups": {"keep_all": true, "keep_daily": 1}})), "keep_daily").await;
    wrong::<StorageDir>(&rig, dir(json!({"bwlimit": {}})), "move_disk").await;
    wrong::<StorageDir>(&rig, dir(json!({"nodes": []})), "nodes").await;
    let nfs = |more: Json| merged(json!({"server": "s", "export": "/e"}), more);
    wrong::<StorageNfs>(&rig, nfs(json!({"content": ["none"]})), "`rootdir`").await;
    wrong::<StorageNfs>(&rig, nfs(json!({"format": "subvol"})), "`vmdk`").await;
    wrong::<StorageCephfs>(&rig, json!({"content": ["images"]}), "`backup`").await;
    wrong::<StorageLvm>(&rig, json!({"vgname": "vg", "saferemove_stepsize": 3}), "must be 1, 2, 4").await;
    let iscsi = |more: Json| merged(json!({"portal": "p", "target": "t"}), more);
    wrong::<StorageIscsi>(&rig, iscsi(json!({"content": ["none", "images"]})), "cannot be combined").await;
    wrong::<StorageIscsi>(&rig, iscsi(json!({"portal": "a b"})), "an address or name").await;
    let pbs = |more: Json| merged(json!({"server": "s", "datastore": "d"}), more);
    wrong::<StoragePbs>(&rig, pbs(json!({"encryption_key": "autogen"})), "a key in json").await;
    wrong::<StoragePbs>(&rig, pbs(json!({"master_pubkey": "QQ=="})), "encryption_key").await;
    wrong::<StoragePbs>(&rig, pbs(json!({"fingerprint": "AA"})), "32 bytes").await;
}

/// Storages on each node's own disks, and one on a file server, with a VM each.
const USED: &str = "
storages:
  - {storage: local, type: dir, path: /var/lib/vz, content: [iso]}
  - {storage: thin, type: lvmthin, vgname: pve, thinpool: data, content: [images]}
  - {storage: nas, type: nfs, server: nas.example, export: /e, path: /mnt/pve/nas, content: [images, iso]}
  - {storage: again, type: nfs, server: nas.example, export: /e, path: /mnt/pve/again, content: [images]}
  - {storage: san, type: iscsi, portal: san.example, target: iqn.x}
guests:
  - {vmid: 200, node: pve2, name: a, config: {scsi0: 'thin:1', scsihw: virtio-scsi-pci}}
  - {vmid: 201, node: pve1, name: b, config: {scsi0: 'nas:1', scsihw: virtio-scsi-pci}}
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storage_of_each_node_is_looked_at_on_each_of_them() {
    let rig = Rig::of(USED).await;
    let thin = rig.import::<StorageLvmthin>("thin").await.unwrap();
    rig.forget_requests().await;
    let told = rig.destroy(&thin).await.unwrap_err();
    assert!(told[0].starts_with("Storage \"thin\" is in use") && told[0].contains("vm-200-disk-0"), "{told:?}");
    let asked = rig.asked().await;
    for node in ["pve1", "pve2", "pve3"] {
        assert!(asked.contains(&format!("GET /nodes/{node}/storage/thin/content")), "{asked:?}");
    }
    // Only those that have it.
    rig.sim.world.with(|cluster| {
        let entry = cluster.storage.all.get_mut("thin").unwrap();
        entry.options.insert("nodes".into(), "pve1,pve9".into());
    });
    rig.configure().await;
    rig.destroy(&rig.import::<StorageLvmthin>("thin").await.unwrap()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_asked_is_not_taken_for_empty() {
    let rig = Rig::of(USED).await;
    let thin = rig.import::<StorageLvmthin>("thin").await.unwrap();
    rig.sim.world.with(|cluster| cluster.guests.get_mut(200).unwrap().config.values.clear());
    let fault = json!({"match": {"method": "GET", "path": "/nodes/pve3/storage/thin/content"}, "effect": {"status": 595, "message": "No route to host"}});
    rig.control("POST", "/faults", &fault).await;
    let told = rig.destroy(&thin).await.unwrap_err();
    assert!(told[0].contains("pve3") && told[0].contains("is not known to be empty"), "{told:?}");
    // Whoever switches it off has let go of it.
    let config = json!({"storage": "thin", "vgname": "pve", "thinpool": "data", "disable": true});
    let (off, _) = rig.bring(Some(&thin), &config).await.unwrap();
    rig.destroy(&off).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_entries_for_one_place_that_stays_which_guests_name() {
    let rig = Rig::of(USED).await;
    let told = rig.destroy(&rig.import::<StorageNfs>("nas").await.unwrap()).await.unwrap_err();
    assert!(told[0].contains("Guest 201 could not start without it."), "{told:?}");
    rig.destroy(&rig.import::<StorageNfs>("again").await.unwrap()).await.unwrap();
    rig.configure().await;
    let told = rig.destroy(&rig.import::<StorageNfs>("nas").await.unwrap()).await.unwrap_err();
    assert!(told[0].contains("Their guests could not start without it."), "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn luns_keep_their_storage_only_where_a_guest_has_one() {
    let rig = Rig::of(USED).await;
    rig.sim.world.with(|cluster| {
        let config = &mut cluster.guests.get_mut(200).unwrap().config;
        config.values.insert("scsi1".into(), "san:0.0.1.scsi-36001,size=1G".into());
    });
    let san = rig.import::<StorageIscsi>("san").await.unwrap();
    let told = rig.destroy(&san).await.unwrap_err();
    assert!(told[0].starts_with("Storage \"san\" is in use") && told[0].contains("Guest 200"), "{told:?}");
    rig.sim.world.with(|cluster| drop(cluster.guests.get_mut(200).unwrap().config.values.remove("scsi1")));
    rig.configure().await;
    rig.destroy(&san).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pves_own_storage_is_taken_over_and_stays() {
    let rig = Rig::of("{}").await;
    let at = |path: &str, more: Json| merged(json!({"storage": "local", "path": path}), more);
    let told = rig.plan::<StorageDir>(None, &at("/srv", json!({}))).await.err().unwrap();
    assert!(told[0].starts_with("PVE's own storage cannot be moved"), "{told:?}");
    let told = rig.plan::<StorageDir>(None, &at("/var/lib/vz", json!({"nodes": ["pve1"]}))).await.err().unwrap();
    assert!(told[0].starts_with("PVE's own storage is on every node"), "{told:?}");
    let config = at("/var/lib/vz", json!({"content": ["iso"], "prune_backups": {"keep_last": 2}}));
    let (taken, _) = rig.bring::<StorageDir>(None, &config).await.unwrap();
    let is = || rig.sim.world.with(|cluster| cluster.storage.get("local").unwrap().options.clone());
    assert_eq!((is()["content"].as_str(), is()["prune-backups"].as_str()), ("iso", "keep-last=2"));
    rig.destroy(&taken).await.unwrap();
    assert_eq!(is()["content"], "iso", "left as it is");
    assert!(
        rig.plan::<StorageNfs>(None, &json!({"storage": "local", "server": "s", "export": "/e"}))
            .await
            .unwrap()
            .warnings[0]
            .contains("Storage \"local\" is of type dir")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_there_are_not_are_told_once() {
    let rig = Rig::of("{}").await;
    let config = json!({"storage": "new", "path": "/srv/d", "nodes": ["pve1", "pve9"]});
    let told = rig.plan::<StorageDir>(None, &config).await.unwrap().warnings;
    assert!(told.len() == 1 && told[0].contains("`nodes` has pve9; there are pve1, pve2, pve3"), "{told:?}");
    let (made, _) = rig.bring::<StorageDir>(None, &config).await.unwrap();
    let changed = merged(config, json!({"content": ["iso"]}));
    assert!(rig.plan(Some(&made), &changed).await.unwrap().warnings.is_empty());
    // Those of Ceph's pools are no exception.
    let rig = Rig::of("ceph: {stage: ready, pools: [{name: vm, pg_num: 8}]}").await;
    let config = json!({"storage": "new", "pool": "vm", "nodes": ["pve9"]});
    let told = rig.plan::<StorageRbd>(None, &config).await.unwrap().warnings;
    assert!(told.len() == 1 && told[0].contains("`nodes` has pve9; there are pve1, pve2, pve3"), "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_number_of_storages_is_one_request() {
    let rig = Rig::of(USED).await;
    let (thin, nas) =
        (rig.import::<StorageLvmthin>("thin").await.unwrap(), rig.import::<StorageNfs>("nas").await.unwrap());
    rig.configure().await;
    rig.forget_requests().await;
    rig.read(&thin).await.unwrap();
    rig.read(&nas).await.unwrap();
    let asked = rig.asked().await;
    let lists = asked.iter().filter(|asked| *asked == "GET /storage").count();
    assert!((1..=2).contains(&lists), "{asked:?}");
    assert!(
        asked.iter().all(|asked| asked == "GET /storage" || asked == "GET /version" || asked == "GET /cluster/status"),
        "{asked:?}"
    );
}

/// What the plan of a change says of guests that lose a storage.
async fn told_of_losers<M: Model>(rig: &Rig, id: &str, config: Json) -> Option<String> {
    let kept = rig.import::<M>(id).await.unwrap();
    let planned = rig.plan(Some(&kept), &merged(json!({"storage": id}), config)).await.unwrap();
    planned.warnings.into_iter().find(|told| told.starts_with("A storage goes from guests that use it"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storage_that_goes_from_nodes_is_told_of_with_its_guests() {
    let rig = Rig::of(USED).await;
    rig.sim.world.with(|cluster| {
        let config = &mut cluster.guests.get_mut(200).unwrap().config;
        config.values.insert("scsi1".into(), "san:0.0.1.scsi-36001,size=1G".into());
    });
    let thin = |more: Json| merged(json!({"vgname": "pve", "thinpool": "data", "content": ["images"]}), more);
    let nas = |more: Json| merged(json!({"server": "nas.example", "export": "/e", "content": ["images", "iso"]}), more);
    let san = |more: Json| merged(json!({"portal": "san.example", "target": "iqn.x"}), more);
    let told = told_of_losers::<StorageLvmthin>(&rig, "thin", thin(json!({"nodes": ["pve1", "pve3"]}))).await.unwrap();
    assert!(told.contains("200 on pve2") && !told.contains("201"), "{told}");
    let told = told_of_losers::<StorageNfs>(&rig, "nas", nas(json!({"disable": true}))).await.unwrap();
    assert!(told.contains("201 on pve1"), "{told}");
    let told = told_of_losers::<StorageIscsi>(&rig, "san", san(json!({"nodes": ["pve1"]}))).await.unwrap();
    assert!(told.contains("200 on pve2"), "{told}");
    // They keep it, or it is not switched off.
    for more in [json!({"nodes": ["pve2"]}), json!({"nodes": ["pve1", "pve2", "pve3"]}), json!({"disable": false})] {
        assert_eq!(told_of_losers::<StorageLvmthin>(&rig, "thin", thin(more.clone())).await, None, "{more}");
    }
    // It shows the same, and the guest does not call its disk by its name.
    let again = json!({"server": "nas.example", "export": "/e", "disable": true});
    assert_eq!(told_of_losers::<StorageNfs>(&rig, "again", again).await, None);
    rig.configure().await;
    rig.forget_requests().await;
    assert_eq!(told_of_losers::<StorageNfs>(&rig, "nas", nas(json!({"nodes": ["pve1", "pve2"]}))).await, None);
    let asked = rig.asked().await;
    assert!(!asked.iter().any(|asked| asked.ends_with("/content")), "nobody is on pve3: {asked:?}");
}
