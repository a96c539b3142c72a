//! Whose snapshot: a guest, with what its configuration says that matters.

use pve_client::api::cluster::Guest;
use pve_client::api::ha::resource::Sid;
use pve_client::api::snapshots::Snapshots;
use terraform_plugin::Cx;

use super::guest::{self, Found};
use super::identity;
use crate::ground::error::Problem;
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
    /// All that is known of it.
    vm: Found,
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

    /// All that is known of it.
    pub fn vm(&self) -> &Found {
        &self.vm
    }

    /// It is the one that the state means.
    pub fn remember(&self, cx: &Cx<Pve>) {
        identity::remember(cx, &self.vm.config);
    }

    /// Completes what is remembered of it.
    pub fn complete(&self, cx: &Cx<Pve>) {
        identity::complete(cx, &self.vm.config);
    }

    /// An error unless it is what is remembered, as far as that can be told.
    pub fn must_be_the_same(&self, cx: &Cx<Pve>) -> Result<(), Problem> {
        identity::must_be_the_same(cx, &self.vm)
    }

    /// An error if something works on it.
    pub fn must_be_unlocked(&self) -> Result<(), Problem> {
        guest::must_be_unlocked(&self.vm)
    }
}

/// The guest with that number; `None` if there is none that we may see. An error for a container.
pub async fn find(cx: &Cx<Pve>, vmid: u32) -> Result<Option<Subject>, Problem> {
    let Some(found) = guest::find(cx, vmid).await? else { return Ok(None) };
    let (lock, template) = (found.config.lock.clone(), found.config.template);
    Ok(Some(Subject { guest: found.guest.clone(), lock, template, vm: found }))
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
