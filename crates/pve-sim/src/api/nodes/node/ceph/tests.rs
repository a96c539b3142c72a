use serde_json::{Value, json};

use crate::bed::Bed;
use crate::cluster::ceph::Image;
use crate::shape::{CephStage, Shape};

const YAML: &str = "
nodes:
  - name: pve1
    disks:
      - {path: /dev/sdb, size: 64G, serial: SIM0101}
      - {path: /dev/nvme0n1, size: 100G, serial: NV1, type: nvme, partitions: [{number: 3, size: 20G}, {number: 4, size: 20G, used: ext4, mounted: true}]}
  - {name: pve2, disks: [{path: /dev/sdb, size: 64G, serial: SIM0201}]}
  - {name: pve3, disks: [{path: /dev/sdb, size: 64G, serial: SIM0301}]}
ceph: {stage: monitors}
";

fn bed() -> Bed {
    Bed::new(Shape::from_yaml(YAML).unwrap())
}

fn at(stage: CephStage) -> Bed {
    let mut shape = Shape::from_yaml(YAML).unwrap();
    shape.ceph.stage = stage;
    Bed::new(shape)
}

/// The task behind a UPID, and what comes of it in the next seconds: exit status and log.
fn ended(bed: &Bed, upid: &Value) -> (String, Vec<String>) {
    let status = bed.task(upid);
    bed.pass(15);
    (status, bed.log(upid))
}

async fn done(bed: &Bed, verb: &str, path: &str, params: &[(&str, &str)]) -> Vec<String> {
    let upid = bed.ok(verb, path, params).await;
    let (status, log) = ended(bed, &upid);
    assert_eq!(status, "OK", "{verb} {path}: {log:#?}");
    log
}

fn used(bed: &Bed, path: &str) -> Option<String> {
    bed.world.with(|c| c.nodes.get("pve1")?.device(path)?.used.map(str::to_owned))
}

#[tokio::test]
async fn the_stages_answer_with_the_texts_that_clients_look_for() {
    let text = async |stage| at(stage).refusal("GET", "/nodes/pve1/ceph/status", &[]).await.1;
    assert_eq!(text(CephStage::None).await, "binary not installed: /usr/bin/ceph-mon");
    assert!(text(CephStage::Installed).await.starts_with("pveceph configuration not initialized"));
    assert!(text(CephStage::Initialised).await.starts_with("rados_connect failed - "));
    let status = at(CephStage::Ready).ok("GET", "/cluster/ceph/status", &[]).await;
    assert_eq!(status["osdmap"]["num_up_osds"], 3, "the disk with partitions is left alone");
}

#[tokio::test]
async fn from_bare_packages_to_a_quorum() {
    let bed = at(CephStage::Installed);
    bed.ok("POST", "/nodes/pve1/ceph/init", &[("network", "10.0.0.0/24")]).await;
    done(&bed, "POST", "/nodes/pve1/ceph/mon/pve1", &[]).await;
    assert_eq!(bed.ok("GET", "/nodes/pve1/ceph/mgr", &[]).await[0]["state"], "active");
    let refusal = bed.refusal("POST", "/nodes/pve1/ceph/mon/other", &[]).await;
    assert_eq!(refusal, (500, "monitor address '10.0.0.1' already in use".into()));
    assert_eq!(bed.refusal("DELETE", "/nodes/pve1/ceph/mon/pve1", &[]).await.1, "can't remove last monitor");
    done(&bed, "POST", "/nodes/pve2/ceph/mon/pve2", &[]).await;
    done(&bed, "POST", "/nodes/pve2/ceph/mgr/pve2", &[]).await;
    let mons = bed.ok("GET", "/nodes/pve1/ceph/mon", &[]).await;
    assert_eq!((mons[0]["quorum"].clone(), mons[1]["quorum"].clone()), (json!(1), json!(1)));
    let raw = bed.ok("GET", "/nodes/pve2/ceph/cfg/raw", &[]).await;
    assert!(raw.as_str().unwrap().contains("mon_host = 10.0.0.1 10.0.0.2"), "{raw}");
}

#[tokio::test]
async fn two_metadata_servers_at_once_lose_a_section_and_a_file_system_needs_both() {
    let bed = bed();
    let create = async |node: &str| bed.ok("POST", &format!("/nodes/{node}/ceph/mds/{node}"), &[]).await;
    let (one, two) = (create("pve1").await, create("pve2").await);
    assert_eq!((ended(&bed, &one).0, ended(&bed, &two).0), ("OK".to_owned(), "OK".to_owned()));
    let raw = bed.ok("GET", "/nodes/pve1/ceph/cfg/raw", &[]).await;
    let sections = ["[mds.pve1]", "[mds.pve2]"].map(|section| raw.as_str().unwrap().contains(section));
    assert_eq!(sections, [false, true], "the one that wrote last knew nothing of the other");
    done(&bed, "POST", "/nodes/pve1/ceph/fs/files", &[("pg_num", "16")]).await;
    let safety = async |id: &str| {
        let asked = [("service", "mds"), ("id", id), ("action", "stop")];
        bed.ok("GET", "/nodes/pve1/ceph/cmd-safety", &asked).await["safe"].clone()
    };
    assert_eq!((safety("pve1").await, safety("pve2").await), (json!(true), json!(true)));
    // On another node it goes all the same.
    let log = done(&bed, "DELETE", "/nodes/pve3/ceph/mds/pve1", &[]).await;
    assert!(log.iter().any(|line| line.starts_with("cannot cleanup MDS pve1 directory")), "{log:?}");
    assert_eq!(safety("pve2").await, json!(false));
    let pool = bed.ok("DELETE", "/nodes/pve1/ceph/pool/files_data", &[]).await;
    assert!(ended(&bed, &pool).0.ends_with("pool 'files_data' is in use by CephFS"));
    let served = bed.ok("DELETE", "/nodes/pve1/ceph/fs/files", &[]).await;
    assert!(ended(&bed, &served).0.contains("all MDS daemons must be inactive/failed"));
    let entry = [("storage", "files"), ("type", "cephfs"), ("fs-name", "files")];
    bed.ok("POST", "/storage", &entry).await;
    bed.ok("DELETE", "/storage/files", &[]).await;
    done(&bed, "POST", "/nodes/pve2/ceph/stop", &[("service", "mds.pve2")]).await;
    let refused = bed.refusal("POST", "/storage", &entry).await.1;
    assert!(refused.starts_with("create storage failed: mount error"), "{refused}");
    done(&bed, "DELETE", "/nodes/pve1/ceph/fs/files", &[("remove-pools", "1")]).await;
    assert!(bed.world.with(|c| c.ceph.filesystems.is_empty() && c.ceph.pool_named("files_metadata").is_none()));
}

#[tokio::test]
async fn an_osd_is_made_drained_and_destroyed() {
    let bed = bed();
    let link = "/dev/disk/by-id/ata-SIM_DISK_SIM0101";
    let log = done(&bed, "POST", "/nodes/pve1/ceph/osd", &[("dev", link), ("crush-device-class", "fast")]).await;
    assert!(
        log.iter().any(|l| l.starts_with("Running command: /usr/bin/systemctl enable ceph-volume@lvm-0-")),
        "{log:#?}"
    );
    assert_eq!(used(&bed, "/dev/sdb").as_deref(), Some("LVM"));
    let tree = bed.ok("GET", "/nodes/pve2/ceph/osd", &[]).await;
    let osd = &tree["root"]["children"][0]["children"][0]["children"][0];
    assert_eq!((osd["id"].clone(), osd["status"].clone(), osd["in"].clone()), (json!("0"), json!("up"), json!(1)));
    assert_eq!((osd["host"].clone(), osd["device_class"].clone()), (json!("pve1"), json!("fast")));
    let lv = bed.ok("GET", "/nodes/pve1/ceph/osd/0/lv-info", &[]).await;
    let fsid = bed.world.with(|c| c.ceph.osds[&0].uuid.clone());
    assert_eq!(lv["lv_name"], format!("osd-block-{fsid}"));

    assert_eq!(bed.refusal("DELETE", "/nodes/pve1/ceph/osd/0", &[]).await.1, "osd is in use (in == 1)");
    bed.ok("POST", "/nodes/pve3/ceph/osd/0/out", &[]).await;
    assert_eq!(bed.refusal("DELETE", "/nodes/pve1/ceph/osd/0", &[]).await.1, "osd is still running (up == 1)");
    assert!(
        bed.refusal("DELETE", "/nodes/pve2/ceph/osd/0", &[])
            .await
            .1
            .starts_with("OSD osd.0 does not belong to node pve2!")
    );
    done(&bed, "POST", "/nodes/pve1/ceph/stop", &[("service", "osd.0")]).await;
    done(&bed, "DELETE", "/nodes/pve1/ceph/osd/0", &[("cleanup", "1")]).await;
    assert_eq!(used(&bed, "/dev/sdb"), None);
    assert!(bed.world.with(|c| c.ceph.osds.is_empty()));
}

#[tokio::test]
async fn a_partition_keeps_its_type_when_its_osd_is_gone() {
    let bed = bed();
    let path = "/nodes/pve1/ceph/osd";
    for (dev, text) in [
        ("/dev/nvme0n1", "device '/dev/nvme0n1' is already in use"),
        ("/dev/nvme0n1p4", "device '/dev/nvme0n1p4' is already in use"),
        ("/dev/nvme0n1p9", "not a valid block device"),
        ("/dev/sda", "device '/dev/sda' is already in use"),
        ("/dev/loop7", "unable to get device info for '/dev/loop7'"),
        ("relative", "got unusual device path '/relative'"),
    ] {
        assert_eq!(bed.refusal("POST", path, &[("dev", dev)]).await, (500, text.into()));
    }
    let upid = bed.ok("POST", path, &[("dev", "/dev/disk/by-id/nvme-SIM_NV1-part3")]).await;
    assert!(upid.as_str().unwrap().contains(":cephcreateosd:nvme0n1p3:"), "{upid}");
    assert_eq!(ended(&bed, &upid).0, "OK");
    bed.ok("POST", "/nodes/pve1/ceph/osd/0/out", &[]).await;
    done(&bed, "POST", "/nodes/pve1/ceph/stop", &[("service", "osd.0")]).await;
    done(&bed, "DELETE", "/nodes/pve1/ceph/osd/0", &[("cleanup", "1")]).await;
    let refusal = bed.refusal("POST", path, &[("dev", "/dev/nvme0n1p3")]).await;
    assert_eq!(refusal.1, "device '/dev/nvme0n1p3' is already in use");
}

#[tokio::test]
async fn of_two_creations_on_a_node_the_second_waits_and_looks_again() {
    let bed = bed();
    let first = bed.ok("POST", "/nodes/pve1/ceph/osd", &[("dev", "/dev/sdb")]).await;
    let second = bed.ok("POST", "/nodes/pve1/ceph/osd", &[("dev", "/dev/sdb")]).await;
    assert_eq!(ended(&bed, &first).0, "OK");
    assert_eq!(ended(&bed, &second).0, "device '/dev/sdb' is already in use");
    assert_eq!(bed.world.with(|c| c.ceph.osds.len()), 1);
}

#[tokio::test]
async fn a_pool_is_made_setting_by_setting_and_what_fails_does_not_undo_it() {
    let bed = at(CephStage::Ready);
    let params = [("name", "vm"), ("size", "2"), ("min_size", "3"), ("pg_num", "32"), ("crush_rule", "nope")];
    let upid = bed.ok("POST", "/nodes/pve1/ceph/pool", &params).await;
    let (status, log) = ended(&bed, &upid);
    assert_eq!(status, "Could not set: crush_rule, min_size");
    assert_eq!(log[0], "pool vm: applying size = 2");
    let status = bed.ok("GET", "/nodes/pve1/ceph/pool/vm/status", &[]).await;
    assert_eq!((status["size"].clone(), status["min_size"].clone()), (json!(2), json!(2)));
    // A second creation changes what is there.
    done(&bed, "POST", "/nodes/pve2/ceph/pool", &[("name", "vm"), ("size", "3"), ("pg_num", "32")]).await;
    done(&bed, "PUT", "/nodes/pve2/ceph/pool/vm", &[("target_size", "1G"), ("target_size_ratio", "0.2")]).await;
    let pools = bed.ok("GET", "/nodes/pve3/ceph/pool", &[]).await;
    let pool = pools.as_array().unwrap().iter().find(|p| p["pool_name"] == "vm").unwrap();
    assert_eq!((pool["size"].clone(), pool["target_size"].clone()), (json!(3), json!(1u64 << 30)));
    assert_eq!(pool["application_metadata"], json!({ "rbd": {} }));
    done(&bed, "DELETE", "/nodes/pve1/ceph/pool/vm", &[]).await;
    let refusal = bed.refusal("GET", "/nodes/pve1/ceph/pool/vm/status", &[]).await;
    assert!(refusal.1.ends_with("unrecognized pool 'vm'"), "{refusal:?}");
}

#[tokio::test]
async fn setting_size_and_min_size_at_once_can_lose_min_size() {
    let bed = at(CephStage::Ready);
    done(&bed, "POST", "/nodes/pve1/ceph/pool", &[("name", "vm"), ("pg_num", "32"), ("min_size", "3")]).await;
    let log = done(&bed, "PUT", "/nodes/pve1/ceph/pool/vm", &[("size", "4"), ("min_size", "3")]).await;
    assert_eq!(log[..2], ["pool vm: applying size = 4", "skipping 'min_size', did not change"]);
    let status = bed.ok("GET", "/nodes/pve1/ceph/pool/vm/status", &[]).await;
    assert_eq!(status["min_size"], 2);
}

#[tokio::test]
async fn a_node_without_power_takes_its_daemons_along() {
    let bed = at(CephStage::Ready);
    bed.world.with(|c| c.set_power("pve3", false));
    bed.pass(40);
    let status = bed.ok("GET", "/cluster/ceph/status", &[]).await;
    assert_eq!(status["osdmap"]["num_up_osds"], 2);
    assert_eq!(status["quorum_names"], json!(["pve1", "pve2"]));
    let safety = [("service", "osd"), ("id", "0"), ("action", "stop")];
    assert_eq!(bed.ok("GET", "/nodes/pve1/ceph/cmd-safety", &safety).await["safe"], false);
}

#[tokio::test]
async fn flags_are_set_at_once_or_in_a_task() {
    let bed = bed();
    bed.ok("PUT", "/cluster/ceph/flags/noout", &[("value", "1")]).await;
    assert_eq!(bed.ok("GET", "/cluster/ceph/flags/noout", &[]).await, 1);
    let log = done(&bed, "PUT", "/cluster/ceph/flags", &[("noout", "0"), ("pause", "1"), ("noin", "0")]).await;
    assert_eq!(log, ["unset noout", "set pause", "TASK OK"]);
}

#[tokio::test]
async fn what_is_left_out_is_refused_and_listed() {
    let bed = bed();
    let on_partitions = [("dev", "/dev/sdb"), ("db_dev", "/dev/nvme0n1")];
    assert_eq!(bed.refusal("POST", "/nodes/pve1/ceph/osd", &on_partitions).await.0, 501);
    assert!(bed.world.with(|c| c.unmodelled.keys().any(|k| k.contains("DB or WAL"))));
}

#[tokio::test]
async fn a_pool_comes_and_goes_with_its_storage_but_not_while_that_holds_images() {
    let bed = at(CephStage::Ready);
    let pool = "/nodes/pve1/ceph/pool";
    done(&bed, "POST", pool, &[("name", "vm"), ("pg_num", "32"), ("add_storages", "1")]).await;
    let storage = bed.ok("GET", "/storage/vm", &[]).await;
    assert_eq!((storage["type"].clone(), storage["pool"].clone()), (json!("rbd"), json!("vm")));
    bed.world.with(|c| {
        let images = c.ceph.pools.values_mut().find(|p| p.name == "vm").map(|p| &mut p.images);
        images.unwrap().insert("vm-100-disk-0".into(), Image { size: 1 << 30, used: 0 });
    });
    let upid = bed.ok("DELETE", "/nodes/pve1/ceph/pool/vm", &[("remove_storages", "1")]).await;
    assert_eq!(ended(&bed, &upid).0, "ceph pool 'vm' still in use by storage 'vm'");
    let forced = [("remove_storages", "1"), ("force", "1")];
    assert_eq!(done(&bed, "DELETE", "/nodes/pve1/ceph/pool/vm", &forced).await, ["TASK OK"]);
    assert_eq!(bed.refusal("GET", "/storage/vm", &[]).await.1, "storage 'vm' does not exist");
    let refusal = bed.refusal("POST", pool, &[("name", ".x"), ("add_storages", "1")]).await;
    assert_eq!(refusal.1, "storage ID '.x' contains illegal characters");
}

#[tokio::test]
async fn without_a_manager_the_pools_lack_what_the_autoscaler_tells_and_the_osds_are_not_listed() {
    let mut shape = Shape::from_yaml(YAML).unwrap();
    shape.ceph.stage = CephStage::Ready;
    shape.ceph.mgrs = Some(vec!["pve1".into()]);
    let bed = Bed::new(shape);
    let settings = [("name", "vm"), ("pg_num_min", "8"), ("target_size", "1G"), ("target_size_ratio", "0.2")];
    done(&bed, "POST", "/nodes/pve1/ceph/pool", &settings).await;
    const SCALED: [&str; 5] = ["autoscale_status", "pg_num_final", "pg_num_min", "target_size", "target_size_ratio"];
    let listed = async || {
        let pools = bed.ok("GET", "/nodes/pve2/ceph/pool", &[]).await;
        let pool = pools.as_array().unwrap().iter().find(|pool| pool["pool_name"] == "vm").cloned().unwrap();
        SCALED.into_iter().filter(|key| pool.get(key).is_some()).collect::<Vec<_>>()
    };
    assert_eq!(listed().await, SCALED);

    let stop = bed.ok("POST", "/nodes/pve1/ceph/stop", &[("service", "mgr.pve1")]).await;
    assert_eq!(bed.task(&stop), "OK");
    for seconds in [0, 9] {
        bed.pass(seconds);
        assert_eq!(listed().await, [""; 0]);
        let refusal = bed.refusal("GET", "/nodes/pve2/ceph/osd", &[]).await;
        assert_eq!(refusal, (500, "error with 'osd df': got timeout".into()));
    }
    let status = bed.ok("GET", "/nodes/pve2/ceph/pool/vm/status", &[("verbose", "1")]).await;
    assert_eq!((&status["pg_num_min"], &status["target_size"]), (&json!(8), &json!(1u64 << 30)));
    assert_eq!((&status["target_size_ratio"], status.get("autoscale_status")), (&json!(0.2), None));
    done(&bed, "PUT", "/nodes/pve1/ceph/pool/vm", &[("min_size", "2")]).await;

    let start = bed.ok("POST", "/nodes/pve1/ceph/start", &[("service", "mgr.pve1")]).await;
    assert_eq!(bed.task(&start), "OK");
    assert_eq!(listed().await, [""; 0], "it takes a moment");
    bed.pass(2);
    assert_eq!(listed().await, SCALED);
}

/// `ceph` at a node's shell, with its JSON.
fn shell(bed: &Bed, argv: &[&str]) -> (i32, Value, String) {
    let out = bed.world.with(|c| {
        let now = c.now.seconds();
        crate::cluster::ceph::run(c.ceph_now(), now, argv)
    });
    (out.status, serde_json::from_str(&out.stdout).unwrap_or_default(), out.stderr)
}

#[tokio::test]
async fn a_dead_disk_takes_its_osd_down_for_good_and_pve_can_still_remove_it() {
    let bed = at(CephStage::Ready);
    let path = "/nodes/pve1/ceph/osd/0";
    assert!(bed.ok("GET", &format!("{path}/lv-info"), &[]).await["lv_name"].is_string());
    assert_eq!(bed.world.with(|c| c.kill_disk("pve1", "SIM0101")), Ok(vec![0]));
    bed.pass(2);
    let row = |id: u32| {
        let tree = shell(&bed, &["osd", "tree", "-f", "json"]).1;
        tree["nodes"].as_array().unwrap().iter().find(|row| row["id"] == id).cloned().unwrap()
    };
    assert_eq!((&row(0)["status"], &row(1)["status"]), (&json!("down"), &json!("up")));
    let listed = async || {
        let disks = bed.ok("GET", "/nodes/pve1/disks/list", &[]).await;
        let disk = disks.as_array().unwrap().iter().find(|disk| disk["devpath"] == "/dev/sdb").cloned();
        disk.map(|disk| (disk["serial"].clone(), disk["osdid"].clone()))
    };
    assert_eq!(listed().await, None);
    let gone = "OSD '0' not found in 'ceph-volume lvm list' on node 'pve1'.\nMaybe it was created before LVM became the default?";
    assert_eq!(bed.refusal("GET", &format!("{path}/lv-info"), &[]).await, (500, gone.to_owned()));
    // It does not come back, neither by itself nor when asked for, nor with its node.
    let start = bed.ok("POST", "/nodes/pve1/ceph/start", &[("service", "osd.0")]).await;
    assert_eq!(ended(&bed, &start).0, "command '/bin/systemctl start ceph-osd@0' failed: exit code 1");
    bed.world.with(|c| c.set_power("pve1", false));
    bed.pass(60);
    bed.world.with(|c| c.set_power("pve1", true));
    bed.pass(60);
    assert!(!bed.world.with(|c| c.ceph_now().osds[&0].up));
    // A new disk in its place is empty.
    let disk = serde_json::from_value(json!({ "path": "/dev/sdb", "size": "64G", "serial": "NEW" })).unwrap();
    assert_eq!(bed.world.with(|c| c.add_disk("pve1", disk)), Ok(()));
    assert_eq!(listed().await, Some((json!("NEW"), json!(-1))));
    bed.ok("POST", &format!("{path}/out"), &[]).await;
    let log = done(&bed, "DELETE", path, &[("cleanup", "1")]).await;
    assert!(log.iter().any(|line| line.starts_with("Unmount OSD osd.0")), "{log:#?}");
    done(&bed, "POST", "/nodes/pve1/ceph/osd", &[("dev", "/dev/sdb")]).await;
    assert_eq!(listed().await, Some((json!("NEW"), json!("0"))));
    for (node, serial, part) in
        [("pve9", "NEW", "no node 'pve9'"), ("pve1", "SIM0101", "there are"), ("pve1", "NV1", "holds the system")]
    {
        let refusal = bed.world.with(|c| c.kill_disk(node, serial)).unwrap_err();
        assert!(refusal.contains(part), "{refusal}");
    }
}

#[tokio::test]
async fn an_osd_of_a_dead_node_is_purged_elsewhere_and_its_volume_waits_on_the_disk() {
    let bed = at(CephStage::Ready);
    let (_, dump, _) = shell(&bed, &["osd", "dump", "--format", "json"]);
    let uuid = dump["osds"][2]["uuid"].clone();
    assert_eq!(uuid, bed.world.with(|c| c.ceph.osds[&2].uuid.clone()));
    bed.world.with(|c| c.set_power("pve3", false));
    let (status, _, said) = shell(&bed, &["osd", "purge", "2", "--yes-i-really-mean-it"]);
    assert_eq!((status, said.as_str()), (16, "Error EBUSY: osd.2 is not `down`.\n"), "the monitors do not know it yet");
    bed.pass(40);
    let (status, metadata, _) = shell(&bed, &["osd", "metadata", "2", "-f", "json"]);
    assert_eq!((status, &metadata["hostname"], &metadata["devices"]), (0, &json!("pve3"), &json!("sdb")));
    let (status, _, said) = shell(&bed, &["osd", "purge", "2", "--yes-i-really-mean-it"]);
    assert_eq!((status, said.as_str()), (0, "purged osd.2\n"));
    assert_eq!(shell(&bed, &["osd", "metadata", "2"]).2, "Error ENOENT: osd.2 does not exist\n");

    bed.world.with(|c| c.set_power("pve3", true));
    bed.pass(60);
    assert!(!bed.world.with(|c| c.ceph_now().osds.contains_key(&2)));
    let disk = async || {
        let disks = bed.ok("GET", "/nodes/pve3/disks/list", &[]).await;
        let disk = disks.as_array().unwrap().iter().find(|disk| disk["devpath"] == "/dev/sdb").cloned().unwrap();
        (disk["used"].clone(), disk["osdid"].clone())
    };
    assert_eq!(disk().await, (json!("LVM"), json!("2")));
    let lv = bed.ok("GET", "/nodes/pve3/ceph/osd/2/lv-info", &[]).await;
    assert_eq!(lv["lv_name"], format!("osd-block-{}", uuid.as_str().unwrap()));
    let wipe = bed.refusal("PUT", "/nodes/pve3/disks/wipedisk", &[("disk", "/dev/sdb")]).await;
    assert_eq!(wipe.1, "disk/partition '/dev/sdb' has a holder");
    let zap = bed.world.with(|c| c.ceph_volume("pve3", &["lvm", "zap", "--destroy", "/dev/sdb"]));
    assert_eq!(zap.status, 0, "{}", zap.stderr);
    assert_eq!(disk().await, (Value::Null, json!(-1)));
}

#[tokio::test]
async fn a_destroyed_osd_keeps_its_id_for_the_next_one() {
    let bed = at(CephStage::Ready);
    let busy = shell(&bed, &["osd", "destroy", "1", "--yes-i-really-mean-it"]);
    assert_eq!((busy.0, busy.2.as_str()), (16, "Error EBUSY: osd.1 is not `down`.\n"));
    bed.world.with(|c| c.kill_disk("pve2", "SIM0201")).unwrap();
    bed.pass(2);
    assert_eq!(shell(&bed, &["osd", "destroy", "1", "--force"]).2, "destroyed osd.1\n");
    let row = |tree: Value| tree["nodes"].as_array().unwrap().iter().find(|row| row["id"] == 1).cloned().unwrap();
    assert_eq!(row(shell(&bed, &["osd", "tree", "-f", "json"]).1)["status"], "destroyed");
    let uuid = "11111111-2222-3333-4444-555555555555";
    assert_eq!(shell(&bed, &["osd", "new", uuid, "1"]).1, 1);
    assert_eq!(shell(&bed, &["osd", "dump", "-f", "json"]).1["osds"][1]["uuid"], uuid);
}

/// What the recording does not show: PVE's source tells of it.
#[tokio::test]
async fn an_erasure_coded_pool_has_one_for_metadata_and_keeps_its_size() {
    let bed = at(CephStage::Ready);
    let pool = "/nodes/pve1/ceph/pool";
    let refused = bed.refusal("POST", pool, &[("name", "ec"), ("erasure-coding", "k=2,m=1,profile=nope")]).await;
    assert_eq!(refused, (500, "Erasure code profile 'nope' does not exist.".to_owned()));
    let coding = ("erasure-coding", "k=2,m=1,failure-domain=osd");
    done(&bed, "POST", pool, &[("name", "ec"), coding, ("pg_num", "8"), ("size", "2"), ("min_size", "1")]).await;
    let storage = bed.ok("GET", "/storage/ec", &[]).await;
    assert_eq!((&storage["pool"], &storage["data-pool"]), (&json!("ec-metadata"), &json!("ec-data")));
    let sizes = bed.world.with(|c| ["ec-data", "ec-metadata"].map(|name| c.ceph.pool_named(name).unwrap().size));
    assert_eq!(sizes, [3, 2], "copies are the metadata's");
    let path = "/nodes/pve1/ceph/pool/ec-data";
    let log = done(&bed, "PUT", path, &[("size", "5"), ("crush_rule", "replicated_rule"), ("min_size", "3")]).await;
    let told = ["cannot set 'size' for erasure coded pool", "cannot set 'crush_rule' for erasure coded pool"];
    assert_eq!(log[..3], [told[0], told[1], "pool ec-data: applying min_size = 3"]);
    // Another profile of that name would be another pool.
    let again = [("name", "ec"), ("erasure-coding", "k=2,m=2,failure-domain=osd")];
    let upid = bed.ok("POST", pool, &again).await;
    let (status, _) = ended(&bed, &upid);
    assert!(status.contains("will not override erasure code profile pve_ec_ec"), "{status}");
    done(&bed, "DELETE", path, &[("remove_ecprofile", "0")]).await;
    assert!(
        bed.world.with(|c| c.ceph.profiles.contains_key("pve_ec_ec") && c.ceph.crush.rule_named("ec-data").is_none())
    );
}
