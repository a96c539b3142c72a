//! The way of an erasure coded pool into being. PVE makes profile, rule and pools one after another, and takes nothing back.

use pve_client::Lock;
use pve_client::shell::commands::CephCommands;
use terraform_plugin::{Created, Cx, Failed, Findings, Unwritten, require};

use super::chunks::USUAL_DOMAIN;
use super::{ErasurePool, Live, bring, find, named, pool_of};
use crate::ceph::pool::parts::Part;
use crate::ceph::pool::{AREAS, find_any, made_twice, removal as pools};
use crate::ceph::{shell_node, topology};
use crate::ground::error::{During, Problem};
use crate::ground::evidence::{self, Before};
use crate::ground::pve::{Pve, patience};

pub(super) async fn create(
    cx: &Cx<Pve>,
    want: &ErasurePool,
    unwritten: Unwritten<ErasurePool>,
) -> Result<Created<ErasurePool>, Failed> {
    let name = &want.name;
    let before = unwritten.check(Before::look(cx, "cephcreatepool", name).await)?;
    if unwritten.check(left_behind(cx, want, &before).await)? {
        return Ok(unwritten.take_over(want.clone()).settle(async |_| bring(cx, want).await).await);
    }
    unwritten.check(require(cx, want, None).await)?;
    let doing = format!("Cannot create erasure coded pool \"{name}\"");
    let params = want.params();
    let request = async { cx.client.ceph().create_pool(name, &params).await.during(&doing) };
    let (sent, written) = unwritten.send(want.clone(), request).await?;
    let mut task = match before.settle(cx, sent, Lock::CephPool, AREAS).await {
        Ok(Ok(task)) => task,
        Ok(Err(problem)) => {
            let absent = async { named(name).must_be_absent(find(cx, name).await?) };
            return written.undo(problem, absent).await;
        }
        Err(problem) => return Ok(written.leave(problem)),
    };
    match task.wait(&patience(cx), |_| {}).await.during(&doing) {
        Ok(()) => Ok(written.settle(async |_| bring(cx, want).await).await),
        Err(problem) if problem.is_failed_task() => {
            let problem = match cx.client.has_shell() {
                true => problem,
                false => problem.noting(Some(leavings(name))),
            };
            written.undo(problem, take_back(cx, name)).await
        }
        Err(problem) => Ok(written.leave(problem)),
    }
}

/// Whether it is there because a run of ours was cut off while making it; an error if it is there otherwise.
async fn left_behind(cx: &Cx<Pve>, want: &ErasurePool, before: &Before) -> Result<bool, Problem> {
    let name = &want.name;
    if before.begun_here() {
        return Err(made_twice(name));
    }
    // First: it may be in the making still.
    let former = before.of_former_run(cx, name, Lock::CephPool, AREAS).await?;
    match (find(cx, name).await?, former) {
        (Some(live), Some(upid)) if fits(want, &live) => {
            evidence::tell_taken_over(cx, &named(name).what, &upid);
            Ok(true)
        }
        (Some(live), _) if !live.is_whole() && cx.former(Some(name)).await.is_some() => {
            // Before that run began there was neither; and what holds something stays.
            for pool in live.pools() {
                pools::remove_live(cx, pool).await?;
            }
            Ok(false)
        }
        (Some(live), _) if live.is_whole() => Err(named(name).existing().noting(before.maker())),
        (Some(_), _) => Err(in_the_way(cx, name).await?),
        (None, _) => Ok(false),
    }
}

/// Whether what cannot be changed is as it is wanted.
fn fits(want: &ErasurePool, live: &Live) -> bool {
    let cut = live.data.as_ref().and_then(|data| data.chunks()) == Some((want.k, want.m));
    let domain = want.failure_domain.as_deref().unwrap_or(USUAL_DOMAIN);
    let spread = live
        .shape
        .as_ref()
        .is_some_and(|shape| shape.failure_domain == domain && shape.device_class == want.device_class);
    live.is_whole() && cut && spread
}

/// Tells of pools and a rule that would be in the way of a new one.
pub(super) async fn nothing_else(cx: &Cx<Pve>, name: &str, found: &mut Findings<ErasurePool>) -> Result<(), Problem> {
    if !names_there(cx, name).await?.is_empty() {
        found.exists(in_the_way(cx, name).await?);
    }
    let rule = pool_of(name, Part::Data);
    if topology::crush_map(&cx.api).await?.rule(&rule).is_some() {
        let detail = format!(
            "Ceph would place the data by it, whatever it says, instead of making one. Nothing was written. Where it is left over, \
             remove it (`ceph osd crush rule rm {rule}` on a node), or choose another name."
        );
        found.exists(Problem::new(format!("CRUSH rule \"{rule}\" exists already"), detail).at("name"));
    }
    Ok(())
}

/// The pools of these names, of whichever kind.
async fn names_there(cx: &Cx<Pve>, name: &str) -> Result<Vec<String>, Problem> {
    let mut there = Vec::new();
    for part in Part::BOTH {
        there.extend(find_any(cx, &pool_of(name, part)).await?.map(|live| live.name));
    }
    Ok(there)
}

/// The error that pools of these names are there that are no such pair.
pub(super) async fn in_the_way(cx: &Cx<Pve>, name: &str) -> Result<Problem, Problem> {
    let detail = format!(
        "There are: {}. PVE makes both pools itself, and would change one that exists. Nothing was written. Choose another name, or \
         destroy them first.",
        names_there(cx, name).await?.join(", ")
    );
    Ok(Problem::new(format!("Pools of erasure coded pool \"{name}\" exist already"), detail).at("name"))
}

/// The profile that PVE makes for such a pool.
fn profile_of(name: &str) -> String {
    format!("pve_ec_{name}")
}

/// What a task that failed may leave, and only Ceph's own command removes.
fn leavings(name: &str) -> String {
    format!(
        "Ceph may have kept profile \"{}\" and rule \"{}\" of the attempt, which it compares the next one with: on a node, `ceph osd \
         crush rule rm` and `ceph osd erasure-code-profile rm` remove them.",
        profile_of(name),
        pool_of(name, Part::Data)
    )
}

/// Removes what a task that failed has left. Neither pool was there before; a profile of this name, by which PVE knows those it
/// makes for this very pool, is of no use without, and Ceph keeps one that is used.
async fn take_back(cx: &Cx<Pve>, name: &str) -> Result<(), Problem> {
    if let Some(live) = find(cx, name).await? {
        for pool in live.pools() {
            pools::remove_live(cx, pool).await?;
        }
        if live.data.is_some() {
            return Ok(());
        }
    }
    if !cx.client.has_shell() {
        return Ok(());
    }
    let doing = format!("Cannot remove what is left of erasure coded pool \"{name}\"");
    let shell = cx.client.shell(shell_node(cx, &doing).await?);
    let commands = CephCommands::new(&cx.client, &shell);
    commands.remove_rule(&pool_of(name, Part::Data)).await.during(&doing)?;
    commands.remove_profile(&profile_of(name)).await.during(&doing)
}
