//! Storages as a client meets them.

use serde_json::{Value, json};

use crate::bed::Bed;
use crate::cluster::ceph::NewPool;
use crate::shape::{CephShape, CephStage, GuestShape, Shape};

fn bed() -> Bed {
    Bed::new(Shape::default())
}

/// A Ceph cluster with a pool `vm`, the storage `rbd1` on it, and a guest.
async fn bed_with_pool() -> Bed {
    let ceph = CephShape { stage: CephStage::Ready, ..CephShape::default() };
    let bed = Bed::new(Shape { ceph, guests: vec![GuestShape::ready(100, "pve1")], ..Shape::default() });
    bed.world.with(|cluster| {
        let now = cluster.now.seconds();
        assert!(cluster.ceph_now().create_pool("vm", NewPool::default(), now).is_ok());
    });
    bed.ok("POST", "/storage", &[("storage", "rbd1"), ("type", "rbd"), ("pool", "vm")]).await;
    bed
}

async fn images(bed: &Bed) -> Vec<String> {
    let content = bed.ok("GET", "/nodes/pve2/storage/rbd1/content", &[]).await;
    content.as_array().unwrap().iter().map(|image| image["volid"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn what_is_wrong_with_an_entry_is_said_before_anything_is_written() {
    let bed = bed();
    for (params, text) in [
        (vec![("type", "dir")], "missing value for required option 'path'"),
        (vec![("type", "dir"), ("path", "/x"), ("krbd", "1")], "unexpected property 'krbd'"),
        (vec![("type", "rbd"), ("content", "iso")], "storage does not support content type 'none'"),
        (
            vec![("type", "lvmthin"), ("vgname", "nope"), ("thinpool", "data")],
            "create storage failed: no such volume group 'nope'",
        ),
        (
            vec![("type", "nfs"), ("server", "192.0.2.9"), ("export", "/e")],
            "create storage failed: storage 'new' is not online",
        ),
    ] {
        let params: Vec<_> = [("storage", "new")].into_iter().chain(params).collect();
        assert_eq!(bed.refusal("POST", "/storage", &params).await, (500, text.to_owned()));
    }
    assert_eq!(bed.refusal("GET", "/storage/new", &[]).await.1, "storage 'new' does not exist");
}

#[tokio::test]
async fn an_entry_follows_its_changes_and_its_digest_guards_them() {
    let bed = bed();
    let params = [("storage", "d1"), ("type", "dir"), ("path", "/d1"), ("disable", "0"), ("shared", "0")];
    bed.ok("POST", "/storage", &params).await;
    let made = bed.ok("GET", "/storage/d1", &[]).await;
    assert_eq!(
        (&made["shared"], &made["disable"], &made["content"]),
        (&json!(0), &Value::Null, &json!("images,rootdir"))
    );
    bed.ok("PUT", "/storage/d1", &[("content", "iso"), ("nodes", "pve1")]).await;
    let stale = [("content", "images"), ("digest", made["digest"].as_str().unwrap())];
    assert!(bed.refusal("PUT", "/storage/d1", &stale).await.1.starts_with("update storage failed: detected modified"));
    for (delete, text) in [
        ("color", "no such option 'color'"),
        ("path", "unable to delete required option 'path'"),
        ("snapshot-as-volume-chain", "unable to delete fixed option 'snapshot-as-volume-chain'"),
    ] {
        let refused = bed.refusal("PUT", "/storage/d1", &[("delete", delete)]).await;
        assert_eq!(refused, (500, format!("update storage failed: {text}")));
    }
    bed.ok("PUT", "/storage/d1", &[("delete", "nodes,content")]).await;
    let now = bed.ok("GET", "/storage/d1", &[]).await;
    assert_eq!((&now["nodes"], &now["content"]), (&Value::Null, &json!("images,rootdir")));
}

#[tokio::test]
async fn volumes_outlive_their_entry() {
    let bed = bed();
    let entry = [("storage", "d1"), ("type", "dir"), ("path", "/d1")];
    bed.ok("POST", "/storage", &entry).await;
    let volume = [("vmid", "500"), ("filename", "vm-500-disk-0.raw"), ("size", "64M")];
    assert_eq!(bed.ok("POST", "/nodes/pve1/storage/d1/content", &volume).await, "d1:500/vm-500-disk-0.raw");
    bed.ok("DELETE", "/storage/d1", &[]).await;
    bed.ok("POST", "/storage", &entry).await;
    let content = bed.ok("GET", "/nodes/pve1/storage/d1/content", &[]).await;
    assert_eq!((&content[0]["volid"], &content[0]["size"]), (&json!("d1:500/vm-500-disk-0.raw"), &json!(64 << 20)));
    assert_eq!(bed.ok("GET", "/nodes/pve2/storage/d1/content", &[]).await, json!([]));
}

#[tokio::test]
async fn a_moved_disk_is_an_image_of_the_pool_and_counts_there() {
    let bed = bed_with_pool().await;
    let before = bed.ok("GET", "/nodes/pve1/storage/rbd1/status", &[]).await;
    assert_eq!((&before["active"], &before["shared"], &before["used"]), (&json!(1), &json!(1), &json!(0)));
    let params = [("disk", "scsi0"), ("storage", "rbd1"), ("delete", "1")];
    let task = bed.ok("POST", "/nodes/pve1/qemu/100/move_disk", &params).await;
    assert_eq!(bed.task(&task), "OK");
    assert_eq!(images(&bed).await, ["rbd1:vm-100-disk-0"]);
    let image = bed.world.with(|cluster| cluster.ceph.pool_named("vm").unwrap().images["vm-100-disk-0"].clone());
    assert_eq!((image.size, image.used), (32 << 30, 4 << 30));
    let after = bed.ok("GET", "/nodes/pve1/storage/rbd1/status", &[]).await;
    assert_eq!(after["used"], json!(4u64 << 30));
    assert_eq!(after["total"].as_u64(), Some(after["used"].as_u64().unwrap() + after["avail"].as_u64().unwrap()));
}

#[tokio::test]
async fn a_cloud_init_drive_has_one_name_and_stays_open_while_its_guest_runs() {
    let bed = bed_with_pool().await;
    let params = [("disk", "ide2"), ("storage", "rbd1"), ("delete", "1")];
    let task = bed.ok("POST", "/nodes/pve1/qemu/100/move_disk", &params).await;
    assert_eq!(bed.task(&task), "OK");
    assert!(bed.log(&task).iter().any(|line| line.contains("in use")), "{:?}", bed.log(&task));
    // Left behind under the name that the way back needs.
    let back = [("disk", "ide2"), ("storage", "local-lvm")];
    let task = bed.ok("POST", "/nodes/pve1/qemu/100/move_disk", &back).await;
    assert!(bed.task(&task).contains("already exists"));
    let config = bed.ok("GET", "/nodes/pve1/qemu/100/config", &[]).await;
    assert_eq!(config["ide2"], "rbd1:vm-100-cloudinit,media=cdrom,size=4M");
}

#[tokio::test]
async fn a_pool_that_is_not_there_shows_only_when_it_is_used() {
    let bed = bed_with_pool().await;
    bed.ok("POST", "/storage", &[("storage", "rbd2"), ("type", "rbd"), ("pool", "nope")]).await;
    assert_eq!(bed.ok("GET", "/nodes/pve1/storage/rbd2/status", &[]).await["active"], json!(0));
    let task = bed.ok("POST", "/nodes/pve1/qemu/100/move_disk", &[("disk", "scsi0"), ("storage", "rbd2")]).await;
    assert!(bed.task(&task).contains("error opening pool 'nope'"), "{}", bed.task(&task));
    let config = bed.ok("GET", "/nodes/pve1/qemu/100/config", &[]).await;
    assert!(config["scsi0"].as_str().unwrap().starts_with("local-lvm:vm-100-disk-0,"));
}

#[tokio::test]
async fn a_mirror_stands_still_while_the_pool_has_too_few_copies() {
    let bed = bed_with_pool().await;
    let params = [("disk", "scsi0"), ("storage", "rbd1"), ("bwlimit", "1048576")];
    let task = bed.ok("POST", "/nodes/pve1/qemu/100/move_disk", &params).await;
    bed.pass(5);
    // Two of three copies are gone: below min_size.
    for node in ["pve2", "pve3"] {
        bed.world.with(|cluster| {
            let now = cluster.now.seconds();
            cluster.ceph_now().set_power(node, false, now);
        });
    }
    bed.pass(40);
    let stands = bed.log(&task).last().unwrap().clone();
    bed.pass(20);
    let still = bed.log(&task).last().unwrap().clone();
    let bytes = |line: &str| line.split(" of ").next().unwrap().to_owned();
    assert_eq!(bytes(&stands), bytes(&still));
    assert_ne!(stands, still, "the lines go on");
}

#[tokio::test]
async fn each_type_is_kept_and_shown_as_it_was_given() {
    let bed = bed();
    for (kind, given, shown) in [
        (
            "nfs",
            vec![("server", "nas.example"), ("export", "/e")],
            json!({"path": "/mnt/pve/new", "content": "images", "shared": 1}),
        ),
        (
            "cifs",
            vec![("server", "nas.example"), ("share", "s"), ("username", "u"), ("password", "secret")],
            json!({"path": "/mnt/pve/new", "username": "u", "password": null}),
        ),
        (
            "cephfs",
            vec![("monhost", "mon.example"), ("keyring", "secret"), ("content", "iso,images")],
            json!({"content": "iso", "keyring": null, "path": "/mnt/pve/new"}),
        ),
        (
            "pbs",
            vec![
                ("server", "pbs.example"),
                ("datastore", "d"),
                ("password", "secret"),
                ("encryption-key", r#"{"fingerprint": "aa:bb"}"#),
            ],
            json!({"encryption-key": "aa:bb", "password": null, "content": "backup"}),
        ),
        ("iscsi", vec![("portal", "san.example"), ("target", "iqn.x")], json!({"content": "images", "shared": 1})),
        ("iscsidirect", vec![("portal", "10.98.76.200"), ("target", "iqn.x")], json!({"shared": 1})),
        ("zfspool", vec![("pool", "rpool/data")], json!({"mountpoint": "/rpool/data", "content": "images,rootdir"})),
        (
            "zfs",
            vec![("portal", "p"), ("target", "t"), ("pool", "x"), ("iscsiprovider", "LIO"), ("blocksize", "4k")],
            json!({"blocksize": "4k", "shared": 1}),
        ),
        (
            "esxi",
            vec![("server", "esx.example"), ("username", "root"), ("password", "secret")],
            json!({"content": "import", "password": null}),
        ),
        (
            "btrfs",
            vec![("path", "/srv/btrfs"), ("format", "qcow2")],
            json!({"content": "images,rootdir", "format": null}),
        ),
    ] {
        let params: Vec<_> = [("storage", "new"), ("type", kind)].into_iter().chain(given).collect();
        bed.ok("POST", "/storage", &params).await;
        let entry = bed.ok("GET", "/storage/new", &[]).await;
        for (key, value) in shown.as_object().unwrap() {
            assert_eq!(&entry[key], value, "{kind}: {key} in {entry}");
        }
        assert!(!entry.to_string().contains("secret"), "{entry}");
        bed.ok("DELETE", "/storage/new", &[]).await;
    }
}

#[tokio::test]
async fn who_does_not_answer_is_told_in_the_words_of_its_type() {
    let bed = bed();
    for (kind, given, text) in [
        ("cifs", vec![("server", "192.0.2.9"), ("share", "s")], "storage 'new' is not online"),
        ("iscsi", vec![("portal", "192.0.2.9:3260"), ("target", "t")], "storage 'new' is not online"),
        ("esxi", vec![("server", "192.0.2.9"), ("username", "u"), ("password", "p")], "storage 'new' is not online"),
        ("esxi", vec![("server", "esx.example"), ("username", "u")], "missing password"),
        ("pbs", vec![("server", "192.0.2.9"), ("datastore", "d")], "new: error fetching datastores"),
        ("pbs", vec![("server", "b"), ("datastore", "d"), ("master-pubkey", "x")], "'master-pubkey' can only be used"),
        ("btrfs", vec![("path", "/srv/b")], "'/srv/b' is not a btrfs file system"),
        ("zfspool", vec![("pool", "tank")], "could not activate storage 'new', zfs error"),
        ("cephfs", vec![], "mount error: Job failed."),
        ("lvm", vec![("vgname", "pve"), ("base", "nope:x")], "base storage ID 'nope' does not exist"),
        ("lvm", vec![("vgname", "pve"), ("base", "local:x")], "unsupported base type 'dir'"),
    ] {
        let params: Vec<_> = [("storage", "new"), ("type", kind)].into_iter().chain(given).collect();
        let (status, said) = bed.refusal("POST", "/storage", &params).await;
        assert!(status == 500 && said.starts_with(&format!("create storage failed: {text}")), "{kind}: {said}");
        // What is switched off is not looked at.
        if !said.contains("missing password") && !said.contains("master-pubkey") && !said.contains("base") {
            bed.ok("POST", "/storage", &[params, vec![("disable", "1")]].concat()).await;
            bed.ok("DELETE", "/storage/new", &[]).await;
        }
    }
}

#[tokio::test]
async fn what_is_fixed_is_refused_even_unchanged_and_a_base_stays() {
    let bed = bed();
    let san = [("storage", "san"), ("type", "iscsi"), ("portal", "san.example"), ("target", "t")];
    bed.ok("POST", "/storage", &san).await;
    bed.ok("POST", "/storage", &[("storage", "vg"), ("type", "lvm"), ("vgname", "pve"), ("base", "san:x")]).await;
    let refused = bed.refusal("DELETE", "/storage/san", &[]).await.1;
    assert!(refused.ends_with("storage is used as base of another storage"), "{refused}");
    bed.ok("POST", "/storage", &[("storage", "tank"), ("type", "zfspool"), ("pool", "rpool")]).await;
    let refused = bed.refusal("PUT", "/storage/tank", &[("pool", "rpool")]).await.1;
    assert_eq!(refused, "update storage failed: can't change value of fixed parameter 'pool'");
}

#[tokio::test]
async fn a_key_that_was_made_is_told_once() {
    let bed = bed();
    let params =
        [("storage", "b1"), ("type", "pbs"), ("server", "b"), ("datastore", "d"), ("encryption-key", "autogen")];
    let key = bed.ok("POST", "/storage", &params).await["config"]["encryption-key"].as_str().unwrap().to_owned();
    let shown = bed.ok("GET", "/storage/b1", &[]).await["encryption-key"].as_str().unwrap().to_owned();
    assert!(key.contains(&shown) && shown.len() == 95, "{shown} of {key}");
    assert_eq!(bed.ok("PUT", "/storage/b1", &[("encryption-key", "{}")]).await["config"], Value::Null);
    assert_eq!(bed.ok("GET", "/storage/b1", &[]).await["encryption-key"], "1");
}
