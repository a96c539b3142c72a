//! The way of a file system out of the cluster: only when nobody needs it and nothing is in it.

use pve_client::Lock;
use pve_client::api::ceph::FILESYSTEM_AREAS;
use terraform_plugin::{Cx, Deleted, Error, Findings, require_removable};
use tokio::time::Instant;

use super::creation::pools_of;
use super::{CephFilesystem, Live, find, servers};
use crate::ceph::pool::removal::{self as pools, TRACES};
use crate::ceph::wait::patience_until;
use crate::ground::error::{During, Problem};
use crate::ground::evidence::Before;
use crate::ground::pve::Pve;
use crate::storage::cephfs::StorageCephfs;

/// What speaks against it.
pub(super) async fn removable(
    cx: &Cx<Pve>,
    was: &CephFilesystem,
    found: &mut Findings<CephFilesystem>,
) -> Result<(), Error> {
    let name = &was.name;
    if !was.allow_destroy {
        let detail = "Destroying a file system destroys every file in it. If that is what you want, set `allow_destroy = true`, \
                      apply that, and then destroy. Nothing was written.";
        let problem = Problem::new(format!("File system \"{name}\" is protected"), detail);
        found.certain(problem.at("allow_destroy"));
        return Ok(());
    }
    let Some(live) = find(cx, name).await? else { return Ok(()) };
    mounted(cx, name, found).await?;
    if let Some(problem) = holds(cx, &live).await? {
        found.mendable(problem);
    }
    if servers::serving(cx, name).await? && !cx.client.has_shell() {
        found.mendable(Problem::new(
            format!("File system \"{name}\" is served by a metadata server"),
            "Ceph removes none that is. Its command that takes the server away runs on a node: in PVE's terminal, for which no \
             token is enough, or by SSH; nothing was destroyed. Set `username = \"root@pam\"` and `password` on the provider \
             (PVE_USERNAME, PVE_PASSWORD), or `ssh`, or stop the metadata servers.",
        ));
    }
    Ok(())
}

/// Tells of the storages that lie on it, but for those that go along. PVE does not ask.
async fn mounted(cx: &Cx<Pve>, name: &str, found: &mut Findings<CephFilesystem>) -> Result<(), Problem> {
    let all = cx.client.ceph().filesystems().await.during("Cannot list the file systems of Ceph")?;
    let only = all.len() == 1;
    let storages = cx.client.storage().list().await.during("Cannot list the storages")?;
    let on_it = storages.iter().filter(|storage| {
        let its = storage.ceph_filesystem();
        its.is_some_and(|its| its.map_or(only, |its| its == name))
    });
    let going = cx.going::<StorageCephfs>();
    let (mut names, mut all_go) = (Vec::new(), true);
    for storage in on_it {
        names.push(storage.storage.as_str());
        all_go &= going.iter().any(|other| other.storage == storage.storage);
    }
    if !names.is_empty() {
        let problem = Problem::new(
            format!("File system \"{name}\" is in use"),
            format!(
                "Storages lie on it, and nodes have it mounted: {}. Nothing was destroyed. Remove them first.",
                names.join(", ")
            ),
        );
        found.missing(all_go, problem);
    }
    Ok(())
}

/// The error if there are files in it, or nobody knows.
async fn holds(cx: &Cx<Pve>, live: &Live) -> Result<Option<Problem>, Problem> {
    let name = &live.filesystem.name;
    let Some(pool) = &live.data else { return Ok(None) };
    let status =
        cx.client.ceph().pool_status(&pool.name).await.during(format!("Cannot read pool \"{}\"", pool.name))?;
    let Some(statistics) = status.statistics else {
        return Ok(Some(Problem::new(
            format!("Nobody knows what is in file system \"{name}\""),
            format!(
                "PVE tells no figures of pool \"{}\". Nothing was destroyed. See whether Ceph is well, then apply again.",
                pool.name
            ),
        )));
    };
    Ok((statistics.stored > TRACES).then(|| {
        Problem::new(
            format!("File system \"{name}\" is in use"),
            format!(
                "It holds {} bytes of data. Nothing was destroyed. Remove the files first; Ceph forgets them within minutes.",
                statistics.stored
            ),
        )
    }))
}

/// Takes it away, if it is there and may go.
pub(super) async fn remove(cx: &Cx<Pve>, was: &CephFilesystem) -> Result<Deleted<CephFilesystem>, Error> {
    let name = &was.name;
    let doing = format!("Cannot destroy file system \"{name}\"");
    let _turn = cx.client.begin_write(Lock::CephFilesystem, &[]).await.during(&doing)?;
    let deadline = Instant::now() + cx.timeout;
    require_removable(cx, was).await?;
    if find(cx, name).await?.is_none() {
        return Ok(Deleted::Gone);
    }
    let served = servers::serving(cx, name).await?;
    if served && let Err(problem) = servers::take_away(cx, name).await {
        // An answer that was lost is no evidence.
        cx.client.changed(FILESYSTEM_AREAS);
        if servers::serving(cx, name).await? {
            return Err(problem.into());
        }
    }
    let before = Before::peek(cx, None, "cephdestroyfs", name).await?;
    let sent = cx.client.ceph().delete_filesystem(name).await.during(&doing);
    let ended = match before.settle(cx, sent, Lock::CephPool, FILESYSTEM_AREAS).await {
        Ok(Ok(mut task)) => task.wait(&patience_until(cx, deadline), |_| {}).await.during(&doing),
        Ok(Err(problem)) => return Err(back(cx, name, served, problem).await),
        Err(problem) => return Ok(Deleted::unfinished(was.clone(), problem)),
    };
    match ended {
        Ok(()) => Ok(Deleted::Gone),
        Err(problem) if problem.is_failed_task() => {
            if find(cx, name).await?.is_some() {
                return Err(back(cx, name, served, problem).await);
            }
            // It removes the pools last.
            for pool in pools_of(cx, name).await? {
                pools::destroy(cx, &pool).await?;
            }
            Ok(Deleted::Gone)
        }
        Err(problem) => Ok(Deleted::unfinished(was.clone(), problem)),
    }
}

/// The error, once the metadata servers that were taken away are given back.
async fn back(cx: &Cx<Pve>, name: &str, served: bool, problem: Problem) -> Error {
    match served {
        true => match servers::let_join(cx, name).await {
            Ok(()) => problem.into(),
            Err(other) => Error::from(problem).and(other),
        },
        false => problem.into(),
    }
}
