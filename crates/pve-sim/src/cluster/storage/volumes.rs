//! Volumes: named, made, enlarged, freed.

use super::{Place, Storage};
use crate::cluster::Cluster;
use crate::kernel::clock::Time;

/// What lies on a storage under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// `images`, `iso`, `backup` ...
    pub content: String,
    /// `raw`, `qcow2` ...
    pub format: String,
    /// Bytes that its user sees.
    pub size: u64,
    /// Bytes that were written.
    pub used: u64,
    /// When it was made, where the storage keeps that.
    pub ctime: Option<Time>,
}

/// A volume that was just made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allocated {
    /// Its id.
    pub volid: String,
    /// Its size, which may have been rounded up.
    pub size: u64,
    /// What the storage's tools said meanwhile.
    pub log: String,
}

/// Extents of LVM.
const EXTENT: u64 = 4 << 20;
/// Images of RBD are made in whole MiB.
const MIB: u64 = 1 << 20;

/// The guest that a volume's name says it belongs to.
pub fn owner(name: &str) -> Option<u32> {
    let file = name.rsplit('/').next().unwrap_or(name);
    let by_name = ["vm-", "base-", "subvol-", "basevol-"].iter().find_map(|prefix| {
        let rest = file.strip_prefix(prefix)?;
        rest.split('-').next()?.parse().ok()
    });
    by_name.or_else(|| name.split_once('/').and_then(|(folder, _)| folder.parse().ok()))
}

impl Storage {
    /// The path or device of a volume, as tools print it.
    pub fn volume_path(&self, name: &str) -> String {
        let name = super::own_part(name);
        match self.kind.name {
            "rbd" => format!("rbd:{}/{name}:conf=/etc/pve/ceph.conf", self.pool()),
            "lvm" | "lvmthin" => format!("/dev/{}/{name}", self.get("vgname").unwrap_or_default()),
            _ => match name.split_once('/') {
                Some((vmid, _)) if vmid.parse::<u32>().is_ok() => format!("{}/images/{name}", self.path()),
                Some(("iso", file)) => format!("{}/template/iso/{file}", self.path()),
                Some(("backup", file)) => format!("{}/dump/{file}", self.path()),
                Some(("vztmpl", file)) => format!("{}/template/cache/{file}", self.path()),
                _ => format!("{}/{name}", self.path()),
            },
        }
    }

    /// The format that images take when nobody asks for one.
    pub fn default_format(&self) -> &str {
        match self.get("format") {
            Some(format) if self.kind.has_files() => format,
            _ => self.kind.formats.first().copied().unwrap_or("raw"),
        }
    }

    /// Whether a volume takes all that it may ever hold as soon as it is made.
    pub fn sets_aside(&self) -> bool {
        self.kind.name == "lvm" || (self.kind.name == "zfspool" && self.get("sparse") != Some("1"))
    }

    /// Whether images can have this format. LVM keeps qcow2 only where snapshots are chains of volumes.
    pub fn takes_format(&self, format: &str) -> bool {
        let chained = self.get("snapshot-as-volume-chain") == Some("1");
        self.kind.formats.contains(&format) && (self.kind.name != "lvm" || format == "raw" || chained)
    }

    /// What is said when a volume that a guest needs is not there.
    pub fn missing(&self, name: &str) -> String {
        match self.kind.name {
            "lvm" | "lvmthin" => {
                format!("no such logical volume {}/{name}", self.get("vgname").unwrap_or_default())
            }
            // Belief: librbd's text as QEMU prints it.
            "rbd" => format!("rbd: error opening image {name}: (2) No such file or directory"),
            _ => format!("volume '{}:{name}' does not exist", self.id),
        }
    }
}

impl Cluster {
    /// Every volume of a storage as a node sees it, by name.
    pub fn volumes(&self, storage: &Storage, node: &str) -> Vec<(String, Volume)> {
        match storage.place(node) {
            Place::Rbd { pool } => self.rbd_images(&pool),
            place => {
                let there = self.storage.volumes.get(&place).into_iter().flatten();
                let there = there.map(|(name, volume)| (name.clone(), volume.clone()));
                there.chain(self.snippets(storage, node)).collect()
            }
        }
    }

    /// The volume with this id, as a node sees it.
    pub fn volume(&self, node: &str, volid: &str) -> Option<Volume> {
        let (id, name) = volid.split_once(':')?;
        let storage = self.storage.get(id)?;
        self.volumes(storage, node).into_iter().find(|(n, _)| n == name).map(|(_, volume)| volume)
    }

    /// Makes an image for a guest: under `name`, or else under the lowest free `disk-N`. Sizes are in bytes.
    ///
    /// # Errors
    /// PVE's text: the storage cannot be used, or the name is taken.
    pub fn allocate(
        &mut self,
        node: &str,
        id: &str,
        vmid: u32,
        name: Option<&str>,
        format: &str,
        size: u64,
    ) -> Result<Allocated, String> {
        let storage = self.storage.usable(id, node)?.clone();
        self.activate(&storage)?;
        let files = storage.kind.has_files();
        let there: Vec<String> = self.volumes(&storage, node).into_iter().map(|(name, _)| name).collect();
        let name = match name {
            Some(name) if files && !name.contains('/') => format!("{vmid}/{name}"),
            Some(name) => name.to_owned(),
            None => free_name(vmid, &there, files.then_some(format)),
        };
        let path = storage.volume_path(&name);
        if there.contains(&name) {
            return Err(match storage.kind.name {
                "lvm" | "lvmthin" => {
                    let group = storage.get("vgname").unwrap_or_default();
                    format!(
                        "lvcreate '{group}/{name}' error:   Logical Volume \"{name}\" already exists in volume group \
                         \"{group}\""
                    )
                }
                "rbd" => format!("rbd create '{name}' error: rbd: create error: (17) File exists"),
                _ => format!("disk image '{path}' already exists"),
            });
        }
        let unit = match storage.kind.name {
            "lvm" | "lvmthin" => EXTENT,
            "rbd" => MIB,
            _ => 1,
        };
        let size = size.div_ceil(unit) * unit;
        // What these hold is set aside when it is made; all others take more than they have.
        if storage.sets_aside() {
            self.must_have_room(node, id, size)?;
        }
        let log = match storage.kind.name {
            "rbd" => String::new(),
            // Belief: lvcreate's own words.
            "lvm" | "lvmthin" => format!("  Logical volume \"{name}\" created."),
            _ => formatting(&storage, &path, format, size),
        };
        let volid = format!("{id}:{name}");
        match storage.place(node) {
            Place::Rbd { pool } => self.rbd_create(&pool, &name, size)?,
            place => {
                let volume = Volume {
                    content: "images".into(),
                    format: format.to_owned(),
                    size,
                    used: 0,
                    ctime: Some(self.now),
                };
                self.storage.volumes.entry(place).or_default().insert(name, volume);
            }
        }
        Ok(Allocated { volid, size, log })
    }

    /// Frees a volume. What the tools say; a volume that is not there is no error, except to Ceph.
    ///
    /// # Errors
    /// PVE's text.
    pub fn free(&mut self, node: &str, volid: &str) -> Result<String, String> {
        let Some((id, name)) = volid.split_once(':') else {
            return Err(format!("unable to parse volume ID '{volid}'"));
        };
        let storage = self.storage.usable(id, node)?.clone();
        let snapshots = self.storage.snapshots.remove(&(storage.place(node), name.to_owned())).unwrap_or_default();
        let place = match storage.place(node) {
            Place::Rbd { pool } => {
                let said = self.rbd_remove(&pool, name)?;
                return Ok(match snapshots.is_empty() {
                    true => said,
                    false => format!("{}\n{said}", super::snapshots::ALL_REMOVED),
                });
            }
            place => place,
        };
        self.storage.backups.remove(&(place.clone(), name.to_owned()));
        if let Some(file) = name.strip_prefix("snippets/")
            && let Some(known) = self.nodes.get_mut(node)
        {
            known.files.remove(&format!("{}/snippets/{file}", storage.path()));
        }
        let there = self.storage.volumes.get_mut(&place).and_then(|volumes| volumes.remove(name)).is_some();
        self.storage.files.remove(&(place, name.to_owned()));
        Ok(match (storage.kind.has_files(), there) {
            (true, true) | (false, false) => String::new(),
            (true, false) => format!("disk image '{}' does not exist", storage.volume_path(name)),
            (false, true) => format!("  Logical volume \"{name}\" successfully removed."),
        })
    }

    /// Takes a volume from one node's own disks to another's, as migration does; one that both see stays.
    pub(crate) fn carry(&mut self, from: &str, to: &str, volid: &str) {
        let Some((id, name)) = volid.split_once(':') else { return };
        let Some(storage) = self.storage.get(id) else { return };
        let (source, target) = (storage.place(from), storage.place(to));
        let volume = self.storage.volumes.get_mut(&source).and_then(|volumes| volumes.remove(name));
        if let Some(snapshots) = self.storage.snapshots.remove(&(source, name.to_owned())) {
            self.storage.snapshots.insert((target.clone(), name.to_owned()), snapshots);
        }
        if let Some(volume) = volume {
            self.storage.volumes.entry(target).or_default().insert(name.to_owned(), volume);
        }
    }

    /// Whether reading and writing a volume hangs for now, as it does where Ceph has too few copies at hand.
    pub(crate) fn hangs(&mut self, volid: &str) -> bool {
        let storage = volid.split_once(':').and_then(|(id, _)| self.storage.get(id));
        let pool = storage.filter(|storage| storage.kind.name == "rbd").map(|storage| storage.pool().to_owned());
        pool.is_some_and(|pool| self.rbd_hangs(&pool))
    }

    /// Gives a volume to another guest: its name tells so from now on. The new id.
    ///
    /// # Errors
    /// PVE's text: the storage cannot be used, or the volume is not there.
    pub fn rename(&mut self, node: &str, volid: &str, vmid: u32) -> Result<String, String> {
        let (id, name) = volid.split_once(':').unwrap_or((volid, ""));
        let storage = self.storage.usable(id, node)?.clone();
        let volume = self.volume(node, volid).ok_or_else(|| storage.missing(name))?;
        let there: Vec<String> = self.volumes(&storage, node).into_iter().map(|(name, _)| name).collect();
        let new = free_name(vmid, &there, storage.kind.has_files().then_some(volume.format.as_str()));
        self.rename_to(node, volid, &new)
    }

    /// Gives a volume another name. The new id.
    ///
    /// # Errors
    /// PVE's text: the storage cannot be used, or the volume is not there.
    pub fn rename_to(&mut self, node: &str, volid: &str, new: &str) -> Result<String, String> {
        let (id, name) = volid.split_once(':').unwrap_or((volid, ""));
        let storage = self.storage.usable(id, node)?.clone();
        let volume = self.volume(node, volid).ok_or_else(|| storage.missing(name))?;
        let place = storage.place(node);
        if let Place::Rbd { pool } = &place {
            self.rbd_rename(pool, name, new)?;
        } else if let Some(volumes) = self.storage.volumes.get_mut(&place) {
            volumes.remove(name);
            volumes.insert(new.to_owned(), volume);
        }
        if let Some(snapshots) = self.storage.snapshots.remove(&(place.clone(), name.to_owned())) {
            self.storage.snapshots.insert((place, new.to_owned()), snapshots);
        }
        Ok(format!("{id}:{new}"))
    }

    /// Changes what a volume holds and how large it is.
    pub(crate) fn change_volume(&mut self, node: &str, volid: &str, change: impl FnOnce(&mut Volume)) {
        let Some((id, name)) = volid.split_once(':') else { return };
        let Some(storage) = self.storage.get(id) else { return };
        match storage.place(node) {
            Place::Rbd { pool } => self.rbd_change(&pool, name, change),
            place => {
                if let Some(volume) = self.storage.volumes.get_mut(&place).and_then(|volumes| volumes.get_mut(name)) {
                    change(volume);
                }
            }
        }
    }
}

/// The lowest `disk-N` that no volume of the guest has, whatever its format.
pub(super) fn free_name(vmid: u32, there: &[String], extension: Option<&str>) -> String {
    let taken = |number: u32| {
        let wanted = format!("-{vmid}-disk-{number}");
        there.iter().any(|name| {
            let file = name.rsplit('/').next().unwrap_or(name);
            let stem = file.split_once('.').map_or(file, |(stem, _)| stem);
            stem.ends_with(&wanted)
        })
    };
    let number = (0..).find(|number| !taken(*number)).unwrap_or_default();
    match extension {
        Some(extension) => format!("{vmid}/vm-{vmid}-disk-{number}.{extension}"),
        None => format!("vm-{vmid}-disk-{number}"),
    }
}

/// What qemu-img says when it makes a file.
fn formatting(storage: &Storage, path: &str, format: &str, size: u64) -> String {
    let preallocation = storage.get("preallocation");
    match format {
        "qcow2" => format!(
            "Formatting '{path}', fmt=qcow2 cluster_size=65536 extended_l2=off preallocation={} compression_type=zlib \
             size={size} lazy_refcounts=off refcount_bits=16",
            preallocation.unwrap_or("metadata")
        ),
        "raw" => {
            // A raw file has no metadata to lay out.
            let preallocation = preallocation.filter(|p| *p != "metadata").unwrap_or("off");
            format!("Formatting '{path}', fmt=raw size={size} preallocation={preallocation}")
        }
        other => format!("Formatting '{path}', fmt={other} size={size}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_their_guest() {
        for (name, vmid) in [
            ("200/vm-200-disk-0.raw", Some(200)),
            ("vm-100-cloudinit", Some(100)),
            ("base-9000-disk-1", Some(9000)),
            ("500/bad.raw", Some(500)),
            ("iso/x.iso", None),
        ] {
            assert_eq!(owner(name), vmid, "{name}");
        }
    }

    #[test]
    fn new_volumes_take_the_lowest_free_number_and_whole_extents() {
        let mut cluster = Cluster::for_tests();
        let mut make = |size| cluster.allocate("pve1", "local-lvm", 100, None, "raw", size).unwrap();
        assert_eq!(make(1 << 30).volid, "local-lvm:vm-100-disk-0");
        let second = make(528 << 10);
        assert_eq!((second.volid.as_str(), second.size), ("local-lvm:vm-100-disk-1", 4 << 20));
        cluster.free("pve1", "local-lvm:vm-100-disk-0").unwrap();
        let again = cluster.allocate("pve1", "local-lvm", 100, None, "raw", 1).unwrap();
        assert_eq!(again.volid, "local-lvm:vm-100-disk-0");
    }

    #[test]
    fn local_volumes_exist_on_one_node_only() {
        let mut cluster = Cluster::for_tests();
        let made = cluster.allocate("pve1", "local-lvm", 100, None, "raw", 1 << 30).unwrap();
        assert!(cluster.volume("pve1", &made.volid).is_some());
        assert!(cluster.volume("pve2", &made.volid).is_none());
        assert_eq!(cluster.free("pve2", &made.volid), Ok(String::new()));
    }
}
