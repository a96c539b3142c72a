//! The way of a file system into being.

use pve_client::Lock;
use pve_client::api::ceph::FILESYSTEM_AREAS;
use terraform_plugin::{Created, Cx, Failed, Unwritten, require};
use tokio::time::Instant;

use super::copies;
use super::{CephFilesystem, find, named, servers};
use crate::ceph::pool::parts::Part;
use crate::ceph::pool::removal as pools;
use crate::ceph::wait::patience_until;
use crate::ground::error::{During, Problem};
use crate::ground::evidence::{self, Before};
use crate::ground::pve::Pve;

/// The type of PVE's task.
const TASK: &str = "cephfscreate";

pub(super) async fn create(
    cx: &Cx<Pve>,
    want: &CephFilesystem,
    unwritten: Unwritten<CephFilesystem>,
) -> Result<Created<CephFilesystem>, Failed> {
    let name = &want.name;
    let doing = format!("Cannot create file system \"{name}\"");
    // Two at once would count on the same metadata server.
    let _turn = unwritten.check(cx.client.begin_write(Lock::CephFilesystem, &[]).await.during(&doing))?;
    let deadline = Instant::now() + cx.timeout;
    let before = unwritten.check(Before::look(cx, TASK, name).await)?;
    if unwritten.check(left_behind(cx, want, &before).await)? {
        return Ok(unwritten.take_over(want.clone()).settle(async |_| settled(cx, want, deadline).await).await);
    }
    unwritten.check(servers::wait(cx, name, deadline).await)?;
    unwritten.check(require(cx, want, None).await)?;
    let request = async { cx.client.ceph().create_filesystem(name, want.data_pg_num).await.during(&doing) };
    let (sent, written) = unwritten.send(want.clone(), request).await?;
    let mut task = match before.settle(cx, sent, Lock::CephPool, FILESYSTEM_AREAS).await {
        Ok(Ok(task)) => task,
        Ok(Err(problem)) => return written.undo(problem, must_be_absent(cx, name)).await,
        Err(problem) => return Ok(written.leave(problem)),
    };
    match task.wait(&patience_until(cx, deadline), |_| {}).await.during(&doing) {
        Ok(()) => Ok(written.settle(async |_| settled(cx, want, deadline).await).await),
        Err(problem) if problem.is_failed_task() => written.undo(problem, take_back(cx, name)).await,
        Err(problem) => Ok(written.leave(problem)),
    }
}

/// Has its pools keep what is wanted, and then waits until it is served: with copies that have no place it never would be.
pub(super) async fn settled(cx: &Cx<Pve>, want: &CephFilesystem, deadline: Instant) -> Result<CephFilesystem, Problem> {
    let made = copies::bring(cx, want).await?;
    servers::active(cx, &want.name, deadline).await?;
    // It began to be served after its task was over.
    cx.client.changed(FILESYSTEM_AREAS);
    Ok(CephFilesystem { ready: true, ..made })
}

/// Whether it is there because a run of ours was cut off while making it; an error if it is there otherwise. What of it can
/// differ is brought to what is wanted in any case.
async fn left_behind(cx: &Cx<Pve>, want: &CephFilesystem, before: &Before) -> Result<bool, Problem> {
    if before.begun_here() {
        return Err(Problem::new(
            format!("File system \"{}\" is made by another resource already", want.name),
            "Two resources of this configuration name the same one; nothing was written for this one. Remove one of them.",
        )
        .at("name"));
    }
    // First: it may be in the making still.
    let former = before.of_former_run(cx, &want.name, Lock::CephPool, FILESYSTEM_AREAS).await?;
    let named = named(&want.name);
    match (find(cx, &want.name).await?, former) {
        (Some(_), Some(upid)) => {
            evidence::tell_taken_over(cx, &named.what, &upid);
            Ok(true)
        }
        (Some(_), None) => Err(named.existing().noting(before.maker())),
        (None, _) => Ok(false),
    }
}

async fn must_be_absent(cx: &Cx<Pve>, name: &str) -> Result<(), Problem> {
    named(name).must_be_absent(find(cx, name).await?)
}

/// Those of its pools that there are.
pub(super) async fn pools_of(cx: &Cx<Pve>, name: &str) -> Result<Vec<String>, Problem> {
    let there = cx.client.ceph().pools().await.during("Cannot list the pools of Ceph")?;
    let names = Part::BOTH.map(|part| part.pool(name));
    Ok(names.into_iter().filter(|name| there.iter().any(|pool| pool.name == *name)).collect())
}

/// PVE makes both pools itself.
pub(super) async fn pools_in_the_way(cx: &Cx<Pve>, name: &str) -> Result<Option<Problem>, Problem> {
    let there = pools_of(cx, name).await?;
    Ok((!there.is_empty()).then(|| {
        let detail = format!(
            "There are: {}. PVE makes the pools of a file system itself. Nothing was written. Choose another name, or destroy them \
             first.",
            there.join(", ")
        );
        Problem::new(format!("The pools of file system \"{name}\" exist already"), detail).at("name")
    }))
}

/// Removes the pools that a task which failed could not take back. They were not there before.
async fn take_back(cx: &Cx<Pve>, name: &str) -> Result<(), Problem> {
    must_be_absent(cx, name).await?;
    for pool in pools_of(cx, name).await? {
        pools::destroy(cx, &pool).await?;
    }
    Ok(())
}
