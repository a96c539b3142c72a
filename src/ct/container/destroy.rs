//! Destroying a container: the right one, stopped, and not behind HA's back.

use pve_client::api::cluster::GuestKind;
use pve_client::api::ha::resource::Sid;
use terraform_plugin::{Cx, Error, Findings, require_removable};

use super::Container;
use crate::ct::guest;
use crate::ct::identity;
use crate::ground::error::{During, Problem};
use crate::ground::pve::{Pve, patience};
use crate::guest::{ending, power};

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
    let Some(found) = guest::find(cx, vmid).await? else {
        return ending::must_be_gone(cx, Sid { kind: GuestKind::Lxc, vmid }).await;
    };
    ending::must_be_out_of_ha(cx, &found.guest, "pve_container").await?;
    power::pull_the_plug(cx, &found.guest).await?;
    let doing = format!("Cannot destroy ct:{vmid}");
    let mut task = found.api(cx).delete(false).await.during(&doing)?;
    task.wait(&patience(cx), |_| {}).await.during(&doing)
}
