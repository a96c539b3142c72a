//! Volumes that an OSD has on devices of their own: its database, its log.
//!
//! PVE makes them before it hands over to Ceph, and takes none back when Ceph fails: one that no OSD is named in has no tags yet.

use super::{Ceph, Time};

/// What a volume is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// RocksDB.
    Db,
    /// Its log.
    Wal,
}

impl Role {
    /// `db`, as PVE's calls have it.
    pub fn word(self) -> &'static str {
        match self {
            Role::Db => "db",
            Role::Wal => "wal",
        }
    }
}

/// A volume for the database or the log of an OSD.
#[derive(Debug, Clone, PartialEq)]
pub struct SideVolume {
    /// The node it lies on.
    pub node: String,
    /// The disk or partition below its volume group.
    pub path: String,
    /// The volume group, `ceph-UUID`.
    pub vg: String,
    /// Its name, `osd-db-UUID`; the id is none of the OSD's.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// What it is for.
    pub role: Role,
    /// The OSD that its tags name, by number and uuid; `None` before Ceph has taken it, or after it has let it go.
    pub osd: Option<(u32, String)>,
    /// When it was made.
    pub created: Time,
}

impl Ceph {
    /// How many volumes of this role that belong to OSDs lie on a device.
    pub fn sides_on(&self, node: &str, path: &str, role: Role) -> usize {
        let here = |v: &&SideVolume| v.node == node && v.path == path && v.role == role && v.osd.is_some();
        self.side_volumes.iter().filter(here).count()
    }

    /// The device below them is dead: they are gone, and so are the OSDs that cannot do without. Which those are.
    pub(super) fn lose_sides(&mut self, node: &str, path: &str) -> Vec<u32> {
        let (gone, left) = std::mem::take(&mut self.side_volumes)
            .into_iter()
            .partition::<Vec<_>, _>(|volume| volume.node == node && volume.path == path);
        self.side_volumes = left;
        let mut lost = Vec::new();
        for (id, osd) in &mut self.osds {
            if gone.iter().any(|volume| volume.osd.as_ref().is_some_and(|(_, of)| *of == osd.uuid)) {
                osd.crippled = true;
                lost.push(*id);
            }
        }
        lost
    }
}
