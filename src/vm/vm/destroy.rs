//! Destroying a VM: the right one, stopped, and not behind HA's back.

use std::collections::BTreeSet;

use pve_client::api::ha::resource::Sid;
use pve_client::api::qemu::VmRemoval;
use pve_client::api::storage::Volume;
use terraform_plugin::{Cx, Error, Findings, require_removable};

use super::{Vm, power};
use crate::ground::error::{During, Problem};
use crate::ground::pve::{Pve, patience};
use crate::vm::guest::{self, Found};
use crate::vm::{identity, template};

/// Looks for what speaks against destroying the VM. Whether it is under HA is looked at by the destruction alone: the same
/// plan usually takes it out.
pub async fn look(cx: &Cx<Pve>, was: &Vm, found: &mut Findings<Vm>) -> Result<(), Error> {
    if !was.allow_destroy {
        let name = was.vmid.map_or_else(|| "The VM".to_owned(), |vmid| format!("vm:{vmid}"));
        let problem = Problem::new(
            format!("{name} is protected"),
            "Destroying a VM destroys all its disks. If that is what you want, set `allow_destroy = true`, apply that, and then \
             destroy or replace it. Nothing was written.",
        );
        found.certain(problem.at("allow_destroy"));
        return Ok(());
    }
    let Some(vmid) = was.vmid else { return Ok(()) };
    let Some(live) = guest::find(cx, vmid).await? else { return Ok(()) };
    found.check(identity::must_be_the_same(cx, &live));
    found.check(guest::must_be_unlocked(&live));
    if live.config.protection {
        let problem = Problem::new(
            format!("vm:{vmid} is protected in PVE"),
            "Its `protection` flag is on. Nothing was written. Switch it off first: `protection = false`, applied, or in PVE (Options, Protection).",
        );
        found.mendable(problem.at("vmid"));
    }
    if live.config.template {
        must_have_no_clones(cx, &live, found).await?;
    }
    Ok(())
}

/// Linked clones hang on the disks of a template. Those that are to go with it are no hindrance to a plan.
async fn must_have_no_clones(cx: &Cx<Pve>, live: &Found, found: &mut Findings<Vm>) -> Result<(), Problem> {
    let (vmid, node) = (live.guest.vmid, &live.guest.node);
    let mut clones = BTreeSet::new();
    for base in live.config.drives.values().filter(|drive| template::is_base(&drive.volume)) {
        let Some(storage) = base.storage() else { continue };
        let all = cx.client.node_storage(node).content(storage, None).await;
        let all = all.during(format!("Cannot list the volumes on storage \"{storage}\""))?;
        let file = |name: &str| name.rsplit(['/', ':']).next().unwrap_or(name).to_owned();
        let below = format!("{}/", base.volume);
        let hangs = |volume: &&Volume| {
            let parent = volume.parent.as_deref().and_then(|parent| parent.split('@').next());
            volume.volid.starts_with(&below) || parent.is_some_and(|parent| file(parent) == file(&base.volume))
        };
        clones.extend(all.iter().filter(hangs).filter_map(|volume| volume.vmid));
    }
    let going = cx.going::<Vm>();
    clones.retain(|clone| !(found.is_plan() && going.iter().any(|vm| vm.vmid == Some(*clone))));
    if !clones.is_empty() {
        let names: Vec<String> = clones.iter().map(ToString::to_string).collect();
        let problem = Problem::new(
            format!("vm:{vmid} has linked clones"),
            format!(
                "Their disks are made of its own. Nothing was written. Destroy these guests first, or move their disks elsewhere, which \
                 makes them whole: {}.",
                names.join(", ")
            ),
        );
        found.mendable(problem.at("vmid"));
    }
    Ok(())
}

pub async fn destroy(cx: &Cx<Pve>, was: &Vm) -> Result<(), Problem> {
    require_removable(cx, was).await?;
    // A state without a number: its creation never got that far.
    let Some(vmid) = was.vmid else { return Ok(()) };
    let Some(found) = guest::find(cx, vmid).await? else { return must_be_gone(cx, vmid).await };
    must_be_out_of_ha(cx, &found).await?;
    power::pull_the_plug(cx, &found).await?;
    let doing = format!("Cannot destroy vm:{vmid}");
    let mut task = found.api(cx).delete(VmRemoval::default()).await.during(&doing)?;
    task.wait(&patience(cx), |_| {}).await.during(&doing).map_err(|problem| {
        let cloned = problem.pve().is_some_and(|said| said.to_string().contains("still in use by linked clone"));
        let cure = "Other guests have disks that are linked clones of its own: destroy those first, or move their disks elsewhere.";
        problem.noting(cloned.then(|| cure.to_owned()))
    })
}

/// Not in the list is gone only for those who may see it.
async fn must_be_gone(cx: &Cx<Pve>, vmid: u32) -> Result<(), Problem> {
    let path = format!("/vms/{vmid}");
    let ours = cx.client.access().on(&path).await.during("Cannot read our own permissions")?;
    if ours.has("VM.Audit") {
        return Ok(());
    }
    Err(Problem::new(
        format!("Cannot see vm:{vmid}"),
        format!(
            "The user or token lacks VM.Audit on {path}, so whether it is gone is not known. Nothing was written. \
                 Give it a role with that privilege (Datacenter, Permissions), then apply again."
        ),
    )
    .at("vmid"))
}

/// PVE would refuse it, unless it is told to purge: then it takes the guest out of HA and its rules, and removes those that this
/// leaves empty. That is not for this resource to do: HA and its rules belong to others.
async fn must_be_out_of_ha(cx: &Cx<Pve>, found: &Found) -> Result<(), Problem> {
    let sid = Sid::vm(found.guest.vmid);
    let under_ha = match cx.client.ha().resource(sid).await {
        Ok(resource) => resource.is_some(),
        Err(pve_client::Error::Permission(_)) => found.guest.hastate.is_some(),
        Err(error) => return Err(error).during("Cannot list the HA resources"),
    };
    if !under_ha {
        return Ok(());
    }
    Err(Problem::new(
        format!("{sid} is under HA"),
        format!(
            "PVE destroys such a VM only by taking it out of HA and of all of its rules, and HA starts what is stopped behind its \
             back. Nothing was written. Destroy its `pve_ha_resource` first (with `sid = \
             \"vm:${{pve_vm.NAME.vmid}}\"` in it Terraform does so by itself), or take it out of HA with `ha-manager remove \
             {sid}`."
        ),
    )
    .at("vmid"))
}
