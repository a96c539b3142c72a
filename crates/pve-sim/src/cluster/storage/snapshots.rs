//! Snapshots of volumes, and volumes that become the base of linked clones.

use super::features::Feature;
use super::{Place, Storage, Volume};
use crate::cluster::Cluster;

/// What Ceph's tools say of an image whose snapshots go with it. Recording 31.
pub(super) const ALL_REMOVED: &str = "Removing all snapshots: 100% complete...\nRemoving all snapshots: \
                                      100% complete...done.";

/// The snapshot of a base in Ceph that its clones hang on.
const BASE: &str = "__base__";

impl Cluster {
    /// The storage of a volume, its name there, and itself.
    fn found(&self, node: &str, volid: &str) -> Result<(Storage, String, Volume), String> {
        let (id, name) = volid.split_once(':').unwrap_or((volid, ""));
        let storage = self.storage.usable(id, node)?.clone();
        let volume = self.volume(node, volid).ok_or_else(|| storage.missing(name))?;
        Ok((storage, name.to_owned(), volume))
    }

    /// Whether the volume has a feature; one that is not there has none.
    pub fn volume_offers(&self, node: &str, volid: &str, feature: Feature, snapshot: bool) -> bool {
        self.found(node, volid)
            .is_ok_and(|(storage, name, volume)| storage.offers(feature, &volume.format, is_base(&name), snapshot))
    }

    /// Makes a snapshot of a volume. What the tools say.
    pub fn snapshot_volume(&mut self, node: &str, volid: &str, snapshot: &str) -> Result<&'static str, String> {
        let (storage, name, volume) = self.found(node, volid)?;
        if !storage.offers(Feature::Snapshot, &volume.format, is_base(&name), false) {
            return Err("snapshot feature is not available".to_owned());
        }
        let place = storage.place(node);
        let said = said_of_snap(&place, "Creating snap");
        self.storage.snapshots.entry((place, name)).or_default().push((snapshot.to_owned(), volume.size));
        Ok(said)
    }

    /// Removes a snapshot of a volume; one that is not there is none.
    pub fn remove_volume_snapshot(&mut self, node: &str, volid: &str, snapshot: &str) -> Result<&'static str, String> {
        let (storage, name, _) = self.found(node, volid)?;
        let place = storage.place(node);
        let Some(there) = self.storage.snapshots.get_mut(&(place.clone(), name.clone())) else { return Ok("") };
        there.retain(|(other, _)| other != snapshot);
        if there.is_empty() {
            self.storage.snapshots.remove(&(place.clone(), name));
        }
        Ok(said_of_snap(&place, "Removing snap"))
    }

    /// What keeps a volume from being rolled back to a snapshot.
    pub fn may_roll_back(&self, node: &str, volid: &str, snapshot: &str) -> Result<(), String> {
        let (storage, name, volume) = self.found(node, volid)?;
        let there = self.storage.snapshots.get(&(storage.place(node), name));
        let newest = there.and_then(|all| all.last()).is_some_and(|(newest, _)| newest == snapshot);
        match storage.only_newest(&volume.format) && !newest {
            true => Err(format!("can't rollback, '{snapshot}' is not most recent snapshot on '{volid}'")),
            false => Ok(()),
        }
    }

    /// Brings a volume back to what it was.
    pub fn roll_volume_back(&mut self, node: &str, volid: &str, snapshot: &str) -> Result<&'static str, String> {
        let (storage, name, _) = self.found(node, volid)?;
        let place = storage.place(node);
        let there = self.storage.snapshots.get(&(place.clone(), name.clone()));
        let size = there.and_then(|all| all.iter().find(|(other, _)| other == snapshot)).map(|(_, size)| *size);
        // Belief: the text; a snapshot that is in the configuration and not on the storage was not recorded.
        let size = size.ok_or_else(|| format!("snapshot '{snapshot}' of volume '{volid}' does not exist"))?;
        self.change_volume(node, volid, |volume| volume.size = size);
        Ok(said_of_snap(&place, "Rolling back to snapshot"))
    }

    /// Makes the volume the base of linked clones: its name tells from now on. The new id, and what the tools say.
    pub fn become_base(&mut self, node: &str, volid: &str) -> Result<(String, &'static str), String> {
        let (storage, name, _) = self.found(node, volid)?;
        if is_base(&name) {
            return Ok((volid.to_owned(), ""));
        }
        let (folder, file) = name.rsplit_once('/').map_or(("", name.as_str()), |(folder, file)| (folder, file));
        let file = file.strip_prefix("vm-").map_or_else(|| file.to_owned(), |rest| format!("base-{rest}"));
        let new = if folder.is_empty() { file } else { format!("{folder}/{file}") };
        let volid = self.rename_to(node, volid, &new)?;
        let said = match storage.place(node) {
            Place::Rbd { .. } => self.snapshot_volume(node, &volid, BASE)?,
            _ => "",
        };
        Ok((volid, said))
    }

    /// A guest whose disk is a linked clone of the volume.
    // Belief: LVM's thin volumes do not tell whose clones they are, so that there nothing is noticed.
    pub fn clone_of(&self, volid: &str) -> Option<u32> {
        let storage = volid.split_once(':').and_then(|(id, _)| self.storage.get(id))?;
        let below = format!("{volid}/");
        let clones = |text: &String| text.starts_with(&below);
        let guest = self.guests.all.iter().find(|(_, guest)| guest.config.values.values().any(clones));
        guest.map(|(vmid, _)| *vmid).filter(|_| storage.kind.name != "lvmthin")
    }
}

/// Whether the name is that of a base of clones, and not that of a clone.
fn is_base(name: &str) -> bool {
    name.rsplit('/').next().unwrap_or(name).starts_with("base-")
}

/// What Ceph's tools say of a snapshot; the others are silent.
// Belief: recorded for the one that is made; the words of the others are those of `rbd`.
fn said_of_snap(place: &Place, what: &str) -> &'static str {
    match (place, what) {
        (Place::Rbd { .. }, "Creating snap") => "Creating snap: 10% complete...\nCreating snap: 100% complete...done.",
        (Place::Rbd { .. }, "Removing snap") => "Removing snap: 100% complete...done.",
        (Place::Rbd { .. }, _) => "Rolling back to snapshot: 100% complete...done.",
        _ => "",
    }
}
