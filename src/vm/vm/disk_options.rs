//! The options of a disk of a `pve_vm`.

use pve_client::api::qemu::drive::{Bus, Drive};
use pve_client::property_string::PropertyString;
use terraform_plugin::model::Object;
use terraform_plugin::value::Number;
use terraform_plugin::{Nested, Say};

use super::Vm;
use super::disks::{DiskPlan, path};
use crate::guest::parts;

/// What a disk is like, wherever it lies.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct DiskOptions {
    /// Cache mode.
    #[attr(keep, usual = "none", one_of = ["none", "writethrough", "writeback", "unsafe", "directsync"])]
    pub cache: Option<String>,
    /// A thread of its own for I/O; with `scsi_hardware = "virtio-scsi-single"` or virtio disks only.
    #[attr(keep, usual = false)]
    pub iothread: Option<bool>,
    /// Shown to the guest as an SSD; not for virtio disks.
    #[attr(keep, usual = false)]
    pub ssd: Option<bool>,
    /// How QEMU asks the node for I/O. Left alone when unset (PVE chooses by the storage).
    #[attr(keep, one_of = ["native", "threads", "io_uring"])]
    pub aio: Option<String>,
    /// Is part of backups.
    #[attr(keep, usual = true)]
    pub backup: Option<bool>,
    /// Is copied by replication jobs.
    #[attr(keep, usual = true)]
    pub replicate: Option<bool>,
    /// Blocks of zeroes are not written out.
    #[attr(keep, usual = true)]
    pub detect_zeroes: Option<bool>,
    /// Can be read only; `scsi` and `virtio` disks.
    #[attr(keep, api = "ro", usual = false)]
    pub read_only: Option<bool>,
    /// The serial number that the guest sees.
    #[attr(keep, check = serial)]
    pub serial: Option<String>,
    /// The world wide name that the guest sees: `0x` and 16 hexadecimal digits; not for virtio disks.
    #[attr(keep, regex = "(0x)[0-9a-fA-F]{16}", says = "`0x` and 16 hexadecimal digits")]
    pub wwn: Option<String>,
    /// Queues of a `scsi` disk.
    #[attr(keep, range = 2..)]
    pub queues: Option<u32>,
    /// What becomes of errors while it is read. Left alone when unset (QEMU's default: `report`).
    #[attr(keep, one_of = ["ignore", "report", "stop"])]
    pub rerror: Option<String>,
    /// What becomes of errors while it is written. Left alone when unset (QEMU's default: `enospc`).
    #[attr(keep, one_of = ["enospc", "ignore", "report", "stop"])]
    pub werror: Option<String>,
    /// How fast it may be. Left alone when unset; of one that is set, what is unset is unlimited.
    #[attr(keep, api = "*")]
    pub throttle: Option<Throttle>,
}

/// How fast a disk may be. `mbps` is MiB a second, `iops` operations a second; `rd` and `wr` are for reading and writing apart;
/// `max` is for bursts, which last no longer than `length` seconds.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
#[model(
    conflicts(mbps, mbps_rd),
    conflicts(mbps, mbps_wr),
    conflicts(iops, iops_rd),
    conflicts(iops, iops_wr),
    requires(mbps_max, mbps),
    requires(mbps_rd_max, mbps_rd),
    requires(mbps_wr_max, mbps_wr),
    requires(iops_max, iops),
    requires(iops_rd_max, iops_rd),
    requires(iops_wr_max, iops_wr),
    requires(bps_max_length, mbps_max),
    requires(bps_rd_max_length, mbps_rd_max),
    requires(bps_wr_max_length, mbps_wr_max),
    requires(iops_max_length, iops_max),
    requires(iops_rd_max_length, iops_rd_max),
    requires(iops_wr_max_length, iops_wr_max)
)]
pub struct Throttle {
    /// MiB a second.
    #[attr(optional, check = above_zero)]
    pub mbps: Option<Number>,
    /// MiB a second, read.
    #[attr(optional, check = above_zero)]
    pub mbps_rd: Option<Number>,
    /// MiB a second, written.
    #[attr(optional, check = above_zero)]
    pub mbps_wr: Option<Number>,
    /// MiB a second in a burst.
    #[attr(optional, check = above_zero)]
    pub mbps_max: Option<Number>,
    /// MiB a second in a burst, read.
    #[attr(optional, check = above_zero)]
    pub mbps_rd_max: Option<Number>,
    /// MiB a second in a burst, written.
    #[attr(optional, check = above_zero)]
    pub mbps_wr_max: Option<Number>,
    /// Operations a second.
    #[attr(optional)]
    pub iops: Option<u32>,
    /// Reads a second.
    #[attr(optional)]
    pub iops_rd: Option<u32>,
    /// Writes a second.
    #[attr(optional)]
    pub iops_wr: Option<u32>,
    /// Operations a second in a burst.
    #[attr(optional)]
    pub iops_max: Option<u32>,
    /// Reads a second in a burst.
    #[attr(optional)]
    pub iops_rd_max: Option<u32>,
    /// Writes a second in a burst.
    #[attr(optional)]
    pub iops_wr_max: Option<u32>,
    /// Seconds of a burst of MiB.
    #[attr(optional, range = 1..)]
    pub bps_max_length: Option<u32>,
    /// Seconds of a burst of MiB, read.
    #[attr(optional, range = 1..)]
    pub bps_rd_max_length: Option<u32>,
    /// Seconds of a burst of MiB, written.
    #[attr(optional, range = 1..)]
    pub bps_wr_max_length: Option<u32>,
    /// Seconds of a burst of operations.
    #[attr(optional, range = 1..)]
    pub iops_max_length: Option<u32>,
    /// Seconds of a burst of reads.
    #[attr(optional, range = 1..)]
    pub iops_rd_max_length: Option<u32>,
    /// Seconds of a burst of writes.
    #[attr(optional, range = 1..)]
    pub iops_wr_max_length: Option<u32>,
}

fn above_zero(number: &Number) -> Result<(), String> {
    if *number > Number::from(0) { Ok(()) } else { Err("must be more than 0: leave it out for no limit".to_owned()) }
}

fn serial(text: &String) -> Result<(), String> {
    match (1..=20).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) {
        true => Ok(()),
        false => Err("must be 1 to 20 letters, digits, `-`, `_` and `.`".to_owned()),
    }
}

impl DiskOptions {
    /// The options of a drive. `asked` stands where it means the same.
    pub fn from_live(drive: &Drive, asked: Option<&Self>) -> Self {
        let string: PropertyString = drive.to_string().parse().unwrap_or_default();
        let found = parts::values(&Self::attributes(), &string, asked.map(Object::encode).as_ref());
        Self::decode(&found).unwrap_or_default()
    }

    /// The drive with what is set here, nothing else changed.
    pub fn apply_to(&self, drive: Drive) -> Drive {
        let Ok(mut string) = drive.to_string().parse::<PropertyString>() else { return drive };
        match parts::put(&Self::attributes(), &self.encode(), &mut string) {
            true => string.to_string().parse().unwrap_or(drive),
            false => drive,
        }
    }
}

/// What a disk on this bus cannot have.
pub fn validate(name: &str, bus: Bus, disk: &DiskPlan, say: &mut Say<Vm>) {
    let options = &disk.options;
    if bus == Bus::Virtio && options.ssd.is(&true) {
        say.error(path(name).at("ssd"), "A virtio disk cannot be shown as an SSD", "Use `scsi`, `sata` or `ide`.");
    }
    if bus == Bus::Virtio && options.wwn.is_known() {
        say.error(path(name).at("wwn"), "A virtio disk has no world wide name", "Use `scsi`, `sata` or `ide`.");
    }
    if matches!(bus, Bus::Ide | Bus::Sata) && options.iothread.is(&true) {
        say.error(path(name).at("iothread"), "No I/O thread on this bus", "Only `scsi` and `virtio` disks have one.");
    }
    if matches!(bus, Bus::Ide | Bus::Sata) && options.read_only.is(&true) {
        let cure = "Only `scsi` and `virtio` disks can be read only.";
        say.error(path(name).at("read_only"), "No disk that is read only on this bus", cure);
    }
    if bus != Bus::Scsi && options.queues.is_known() {
        say.error(path(name).at("queues"), "No queues on this bus", "Only `scsi` disks have them.");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_come_and_go_and_the_rest_survives() {
        let drive: Drive = "s:vm-1-disk-0,iops_rd=100,mbps=1.50,product=x,size=1G,ssd=on".parse().unwrap();
        let is = DiskOptions::from_live(&drive, None);
        assert_eq!((is.ssd, is.backup, is.cache.as_deref()), (Some(true), Some(true), Some("none")));
        assert_eq!(is.throttle.as_ref().unwrap().iops_rd, Some(100));
        assert_eq!(is.apply_to(drive.clone()), drive);
        let throttle = Throttle { mbps: Some("1.5".parse().unwrap()), ..Throttle::default() };
        let want = DiskOptions { throttle: Some(throttle), backup: Some(false), ..DiskOptions::default() };
        let wanted: Drive = "s:vm-1-disk-0,backup=0,mbps=1.50,product=x,size=1G,ssd=1".parse().unwrap();
        assert_eq!(want.apply_to(drive.clone()), wanted);
        let none = DiskOptions { throttle: Some(Throttle::default()), ..DiskOptions::default() };
        assert_eq!(none.apply_to(drive).to_string(), "s:vm-1-disk-0,product=x,size=1G,ssd=1");
        // The defaults, said: nothing to be told.
        let bare: Drive = "s:vm-1-disk-0".parse().unwrap();
        assert_eq!(DiskOptions::from_live(&bare, None).apply_to(bare.clone()), bare);
    }
}
