use super::*;

fn config(disks: &[(&str, &str)]) -> Config {
    Config::read(disks.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect())
}

fn vm(disks: &[(&str, Disk)]) -> Vm {
    Vm { disks: Some(disks.iter().map(|(key, disk)| ((*key).to_owned(), disk.clone())).collect()), ..Vm::default() }
}

fn sized(size: &str) -> Disk {
    Disk { size: size.parse().ok(), ..Disk::default() }
}

fn key(name: &str) -> DriveKey {
    name.parse().unwrap()
}

#[test]
fn new_disks_are_allocated_with_their_options() {
    let disk = Disk { initial_storage: Some("local-lvm".to_owned()), discard: Some(true), ..sized("32G") };
    assert_eq!(
        params(&vm(&[("scsi0", disk.clone())]), None, None, Params::new()),
        Params::new().set("scsi0", "local-lvm:32,discard=on")
    );
    let elsewhere = Disk { storage: Some("ceph".to_owned()), ..disk };
    assert_eq!(elsewhere.first_storage(), Some("ceph"));
}

#[test]
fn options_change_without_touching_the_volume() {
    let live = config(&[("scsi0", "local-lvm:vm-1-disk-0,backup=0,discard=on,size=32G")]);
    let options = DiskOptions { ssd: Some(true), cache: Some("none".to_owned()), ..DiskOptions::default() };
    let disk = Disk { discard: Some(false), options, ..sized("32G") };
    let made = params(&vm(&[("scsi0", disk)]), None, Some(&live), Params::new());
    assert_eq!(made, Params::new().set("scsi0", "local-lvm:vm-1-disk-0,backup=0,discard=ignore,size=32G,ssd=1"));
}

#[test]
fn a_disk_that_is_not_wanted_any_more_is_detached_if_it_was_ours() {
    let live =
        config(&[("scsi0", "a:vm-1-disk-0,size=1G"), ("scsi1", "a:vm-1-disk-1,size=1G"), ("ide2", "none,media=cdrom")]);
    let want = vm(&[("scsi0", sized("1G"))]);
    let prior = vm(&[("scsi0", sized("1G")), ("scsi1", sized("1G")), ("ide2", sized("1G")), ("scsi9", sized("1G"))]);
    assert_eq!(removed(&want, Some(&prior), Some(&live)), [key("scsi1")]);
    assert_eq!(params(&want, Some(&prior), Some(&live), Params::new()), Params::new().remove("scsi1"));
    assert!(removed(&want, Some(&want), Some(&live)).is_empty());
    assert!(removed(&Vm::default(), Some(&prior), Some(&live)).is_empty(), "disks unset are left alone");
}

#[test]
fn disks_grow_and_rounding_is_no_difference() {
    let live = config(&[("scsi0", "a:vm-1-disk-0,size=10244M"), ("scsi1", "a:vm-1-disk-1,size=1G")]);
    let want = vm(&[("scsi0", sized("10241M")), ("scsi1", sized("2G"))]);
    assert_eq!(to_grow(&want, &live), [(key("scsi1"), Bytes::from_gib(2))]);
    let found = from_live(&live, want.disks.as_ref());
    assert_eq!(found["scsi0"].size, "10241M".parse().ok());
    assert_eq!(found["scsi1"].size, "1G".parse().ok());
    let smaller = vm(&[("scsi0", sized("10240M"))]);
    assert_eq!(from_live(&live, smaller.disks.as_ref())["scsi0"].size, "10244M".parse().ok());
}

#[test]
fn only_owned_disks_move() {
    let live = config(&[("scsi0", "local:1/vm-1-disk-0.raw,size=1G"), ("scsi1", "local:1/vm-1-disk-1.raw,size=1G")]);
    let on_ceph = Disk { storage: Some("ceph".to_owned()), ..sized("1G") };
    let want = vm(&[("scsi0", on_ceph.clone()), ("scsi1", on_ceph)]);
    assert_eq!(to_move(&want, &["scsi1".to_owned()], &live), [(key("scsi1"), "ceph".to_owned())]);
}

#[test]
fn what_is_not_owned_is_told_as_planned() {
    let live = config(&[("scsi0", "ceph:vm-1-disk-0,size=2G"), ("scsi5", "ceph:vm-1-disk-5,size=1G")]);
    let want = vm(&[("scsi0", Disk { storage: Some("local".to_owned()), ..sized("1G") })]);
    let mut found = Vm { disks: Some(from_live(&live, None)), ..Vm::default() };
    as_planned(&mut found, &want, &[]);
    let disks = found.disks.unwrap();
    assert_eq!(disks.keys().collect::<Vec<_>>(), ["scsi0"]);
    assert_eq!((disks["scsi0"].storage.as_deref(), &disks["scsi0"].size), (Some("local"), &"1G".parse().ok()));
}
