//! Whether disks of a guest are still being moved.

use pve_client::api::nodes::TaskFilter;
use terraform_plugin::Cx;

use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;
use crate::vm::disk_move::VmDiskMove;

/// What is still being moved, in a sentence: by a task of PVE, or by a `pve_vm_disk_move` of this configuration that is not ready.
pub async fn look(cx: &Cx<Pve>, vmid: u32) -> Result<Option<String>, Problem> {
    let doing = || format!("Cannot look whether disks of vm:{vmid} are being moved");
    let Some(guest) = cx.client.cluster().guest(vmid).await.during(doing())? else { return Ok(None) };
    if runs(cx, &guest.node, vmid).await.during(doing())? {
        return Ok(Some(format!("A disk of vm:{vmid} is being moved on {}.", guest.node)));
    }
    let held = cx.held::<VmDiskMove>();
    let unfinished = held.iter().filter(|held| held.vmid == vmid && !held.ready);
    let config = cx.client.qemu(&guest.node, vmid).config().await.during(doing())?;
    let is_there = |held: &&VmDiskMove| {
        config.drives.iter().any(|(key, drive)| key.to_string() == held.disk && drive.storage() == Some(&held.storage))
    };
    let left: Vec<String> =
        unfinished.filter(|held| !is_there(held)).map(|held| format!("{} to {}", held.disk, held.storage)).collect();
    Ok((!left.is_empty()).then(|| format!("Still to be moved: {}.", left.join(", "))))
}

/// Whether a task moves a disk of it.
pub async fn runs(cx: &Cx<Pve>, node: &str, vmid: u32) -> Result<bool, pve_client::Error> {
    let filter = TaskFilter {
        kind: Some("qmmove".to_owned()),
        id: Some(vmid.to_string()),
        limit: Some(20),
        ..TaskFilter::default()
    };
    Ok(cx.client.node(node).tasks(&filter).await?.iter().any(|task| task.is_running()))
}
