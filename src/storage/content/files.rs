//! `pve_storage_files`: what guests can be made from and given.

use std::collections::{BTreeMap, BTreeSet};

use terraform_plugin::{Cx, DataSource, Error, Model, Need, Nested};

use super::ContentKey;
use crate::ground::error::During;
use crate::ground::pve::Pve;
use crate::section;
use crate::storage::{SEE, SIGHT};

/// The files on storages that guests can be made from or given: ISO images, container templates, disk images, snippets.
///
/// Nodes that are off are left out, with what is on their own storages.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "storage_files", area = "Storage")]
pub struct StorageFiles {
    /// Only those on this storage.
    #[attr(optional, length = 1..)]
    pub storage: Option<String>,
    /// Only those that this node sees.
    #[attr(optional, length = 1..)]
    pub node: Option<String>,
    /// Only those of this kind.
    #[attr(optional, one_of = ["iso", "vztmpl", "import", "snippets"])]
    pub content: Option<String>,
    /// The files by their import ids: `NODE/STORAGE:CONTENT/FILE`, without the node on storages that all nodes share.
    #[attr(computed)]
    pub files: Option<BTreeMap<String, Found>>,
}

/// A file.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// The node, of a storage that is each node's own.
    #[attr(computed)]
    pub node: Option<String>,
    /// The storage.
    #[attr(computed)]
    pub storage: Option<String>,
    /// The volume.
    #[attr(computed)]
    pub volid: Option<String>,
    /// `iso`, `vztmpl`, `import` or `snippets`.
    #[attr(computed)]
    pub content: Option<String>,
    /// Its format in PVE's words.
    #[attr(computed)]
    pub format: Option<String>,
    /// Its size in bytes.
    #[attr(computed)]
    pub size: Option<u64>,
}

const CONTENTS: [&str; 4] = ["iso", "vztmpl", "import", "snippets"];

impl DataSource<Pve> for StorageFiles {
    fn needs() -> Vec<Need> {
        vec![Need::to_plan("/storage", SEE)]
    }

    async fn read(cx: &Cx<Pve>, config: Self) -> Result<Self, Error> {
        section::must_see_all(cx, SIGHT, "storages").await?;
        let entries = cx.client.storage().list().await.during("Cannot list the storages")?;
        let nodes = cx.client.nodes().list().await.during("Cannot list the cluster's nodes")?;
        let fits =
            |content: &str| CONTENTS.contains(&content) && config.content.as_deref().is_none_or(|only| only == content);
        let (mut files, mut shared) = (BTreeMap::new(), BTreeSet::new());
        for node in
            nodes.iter().filter(|node| node.is_online() && config.node.as_ref().is_none_or(|only| *only == node.node))
        {
            for entry in
                entries.iter().filter(|entry| config.storage.as_ref().is_none_or(|only| *only == entry.storage))
            {
                let holds = entry.content.iter().any(|content| fits(content));
                // One node tells of what all of them see.
                if !holds
                    || entry.disable
                    || !entry.is_on(&node.node)
                    || (entry.shared && !shared.insert(&entry.storage))
                {
                    continue;
                }
                let doing = format!("Cannot list what is on storage \"{}\" of {}", entry.storage, node.node);
                let listed = cx.client.node_storage(&node.node).content(&entry.storage, None).await.during(doing)?;
                for volume in listed.iter().filter(|volume| fits(&volume.content)) {
                    let node = Some(node.node.clone()).filter(|_| !entry.shared);
                    let key = ContentKey { node: node.clone(), volid: volume.volid.clone() };
                    let found = Found {
                        node,
                        storage: Some(entry.storage.clone()),
                        volid: Some(volume.volid.clone()),
                        content: Some(volume.content.clone()),
                        format: Some(volume.format.clone()),
                        size: volume.size,
                    };
                    files.insert(key.to_string(), found);
                }
            }
        }
        Ok(Self { files: Some(files), ..config })
    }
}
