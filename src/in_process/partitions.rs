//! Partitions: made once and only in what is free, whatever happens on the way; recognised; and not destroyed while anything is
//! on them.

use pve_sim::shape::{DiskShape, PartitionShape, Size};
use serde_json::{Value as Json, json};

use super::lives::provider_block;
use super::work::{Site, Work};

/// The system's disk with a gap of 10 GiB between its partitions and one of 100 GiB behind them; one without a table, one with
/// an MBR, one that is in use as a whole.
const NODES: &str = "
nodes:
  - name: pve1
    disks:
      - path: /dev/nvme0n1
        type: nvme
        size: 400G
        serial: SYS
        partitions:
          - {number: 1, size: 1G, used: EFI, mounted: true}
          - {number: 2, size: 100G, used: LVM, held: true, label: system}
          - {number: 5, size: 180G, start: 119G, used: ext4}
      - {path: /dev/sdb, size: 100G, serial: EMPTY}
      - {path: /dev/sdc, size: 100G, serial: OLD, mbr: true, partitions: [{number: 1, size: 10G}]}
      - {path: /dev/sdd, size: 100G, serial: ZPOOL, used: ZFS}
      - {path: /dev/sde, size: 100G, serial: TWIN, model: A}
      - {path: /dev/sdf, size: 100G, serial: TWIN, model: B}
";

async fn work(ceph: &str) -> Work {
    Work::of(&format!("{NODES}ceph: {{stage: {ceph}, mons: [pve1]}}\n")).await
}

fn block(name: &str, attributes: &str) -> String {
    format!("resource \"pve_disk_partition\" \"{name}\" {{\nnode = \"pve1\"\n{attributes}\n}}\n")
}

fn one(attributes: &str) -> String {
    block("p", attributes)
}

const ON_SYSTEM: &str = "disk = \"SYS\"\nlabel = \"osd\"\nsize = \"50G\"";
const ON_EMPTY: &str = "disk = \"EMPTY\"\nlabel = \"osd\"\nsize = \"50G\"\ncreate_table = true";

/// Everything that is in the table of a disk: number, beginning and size in GiB, name.
fn table(work: &Work, serial: &str) -> Vec<(u32, f64, u64, String)> {
    let of = |disk: &DiskShape| {
        let gib = |bytes: u64| bytes >> 30;
        let part = |part: &PartitionShape| {
            let start = part.start.unwrap().0 as f64 / f64::from(1 << 30);
            (part.number, start, gib(part.size.0), part.label.clone().unwrap_or_default())
        };
        disk.partitions.iter().map(part).collect()
    };
    disk(work, serial, |disk| of(disk))
}

fn disk<T>(work: &Work, serial: &str, look: impl FnOnce(&mut DiskShape) -> T) -> T {
    work.bench.sim.world.with(|cluster| {
        let disks = &mut cluster.nodes.get_mut("pve1").unwrap().disks;
        look(disks.iter_mut().find(|disk| disk.serial.as_deref() == Some(serial)).unwrap())
    })
}

fn ours(work: &Work, serial: &str) -> usize {
    table(work, serial).iter().filter(|part| part.3 == "osd").count()
}

fn attributes(work: &Work) -> Json {
    work.instance("pve_disk_partition.p")["attributes"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn partitions_fill_what_is_free_and_leave_the_rest_alone() {
    let mut work = work("none").await;
    let before = table(&work, "SYS");
    let second = block("small", "disk = \"nvme-SIMDISK_SYS\"\nlabel = \"small\"\nsize = \"10G\"");
    work.write(&format!("{}{second}", one(ON_SYSTEM)));
    work.apply().await.succeeded();
    assert!(work.plan().await.is_empty());
    let after = table(&work, "SYS");
    assert_eq!(after.iter().filter(|part| before.contains(part)).count(), before.len());
    let of = |label: &str| after.iter().find(|part| part.3 == label).unwrap().clone();
    assert_eq!((of("osd").1, of("osd").2), (299.0, 50), "behind the last one, since the gap before it is too small");
    assert_eq!(of("small").2, 10);
    assert!(of("small").1 > 101.0 && of("small").1 < 119.0, "in the gap: {:?}", of("small"));
    let mut numbers = [of("osd").0, of("small").0];
    numbers.sort_unstable();
    assert_eq!(numbers, [3, 4], "numbers that are free");

    let (kept, small) = (attributes(&work), work.instance("pve_disk_partition.small")["attributes"].clone());
    assert_eq!(kept["device"], json!({ "path": null, "by_id": null, "serial": "SYS", "partition": kept["number"] }));
    let link = format!("/dev/disk/by-id/nvme-SIMDISK_SYS-part{}", small["number"]);
    assert_eq!(small["device"], json!({ "path": null, "by_id": link, "serial": null, "partition": null }));

    // The same from an import.
    work.forget("pve_disk_partition.p");
    work.import("pve_disk_partition.p", "pve1/SYS/osd").await.succeeded();
    assert!(work.plan().await.is_empty());
    let imported = attributes(&work);
    for name in ["number", "uuid", "device", "size"] {
        assert_eq!(imported[name], kept[name], "{name}");
    }
    work.destroy().await.succeeded();
    assert_eq!(table(&work, "SYS"), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_disk_gets_a_table_if_that_was_said() {
    let mut work = work("none").await;
    work.write(&one(ON_EMPTY));
    work.apply().await.succeeded();
    assert_eq!(table(&work, "EMPTY"), [(1, 1.0 / 1024.0, 50, "osd".to_owned())]);
    // A second one needs not say it, and from then on neither does the first.
    let more = block("more", "disk = \"EMPTY\"\nlabel = \"more\"\nsize = \"49G\"");
    work.write(&format!("{}{more}", one(&ON_EMPTY.replace("create_table = true", ""))));
    work.apply().await.succeeded();
    assert!(work.plan().await.is_empty());
    assert_eq!(table(&work, "EMPTY").len(), 2);
    // Now there is no room for what is there already: that it is there is told all the same.
    let more = work.instance("pve_disk_partition.more");
    work.forget("pve_disk_partition.more");
    assert!(work.plan().await.says("/dev/sdb of pve1 has no room for 49 GiB"));
    let said = work.apply().await.failed("exists already");
    assert!(said.says("id = \"pve1/EMPTY/more\""), "{}", said.told());
    work.import("pve_disk_partition.more", "pve1/EMPTY/more").await.succeeded();
    assert_eq!(work.instance("pve_disk_partition.more")["attributes"]["uuid"], more["attributes"]["uuid"]);
    work.destroy().await.succeeded();
    assert_eq!(table(&work, "EMPTY"), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_is_said_before_anything_is_written() {
    let mut work = work("none").await;
    let rows = [
        ("disk = \"NONE\"\nlabel = \"a\"\nsize = \"1G\"", "Disk NONE does not exist on pve1", "SYS, EMPTY, OLD"),
        ("disk = \"TWIN\"\nlabel = \"a\"\nsize = \"1G\"", "TWIN is not unique on pve1", "by its link"),
        ("disk = \"EMPTY\"\nlabel = \"a\"\nsize = \"1G\"", "/dev/sdb of pve1 has no GPT", "create_table = true"),
        (
            "disk = \"EMPTY\"\nlabel = \"a\"\nsize = \"100G\"\ncreate_table = true",
            "/dev/sdb of pve1 has no room for 100 GiB",
            "smaller `size`",
        ),
        (
            "disk = \"OLD\"\nlabel = \"a\"\nsize = \"1G\"\ncreate_table = true",
            "/dev/sdc of pve1 has no GPT",
            "sgdisk --mbrtogpt /dev/sdc",
        ),
        (
            "disk = \"ZPOOL\"\nlabel = \"a\"\nsize = \"1G\"\ncreate_table = true",
            "/dev/sdd of pve1 has no GPT",
            "PVE shows `ZFS` on it",
        ),
        (
            "disk = \"SYS\"\nlabel = \"a\"\nsize = \"200G\"",
            "/dev/nvme0n1 of pve1 has no room",
            "/dev/nvme0n1p2 (100 GiB)",
        ),
        ("disk = \"SYS\"\nlabel = \"a b\"\nsize = \"1G\"", "up to 36 letters", "label"),
        ("disk = \"SYS\"\nlabel = \"a\"\nsize = \"1500K\"", "whole number of MiB", "size"),
        ("disk = \"/dev/sdb\"\nlabel = \"a\"\nsize = \"1G\"", "not a path", "disk"),
        ("disk = \"unknown\"\nlabel = \"a\"\nsize = \"1G\"", "by its link", "disk"),
    ];
    work.refused(one, &rows).await;
    // What the table alone tells needs the node's shell, and comes before the write, too.
    let before = table(&work, "SYS");
    let rows = [
        ("disk = \"SYS\"\nlabel = \"system\"\nsize = \"1G\"", "exists already", "id = \"pve1/SYS/system\""),
        (
            "disk = \"SYS\"\nlabel = \"a\"\nsize = \"110G\"",
            "No gap between its partitions is so large",
            "the largest has 101 GiB",
        ),
    ];
    for (attributes, summary, cure) in rows {
        work.write(&one(attributes));
        let said = work.apply().await.failed(summary);
        assert!(said.says(cure), "{}", said.told());
        assert!(work.bench.core.state.is_empty() && table(&work, "SYS") == before);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_that_do_not_fit_together_are_told_at_plan() {
    let mut work = work("none").await;
    let three =
        [1, 2, 3].map(|n| block(&format!("p{n}"), &format!("disk = \"SYS\"\nlabel = \"p{n}\"\nsize = \"40G\"")));
    work.write(&three.concat());
    let plan = work.plan().await;
    assert!(plan.says("Partitions do not fit on their disk together"), "{}", plan.told());
    work.write(&three[..2].concat());
    assert!(!work.plan().await.says("together"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_token_it_is_planned_with_a_warning_and_refreshed_without_the_shell() {
    let mut work = work("none").await;
    let site = work.site.clone();
    work.write(&one(ON_SYSTEM));
    work.apply().await.succeeded();
    let mut login = provider_block(&work.bench.sim);
    login["username"] = Json::Null;
    login["password"] = Json::Null;
    work.bench.core.configure(login);
    site.forget_requests();
    assert!(work.plan().await.is_empty());
    assert!(site.requests().iter().all(|seen| !seen.path.ends_with("/termproxy")));
    work.write(&format!("{}{}", one(ON_SYSTEM), block("q", "disk = \"SYS\"\nlabel = \"q\"\nsize = \"1G\"")));
    let plan = work.plan().await;
    assert!(plan.says("Partitions need the login of root@pam, or SSH"), "{}", plan.told());
    let said = work.apply().await.failed("Cannot make partition \"q\"");
    assert!(said.says("PVE_PASSWORD"), "{}", said.told());
    assert!(site.mutations().is_empty());
}

/// What may be on it, and what the error says.
const ON_IT: [(&str, &str, &str); 3] = [
    ("ext4", "PVE shows `ext4` on it", "Wipe Disk"),
    ("LVM", "PVE shows `LVM` on it", "Wipe Disk"),
    ("mounted", "it is mounted", "Unmount it"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_something_is_on_stays() {
    let mut work = work("none").await;
    work.write(&one(ON_SYSTEM));
    work.apply().await.succeeded();
    let number = attributes(&work)["number"].as_u64().unwrap();
    let put = |work: &Work, used: Option<&str>| {
        disk(work, "SYS", |disk| {
            let part = disk.partitions.iter_mut().find(|part| u64::from(part.number) == number).unwrap();
            part.mounted = used == Some("mounted");
            part.used = used.filter(|used| *used != "mounted").map(str::to_owned);
        });
    };
    for (used, what, cure) in ON_IT {
        put(&work, Some(used));
        assert!(work.plan().await.is_empty(), "what is on it is nobody's business here");
        for text in [one(&ON_SYSTEM.replace("50G", "20G")), String::new()] {
            work.write(&text);
            let said = work.apply().await.failed("Something is on /dev/nvme0n1p");
            assert!(said.says(what) && said.says(cure) && said.says("Nothing was destroyed"), "{}", said.told());
        }
        assert_eq!(ours(&work, "SYS"), 1);
        work.write(&one(ON_SYSTEM));
    }
    // What nobody lists and the kernel knows keeps it, too.
    put(&work, None);
    disk(&work, "SYS", |disk| {
        disk.partitions.iter_mut().find(|part| u64::from(part.number) == number).unwrap().held = true;
    });
    let said = work.destroy().await.failed("Cannot destroy partition \"osd\"");
    assert!(said.says("error deleting partition") && said.says("Nothing was changed"), "{}", said.told());
    assert_eq!(ours(&work, "SYS"), 1);
    disk(&work, "SYS", |disk| disk.partitions.iter_mut().for_each(|part| part.held = false));

    // Empty, it is made anew in another size.
    work.write(&one(&ON_SYSTEM.replace("50G", "20G")));
    work.apply().await.succeeded();
    assert!(work.plan().await.is_empty());
    assert_eq!(table(&work, "SYS").iter().filter(|part| part.3 == "osd").map(|part| part.2).collect::<Vec<_>>(), [20]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_one_in_its_place_is_not_taken_for_it() {
    let mut work = work("none").await;
    work.write(&one(ON_SYSTEM));
    work.apply().await.succeeded();
    disk(&work, "SYS", |disk| {
        let part = disk.partitions.iter_mut().find(|part| part.label.as_deref() == Some("osd")).unwrap();
        part.uuid = Some("99999999-2222-4333-8444-555555555555".to_owned());
    });
    work.write("");
    work.apply().await.succeeded();
    assert_eq!(ours(&work, "SYS"), 1, "somebody has made it anew, so it is theirs");
    work.write(&one(ON_SYSTEM));
    work.apply().await.failed("exists already");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_with_another_number_is_found_again_and_one_that_was_removed_is_gone() {
    let mut work = work("none").await;
    work.write(&one(ON_SYSTEM));
    work.apply().await.succeeded();
    let change = |change: &dyn Fn(&mut DiskShape)| disk(&work, "SYS", |disk| change(disk));
    change(&|disk| {
        disk.partitions.iter_mut().filter(|part| part.label.as_deref() == Some("osd")).for_each(|part| part.number = 9)
    });
    work.apply().await.succeeded();
    assert_eq!(attributes(&work)["device"]["partition"], 9);
    disk(&work, "SYS", |disk| disk.partitions.retain(|part| part.number != 9));
    let plan = work.plan().await;
    assert_eq!(plan.actions("pve_disk_partition.p"), ["create"], "{}", plan.told());
    work.apply().await.succeeded();
    assert_eq!(ours(&work, "SYS"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_its_disk_it_is_kept_until_it_is_taken_out() {
    let mut work = work("none").await;
    work.write(&one(ON_EMPTY));
    work.apply().await.succeeded();
    work.site.kill_disk("pve1", "EMPTY");
    let plan = work.plan().await;
    assert!(plan.is_empty() && plan.says("Disk EMPTY is not listed by pve1"), "{}", plan.told());
    work.write("");
    let said = work.apply().await.succeeded();
    assert!(said.says("Partitions are gone with their disks"), "{}", said.told());
    assert!(work.bench.core.state.is_empty());
}

/// The requests by which a command goes to a node.
const WAY: [(&str, &str); 2] = [("POST", "/nodes/*/termproxy"), ("GET", "/nodes/*/vncwebsocket")];

fn drops(site: &Site, (method, path): (&str, &str), when: &str, nth: u32) {
    site.fault(&json!({
        "match": { "method": method, "path": path }, "nth": nth, "times": 1, "when": when, "effect": { "drop": true },
    }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_cut_on_the_way_never_make_two() {
    let mut work = work("none").await;
    let site = work.site.clone();
    for request in WAY {
        for when in ["before", "after"] {
            for (serial, text) in [("SYS", ON_SYSTEM), ("EMPTY", ON_EMPTY)] {
                let what = format!("{request:?} {when} {serial}");
                work.write(&one(text));
                drops(&site, request, when, 1);
                let first = work.apply().await;
                site.clear_faults();
                assert!(work.bench.core.state.instances.values().all(|instance| !instance.tainted), "{what}");
                work.apply().await.succeeded();
                assert!(work.plan().await.is_empty(), "{what}: {}", first.told());
                assert_eq!(ours(&work, serial), 1, "{what}");
                work.write("");
                drops(&site, request, when, 1);
                work.apply().await;
                site.clear_faults();
                work.apply().await.succeeded();
                assert_eq!(ours(&work, serial), 0, "{what}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_run_has_made_is_recognised_by_its_guid() {
    for keeps_journal in [true, false] {
        let mut work = work("none").await;
        let site = work.site.clone();
        let mut recognised = 0;
        // The disks are listed before and after the command.
        for nth in 1..12 {
            work.write(&one(ON_SYSTEM));
            site.fault(&json!({
                "match": { "method": "GET", "path": "/nodes/*/disks/list" }, "nth": nth, "times": 1, "effect": { "hold": true },
            }));
            let reached = !work.apply_until_killed().await.ok;
            site.clear_faults();
            let made = ours(&work, "SYS");
            let in_state = !work.bench.core.state.is_empty();
            if !keeps_journal {
                work.lose_journal();
            }
            let said = work.apply().await;
            if made == 1 && !in_state && !keeps_journal {
                let said = said.failed("exists already");
                assert!(said.says("id = \"pve1/SYS/osd\""), "{}", said.told());
                work.import("pve_disk_partition.p", "pve1/SYS/osd").await.succeeded();
                recognised += 1;
            } else {
                let said = said.succeeded();
                assert!(!said.says("taken for ours"), "its GUID leaves no doubt: {}", said.told());
                recognised += usize::from(made == 1 && !in_state);
            }
            assert!(work.plan().await.is_empty(), "listing {nth}");
            assert_eq!(ours(&work, "SYS"), 1, "listing {nth}");
            work.destroy().await.succeeded();
            if !reached {
                break;
            }
        }
        assert!(recognised > 0, "no run was killed behind the command");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_former_partition_has_left_there_is_told_and_not_erased() {
    let mut work = work("monitors").await;
    disk(&work, "SYS", |disk| {
        let part = disk.partitions.iter().find(|part| part.number == 5).unwrap().clone();
        disk.remains.push(PartitionShape { start: Some(Size(299 << 30)), ..part });
    });
    work.write(&one(ON_SYSTEM));
    let said = work.apply().await.succeeded();
    assert!(said.says("Something of former times is on new partitions"), "{}", said.told());
    assert!(said.says("`wipe_if = [\"ext4\"]`"), "{}", said.told());
    assert!(work.plan().await.is_empty());
    work.write(&road());
    work.apply().await.failed("Refusing to wipe partition");
    work.write(&road().replace("  force", "  wipe_if = [\"ext4\"]\n  force"));
    work.apply().await.succeeded();
    work.destroy().await.succeeded();
    assert_eq!(ours(&work, "SYS"), 0);
}

/// An OSD on the partition, and what the pool of the plan counts on.
fn road() -> String {
    let osd = "resource \"pve_ceph_osd\" \"o\" {\n  node = \"pve1\"\n  device = pve_disk_partition.p.device\n  allow_destroy = true\n  force = true\n}\n";
    format!("{}{osd}", one(ON_SYSTEM))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_osd_lies_on_it_and_both_go_in_their_order() {
    let mut work = work("monitors").await;
    work.write(&road());
    let plan = work.plan().await;
    assert!(plan.told().is_empty(), "{}", plan.told());
    work.apply().await.succeeded();
    assert!(work.plan().await.is_empty());
    let (part, osd) = (attributes(&work), work.instance("pve_ceph_osd.o")["attributes"].clone());
    assert_eq!(osd["device"], part["device"]);

    // It is in nobody's way at a refresh, and stays with what is on it.
    work.write(&road().replace("50G", "60G"));
    let said = work.apply().await.failed("Something is on /dev/nvme0n1p");
    assert!(said.says("osd.0 lies on it"), "{}", said.told());
    work.write(&road());
    assert!(work.plan().await.is_empty());

    // Imported, all of it is as it is configured.
    work.forget("pve_disk_partition.p");
    work.import("pve_disk_partition.p", "pve1/SYS/osd").await.succeeded();
    work.forget("pve_ceph_osd.o");
    work.import("pve_ceph_osd.o", "0").await.succeeded();
    work.apply().await.succeeded();
    assert!(work.plan().await.is_empty());

    work.destroy().await.succeeded();
    assert_eq!(ours(&work, "SYS"), 0);
    assert_eq!(table(&work, "SYS").len(), 3);
}
