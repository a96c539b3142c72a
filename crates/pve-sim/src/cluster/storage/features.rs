//! What can be done with a volume, by the type of its storage and its format.
// Belief: the table is what PVE's storage plugins tell of themselves; the rows of dir and rbd were recorded (31).

use super::Storage;

/// What somebody may want of a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feature {
    /// A snapshot.
    Snapshot,
    /// To be the base of linked clones.
    Template,
    /// A linked clone: of a base, or of a snapshot.
    Clone,
    /// A copy of the whole: of what is now, or of a snapshot.
    Copy,
}

impl Storage {
    /// Whether snapshots of its volumes are volumes themselves.
    fn chains(&self) -> bool {
        self.get("snapshot-as-volume-chain") == Some("1")
    }

    /// Whether a volume of this format has it; `base`: it is the base of clones already; `snapshot`: a snapshot of it is
    /// meant.
    pub fn offers(&self, feature: Feature, format: &str, base: bool, snapshot: bool) -> bool {
        let (kind, qcow2) = (self.kind.name, format == "qcow2");
        let thin = matches!(kind, "lvmthin" | "rbd" | "zfspool" | "zfs");
        match feature {
            Feature::Snapshot => thin || (qcow2 && (kind != "lvm" || self.chains())) || kind == "btrfs",
            Feature::Template => thin || self.kind.has_files(),
            Feature::Clone if snapshot => matches!(kind, "lvmthin" | "rbd"),
            Feature::Clone => base && (thin || self.kind.has_files()),
            Feature::Copy if snapshot => matches!(kind, "lvmthin" | "rbd") || qcow2,
            Feature::Copy => true,
        }
    }

    /// Whether only the newest snapshot can be rolled back to.
    pub(super) fn only_newest(&self, format: &str) -> bool {
        match self.kind.name {
            "zfspool" | "zfs" | "lvm" => true,
            _ => format == "qcow2" && self.chains(),
        }
    }
}
