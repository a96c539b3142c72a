//! Changing a container in place, and finishing one whose creation was cut off. What is wanted is compared with the live one,
//! so both are the same work.

use std::time::{Duration, Instant};

use pve_client::api::params::Params;
use terraform_plugin::{Cx, Diagnostic, Updated, require};

use super::mounts::{self, WhenRemoved};
use super::{Container, placement, power, settings, vmid_path};
use crate::ct::guest::{self, Found};
use crate::ct::identity;
use crate::ground::error::{During, Problem};
use crate::ground::pve::{Pve, patience};
use crate::vm::vm::Reboot;

/// How often a configuration is read anew because somebody else was quicker to change it.
const READINGS: u32 = 5;

/// The pause before something is looked at again.
const PAUSE: Duration = Duration::from_secs(2);

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
    let mut found = found;
    if placement::bring_back(cx, &found, want).await? {
        found = guest::must_exist(cx, vmid).await?;
    }
    let sent = !want.params(Some(prior), Some(&found.config)).is_empty();
    let found = bring(cx, found, prior, want).await?;
    if want.started != prior.started || !prior.ready {
        power::bring_to(cx, &found, want.started).await?;
    }
    if sent || want.reboot == Reboot::IfNeeded {
        power::if_needed(cx, &found, want).await?;
    }
    let found = guest::must_exist(cx, vmid).await?;
    identity::complete(cx, &found.config);
    let started = match want.started {
        Some(asked) => asked,
        None => power::seen(cx, &found.guest, None).await?,
    };
    let mut now = Container::from_live(vmid, &found.guest.node, &found.config, started, Some(want));
    crate::guest::as_planned(&mut now, prior, want);
    Ok(Updated::Done(now))
}

/// The container when nothing works on it: a creation that was cut off may still be running, and clones hold their original.
pub async fn unlocked(cx: &Cx<Pve>, vmid: u32, want: &Container) -> Result<Found, Problem> {
    let begun = Instant::now();
    loop {
        let found = guest::must_exist(cx, vmid).await?;
        let passes = found.config.lock.as_deref().is_some_and(|lock| matches!(lock, "create" | "disk"));
        if !passes || begun.elapsed() > cx.timeout || cx.stop.is_cancelled() {
            return Ok(found);
        }
        tracing::info!(vmid, lock = found.config.lock, ready = want.ready, "waiting for who works on it");
        tokio::time::sleep(PAUSE).await;
    }
}

/// Brings settings, sizes and places of volumes to what is wanted.
pub async fn bring(cx: &Cx<Pve>, found: Found, prior: &Container, want: &Container) -> Result<Found, Problem> {
    let vmid = found.guest.vmid;
    let removed = mounts::removed(want, prior, &found.config);
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
    for (mount, volume, what) in removed {
        let Some((unused, _)) = found.config.unused.iter().find(|(_, its)| **its == volume) else { continue };
        match what {
            WhenRemoved::Destroy => {
                let params = Params::new().remove(unused).digest(found.config.digest.as_deref());
                let doing = format!("Cannot destroy {volume}, which was {mount} of ct:{vmid}");
                found.api(cx).update(&params, &found.config.settings).await.during(doing)?;
            }
            WhenRemoved::Keep => cx.warn(
                Diagnostic::warning(
                    "A mount point was taken off",
                    format!("{mount} of ct:{vmid}. Its volume {volume} stays with the container as {unused}."),
                )
                .at("mount_points"),
            ),
        }
        found = guest::must_exist(cx, vmid).await?;
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
