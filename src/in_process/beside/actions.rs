//! Actions on disks, OSDs, daemons of Ceph, notification targets.

use serde_json::{Value as Json, json};

use super::super::work::Work;
use super::{done, refused};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn osds_go_out_and_in_and_are_scrubbed() {
    let work = Work::of("ceph: {stage: ready}").await;
    work.site.forget_requests();
    for (operation, sent, line) in [
        ("in", false, "osd.1 is in already"),
        ("out", true, "osd.1 is out: "),
        ("out", false, "osd.1 is out already"),
        ("in", true, "osd.1 is in: "),
        ("scrub", true, "osd.1: Ceph has noted"),
        ("deep_scrub", true, "osd.1: Ceph has noted"),
    ] {
        let invoked = done(&work, "osd_state", json!({"osd_id": 1, "operation": operation})).await;
        assert!(
            invoked.progress.len() == 1 && invoked.progress[0].starts_with(line),
            "{operation}: {:?}",
            invoked.progress
        );
        assert_eq!(work.site.sent().len(), usize::from(sent), "{operation}");
        let warned = invoked.said.warnings.iter().any(|said| said.summary.contains("elsewhere"));
        assert_eq!(warned, operation == "out" && sent, "{operation}: told in the plan: {}", invoked.said);
        work.site.forget_requests();
    }
    let told = refused(&work, "osd_state", json!({"osd_id": 77, "operation": "out"}), "There is no osd.77").await;
    assert!(told.contains("There are: 0, 1, 2"), "{told}");
    assert!(work.site.sent().is_empty());
}

const DISKS: &str = "
nodes:
  - name: pve1
    disks:
      - {path: /dev/sda, size: 32G, serial: SYS, used: mounted}
      - {path: /dev/sdb, size: 100G, serial: OLD, used: ext4}
      - {path: /dev/sdc, size: 100G, serial: ZPOOL, used: ZFS}
      - {path: /dev/sdd, size: 100G, serial: PARTS, partitions: [{number: 1, size: 10G, used: ext4}, {number: 2, size: 10G, used: ZFS}]}
      - {path: /dev/sde, size: 100G, serial: EMPTY}
      - {path: /dev/sdf, size: 100G, serial: OLDER, partitions: [{number: 1, size: 10G, used: ext4}]}
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_nothing_uses_is_erased_and_no_other() {
    let work = Work::of(DISKS).await;
    work.site.forget_requests();
    let wipe = |serial: &str| json!({"node": "pve1", "serial": serial});
    for (serial, why) in [
        ("SYS", "it is mounted"),
        ("ZPOOL", "ZFS"),
        ("PARTS", "/dev/sdd2"),
        ("NONE", "Serial numbers there: "),
        ("/dev/sdb", "serial"),
    ] {
        let told = refused(&work, "disk_wipe", wipe(serial), why).await;
        assert!(serial.starts_with('/') || told.contains("Nothing was erased."), "{told}");
    }
    refused(&work, "disk_wipe", json!({"node": "pve1", "serial": "PARTS", "partition": 3}), "has no partition 3").await;
    assert!(work.site.sent().is_empty());

    let invoked = done(&work, "disk_wipe", wipe("OLD")).await;
    assert!(
        invoked.progress[0].starts_with("Erasing /dev/sdb (serial OLD, 100G) of pve1, on which there is ext4"),
        "{:?}",
        invoked.progress
    );
    assert!(
        invoked.said.warnings.iter().any(|said| said.detail.contains("serial OLD")),
        "told in the plan: {}",
        invoked.said
    );
    assert_eq!(work.site.sent(), ["PUT /nodes/pve1/disks/wipedisk"]);
    let again = done(&work, "disk_wipe", wipe("OLD")).await;
    assert!(again.progress[0].ends_with("on which there is nothing"), "it is erased: {:?}", again.progress);
    work.site.forget_requests();
    // A partition beside one that is in use.
    done(&work, "disk_wipe", json!({"node": "pve1", "serial": "PARTS", "partition": 1})).await;
    assert_eq!(work.site.sent(), ["PUT /nodes/pve1/disks/wipedisk"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_a_machine_has_as_its_own_is_not_erased() {
    let guests = "guests: [{vmid: 200, node: pve1, name: nas, config: {scsi1: '/dev/disk/by-id/ata-SSD_OLDER'}}]\n";
    let work = Work::of(&format!("{guests}{DISKS}")).await;
    work.site.forget_requests();
    for partition in [Json::Null, json!(1)] {
        let whole_or_part = json!({"node": "pve1", "serial": "OLDER", "partition": partition});
        let told = refused(&work, "disk_wipe", whole_or_part, "belongs to vm:200").await;
        assert!(told.contains("scsi1") && told.contains("Nothing was erased."), "{told}");
    }
    assert!(work.site.sent().is_empty());
    done(&work, "disk_wipe", json!({"node": "pve1", "serial": "OLD"})).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_is_stopped_only_where_ceph_can_do_without_it() {
    let work = Work::of(
        "ceph: {stage: ready, mons: [pve1, pve2, pve3], mgrs: [pve1, pve2], pools: [{name: vm, size: 3, min_size: 2}]}",
    )
    .await;
    work.site.forget_requests();
    let service = |service: &str, operation: &str| json!({"service": service, "operation": operation});
    let stopped = done(&work, "ceph_service", service("mon.pve3", "stop")).await;
    assert_eq!(stopped.progress.last().map(String::as_str), Some("mon.pve3 of pve3 is stopped"));
    // The two that are left are just a majority.
    let told = refused(&work, "ceph_service", service("mon.pve2", "stop"), "must not be stopped now").await;
    assert!(told.contains("Ceph says: ") && told.contains("Nothing was done."), "{told}");
    done(&work, "ceph_service", service("mon.pve3", "start")).await;
    let restarted = done(&work, "ceph_service", service("osd.0", "restart")).await;
    assert!(restarted.progress.last().is_some_and(|line| line.ends_with("is up")), "{:?}", restarted.progress);
    done(&work, "ceph_service", service("mgr.pve1", "stop")).await;
    refused(&work, "ceph_service", service("mgr.pve2", "stop"), "No other manager stands by").await;
    work.site.forget_requests();
    for unknown in ["osd.99", "mon.pve9", "mds.pve1"] {
        refused(&work, "ceph_service", service(unknown, "restart"), &format!("There is no {unknown}")).await;
    }
    refused(&work, "ceph_service", service("rgw.pve1", "restart"), "`osd.NUMBER`").await;
    assert!(work.site.sent().is_empty());
    let forced: Json = json!({"service": "mgr.pve2", "operation": "stop", "force": true});
    let invoked = done(&work, "ceph_service", forced).await;
    assert!(invoked.said.warnings.iter().any(|said| said.summary.contains("advises against")), "{}", invoked.said);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_notification_target_is_tried() {
    let mut work = Work::of("{}").await;
    work.write(
        "resource \"pve_notification_smtp\" \"far\" {\n  name = \"far\"\n  server = \"mail.example.com\"\n  from_address = \
         \"pve@example.com\"\n  mailto = [\"you@example.com\"]\n}\n",
    );
    work.apply().await.succeeded();
    let invoked = done(&work, "notification_test", json!({"name": "mail-to-root"})).await;
    assert_eq!(invoked.progress, ["Notification target mail-to-root has taken a test"]);
    refused(&work, "notification_test", json!({"name": "far"}), "failed to lookup address information").await;
    refused(&work, "notification_test", json!({"name": "nope"}), "endpoint 'nope' does not exist").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_task_or_none_that_pve_knows_is_refused() {
    let work = Work::of("{}").await;
    refused(&work, "task_stop", json!({"upid": "qmstop"}), "must be the name of a task").await;
    let unknown = "UPID:pve1:00000001:00000001:6B032D7F:qmstop:101:root@pam:";
    refused(&work, "task_stop", json!({"upid": unknown}), "no such task").await;
}
