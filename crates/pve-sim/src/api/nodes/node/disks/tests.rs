//! Disks as a client meets them.

use serde_json::{Value, json};

use crate::bed::Bed;
use crate::shape::{CephShape, CephStage, Shape};

fn bed() -> Bed {
    let yaml = "
nodes:
  - name: pve1
    disks:
      - {path: /dev/sdb, size: 64G, serial: A1}
      - path: /dev/nvme0n1
        size: 100G
        serial: A2
        type: nvme
        partitions:
          - {number: 1, size: 10G, used: ext4, mounted: true}
          - {number: 4, size: 20G, used: ext4}
          - {number: 5, size: 20G}
      - {path: /dev/sdc, size: 64G, serial: unknown, used: LVM, held: true}
ceph: {stage: none}
";
    Bed::new(Shape::from_yaml(yaml).unwrap())
}

async fn list(bed: &Bed, params: &[(&str, &str)]) -> Vec<Value> {
    bed.ok("GET", "/nodes/pve1/disks/list", params).await.as_array().unwrap().clone()
}

fn paths(list: &[Value]) -> Vec<&str> {
    list.iter().map(|entry| entry["devpath"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn disks_and_partitions_say_what_they_hold() {
    let bed = bed();
    let disks = list(&bed, &[]).await;
    assert_eq!(paths(&disks), ["/dev/sda", "/dev/sdb", "/dev/nvme0n1", "/dev/sdc"]);
    assert_eq!(disks[1].get("used"), None);
    assert_eq!((&disks[1]["osdid"], &disks[1]["osdid-list"]), (&json!(-1), &Value::Null));
    assert_eq!(disks[2]["used"], "ext4");
    assert_eq!(disks[3].get("by_id_link"), None);
    let parts = list(&bed, &[("include-partitions", "1")]).await;
    let of_nvme: Vec<&Value> = parts.iter().filter(|entry| entry["parent"] == "/dev/nvme0n1").collect();
    assert_eq!((&of_nvme[0]["used"], &of_nvme[0]["mounted"]), (&json!("ext4"), &json!(1)));
    assert_eq!(of_nvme[2]["used"], Value::Null);
    assert!(of_nvme[2].as_object().unwrap().contains_key("used"));
    let nvme = parts.iter().find(|entry| entry["devpath"] == "/dev/nvme0n1").unwrap();
    assert_eq!(nvme["used"], "partitions");
    let unused = list(&bed, &[("include-partitions", "1"), ("type", "unused")]).await;
    assert_eq!(paths(&unused), ["/dev/sdb", "/dev/nvme0n1p5"]);
}

#[tokio::test]
async fn only_what_nobody_has_open_is_erased() {
    let bed = bed();
    for (disk, text) in [
        ("/dev/nvme0n1p1", "disk/partition '/dev/nvme0n1p1' is mounted"),
        ("/dev/nvme0n1", "disk/partition '/dev/nvme0n1p1' is mounted"),
        ("/dev/sdc", "disk/partition '/dev/sdc' has a holder"),
        ("/dev/sda", "disk/partition '/dev/sda2' is mounted"),
        ("/dev/sdx", "not a valid block device"),
    ] {
        let refused = bed.refusal("PUT", "/nodes/pve1/disks/wipedisk", &[("disk", disk)]).await;
        assert_eq!(refused, (500, text.to_owned()));
    }
    let task = bed.ok("PUT", "/nodes/pve1/disks/wipedisk", &[("disk", "/dev/nvme0n1p4")]).await;
    assert!(task.as_str().unwrap().contains(":wipedisk:nvme0n1p4:"));
    assert_eq!(bed.task(&task), "OK");
    let unused = list(&bed, &[("include-partitions", "1"), ("type", "unused")]).await;
    assert_eq!(paths(&unused), ["/dev/sdb", "/dev/nvme0n1p4", "/dev/nvme0n1p5"]);
}

#[tokio::test]
async fn the_disk_of_an_osd_names_it_and_cannot_be_erased() {
    let ceph = CephShape { stage: CephStage::Ready, ..CephShape::default() };
    let bed = Bed::new(Shape { ceph, ..Shape::default() });
    let disks = list(&bed, &[]).await;
    let sdb = disks.iter().find(|entry| entry["devpath"] == "/dev/sdb").unwrap();
    assert_eq!((&sdb["osdid"], &sdb["osdid-list"], &sdb["used"]), (&json!("0"), &json!(["0"]), &json!("LVM")));
    assert_eq!((&sdb["bluestore"], &sdb["osdencrypted"]), (&json!(1), &json!(0)));
    let refused = bed.refusal("PUT", "/nodes/pve1/disks/wipedisk", &[("disk", "/dev/sdb")]).await;
    assert_eq!(refused.1, "disk/partition '/dev/sdb' has a holder");
    let groups = bed.ok("GET", "/nodes/pve1/disks/lvm", &[]).await;
    let on = |group: &Value| (group["name"].clone(), group["children"][0]["name"].clone());
    let groups: Vec<_> = groups["children"].as_array().unwrap().iter().map(on).collect();
    assert_eq!(groups.last().unwrap(), &(json!("pve"), json!("/dev/sda3")));
    let (name, path) = &groups[0];
    assert!(name.as_str().unwrap().starts_with("ceph-") && path == "/dev/sdb", "{groups:?}");
}

#[tokio::test]
async fn a_new_gpt_leaves_the_disk_free() {
    let bed = bed();
    let task = bed.ok("POST", "/nodes/pve1/disks/initgpt", &[("disk", "/dev/sdb")]).await;
    assert_eq!(bed.task(&task), "OK");
    let disks = list(&bed, &[("type", "unused")]).await;
    assert_eq!((paths(&disks), &disks[0]["gpt"]), (vec!["/dev/sdb"], &json!(1)));
    let refused = bed.refusal("POST", "/nodes/pve1/disks/initgpt", &[("disk", "/dev/nvme0n1p5")]).await;
    assert_eq!(refused.1, "/dev/nvme0n1p5 is a partition");
}
