//! What a disk needs of the storage it is to lie on.

use pve_client::api::qemu::drive::{Bus, DriveKey};
use pve_client::api::storage::StorageConfig;
use terraform_plugin::{Cx, Path};

use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;

/// An error, about the attribute `at`, unless `node` can put a VM's disk on the storage.
pub async fn must_hold_images(cx: &Cx<Pve>, storage: &str, node: &str, at: Path) -> Result<(), Problem> {
    must_hold_images_somewhere(cx, storage, Some(node), at).await
}

/// The same where the node may not be known yet.
pub async fn must_hold_images_somewhere(
    cx: &Cx<Pve>,
    storage: &str,
    node: Option<&str>,
    at: Path,
) -> Result<(), Problem> {
    let storages = cx.client.storage().list().await.during("Cannot list the storages")?;
    let is_there = |s: &StorageConfig| node.map_or(!s.disable, |node| s.is_on(node));
    let fit: Vec<&str> =
        storages.iter().filter(|s| s.holds_images() && is_there(s)).map(|s| s.storage.as_str()).collect();
    let fit = if fit.is_empty() { "none".to_owned() } else { fit.join(", ") };
    let place = node.map(|node| format!(" on {node}")).unwrap_or_default();
    let problem = |summary: String, why: &str| {
        Problem::new(summary, format!("{why} Nothing was written. Storages for disks{place}: {fit}.")).at(at.clone())
    };
    match storages.iter().find(|s| s.storage == storage) {
        None => Err(problem(
            format!("Storage \"{storage}\" does not exist"),
            "Or the user or token lacks Datastore.AllocateSpace on it.",
        )),
        Some(s) if s.disable => {
            Err(problem(format!("Storage \"{storage}\" is disabled"), "Its entry is switched off."))
        }
        Some(s) if !is_there(s) => Err(problem(
            format!("Storage \"{storage}\" is not on node {}", node.unwrap_or_default()),
            "Its entry is restricted to other nodes.",
        )),
        Some(s) if !s.holds_images() => Err(problem(
            format!("Storage \"{storage}\" cannot hold disks of virtual machines"),
            "Its content types lack `images`.",
        )),
        Some(_) => Ok(()),
    }
}

/// A bus for a guest's data disks. EFI and TPM volumes follow rules of their own.
pub fn is_data_bus(bus: Bus) -> bool {
    matches!(bus, Bus::Ide | Bus::Sata | Bus::Scsi | Bus::Virtio)
}

/// The key of a data disk; the error says what is possible.
pub fn data_key(text: &str) -> Result<DriveKey, String> {
    match text.parse::<DriveKey>() {
        Ok(key) if is_data_bus(key.bus) => Ok(key),
        _ => Err(format!("\"{text}\" is no interface for a disk: ide0-3, sata0-5, scsi0-30 or virtio0-15")),
    }
}
