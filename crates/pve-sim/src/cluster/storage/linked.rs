//! Volumes that lie upon a template's, and whether there is room for what is written.

use super::volumes::free_name;
use super::{Place, Storage, Volume, owner};
use crate::cluster::Cluster;

/// What of a volume's name is its own: a linked one is named behind the one that it lies upon, on most storages.
pub fn own_part(name: &str) -> &str {
    let Some((base, rest)) =
        name.split_once("base-").and_then(|(before, rest)| Some((before, rest.split_once('/')?.1)))
    else {
        return name;
    };
    // `161/base-161-disk-0.qcow2/164/vm-164-disk-0.qcow2`, `base-162-disk-0/vm-166-disk-0`
    if base.is_empty() || base.ends_with('/') { rest } else { name }
}

impl Storage {
    /// Whether a volume that lies upon another is named behind it.
    fn names_the_base(&self) -> bool {
        self.kind.name != "lvmthin"
    }
}

impl Cluster {
    /// Makes a volume for a guest that lies upon a template's. Its id, and what the tools say.
    ///
    /// # Errors
    /// PVE's text: the storage cannot be used, or the base is not there.
    pub fn link_volume(&mut self, node: &str, base: &str, vmid: u32) -> Result<(String, Vec<String>), String> {
        let (id, base_name) = base.split_once(':').unwrap_or((base, ""));
        let storage = self.storage.usable(id, node)?.clone();
        self.activate(&storage)?;
        let volume = self.volume(node, base).ok_or_else(|| storage.missing(base_name))?;
        let there: Vec<String> = self.volumes(&storage, node).into_iter().map(|(name, _)| name).collect();
        let own = free_name(vmid, &there, storage.kind.has_files().then_some("qcow2"));
        let base_own = own_part(base_name);
        let name = if storage.names_the_base() { format!("{base_own}/{own}") } else { own.clone() };
        let log = match storage.kind.name {
            "rbd" => vec![format!("clone {base_own}: {base_own} snapname __base__ to {own}")],
            // Belief: lvcreate's own words.
            "lvmthin" => vec![format!("  Logical volume \"{own}\" created.")],
            _ => {
                let file = |name: &str| name.rsplit('/').next().unwrap_or(name).to_owned();
                let size = volume.size;
                let path = storage.volume_path(&name);
                vec![
                    format!("clone {base_own}: images, {0}, {vmid} to {0} (base=../{base_own})", file(&own)),
                    format!(
                        "Formatting '{path}', fmt=qcow2 cluster_size=131072 extended_l2=on preallocation=metadata \
                         compression_type=zlib size={size} backing_file=../{base_own} backing_fmt={} lazy_refcounts=off \
                         refcount_bits=16",
                        volume.format
                    ),
                ]
            }
        };
        match storage.place(node) {
            Place::Rbd { pool } => self.rbd_create(&pool, &name, volume.size)?,
            place => {
                let format = if storage.kind.has_files() { "qcow2".to_owned() } else { volume.format.clone() };
                let linked = Volume { format, used: 0, ctime: Some(self.now), ..volume };
                self.storage.volumes.entry(place).or_default().insert(name.clone(), linked);
            }
        }
        Ok((format!("{id}:{name}"), log))
    }

    /// An error while other volumes lie upon one of these.
    ///
    /// # Errors
    /// PVE's text.
    pub fn must_carry_nothing(&self, node: &str, volids: &[String], vmid: u32) -> Result<(), String> {
        for volid in volids {
            let Some((id, name)) = volid.split_once(':') else { continue };
            let own = own_part(name);
            let Some(storage) = self.storage.get(id).filter(|_| own.contains("base-")) else { continue };
            let upon = format!("{own}/");
            let carries = |(name, _): &(String, Volume)| name.starts_with(&upon) && owner(name) != Some(vmid);
            if self.volumes(storage, node).iter().any(carries) {
                return Err(format!("base volume '{volid}' is still in use by linked cloned"));
            }
        }
        Ok(())
    }

    /// Whether so many bytes can still be written to a storage.
    ///
    /// # Errors
    /// What the tools say when the storage is full.
    pub fn must_have_room(&self, node: &str, id: &str, bytes: u64) -> Result<(), String> {
        let Some(storage) = self.storage.get(id) else { return Ok(()) };
        // These tell nothing of how full they are.
        if matches!(storage.kind.name, "iscsi" | "iscsidirect" | "esxi") {
            return Ok(());
        }
        let usage = self.usage(storage, node);
        if !usage.active || bytes <= usage.avail {
            return Ok(());
        }
        // Belief: the tools' own words; no storage was filled up for the recordings.
        Err(match storage.kind.name {
            "lvm" => {
                let group = storage.get("vgname").unwrap_or_default();
                let extents = |bytes: u64| bytes / (4 << 20);
                format!(
                    "lvcreate error:   Volume group \"{group}\" has insufficient free space ({} extents): {} required.",
                    extents(usage.avail),
                    extents(bytes)
                )
            }
            "zfspool" => {
                let dataset = storage.get("pool").unwrap_or_default();
                format!("zfs error: cannot create volume in '{dataset}': out of space")
            }
            _ => "copy failed: qemu-img: error while writing: No space left on device".to_owned(),
        })
    }

    /// Makes a guest's volume one that others can lie upon: it is called so from now on. The new id.
    ///
    /// # Errors
    /// PVE's text: the storage cannot be used, or the volume is not there.
    pub fn make_base(&mut self, node: &str, volid: &str) -> Result<String, String> {
        let (id, name) = volid.split_once(':').unwrap_or((volid, ""));
        let storage = self.storage.usable(id, node)?.clone();
        let volume = self.volume(node, volid).ok_or_else(|| storage.missing(name))?;
        let own = own_part(name);
        let new = own.replacen("vm-", "base-", 1);
        match storage.place(node) {
            Place::Rbd { pool } => self.rbd_rename(&pool, name, &new)?,
            place => {
                if let Some(volumes) = self.storage.volumes.get_mut(&place) {
                    volumes.remove(name);
                    volumes.insert(new.clone(), volume);
                }
            }
        }
        Ok(format!("{id}:{new}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linked_volumes_are_named_behind_their_base() {
        for (name, own) in [
            ("161/base-161-disk-0.qcow2/164/vm-164-disk-0.qcow2", "164/vm-164-disk-0.qcow2"),
            ("base-162-disk-0/vm-166-disk-0", "vm-166-disk-0"),
            ("161/base-161-disk-0.qcow2", "161/base-161-disk-0.qcow2"),
            ("vm-100-disk-0", "vm-100-disk-0"),
            ("iso/my-base-1/x.iso", "iso/my-base-1/x.iso"),
        ] {
            assert_eq!(own_part(name), own);
        }
    }
}
