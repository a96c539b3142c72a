//! What a run that was cut off has made. The uuid of a VM is chosen before it is asked for and noted in the journal, so what
//! was made is recognised beyond doubt, also where PVE's next free number was taken.

use pve_client::api::nodes::TaskEntry;
use pve_client::{Lock, Upid};
use terraform_plugin::{Cx, Former};

use super::create::{areas, must_be_absent};
use super::{Origin, Vm, vmid_path, way};
use crate::ground::error::{During, Problem};
use crate::ground::evidence::{self, Before};
use crate::ground::pve::Pve;
use crate::vm::{guest, identity, planned};

/// The number of the VM that a run for this state was cut off while making; an error if the number is somebody else's.
pub async fn find(cx: &Cx<Pve>, want: &Vm) -> Result<Option<u32>, Problem> {
    // A clone that was asked for and waits for its source has not taken its number yet.
    if let Some(vmid) = want.vmid
        && want.origin.clone.is_none()
        && must_be_absent(cx, vmid).await.is_ok()
    {
        return Ok(None);
    }
    let place = want.vmid.map(|vmid| vmid.to_string());
    if let Some(former) = cx.former(place.as_deref()).await
        && let Some(uuid) = &former.note
    {
        let numbers = begun_since(cx, want, &former).await?;
        // What this state holds by now is no leftover.
        let held: Vec<_> = cx.held::<Vm>().into_iter().filter_map(|vm| vm.vmid).collect();
        for (vmid, upid) in numbers.into_iter().filter(|(vmid, _)| !held.contains(vmid)) {
            if made_with(cx, vmid, uuid, &upid).await? {
                return Ok(Some(vmid));
            }
        }
    }
    match want.vmid {
        Some(vmid) => {
            let before = Before::peek(cx, None, "qmcreate", vmid.to_string()).await?;
            must_be_absent(cx, vmid).await.map(|()| None).map_err(|problem| problem.noting(before.maker()))
        }
        None => must_not_be_left_over(cx, want).await.map(|()| None),
    }
}

/// The numbers of the VMs that somebody with our credentials has begun to make since then, as they are to be made here. What
/// still runs is waited for, and what a restore has left that failed is taken away.
async fn begun_since(cx: &Cx<Pve>, want: &Vm, former: &Former) -> Result<Vec<(u32, Upid)>, Problem> {
    let (kind, source) = match &want.origin {
        Origin { clone: Some(clone), .. } => ("qmclone", Some(clone.vmid)),
        Origin { restore: Some(_), .. } => ("qmrestore", None),
        _ => ("qmcreate", None),
    };
    let tasks = cx.client.cluster().tasks().await.during("Cannot list the cluster's tasks")?;
    let ours = tasks
        .iter()
        .filter(|task| task.kind == kind && evidence::begun_after(task, former) && evidence::is_ours(&cx.client, task));
    let mut numbers = Vec::new();
    for task in ours.filter(|task| source.is_none_or(|source| task.id == source.to_string())) {
        let Ok(upid) = task.upid.parse::<Upid>() else { continue };
        let vmid = match source {
            Some(_) => way::made_by_clone(cx, &upid).await,
            None => task.id.parse().ok(),
        };
        let Some(vmid) = vmid.filter(|vmid| want.vmid.is_none_or(|wanted| wanted == *vmid)) else { continue };
        let succeeded = if task.is_running() {
            evidence::has_succeeded(cx, &upid, Lock::Vm(vmid), &areas(vmid)).await?
        } else {
            task.is_success()
        };
        if succeeded {
            numbers.push((vmid, upid));
        } else if kind == "qmrestore" && guest::find(cx, vmid).await?.is_some_and(|found| way::is_stub(&found)) {
            way::take_stub_away(cx, vmid).await?;
        }
    }
    Ok(numbers)
}

/// Whether the VM is the one with this uuid. Says that it is taken over.
async fn made_with(cx: &Cx<Pve>, vmid: u32, uuid: &str, upid: &Upid) -> Result<bool, Problem> {
    match guest::find(cx, vmid).await? {
        Some(found) if identity::is(&found.config, uuid) => {
            evidence::tell_taken_over(cx, &format!("vm:{vmid} on {}", found.guest.node), upid);
            identity::recall(cx, uuid);
            Ok(true)
        }
        _ => Ok(false),
    }
}

/// Without a number of its own, and without a journal, a VM whose creation was killed half-way would be made a second time. So
/// one of the same name that was made a moment ago, and not by this process, is looked at.
async fn must_not_be_left_over(cx: &Cx<Pve>, want: &Vm) -> Result<(), Problem> {
    // Where it was kept, the journal has been asked already.
    let Some(name) = want.name.as_ref().filter(|_| !cx.journal_was_kept()) else { return Ok(()) };
    see_made(cx).await?;
    let guests = cx.client.cluster().guests().await.during("Cannot list the guests")?;
    let namesakes = guests.iter().filter(|guest| {
        // The name is missing from the list for the first seconds.
        guest.name.as_ref().is_none_or(|its| its == name) && !planned::knows_vmid(&cx.ledger, guest.vmid)
    });
    for guest in namesakes {
        let tasks = cx.client.cluster().tasks().await.during("Cannot list the cluster's tasks")?;
        let id = guest.vmid.to_string();
        let made = |task: &TaskEntry| matches!(task.kind.as_str(), "qmcreate" | "qmrestore") && task.id == id;
        if want.origin.clone.is_none() && !tasks.iter().any(made) {
            continue;
        }
        let Some(found) = guest::find(cx, guest.vmid).await? else { continue };
        // A clone that is as it is wanted may be anybody's; one that still has its mark is being made.
        if want.origin.clone.is_some() && identity::marked_with(&found.config).is_none() {
            continue;
        }
        let half_made = matches!(found.config.lock.as_deref(), Some("create" | "clone"));
        if half_made || want.origin.clone.is_some() || want.params(None, Some(&found.config)).is_empty() {
            let vmid = guest.vmid;
            return Err(Problem::new(
                format!("VM \"{name}\" was made a moment ago, as vm:{vmid}"),
                format!(
                    "A run that was cut off seems to have left it: its name and settings are those asked for. Nothing was \
                     written. To go on with it, add this and put your resource's name in place of \"this\":\n\n\
                     import {{\n  to = pve_vm.this\n  id = \"{vmid}\"\n}}\n\n\
                     If a second VM of that name is wanted, give it a `vmid`."
                ),
            )
            .at(vmid_path()));
        }
    }
    Ok(())
}

/// Waits for the VMs that are being made at this moment with our credentials, and not by this process: a provider that was left
/// behind may be at it. Before its end a creation tells nobody the VM's name.
async fn see_made(cx: &Cx<Pve>) -> Result<(), Problem> {
    let tasks = cx.client.cluster().tasks().await.during("Cannot list the cluster's tasks")?;
    let running = tasks.iter().filter(|task| task.kind == "qmcreate" && task.is_running());
    for task in running.filter(|task| evidence::is_ours(&cx.client, task)) {
        let (Ok(vmid), Ok(upid)) = (task.id.parse::<u32>(), task.upid.parse()) else { continue };
        if !planned::knows_vmid(&cx.ledger, vmid) {
            evidence::has_succeeded(cx, &upid, Lock::Vm(vmid), &areas(vmid)).await?;
        }
    }
    Ok(())
}
