//! What keeps a guest from being started on another node: its disks and images on storage that is not there.

use pve_client::api::cluster::Guest;
use pve_client::api::nodes::TaskFilter;
use pve_client::api::storage::StorageConfig;

use crate::error::{During, Problem};
use crate::pve::Pve;

/// Each thing in the way, in a sentence. Empty when the guest can be started on every node.
pub async fn in_the_way(pve: &Pve, guest: &Guest) -> Result<Vec<String>, Problem> {
    let vm = format!("vm:{}", guest.vmid);
    let config = pve.client.qemu(&guest.node, guest.vmid).config().await;
    let config = config.during(format!("Cannot read the configuration of {vm}"))?;
    let storages = pve.client.storage().list().await.during("Cannot list the storages")?;
    let nodes = pve.client.nodes().list().await.during("Cannot list the cluster's nodes")?;
    let nodes: Vec<&str> = nodes.iter().map(|node| node.node.as_str()).collect();
    let mut found = Vec::new();
    for (key, drive) in &config.drives {
        // HA makes the cloud-init drive anew where it starts the guest; an empty CD-ROM drive is nowhere.
        let Some(storage) = drive.storage().filter(|_| !drive.is_cloud_init()) else { continue };
        if let Some(why) = not_everywhere(storage, &storages, &nodes) {
            let what = if drive.is_cdrom() { "the image" } else { "the volume" };
            found.push(format!("{key}: {what} {} lies on {why}", drive.volume));
        }
    }
    let filter = TaskFilter {
        kind: Some("qmmove".to_owned()),
        id: Some(guest.vmid.to_string()),
        limit: Some(20),
        ..TaskFilter::default()
    };
    let tasks = pve.client.node(&guest.node).tasks(&filter).await.during(format!("Cannot list the tasks of {vm}"))?;
    if tasks.iter().any(|task| task.is_running()) {
        found.push(
            "a disk of it is being moved; HA would end up in its error state if it stopped the guest now".to_owned(),
        );
    }
    Ok(found)
}

/// Why a storage does not show the same content on every node.
fn not_everywhere(id: &str, storages: &[StorageConfig], nodes: &[&str]) -> Option<String> {
    let Some(storage) = storages.iter().find(|storage| storage.storage == id) else {
        return Some(format!("storage {id}, which does not exist or may not be seen"));
    };
    if !storage.shared {
        return Some(format!("storage {id}, which is local to each node"));
    }
    let missing: Vec<&str> = nodes.iter().copied().filter(|node| !storage.is_on(node)).collect();
    (!missing.is_empty()).then(|| format!("storage {id}, which is not on {}", missing.join(", ")))
}
