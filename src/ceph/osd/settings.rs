//! What of an OSD can be changed while it runs: its class, and whether it is given data.

use pve_client::api::ceph::osd::Osd as Live;
use pve_client::shell::commands::CephCommands;
use terraform_plugin::{Cx, Diagnostic};

use super::identity::{must_be_ours, vanished};
use super::{Osd, look, place};
use crate::ceph::shell_node;
use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;

/// Gives the OSD what is wanted and differs. Asks nothing of PVE if nothing does.
pub async fn bring_to(cx: &Cx<Pve>, prior: &Osd, want: &Osd, live: &Live) -> Result<(), Problem> {
    let id = live.id;
    let reclassed = differs(want.crush_device_class.as_deref(), live);
    // Ceph takes out what is down by itself, and that is none of ours.
    let moved = want.r#in.filter(|wanted| *wanted != live.in_ && (live.up || !wanted));
    if want.r#in == Some(true) && prior.r#in == Some(false) && !live.up && !live.in_ {
        cx.warn(Diagnostic::warning(NOT_BROUGHT_IN, not_brought_in(id)));
    }
    if !reclassed && moved.is_none() {
        return Ok(());
    }
    let node = place::node_of(cx, live).await?.unwrap_or_else(|| want.node.clone());
    must_be_ours(cx, want, id, &node).await?;
    if reclassed {
        reclass(cx, want, id).await?;
    }
    match moved {
        Some(true) => cx.client.ceph().osd_in(id).await.during(format!("Cannot bring osd.{id} in")),
        Some(false) => cx.client.ceph().osd_out(id).await.during(format!("Cannot take osd.{id} out")),
        None => Ok(()),
    }
}

/// Summary of what is said of `in = true` where the OSD is down.
pub const NOT_BROUGHT_IN: &str = "OSDs that are down are not brought in";

/// The same, of one.
pub fn not_brought_in(id: u32) -> String {
    format!(
        "osd.{id} is down, and Ceph takes out what has been down for ten minutes. Nothing is sent for it: `in = true` is looked at \
         again once it runs."
    )
}

/// Whether a class is wanted that it does not have.
pub fn differs(wanted: Option<&str>, live: &Live) -> bool {
    wanted.is_some() && wanted != live.device_class.as_deref()
}

/// Gives the OSD the class that is wanted. PVE has no call for it.
async fn reclass(cx: &Cx<Pve>, want: &Osd, id: u32) -> Result<(), Problem> {
    let Some(class) = want.crush_device_class.as_deref() else { return Ok(()) };
    let doing = format!("Cannot give osd.{id} the class \"{class}\"");
    let node = shell_node(cx, &doing).await?;
    let shell = cx.client.shell(node);
    CephCommands::new(&cx.client, &shell).set_device_class(id, class).await.during(&doing)?;
    // Ceph's commands say that all is well to much that is not.
    match look::osd(cx, id).await? {
        Some(live) if !differs(Some(class), &live) => Ok(()),
        Some(live) => {
            let found = live.device_class.as_deref().unwrap_or("none");
            Err(Problem::new(doing, format!("Ceph's command succeeded, yet its class is {found}. Apply again.")))
        }
        None => Err(vanished(id)),
    }
}
