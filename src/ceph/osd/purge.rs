//! An OSD whose node is dead leaves Ceph through another node, by Ceph's own command: PVE destroys OSDs on their node only.

use pve_client::shell::commands::CephCommands;
use terraform_plugin::{Cx, Diagnostic};

use super::look;
use crate::ceph::shell_node;
use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;

/// Takes the OSD out of Ceph. That it is the right one has been looked at.
pub async fn purge(cx: &Cx<Pve>, id: u32, dead: &str) -> Result<(), Problem> {
    let doing = format!("Cannot take osd.{id} out of Ceph");
    let shell = cx.client.shell(shell_node(cx, &doing).await?);
    CephCommands::new(&cx.client, &shell).purge_osd(id).await.during(&doing)?;
    // Ceph's commands say that all is well to much that is not.
    if look::osd(cx, id).await?.is_some() {
        return Err(Problem::new(doing, "Ceph's command succeeded, yet the OSD is still there. Apply again."));
    }
    cx.warn(Diagnostic::warning(
        format!("osd.{id} is out of Ceph, and its disk was not touched"),
        format!(
            "{dead} does not answer. Should it come back, the disk still holds the volume of an OSD that Ceph does not know any \
             more: `ceph-volume lvm zap --destroy /dev/...` there frees it."
        ),
    ));
    Ok(())
}
