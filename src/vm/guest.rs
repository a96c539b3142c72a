//! Where a VM is now, and what its configuration says. Guests wander (HA, migrations), so it is asked anew each time.

use std::sync::Arc;
use std::time::Duration;

use pve_client::api::cluster::{Guest, GuestKind};
use pve_client::api::qemu::Qemu;
use pve_client::api::qemu::config::Config;
use pve_client::api::qemu::drive::{Drive, DriveKey};
use pve_client::size::Size;
use terraform_plugin::Cx;

use super::disk_storage::is_data_bus;
use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;

/// Longer than a shared read lives.
const STALE: Duration = Duration::from_millis(2100);

/// A VM that exists.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its entry in the cluster's list.
    pub guest: Guest,
    /// Its configuration, pending changes applied. A disk that has no size in it has that which its storage tells.
    pub config: Arc<Config>,
}

impl Found {
    /// The calls for it.
    pub fn api<'a>(&'a self, cx: &'a Cx<Pve>) -> Qemu<'a> {
        cx.client.qemu(&self.guest.node, self.guest.vmid)
    }
}

/// The VM with that number; `None` if there is none that we may see.
pub async fn find(cx: &Cx<Pve>, vmid: u32) -> Result<Option<Found>, Problem> {
    let mut looked = false;
    loop {
        let guest = cx.client.cluster().guest(vmid).await.during(format!("Cannot look for vm:{vmid}"))?;
        let Some(guest) = guest else { return Ok(None) };
        if guest.kind != GuestKind::Qemu {
            return Err(Problem::new(
                format!("Guest {vmid} is a container"),
                format!("It runs on {}. This is for virtual machines. Nothing was written.", guest.node),
            )
            .at("vmid"));
        }
        match cx.client.qemu(&guest.node, vmid).config().await {
            Ok(config) => {
                let config = with_sizes(cx, &guest, config).await;
                return Ok(Some(Found { guest, config }));
            }
            // It went elsewhere, or away, since the list was made.
            Err(error) if error.is_absent() && !looked => tokio::time::sleep(STALE).await,
            Err(error) => return Err(error).during(format!("Cannot read the configuration of vm:{vmid}")),
        }
        looked = true;
    }
}

/// PVE notes a disk's size for information only: lines edited by hand, and some of older tools, have none.
async fn with_sizes(cx: &Cx<Pve>, guest: &Guest, config: Arc<Config>) -> Arc<Config> {
    let unknown = |key: &DriveKey, drive: &Drive| is_data_bus(key.bus) && drive.is_disk() && drive.size.is_none();
    if !config.drives.iter().any(|(key, drive)| unknown(key, drive)) {
        return config;
    }
    let mut completed = Config::clone(&config);
    for (_, drive) in completed.drives.iter_mut().filter(|(key, drive)| unknown(key, drive)) {
        let Some(storage) = drive.storage() else { continue };
        // A storage that does not answer is no reason to give up: the size stays unknown.
        let volumes = cx.client.node_storage(&guest.node).content(storage, Some(guest.vmid)).await;
        let size = volumes.ok().and_then(|all| all.iter().find(|volume| volume.volid == drive.volume)?.size);
        drive.size = size.map(Size::from_bytes);
    }
    Arc::new(completed)
}

/// As [`find`], where the VM is needed.
pub async fn must_exist(cx: &Cx<Pve>, vmid: u32) -> Result<Found, Problem> {
    find(cx, vmid).await?.ok_or_else(|| missing(vmid))
}

/// There is no VM with that number.
pub fn missing(vmid: u32) -> Problem {
    Problem::new(
        format!("vm:{vmid} does not exist"),
        "Nothing was written. If it does exist, the user or token lacks VM.Audit on it.",
    )
    .at("vmid")
}

/// As [`must_exist`], with the configuration that is in force: changes that wait for the VM's next stop are not in it.
pub async fn in_force(cx: &Cx<Pve>, vmid: u32) -> Result<Found, Problem> {
    let found = must_exist(cx, vmid).await?;
    let config = found.api(cx).current_config().await.during(format!("Cannot read the configuration of vm:{vmid}"))?;
    Ok(Found { config, ..found })
}

/// An error if something works on the VM.
pub fn must_be_unlocked(found: &Found) -> Result<(), Problem> {
    match &found.config.lock {
        None => Ok(()),
        Some(lock) => Err(Problem::new(
            format!("vm:{} is locked ({lock})", found.guest.vmid),
            format!(
                "An operation of PVE works on it, or was interrupted; nothing was written. Wait until it is done; if none is \
                 running, `qm unlock {}` on {} removes the lock.",
                found.guest.vmid, found.guest.node
            ),
        )
        .at("vmid")),
    }
}
