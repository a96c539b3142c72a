//! The entries of `storage.cfg` that PVE makes and unmakes with a pool.

use crate::cluster::Cluster;
use crate::cluster::storage::{Kind, Storage};
use crate::kernel::tasks::TaskCx;

/// Names of the RBD storages that lie in a pool of this cluster (or of another one of that name).
fn in_pool(cluster: &Cluster, pool: &str) -> Vec<Storage> {
    let on_it = |storage: &&Storage| {
        storage.kind.name == "rbd" && (storage.pool() == pool || storage.get("data-pool") == Some(pool))
    };
    cluster.storage.all.values().filter(on_it).cloned().collect()
}

/// Adds a storage of this name, with the data of its images in a pool of its own if there is one.
pub(super) fn add(t: &mut TaskCx<'_>, name: &str, pool: &str, data_pool: Option<&str>) -> Result<(), String> {
    let failed = |text: String| format!("adding PVE storage for ceph pool '{name}' failed: {text}");
    if t.cluster.storage.get(name).is_some() {
        return Err(failed(format!("storage ID '{name}' already defined")));
    }
    let Some(kind) = Kind::find("rbd") else { return Err(failed("no storages of type 'rbd'".into())) };
    let options = [("pool", pool), ("content", "rootdir,images"), ("krbd", "0")];
    let data_pool = data_pool.map(|pool| ("data-pool", pool));
    let options = options.into_iter().chain(data_pool).map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    t.cluster.storage.insert(Storage::new(name, kind, options));
    Ok(())
}

/// Refuses if a storage holds images in the pool.
pub(super) fn check_unused(t: &mut TaskCx<'_>, pool: &str) -> Result<(), String> {
    for storage in in_pool(t.cluster, pool) {
        let id = &storage.id;
        t.log(format!("checking storage '{id}' for RBD images.."));
        let node = t.node();
        t.cluster.storage.usable(id, &node)?;
        if !t.cluster.volumes(&storage, &node).is_empty() {
            return Err(format!("ceph pool '{pool}' still in use by storage '{id}'"));
        }
    }
    Ok(())
}

/// Removes the pool's storages but those of other clusters.
pub(super) fn remove(t: &mut TaskCx<'_>, pool: &str) {
    for storage in in_pool(t.cluster, pool).iter().filter(|s| s.get("monhost").is_none()) {
        t.cluster.storage.remove(&storage.id);
    }
}
