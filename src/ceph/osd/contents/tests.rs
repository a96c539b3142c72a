use super::super::device::tests::{list, told};
use super::*;

fn judged(devpath: &str, wipe_if: &[&str]) -> Result<(), Hindrance> {
    let list = list();
    let target = list.iter().find(|disk| disk.devpath == devpath).unwrap();
    judge(target, &list, "n", &wipe_if.iter().map(|word| (*word).to_owned()).collect())
}

#[test]
fn free_devices_need_nothing_and_listed_contents_are_wiped() {
    judged("/dev/sdb", &[]).unwrap();
    judged("/dev/sda4", &[]).unwrap();
    judged("/dev/sdd", &["ext4"]).unwrap();
    judged("/dev/sdf", &["ext4"]).unwrap();
    judged("/dev/sdg", &["partitions"]).unwrap();
}

#[test]
fn whatever_else_is_found_stops_it() {
    for (devpath, wipe_if, summary, found) in [
        ("/dev/sdd", &["xfs"][..], "Refusing to wipe disk TWIN on n", "Found /dev/sdd: 64 GiB, ext4."),
        ("/dev/sdf", &["partitions", "xfs"], "Refusing to wipe disk /dev/sdf on n", "Found /dev/sdf1: 0 GiB, ext4."),
        ("/dev/sdg", &["ext4"], "Refusing to wipe disk S7 on n", "wipe_if = [\"partitions\"]"),
        (
            "/dev/sda",
            &["ext4", "EFI", "mounted", "partitions"],
            "Refusing to wipe disk S1 on n",
            "/dev/sda2: 60 GiB, mounted",
        ),
        ("/dev/sda2", &["ext4", "mounted"], "Refusing to wipe partition 2 of S1 on n", "mounted. Nothing was written."),
        ("/dev/sda1", &[], "Refusing to wipe partition 1 of S1 on n", "wipe_if = [\"EFI\"]"),
    ] {
        let (said, detail) = told(judged(devpath, wipe_if).unwrap_err());
        assert_eq!(said, summary);
        assert!(
            detail.contains(found) && detail.contains("Unused on n: /dev/sda4 (serial S1, partition 4, 30 GiB)"),
            "{detail}"
        );
    }
}

#[test]
fn what_another_osd_needs_is_never_erased() {
    for part in ["wal", "db", "journals"] {
        for (disk, partition) in [(part, "x"), ("x", part)] {
            let list: Vec<Disk> = serde_json::from_str(&format!(
                r#"[{{"devpath":"/dev/sdb","serial":"S1","type":"ssd","size":1,"used":"partitions","{disk}":1,"osdid-list":null}},
                    {{"devpath":"/dev/sdb1","parent":"/dev/sdb","type":"partition","size":1,"used":"LVM","{partition}":1}},
                    {{"devpath":"/dev/sdb2","parent":"/dev/sdb","type":"partition","size":1,"used":"LVM"}}]"#
            ))
            .unwrap();
            let wipe_if = ["LVM", "partitions"].map(str::to_owned).into();
            let judged = |n: usize| judge(&list[n], &list, "n", &wipe_if).map_err(|why| told(why).1);
            let refused = judged(0).unwrap_err();
            assert!(refused.contains("in use by something that holds it. Nothing was written."), "{refused}");
            assert_eq!(judged(1).is_err(), partition == part);
            judged(2).unwrap();
        }
        // Alone on a disk that PVE says nothing else of.
        let alone = format!(r#"[{{"devpath":"/dev/sdb","size":1,"{part}":1}},{{"devpath":"/dev/sdc","size":1}}]"#);
        let list: Vec<Disk> = serde_json::from_str(&alone).unwrap();
        assert!(judge(&list[0], &list, "n", &["partitions".to_owned()].into()).is_err(), "{part}");
        assert_eq!(unused(&list, "n"), "Unused on n: /dev/sdc (0 GiB).");
    }
}

#[test]
fn an_osd_is_to_be_imported_not_erased() {
    let (said, detail) = told(judged("/dev/sdc", &["LVM"]).unwrap_err());
    assert_eq!(said, "OSD osd.3 on /dev/sdc of n exists already");
    assert!(detail.contains("import {\n  to = pve_ceph_osd.this\n  id = \"3\"\n}"), "{detail}");
}

#[test]
fn only_what_no_plan_can_change_is_certain() {
    for (devpath, grade) in [
        ("/dev/sda2", Grade::Certain),
        ("/dev/sdd", Grade::Mendable),
        ("/dev/sdg", Grade::Mendable),
        ("/dev/sdc", Grade::Carries(3)),
    ] {
        assert_eq!(judged(devpath, &[]).unwrap_err().grade, grade, "{devpath}");
    }
}

#[test]
fn what_goes_is_told_in_pves_words() {
    let list = list();
    let erased = |devpath: &str| erased(list.iter().find(|d| d.devpath == devpath).unwrap(), &list, "n");
    assert_eq!(
        erased("/dev/sdf"),
        "On n, disk /dev/sdf (64 GiB, with its 2 partitions) is erased as `wipe_if` allows. Now there is on it: /dev/sdf1 \
         (0 GiB, ext4)."
    );
    assert!(erased("/dev/sdd").ends_with("Now there is on it: /dev/sdd (64 GiB, ext4)."));
    assert!(erased("/dev/sdg").ends_with("Now there is on it: /dev/sdg (0 GiB, partitions)."));
}

#[test]
fn an_osd_on_a_partition_lies_there_and_not_on_the_disk() {
    let list = r#"[{"devpath":"/dev/sdb","size":1,"used":"partitions","osdid-list":["4"]},
        {"devpath":"/dev/sdb1","parent":"/dev/sdb","type":"partition","size":1,"osdid-list":["4"]},
        {"devpath":"/dev/sdb2","parent":"/dev/sdb","type":"partition","size":1,"osdid-list":["5"]}]"#;
    let list: Vec<Disk> = serde_json::from_str(list).unwrap();
    let on = |id| carrier(&list, id).map(|disk| disk.devpath.as_str());
    assert_eq!((on(4), on(5), on(6)), (Some("/dev/sdb1"), Some("/dev/sdb2"), None));
}

#[test]
fn the_osd_on_a_device_is_told_with_the_partition_that_carries_it() {
    let list = r#"[{"devpath":"/dev/sdb","size":1,"used":"partitions","osdid-list":["4"]},
        {"devpath":"/dev/sdb1","parent":"/dev/sdb","type":"partition","size":1},
        {"devpath":"/dev/sdb2","parent":"/dev/sdb","type":"partition","size":1,"osdid-list":["4"]}]"#;
    let list: Vec<Disk> = serde_json::from_str(list).unwrap();
    let on = |entry: usize| carried(&list[entry], &list).map(|(disk, id)| (disk.devpath.as_str(), id));
    assert_eq!((on(0), on(1), on(2)), (Some(("/dev/sdb2", 4)), None, Some(("/dev/sdb2", 4))));
}
