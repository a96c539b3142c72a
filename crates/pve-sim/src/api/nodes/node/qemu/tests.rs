//! Guests as a client meets them.

use serde_json::{Value, json};

use crate::bed::Bed;
use crate::shape::{AclShape, GuestShape, Shape, UserShape};

fn bed() -> Bed {
    Bed::new(Shape { guests: vec![GuestShape::ready(100, "pve1")], ..Shape::default() })
}

async fn config(bed: &Bed, vmid: u32) -> Value {
    bed.ok("GET", &format!("/nodes/pve1/qemu/{vmid}/config"), &[]).await
}

#[tokio::test]
async fn a_ready_guest_runs_with_its_disks() {
    let bed = bed();
    let config = config(&bed, 100).await;
    assert_eq!(config["scsi0"], "local-lvm:vm-100-disk-0,discard=on,iothread=1,size=32G");
    assert_eq!(config["ide2"], "local-lvm:vm-100-cloudinit,media=cdrom");
    let status = bed.ok("GET", "/nodes/pve1/qemu/100/status/current", &[]).await;
    assert_eq!((&status["status"], &status["maxdisk"]), (&json!("running"), &json!(32u64 << 30)));
    let content = bed.ok("GET", "/nodes/pve1/storage/local-lvm/content", &[("vmid", "100")]).await;
    let volids: Vec<&Value> = content.as_array().unwrap().iter().map(|volume| &volume["volid"]).collect();
    assert_eq!(volids, ["local-lvm:vm-100-cloudinit", "local-lvm:vm-100-disk-0"]);
}

#[tokio::test]
async fn a_guest_is_made_started_stopped_and_destroyed_with_all_it_has() {
    let bed = bed();
    let params = [("vmid", "101"), ("scsi0", "local-lvm:8,ssd=on"), ("net0", "virtio,bridge=vmbr0"), ("tags", "b;A")];
    let task = bed.ok("POST", "/nodes/pve1/qemu", &params).await;
    assert_eq!(bed.task(&task), "OK");
    let made = config(&bed, 101).await;
    assert_eq!(made["scsi0"], "local-lvm:vm-101-disk-0,size=8G,ssd=1");
    assert_eq!((&made["boot"], &made["tags"]), (&json!("order=scsi0;net0"), &json!("a;b")));
    let start = bed.ok("POST", "/nodes/pve1/qemu/101/status/start", &[]).await;
    assert_eq!(bed.task(&start), "OK");
    let again = bed.ok("POST", "/nodes/pve1/qemu/101/status/start", &[]).await;
    assert_eq!(bed.task(&again), "VM 101 already running");
    let refused = bed.refusal("DELETE", "/nodes/pve1/qemu/101", &[]).await;
    assert_eq!(refused, (500, "VM 101 is running - destroy failed".to_owned()));
    let stop = bed.ok("POST", "/nodes/pve1/qemu/101/status/stop", &[]).await;
    assert_eq!(bed.task(&stop), "OK");
    let gone = bed.ok("DELETE", "/nodes/pve1/qemu/101", &[]).await;
    assert_eq!(bed.task(&gone), "OK");
    let left = bed.ok("GET", "/nodes/pve1/storage/local-lvm/content", &[("vmid", "101")]).await;
    assert_eq!(left, json!([]));
}

#[tokio::test]
async fn a_uuid_that_is_given_is_kept_and_one_that_is_not_is_made_up() {
    let bed = bed();
    let uuid = "uuid=11111111-2222-3333-4444-555555555555";
    for (vmid, given) in [("101", Some(uuid)), ("102", None), ("103", None)] {
        let mut params = vec![("vmid", vmid)];
        params.extend(given.map(|uuid| ("smbios1", uuid)));
        assert_eq!(bed.task(&bed.ok("POST", "/nodes/pve1/qemu", &params).await), "OK");
    }
    let made = [config(&bed, 101).await, config(&bed, 102).await, config(&bed, 103).await];
    assert_eq!(made[0]["smbios1"], uuid);
    assert!(made[1]["smbios1"].as_str().is_some_and(|text| text.starts_with("uuid=")) && made[1] != made[2]);
    assert_ne!(made[1]["smbios1"], made[2]["smbios1"]);
}

#[tokio::test]
async fn a_creation_that_fails_leaves_nothing() {
    let bed = bed();
    let params = [("vmid", "101"), ("scsi0", "local-lvm:8"), ("scsi1", "local:iso/x.iso,media=cdrom")];
    let task = bed.ok("POST", "/nodes/pve1/qemu", &params).await;
    assert_eq!(bed.task(&task), "unable to create VM 101 - volume 'local:iso/x.iso' does not exist");
    assert_eq!(bed.ok("GET", "/nodes/pve1/storage/local-lvm/content", &[("vmid", "101")]).await, json!([]));
    assert_eq!(bed.call("GET", "/nodes/pve1/qemu/101/config", &[]).await.0, 500);
}

async fn add_target(bed: &Bed) {
    let params = [("storage", "other"), ("type", "dir"), ("path", "/mnt/other"), ("content", "images")];
    bed.ok("POST", "/storage", &params).await;
}

#[tokio::test]
async fn a_running_disk_is_mirrored_line_by_line_at_its_limit_while_the_guest_is_locked() {
    let bed = bed();
    add_target(&bed).await;
    // 32 GiB at 8 GiB a second.
    let params = [("disk", "scsi0"), ("storage", "other"), ("bwlimit", "8388608")];
    let task = bed.ok("POST", "/nodes/pve1/qemu/100/move_disk", &params).await;
    bed.pass(2);
    let second = bed.ok("PUT", "/nodes/pve1/qemu/100/resize", &[("disk", "ide2"), ("size", "+1G")]).await;
    assert_eq!(bed.task(&task), "OK");
    assert_eq!(bed.task(&second), "you can't resize a cdrom");
    assert_eq!(bed.log(&second)[..2], ["trying to acquire lock...", " OK"]);
    let text = |percent: &str, done: &str, took: &str| {
        format!("mirror-scsi0: transferred {done} of 32.0 GiB ({percent}%) in {took}")
    };
    let log = bed.log(&task);
    let want = [
        "copying volume 'local-lvm:vm-100-disk-0' from current storage 'local-lvm' to target storage 'other'"
            .to_owned(),
        "create full clone of drive scsi0 (local-lvm:vm-100-disk-0)".to_owned(),
        "Formatting '/mnt/other/images/100/vm-100-disk-0.raw', fmt=raw size=34359738368 preallocation=off".to_owned(),
        "allocated target volume 'other:100/vm-100-disk-0.raw'".to_owned(),
        "drive mirror is starting for drive-scsi0 with bandwidth limit: 8388608 KiB/s".to_owned(),
        text("0.00", "0.0 B", "0s"),
        text("25.00", "8.0 GiB", "1s"),
        text("50.00", "16.0 GiB", "2s"),
        text("75.00", "24.0 GiB", "3s"),
        text("100.00", "32.0 GiB", "4s") + ", ready",
        "all 'mirror' jobs are ready".to_owned(),
        "mirror-scsi0: Completing block job...".to_owned(),
        "mirror-scsi0: Completed successfully.".to_owned(),
        "mirror-scsi0: mirror-job finished".to_owned(),
        "adding source volume 'local-lvm:vm-100-disk-0' as 'unused0' to config".to_owned(),
        "TASK OK".to_owned(),
    ];
    assert_eq!(log, want);
    let config = config(&bed, 100).await;
    assert_eq!(config["scsi0"], "other:100/vm-100-disk-0.raw,discard=on,iothread=1,size=32G");
    assert_eq!(config["unused0"], "local-lvm:vm-100-disk-0");
}

#[tokio::test]
async fn a_stopped_disk_is_copied_by_percent_and_its_source_removed_if_asked() {
    let bed = bed();
    add_target(&bed).await;
    let stop = bed.ok("POST", "/nodes/pve1/qemu/100/status/stop", &[]).await;
    bed.task(&stop);
    let params = [("disk", "scsi0"), ("storage", "other"), ("delete", "1"), ("bwlimit", "1048576")];
    let task = bed.ok("POST", "/nodes/pve1/qemu/100/move_disk", &params).await;
    bed.pass(17);
    let log = bed.log(&task);
    assert_eq!(log[4], "transferred 0.0 B of 32.0 GiB (0.00%)");
    assert_eq!(log[5], "transferred 327.7 MiB of 32.0 GiB (1.00%)");
    assert_eq!(log.last().unwrap(), "transferred 16.6 GiB of 32.0 GiB (52.00%)");
    assert_eq!(bed.task(&task), "OK");
    let log = bed.log(&task);
    assert_eq!(
        log[log.len() - 3..],
        [
            "removing source volume 'local-lvm:vm-100-disk-0' after successful copy",
            "  Logical volume \"vm-100-disk-0\" successfully removed.",
            "TASK OK"
        ]
    );
    let left = bed.ok("GET", "/nodes/pve1/storage/local-lvm/content", &[("content", "images"), ("vmid", "100")]).await;
    assert_eq!(left.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn an_aborted_move_frees_its_target_and_a_dead_node_leaves_it() {
    let bed = bed();
    add_target(&bed).await;
    let params = [("disk", "scsi0"), ("storage", "other"), ("bwlimit", "1024")];
    let task = bed.ok("POST", "/nodes/pve1/qemu/100/move_disk", &params).await;
    bed.pass(5);
    bed.ok("DELETE", &format!("/nodes/pve1/tasks/{}", task.as_str().unwrap()), &[]).await;
    assert_eq!(bed.task(&task), "storage migration failed: block job (mirror) error: interrupted by signal");
    assert_eq!(bed.ok("GET", "/nodes/pve1/storage/other/content", &[]).await, json!([]));
    assert!(config(&bed, 100).await["scsi0"].as_str().unwrap().starts_with("local-lvm:vm-100-disk-0"));

    let task = bed.ok("POST", "/nodes/pve1/qemu/100/move_disk", &params).await;
    bed.pass(5);
    bed.world.with(|cluster| cluster.set_power("pve1", false));
    bed.world.with(|cluster| cluster.set_power("pve1", true));
    assert_eq!(bed.task(&task), "unexpected status");
    let left = bed.ok("GET", "/nodes/pve1/storage/other/content", &[]).await;
    assert_eq!(left[0]["volid"], "other:100/vm-100-disk-0.raw");
    let status = bed.ok("GET", "/nodes/pve1/qemu/100/status/current", &[]).await;
    assert_eq!(status["status"], "stopped");
}

#[tokio::test]
async fn a_guest_that_lost_its_local_disk_does_not_start_and_gets_its_cloud_init_drive_anew() {
    let bed = bed();
    bed.world.with(|cluster| cluster.guests.adopt(100, "pve2"));
    let start = bed.ok("POST", "/nodes/pve2/qemu/100/status/start", &[]).await;
    assert_eq!(bed.task(&start), "no such logical volume pve/vm-100-disk-0");
    assert!(bed.log(&start).len() == 1, "nothing is told of a start that fails");
    let content = bed.ok("GET", "/nodes/pve2/storage/local-lvm/content", &[]).await;
    assert_eq!(content[0]["volid"], "local-lvm:vm-100-cloudinit");
}

#[tokio::test]
async fn what_a_running_guest_does_not_take_waits_for_its_stop() {
    let bed = bed();
    bed.ok("PUT", "/nodes/pve1/qemu/100/config", &[("memory", "4096"), ("scsi1", "local-lvm:1")]).await;
    let shown = config(&bed, 100).await;
    assert_eq!((&shown["memory"], &shown["scsi1"]), (&json!("4096"), &json!("local-lvm:vm-100-disk-1,size=1G")));
    let now = bed.ok("GET", "/nodes/pve1/qemu/100/config", &[("current", "1")]).await;
    assert_eq!(now["memory"], "2048");
    let stop = bed.ok("POST", "/nodes/pve1/qemu/100/status/shutdown", &[]).await;
    assert_eq!(bed.task(&stop), "OK");
    assert_eq!(bed.ok("GET", "/nodes/pve1/qemu/100/config", &[("current", "1")]).await["memory"], "4096");
}

#[tokio::test]
async fn whoever_waits_for_a_move_is_refused_after_ten_seconds_or_meets_another_digest() {
    let bed = bed();
    add_target(&bed).await;
    let before = config(&bed, 100).await;
    // 32 GiB at three quarters of a GiB a second.
    let params = [("disk", "scsi0"), ("storage", "other"), ("bwlimit", "786432")];
    let task = bed.ok("POST", "/nodes/pve1/qemu/100/move_disk", &params).await;
    bed.pass(2);
    assert_eq!(config(&bed, 100).await, before, "nothing shows but the task");
    const TIMEOUT: &str = "can't lock file '/var/lock/qemu-server/lock-100.conf' - got timeout";
    for (path, params) in [
        ("status/stop", vec![]),
        ("config", vec![("description", "x")]),
        ("move_disk", vec![("disk", "scsi0"), ("storage", "other")]),
    ] {
        let waits = bed.ok("POST", &format!("/nodes/pve1/qemu/100/{path}"), &params).await;
        assert_eq!(bed.task(&waits), TIMEOUT, "{path}");
    }
    bed.pass(5);
    assert!(bed.world.with(|cluster| cluster.tasks.is_running("qmmove", "100")), "it takes 43 s");
    let digest = before["digest"].as_str().unwrap();
    let change = [("description", "x"), ("digest", digest)];
    let change = bed.refusal("PUT", "/nodes/pve1/qemu/100/config", &change);
    let late = async {
        tokio::task::yield_now().await;
        assert_eq!(bed.task(&task), "OK");
    };
    let (refusal, ()) = tokio::join!(change, late);
    assert_eq!(refusal, (500, "checksum mismatch (file change by other user?)".to_owned()));
    let after = config(&bed, 100).await;
    assert_eq!((after.get("description"), after["scsi0"] == before["scsi0"]), (None, false));
}

#[tokio::test]
async fn a_device_that_cannot_be_unplugged_goes_with_the_next_stop_and_leaves_the_boot_order_at_once() {
    let bed = bed();
    bed.ok("PUT", "/nodes/pve1/qemu/100/config", &[("scsi1", "local-lvm:1"), ("boot", "order=scsi0;net0")]).await;
    bed.task(&bed.ok("POST", "/nodes/pve1/qemu/100/status/reboot", &[]).await);
    let delete = async |keys: &str| {
        let (status, body) =
            bed.call("PUT", "/nodes/pve1/qemu/100/config", &[("delete", keys), ("description", "x")]).await;
        (status, body["errors"].clone())
    };
    let (status, errors) = delete("scsi0").await;
    assert_eq!((status, &errors), (400, &json!({ "scsi0": "hotplug problem - can't unplug bootdisk 'scsi0'\n" })));
    let shown = config(&bed, 100).await;
    assert_eq!((shown.get("scsi0"), &shown["boot"], &shown["description"]), (None, &json!("order=net0"), &json!("x")));
    bed.ok("PUT", "/nodes/pve1/qemu/100/config", &[("revert", "scsi0")]).await;
    let shown = config(&bed, 100).await;
    assert_eq!((shown.get("scsi0").is_some(), &shown["boot"]), (true, &json!("order=net0")));
    bed.ok("PUT", "/nodes/pve1/qemu/100/config", &[("boot", "order=scsi0;net0")]).await;

    let held = json!({ "scsi1": "hotplug problem - error on hot-unplugging device 'scsi1'\n" });
    bed.world.with(|cluster| cluster.guests.get_mut(100).unwrap().refuses_unplug = true);
    assert_eq!(delete("scsi1").await, (400, held));
    let task = bed.ok("POST", "/nodes/pve1/qemu/100/config", &[("delete", "net0")]).await;
    let text = "400 Parameter verification failed. net0: hotplug problem - error on hot-unplugging device 'net0'";
    assert_eq!(bed.task(&task), text);
    let shown = config(&bed, 100).await;
    assert_eq!((shown.get("scsi1"), shown.get("net0"), &shown["boot"]), (None, None, &json!("order=scsi0")));
    bed.task(&bed.ok("POST", "/nodes/pve1/qemu/100/status/stop", &[]).await);
    let now = bed.ok("GET", "/nodes/pve1/qemu/100/config", &[("current", "1")]).await;
    assert_eq!((now.get("scsi1"), now.get("net0"), &now["boot"]), (None, None, &json!("order=scsi0")));
    assert_eq!(now["unused0"], "local-lvm:vm-100-disk-1");

    // A guest that lets go: at once.
    bed.world.with(|cluster| cluster.guests.get_mut(100).unwrap().refuses_unplug = false);
    bed.ok("PUT", "/nodes/pve1/qemu/100/config", &[("scsi1", "local-lvm:vm-100-disk-1")]).await;
    bed.task(&bed.ok("POST", "/nodes/pve1/qemu/100/status/start", &[]).await);
    assert_eq!(delete("scsi1").await, (200, Value::Null));
}

#[tokio::test]
async fn of_a_managed_guest_ha_owns_the_power() {
    let bed = bed();
    bed.ok("POST", "/cluster/ha/resources", &[("sid", "vm:100"), ("state", "started")]).await;
    bed.pass(60);
    let status = bed.ok("GET", "/nodes/pve1/qemu/100/status/current", &[]).await;
    assert_eq!(status["ha"], json!({ "managed": 1, "state": "started" }));
    let stop = bed.ok("POST", "/nodes/pve1/qemu/100/status/stop", &[]).await;
    assert!(stop.as_str().unwrap().contains(":hastop:100:"));
    assert_eq!(bed.task(&stop), "OK");
    bed.pass(60);
    assert_eq!(bed.ok("GET", "/nodes/pve1/qemu/100/status/current", &[]).await["status"], "stopped");
    let refused = bed.refusal("DELETE", "/nodes/pve1/qemu/100", &[]).await;
    assert_eq!(refused.1, "unable to remove VM 100 - used in HA resources and purge parameter not set.");
    let gone = bed.ok("DELETE", "/nodes/pve1/qemu/100", &[("purge", "1")]).await;
    assert_eq!(bed.task(&gone), "OK");
    assert_eq!(bed.ok("GET", "/cluster/ha/resources", &[]).await, json!([]));
}

#[tokio::test]
async fn a_guest_made_for_ha_is_started_by_it() {
    let bed = bed();
    let params = [("vmid", "101"), ("ha-managed", "1"), ("start", "1")];
    let task = bed.ok("POST", "/nodes/pve1/qemu", &params).await;
    assert_eq!(bed.task(&task), "OK");
    assert_eq!(bed.ok("GET", "/nodes/pve1/qemu/101/status/current", &[]).await["status"], "stopped");
    bed.pass(60);
    assert_eq!(bed.ok("GET", "/nodes/pve1/qemu/101/status/current", &[]).await["status"], "running");
}

#[tokio::test]
async fn each_key_of_the_configuration_takes_its_privilege() {
    let acl = |path: &str, role: &str| AclShape { path: path.into(), role: role.into(), propagate: true };
    let user = UserShape {
        userid: "a@pve".into(),
        password: Some("secret".into()),
        enable: true,
        expire: 0,
        tokens: vec![],
        acl: vec![acl("/vms", "PVEVMUser")],
    };
    let bed = Bed::new(Shape { guests: vec![GuestShape::ready(100, "pve1")], users: vec![user], ..Shape::default() });
    for (params, status, text) in [
        (vec![("memory", "4096")], 403, "Permission check failed (/vms/100, VM.Config.Memory)\n"),
        (vec![("args", "-version")], 500, "only root can set 'args' config\n"),
        (vec![("delete", "scsi0")], 403, "Permission check failed (/vms/100, VM.Config.Disk)\n"),
    ] {
        let reply = bed.send(bed.ticket("a@pve"), "PUT", "/nodes/pve1/qemu/100/config", &params).await;
        let body: Value = serde_json::from_str(&reply.body).unwrap();
        assert_eq!((reply.status, body["message"].as_str().unwrap()), (status, text));
    }
    let allowed = [("ciuser", "someone")];
    let reply = bed.send(bed.ticket("a@pve"), "PUT", "/nodes/pve1/qemu/100/config", &allowed).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let made = bed.send(bed.ticket("a@pve"), "POST", "/nodes/pve1/qemu", &[("vmid", "900")]).await;
    assert_eq!(made.status, 403);
}

#[tokio::test]
async fn who_has_a_resource_pool_makes_guests_in_it_and_nowhere_else() {
    let bed = bed();
    bed.ok("POST", "/access/users", &[("userid", "tenant@pve")]).await;
    for pool in ["mine", "other"] {
        bed.ok("POST", "/pools", &[("poolid", pool)]).await;
    }
    for (path, role) in [("/pool/mine", "PVEVMAdmin"), ("/storage/local-lvm", "PVEDatastoreUser")] {
        bed.ok("PUT", "/access/acl", &[("path", path), ("roles", role), ("users", "tenant@pve")]).await;
    }
    let post = async |params: &[(&str, &str)]| {
        let reply = bed.send(bed.ticket("tenant@pve"), "POST", "/nodes/pve1/qemu", params).await;
        let body: Value = serde_json::from_str(&reply.body).unwrap();
        (reply.status, body["data"].clone(), body["message"].as_str().unwrap_or_default().trim_end().to_owned())
    };
    let hardware = [("memory", "1024"), ("scsi0", "local-lvm:4"), ("net0", "virtio,bridge=vmbr0"), ("name", "mine")];
    let with = |vmid: &'static str, pool: Option<&'static str>| {
        let mut params = vec![("vmid", vmid), ("start", "1")];
        params.extend(pool.map(|pool| ("pool", pool)));
        params.extend(hardware);
        params
    };
    let (status, task, why) = post(&with("201", Some("mine"))).await;
    assert_eq!((status, bed.task(&task).as_str()), (200, "OK"), "{why}");
    // What was made is its tenant's: the pool's rights are the guest's.
    assert_eq!(bed.ok("GET", "/pools/mine", &[]).await["members"][0]["vmid"], 201);
    let may = async |verb: &str, path: &str, params: &[(&str, &str)]| {
        bed.send(bed.ticket("tenant@pve"), verb, path, params).await.status
    };
    assert_eq!(may("GET", "/nodes/pve1/qemu/201/config", &[]).await, 200);
    assert_eq!(may("PUT", "/nodes/pve1/qemu/201/config", &[("memory", "2048")]).await, 200);
    assert_eq!(may("GET", "/nodes/pve1/qemu/100/config", &[]).await, 403);
    let shown = bed.send(bed.ticket("tenant@pve"), "GET", "/access/permissions", &[]).await;
    let shown: Value = serde_json::from_str(&shown.body).unwrap();
    assert_eq!(shown["data"]["/vms/201"]["VM.Allocate"], 1, "{shown}");

    for (params, text) in [
        (with("202", None), "Permission check failed"),
        (with("202", Some("other")), "Permission check failed"),
        (with("202", Some("nope")), "Permission check failed (pool 'nope' does not exist)"),
    ] {
        let (status, _, why) = post(&params).await;
        assert_eq!((status, why.as_str()), (403, text), "{params:?}");
    }
    let unknown = bed.refusal("POST", "/nodes/pve1/qemu", &[("vmid", "202"), ("pool", "nope")]).await;
    assert_eq!(unknown, (403, "Permission check failed (pool 'nope' does not exist)".to_owned()));
    bed.task(&bed.ok("POST", "/nodes/pve1/qemu/201/status/stop", &[]).await);
    bed.task(&bed.ok("DELETE", "/nodes/pve1/qemu/201", &[]).await);
    assert_eq!(bed.ok("GET", "/pools/mine", &[]).await["members"], json!([]));
}

#[tokio::test]
async fn a_protected_guest_and_its_disks_stay() {
    let bed = bed();
    let stop = bed.ok("POST", "/nodes/pve1/qemu/100/status/stop", &[]).await;
    assert_eq!(bed.task(&stop), "OK");
    bed.ok("PUT", "/nodes/pve1/qemu/100/config", &[("protection", "1")]).await;
    let refused = bed.refusal("DELETE", "/nodes/pve1/qemu/100", &[]).await;
    assert_eq!(refused, (500, "can't remove VM 100 - protection mode enabled".to_owned()));
    let refused = bed.refusal("PUT", "/nodes/pve1/qemu/100/config", &[("delete", "scsi0")]).await;
    assert_eq!(refused.1, "can't remove drive 'scsi0' - protection mode enabled");
    bed.ok("PUT", "/nodes/pve1/qemu/100/config", &[("protection", "0")]).await;
    let gone = bed.ok("DELETE", "/nodes/pve1/qemu/100", &[]).await;
    assert_eq!(bed.task(&gone), "OK");
}

#[tokio::test]
async fn the_clusters_list_knows_nothing_of_a_new_guest_until_its_node_tells() {
    let bed = bed();
    bed.pass(20);
    let task = bed.ok("POST", "/nodes/pve1/qemu", &[("vmid", "101"), ("name", "new")]).await;
    assert_eq!(bed.task(&task), "OK");
    let status = async |vmid: u32| {
        let list = bed.ok("GET", "/cluster/resources", &[("type", "vm")]).await;
        let entry = list.as_array().unwrap().iter().find(|entry| entry["vmid"] == vmid).cloned();
        entry.map(|entry| (entry["status"].clone(), entry["name"].clone()))
    };
    assert_eq!(status(100).await.unwrap().0, "running");
    assert_eq!(status(101).await, Some((json!("unknown"), Value::Null)));
    bed.pass(11);
    assert_eq!(status(101).await, Some((json!("stopped"), json!("new"))));
}
