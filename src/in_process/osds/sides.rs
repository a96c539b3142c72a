//! Databases and logs on devices of their own: shared, checked, found again, and taken away with what failed.

use serde_json::{Value as Json, json};

use super::super::work::{Said, Work};

const DISKS: &str = "
nodes:
  - name: pve1
    disks:
      - {path: /dev/sdb, size: 64G, serial: D1}
      - {path: /dev/sdc, size: 64G, serial: D2}
      - {path: /dev/sdd, size: 64G, serial: D3}
      - {path: /dev/sde, size: 10G, serial: FAST, type: ssd}
      - {path: /dev/sdf, size: 64G, serial: EXT4, used: ext4}
      - path: /dev/nvme0n1
        size: 32G
        serial: NV
        type: nvme
        partitions: [{number: 1, size: 8G}, {number: 2, size: 8G}, {number: 3, size: 1G, used: ext4, mounted: true}, {number: 4, size: 8G, used: LVM}]
  - {name: pve2, disks: [{path: /dev/sdb, size: 64G, serial: E1}]}
  - {name: pve3, disks: [{path: /dev/sdb, size: 64G, serial: F1}]}
ceph: {stage: monitors}
";

/// An OSD on a disk of the first node, with these attributes.
fn osd(name: &str, serial: &str, more: &str) -> String {
    format!(
        "resource \"pve_ceph_osd\" \"{name}\" {{\nnode = \"pve1\"\ndevice = {{ serial = \"{serial}\" }}\nallow_destroy = true\n{more}\n}}\n"
    )
}

const FAST: &str = "db_device = { serial = \"FAST\" }\ndb_size = \"3G\"";

async fn work() -> Work {
    Work::at(DISKS, 240.0).await
}

impl Work {
    async fn planned(&mut self, text: &str) -> Said {
        self.write(text);
        self.try_plan().await
    }

    fn says_of(&self, name: &str, attribute: &str) -> Json {
        self.instance(&format!("pve_ceph_osd.{name}"))["attributes"][attribute].clone()
    }

    /// What the devices of databases hold, by node and device.
    fn volumes(&self) -> Json {
        self.site.state()["ceph"]["volumes"].clone()
    }
}

/// What was asked of PVE for the last OSD.
fn asked(work: &Work) -> Json {
    let all = work.site.requests();
    let last = all.iter().rfind(|seen| seen.method == "POST" && seen.path.ends_with("/ceph/osd")).unwrap();
    serde_json::to_value(&last.params).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn databases_share_a_disk_and_leave_it_as_it_was() {
    let mut work = work().await;
    let before = work.site.state();
    let log = "wal_device = { serial = \"NV\", partition = 1 }\nwal_size = \"512M\"";
    let text = osd("a", "D1", FAST)
        + &osd("b", "D2", &format!("{FAST}\n{log}"))
        + &osd("c", "D3", "db_device = { serial = \"NV\", partition = 2 }");
    work.write(&text);
    let output = work.apply().await.succeeded();
    assert!(!output.says("Warning:"), "{}", output.told());
    assert!(work.plan().await.is_empty());
    assert_eq!(
        work.volumes(),
        json!({ "pve1 /dev/sde": { "db": 2 }, "pve1 /dev/nvme0n1p1": { "wal": 1 }, "pve1 /dev/nvme0n1p2": { "db": 1 } })
    );
    // What was left to PVE is found out: a tenth of the device, in LVM's extents.
    assert_eq!((work.says_of("c", "db_size"), work.says_of("a", "wal_device")), (json!("6556M"), Json::Null));

    // All of it is found again by an import, and need not be said.
    for (name, words) in [("b", text.as_str()), ("c", "")] {
        let id = work.says_of(name, "osd_id").to_string();
        let kept = work.instance(&format!("pve_ceph_osd.{name}"));
        work.forget(&format!("pve_ceph_osd.{name}"));
        work.import(&format!("pve_ceph_osd.{name}"), &id).await.succeeded();
        for attribute in ["db_device", "db_size", "wal_device", "wal_size"] {
            assert_eq!(work.says_of(name, attribute), kept["attributes"][attribute], "{name} {attribute}");
        }
        let said = if words.is_empty() {
            text.replace("db_device = { serial = \"NV\", partition = 2 }", "")
        } else {
            words.to_owned()
        };
        work.write(&said);
        work.apply().await.succeeded();
        assert!(work.plan().await.is_empty());
    }
    // Where they lie is asked for once: a refresh goes without it.
    work.site.forget_requests();
    assert!(work.plan().await.is_empty());
    let dear = |path: &str| path.ends_with("/lv-info") || path.ends_with("/disks/lvm") || path.ends_with("/disks/list");
    assert!(!work.site.requests().iter().any(|seen| dear(&seen.path)));

    work.destroy().await.succeeded();
    let mut after = work.site.state();
    after["ceph"]["pools"] = before["ceph"]["pools"].clone();
    assert_eq!(after, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_knows_what_can_hold_a_database() {
    let mut work = work().await;
    for (side, summary) in [
        ("db_device = { serial = \"NONE\" }", "A disk with serial number NONE does not exist on pve1"),
        ("db_device = { serial = \"D1\" }", "The database of an OSD has no device of its own there"),
        (
            "db_device = { serial = \"FAST\" }\nwal_device = { path = \"/dev/sde\" }",
            "the log lies with the database then",
        ),
        ("wal_device = { serial = \"NV\", partition = 3 }", "No log of an OSD can lie on partition 3 of NV of pve1"),
        (
            "db_device = { serial = \"FAST\" }\ndb_size = \"11G\"",
            "No room for the database of an OSD on disk FAST of pve1",
        ),
        ("db_device = { serial = \"FAST\" }\ndb_size = \"1023M\"", "must be 1G at least"),
        ("wal_device = { serial = \"FAST\" }\nwal_size = \"100M\"", "must be 512M at least"),
        ("db_size = \"3G\"", "db_device"),
    ] {
        work.planned(&osd("a", "D1", side)).await.failed(summary);
    }
    // What may be otherwise by then is told.
    for (side, told) in [
        ("db_device = { serial = \"NV\" }", "`pve_disk_partition` makes one"),
        ("db_device = { serial = \"NV\", partition = 4 }", "of LVM's type, and in no volume group"),
        ("db_device = { serial = \"EXT4\" }", "Nothing is ever erased for one."),
    ] {
        let output = work.planned(&osd("a", "D1", side)).await.succeeded();
        assert!(
            output.says("The apply of a pve_ceph_osd would fail as things are now") && output.says(told),
            "{}",
            output.told()
        );
        work.apply().await.failed("No database of an OSD can lie on");
    }
    // Three of three and a half do not fit on ten; each alone does.
    let more = "db_device = { serial = \"FAST\" }\ndb_size = \"3.5G\"";
    let three = osd("a", "D1", more) + &osd("b", "D2", more) + &osd("c", "D3", more);
    let output = work.planned(&three).await.succeeded();
    assert!(output.says("what else this plan makes there takes 7 GiB"), "{}", output.told());
    assert!(work.site.sent().is_empty(), "{:?}", work.site.sent());
    let two = osd("a", "D1", more) + &osd("b", "D2", more);
    assert!(!work.planned(&two).await.succeeded().says("Warning:"));
    work.apply().await.succeeded();
    assert_eq!(asked(&work)["db_dev_size"], "3.5");
    work.site.forget_requests();
    // The group that is there by now has no room for a third.
    let output = work.planned(&(two + &osd("c", "D3", more))).await.succeeded();
    assert!(output.says("/dev/sde of pve1 has 3 GiB left"), "{}", output.told());
    work.apply().await.failed("No room for the database");
    assert!(work.site.sent().is_empty(), "{:?}", work.site.sent());
    // Nor is the device of an OSD one for a database, or that of databases one for an OSD.
    let held = work.planned(&osd("c", "D3", "db_device = { serial = \"D1\" }")).await;
    held.failed("the device of osd.");
    let wiped = osd("c", "FAST", "wipe_if = [\"LVM\"]");
    work.planned(&wiped).await.failed("Refusing to wipe disk FAST on pve1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_failed_creation_has_made_is_taken_away_and_no_other() {
    let mut work = work().await;
    let other = osd("other", "D3", FAST);
    work.write(&other);
    work.apply().await.succeeded();
    let side = "wal_device = { serial = \"NV\", partition = 1 }\nwal_size = \"1G\"";
    let text = other + &osd("a", "D1", &format!("{FAST}\n{side}"));
    work.write(&text);
    let undisturbed = work.site.state();
    let midway = json!({ "task": "midway", "message": "no luck" });
    work.site.fault(&json!({ "match": { "method": "POST", "path": "/nodes/*/ceph/osd" }, "effect": midway }));
    let output = work.apply().await.failed("no luck");
    assert!(work.instance("pve_ceph_osd.a").is_null(), "{}", output.told());
    assert_eq!(work.site.state(), undisturbed);

    // The node's shell does not answer: it is told, and the next apply does it.
    work.site
        .fault(&json!({ "match": { "method": "POST", "path": "/nodes/*/ceph/osd" }, "effect": { "task": "midway" } }));
    let gone = json!({ "match": { "method": "GET", "path": "/nodes/*/disks/lvm" }, "nth": 4, "times": 9, "effect": { "status": 500, "message": "asleep" } });
    work.site.fault(&gone);
    let output = work.apply().await;
    assert!(output.says("asleep"), "{}", output.told());
    work.site.clear_faults();
    assert_eq!(work.says_of("a", "ready"), false);
    assert_eq!(work.volumes()["pve1 /dev/sde"], json!({ "db": 1, "nobody's": 1 }));
    work.apply().await.succeeded();
    assert!(work.plan().await.is_empty());
    assert_eq!(work.volumes(), json!({ "pve1 /dev/sde": { "db": 2 }, "pve1 /dev/nvme0n1p1": { "wal": 1 } }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_creation_with_parts_that_nobody_saw_end_is_carried_on() {
    let mut work = work().await;
    let text = osd("a", "D1", FAST);
    work.write(&text);
    for effect in [json!({ "drop": true }), json!({ "task": "vanish" })] {
        for when in ["before", "after"] {
            work.site.fault(
                &json!({ "match": { "method": "POST", "path": "/nodes/*/ceph/osd" }, "when": when, "effect": effect }),
            );
            let first = work.apply().await;
            work.site.clear_faults();
            work.apply().await.succeeded();
            assert!(work.plan().await.is_empty(), "{effect} {when}: {}", first.told());
            assert_eq!(work.volumes(), json!({ "pve1 /dev/sde": { "db": 1 } }), "{effect} {when}: {}", first.told());
            assert_eq!(work.says_of("a", "db_size"), "3G");
            work.destroy().await.succeeded();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_a_killed_run_has_made_is_known_by_its_parts_too() {
    for (more, taken) in [(FAST, true), ("", false)] {
        let mut work = work().await;
        work.write(&osd("a", "D1", FAST));
        let held =
            json!({ "match": { "method": "GET", "path": "/nodes/*/tasks/*/status" }, "effect": { "hold": true } });
        work.site.fault(&held);
        assert!(!work.apply_until_killed().await.ok);
        work.site.advance(60);
        // The journal knows the plan that was being carried out; with another one it is somebody's.
        work.write(&osd("a", "D1", more));
        let output = work.apply().await;
        assert_eq!(output.ok, taken, "{}", output.told());
        if taken {
            assert!(output.says("osd.0 on /dev/sdb of pve1 exists already"), "{}", output.told());
            assert!(work.plan().await.is_empty());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_device_or_size_is_another_osd() {
    let mut work = work().await;
    work.write(&osd("a", "D1", FAST));
    work.apply().await.succeeded();
    work.site.forget_requests();
    // Other words, and a size that comes to the same.
    let same = osd("a", "D1", "db_device = { path = \"/dev/sde\" }\ndb_size = \"3071M\"");
    assert_eq!(work.planned(&same).await.actions("pve_ceph_osd.a"), ["update"]);
    work.apply().await.succeeded();
    assert!(work.plan().await.is_empty() && work.site.sent().is_empty());
    assert!(work.planned(&osd("a", "D1", "")).await.is_empty(), "left alone when unset");

    let rows = [
        (
            "db_device = { serial = \"NV\", partition = 1 }\ndb_size = \"3G\"",
            "osd.0 has its database on /dev/sde of pve1: `db_device = { serial = \"FAST\" }`",
        ),
        ("db_device = { serial = \"FAST\" }\ndb_size = \"4G\"", "The database of osd.0 has 3071M"),
        ("wal_device = { serial = \"NV\", partition = 1 }", "osd.0 has its log on its own device."),
    ];
    for (side, told) in rows {
        let protected = osd("a", "D1", side).replace("allow_destroy = true\n", "");
        let output = work.planned(&osd("a", "D1", side)).await.succeeded();
        assert_eq!(output.actions("pve_ceph_osd.a"), ["delete", "create"], "{side}");
        assert!(output.says(told) && !output.says("exists already"), "{side}: {}", output.told());
        assert!(!output.says("would fail as things are now"), "{side}: {}", output.told());
        // The permission is what was applied.
        assert!(work.planned(&protected).await.ok, "{side}");
    }
    work.write(&osd("a", "D1", rows[1].0).replace("allow_destroy = true\n", ""));
    work.apply().await.succeeded();
    assert!(work.plan().await.is_empty());
    assert_eq!(work.volumes(), json!({ "pve1 /dev/sde": { "db": 1 } }));
    work.planned(&osd("a", "D1", rows[0].0)).await.failed("OSDs are protected");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removal_that_was_cut_off_frees_the_devices_of_its_parts_too() {
    let mut work = work().await;
    let text = osd("a", "D1", "db_device = { serial = \"NV\", partition = 1 }\ndb_size = \"2G\"");
    work.write(&text);
    work.apply().await.succeeded();
    let used = |work: &Work| {
        work.site.state()["nodes"][0]["disks"].as_array().unwrap().iter().find(|d| d["path"] == "/dev/nvme0n1").unwrap()
            ["partitions"]["1"]
            .clone()
    };
    work.site.fault(&json!({ "match": { "method": "PUT", "path": "/nodes/*/disks/wipedisk" }, "effect": { "status": 500, "message": "no luck" } }));
    let output = work.destroy().await.failed("no luck");
    assert!(output.says("/dev/nvme0n1p1 of pve1 is not known to be free yet"), "{}", output.told());
    assert_eq!(used(&work), "LVM");
    work.destroy().await.succeeded();
    assert_eq!(used(&work), Json::Null);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_device_of_databases_is_told_and_its_osds_go() {
    let mut work = work().await;
    let text = osd("a", "D1", FAST) + &osd("b", "D2", FAST);
    work.write(&text);
    work.apply().await.succeeded();
    work.site.kill_disk("pve1", "FAST");
    work.site.advance(60);
    let plan = work.plan().await;
    assert!(plan.is_empty() && plan.says("OSDs have lost the device of a part"), "{}", plan.told());
    work.destroy().await.succeeded();
    assert_eq!(work.site.state()["ceph"]["osds"], json!({}));
}
