//! `pve_storages`: the storages of the cluster, of whichever type.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use pve_client::{Area, Request};
use serde::Deserialize;
use terraform_plugin::{Cx, DataSource, Error, Model, Need, Nested};

use crate::ground::error::During;
use crate::ground::pve::Pve;
use crate::section;

use super::{SEE, SIGHT};

/// The cluster's storages, of whichever type.
///
/// What each type has of its own is told by the data source of that type, such as `pve_storage_nfs`.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "storages", area = "Storage")]
pub struct Storages {
    /// Only those of this type, such as `nfs`.
    #[attr(optional)]
    pub r#type: Option<String>,
    /// The storages by id.
    #[attr(computed)]
    pub storages: Option<BTreeMap<String, Found>>,
}

/// A storage.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// Its type: `dir`, `nfs`, `rbd` ...
    #[attr(computed)]
    pub r#type: Option<String>,
    /// What it may hold.
    #[attr(computed)]
    pub content: Option<BTreeSet<String>>,
    /// The nodes that use it. Null: all.
    #[attr(computed)]
    pub nodes: Option<BTreeSet<String>>,
    /// Whether all nodes see the same.
    #[attr(computed)]
    pub shared: Option<bool>,
    /// Whether it is switched off.
    #[attr(computed)]
    pub disable: Option<bool>,
    /// The nodes on which it was active when PVE looked last, some seconds ago. A node that does not answer is not among
    /// them.
    #[attr(computed)]
    pub active_on: Option<BTreeSet<String>>,
}

/// `GET /cluster/resources?type=storage`.
#[derive(Deserialize)]
struct Seen {
    storage: String,
    node: String,
    status: Option<String>,
}

impl DataSource<Pve> for Storages {
    fn needs() -> Vec<Need> {
        vec![Need::to_plan("/storage", SEE)]
    }

    async fn read(cx: &Cx<Pve>, config: Self) -> Result<Self, Error> {
        section::must_see_all(cx, SIGHT, "storages").await?;
        let found = cx.client.storage().list().await.during("Cannot list the storages")?;
        let request = Request::get("cluster/resources").param("type", "storage");
        let seen: Arc<Vec<Seen>> =
            cx.client.shared(Area::Storage, request).await.during("Cannot read where the storages are active")?;
        let active_on = |id: &str| {
            let active = seen.iter().filter(|seen| seen.storage == id && seen.status.as_deref() == Some("available"));
            active.map(|seen| seen.node.clone()).collect()
        };
        let wanted = found.iter().filter(|entry| config.r#type.as_ref().is_none_or(|kind| *kind == entry.kind));
        let storages = wanted.map(|entry| {
            let found = Found {
                r#type: Some(entry.kind.clone()),
                content: Some(entry.content.clone()),
                nodes: entry.nodes.clone(),
                shared: Some(entry.shared),
                disable: Some(entry.disable),
                active_on: Some(active_on(&entry.storage)),
            };
            (entry.storage.clone(), found)
        });
        Ok(Self { storages: Some(storages.collect()), ..config })
    }
}
