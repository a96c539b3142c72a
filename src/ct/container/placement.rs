//! The node that a new container is made on, and the way back to it.

use std::collections::BTreeSet;

use terraform_plugin::Cx;

use super::{Container, Placement};
use crate::ct::guest::{self, Found};
use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;
use crate::guest::migrating;
use crate::vm::planned::{self, Place};

/// The node asked for; that of the container that is cloned; or the online one that has all storages and the archive and carries
/// the fewest guests.
pub async fn choose<'a>(cx: &'a Cx<Pve>, want: &Container) -> Result<(String, Place<'a>), Problem> {
    let nodes = cx.client.nodes().list().await.during("Cannot list the cluster's nodes")?;
    let guests = cx.client.cluster().guests().await.during("Cannot list the guests")?;
    let there = |vmid: u32| guests.iter().any(|guest| guest.vmid == vmid);
    let online: Vec<&str> = nodes.iter().filter(|node| node.is_online()).map(|node| node.node.as_str()).collect();
    let none = || {
        Problem::new(
            "No node can take the container",
            "None is online, or the user or token may not see them. Nothing was written.",
        )
        .at("node")
    };
    let mut asked = want.node.clone();
    if let (None, Some(of)) = (&asked, &want.clone) {
        asked = Some(guest::must_exist(cx, of.vmid).await?.guest.node);
    }
    if let Some(asked) = asked {
        if !online.contains(&asked.as_str()) {
            return Err(Problem::new(
                format!("Node {asked} is not online"),
                format!("Nothing was written. Online: {}. Name one of them, or leave `node` out.", online.join(", ")),
            )
            .at("node"));
        }
        return planned::place(&cx.ledger, there, |_| Some(asked.clone())).ok_or_else(none);
    }
    let storages = cx.client.storage().list().await.during("Cannot list the storages")?;
    let needed = needed(want);
    let has_all = |node: &str| {
        needed.iter().all(|id| storages.iter().find(|s| s.storage == *id).is_none_or(|storage| storage.is_on(node)))
    };
    let mut fit: Vec<&str> = online.iter().copied().filter(|node| has_all(node)).collect();
    // An archive on a storage that each node has of its own lies on some of them.
    if let Some(archive) = want.archive()
        && let Some((id, _)) = archive.split_once(':')
        && storages.iter().any(|storage| storage.storage == id && !storage.shared)
    {
        let mut having = Vec::new();
        for node in &fit {
            let content = cx.client.node_storage(node).content(id, None).await;
            if content.is_ok_and(|all| all.iter().any(|volume| volume.volid == archive)) {
                having.push(*node);
            }
        }
        if !having.is_empty() {
            fit = having;
        }
    }
    let from = if fit.is_empty() { online } else { fit };
    let fewest = |coming: &dyn Fn(&str) -> usize| {
        let load = |node: &str| guests.iter().filter(|guest| guest.node == node).count() + coming(node);
        from.iter().min_by_key(|node| (load(node), **node)).map(|node| (*node).to_owned())
    };
    planned::place(&cx.ledger, there, fewest).ok_or_else(none)
}

/// The storages that it is to lie on.
pub fn needed(want: &Container) -> BTreeSet<&str> {
    let root = want.rootfs.as_ref().and_then(|root| root.storage.as_deref());
    let mounts = want.mount_points.iter().flatten().filter_map(|(_, mount)| mount.storage.as_deref());
    let archive = want.archive().and_then(|archive| archive.split_once(':')).map(|(id, _)| id);
    root.into_iter().chain(mounts).chain(archive).collect()
}

/// The node that a pinned container is brought back to, if it is elsewhere.
pub fn elsewhere<'a>(found: &Found, want: &'a Container) -> Option<&'a str> {
    want.node.as_deref().filter(|node| want.placement == Placement::Pinned && found.guest.node != *node)
}

/// Brings a pinned container back to its node. The container where it is then; within, why it goes on without us.
pub async fn bring_back(cx: &Cx<Pve>, found: Found, want: &Container) -> Result<Result<Found, Problem>, Problem> {
    let Some(node) = elsewhere(&found, want) else { return Ok(Ok(found)) };
    let vmid = found.guest.vmid;
    let went = migrating::to_node(cx, found, node, None, &|line| tracing::info!(vmid, node, "{line}")).await;
    went.map_err(|problem| problem.at("node"))
}
