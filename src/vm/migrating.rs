//! A VM that is pinned to a node is brought there.

use pve_client::api::cluster::Guest;
use terraform_plugin::{Cx, Findings};

use super::guest::{self, Found};
use super::identity;
use super::vm::Vm;
use crate::ground::error::Problem;
use crate::ground::pve::Pve;
use crate::guest::migrating::{Wanders, to_node};

impl Wanders for Found {
    fn guest(&self) -> &Guest {
        &self.guest
    }

    fn lock(&self) -> Option<&str> {
        self.config.lock.as_deref()
    }

    async fn again(&self, cx: &Cx<Pve>) -> Result<Self, Problem> {
        let now = guest::must_exist(cx, self.guest.vmid).await?;
        identity::must_be_still_the_same(self, &now)?;
        Ok(now)
    }
}

/// Brings a VM that is pinned to its node.
pub async fn to_its_node(cx: &Cx<Pve>, found: Found, want: &Vm) -> Result<Result<Found, Problem>, Problem> {
    let Some(target) = want.node.as_ref().filter(|_| want.origin.is_pinned()) else { return Ok(Ok(found)) };
    let (vmid, target) = (found.guest.vmid, target.clone());
    let moved = to_node(cx, found, &target, None, &|line| tracing::info!(vmid, target, "{line}")).await;
    moved.map_err(|problem| problem.at("node"))
}

/// The node that a change brings the VM to, if that is another than where it is. A plan says so.
pub async fn look(
    cx: &Cx<Pve>,
    live: &Found,
    want: &Vm,
    found: &mut Findings<Vm>,
) -> Result<Option<String>, terraform_plugin::Error> {
    let Some(target) = want.node.clone().filter(|node| want.origin.is_pinned() && *node != live.guest.node) else {
        return Ok(None);
    };
    crate::guest::migrating::announce(cx, &live.guest, &target, found).await?;
    Ok(Some(target))
}
