//! The images of RBD storages: those of a pool of the simulated Ceph cluster.
//!
//! A storage that names an external cluster's monitors finds nobody there.

use std::collections::BTreeSet;

use super::{Place, Storage, Volume};
use crate::cluster::Cluster;
use crate::cluster::ceph::{Image, Pool};

impl Cluster {
    /// The pool behind an RBD storage, if it can be asked: a quorum of monitors, the pool itself.
    fn rbd_pool(&self, pool: &str) -> Option<&Pool> {
        let pool = self.ceph.pool_named(pool)?;
        (!self.ceph.quorum_names().is_empty()).then_some(pool)
    }

    fn rbd_pool_mut(&mut self, pool: &str) -> Result<&mut Pool, String> {
        if self.ceph.quorum_names().is_empty() {
            return Err("rbd: couldn't connect to the cluster!".to_owned());
        }
        let found = self.ceph_now().pools.values_mut().find(|p| p.name == pool);
        found.ok_or_else(|| format!("rbd: error opening pool '{pool}': (2) No such file or directory"))
    }

    /// Images of a pool that is gone cannot be listed.
    pub fn rbd_must_be_there(&self, storage: &Storage, node: &str) -> Result<(), String> {
        let Place::Rbd { pool } = storage.place(node) else { return Ok(()) };
        if storage.get("monhost").is_some() || !self.ceph.has_quorum() || self.ceph.pool_named(&pool).is_some() {
            return Ok(());
        }
        Err("rbd error: rbd: listing images failed: (2) No such file or directory".to_owned())
    }

    /// All images of a pool.
    pub(super) fn rbd_images(&self, pool: &str) -> Vec<(String, Volume)> {
        let images = self.rbd_pool(pool).into_iter().flat_map(|pool| &pool.images);
        let volume = |image: &Image| Volume {
            content: "images".into(),
            format: "raw".into(),
            size: image.size,
            used: image.used,
            ctime: None,
        };
        images.map(|(name, image)| (name.clone(), volume(image))).collect()
    }

    pub(super) fn rbd_create(&mut self, pool: &str, name: &str, size: u64) -> Result<(), String> {
        let failed = |text: String| format!("rbd create '{name}' error: {text}");
        let pool = self.rbd_pool_mut(pool).map_err(failed)?;
        pool.images.insert(name.to_owned(), Image { size, used: 0 });
        Ok(())
    }

    pub(super) fn rbd_remove(&mut self, pool: &str, name: &str) -> Result<String, String> {
        let failed = |text: String| format!("rbd rm '{name}' error: {text}");
        let pool = self.rbd_pool_mut(pool).map_err(failed)?;
        match pool.images.remove(name) {
            Some(image) => {
                // A line for each hundredth that is reached, object after object of four MiB.
                let objects = image.size.div_ceil(4 << 20).max(1);
                let reached: BTreeSet<u64> = (1..objects).map(|n| 100 * n / objects).filter(|n| *n > 0).collect();
                let mut lines: Vec<String> =
                    reached.into_iter().map(|n| format!("Removing image: {n}% complete...")).collect();
                lines.push("Removing image: 100% complete...done.".to_owned());
                Ok(lines.join("\n"))
            }
            None => Err(format!("rbd error: rbd: error opening image {name}: (2) No such file or directory")),
        }
    }

    pub(super) fn rbd_rename(&mut self, pool: &str, name: &str, new: &str) -> Result<(), String> {
        let failed = |text: String| format!("rbd rename '{name}' error: {text}");
        let pool = self.rbd_pool_mut(pool).map_err(failed)?;
        if let Some(image) = pool.images.remove(name) {
            pool.images.insert(new.to_owned(), image);
        }
        Ok(())
    }

    pub(super) fn rbd_change(&mut self, pool: &str, name: &str, change: impl FnOnce(&mut Volume)) {
        let Some((_, mut volume)) = self.rbd_images(pool).into_iter().find(|(image, _)| image == name) else { return };
        change(&mut volume);
        if let Ok(pool) = self.rbd_pool_mut(pool) {
            pool.images.insert(name.to_owned(), Image { size: volume.size, used: volume.used });
        }
    }

    /// Whether I/O on the pool hangs: a placement group is not active.
    pub(super) fn rbd_hangs(&mut self, pool: &str) -> bool {
        let ceph = self.ceph_now();
        let id = ceph.pool_named(pool).map(|pool| pool.id);
        ceph.report().pgs.iter().any(|pg| Some(pg.pool) == id && !pg.has("active"))
    }

    /// Bytes stored in the pool and bytes that still fit; `None` where the pool cannot be asked.
    pub(super) fn rbd_usage(&self, storage: &Storage) -> Option<(u64, u64)> {
        let pool = self.rbd_pool(storage.pool()).filter(|_| storage.get("monhost").is_none())?;
        Some((pool.stored(), self.ceph.max_avail(pool)))
    }
}
