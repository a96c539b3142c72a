//! `pve_versions`: what each node runs.

use std::collections::BTreeMap;

use pve_client::Error as PveError;
use terraform_plugin::{Cx, DataSource, Diagnostic, Error, Model, Nested};

use crate::ground::error::During;
use crate::ground::everywhere;
use crate::ground::ledger::Planned;
use crate::ground::pve::Pve;

/// The versions of Proxmox VE and of Ceph on every node.
///
/// Nodes that differ are warned of, once a run: guests move to newer nodes and not always back, and a cluster is meant to be
/// upgraded as a whole. A node that does not answer is warned of as well, and its versions are null.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "versions", area = "Cluster")]
pub struct Versions {
    /// The nodes by name.
    #[attr(computed)]
    pub nodes: Option<BTreeMap<String, NodeVersion>>,
    /// Whether all nodes that answer run the same version of Proxmox VE.
    #[attr(computed)]
    pub equal: Option<bool>,
}

/// What a node runs.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct NodeVersion {
    /// Such as `9.2.11`. Null while the node does not answer.
    #[attr(computed)]
    pub version: Option<String>,
    /// Such as `9.2`. Null while the node does not answer.
    #[attr(computed)]
    pub release: Option<String>,
    /// Short hash of the build. Null while the node does not answer.
    #[attr(computed)]
    pub repoid: Option<String>,
    /// The version of Ceph's packages, such as `20.2.0`. Null where they are not installed or the node is offline, and where
    /// the user or token may see nothing of Ceph.
    #[attr(computed)]
    pub ceph: Option<String>,
}

/// That nodes differ was told.
#[derive(Clone, Debug)]
struct Told;

impl Planned for Told {
    type Key = ();
}

impl DataSource<Pve> for Versions {
    async fn read(cx: &Cx<Pve>, _config: Self) -> Result<Self, Error> {
        let ceph = match cx.client.ceph().installed().await {
            Err(PveError::Permission(_)) => BTreeMap::new(),
            installed => installed.during("Cannot ask for the versions of Ceph")?,
        };
        let all = everywhere::ask(cx, "Its versions are null", |node| async move {
            cx.client.node(&node).version().await.during(format!("Cannot ask {node} for its version"))
        })
        .await?;
        let told = all.into_iter().map(|(name, found)| {
            let ceph = ceph.get(&name).filter(|_| found.is_some()).cloned();
            let node = NodeVersion {
                version: found.as_ref().map(|found| found.version.to_string()),
                release: found.as_ref().map(|found| found.release.clone()),
                repoid: found.as_ref().map(|found| found.repoid.clone()),
                ceph,
            };
            (name, node)
        });
        let nodes: BTreeMap<String, NodeVersion> = told.collect();
        let equal = nodes.values().filter_map(|node| node.version.as_ref()).is_sorted_by(|one, other| one == other);
        if !equal && cx.ledger.with(|told: &mut BTreeMap<(), Told>| told.insert((), Told).is_none()) {
            cx.warn(differ(&nodes));
        }
        Ok(Self { nodes: Some(nodes), equal: Some(equal) })
    }
}

fn differ(nodes: &BTreeMap<String, NodeVersion>) -> Diagnostic {
    let version = |(name, node): (&String, &NodeVersion)| Some(format!("{name} {}", node.version.as_ref()?));
    let versions: Vec<String> = nodes.iter().filter_map(version).collect();
    Diagnostic::warning(
        "The nodes run different versions of Proxmox VE",
        format!(
            "{}. Guests move from an older node to a newer one, and not always back. Bring all nodes to one version (`apt \
             full-upgrade` on each, one after the other).",
            versions.join(", ")
        ),
    )
}
