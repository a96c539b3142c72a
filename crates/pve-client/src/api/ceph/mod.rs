//! Ceph as PVE runs it.
//!
//! What belongs to the cluster (pools, CRUSH, status, in and out) is asked of `localhost`, PVE's name for the node that
//! answers, so that it works as long as any node does. If Ceph is not installed there, a node that has it is asked
//! instead; [`Ceph::via`] names one. What belongs to a node (making and destroying an OSD, services) takes the node as
//! an argument.

pub mod conf;
pub mod crush;
pub mod osd;
pub mod pool;
pub mod services;
pub mod status;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::{Area, Client, Error, Lock, Request, Task, segment, wire};
use conf::ConfFile;
use crush::CrushMap;
use osd::{LogicalVolume, OsdMetadata, OsdParams, OsdTree, VolumeKind};
use pool::{Pool, PoolParams, PoolRemoval, PoolStatus};
use services::{Daemon, FileSystem, Manager, MetadataServer, Monitor, Risk, Safety, ServiceAction};
use status::CephStatus;

/// `/nodes/{node}/ceph`.
#[derive(Clone, Copy)]
pub struct Ceph<'a> {
    client: &'a Client,
    node: Option<&'a str>,
}

/// PVE's name for the node that answers.
const ANY: &str = "localhost";

/// A request below `/nodes/{node}/ceph`.
fn at(node: &str, make: fn(String) -> Request, rest: &str) -> Request {
    let request = make(format!("nodes/{node}/ceph/{rest}"));
    if node == ANY { request } else { request.node(node) }
}

/// A setting in Ceph's configuration database, in `GET ceph/cfg/db`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ConfigEntry {
    /// `global`, `mon`, `osd`, `osd.3` ...
    pub section: String,
    /// The option, with underscores.
    pub name: String,
    /// Its value as text.
    #[serde(default, deserialize_with = "wire::text")]
    pub value: String,
    /// `host:pve1`, `class:ssd` or empty.
    #[serde(default, deserialize_with = "wire::text")]
    pub mask: String,
    /// `basic`, `advanced`, `dev`.
    #[serde(default)]
    pub level: String,
    /// Whether daemons take it without a restart.
    #[serde(default, deserialize_with = "wire::boolean")]
    pub can_update_at_runtime: bool,
}

impl<'a> Ceph<'a> {
    pub(super) fn new(client: &'a Client) -> Self {
        Self { client, node: None }
    }

    /// Asks this node and no other.
    #[must_use]
    pub fn via(self, node: &'a str) -> Self {
        Self { node: Some(node), ..self }
    }

    /// Sends through any node; if that one has no Ceph, through one that has. `NotInstalled` is said before anything is
    /// done, so this holds for writes too.
    async fn through<T, F>(&self, send: impl Fn(String) -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        match send(self.node.unwrap_or(ANY).to_owned()).await {
            Err(Error::NotInstalled(refusal)) if self.node.is_none() => match self.node_with_ceph().await {
                Some(node) => send(node).await,
                None => Err(Error::NotInstalled(refusal)),
            },
            other => other,
        }
    }

    /// An online node with Ceph's packages. `GET /cluster/ceph/metadata?scope=versions`, which works without Ceph.
    async fn node_with_ceph(&self) -> Option<String> {
        self.installed().await.ok()?.into_keys().next()
    }

    /// The version of Ceph's packages on each online node that has them, some seconds old; works without Ceph.
    /// `GET /cluster/ceph/metadata?scope=versions`
    pub async fn installed(&self) -> Result<BTreeMap<String, String>, Error> {
        #[derive(Deserialize, Default)]
        #[serde(default)]
        struct Metadata {
            node: BTreeMap<String, Packages>,
        }
        #[derive(Deserialize, Default)]
        #[serde(default)]
        struct Packages {
            version: PackageVersion,
        }
        #[derive(Deserialize, Default)]
        #[serde(default)]
        struct PackageVersion {
            str: String,
        }
        let request = Request::get("cluster/ceph/metadata").param("scope", "versions");
        let metadata = self.client.shared::<Metadata>(Area::CephMons, request).await?;
        let status = self.client.cluster().status().await?;
        // What a node broadcast stays after it is gone.
        let online = |node: &str| status.member(node).is_some_and(|member| member.online);
        let all = metadata.node.iter().filter(|(node, _)| online(node));
        Ok(all.map(|(node, packages)| (node.clone(), packages.version.str.clone())).collect())
    }

    async fn shared<T: DeserializeOwned + Send + Sync + 'static>(
        &self,
        area: Area,
        rest: &str,
    ) -> Result<Arc<T>, Error> {
        self.through(|node| self.client.shared(area, at(&node, Request::get, rest))).await
    }

    /// A node on which Ceph's own commands work: one with a monitor that is part of the quorum.
    pub async fn monitor_node(&self) -> Result<Option<String>, Error> {
        let monitors = self.monitors().await?;
        let mut hosts: Vec<_> =
            monitors.iter().filter(|monitor| monitor.quorum).filter_map(|m| m.host.clone()).collect();
        hosts.sort();
        let status = self.client.cluster().status().await?;
        Ok(hosts.into_iter().find(|host| status.member(host).is_some_and(|member| member.online)))
    }

    /// Health, counts, placement groups. `GET ceph/status`
    pub async fn status(&self) -> Result<Arc<CephStatus>, Error> {
        self.shared(Area::CephStatus, "status").await
    }

    /// All monitors. `GET ceph/mon`
    pub async fn monitors(&self) -> Result<Arc<Vec<Monitor>>, Error> {
        self.shared(Area::CephMons, "mon").await
    }

    /// All managers. Needs a working Ceph. `GET ceph/mgr`
    pub async fn managers(&self) -> Result<Arc<Vec<Manager>>, Error> {
        self.shared(Area::CephMons, "mgr").await
    }

    /// All metadata servers. Needs a working Ceph. `GET ceph/mds`
    pub async fn metadata_servers(&self) -> Result<Arc<Vec<MetadataServer>>, Error> {
        self.shared(Area::CephMons, "mds").await
    }

    /// All file systems. Needs a working Ceph. `GET ceph/fs`
    pub async fn filesystems(&self) -> Result<Arc<Vec<FileSystem>>, Error> {
        self.shared(Area::CephMons, "fs").await
    }

    /// Makes a file system with two new pools, `NAME_data` and `NAME_metadata`, of Ceph's usual size; the second has a quarter of
    /// the placement groups. Needs a metadata server that stands by. The task's end does not mean that one serves it by then; one
    /// that fails takes its pools back. `POST ceph/fs/{name}`
    pub async fn create_filesystem(&self, name: &str, pg_num: Option<u32>) -> Result<Task, Error> {
        let path = format!("fs/{}", segment(name));
        self.through(|node| {
            let request = at(&node, Request::post, &path).opt("pg_num", pg_num);
            self.client.write_task(Lock::CephPool, FILESYSTEM_AREAS, request)
        })
        .await
    }

    /// Destroys a file system and its pools. Nothing is asked about storages, clients and data; Ceph refuses it while a metadata
    /// server serves it. Since PVE 9.1.18. `DELETE ceph/fs/{name}`
    pub async fn delete_filesystem(&self, name: &str) -> Result<Task, Error> {
        let path = format!("fs/{}", segment(name));
        self.through(|node| {
            let request = at(&node, Request::delete, &path).flag("remove-pools", true);
            self.client.write_task(Lock::CephPool, FILESYSTEM_AREAS, request)
        })
        .await
    }

    /// Makes a daemon on a node. The task's end means that it was started: not that a monitor is part of the quorum, nor that
    /// others are seen. The first monitor brings a manager, by a task of its own. `address` is for monitors.
    /// `POST /nodes/{node}/ceph/mon|mgr|mds/{name}`
    pub async fn create_daemon(
        &self,
        node: &str,
        kind: Daemon,
        name: &str,
        address: Option<&str>,
    ) -> Result<Task, Error> {
        let request = Request::post(daemon_path(node, kind, name)).node(node).opt("mon-address", address);
        self.client.write_task(Lock::CephMon, DAEMON_AREAS, request).await
    }

    /// Takes a daemon away. Nobody asks whether it is needed, but for the last monitor. A metadata server loses its key and its
    /// place in `ceph.conf` on whichever node this is asked. `DELETE /nodes/{node}/ceph/mon|mgr|mds/{name}`
    pub async fn delete_daemon(&self, node: &str, kind: Daemon, name: &str) -> Result<Task, Error> {
        let request = Request::delete(daemon_path(node, kind, name)).node(node);
        self.client.write_task(Lock::CephMon, DAEMON_AREAS, request).await
    }

    /// The OSDs where they hang in CRUSH. `GET ceph/osd`; an empty cluster is an empty tree.
    pub async fn osds(&self) -> Result<Arc<OsdTree>, Error> {
        match self.shared(Area::CephOsds, "osd").await {
            // PVE answers 500 where nothing is in the tree yet.
            Err(Error::Other { refusal, .. }) if osd::is_empty_tree(&refusal.message) => Ok(Arc::default()),
            other => other,
        }
    }

    /// All pools. `GET ceph/pool`
    pub async fn pools(&self) -> Result<Arc<Vec<Pool>>, Error> {
        self.shared(Area::CephPools, "pool").await
    }

    /// A pool by name, from the list of [`Ceph::pools`].
    pub async fn pool(&self, name: &str) -> Result<Option<Pool>, Error> {
        Ok(self.pools().await?.iter().find(|pool| pool.name == name).cloned())
    }

    /// A pool's settings and flags, with use and autoscaler. `GET ceph/pool/{name}/status?verbose=1`
    pub async fn pool_status(&self, name: &str) -> Result<PoolStatus, Error> {
        let path = format!("pool/{}/status", segment(name));
        self.through(|node| self.client.call(at(&node, Request::get, &path).flag("verbose", true))).await
    }

    /// The same, shared by all who ask in the same moment: for looks that no write depends on.
    pub async fn pool_status_shared(&self, name: &str) -> Result<Arc<PoolStatus>, Error> {
        let path = format!("pool/{}/status", segment(name));
        self.through(|node| self.client.shared(Area::CephPools, at(&node, Request::get, &path).flag("verbose", true)))
            .await
    }

    /// Makes a pool. Not transactional: PVE's task can fail and leave a pool with half of the settings; and if the name
    /// exists, PVE *changes* that pool and succeeds. Look before, and look after a failure. `POST ceph/pool`
    pub async fn create_pool(&self, name: &str, params: &PoolParams) -> Result<Task, Error> {
        let areas = pool_areas(params.add_storages == Some(true));
        self.through(|node| {
            let request = params.onto(at(&node, Request::post, "pool").param("name", name));
            self.client.write_task(Lock::CephPool, &areas, request)
        })
        .await
    }

    /// Changes what is given. Size and min_size do not go together: PVE compares with what was before, and Ceph
    /// moves min_size when size is set. Send size first. `PUT ceph/pool/{name}`
    pub async fn update_pool(&self, name: &str, params: &PoolParams) -> Result<Task, Error> {
        let (path, areas) = (format!("pool/{}", segment(name)), pool_areas(false));
        self.through(|node| {
            let request = params.onto(at(&node, Request::put, &path));
            self.client.write_task(Lock::CephPool, &areas, request)
        })
        .await
    }

    /// Destroys a pool with all its data. `DELETE ceph/pool/{name}`
    pub async fn delete_pool(&self, name: &str, how: PoolRemoval) -> Result<Task, Error> {
        let (path, areas) = (format!("pool/{}", segment(name)), pool_areas(how.remove_storages));
        self.through(|node| {
            let request =
                at(&node, Request::delete, &path).flag("force", how.force).flag("remove_storages", how.remove_storages);
            self.client.write_task(Lock::CephPool, &areas, request)
        })
        .await
    }

    /// Names of the CRUSH rules. `GET ceph/rules`
    pub async fn rules(&self) -> Result<Vec<String>, Error> {
        #[derive(Deserialize)]
        struct Rule {
            name: String,
        }
        let rules = self.shared::<Vec<Rule>>(Area::Crush, "rules").await?;
        Ok(rules.iter().map(|rule| rule.name.clone()).collect())
    }

    /// The CRUSH map with hierarchy and rules. `GET ceph/crush`
    pub async fn crush(&self) -> Result<Arc<CrushMap>, Error> {
        self.shared(Area::Crush, "crush").await
    }

    /// Ceph's configuration file, which is the cluster's. Works before there is a monitor; [`Error::NotInitialised`]: there is
    /// none. `GET ceph/cfg/raw`
    pub async fn conf(&self) -> Result<ConfFile, Error> {
        let text: Arc<String> = self.shared(Area::CephConfig, "cfg/raw").await?;
        Ok(ConfFile::parse(&text))
    }

    /// Writes Ceph's configuration file with a new fsid, and the key of its administrator; the packages have to be on the node.
    /// Where the file is there already, the networks that are given are written and nothing else. `cluster_network` takes
    /// `network`, without which it would be the same. `POST /nodes/{node}/ceph/init`
    pub async fn init(&self, node: &str, network: Option<&str>, cluster_network: Option<&str>) -> Result<(), Error> {
        let request = Request::post(format!("nodes/{node}/ceph/init")).node(node);
        let request = request.opt("network", network).opt("cluster-network", cluster_network);
        self.client.write(Lock::CephMon, DAEMON_AREAS, request).await
    }

    /// Ceph's configuration database. `GET ceph/cfg/db`
    pub async fn config(&self) -> Result<Arc<Vec<ConfigEntry>>, Error> {
        self.shared(Area::CephConfig, "cfg/db").await
    }

    /// Makes an OSD on a disk or partition of a node. The task's end means that the daemon was started, not that it is up;
    /// the new id is found on the disk afterwards. `POST /nodes/{node}/ceph/osd`, reserved to root@pam.
    pub async fn create_osd(&self, node: &str, params: &OsdParams) -> Result<Task, Error> {
        let request = params.onto(Request::post(format!("nodes/{node}/ceph/osd")).node(node).root());
        // PVE gives up after 10 s if another disk action of this node is under way.
        self.client.write_task(Lock::NodeDisks(node.to_owned()), OSD_AREAS, request).await
    }

    /// Destroys an OSD, which has to be down and out. Its LV is wiped in any case; with `cleanup` LV and VG go too,
    /// and a whole disk becomes free, a partition only after a wipe. `DELETE /nodes/{node}/ceph/osd/{id}`, reserved to
    /// root@pam.
    pub async fn delete_osd(&self, node: &str, id: u32, cleanup: bool) -> Result<Task, Error> {
        let request = Request::delete(format!("nodes/{node}/ceph/osd/{id}")).node(node).root().flag("cleanup", cleanup);
        self.client.write_task(Lock::CephOsd, OSD_AREAS, request).await
    }

    /// Lets data move onto an OSD. `POST ceph/osd/{id}/in`
    pub async fn osd_in(&self, id: u32) -> Result<(), Error> {
        let path = format!("osd/{id}/in");
        self.through(|node| self.client.write::<()>(Lock::CephOsd, OSD_AREAS, at(&node, Request::post, &path))).await
    }

    /// Moves all data away from an OSD. `POST ceph/osd/{id}/out`
    pub async fn osd_out(&self, id: u32) -> Result<(), Error> {
        let path = format!("osd/{id}/out");
        self.through(|node| self.client.write::<()>(Lock::CephOsd, OSD_AREAS, at(&node, Request::post, &path))).await
    }

    /// Has an OSD's placement groups compared with their other copies, as load allows; with `deep` every byte is read.
    /// `POST ceph/osd/{id}/scrub`
    pub async fn osd_scrub(&self, id: u32, deep: bool) -> Result<(), Error> {
        let path = format!("osd/{id}/scrub");
        self.through(|node| {
            let request = at(&node, Request::post, &path).flag("deep", deep);
            self.client.write::<()>(Lock::CephOsd, &[Area::CephStatus], request)
        })
        .await
    }

    /// What an OSD said about itself when it last started; it must have run once. `GET /nodes/{node}/ceph/osd/{id}/metadata`
    pub async fn osd_metadata(&self, node: &str, id: u32) -> Result<OsdMetadata, Error> {
        self.client.call(Request::get(format!("nodes/{node}/ceph/osd/{id}/metadata")).node(node)).await
    }

    /// The logical volume of an OSD; its name holds the OSD's fsid. `GET /nodes/{node}/ceph/osd/{id}/lv-info?type=block`
    pub async fn osd_volume(&self, node: &str, id: u32) -> Result<LogicalVolume, Error> {
        self.osd_volume_of(node, id, VolumeKind::Block).await
    }

    /// The same of any of its volumes; [`Error::is_absent`] if it has none of that kind.
    /// `GET /nodes/{node}/ceph/osd/{id}/lv-info?type=block|db|wal`
    pub async fn osd_volume_of(&self, node: &str, id: u32, kind: VolumeKind) -> Result<LogicalVolume, Error> {
        let request = Request::get(format!("nodes/{node}/ceph/osd/{id}/lv-info")).node(node).param("type", kind.name());
        self.client.call(request).await
    }

    /// Starts, stops or restarts a service (`osd.3`, `mon.pve1`) on its node. `POST /nodes/{node}/ceph/start|stop|restart`
    pub async fn service(&self, node: &str, action: ServiceAction, service: &str) -> Result<Task, Error> {
        let request =
            Request::post(format!("nodes/{node}/ceph/{}", action.name())).node(node).param("service", service);
        let lock = if service.starts_with("mon") || service.starts_with("mgr") { Lock::CephMon } else { Lock::CephOsd };
        self.client.write_task(lock, &[Area::CephStatus, Area::CephMons, Area::CephOsds], request).await
    }

    /// Whether a daemon (`osd`, `mon`, `mds` and its id) can be stopped or destroyed without loss, in Ceph's own judgement.
    /// `GET ceph/cmd-safety`
    ///
    /// An OSD that does not exist counts as safe, and right after an outage "safe to stop" is still said.
    pub async fn is_safe(&self, risk: Risk, service: &str, id: &str) -> Result<Safety, Error> {
        self.through(|node| {
            let request = at(&node, Request::get, "cmd-safety").param("service", service).param("id", id);
            self.client.call(request.param("action", risk.name()))
        })
        .await
    }
}

fn daemon_path(node: &str, kind: Daemon, name: &str) -> String {
    format!("nodes/{node}/ceph/{}/{}", kind.name(), segment(name))
}

/// What changes with a monitor, a manager or a metadata server.
pub const DAEMON_AREAS: &[Area] = &[Area::CephMons, Area::CephStatus, Area::CephConfig, Area::CephPools];

/// What changes with a file system.
pub const FILESYSTEM_AREAS: &[Area] = &[Area::CephMons, Area::CephStatus, Area::CephPools, Area::Crush];

/// What changes with an OSD. The pools' usable size and the placement groups follow.
const OSD_AREAS: &[Area] = &[Area::CephOsds, Area::Crush, Area::CephStatus, Area::CephPools, Area::Disks];

/// What changes with a pool.
fn pool_areas(storages: bool) -> Vec<Area> {
    let mut areas = vec![Area::CephPools, Area::CephStatus, Area::Crush];
    if storages {
        areas.extend([Area::Storage, Area::Content]);
    }
    areas
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_recorded_configuration() {
        let answer = r#"[{"level":"advanced","section":"global","mask":"","value":"warn","can_update_at_runtime":1,"name":"osd_pool_default_pg_autoscale_mode"},
            {"mask":"","section":"osd","level":"basic","name":"osd_memory_target","can_update_at_runtime":true,"value":939524096}]"#;
        let entries: Vec<ConfigEntry> = serde_json::from_str(answer).unwrap();
        assert_eq!(entries[1].value, "939524096");
        assert!(entries[0].can_update_at_runtime && entries[1].can_update_at_runtime);
    }
}
