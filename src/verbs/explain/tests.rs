use serde_json::json;

use super::copies::{Bears, Layout};
use super::*;

fn words(all: &[&str]) -> Vec<String> {
    all.iter().map(|word| (*word).to_owned()).collect()
}

fn change(address: &str, actions: &[&str], before: Json, after: Json) -> Json {
    let kind = address.split('.').next();
    json!({ "address": address, "mode": "managed", "type": kind, "change": {
        "actions": actions, "before": before, "after": after, "after_unknown": {}, "before_sensitive": {}, "after_sensitive": {},
    }})
}

fn resources(all: &[(&str, Json)]) -> Json {
    let all: Vec<Json> =
        all.iter().map(|(kind, values)| json!({ "type": kind, "mode": "managed", "values": values })).collect();
    // As much in a module as not.
    let (here, below) = all.split_at(all.len() / 2);
    json!({ "root_module": { "resources": here, "child_modules": [{ "resources": below }] } })
}

fn docs() -> Json {
    terraform_plugin::docs_json::<PveProvider>()
}

fn told(plan: &Json, words_: &[&str]) -> (String, Vec<String>) {
    explain(plan, &docs(), &parse(&words(words_)).unwrap())
}

fn osd(node: &str, serial: &str) -> (&'static str, Json) {
    ("pve_ceph_osd", json!({ "node": node, "device": { "serial": serial }, "crush_device_class": null }))
}

/// Three hosts with two OSDs each, a rule that takes OSDs, a pool of five copies; a machine's disk moves there.
fn road() -> Json {
    let osds = ["a", "b", "c"].iter().flat_map(|node| [osd(node, &format!("{node}1")), osd(node, &format!("{node}2"))]);
    let mut after: Vec<(&str, Json)> = osds.collect();
    after.push(("pve_ceph_crush_rule", json!({ "name": "osd", "failure_domain": "osd", "device_class": null })));
    after.push(("pve_ceph_pool", json!({ "name": "vm", "size": 5, "min_size": 3, "crush_rule": "osd" })));
    after.push(("pve_vm", json!({ "vmid": 101, "disks": { "scsi0": { "size": "32G" } } })));
    let wipes = json!({ "node": "a", "device": { "serial": "a1", "partition": 4 }, "wipe_if": ["ext4"] });
    json!({
        "format_version": "1.2",
        "prior_state": { "values": resources(&[]) },
        "planned_values": resources(&after),
        "resource_changes": [
            change("pve_ceph_osd.one", &["create"], Json::Null, wipes),
            change("pve_ceph_pool.vm", &["create"], Json::Null, json!({ "name": "vm" })),
            change("pve_vm_disk_move.db", &["create"], Json::Null, json!({ "vmid": 101, "disk": "scsi0", "storage": "ceph-vm", "delete_source": true })),
            change("pve_ha_resource.db", &["update"], json!({ "sid": "vm:101", "state": "stopped" }), json!({ "sid": "vm:101", "state": "started" })),
            change("pve_user.joe", &["no-op"], json!({ "userid": "joe@pve" }), json!({ "userid": "joe@pve" })),
            change("other_thing.x", &["delete"], json!({}), Json::Null),
        ],
    })
}

#[test]
fn what_a_reviewer_looks_for_is_there() {
    let (text, tripped) = told(&road(), &[]);
    for line in [
        "3 to make, 1 to change.",
        "pve_ceph_osd.one: partition 4 of the disk a1 of a becomes an OSD; what it holds is ERASED if PVE calls it ext4;",
        "pve_vm_disk_move.db: scsi0 of vm:101 goes to ceph-vm (32G: 1 h 49 min at 5 MiB/s, 5 min at 100 MiB/s); the source goes",
        "pve_ha_resource.db: state stopped -> started",
        "pool vm: before: not there; after: I/O goes on when any 1 of 3 hosts die, nothing is lost when any 2 die (5/3)",
        "root@pam with its password, or ssh, for",
    ] {
        assert!(text.contains(line), "{line}\nis not in\n{text}");
    }
    assert!(!text.contains("other_thing") && !text.contains("joe"), "{text}");
    assert!(tripped.is_empty());
    let (markdown, _) = told(&road(), &["--markdown"]);
    assert!(markdown.contains("### Moved data\n\n- pve\\_vm\\_disk\\_move.db: scsi0"), "{markdown}");
    let (nothing, _) = told(&json!({ "format_version": "1.2", "resource_changes": [] }), &[]);
    assert_eq!(nothing, "Plan\n  Nothing changes.\n");
}

#[test]
fn gates_name_what_trips_them() {
    let (_, tripped) = told(&road(), &["--fail-on", "destroy,erase,replace,move"]);
    assert_eq!(tripped, ["--fail-on erase: pve_ceph_osd.one", "--fail-on move: pve_vm_disk_move.db"]);
    let mut plan = road();
    let pool = json!({ "name": "vm", "size": 5 });
    plan["resource_changes"] = json!([
        change("pve_ceph_pool.vm", &["delete", "create"], pool.clone(), json!({ "name": "new", "size": 5 })),
        change("pve_storage_rbd.vm", &["delete"], json!({ "storage": "vm" }), Json::Null),
        change(
            "pve_ceph_osd.a",
            &["delete"],
            json!({ "node": "a", "device": { "serial": "a1" }, "force": true }),
            Json::Null
        ),
        change("pve_group.x", &["forget"], json!({ "groupid": "x" }), Json::Null),
    ]);
    let (text, tripped) = told(&plan, &["--fail-on=destroy,erase", "--fail-on", "root"]);
    assert_eq!(
        tripped,
        [
            "--fail-on destroy: pve_ceph_pool.vm, pve_storage_rbd.vm, pve_ceph_osd.a",
            "--fail-on erase: pve_ceph_pool.vm, pve_ceph_osd.a",
            "--fail-on root: pve_ceph_osd",
        ]
    );
    for line in [
        "pve_ceph_pool.vm: name vm -> new: the pool vm and everything in it",
        "pve_storage_rbd.vm: PVE knows the storage no more; what lies on it stays",
        "the OSD on a goes at once (force)",
        "the disk a1 of a is ERASED after it",
        "pve_group.x: forgotten by Terraform, left as it is",
    ] {
        assert!(text.contains(line), "{line}\nis not in\n{text}");
    }
}

#[test]
fn actions_are_told_and_trip_gates() {
    let wipe = json!({ "address": "action.pve_disk_wipe.old", "type": "pve_disk_wipe", "config_values": { "node": "a", "serial": "a1", "partition": null } });
    let other = json!({ "address": "action.other_thing.x", "type": "other_thing", "config_values": {} });
    let plan = json!({ "format_version": "1.2", "action_invocations": [wipe, other] });
    let (text, tripped) = told(&plan, &["--fail-on", "erase,root,destroy"]);
    assert!(text.contains("Nothing changes but by actions."), "{text}");
    assert!(text.contains("action.pve_disk_wipe.old: the disk a1 of a is ERASED") && !text.contains("other"), "{text}");
    assert_eq!(tripped, ["--fail-on erase: action.pve_disk_wipe.old", "--fail-on root: pve_disk_wipe"]);
}

#[test]
fn what_is_not_known_yet_trips_gates() {
    let mut osd =
        change("pve_ceph_osd.a", &["create"], Json::Null, json!({ "node": "a", "device": { "serial": "a1" } }));
    osd["change"]["after_unknown"] = json!({ "wipe_if": true });
    let disks = |storage: Json| json!({ "vmid": 101, "disks": { "scsi0": storage } });
    let mut vm = change("pve_vm.db", &["update"], disks(json!({ "storage": "a" })), disks(json!({})));
    vm["change"]["after_unknown"] = json!({ "disks": { "scsi0": { "storage": true } } });
    let mut plan = road();
    plan["resource_changes"] = json!([osd, vm]);
    let (text, tripped) = told(&plan, &["--fail-on", "erase,move"]);
    assert!(text.contains("what of it may be ERASED is known after the apply"), "{text}");
    assert_eq!(tripped, ["--fail-on erase: pve_ceph_osd.a", "--fail-on move: pve_vm.db"]);
}

#[test]
fn a_note_does_not_look_like_a_line_of_ours() {
    let mut plan = road();
    let note = |text: &str| json!({ "vmid": 101, "description": text });
    plan["resource_changes"] = json!([change("pve_vm.db", &["update"], note(""), note("x\n\nDestroyed\n  all"))]);
    let (text, _) = told(&plan, &["--markdown"]);
    assert!(text.contains("x  Destroyed   all") && !text.contains("\nDestroyed"), "{text}");
}

#[test]
fn secrets_are_not_told() {
    let mut plan = road();
    let mut change = change(
        "pve_token.ci",
        &["update"],
        json!({ "value": "s3cret", "comment": "a" }),
        json!({ "value": "other", "comment": null }),
    );
    change["change"]["after_sensitive"] = json!({ "value": true });
    plan["resource_changes"] = json!([change]);
    let (text, _) = told(&plan, &[]);
    assert!(text.contains("pve_token.ci: comment a -> unset, value (not shown)"), "{text}");
    assert!(!text.contains("s3cret") && !text.contains("other"), "{text}");
}

#[test]
fn a_machines_disks_that_change_their_storage_are_moves() {
    let disks = |storage: &str| json!({ "vmid": 101, "disks": { "scsi0": { "size": "1T", "storage": storage }, "scsi1": { "storage": "a" } } });
    let mut plan = road();
    plan["resource_changes"] = json!([change("pve_vm.db", &["update"], disks("local"), disks("ceph"))]);
    plan["planned_values"] = resources(&[("pve_vm", disks("ceph"))]);
    let (text, tripped) = told(&plan, &["--fail-on", "move"]);
    assert!(text.contains("pve_vm.db: scsi0 of vm:101 goes from local to ceph (1T: 58 h 15 min at 5 MiB/s"), "{text}");
    assert_eq!(tripped, ["--fail-on move: pve_vm.db"]);
}

#[test]
fn hosts_may_die_as_the_rule_lets_copies_lie() {
    let layout = |osds: &[(&'static str, usize)], domain: &str, size: u32, min_size: u32| {
        let mut all: Vec<(&str, Json)> =
            osds.iter().flat_map(|(node, n)| (0..*n).map(|n| osd(node, &n.to_string()))).collect();
        all.push(("pve_ceph_crush_rule", json!({ "name": "r", "failure_domain": domain })));
        all.push(("pve_ceph_pool", json!({ "name": "p", "size": size, "min_size": min_size, "crush_rule": "r" })));
        let all: Vec<(&str, &Json)> = all.iter().map(|(kind, values)| (*kind, values)).collect();
        let layout = Layout::of(&all);
        layout.bears(&layout.pools[0])
    };
    let bears = |with_io, without_loss, hosts, undersized| Some(Bears { with_io, without_loss, hosts, undersized });
    let three = [("a", 2), ("b", 2), ("c", 2)];
    assert_eq!(layout(&three, "osd", 5, 3), bears(1, 2, 3, false));
    assert_eq!(layout(&three, "osd", 3, 2), bears(0, 1, 3, false), "two of three copies may lie on one host");
    assert_eq!(layout(&three, "host", 3, 2), bears(1, 2, 3, false));
    assert_eq!(layout(&three, "host", 5, 3), bears(0, 2, 3, true), "five copies find three hosts");
    assert_eq!(layout(&[("a", 1)], "host", 3, 2), bears(0, 0, 1, true));
    assert_eq!(layout(&[("a", 9), ("b", 1)], "osd", 3, 2), bears(0, 0, 2, false));
    assert_eq!(layout(&three, "rack", 3, 2), None, "racks are not of this configuration");
    assert_eq!(layout(&[], "osd", 3, 2), None);
}

#[test]
fn the_picture_has_hosts_osds_and_copies() {
    let (svg, _) = told(&road(), &["--svg"]);
    assert!(svg.starts_with("<svg ") && svg.trim_end().ends_with("</svg>"), "{svg}");
    assert!(svg.contains("no OSDs in this configuration"), "before");
    for host in ["a", "b", "c"] {
        assert_eq!(svg.matches(&format!(">{host}</text>")).count(), 1, "{svg}");
    }
    // Five copies of the pool, and its legend.
    assert_eq!(svg.matches("<circle").count(), 6, "{svg}");
    assert_eq!(svg.matches("<rect").count(), 3 + 6, "{svg}");
    // Nothing is cut off at the right.
    let wide: usize = svg.split("width=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap().parse().unwrap();
    let told = |line: &str| line.split("</text>").next().and_then(|text| text.rsplit('>').next()).map_or(0, str::len);
    let longest = svg.lines().filter(|line| line.contains("<text")).map(told).max().unwrap();
    assert!(longest > 60 && wide >= 7 * longest, "{wide} for {longest}");
}

#[test]
fn words_that_make_no_sense_are_told() {
    for (line, why) in [
        (&["--fail-on", "explode"][..], "knows no \"explode\""),
        (&["--fail-on"], "knows no \"\""),
        (&["--yaml"], "unknown option --yaml"),
        (&["--svg", "--markdown"], "exclude each other"),
        (&["a", "b"], "one plan at a time"),
    ] {
        assert!(parse(&words(line)).unwrap_err().contains(why), "{line:?}");
    }
    assert_eq!(parse(&words(&["-", "x.json"])).unwrap().file.as_deref(), Some("x.json"));
    assert!(read_plan(Some("/no/such/plan")).unwrap_err().contains("/no/such/plan"));
}
