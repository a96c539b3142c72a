//! What a run that was cut off has made. The number is chosen before PVE is asked and noted in the journal; PVE takes it within
//! the call, for a task of a type and by somebody with our name.

use pve_client::api::cluster::{Guest, GuestKind};
use pve_client::api::nodes::TaskEntry;
use pve_client::{Area, Lock, Upid};
use terraform_plugin::Cx;

use super::{Container, vmid_path};
use crate::ct::guest;
use crate::ground::error::{During, Problem, exists};
use crate::ground::evidence::{self, Before};
use crate::ground::pve::Pve;

/// What a creation changes.
pub fn areas(vmid: u32) -> [Area; 4] {
    [Area::Guests, Area::GuestConfig(vmid), Area::Content, Area::Ha]
}

/// The task that makes such a container, and what it is about: a clone's is about the original.
pub fn task(want: &Container, vmid: u32) -> (&'static str, u32) {
    match (&want.clone, &want.restore) {
        (Some(of), _) => ("vzclone", of.vmid),
        (None, Some(_)) => ("vzrestore", vmid),
        (None, None) => ("vzcreate", vmid),
    }
}

/// The number of the container that a run for this state was cut off while making; an error if the number is somebody else's.
pub async fn find(cx: &Cx<Pve>, want: &Container) -> Result<Option<u32>, Problem> {
    if let Some(vmid) = want.vmid
        && must_be_absent(cx, vmid).await.is_ok()
    {
        return Ok(None);
    }
    let place = want.vmid.map(|vmid| vmid.to_string());
    let former = cx.former(place.as_deref()).await;
    let noted = former.and_then(|former| former.note).and_then(|note| note.parse::<u32>().ok());
    // What this state holds by now is no leftover.
    let held: Vec<_> = cx.held::<Container>().into_iter().filter_map(|held| held.vmid).collect();
    if let Some(vmid) = noted.filter(|vmid| !held.contains(vmid) && want.vmid.is_none_or(|wanted| wanted == *vmid)) {
        let upid = match &want.clone {
            Some(of) => cloned(cx, want, of.vmid, vmid).await?,
            None => {
                // Others of this run look here too: none of them means to begin anything yet.
                let before = Before::peek(cx, None, task(want, vmid).0, vmid.to_string()).await?;
                before.of_former_run(cx, &vmid.to_string(), Lock::Vm(vmid), &areas(vmid)).await?
            }
        };
        if let Some(upid) = upid
            && let Some(found) = guest::find(cx, vmid).await?
        {
            evidence::tell_taken_over(cx, &format!("ct:{vmid} on {}", found.guest.node), &upid);
            return Ok(Some(vmid));
        }
    }
    match want.vmid {
        Some(vmid) => {
            let (kind, about) = task(want, vmid);
            let before = Before::peek(cx, None, kind, about.to_string()).await?;
            must_be_absent(cx, vmid).await.map(|()| None).map_err(|problem| problem.noting(before.maker()))
        }
        None => Ok(None),
    }
}

/// The task by which a run that was cut off has made a clone. It is about the original alone, of which others may have been made
/// since; so the clone has to have the name that was asked for, or else that of its original, which PVE copies.
async fn cloned(cx: &Cx<Pve>, want: &Container, source: u32, vmid: u32) -> Result<Option<Upid>, Problem> {
    let Some(former) = cx.former(Some(&vmid.to_string())).await else { return Ok(None) };
    // Whoever looks while it is being made finds its number taken.
    if find_anything(cx, vmid).await?.is_none() {
        return Ok(None);
    }
    let tasks = cx.client.cluster().tasks().await.during("Cannot list the cluster's tasks")?;
    let ours = |task: &&TaskEntry| {
        task.kind == "vzclone"
            && task.id == source.to_string()
            && evidence::begun_after(task, &former)
            && evidence::is_ours(&cx.client, task)
    };
    for task in tasks.iter().filter(ours) {
        let Ok(upid) = task.upid.parse::<Upid>() else { continue };
        let succeeded = match task.is_running() {
            true => evidence::has_succeeded(cx, &upid, Lock::Vm(source), &areas(vmid)).await?,
            false => task.is_success(),
        };
        if succeeded && is_copy(cx, want, source, vmid).await? {
            return Ok(Some(upid));
        }
    }
    Ok(None)
}

/// The guest of that number, whatever it is.
async fn find_anything(cx: &Cx<Pve>, vmid: u32) -> Result<Option<Guest>, Problem> {
    cx.client.cluster().guest(vmid).await.during(format!("Cannot look for ct:{vmid}"))
}

/// Whether a container has the name that such a clone gets.
async fn is_copy(cx: &Cx<Pve>, want: &Container, source: u32, vmid: u32) -> Result<bool, Problem> {
    let Some(found) = guest::find(cx, vmid).await? else { return Ok(false) };
    let name = match &want.options.hostname {
        Some(name) => Some(name.clone()),
        None => guest::find(cx, source).await?.and_then(|source| source.config.settings.get("hostname").cloned()),
    };
    Ok(found.config.settings.get("hostname") == name.as_ref())
}

/// An error if somebody has the number.
pub async fn must_be_absent(cx: &Cx<Pve>, vmid: u32) -> Result<(), Problem> {
    match find_anything(cx, vmid).await? {
        None => Ok(()),
        Some(guest) if guest.kind == GuestKind::Qemu => Err(Problem::new(
            format!("The number {vmid} is taken"),
            format!("A virtual machine on {} has it. Nothing was written. Choose another number.", guest.node),
        )
        .at(vmid_path())),
        Some(guest) => {
            let what = format!("ct:{vmid} on {}", guest.node);
            Err(exists("pve_container", &what, &vmid.to_string()).at(vmid_path()))
        }
    }
}
