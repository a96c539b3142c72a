//! `pve_ceph_metadata_server`: a metadata server of CephFS.

use pve_client::api::ceph::services::Daemon as Sort;
use terraform_plugin::{Cx, Error, Findings, Model, Say, Timeouts};

use super::{Daemon, Kind, Seen, daemon};
use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;

/// A metadata server of CephFS: each file system needs one that is active, and should have another that stands by.
///
/// It is waited for until it is active or stands by. It is not removed while a file system would be left without one. One on a node
/// that is offline is removed through another node.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "ceph_metadata_server", area = "Ceph", key(name))]
pub struct CephMetadataServer {
    /// The node it is on.
    #[attr(required, replace, length = 1..)]
    pub node: String,
    /// Its id, which does not begin with a digit. Unset: the name of its node.
    #[attr(keep, replace, length = ..=200, regex = "^[A-Za-z]([A-Za-z0-9-]*[A-Za-z0-9])?$", says = "letters, digits and hyphens, a letter first")]
    pub name: Option<String>,
    /// False until it was seen by the monitors once; the next apply carries on.
    #[attr(ready)]
    pub ready: bool,
    /// How long operations may take.
    #[attr(timeouts(create = "10m", update = "10m", delete = "10m"))]
    pub timeouts: Timeouts,
}

impl Daemon for CephMetadataServer {
    const KIND: Kind = Kind {
        sort: Sort::MetadataServer,
        what: "Metadata server",
        creates: "cephcreatemds",
        destroys: "cephdestroymds",
        works: "active or standing by",
    };

    const LEFT_OUT: &'static [(&'static str, &'static str)] = &[(
        "hotstandby",
        "an entry in `ceph.conf` that Ceph no longer reads: its file systems have a setting for that",
    )];

    fn check(config: &CephMetadataServerPlan, say: &mut Say<Self>) {
        if let Some(node) = config.node.text()
            && config.name.is_null()
            && node.starts_with(|c: char| c.is_ascii_digit())
        {
            say.error(
                "name",
                format!("A metadata server cannot be called \"{node}\""),
                "Its id is the name of its node when nothing is said, and PVE takes none that begins with a digit. Set `name`.",
            );
        }
    }

    async fn all(cx: &Cx<Pve>) -> Result<Vec<Seen>, Problem> {
        let servers = cx.client.ceph().metadata_servers().await.during("Cannot list the metadata servers of Ceph")?;
        let seen = |server: &pve_client::api::ceph::services::MetadataServer| Seen {
            name: server.name.clone(),
            host: server.host.clone(),
            address: None,
            works: server.state.starts_with("up:"),
            state: server.state.clone(),
        };
        Ok(servers.iter().map(seen).collect())
    }

    async fn losable(
        cx: &Cx<Pve>,
        seen: &Seen,
        all: &[Seen],
        going: &[String],
        found: &mut Findings<Self>,
    ) -> Result<(), Error> {
        let id = &seen.name;
        let left = all.iter().filter(|one| one.works && one.name != *id && !going.contains(&one.name)).count();
        let filesystems = cx.client.ceph().filesystems().await.during("Cannot list the file systems of Ceph")?;
        // With one that does not run, nothing is lost.
        if seen.works && left < filesystems.len() {
            let names: Vec<&str> = filesystems.iter().map(|fs| fs.name.as_str()).collect();
            found.mendable(Problem::new(
                format!("Metadata server \"{id}\" is needed"),
                format!(
                    "File systems: {} ({}), each of which needs one that runs. Without this one {left} would run. Nothing was written. \
                     Make another one first, or remove the file system.",
                    filesystems.len(),
                    names.join(", ")
                ),
            ));
        }
        Ok(())
    }

    /// PVE does not ask where it is: any node with Ceph takes its key and its place in `ceph.conf` away.
    async fn other_node(cx: &Cx<Pve>) -> Result<Option<String>, Problem> {
        let installed = cx.client.ceph().installed().await.during("Cannot ask which nodes have Ceph")?;
        Ok(installed.into_keys().next())
    }
}

daemon!(CephMetadataServer, "ceph_metadata_servers");
