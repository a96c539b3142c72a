//! Changing a VM in place, and finishing one whose creation was cut off. What is wanted is compared with the live VM, so
//! both are the same work.

use pve_client::api::nodes::TaskFilter;
use pve_client::api::params::Params;
use pve_client::api::qemu::DiskMove;
use pve_client::error::TaskFailure;
use pve_client::{Area, Error as Api, Lock, Upid};
use terraform_plugin::{Cx, Diagnostic, Updated, require};

use super::{OWNED, Reboot, Vm, cloud_init, disks, power, reboot, settings, vmid_path};
use crate::ground::error::{During, Problem};
use crate::ground::evidence::Before;
use crate::ground::pve::{Pve, patience};
use crate::vm::guest::{self, Found};
use crate::vm::moving::{Halt, Limits, Order};
use crate::vm::pending;
use crate::vm::turns::Turns;

/// How long a disk may move without progress.
const STALL: std::time::Duration = std::time::Duration::from_secs(15 * 60);

pub async fn change(cx: &Cx<Pve>, prior: &Vm, want: &Vm) -> Result<Updated<Vm>, Problem> {
    let Some(vmid) = want.vmid.or(prior.vmid) else {
        return Err(Problem::new(
            "The VM has no number",
            "Its creation was cut off before PVE had given it one. Nothing was written. `terraform state rm` it and apply again.",
        )
        .at(vmid_path()));
    };
    let owned: Vec<String> = cx.private.get(OWNED).unwrap_or_default();
    let mut turns = Turns::begin();
    let found = created(cx, vmid).await?;
    let found = pending::take_back(cx, found, &disks::keys(want)).await?;
    require(cx, want, Some(prior)).await?;
    let moves = disks::to_move(want, &owned, &found.config);

    let (found, sent) = bring_settings(cx, &mut turns, found, prior, want).await?;
    if let Some(params) = cloud_init::password(want, Some(prior)) {
        send(cx, &found, &params, |_| true).await?;
    }
    for (disk, size) in disks::to_grow(want, &found.config) {
        let doing = format!("Cannot grow {disk} of vm:{vmid} to {size}");
        let grow = async || {
            let mut task = found.api(cx).resize(disk, size).await.during(&doing)?;
            task.wait(&patience(cx), |_| {}).await.during(&doing)
        };
        turns.for_a_move(cx, &found).await?;
        while let Err(problem) = grow().await {
            turns.again_after_moves(cx, &found, problem).await?;
        }
        pending::renew(cx, vmid, disk).await?;
    }
    for (disk, storage) in moves {
        let at = disks::path(&disk.to_string());
        let order = Order {
            vmid,
            disk,
            to: DiskMove { storage, delete_source: true, ..DiskMove::default() },
            disk_at: at.clone(),
            storage_at: at.at("storage"),
        };
        match order.carry_out(cx, &Limits { detach_after: None, stall: STALL }, None, |_| {}).await {
            Ok(_) => {}
            Err(Halt::GoesOn(why)) => return Ok(Updated::unfinished(want.clone(), why)),
            Err(Halt::Failed(problem)) => return Err(problem),
        }
    }
    if want.started != prior.started || !prior.ready {
        power::bring_to(cx, &found, want.started).await?;
    }
    if sent || want.reboot == Reboot::IfNeeded {
        reboot::if_needed(cx, &found, want).await?;
    }

    let found = guest::must_exist(cx, vmid).await?;
    let started = match want.started {
        Some(asked) => asked,
        None => power::seen(cx, &found.guest, None).await?,
    };
    let mut vm = Vm::from_live(vmid, &found.guest.node, &found.config, started, Some(want));
    disks::as_planned(&mut vm, want, &owned);
    as_planned(&mut vm, want);
    Ok(Updated::Done(vm))
}

/// The VM, when the task that makes it has ended: a creation that was cut off may still be running.
async fn created(cx: &Cx<Pve>, vmid: u32) -> Result<Found, Problem> {
    let found = guest::must_exist(cx, vmid).await?;
    if found.config.lock.as_deref() != Some("create") {
        return Ok(found);
    }
    let filter = TaskFilter {
        kind: Some("qmcreate".to_owned()),
        id: Some(vmid.to_string()),
        limit: Some(20),
        ..TaskFilter::default()
    };
    let doing = format!("Cannot follow the creation of vm:{vmid}");
    let tasks = cx.client.node(&found.guest.node).tasks(&filter).await.during(&doing)?;
    let running = tasks.iter().find(|task| task.is_running()).and_then(|task| task.upid.parse::<Upid>().ok());
    let Some(upid) = running else { return Ok(found) };
    let areas = [Area::Guests, Area::GuestConfig(vmid), Area::Content];
    let mut task = cx.client.attach(upid, Lock::Vm(vmid), &areas).await.during(&doing)?;
    task.wait(&patience(cx), |_| {}).await.during(&doing)?;
    guest::must_exist(cx, vmid).await
}

/// The state after an update: what somebody added meanwhile is not planned.
fn as_planned(vm: &mut Vm, want: &Vm) {
    super::networks::as_planned(vm, want);
    super::cdroms::as_planned(vm, want);
    crate::guest::as_planned(&mut vm.hardware, &want.hardware);
    crate::guest::as_planned(&mut vm.options, &want.options);
    crate::guest::as_planned(&mut vm.devices, &want.devices);
}

/// How often settings are sent that are not as they were sent: PVE changes the boot order by itself when devices come and go.
const SENDINGS: u32 = 3;

/// Brings the settings to what is wanted. The VM as it is afterwards, and whether anything was sent.
///
/// Whoever waits for a VM's lock meets another configuration than the one that was looked at: it is read and compared once
/// more, and then written.
async fn bring_settings(
    cx: &Cx<Pve>,
    turns: &mut Turns,
    found: Found,
    prior: &Vm,
    want: &Vm,
) -> Result<(Found, bool), Problem> {
    let (mut found, mut sent) = (found, 0);
    while sent < SENDINGS && !want.params(Some(prior), Some(&found.config)).is_empty() {
        if !turns.for_a_move(cx, &found).await? {
            match send_settings(cx, &found, prior, want).await {
                Err(problem) => turns.again_after_moves(cx, &found, problem).await?,
                Ok(now) => {
                    found = now;
                    sent += 1;
                    continue;
                }
            }
        }
        found = guest::must_exist(cx, found.guest.vmid).await?;
        require(cx, want, Some(prior)).await?;
    }
    Ok((found, sent > 0))
}

/// Sends what differs. The VM as it is afterwards.
async fn send_settings(cx: &Cx<Pve>, found: &Found, prior: &Vm, want: &Vm) -> Result<Found, Problem> {
    let removed = disks::removed(want, Some(prior), Some(&found.config));
    let doomed = disks::doomed(&removed, prior);
    let left = |now: &Found| {
        let all = want.params(Some(prior), Some(&now.config));
        doomed.iter().fold(all, |params, key| params.keep(&key.to_string()))
    };
    pending::remember_boot(cx, found, &removed);
    let params = left(found);
    let mut now = found.clone();
    if !params.is_empty() {
        now = send(cx, &now, &params, |now| left(now).is_empty()).await?;
    }
    if !doomed.is_empty() {
        // Whatever is removed in such a call is destroyed, so that it is one of its own.
        let params =
            doomed.iter().fold(Params::new(), |params, key| params.remove(key.to_string())).flag("force", true);
        now = send(cx, &now, &params, |now| doomed.iter().all(|key| !now.config.drives.contains_key(key))).await?;
    }
    for key in removed {
        let Some(was) = found.config.drives.get(&key) else { continue };
        if let Some(unused) = now.config.key_of(&was.volume) {
            cx.warn(
                Diagnostic::warning(
                    "A disk was detached",
                    format!("{key} of vm:{}. Its data are kept: volume {} stays with the VM as {unused}. Remove it in PVE if \
                         it is not needed any more.", found.guest.vmid, was.volume),
                )
                .at("disks"),
            );
        }
    }
    Ok(now)
}

/// Sends a change, waits for its end, and takes back what is left of one that failed half-way. `stored` tells of the VM whether
/// all of it has arrived. The VM as it is afterwards.
async fn send(cx: &Cx<Pve>, found: &Found, params: &Params, stored: impl Fn(&Found) -> bool) -> Result<Found, Problem> {
    let vmid = found.guest.vmid;
    let doing = format!("Cannot change vm:{vmid}");
    let before = Before::look(cx, "qmconfig", vmid.to_string()).await?;
    let with_digest = params.clone().digest(found.config.digest.as_deref());
    let sent = match found.api(cx).update_from(&with_digest, &found.config.settings).await.during(&doing) {
        Err(problem) if problem.is_refused() => return Err(problem.with_attributes(settings::attribute)),
        sent => sent,
    };
    let areas = [Area::GuestConfig(vmid), Area::Guests, Area::Content];
    let mut task = before.settle(cx, sent, Lock::Vm(vmid), &areas).await??;
    let ended = task.wait(&patience(cx), |_| {}).await;
    drop(task);
    match ended {
        Ok(()) => guest::must_exist(cx, vmid).await,
        Err(Api::TaskFailed(failure)) if is_refused_unplugging(&failure) => {
            let now = guest::must_exist(cx, vmid).await?;
            stored_all_the_same(cx, failure, stored(&now), &doing, vmid)?;
            Ok(now)
        }
        Err(error @ Api::TaskFailed(_)) => {
            let taken_back = pending::revert(cx, found, params).await;
            Err(Problem::during(&doing, error).noting(taken_back))
        }
        Err(error) => Err(error).during(&doing),
    }
}

/// Sets the password of a VM that was just made.
pub async fn set_password(cx: &Cx<Pve>, found: &Found, want: &Vm) -> Result<(), Problem> {
    match cloud_init::password(want, None) {
        Some(params) => send(cx, found, &params, |_| true).await.map(drop),
        None => Ok(()),
    }
}

/// A running guest that does not let go of a device: the task fails, and PVE has stored everything all the same.
fn is_refused_unplugging(failure: &TaskFailure) -> bool {
    std::iter::once(&failure.status).chain(&failure.log).any(|line| line.contains("hotplug problem"))
}

/// Tells of it, if all that was asked for is stored and waits for the VM's next stop.
fn stored_all_the_same(
    cx: &Cx<Pve>,
    failure: TaskFailure,
    stored: bool,
    doing: &str,
    vmid: u32,
) -> Result<(), Problem> {
    if !stored {
        return Err(Api::TaskFailed(failure)).during(doing);
    }
    cx.warn(Diagnostic::warning(
        "A VM does not let go of a device while it runs",
        format!(
            "vm:{vmid}: PVE says: {}\nThe change is stored and is made at its next stop; PVE has taken the device out of the boot order already.",
            failure.status.trim()
        ),
    ));
    Ok(())
}
