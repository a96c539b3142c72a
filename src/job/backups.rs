//! `pve_backups`: the backups that there are.

use std::collections::BTreeSet;

use pve_client::api::backup::Backup as Live;
use terraform_plugin::{Cx, DataSource, Error, Model, Need, Nested};

use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;

/// The backups that there are, the newest first: of a guest, of a storage, or all. One can be restored by its `volid`.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "backups", area = "Jobs")]
pub struct Backups {
    /// Only those of this guest.
    #[attr(optional, range = 100..=999_999_999)]
    pub vmid: Option<u32>,
    /// Only those on this storage.
    #[attr(optional, length = 1..)]
    pub storage: Option<String>,
    /// Only those that this node sees. Unset: those that any node sees that is online.
    #[attr(optional, length = 1..)]
    pub node: Option<String>,
    /// The backups.
    #[attr(computed)]
    pub backups: Option<Vec<Found>>,
}

/// A backup.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// What it is called: `STORAGE:backup/NAME`.
    #[attr(computed)]
    pub volid: Option<String>,
    /// A node that sees it: each node has a `local` of its own.
    #[attr(computed)]
    pub node: Option<String>,
    /// The guest's number.
    #[attr(computed)]
    pub vmid: Option<u32>,
    /// `qemu` or `lxc`.
    #[attr(computed)]
    pub r#type: Option<String>,
    /// When it was begun, in seconds since 1970.
    #[attr(computed)]
    pub created: Option<i64>,
    /// Bytes.
    #[attr(computed)]
    pub size: Option<u64>,
    /// `vma.zst`, `tar`, `pbs-vm` ...
    #[attr(computed)]
    pub format: Option<String>,
    /// The first line of what is noted. Null: nothing is.
    #[attr(computed)]
    pub notes: Option<String>,
    /// Whether it cannot be removed.
    #[attr(computed)]
    pub protected: Option<bool>,
}

impl DataSource<Pve> for Backups {
    fn needs() -> Vec<Need> {
        vec![Need::to_plan("/storage", &["Datastore.Audit", "Datastore.AllocateSpace"])]
    }

    async fn read(cx: &Cx<Pve>, config: Self) -> Result<Self, Error> {
        let storages = cx.client.storage().list().await.during("Cannot list the storages")?;
        if let Some(wanted) =
            config.storage.as_ref().filter(|wanted| storages.iter().all(|one| one.storage != **wanted))
        {
            let problem = Problem::new(
                format!("Storage \"{wanted}\" does not exist"),
                "Or the user or token lacks Datastore.Audit on it.",
            );
            return Err(problem.at("storage").into());
        }
        let nodes = cx.client.nodes().list().await.during("Cannot list the cluster's nodes")?;
        if let Some(wanted) = &config.node {
            crate::guest::node::must_be_online(&nodes, wanted)?;
        }
        let meant = |node: &str| config.node.as_ref().is_none_or(|wanted| wanted == node);
        let mut seen = BTreeSet::new();
        let mut found = Vec::new();
        let wanted = storages.iter().filter(|one| {
            !one.disable
                && one.content.contains("backup")
                && config.storage.as_ref().is_none_or(|wanted| *wanted == one.storage)
        });
        for storage in wanted {
            for node in nodes.iter().filter(|node| node.is_online() && meant(&node.node) && storage.is_on(&node.node)) {
                let doing = format!("Cannot list the backups on storage \"{}\" of {}", storage.storage, node.node);
                let all = cx.client.backups(&node.node, &storage.storage, config.vmid).await.during(doing)?;
                let place = if storage.shared { "" } else { node.node.as_str() };
                for live in all.iter().filter(|live| seen.insert((place.to_owned(), live.volid.clone()))) {
                    found.push(Found::from_live(live, &node.node));
                }
            }
        }
        found.sort_by(|a, b| (b.created, &a.volid, &a.node).cmp(&(a.created, &b.volid, &b.node)));
        Ok(Self { backups: Some(found), ..config })
    }
}

impl Found {
    fn from_live(live: &Live, node: &str) -> Self {
        Self {
            volid: Some(live.volid.clone()),
            node: Some(node.to_owned()),
            vmid: live.vmid,
            r#type: live.subtype.clone(),
            created: live.ctime,
            size: live.size,
            format: Some(live.format.clone()),
            notes: live.notes.clone(),
            protected: Some(live.protected),
        }
    }
}
