//! Typed calls, in a tree like PVE's menu.
//!
//! Each area is a small struct that borrows the [`Client`]: `client.ceph().pools()`, `client.disks("pve1").list()`,
//! `client.qemu("pve1", 100).config()`, `client.ha().resources()`. Lists that many readers want come as shared reads
//! (`Arc`); writes queue by the lock that they take in PVE and hand back a [`Task`](crate::Task) where PVE works in the
//! background.
//!
//! Every type reads what PVE really sends (see [`crate::wire`]): absent fields are the default, unknown fields are
//! passed over.

pub mod access;
pub mod backup;
pub mod ceph;
pub mod cluster;
pub mod content;
pub mod disks;
pub mod ha;
pub mod lxc;
pub mod nodes;
pub mod params;
pub mod qemu;
pub mod snapshots;
pub mod storage;

use std::sync::Arc;

use serde::Deserialize;

use crate::version::Version;
use crate::{Area, Client, Error, Request};

/// `GET /version`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PveVersion {
    /// `9.2.11`.
    pub version: Version,
    /// `9.2`.
    #[serde(default)]
    pub release: String,
    /// Short hash of the build.
    #[serde(default)]
    pub repoid: String,
}

impl Client {
    /// The version of the node that answers, be it a member or not. `GET /version`.
    pub async fn version(&self) -> Result<Arc<PveVersion>, Error> {
        self.shared(Area::Version, Request::get("version").of_anyone()).await
    }

    /// Who may do what: `/access`.
    pub fn access(&self) -> access::Access<'_> {
        access::Access::new(self)
    }

    /// The cluster as a whole: `/cluster`.
    pub fn cluster(&self) -> cluster::Cluster<'_> {
        cluster::Cluster::new(self)
    }

    /// The nodes: `/nodes`.
    pub fn nodes(&self) -> nodes::Nodes<'_> {
        nodes::Nodes::new(self)
    }

    /// One node: `/nodes/{node}`.
    pub fn node<'a>(&'a self, node: &'a str) -> nodes::Node<'a> {
        nodes::Node::new(self, node)
    }

    /// A node's disks: `/nodes/{node}/disks`.
    pub fn disks<'a>(&'a self, node: &'a str) -> disks::Disks<'a> {
        disks::Disks::new(self, node)
    }

    /// The storages' configuration: `/storage`.
    pub fn storage(&self) -> storage::Storages<'_> {
        storage::Storages::new(self)
    }

    /// The storages as a node sees them: `/nodes/{node}/storage`.
    pub fn node_storage<'a>(&'a self, node: &'a str) -> storage::NodeStorages<'a> {
        storage::NodeStorages::new(self, node)
    }

    /// Ceph, through whichever node answers: `/nodes/localhost/ceph`.
    pub fn ceph(&self) -> ceph::Ceph<'_> {
        ceph::Ceph::new(self)
    }

    /// A VM: `/nodes/{node}/qemu/{vmid}`. It is only known on the node that owns it now.
    pub fn qemu<'a>(&'a self, node: &'a str, vmid: u32) -> qemu::Qemu<'a> {
        qemu::Qemu::new(self, node, vmid)
    }

    /// A container: `/nodes/{node}/lxc/{vmid}`. It is only known on the node that owns it now.
    pub fn lxc<'a>(&'a self, node: &'a str, vmid: u32) -> lxc::Lxc<'a> {
        lxc::Lxc::new(self, node, vmid)
    }

    /// High availability: `/cluster/ha`.
    pub fn ha(&self) -> ha::Ha<'_> {
        ha::Ha::new(self)
    }
}

#[cfg(test)]
mod tests;
