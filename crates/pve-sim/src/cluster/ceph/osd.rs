//! OSDs: the daemon, its place in the map, and the disk below it.

use super::crush::ONE;
use super::{Role, Time};

/// Where an OSD keeps its data.
#[derive(Debug, Clone, PartialEq)]
pub struct OsdDevice {
    /// `/dev/sdb` or a partition; the real path, never a link.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// `hdd`, `ssd` or `nvme`: the class the OSD takes by itself.
    pub kind: String,
    /// dm-crypt below.
    pub encrypted: bool,
    /// The LVM volume group `ceph-UUID`.
    pub vg: String,
    /// When the volume was made.
    pub created: Time,
    /// The disk below is dead: nothing can be read any more, not even that there was a volume.
    pub dead: bool,
}

impl OsdDevice {
    /// Whether LVM finds the OSD's volume there. An OSD that lives in memory has none.
    pub fn has_volume(&self) -> bool {
        !self.path.is_empty() && !self.dead
    }
}

/// An OSD's volume on a disk, of an OSD that the monitors no longer know: purged while its node was dead.
#[derive(Debug, Clone, PartialEq)]
pub struct Leftover {
    /// The id that the OSD had.
    pub id: u32,
    /// Its uuid.
    pub uuid: String,
    /// The node it lies on.
    pub node: String,
    /// The disk it lies on.
    pub device: OsdDevice,
}

/// An OSD id with everything that belongs to it.
#[derive(Debug, Clone)]
pub struct Osd {
    /// The OSD's own uuid (`osd_fsid`), which its LV is named after.
    pub uuid: String,
    /// The PVE node it runs on; empty for an id that was only reserved (`osd new`).
    pub node: String,
    /// Its disk; absent for a reserved id.
    pub device: Option<OsdDevice>,
    /// In the map: up or down.
    pub up: bool,
    /// 16.16 in/out weight: 0 is out, 0x10000 fully in.
    pub reweight: u32,
    /// Reweight to come back to when an automatically-out OSD boots.
    pub old_weight: u32,
    /// Marked out by the monitors, not by an administrator: it comes back in when it boots.
    pub auto_out: bool,
    /// The unit is started (and its node runs).
    pub running: bool,
    /// Has been up once.
    pub booted: bool,
    /// The class with which it takes its place in CRUSH when it boots for the first time.
    pub joins: Option<String>,
    /// When the started daemon reports itself up.
    pub boots_at: Option<Time>,
    /// When the monitors notice that the daemon is gone.
    pub fails_at: Option<Time>,
    /// Since when it is down in the map.
    pub down_since: Option<Time>,
    /// 0 to 1.
    pub primary_affinity: f64,
    /// Map epochs of the last up and down.
    pub up_from: u32,
    /// Epoch of the last going down.
    pub down_at: u32,
    /// Flags of this OSD alone (`noout` and so on).
    pub flags: Vec<String>,
    /// What has devices of its own, as its daemon told when it came up last: with the path, and the size.
    pub parts: Vec<(Role, String, u64)>,
    /// The device of its database or log is dead: it never starts again.
    pub crippled: bool,
    /// `osd destroy`: the id keeps its place, key and data are gone.
    pub destroyed: bool,
}

impl Osd {
    pub(super) fn reserved(uuid: String) -> Self {
        Self {
            uuid,
            node: String::new(),
            device: None,
            up: false,
            reweight: ONE,
            old_weight: ONE,
            auto_out: false,
            running: false,
            booted: false,
            joins: None,
            boots_at: None,
            fails_at: None,
            down_since: None,
            primary_affinity: 1.0,
            up_from: 0,
            down_at: 0,
            flags: vec![],
            parts: vec![],
            crippled: false,
            destroyed: false,
        }
    }

    /// In, be it partly.
    pub fn is_in(&self) -> bool {
        self.reweight > 0
    }

    /// Capacity in bytes, 0 for a reserved id.
    pub fn size(&self) -> u64 {
        self.device.as_ref().map_or(0, |d| d.size)
    }

    /// `osd-block-FSID`, the name of its LV.
    pub fn lv_name(&self) -> String {
        lv_name(&self.uuid)
    }

    /// What stays on the disk when the monitors forget the OSD.
    pub(super) fn leftover(&self, id: u32) -> Option<Leftover> {
        let device = self.device.clone().filter(OsdDevice::has_volume)?;
        Some(Leftover { id, uuid: self.uuid.clone(), node: self.node.clone(), device })
    }
}

/// The name of the LV of the OSD with this uuid.
pub fn lv_name(uuid: &str) -> String {
    format!("osd-block-{uuid}")
}
