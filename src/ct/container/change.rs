//! Changing a container in place, and finishing one whose creation was cut off. What is wanted is compared with the live one,
//! so both are the same work.

use std::time::{Duration, Instant};

use pve_client::api::params::Params;
use terraform_plugin::{Cx, Diagnostic, Updated, require};

use super::mounts;
use super::{Container, placement, settings, vmid_path, waiting};
use crate::ct::guest::{self, Found};
use crate::ct::identity;
use crate::ground::error::{During, Problem};
use crate::ground::pve::{Pve, patience};
use crate::guest::power::{self, Reboot};
use crate::guest::removed::WhenRemoved;

/// How often a configuration is read anew because somebody else was quicker to change it.
pub const READINGS: u32 = 5;

/// The pause before something is looked at again.
pub const PAUSE: Duration = Duration::from_secs(2);

pub async fn change(cx: &Cx<Pve>, prior: &Container, want: &Container) -> Result<Updated<Container>, Problem> {
    let Some(vmid) = want.vmid.or(prior.vmid) else {
        return Err(Problem::new(
            "The container has no number",
            "Its creation was cut off before PVE had given it one. Nothing was written. `terraform state rm` it and apply again.",
        )
        .at(vmid_path()));
    };
    let found = unlocked(cx, vmid, want).await?;
    require(cx, want, Some(prior)).await?;
    let found = match placement::bring_back(cx, found, want).await? {
        Ok(found) => found,
        Err(why) => return Ok(Updated::unfinished(want.clone(), why)),
    };
    let powers = want.started != prior.started || !prior.ready;
    let ends = want.started == Some(false);
    // What is stopped takes everything at once.
    if powers && ends {
        power::bring_to(cx, &found.guest, want.started).await?;
    }
    let sent = !want.params(Some(prior), Some(&found.config)).is_empty();
    let removed = mounts::removed(want, prior, &found.config);
    let found = waiting::take_back(cx, found, want).await?;
    let found = bring(cx, found, prior, want).await?;
    if powers && !ends {
        power::bring_to(cx, &found.guest, want.started).await?;
    }
    if sent || want.reboot == Reboot::IfNeeded {
        power::if_needed(cx, &found.guest, want.reboot).await?;
    }
    let found = guest::must_exist(cx, vmid).await?;
    let found = end(cx, found, removed).await?;
    identity::complete(cx, &found.config);
    let started = match want.started {
        Some(asked) => asked,
        None => power::seen(cx, &found.guest, None).await?,
    };
    let mut now = Container::from_live(vmid, &found.guest.node, &found.config, started, Some(want));
    crate::guest::as_planned(&mut now, prior, want);
    Ok(Updated::Done(now))
}

/// How often nobody is seen at work on a locked container until that is believed.
const IDLE: u32 = 3;

/// The container when nothing works on it: a creation that was cut off may still be running, and clones hold their original. An
/// error where its lock was left behind.
pub async fn unlocked(cx: &Cx<Pve>, vmid: u32, want: &Container) -> Result<Found, Problem> {
    let (begun, mut idle) = (Instant::now(), 0);
    loop {
        let found = guest::must_exist(cx, vmid).await?;
        let lock = found.config.lock.as_deref();
        if !lock.is_some_and(|lock| matches!(lock, "create" | "disk")) {
            return Ok(found);
        }
        idle = if is_worked_on(cx, vmid).await? { 0 } else { idle + 1 };
        if idle >= IDLE && lock == Some("create") {
            return Err(half_made(&found));
        }
        if idle >= IDLE || begun.elapsed() > cx.timeout || cx.stop.is_cancelled() {
            return guest::must_be_unlocked(&found).map(|()| found);
        }
        tracing::info!(vmid, lock, ready = want.ready, "waiting for who works on it");
        tokio::time::sleep(PAUSE).await;
    }
}

/// Whether a task of PVE may be what has the container locked. That of a clone is about its original.
async fn is_worked_on(cx: &Cx<Pve>, vmid: u32) -> Result<bool, Problem> {
    let tasks = cx.client.cluster().tasks().await.during("Cannot list the cluster's tasks")?;
    let id = vmid.to_string();
    Ok(tasks.iter().any(|task| task.is_running() && (task.id == id || task.kind == "vzclone")))
}

/// Nobody makes it any more, and it is not made: only somebody at the node can take away what PVE has locked.
fn half_made(found: &Found) -> Problem {
    let (vmid, node) = (found.guest.vmid, &found.guest.node);
    Problem::new(
        format!("ct:{vmid} was made by half"),
        format!(
            "What made it was cut off in PVE, so part of its volumes may be missing. Nothing was written. `pct unlock {vmid}` and \
             `pct destroy {vmid}` on {node} take it away; then apply again."
        ),
    )
    .at(vmid_path())
}

/// Brings settings, sizes and places of volumes to what is wanted.
pub async fn bring(cx: &Cx<Pve>, found: Found, prior: &Container, want: &Container) -> Result<Found, Problem> {
    let vmid = found.guest.vmid;
    let mut found = send(cx, found, prior, want).await?;
    for (mount, size) in mounts::to_grow(want, &found.config) {
        let doing = format!("Cannot grow {mount} of ct:{vmid} to {size}");
        let mut task =
            found.api(cx).resize(&mount, size).await.during(&doing).map_err(|p| p.at(mounts::path(&mount)))?;
        task.wait(&patience(cx), |_| {}).await.during(&doing)?;
        drop(task);
        found = guest::must_exist(cx, vmid).await?;
    }
    for (mount, storage) in mounts::to_move(want, &found.config) {
        let doing = format!("Cannot move {mount} of ct:{vmid} to {storage}");
        let at = mounts::path(&mount).at("storage");
        let moved = found.api(cx).move_volume(&mount, &storage, true).await.during(&doing);
        let mut task = moved.map_err(|problem| problem.at(at.clone()))?;
        task.wait(&patience(cx), |_| {}).await.during(&doing).map_err(|problem| problem.at(at))?;
        drop(task);
        found = guest::must_exist(cx, vmid).await?;
    }
    Ok(found)
}

/// What becomes of the volumes of mount points that were taken out, once they are mounted nowhere.
async fn end(cx: &Cx<Pve>, found: Found, removed: Vec<(String, String, WhenRemoved)>) -> Result<Found, Problem> {
    let (vmid, mut found) = (found.guest.vmid, found);
    for (mount, volume, what) in removed {
        let unused = found.config.unused.iter().find(|(_, its)| **its == volume);
        let detail = match (unused, what) {
            (Some((unused, _)), WhenRemoved::Destroy) => {
                let params = Params::new().remove(unused).digest(found.config.digest.as_deref());
                let doing = format!("Cannot destroy {volume}, which was {mount} of ct:{vmid}");
                found.api(cx).update(&params, &found.config.settings).await.during(doing)?;
                found = guest::must_exist(cx, vmid).await?;
                continue;
            }
            (Some((unused, _)), WhenRemoved::Keep) => {
                format!("{mount} of ct:{vmid}. Its volume {volume} stays with the container as {unused}.")
            }
            (None, _) if volume.starts_with('/') || found.config.mounts.values().any(|is| is.volume == volume) => {
                continue;
            }
            // Without a trace in the configuration that will be: it waits.
            (None, WhenRemoved::Destroy) => format!(
                "{mount} of ct:{vmid} is mounted until the next start. Its volume {volume} stays with the container then, as \
                 `unusedN`, and is not destroyed: do that in PVE. With `reboot = \"if_needed\"` the apply would have done both."
            ),
            (None, WhenRemoved::Keep) => format!(
                "{mount} of ct:{vmid} is mounted until the next start. Its volume {volume} stays with the container then, as \
                 `unusedN`."
            ),
        };
        cx.warn(Diagnostic::warning("A mount point was taken off", detail).at("mount_points"));
    }
    Ok(found)
}

/// Sends what differs: PVE takes all of it or nothing. A lost answer is settled by comparing again.
async fn send(cx: &Cx<Pve>, found: Found, prior: &Container, want: &Container) -> Result<Found, Problem> {
    let (mut found, vmid) = (found.clone(), found.guest.vmid);
    for reading in 1.. {
        let params = want.params(Some(prior), Some(&found.config));
        if params.is_empty() {
            break;
        }
        let with_digest = params.clone().digest(found.config.digest.as_deref());
        let sent = found.api(cx).update(&with_digest, &found.config.settings).await;
        let sent = sent.during(format!("Cannot change ct:{vmid}"));
        found = guest::must_exist(cx, vmid).await?;
        match sent {
            Ok(()) => break,
            // Whether it arrived is seen.
            Err(_) if want.params(Some(prior), Some(&found.config)).is_empty() => break,
            Err(problem) if reading < READINGS && (problem.is_modified() || problem.is_contention()) => {
                tokio::time::sleep(PAUSE).await;
                require(cx, want, Some(prior)).await?;
            }
            Err(problem) => return Err(problem.with_attributes(settings::attribute)),
        }
    }
    Ok(found)
}
