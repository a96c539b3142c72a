use terraform_plugin::Error;

use super::*;

fn list() -> Vec<Disk> {
    let entries = r#"[
        {"devpath":"/dev/sda","serial":"S1","type":"ssd","size":128849018880,"used":"partitions","gpt":1,"osdid":-1,"osdid-list":null},
        {"devpath":"/dev/sda1","parent":"/dev/sda","type":"partition","size":1073741824,"used":"EFI","osdid-list":null},
        {"devpath":"/dev/sda2","parent":"/dev/sda","type":"partition","size":64424509440,"used":"ext4","mounted":1,"osdid-list":null},
        {"devpath":"/dev/sda4","parent":"/dev/sda","type":"partition","size":32212254720,"used":null,"osdid-list":null},
        {"devpath":"/dev/sdb","serial":"S2","by_id_link":"/dev/disk/by-id/ata-D_S2","type":"hdd","size":68719476736,"osdid-list":null},
        {"devpath":"/dev/sdc","serial":"S3","type":"hdd","size":68719476736,"used":"LVM","osdid":"3","osdid-list":["3"]},
        {"devpath":"/dev/sdd","serial":"TWIN","type":"hdd","size":68719476736,"used":"ext4","osdid-list":null},
        {"devpath":"/dev/sde","serial":"TWIN","type":"hdd","size":68719476736,"osdid-list":null},
        {"devpath":"/dev/sdf","serial":"unknown","type":"hdd","size":68719476736,"used":"partitions","osdid-list":null},
        {"devpath":"/dev/sdf1","parent":"/dev/sdf","type":"partition","size":1,"used":"ext4","osdid-list":null},
        {"devpath":"/dev/sdf2","parent":"/dev/sdf","type":"partition","size":1,"used":null,"osdid-list":null},
        {"devpath":"/dev/sdg","serial":"S7","by_id_link":"/dev/disk/by-id/ata-D_S7","type":"hdd","size":1,"used":"partitions","osdid-list":null},
        {"devpath":"/dev/sdg1","parent":"/dev/sdg","type":"partition","size":1,"osdid-list":null}
    ]"#;
    serde_json::from_str(entries).unwrap()
}

fn path(path: &str) -> Device {
    Device { path: Some(path.into()), ..Device::default() }
}

fn by_id(link: &str) -> Device {
    Device { by_id: Some(link.into()), ..Device::default() }
}

fn serial(serial: &str, partition: Option<u32>) -> Device {
    Device { serial: Some(serial.into()), partition, ..Device::default() }
}

fn told(problem: Problem) -> (String, String) {
    let error = Error::from(problem);
    let one = error.diagnostics().iter().next().unwrap();
    assert!(!one.path.is_root(), "{one:?}");
    (one.summary.clone(), one.detail.clone())
}

#[test]
fn each_way_of_naming_finds_the_device() {
    let list = list();
    for (device, devpath) in [
        (path("/dev/sda4"), "/dev/sda4"),
        (by_id("/dev/disk/by-id/ata-D_S2"), "/dev/sdb"),
        (by_id("/dev/disk/by-id/ata-D_S7-part1"), "/dev/sdg1"),
        (serial("S2", None), "/dev/sdb"),
        (serial("S1", Some(4)), "/dev/sda4"),
    ] {
        assert_eq!(device.find(&list, "n").unwrap().devpath, devpath);
    }
}

#[test]
fn what_is_not_there_is_told_with_what_is() {
    let list = list();
    for (device, summary, cure) in [
        (path("/dev/sdz"), "Disk /dev/sdz does not exist on n", "/dev/sdb (serial S2, 64 GiB)"),
        (by_id("/dev/disk/by-id/ata-X"), "Disk /dev/disk/by-id/ata-X does not exist on n", "ata-D_S2"),
        (serial("S9", None), "A disk with serial number S9 does not exist on n", "S1, S2, S3"),
        (serial("S1", Some(3)), "Partition 3 of S1 does not exist on n", "Partitions of /dev/sda: 1, 2, 4"),
        (serial("TWIN", None), "Serial number TWIN is not unique on n", "/dev/sdd and /dev/sde"),
    ] {
        let (said, detail) = told(device.find(&list, "n").unwrap_err());
        assert_eq!(said, summary);
        assert!(detail.contains(cure) && detail.contains("Nothing was written."), "{detail}");
    }
    assert!(a_serial(&"unknown".to_owned()).is_err());
}

fn judged(devpath: &str, wipe_if: &[&str]) -> Result<Verdict, Problem> {
    let list = list();
    let target = list.iter().find(|disk| disk.devpath == devpath).unwrap();
    judge(target, &list, "n", &wipe_if.iter().map(|word| (*word).to_owned()).collect())
}

#[test]
fn free_devices_need_nothing_and_listed_contents_are_wiped() {
    assert_eq!(judged("/dev/sdb", &[]).unwrap(), Verdict::Free);
    assert_eq!(judged("/dev/sda4", &[]).unwrap(), Verdict::Free);
    assert_eq!(judged("/dev/sdd", &["ext4"]).unwrap(), Verdict::Wipe);
    assert_eq!(judged("/dev/sdf", &["ext4"]).unwrap(), Verdict::Wipe);
    assert_eq!(judged("/dev/sdg", &["partitions"]).unwrap(), Verdict::Wipe);
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
            assert_eq!(judged(2).unwrap(), Verdict::Wipe);
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
fn an_import_names_the_disk_by_serial_where_that_is_clear() {
    let list = list();
    let of = |devpath: &str| Device::of(list.iter().find(|d| d.devpath == devpath).unwrap(), &list);
    assert_eq!(of("/dev/sda4"), serial("S1", Some(4)));
    assert_eq!(of("/dev/sdc"), serial("S3", None));
    assert_eq!(of("/dev/sde"), path("/dev/sde"));
    assert_eq!(of("/dev/sdf1"), path("/dev/sdf1"));
}
