//! All snapshots of all virtual machines: PVE tells them a guest at a time.

use pve_client::api::cluster::GuestKind;
use terraform_plugin::{Cx, Error, Listed};

use super::Snapshot;
use crate::ground::error::During;
use crate::ground::pve::Pve;
use crate::section::sees_all;

impl Listed<Pve> for Snapshot {
    const PLURAL: &'static str = "snapshots";

    async fn list(cx: &Cx<Pve>) -> Result<Vec<Self>, Error> {
        sees_all(cx, "/vms/{vmid}", &["VM.Audit"], "pve_snapshot").await?;
        let guests = cx.client.cluster().guests().await.during("Cannot list the guests")?;
        let mut all = Vec::new();
        // What is a template has none.
        for guest in guests.iter().filter(|guest| guest.kind == GuestKind::Qemu && !guest.template) {
            let snapshots = cx.client.snapshots(guest.kind, &guest.node, guest.vmid).list().await;
            let snapshots = snapshots.during(format!("Cannot list the snapshots of guest {}", guest.vmid))?;
            all.extend(snapshots.iter().map(|live| Self::from_live(guest.vmid, live, None)));
        }
        Ok(all)
    }
}
