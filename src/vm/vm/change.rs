//! Changing a VM in place, and finishing one whose creation was cut off. What is wanted is compared with the live VM, so
//! both are the same work.

use pve_client::api::nodes::TaskFilter;
use pve_client::api::params::Params;
use pve_client::api::qemu::DiskMove;
use pve_client::api::qemu::drive::DriveKey;
use pve_client::error::TaskFailure;
use pve_client::{Area, Error as Api, Lock, Upid};
use terraform_plugin::{Cx, Diagnostic, Updated, require};

use super::{OWNED, Reboot, Vm, agent, cloud_init, create, disks, origin, settings, vmid_path, way};
use crate::ground::error::{During, Problem};
use crate::ground::evidence::Before;
use crate::ground::pve::{Pve, patience};
use crate::guest::power;
use crate::vm::guest::{self, Found};
use crate::vm::moving::{Halt, Limits, Order};
use crate::vm::turns::Turns;
use crate::vm::{migrating, pending};

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
    let found = if prior.ready { found } else { origin::adopt(cx, found, want).await? };
    let found = match migrating::to_its_node(cx, found, want).await? {
        Ok(found) => found,
        Err(why) => return Ok(Updated::unfinished(want.clone(), why)),
    };
    // Taking back is a write as well.
    require(cx, want, Some(prior)).await?;
    let found = pending::take_back(cx, found, &disks::keys(want)).await?;
    require(cx, want, Some(prior)).await?;
    let moves = disks::to_move(want, &owned, &found.config);

    let (found, sent) = bring_settings(cx, &mut turns, found, prior, want).await?;
    if let Some(params) = cloud_init::password(want, Some(prior)) {
        send(cx, &found, &params, |_| true).await?;
    }
    grow(cx, &mut turns, &found, want).await?;
    if let Err(why) = carry_out(cx, vmid, moves).await? {
        return Ok(Updated::unfinished(want.clone(), why));
    }
    if want.started != prior.started || !prior.ready {
        power::bring_to(cx, &found.guest, want.started).await?;
    }
    if sent || want.reboot == Reboot::IfNeeded {
        power::if_needed(cx, &found.guest, want.reboot).await?;
    }
    if !prior.ready {
        agent::wait(cx, &found, want).await?;
    }

    let found = guest::must_exist(cx, vmid).await?;
    let started = match want.started {
        Some(asked) => asked,
        None => power::seen(cx, &found.guest, None).await?,
    };
    let mut vm = Vm::from_live(vmid, &found.guest.node, &found.config, started, Some(want));
    disks::as_planned(&mut vm, want, &owned);
    crate::guest::as_planned(&mut vm, prior, want);
    origin::leave_out_brought(cx, &mut vm, Some(want));
    vm.node = want.node.clone().or(vm.node);
    Ok(Updated::Done(vm))
}

/// Brings a VM that has just been made to what is wanted: where it is to live, and what it does not have from its beginning.
/// The VM as it is afterwards.
pub async fn finish(cx: &Cx<Pve>, found: Found, want: &Vm) -> Result<Found, Problem> {
    let vmid = found.guest.vmid;
    let owned: Vec<String> = cx.private.get(OWNED).unwrap_or_default();
    let mut turns = Turns::begin();
    let found = migrating::to_its_node(cx, found, want).await??;
    let mut found = found;
    if want.origin.brings_along() {
        let prior = Vm { ready: false, ..create::seen(cx, &found, want) };
        require(cx, want, Some(&prior)).await?;
        let moves = disks::to_move(want, &owned, &found.config);
        found = bring_settings(cx, &mut turns, found, &prior, want).await?.0;
        grow(cx, &mut turns, &found, want).await?;
        carry_out(cx, vmid, moves).await??;
    } else if disks::to_grow(want, &found.config).is_empty() {
        return Ok(found);
    } else {
        grow(cx, &mut turns, &found, want).await?;
    }
    guest::must_exist(cx, vmid).await
}

/// Makes the disks as large as they are wanted.
async fn grow(cx: &Cx<Pve>, turns: &mut Turns, found: &Found, want: &Vm) -> Result<(), Problem> {
    let vmid = found.guest.vmid;
    for (disk, size) in disks::to_grow(want, &found.config) {
        let doing = format!("Cannot grow {disk} of vm:{vmid} to {size}");
        let grow = async || {
            let mut task = found.api(cx).resize(disk, size).await.during(&doing)?;
            task.wait(&patience(cx), |_| {}).await.during(&doing)
        };
        turns.for_a_move(cx, found).await?;
        while let Err(problem) = grow().await {
            turns.again_after_moves(cx, found, problem).await?;
        }
        pending::renew(cx, vmid, disk).await?;
    }
    Ok(())
}

/// Moves disks; within, why it goes on without us.
async fn carry_out(cx: &Cx<Pve>, vmid: u32, moves: Vec<(DriveKey, String)>) -> Result<Result<(), Problem>, Problem> {
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
            Err(Halt::GoesOn(why)) => return Ok(Err(why)),
            Err(Halt::Failed(problem)) => return Err(problem),
        }
    }
    Ok(Ok(()))
}

/// The VM, when the task that makes it has ended: a creation that was cut off may still be running.
async fn created(cx: &Cx<Pve>, vmid: u32) -> Result<Found, Problem> {
    let found = guest::must_exist(cx, vmid).await?;
    if !matches!(found.config.lock.as_deref(), Some("create" | "clone")) && !way::is_stub(&found) {
        return Ok(found);
    }
    let doing = format!("Cannot follow the creation of vm:{vmid}");
    let mut running = None;
    // A clone's task is about its source, and says in its log what it makes.
    for (kind, id) in [("qmcreate", Some(vmid)), ("qmrestore", Some(vmid)), ("qmclone", None)] {
        let filter = TaskFilter {
            kind: Some(kind.to_owned()),
            id: id.map(|id| id.to_string()),
            limit: Some(50),
            ..TaskFilter::default()
        };
        let tasks = cx.client.node(&found.guest.node).tasks(&filter).await.during(&doing)?;
        for task in tasks.iter().filter(|task| task.is_running()) {
            let Ok(upid) = task.upid.parse::<Upid>() else { continue };
            if id.is_some() || way::made_by_clone(cx, &upid).await == Some(vmid) {
                running = Some(upid);
            }
        }
    }
    let Some(upid) = running else { return half_made(found) };
    let areas = [Area::Guests, Area::GuestConfig(vmid), Area::Content];
    let mut task = cx.client.attach(upid, Lock::Vm(vmid), &areas).await.during(&doing)?;
    task.wait(&patience(cx), |_| {}).await.during(&doing)?;
    guest::must_exist(cx, vmid).await
}

/// Nobody makes it any more, and it is not made: only somebody at the node can take away a VM that PVE has locked.
fn half_made(found: Found) -> Result<Found, Problem> {
    let (vmid, node) = (found.guest.vmid, &found.guest.node);
    let cure = match found.config.lock.as_deref() {
        Some("clone") => format!("`qm unlock {vmid}` and `qm destroy {vmid}` on {node} take it away"),
        None if way::is_stub(&found) => format!("`qm destroy {vmid}` on {node} takes it away"),
        _ => return Ok(found),
    };
    let detail = format!(
        "What made it was cut off in PVE, so part of its disks may be missing. Nothing was written. {cure}; then apply again."
    );
    Err(Problem::new(format!("vm:{vmid} was made by half"), detail).at(vmid_path()))
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

/// Writes settings; within, how the task ended.
async fn write(cx: &Cx<Pve>, found: &Found, params: &Params, doing: &str) -> Result<Result<(), Api>, Problem> {
    let vmid = found.guest.vmid;
    let before = Before::look(cx, "qmconfig", vmid.to_string()).await?;
    let with_digest = params.clone().digest(found.config.digest.as_deref());
    let sent = match found.api(cx).update_from(&with_digest, &found.config.settings).await.during(doing) {
        Err(problem) if problem.is_refused() => return Err(problem.with_attributes(settings::attribute)),
        sent => sent,
    };
    let areas = [Area::GuestConfig(vmid), Area::Guests, Area::Content];
    let mut task = before.settle(cx, sent, Lock::Vm(vmid), &areas).await??;
    Ok(task.wait(&patience(cx), |_| {}).await)
}

/// Writes settings of a VM that nobody else is at.
pub async fn write_settings(cx: &Cx<Pve>, found: &Found, params: Params, doing: &str) -> Result<(), Problem> {
    write(cx, found, &params, doing).await?.during(doing)
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
    match write(cx, found, params, &doing).await? {
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
