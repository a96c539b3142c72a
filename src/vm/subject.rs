//! Whose snapshot: a guest of either kind, with what its configuration says that matters.

use pve_client::api::cluster::{Guest, GuestKind};
use pve_client::api::ha::resource::Sid;
use pve_client::api::snapshots::Snapshots;
use pve_client::{Area, Request};
use serde::Deserialize;
use terraform_plugin::Cx;

use super::guest::{self, Found};
use super::identity;
use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;

/// A guest that exists.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Its entry in the cluster's list.
    pub guest: Guest,
    /// What works on it.
    pub lock: Option<String>,
    /// Whether it is a template.
    pub template: bool,
    /// Of a VM, all that is known of it.
    vm: Option<Found>,
}

/// What a container's configuration says that matters here.
#[derive(Deserialize)]
struct Container {
    lock: Option<String>,
    #[serde(default, deserialize_with = "pve_client::wire::boolean")]
    template: bool,
}

impl Subject {
    /// `vm:101`.
    pub fn sid(&self) -> Sid {
        Sid { kind: self.guest.kind, vmid: self.guest.vmid }
    }

    /// Its snapshots.
    pub fn snapshots<'a>(&'a self, cx: &'a Cx<Pve>) -> Snapshots<'a> {
        cx.client.snapshots(self.guest.kind, &self.guest.node, self.guest.vmid)
    }

    /// The VM, if it is one.
    pub fn vm(&self) -> Option<&Found> {
        self.vm.as_ref()
    }

    /// It is the one that the state means.
    pub fn remember(&self, cx: &Cx<Pve>) {
        if let Some(vm) = &self.vm {
            identity::remember(cx, &vm.config);
        }
    }

    /// Completes what is remembered of it.
    pub fn complete(&self, cx: &Cx<Pve>) {
        if let Some(vm) = &self.vm {
            identity::complete(cx, &vm.config);
        }
    }

    /// An error unless it is what is remembered, as far as that can be told: containers have nothing to be told by.
    pub fn must_be_the_same(&self, cx: &Cx<Pve>) -> Result<(), Problem> {
        self.vm.as_ref().map_or(Ok(()), |vm| identity::must_be_the_same(cx, vm))
    }

    /// An error if something works on it.
    pub fn must_be_unlocked(&self) -> Result<(), Problem> {
        let Some(lock) = &self.lock else { return Ok(()) };
        let (sid, node, vmid) = (self.sid(), &self.guest.node, self.guest.vmid);
        let tool = if self.guest.kind == GuestKind::Lxc { "pct" } else { "qm" };
        Err(Problem::new(
            format!("{sid} is locked ({lock})"),
            format!(
                "An operation of PVE works on it, or was interrupted; nothing was written. Wait until it is done; if none is \
                 running, `{tool} unlock {vmid}` on {node} removes the lock."
            ),
        )
        .at("vmid"))
    }
}

/// The guest with that number; `None` if there is none that we may see.
pub async fn find(cx: &Cx<Pve>, vmid: u32) -> Result<Option<Subject>, Problem> {
    let listed = cx.client.cluster().guest(vmid).await.during(format!("Cannot look for guest {vmid}"))?;
    let Some(listed) = listed else { return Ok(None) };
    if listed.kind == GuestKind::Lxc {
        let request = Request::get(format!("nodes/{}/lxc/{vmid}/config", listed.node)).node(&listed.node);
        let config: std::sync::Arc<Container> = cx
            .client
            .shared(Area::GuestConfig(vmid), request)
            .await
            .during(format!("Cannot read the configuration of ct:{vmid}"))?;
        let (lock, template) = (config.lock.clone(), config.template);
        return Ok(Some(Subject { guest: listed, lock, template, vm: None }));
    }
    let Some(found) = guest::find(cx, vmid).await? else { return Ok(None) };
    let (lock, template) = (found.config.lock.clone(), found.config.template);
    Ok(Some(Subject { guest: found.guest.clone(), lock, template, vm: Some(found) }))
}

/// As [`find`], where the guest is needed.
pub async fn must_exist(cx: &Cx<Pve>, vmid: u32) -> Result<Subject, Problem> {
    find(cx, vmid).await?.ok_or_else(|| missing(vmid))
}

/// There is no guest with that number.
pub fn missing(vmid: u32) -> Problem {
    Problem::new(
        format!("Guest {vmid} does not exist"),
        "Nothing was written. If it does exist, the user or token lacks VM.Audit on it.",
    )
    .at("vmid")
}
