//! The way of a pool out of the cluster: only when nothing is in it.

use std::collections::BTreeSet;

use pve_client::api::ceph::pool::{Pool as Live, PoolRemoval};
use pve_client::api::storage::StorageConfig;
use terraform_plugin::{Cx, Error, Findings};

use super::{Pool, find};
use crate::ground::error::{During, Problem};
use crate::ground::pve::{Pve, patience};
use crate::storage::images::images;
use crate::storage::used::Used;

/// More than a pool without images holds (RBD's directory objects).
pub(in crate::ceph) const TRACES: u64 = 4096;

/// Tells if something is in the pool, unless those go along to whom it belongs.
pub(super) async fn removable(cx: &Cx<Pve>, name: &str, found: &mut Findings<Pool>) -> Result<(), Error> {
    let Some(live) = find(cx, name).await? else { return Ok(()) };
    if let Some(used) = occupied(cx, &live).await? {
        used.tell(cx, found);
    }
    Ok(())
}

/// Destroys the pool, if it is empty.
pub(super) async fn remove(cx: &Cx<Pve>, name: &str) -> Result<(), Problem> {
    let Some(live) = find(cx, name).await? else { return Ok(()) };
    remove_live(cx, &live).await
}

/// The same, of a pool that was found.
pub(in crate::ceph) async fn remove_live(cx: &Cx<Pve>, live: &Live) -> Result<(), Problem> {
    match occupied(cx, live).await? {
        Some(used) => Err(used.problem),
        None => destroy(cx, &live.name).await,
    }
}

/// What is in the pool, or that nobody knows.
pub(in crate::ceph) async fn occupied(cx: &Cx<Pve>, live: &Live) -> Result<Option<Used>, Problem> {
    used(cx, live, &entries(cx, &live.name).await?).await
}

/// Destroys the pool, whatever is in it.
pub(in crate::ceph) async fn destroy(cx: &Cx<Pve>, name: &str) -> Result<(), Problem> {
    let doing = format!("Cannot destroy pool \"{name}\"");
    // PVE looks once more by itself; but where an entry cannot be looked at on the node that does it, it gives up.
    let force = entries(cx, name).await?.iter().any(|entry| entry.disable || entry.nodes.is_some());
    let removal = PoolRemoval { force, ..PoolRemoval::default() };
    let mut task = cx.client.ceph().delete_pool(name, removal).await.during(&doing)?;
    task.wait(&patience(cx), |_| {}).await.during(&doing)
}

/// The storages of the cluster that lie on a pool.
async fn entries(cx: &Cx<Pve>, name: &str) -> Result<Vec<StorageConfig>, Problem> {
    let storages = cx.client.storage().list().await.during("Cannot list the storages")?;
    Ok(storages.iter().filter(|storage| storage.ceph_pools().contains(name)).cloned().collect())
}

async fn used(cx: &Cx<Pve>, live: &Live, entries: &[StorageConfig]) -> Result<Option<Used>, Problem> {
    let name = &live.name;
    let summary = format!("Pool \"{name}\" is in use");
    let untold = |problem| Used { problem, owners: BTreeSet::new() };
    // PVE shows nothing of one that is disabled; what the pool stores is looked at below.
    for storage in entries.iter().filter(|entry| !entry.disable) {
        let Some(images) = images(cx, &storage.storage, storage.nodes.as_ref()).await? else { continue };
        if let Some(first) = images.first() {
            let problem = Problem::new(
                summary,
                format!(
                    "Storage \"{}\" holds {} images on it, such as {}. Nothing was destroyed. Move or remove them first.",
                    storage.storage,
                    images.len(),
                    first.volid
                ),
            );
            return Ok(Some(Used { problem, owners: images.iter().map(|image| image.vmid).collect() }));
        }
    }
    let status = cx.client.ceph().pool_status(name).await.during(format!("Cannot read pool \"{name}\""))?;
    let Some(stored) = status.statistics.map(|statistics| statistics.stored) else {
        let problem = Problem::new(
            format!("Nobody knows what is in pool \"{name}\""),
            "PVE tells no figures of it. Nothing was destroyed. See whether Ceph is well, then apply again.",
        );
        return Ok(Some(untold(problem)));
    };
    let unseen = || {
        Problem::new(
            summary,
            format!(
                "No storage shows an image on it, yet it holds {stored} bytes. Nothing was destroyed. Remove what is in it first."
            ),
        )
    };
    Ok((stored > TRACES).then(|| untold(unseen())))
}

/// Summary and detail of the refusal without `allow_destroy`.
pub(in crate::ceph) fn not_allowed(name: &str) -> (String, String) {
    (
        format!("Pool \"{name}\" is protected"),
        "Destroying a pool destroys every disk in it. If that is what you want, set `allow_destroy = true`, apply that, and \
         then destroy. Nothing was written."
            .to_owned(),
    )
}
