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
