//! Several OSDs on one device, of which a creation that failed has made only some: PVE makes no further ones beside them, so those
//! that are there are taken back, and all are made anew.

use pve_client::Upid;
use terraform_plugin::{Cx, Deleted};

use super::creation::{identify, made_by};
use super::{Osd, look, removal};
use crate::ground::error::Problem;
use crate::ground::pve::Pve;

/// Takes those back that a task has made of several, if it has not made them all. Nothing but what its log names is touched.
pub async fn take_back(cx: &Cx<Pve>, want: &Osd, path: &str, upid: &Upid) -> Result<(), Problem> {
    let node = &want.node;
    let list = look::disks(cx, node).await?;
    let there = list.iter().find(|disk| disk.devpath == path).map_or(0, |disk| disk.osd_ids.len());
    if there == 0 || there >= want.count() {
        return Ok(());
    }
    let made = made_by(cx, node, upid).await;
    let found = identify(cx, node, path, Vec::new()).await?;
    if let Some(other) = found.iter().find(|found| !made.contains(found)) {
        return Err(Problem::new(
            format!("Whose is osd.{} on {path} of {node}?", other.id),
            format!(
                "{} OSDs were to be made there, and the log of task {upid} does not name that one. Look at it by hand.",
                want.count()
            ),
        ));
    }
    for one in found {
        tracing::info!(node, osd = one.id, "a creation of several OSDs has failed: taking back what it has made");
        let id = one.id;
        let part = Osd { allow_destroy: true, ready: true, osds_per_device: None, ..want.identified(&[one]) };
        let doing = format!("Cannot take osd.{id} back, a part of what was to be made on {path} of {node}");
        match removal::remove_in_turn(cx, &part, id).await {
            Ok(Deleted::Gone) => {}
            Ok(Deleted::Unfinished(_, why)) | Err(why) => {
                return Err(Problem::from(why.noting(&format!("{doing}: apply again to go on."))));
            }
        }
    }
    Ok(())
}
