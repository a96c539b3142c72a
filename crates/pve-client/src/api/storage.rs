//! Storages: their configuration, how a node sees them, and what lies on them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use crate::api::params::Params;
use crate::{Area, Client, Error, Lock, Request, segment, wire};

/// `/storage`.
#[derive(Clone, Copy)]
pub struct Storages<'a> {
    client: &'a Client,
}

/// A storage's configuration in `GET /storage`. Secrets are never returned by PVE.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct StorageConfig {
    /// Its id.
    pub storage: String,
    /// `rbd`, `dir`, `lvmthin` ...
    #[serde(rename = "type")]
    pub kind: String,
    /// `images`, `rootdir`, `iso` ... PVE sends them in random order.
    #[serde(default, deserialize_with = "wire::set")]
    pub content: BTreeSet<String>,
    /// The nodes it is restricted to; `None`: all.
    #[serde(default, deserialize_with = "wire::opt_set")]
    pub nodes: Option<BTreeSet<String>>,
    /// Switched off.
    #[serde(default, deserialize_with = "wire::boolean")]
    pub disable: bool,
    /// The same content on all nodes. Implied for rbd, cephfs, nfs, cifs, iscsi, pbs.
    #[serde(default, deserialize_with = "wire::boolean")]
    pub shared: bool,
    /// Of the whole `storage.cfg`.
    #[serde(default)]
    pub digest: Option<String>,
    /// rbd: the pool (`rbd` if not given); zfspool: the dataset.
    #[serde(default)]
    pub pool: Option<String>,
    /// rbd: where the data go if the pool only holds metadata.
    #[serde(default, rename = "data-pool")]
    pub data_pool: Option<String>,
    /// rbd: namespace in the pool.
    #[serde(default)]
    pub namespace: Option<String>,
    /// rbd and cephfs: monitors of an external cluster.
    #[serde(default)]
    pub monhost: Option<String>,
    /// rbd and cephfs: Ceph user.
    #[serde(default)]
    pub username: Option<String>,
    /// rbd: uses the kernel's client.
    #[serde(default, deserialize_with = "wire::opt_boolean")]
    pub krbd: Option<bool>,
    /// dir and others: mount point.
    #[serde(default)]
    pub path: Option<String>,
    /// Everything else, as it stands.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

impl StorageConfig {
    /// Whether it is there for a node.
    pub fn is_on(&self, node: &str) -> bool {
        !self.disable && self.nodes.as_ref().is_none_or(|nodes| nodes.contains(node))
    }

    /// Whether it can hold disks of VMs.
    pub fn holds_images(&self) -> bool {
        self.content.contains("images")
    }

    /// For rbd, the pools it lies on.
    pub fn ceph_pools(&self) -> BTreeSet<&str> {
        if self.kind != "rbd" || self.monhost.is_some() {
            return BTreeSet::new();
        }
        [Some(self.pool.as_deref().unwrap_or("rbd")), self.data_pool.as_deref()].into_iter().flatten().collect()
    }
}

impl StorageConfig {
    /// For cephfs of the cluster's own Ceph: the file system; within, none if the entry names none, which means the first.
    pub fn ceph_filesystem(&self) -> Option<Option<&str>> {
        let own = self.kind == "cephfs" && self.monhost.is_none();
        own.then(|| self.other.get("fs-name").and_then(Value::as_str))
    }
}

impl<'a> Storages<'a> {
    pub(super) fn new(client: &'a Client) -> Self {
        Self { client }
    }

    /// The storages that we may see (Datastore.Audit or AllocateSpace). `GET /storage`
    pub async fn list(&self) -> Result<Arc<Vec<StorageConfig>>, Error> {
        self.client.shared(Area::Storage, Request::get("storage")).await
    }

    /// A storage by id from the list of [`Storages::list`]; `None` also if we may not see it.
    pub async fn find(&self, storage: &str) -> Result<Option<StorageConfig>, Error> {
        Ok(self.list().await?.iter().find(|config| config.storage == storage).cloned())
    }

    /// A storage by id. Needs Datastore.Allocate on it. `GET /storage/{storage}`
    pub async fn get(&self, storage: &str) -> Result<StorageConfig, Error> {
        self.client.call(Request::get(format!("storage/{}", segment(storage)))).await
    }

    /// Adds a storage. PVE mounts or probes most types at once, on the node that answers; rbd it does not.
    /// `POST /storage`
    pub async fn create(&self, storage: &str, kind: &str, params: &Params) -> Result<(), Error> {
        let request = params.onto(Request::post("storage").param("storage", storage).param("type", kind));
        self.client.write::<()>(Lock::File("storage.cfg"), &[Area::Storage], request).await
    }

    /// Changes what is named in `params`. `PUT /storage/{storage}`
    pub async fn update(&self, storage: &str, params: &Params) -> Result<(), Error> {
        let request = params.onto(Request::put(format!("storage/{}", segment(storage))));
        self.client.write::<()>(Lock::File("storage.cfg"), &[Area::Storage], request).await
    }

    /// Removes the entry; what lies on the storage stays. PVE does not ask whether guests use it.
    /// `DELETE /storage/{storage}`
    pub async fn delete(&self, storage: &str) -> Result<(), Error> {
        let request = Request::delete(format!("storage/{}", segment(storage)));
        self.client.write::<()>(Lock::File("storage.cfg"), &[Area::Storage, Area::Content], request).await
    }
}

/// `/nodes/{node}/storage`.
#[derive(Clone, Copy)]
pub struct NodeStorages<'a> {
    pub(super) client: &'a Client,
    pub(super) node: &'a str,
}

/// A storage as a node sees it, in `GET /nodes/{node}/storage`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct StorageStatus {
    /// Its id.
    pub storage: String,
    /// `rbd`, `dir` ...
    #[serde(rename = "type")]
    pub kind: String,
    /// `images`, `iso` ...
    #[serde(default, deserialize_with = "wire::set")]
    pub content: BTreeSet<String>,
    /// Not switched off, and allowed on this node.
    #[serde(default, deserialize_with = "wire::boolean")]
    pub enabled: bool,
    /// Reachable: false is also what a wrong pool, monitor or key looks like.
    #[serde(default, deserialize_with = "wire::boolean")]
    pub active: bool,
    /// The same content on all nodes.
    #[serde(default, deserialize_with = "wire::boolean")]
    pub shared: bool,
    /// Bytes.
    #[serde(default, deserialize_with = "wire::number")]
    pub total: u64,
    /// Bytes.
    #[serde(default, deserialize_with = "wire::number")]
    pub used: u64,
    /// Bytes.
    #[serde(default, deserialize_with = "wire::number")]
    pub avail: u64,
}

/// A volume in `GET /nodes/{node}/storage/{storage}/content`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Volume {
    /// `STORAGE:NAME`.
    pub volid: String,
    /// `images`, `iso`, `backup` ...
    #[serde(default)]
    pub content: String,
    /// `raw`, `qcow2` ...
    #[serde(default)]
    pub format: String,
    /// Bytes; some storages leave it out.
    #[serde(default, deserialize_with = "wire::opt_number")]
    pub size: Option<u64>,
    /// The guest that owns it.
    #[serde(default, deserialize_with = "wire::opt_number")]
    pub vmid: Option<u32>,
    /// Unix seconds.
    #[serde(default, deserialize_with = "wire::opt_number")]
    pub ctime: Option<i64>,
    /// The volume that it is a linked clone of.
    #[serde(default)]
    pub parent: Option<String>,
}

impl<'a> NodeStorages<'a> {
    pub(super) fn new(client: &'a Client, node: &'a str) -> Self {
        Self { client, node }
    }

    /// The storages on this node with their state. `GET /nodes/{node}/storage`
    pub async fn list(&self) -> Result<Arc<Vec<StorageStatus>>, Error> {
        self.client.shared(Area::Storage, Request::get(format!("nodes/{}/storage", self.node)).node(self.node)).await
    }

    /// The volumes on a storage, of one guest if one is named. `GET /nodes/{node}/storage/{storage}/content`
    pub async fn content(&self, storage: &str, vmid: Option<u32>) -> Result<Arc<Vec<Volume>>, Error> {
        let path = format!("nodes/{}/storage/{}/content", self.node, segment(storage));
        self.client.shared(Area::Content, Request::get(path).node(self.node).opt("vmid", vmid)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_recorded_configurations() {
        let answer = r#"[{"storage":"rbd1","type":"rbd","krbd":0,"content":"images,rootdir","digest":"727f","shared":1,"pool":"rbd"},
            {"nodes":"pve2,pve1","path":"/stor/a","shared":0,"storage":"d1","type":"dir","prune-backups":"keep-last=3","content":"iso,images,rootdir","mkdir":1,"disable":1},
            {"pool":"x","monhost":"192.0.2.1 192.0.2.2","shared":1,"username":"admin","namespace":"ns1","content":"images","storage":"rbd3","type":"rbd"},
            {"shared":1,"type":"rbd","storage":"rbd2","content":"images","data-pool":"d"}]"#;
        let list: Vec<StorageConfig> = serde_json::from_str(answer).unwrap();
        assert_eq!((list[0].krbd, list[0].shared, list[1].shared), (Some(false), true, false));
        assert!(list[0].holds_images() && list[0].is_on("pve9") && !list[1].is_on("pve1"));
        assert_eq!(list[1].nodes, Some(["pve1".to_owned(), "pve2".to_owned()].into()));
        assert_eq!(list[1].other["prune-backups"], "keep-last=3");
        assert_eq!(list[3].ceph_pools(), ["d", "rbd"].into());
        assert!(list[2].ceph_pools().is_empty(), "somebody else's cluster");
    }

    #[test]
    fn reads_recorded_states_and_contents() {
        let answer = r#"[{"enabled":1,"used":0,"storage":"cephfs","active":0,"total":0,"shared":1,"avail":0,"content":"iso,backup","type":"cephfs"}]"#;
        let list: Vec<StorageStatus> = serde_json::from_str(answer).unwrap();
        assert!(list[0].enabled && !list[0].active);
        let answer = r#"[{"vmid":300,"parent":null,"name":"vm-300-disk-0","size":1073741824,"content":"images","format":"raw","volid":"st1:vm-300-disk-0"},
            {"volid":"local:iso/x.iso","content":"iso","format":"iso"}]"#;
        let list: Vec<Volume> = serde_json::from_str(answer).unwrap();
        assert_eq!((list[0].vmid, list[0].size, list[1].vmid, list[1].size), (Some(300), Some(1 << 30), None, None));
    }
}
