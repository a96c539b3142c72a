//! Whether guests use a storage. PVE removes and repoints entries without asking.

use std::collections::{BTreeMap, BTreeSet};

use pve_client::api::cluster::{Guest, GuestKind};
use pve_client::api::qemu::config::Config;
use pve_client::api::storage::{StorageConfig, Volume};
use terraform_plugin::{Cx, Error, Findings};

use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;
use crate::vm::vm::Vm;

use super::images::images;

/// Why what holds images has to stay.
pub struct Used {
    pub problem: Problem,
    /// Whose images lie there; none where nothing tells.
    pub owners: BTreeSet<Option<u32>>,
}

impl Used {
    /// Tells so, unless the owners go along.
    pub fn tell<M>(self, cx: &Cx<Pve>, found: &mut Findings<M>) {
        let going = cx.going::<Vm>();
        let goes = |owner: &Option<u32>| owner.is_some() && going.iter().any(|vm| vm.vmid == *owner);
        found.missing(!self.owners.is_empty() && self.owners.iter().all(goes), self.problem);
    }
}

/// Tells if guests use the storage, unless they go along.
pub async fn removable<M>(cx: &Cx<Pve>, id: &str, found: &mut Findings<M>) -> Result<(), Error> {
    if let Some(used) = used(cx, id).await? {
        used.tell(cx, found);
    }
    Ok(())
}

/// The guests with disks on the storage that are on nodes which lose it: by number, each with its node. `keep`: the nodes
/// that have it then.
pub async fn losers(cx: &Cx<Pve>, id: &str, keep: &BTreeSet<String>) -> Result<BTreeMap<u32, String>, Problem> {
    let storages = cx.client.storage().list().await.during("Cannot list the storages")?;
    let Some(entry) = storages.iter().find(|entry| entry.storage == id && !entry.disable) else {
        return Ok(BTreeMap::new());
    };
    let loses = |node: &str| entry.is_on(node) && !keep.contains(node);
    let all = cx.client.cluster().guests().await.during("Cannot list the guests")?;
    let there: Vec<&Guest> = all.iter().filter(|guest| loses(&guest.node)).collect();
    let mut found = BTreeMap::new();
    let luns = matches!(entry.kind.as_str(), "iscsi" | "iscsidirect");
    let of_guests = luns || entry.kind == "rbd" || entry.content.iter().any(|content| is_of_guests(content));
    if there.is_empty() || !of_guests {
        return Ok(found);
    }
    let images = match entry.shared || entry.kind == "rbd" {
        _ if luns => Vec::new(),
        true => shared(cx, entry).await?,
        false => on_each_node(cx, entry, loses).await?,
    };
    let owners: BTreeSet<u32> =
        images.iter().filter(|image| is_of_guests(&image.content)).filter_map(|image| image.vmid).collect();
    // What lies at a target, or is shown by another entry as well, is for those guests that name this one.
    let by_name =
        luns || storages.iter().any(|other| other.storage != id && !other.disable && shows_the_same(other, entry));
    for guest in there.into_iter().filter(|guest| luns || owners.contains(&guest.vmid)) {
        let is_machine = guest.kind == GuestKind::Qemu;
        let uses = match by_name && is_machine {
            true => named_by(cx, id, guest).await?.is_some(),
            false => is_machine || !luns,
        };
        if uses {
            found.insert(guest.vmid, guest.node.clone());
        }
    }
    Ok(found)
}

/// Whether guests use the storage: its images lie there, or, where what lies there is not PVE's, one is named by a guest.
pub async fn used(cx: &Cx<Pve>, id: &str) -> Result<Option<Used>, Problem> {
    let storages = cx.client.storage().list().await.during("Cannot list the storages")?;
    let Some(entry) = storages.iter().find(|entry| entry.storage == id && !entry.disable) else { return Ok(None) };
    match entry.kind.as_str() {
        "iscsi" | "iscsidirect" => return named_by_any(cx, id).await,
        "rbd" if entry.monhost.is_none() => {
            // A pool that was replaced took its images along, and PVE lists none on one that is gone.
            let pools = cx.client.ceph().pools().await.during("Cannot list the Ceph pools")?;
            if pools.iter().all(|pool| pool.name != pool_of(entry)) {
                return Ok(None);
            }
        }
        "rbd" => {}
        _ if !entry.content.iter().any(|content| is_of_guests(content)) => return Ok(None),
        _ => {}
    }
    let mut images = match entry.shared || entry.kind == "rbd" {
        true => shared(cx, entry).await?,
        false => on_each_node(cx, entry, |node| entry.is_on(node)).await?,
    };
    if entry.kind != "rbd" {
        images.retain(|image| is_of_guests(&image.content));
    }
    let Some(first) = images.first() else { return Ok(None) };
    let owners: BTreeSet<Option<u32>> = images.iter().map(|image| image.vmid).collect();
    let other = storages.iter().any(|other| other.storage != *id && !other.disable && shows_the_same(other, entry));
    let Some(why) = hold(cx, id, other, &owners).await? else { return Ok(None) };
    let problem = Problem::new(
        in_use(id),
        format!(
            "It shows {} images, such as {}. {why} Nothing was written. Move or remove them first.",
            images.len(),
            first.volid
        ),
    );
    Ok(Some(Used { problem, owners }))
}

fn in_use(id: &str) -> String {
    format!("Storage \"{id}\" is in use")
}

fn is_of_guests(content: &str) -> bool {
    matches!(content, "images" | "rootdir")
}

/// What lies on a storage that is the same everywhere.
async fn shared(cx: &Cx<Pve>, entry: &StorageConfig) -> Result<Vec<Volume>, Problem> {
    let cure = match (&entry.monhost, entry.kind.as_str()) {
        (Some(monhost), "rbd") => Some(format!(
            "The pool is another cluster's, at {monhost}. If that is gone for good, set `disable = true` first."
        )),
        (_, "rbd") => None,
        _ => Some(unproven()),
    };
    let there = images(cx, &entry.storage, entry.nodes.as_ref()).await.map_err(|problem| problem.noting(cure))?;
    Ok(there.map(|images| images.to_vec()).unwrap_or_default())
}

fn unproven() -> String {
    "What cannot be asked is not known to be empty. If it is gone for good, set `disable = true` first.".to_owned()
}

/// What lies on a storage that each node has for itself. Nodes that the cluster does not have hold nothing.
async fn on_each_node(cx: &Cx<Pve>, entry: &StorageConfig, on: impl Fn(&str) -> bool) -> Result<Vec<Volume>, Problem> {
    let doing = |node: &str| format!("Cannot list the images on storage \"{}\" of node {node}", entry.storage);
    let nodes = cx.client.nodes().list().await.during("Cannot list the cluster's nodes")?;
    let mut all = Vec::new();
    for node in nodes.iter().map(|node| &node.node).filter(|node| on(node)) {
        let there = cx.client.node_storage(node).content(&entry.storage, None).await.during(doing(node));
        all.extend(there.map_err(|problem| problem.noting(Some(unproven())))?.iter().cloned());
    }
    Ok(all)
}

fn pool_of(entry: &StorageConfig) -> &str {
    entry.pool.as_deref().unwrap_or("rbd")
}

/// Whether two entries show the same images: the same place, as its type tells it, for the same nodes and content.
pub fn shows_the_same(one: &StorageConfig, other: &StorageConfig) -> bool {
    if one.kind != other.kind {
        return false;
    }
    if one.kind == "rbd" {
        return one.monhost == other.monhost && pool_of(one) == pool_of(other) && one.namespace == other.namespace;
    }
    let options: &[&str] = match one.kind.as_str() {
        "nfs" => &["server", "export"],
        "cifs" => &["server", "share", "subdir"],
        "lvm" => &["vgname"],
        "lvmthin" => &["vgname", "thinpool"],
        "zfs" => &["portal", "target"],
        _ => &[],
    };
    let on_all = |of: &StorageConfig, nodes: Option<&BTreeSet<String>>| match (&of.nodes, nodes) {
        (None, _) => true,
        (Some(its), Some(nodes)) => nodes.is_subset(its),
        (Some(_), None) => false,
    };
    // A path of a file server is only where it is mounted.
    let path = |of: &StorageConfig| if options.is_empty() { of.path.clone() } else { None };
    options.iter().all(|option| one.other.get(*option) == other.other.get(*option))
        && path(one) == path(other)
        && one.pool == other.pool
        && other.content.iter().filter(|content| is_of_guests(content)).all(|content| one.content.contains(content))
        && on_all(one, other.nodes.as_ref())
}

/// What hangs on the entry, in a sentence, when images of these guests lie on its place. As long as there is another one
/// that shows the same images, only what guests call by this one's name does.
async fn hold(cx: &Cx<Pve>, id: &str, other: bool, owners: &BTreeSet<Option<u32>>) -> Result<Option<String>, Problem> {
    if !other {
        return Ok(Some("Their guests could not start without it.".to_owned()));
    }
    for vmid in owners.iter().flatten() {
        let guest = cx.client.cluster().guest(*vmid).await.during(format!("Cannot look for guest {vmid}"))?;
        let Some(guest) = guest else {
            return Ok(Some(format!("Guest {vmid}, whose image is there, is not to be seen and may name it.")));
        };
        if guest.kind == GuestKind::Lxc {
            return Ok(Some(format!("Guest {vmid} could not start without it.")));
        }
        if let Some(why) = named_by(cx, id, &guest).await? {
            return Ok(Some(why));
        }
    }
    Ok(None)
}

/// Whether a virtual machine names the storage, in a sentence.
async fn named_by(cx: &Cx<Pve>, id: &str, guest: &Guest) -> Result<Option<String>, Problem> {
    let vmid = guest.vmid;
    let (doing, api) = (format!("Cannot read the configuration of vm:{vmid}"), cx.client.qemu(&guest.node, vmid));
    // What waits for the VM's next stop counts, and until then what is in force.
    for config in [api.config().await.during(&doing)?, api.current_config().await.during(&doing)?] {
        if names(&config, id) {
            return Ok(Some(format!("Guest {vmid} could not start without it.")));
        }
        if config.other.contains_key("parent") {
            // They have drives of their own, which are not looked at.
            return Ok(Some(format!("Guest {vmid} has snapshots, whose disks it may name.")));
        }
    }
    Ok(None)
}

/// What lies at an iSCSI target is there whether guests use it or not: those that do name it. Containers cannot.
async fn named_by_any(cx: &Cx<Pve>, id: &str) -> Result<Option<Used>, Problem> {
    let guests = cx.client.cluster().guests().await.during("Cannot list the guests")?;
    for guest in guests.iter().filter(|guest| guest.kind == GuestKind::Qemu) {
        if let Some(why) = named_by(cx, id, guest).await? {
            let problem =
                Problem::new(in_use(id), format!("{why} Nothing was written. Move or remove its disks first."));
            return Ok(Some(Used { problem, owners: BTreeSet::from([Some(guest.vmid)]) }));
        }
    }
    Ok(None)
}

/// Whether a drive lies on the storage by this name, or the memory of a VM that sleeps.
fn names(config: &Config, storage: &str) -> bool {
    config.drives.values().any(|drive| drive.storage() == Some(storage))
        || config.other.values().any(|value| value.split_once(':').map_or(value.as_str(), |(id, _)| id) == storage)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(kind: &str, more: serde_json::Value) -> StorageConfig {
        let mut entry = serde_json::json!({"storage": "a", "type": kind, "content": "images"});
        entry.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(entry).unwrap()
    }

    #[test]
    fn entries_of_other_clusters_and_namespaces_show_other_images() {
        let entry = |more| entry("rbd", more);
        let own = entry(serde_json::json!({"pool": "vm"}));
        assert!(shows_the_same(&own, &entry(serde_json::json!({"pool": "vm", "krbd": 1, "data-pool": "d"}))));
        for other in [
            serde_json::json!({"pool": "vm", "monhost": "192.0.2.1"}),
            serde_json::json!({"pool": "vm", "namespace": "n"}),
            serde_json::json!({"pool": "other", "data-pool": "vm"}),
            serde_json::json!({}),
        ] {
            assert!(!shows_the_same(&own, &entry(other.clone())), "{other}");
        }
        assert!(
            shows_the_same(&entry(serde_json::json!({})), &entry(serde_json::json!({"pool": "rbd"}))),
            "its default"
        );
    }

    #[test]
    fn entries_that_show_the_same_have_place_nodes_and_content_in_common() {
        let dir = |more: serde_json::Value| {
            let mut whole = serde_json::json!({"path": "/a"});
            whole.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            entry("dir", whole)
        };
        let plain = dir(serde_json::json!({}));
        assert!(shows_the_same(&plain, &dir(serde_json::json!({"nodes": "pve1"}))), "it has all nodes");
        for other in [
            dir(serde_json::json!({"path": "/b"})),
            dir(serde_json::json!({"content": "images,rootdir"})),
            entry("btrfs", serde_json::json!({"path": "/a"})),
        ] {
            assert!(!shows_the_same(&plain, &other), "{other:?}");
        }
        assert!(!shows_the_same(&dir(serde_json::json!({"nodes": "pve1"})), &plain), "it is on one node only");
        let nfs = |path: &str, server: &str| {
            entry("nfs", serde_json::json!({"path": path, "server": server, "export": "/e"}))
        };
        assert!(shows_the_same(&nfs("/mnt/pve/a", "s"), &nfs("/mnt/pve/b", "s")));
        assert!(!shows_the_same(&nfs("/mnt/pve/a", "s"), &nfs("/mnt/pve/a", "t")));
        let tank = |pool: &str| entry("zfspool", serde_json::json!({"pool": pool}));
        assert!(shows_the_same(&tank("tank"), &tank("tank")) && !shows_the_same(&tank("tank"), &tank("tank/a")));
    }
}
