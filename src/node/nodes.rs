//! `pve_nodes`: the cluster's nodes.

use std::collections::BTreeMap;

use terraform_plugin::{Cx, DataSource, Error, Model, Nested};

use crate::ground::error::During;
use crate::ground::pve::Pve;

/// The cluster's nodes, online or not.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "nodes", area = "Nodes")]
pub struct Nodes {
    /// The nodes by name.
    #[attr(computed)]
    pub nodes: Option<BTreeMap<String, Node>>,
}

/// A node.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct Node {
    /// Whether the cluster sees it.
    #[attr(computed)]
    pub online: Option<bool>,
    /// Processor threads. Null while it is offline.
    #[attr(computed)]
    pub cpus: Option<u32>,
    /// Memory in bytes. Null while it is offline.
    #[attr(computed)]
    pub memory: Option<u64>,
    /// SHA-256 fingerprint of its certificate.
    #[attr(computed)]
    pub ssl_fingerprint: Option<String>,
}

impl DataSource<Pve> for Nodes {
    async fn read(cx: &Cx<Pve>, _config: Self) -> Result<Self, Error> {
        let found = cx.client.nodes().list().await.during("Cannot list the cluster's nodes")?;
        let nodes = found.iter().map(|entry| {
            let node = Node {
                online: Some(entry.is_online()),
                cpus: entry.maxcpu,
                memory: entry.maxmem,
                ssl_fingerprint: entry.ssl_fingerprint.clone(),
            };
            (entry.node.clone(), node)
        });
        Ok(Self { nodes: Some(nodes.collect()) })
    }
}
