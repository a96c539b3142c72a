use terraform_plugin::Error;

use super::*;

pub(in crate::ceph::osd) fn list() -> Vec<Disk> {
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

pub(in crate::ceph::osd) fn told(hindrance: Hindrance) -> (String, String) {
    let error = Error::from(hindrance);
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

#[test]
fn what_cannot_come_is_certain_and_what_can_is_not() {
    let list = list();
    for (device, grade) in [
        (path("/dev/sdz"), Grade::Certain),
        (path("/dev/sdz1"), Grade::Certain),
        (path("/dev/sda9"), Grade::Mendable),
        (by_id("/dev/disk/by-id/ata-X-part1"), Grade::Certain),
        (by_id("/dev/disk/by-id/ata-D_S7-part9"), Grade::Mendable),
        (serial("S9", None), Grade::Certain),
        (serial("TWIN", None), Grade::Certain),
        (serial("S1", Some(3)), Grade::Mendable),
    ] {
        assert_eq!(device.find(&list, "n").unwrap_err().grade, grade, "{device:?}");
    }
    assert_eq!((whole_of("/dev/nvme0n1p4"), whole_of("/dev/sdb4")), ("/dev/nvme0n1", "/dev/sdb"));
}

#[test]
fn a_link_that_two_disks_share_names_none_and_is_not_advised() {
    let shared = r#"[
        {"devpath":"/dev/sdb","serial":"C","by_id_link":"/dev/disk/by-id/ata-V_C","size":1,"used":"ext4"},
        {"devpath":"/dev/sdc","serial":"C","by_id_link":"/dev/disk/by-id/ata-V_C","size":1},
        {"devpath":"/dev/sdc1","parent":"/dev/sdc","type":"partition","size":1}]"#;
    let list: Vec<Disk> = serde_json::from_str(shared).unwrap();
    for device in [by_id("/dev/disk/by-id/ata-V_C"), by_id("/dev/disk/by-id/ata-V_C-part1"), serial("C", None)] {
        let (said, detail) = told(device.find(&list, "n").unwrap_err());
        assert!(said.ends_with("is not unique on n"), "{said}");
        assert!(detail.contains("/dev/sdb and /dev/sdc") && detail.ends_with("Name the disk by `path`."), "{detail}");
    }
    // Where the links differ, they help.
    let differ = shared.replacen("ata-V_C", "ata-V_C_1", 1);
    let list: Vec<Disk> = serde_json::from_str(&differ).unwrap();
    let (_, detail) = told(serial("C", None).find(&list, "n").unwrap_err());
    assert!(detail.ends_with("Name the disk by `by_id` or `path`."), "{detail}");
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
