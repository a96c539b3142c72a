//! A guest that is to be destroyed: not behind HA's back, and gone only for those who may see that.

use pve_client::api::cluster::Guest;
use pve_client::api::ha::resource::Sid;
use terraform_plugin::Cx;

use super::machine::sid;
use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;

/// Not in the list is gone only for those who may see it.
pub async fn must_be_gone(cx: &Cx<Pve>, sid: Sid) -> Result<(), Problem> {
    let path = format!("/vms/{}", sid.vmid);
    let ours = cx.client.access().on(&path).await.during("Cannot read our own permissions")?;
    if ours.has("VM.Audit") {
        return Ok(());
    }
    Err(Problem::new(
        format!("Cannot see {sid}"),
        format!(
            "The user or token lacks VM.Audit on {path}, so whether it is gone is not known. Nothing was written. Give it a role \
             with that privilege (Datacenter, Permissions), then apply again."
        ),
    )
    .at("vmid"))
}

/// PVE would refuse it, unless it is told to purge: then it takes the guest out of HA and its rules, and removes those that this
/// leaves empty. That is not for the guest's resource (`pve_vm`) to do: HA and its rules belong to others.
pub async fn must_be_out_of_ha(cx: &Cx<Pve>, guest: &Guest, resource: &str) -> Result<(), Problem> {
    let sid = sid(guest);
    let under_ha = match cx.client.ha().resource(sid).await {
        Ok(resource) => resource.is_some(),
        Err(pve_client::Error::Permission(_)) => guest.hastate.is_some(),
        Err(error) => return Err(error).during("Cannot list the HA resources"),
    };
    if !under_ha {
        return Ok(());
    }
    let kind = sid.prefix();
    Err(Problem::new(
        format!("{sid} is under HA"),
        format!(
            "PVE destroys such a guest only by taking it out of HA and of all of its rules, and HA starts what is stopped behind its \
             back. Nothing was written. Destroy its `pve_ha_resource` first (with `sid = \
             \"{kind}:${{{resource}.NAME.vmid}}\"` in it Terraform does so by itself), or take it out of HA with `ha-manager remove \
             {sid}`."
        ),
    )
    .at("vmid"))
}
