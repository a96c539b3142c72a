//! OSDs with databases and logs on devices of their own, and several on one device.

use serde_json::{Value, json};

use crate::bed::Bed;
use crate::shape::Shape;

const YAML: &str = "
nodes:
  - name: pve1
    disks:
      - {path: /dev/sdb, size: 64G, serial: D1}
      - {path: /dev/sdc, size: 64G, serial: D2}
      - {path: /dev/sdd, size: 64G, serial: D3}
      - {path: /dev/sde, size: 10G, serial: FAST, type: ssd}
      - {path: /dev/sdf, size: 64G, serial: OLD, used: LVM}
      - {path: /dev/nvme0n1, size: 32G, serial: NV, type: nvme, partitions: [{number: 1, size: 8G}, {number: 2, size: 8G}]}
  - {name: pve2, disks: [{path: /dev/sdb, size: 64G, serial: E1}]}
  - {name: pve3, disks: [{path: /dev/sdb, size: 64G, serial: F1}]}
ceph: {stage: monitors}
";

const OSD: &str = "/nodes/pve1/ceph/osd";

fn bed() -> Bed {
    Bed::new(Shape::from_yaml(YAML).unwrap())
}

/// A task, and what came of it.
async fn ended(bed: &Bed, verb: &str, path: &str, params: &[(&str, &str)]) -> (String, Vec<String>) {
    let upid = bed.ok(verb, path, params).await;
    let status = bed.task(&upid);
    bed.pass(15);
    (status, bed.log(&upid))
}

async fn made(bed: &Bed, params: &[(&str, &str)]) -> Vec<String> {
    let (status, log) = ended(bed, "POST", OSD, params).await;
    assert_eq!(status, "OK", "{params:?}: {log:#?}");
    log
}

async fn destroyed(bed: &Bed, id: u32) -> Vec<String> {
    let path = format!("{OSD}/{id}");
    bed.ok("POST", &format!("{path}/out"), &[]).await;
    ended(bed, "POST", "/nodes/pve1/ceph/stop", &[("service", &format!("osd.{id}"))]).await;
    let (status, log) = ended(bed, "DELETE", &path, &[("cleanup", "1")]).await;
    assert_eq!(status, "OK", "{log:#?}");
    log
}

/// The entry of a device in the list of disks.
async fn entry(bed: &Bed, path: &str) -> Value {
    let list = bed.ok("GET", "/nodes/pve1/disks/list", &[("include-partitions", "1")]).await;
    list.as_array().unwrap().iter().find(|entry| entry["devpath"] == path).cloned().unwrap()
}

/// The group on a device: (volumes, whether there is room left).
async fn group(bed: &Bed, path: &str) -> Option<(u64, bool)> {
    let all = bed.ok("GET", "/nodes/pve1/disks/lvm", &[]).await;
    let group = all["children"].as_array().unwrap().iter().find(|group| group["children"][0]["name"] == path)?.clone();
    Some((group["lvcount"].as_u64().unwrap(), group["free"].as_u64().unwrap() > 0))
}

#[tokio::test]
async fn databases_share_a_disk_and_each_goes_with_its_osd() {
    let bed = bed();
    let log = made(&bed, &[("dev", "/dev/sdb"), ("db_dev", "/dev/sde"), ("db_dev_size", "3")]).await;
    assert!(log.iter().any(|line| line == "creating block.db on '/dev/sde'"), "{log:#?}");
    let using = log.iter().find(|line| line.starts_with("using 'ceph-")).unwrap();
    assert!(using.contains("/osd-db-") && using.ends_with("' for block.db"), "{using}");
    let both = [
        ("dev", "/dev/sdc"),
        ("db_dev", "/dev/sde"),
        ("db_dev_size", "2.5"),
        ("wal_dev", "/dev/nvme0n1p1"),
        ("wal_dev_size", "0.5"),
    ];
    made(&bed, &both).await;
    assert_eq!(
        (group(&bed, "/dev/sde").await, group(&bed, "/dev/nvme0n1p1").await),
        (Some((2, true)), Some((1, true)))
    );
    let fast = entry(&bed, "/dev/sde").await;
    assert_eq!(
        (&fast["used"], &fast["db"], &fast["osdid"], fast.get("wal")),
        (&json!("LVM"), &json!(2), &json!(-1), None)
    );
    let details = bed.ok("GET", &format!("{OSD}/1/metadata"), &[]).await;
    let told: Vec<_> =
        details["devices"].as_array().unwrap().iter().map(|d| (&d["device"], &d["physical_device"])).collect();
    assert_eq!(
        told,
        [(&json!("block"), &json!("sdc")), (&json!("db"), &json!("sde")), (&json!("wal"), &json!("nvme0n1"))]
    );
    let volume = bed.ok("GET", &format!("{OSD}/1/lv-info"), &[("type", "db")]).await;
    assert_eq!(volume["lv_size"], 2_684_354_560_u64);
    assert_eq!(
        bed.refusal("GET", &format!("{OSD}/0/lv-info"), &[("type", "wal")]).await.1,
        "volume type 'wal' not found for OSD 0"
    );
    let wipe = bed.refusal("PUT", "/nodes/pve1/disks/wipedisk", &[("disk", "/dev/sde")]).await;
    assert_eq!(wipe.1, "disk/partition '/dev/sde' has a holder");

    // No room for a third.
    let (status, _) = ended(&bed, "POST", OSD, &[("dev", "/dev/sdd"), ("db_dev", "/dev/sde")]).await;
    assert!(status.contains("has insufficient free space"), "{status}");
    let log = destroyed(&bed, 1).await;
    assert!(log.iter().any(|line| line.contains("More than 1 LV left in VG")), "{log:#?}");
    assert_eq!((group(&bed, "/dev/sde").await, group(&bed, "/dev/nvme0n1p1").await), (Some((1, true)), None));
    assert_eq!(entry(&bed, "/dev/nvme0n1p1").await["used"], "LVM", "a partition keeps its type");
    destroyed(&bed, 0).await;
    assert_eq!(entry(&bed, "/dev/sde").await.get("used"), None);
}

#[tokio::test]
async fn what_was_made_for_an_osd_that_could_not_be_stays() {
    let bed = bed();
    let fault = json!({ "match": { "method": "POST", "path": "/nodes/*/ceph/osd" }, "effect": { "task": "midway", "message": "no luck" } });
    bed.world.control("POST", "/faults", &fault).unwrap();
    let (status, log) =
        ended(&bed, "POST", OSD, &[("dev", "/dev/sdb"), ("db_dev", "/dev/sde"), ("db_dev_size", "3")]).await;
    assert_eq!(status, "no luck");
    let fast = entry(&bed, "/dev/sde").await;
    assert_eq!((&fast["used"], fast.get("db"), group(&bed, "/dev/sde").await), (&json!("LVM"), None, Some((1, true))));
    let using = log.iter().find_map(|line| line.strip_prefix("using '")?.strip_suffix("' for block.db")).unwrap();
    let zapped = bed.world.with(|c| c.ceph_volume("pve1", &["lvm", "zap", "--destroy", using]));
    assert_eq!((zapped.status, group(&bed, "/dev/sde").await), (0, None));
    assert_eq!(entry(&bed, "/dev/sde").await.get("used"), None);
    let again = bed.world.with(|c| c.ceph_volume("pve1", &["lvm", "zap", "--destroy", using]));
    assert_eq!(again.status, 2);
}

#[tokio::test]
async fn devices_that_cannot_hold_a_database_are_refused() {
    let bed = bed();
    let both = [("dev", "/dev/sdb"), ("db_dev", "/dev/sdc"), ("wal_dev", "/dev/sdc")];
    assert_eq!(bed.refusal("POST", OSD, &both).await.0, 400);
    let several = [("dev", "/dev/sdb"), ("db_dev", "/dev/sdc"), ("osds-per-device", "2")];
    assert_eq!(bed.refusal("POST", OSD, &several).await.0, 400);
    let (status, _) = ended(&bed, "POST", OSD, &[("dev", "/dev/sdb"), ("db_dev", "/dev/sdf")]).await;
    assert_eq!(status, "no ceph vg found on '/dev/sdf'");
    let (status, _) =
        ended(&bed, "POST", OSD, &[("dev", "/dev/sdb"), ("db_dev", "/dev/sde"), ("db_dev_size", "20")]).await;
    assert_eq!(status, "'/dev/sde' is smaller than requested size '21474836480' bytes");
}

#[tokio::test]
async fn an_osd_without_its_database_never_runs_again_and_one_without_its_disk_leaves_a_database() {
    let bed = bed();
    for disk in ["/dev/sdb", "/dev/sdc"] {
        made(&bed, &[("dev", disk), ("db_dev", "/dev/sde"), ("db_dev_size", "3")]).await;
    }
    assert_eq!(bed.world.with(|c| c.kill_disk("pve1", "D1")), Ok(vec![0]));
    let lost = bed.refusal("GET", &format!("{OSD}/0/lv-info"), &[]).await.1;
    assert_eq!(lost, "volume type 'block' not found for OSD 0");
    bed.pass(2);
    bed.ok("POST", &format!("{OSD}/0/out"), &[]).await;
    let (_, log) = ended(&bed, "DELETE", &format!("{OSD}/0"), &[("cleanup", "1")]).await;
    assert!(log.iter().any(|line| line.starts_with("--> Zapping: /dev/ceph-")), "{log:#?}");
    assert_eq!(group(&bed, "/dev/sde").await, Some((1, true)));

    assert_eq!(bed.world.with(|c| c.kill_disk("pve1", "FAST")), Ok(vec![1]));
    bed.pass(2);
    ended(&bed, "POST", "/nodes/pve1/ceph/start", &[("service", "osd.1")]).await;
    assert!(bed.world.with(|c| !c.ceph_now().osds[&1].up));
    destroyed(&bed, 1).await;
    assert_eq!(entry(&bed, "/dev/sdc").await.get("used"), None);
}

#[tokio::test]
async fn several_osds_lie_in_one_group_and_go_one_by_one() {
    let bed = bed();
    made(&bed, &[("dev", "/dev/sdb"), ("osds-per-device", "2")]).await;
    let disk = entry(&bed, "/dev/sdb").await;
    assert_eq!((&disk["osdid"], &disk["osdid-list"]), (&json!("0"), &json!(["0", "1"])));
    assert_eq!(group(&bed, "/dev/sdb").await.unwrap().0, 2);
    destroyed(&bed, 0).await;
    assert_eq!(entry(&bed, "/dev/sdb").await["osdid-list"], json!(["1"]));
    destroyed(&bed, 1).await;
    assert_eq!((group(&bed, "/dev/sdb").await, entry(&bed, "/dev/sdb").await.get("used")), (None, None));

    // One that fails midway leaves what it has made so far.
    let fault = json!({ "match": { "method": "POST", "path": "/nodes/*/ceph/osd" }, "effect": { "task": "midway" } });
    bed.world.control("POST", "/faults", &fault).unwrap();
    ended(&bed, "POST", OSD, &[("dev", "/dev/sdb"), ("osds-per-device", "2")]).await;
    assert_eq!(entry(&bed, "/dev/sdb").await["osdid-list"], json!(["0"]));
}
