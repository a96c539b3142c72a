//! Destroying a container: the right one, stopped, and not behind HA's back.

use pve_client::api::cluster::GuestKind;
use pve_client::api::ha::resource::Sid;
use terraform_plugin::{Cx, Error, Findings, require_removable};

use super::{Container, power};
use crate::ct::guest::{self, Found};
use crate::ct::identity;
use crate::ground::error::{During, Problem};
use crate::ground::pve::{Pve, patience};

/// Looks for what speaks against destroying the container.
pub async fn look(cx: &Cx<Pve>, was: &Container, found: &mut Findings<Container>) -> Result<(), Error> {
    if !was.allow_destroy {
        let name = was.vmid.map_or_else(|| "The container".to_owned(), |vmid| format!("ct:{vmid}"));
        let problem = Problem::new(
            format!("{name} is protected"),
            "Destroying a container destroys all its volumes. If that is what you want, set `allow_destroy = true`, apply that, and \
             then destroy or replace it. Nothing was written.",
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
            format!("ct:{vmid} is protected in PVE"),
            "Its `protection` flag is on. Nothing was written. Set `protection = false` and apply that first.",
        );
        found.mendable(problem.at("protection"));
    }
    Ok(())
}

pub async fn destroy(cx: &Cx<Pve>, was: &Container) -> Result<(), Problem> {
    require_removable(cx, was).await?;
    // A state without a number: its creation never got that far.
    let Some(vmid) = was.vmid else { return Ok(()) };
    let Some(found) = guest::find(cx, vmid).await? else { return must_be_gone(cx, vmid).await };
    must_be_out_of_ha(cx, &found).await?;
    power::pull_the_plug(cx, &found).await?;
    let doing = format!("Cannot destroy ct:{vmid}");
    let mut task = found.api(cx).delete(false).await.during(&doing)?;
    task.wait(&patience(cx), |_| {}).await.during(&doing)
}

/// Not in the list is gone only for those who may see it.
async fn must_be_gone(cx: &Cx<Pve>, vmid: u32) -> Result<(), Problem> {
    let path = format!("/vms/{vmid}");
    let ours = cx.client.access().on(&path).await.during("Cannot read our own permissions")?;
    if ours.has("VM.Audit") {
        return Ok(());
    }
    Err(Problem::new(
        format!("Cannot see ct:{vmid}"),
        format!(
            "The user or token lacks VM.Audit on {path}, so whether it is gone is not known. Nothing was written. Give it a role \
             with that privilege (Datacenter, Permissions), then apply again."
        ),
    )
    .at("vmid"))
}

/// PVE would refuse it, and taking the guest out of HA is not for this resource to do.
async fn must_be_out_of_ha(cx: &Cx<Pve>, found: &Found) -> Result<(), Problem> {
    let sid = Sid { kind: GuestKind::Lxc, vmid: found.guest.vmid };
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
            "HA would start it again. Nothing was written. Destroy its `pve_ha_resource` first (with `sid = \
             \"ct:${{pve_container.NAME.vmid}}\"` in it Terraform does so by itself), or take it out of HA with `ha-manager remove \
             {sid}`."
        ),
    )
    .at("vmid"))
}
