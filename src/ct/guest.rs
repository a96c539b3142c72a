//! Where a container is now, and what its configuration says.

use std::sync::Arc;
use std::time::Duration;

use pve_client::api::cluster::{Guest, GuestKind};
use pve_client::api::lxc::Lxc;
use pve_client::api::lxc::config::Config;
use terraform_plugin::Cx;

use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;
use crate::guest::migrating::Wanders;

/// Longer than a shared read lives.
const STALE: Duration = Duration::from_millis(2100);

/// A container that exists.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its entry in the cluster's list.
    pub guest: Guest,
    /// Its configuration, pending changes applied.
    pub config: Arc<Config>,
}

impl Found {
    /// The calls for it.
    pub fn api<'a>(&'a self, cx: &'a Cx<Pve>) -> Lxc<'a> {
        cx.client.lxc(&self.guest.node, self.guest.vmid)
    }
}

impl Wanders for Found {
    fn guest(&self) -> &Guest {
        &self.guest
    }

    fn lock(&self) -> Option<&str> {
        self.config.lock.as_deref()
    }

    async fn again(&self, cx: &Cx<Pve>) -> Result<Self, Problem> {
        let now = must_exist(cx, self.guest.vmid).await?;
        super::identity::must_be_still_the_same(self, &now)?;
        Ok(now)
    }
}

/// The container with that number, wherever it is; `None` if there is none that we may see.
pub async fn find(cx: &Cx<Pve>, vmid: u32) -> Result<Option<Found>, Problem> {
    let mut looked = false;
    loop {
        let guest = cx.client.cluster().guest(vmid).await.during(format!("Cannot look for ct:{vmid}"))?;
        let Some(guest) = guest else { return Ok(None) };
        if guest.kind != GuestKind::Lxc {
            return Err(Problem::new(
                format!("Guest {vmid} is a virtual machine"),
                format!("It is on {}. `pve_container` is for containers. Nothing was written.", guest.node),
            )
            .at("vmid"));
        }
        match cx.client.lxc(&guest.node, vmid).config().await {
            Ok(config) => return Ok(Some(Found { guest, config })),
            // It went elsewhere, or away, since the list was made.
            Err(error) if error.is_absent() && !looked => tokio::time::sleep(STALE).await,
            Err(error) => return Err(error).during(format!("Cannot read the configuration of ct:{vmid}")),
        }
        looked = true;
    }
}

/// As [`find`], where the container is needed.
pub async fn must_exist(cx: &Cx<Pve>, vmid: u32) -> Result<Found, Problem> {
    find(cx, vmid).await?.ok_or_else(|| {
        Problem::new(
            format!("ct:{vmid} does not exist"),
            "Nothing was written. If it does exist, the user or token lacks VM.Audit on it.",
        )
        .at("vmid")
    })
}

/// An error if something works on the container.
pub fn must_be_unlocked(found: &Found) -> Result<(), Problem> {
    match &found.config.lock {
        None => Ok(()),
        Some(lock) => Err(Problem::new(
            format!("ct:{} is locked ({lock})", found.guest.vmid),
            format!(
                "An operation of PVE works on it, or was interrupted; nothing was written. Wait until it is done; if none is \
                 running, `pct unlock {}` on {} removes the lock.",
                found.guest.vmid, found.guest.node
            ),
        )
        .at("vmid")),
    }
}
