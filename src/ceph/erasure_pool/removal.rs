//! The way of an erasure coded pool out of the cluster: only when nothing is in either of its pools.

use terraform_plugin::{Cx, Deleted, Error, Findings, require_removable};

use super::{ErasurePool, find};
use crate::ceph::pool::removal as pools;
use crate::ground::pve::Pve;

/// What speaks against it.
pub(super) async fn removable(cx: &Cx<Pve>, was: &ErasurePool, found: &mut Findings<ErasurePool>) -> Result<(), Error> {
    if !was.allow_destroy {
        let (summary, detail) = pools::not_allowed(&was.name);
        found.certain(Error::new(summary, detail).at("allow_destroy"));
        return Ok(());
    }
    let Some(live) = find(cx, &was.name).await? else { return Ok(()) };
    for pool in live.pools() {
        if let Some(used) = pools::occupied(cx, pool).await? {
            used.tell(cx, found);
            // The images of a storage lie on both.
            break;
        }
    }
    Ok(())
}

/// Destroys what there is of it.
pub(super) async fn remove(cx: &Cx<Pve>, was: &ErasurePool) -> Result<Deleted<ErasurePool>, Error> {
    require_removable(cx, was).await?;
    let Some(live) = find(cx, &was.name).await? else { return Ok(Deleted::Gone) };
    for (at, pool) in live.pools().enumerate() {
        if let Err(problem) = pools::destroy(cx, &pool.name).await {
            if at == 0 {
                return Err(problem.into());
            }
            let gone = ErasurePool { data_pool: None, ..was.clone() };
            return Ok(Deleted::unfinished(gone, problem));
        }
    }
    Ok(Deleted::Gone)
}
