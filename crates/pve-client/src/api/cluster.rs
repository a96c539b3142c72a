//! The cluster as a whole.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Deserializer};

use crate::api::nodes::TaskEntry;
use crate::{Area, Client, Error, Request, wire};

/// `/cluster`.
#[derive(Clone, Copy)]
pub struct Cluster<'a> {
    client: &'a Client,
}

/// A guest in `GET /cluster/resources`: where it is, and what it was doing some seconds ago.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Guest {
    /// The number, unique in the cluster over VMs and containers.
    #[serde(deserialize_with = "wire::number")]
    pub vmid: u32,
    /// VM or container.
    #[serde(rename = "type")]
    pub kind: GuestKind,
    /// The node that owns it now. Live.
    pub node: String,
    /// Missing for the first seconds after creation.
    #[serde(default)]
    pub name: Option<String>,
    /// `running`, `stopped`, `unknown`; up to 15 s behind, on dead nodes up to 5 minutes.
    #[serde(default)]
    pub status: String,
    /// Whether it is a template.
    #[serde(default, deserialize_with = "wire::boolean")]
    pub template: bool,
    /// `backup`, `create`, `migrate` ... while something works on it. Live.
    #[serde(default)]
    pub lock: Option<String>,
    /// Live.
    #[serde(default, deserialize_with = "tags")]
    pub tags: BTreeSet<String>,
    /// The HA manager's state for it. Live.
    #[serde(default)]
    pub hastate: Option<String>,
    /// The resource pool.
    #[serde(default)]
    pub pool: Option<String>,
}

fn tags<'de, D: Deserializer<'de>>(d: D) -> Result<BTreeSet<String>, D::Error> {
    wire::set(d)
}

/// What a guest is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
pub enum GuestKind {
    /// A VM.
    #[serde(rename = "qemu")]
    Qemu,
    /// A container.
    #[serde(rename = "lxc")]
    Lxc,
}

/// `GET /cluster/status`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClusterStatus {
    /// The cluster's name; `None` on a node that is not in one.
    pub name: Option<String>,
    /// Whether a majority of the nodes is there. A single node always is.
    pub quorate: bool,
    /// All members.
    pub members: Vec<Member>,
}

/// A node of the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Whether corosync sees it. Live.
    #[serde(default, deserialize_with = "wire::boolean")]
    pub online: bool,
    /// Its number in corosync; 0 on a node that is in no cluster.
    #[serde(default, deserialize_with = "wire::number")]
    pub nodeid: u32,
    /// Its address, once seen.
    #[serde(default)]
    pub ip: Option<String>,
    /// The one that answered.
    #[serde(default, deserialize_with = "wire::boolean")]
    pub local: bool,
}

impl<'de> Deserialize<'de> for ClusterStatus {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(tag = "type", rename_all = "lowercase")]
        enum Entry {
            Cluster {
                name: String,
                #[serde(default, deserialize_with = "wire::boolean")]
                quorate: bool,
            },
            Node(Member),
            #[serde(other)]
            Other,
        }
        // Without an entry for a cluster it is a single node, which needs nobody's consent.
        let mut status = Self { name: None, quorate: true, members: Vec::new() };
        for entry in Vec::<Entry>::deserialize(d)? {
            match entry {
                Entry::Cluster { name, quorate } => {
                    status.name = Some(name);
                    status.quorate = quorate;
                }
                Entry::Node(member) => status.members.push(member),
                Entry::Other => {}
            }
        }
        status.members.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(status)
    }
}

impl ClusterStatus {
    /// A member by name.
    pub fn member(&self, node: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.name == node)
    }

    /// The name of the node that answered.
    pub fn local(&self) -> Option<&str> {
        self.members.iter().find(|member| member.local).map(|member| member.name.as_str())
    }

    /// A member of the cluster by name; none on a node that is in no cluster.
    pub fn in_cluster(&self, node: &str) -> Option<&Member> {
        self.member(node).filter(|_| self.name.is_some())
    }

    /// The names of the nodes that are not online.
    pub fn offline(&self) -> impl Iterator<Item = &str> {
        self.members.iter().filter(|member| !member.online).map(|member| member.name.as_str())
    }
}

impl<'a> Cluster<'a> {
    pub(super) fn new(client: &'a Client) -> Self {
        Self { client }
    }

    /// The guests that we may see. `GET /cluster/resources?type=vm`
    pub async fn guests(&self) -> Result<Arc<Vec<Guest>>, Error> {
        self.client.shared(Area::Guests, Request::get("cluster/resources").param("type", "vm")).await
    }

    /// A guest by number, from the list of [`Cluster::guests`]. `None` also if we may not see it.
    ///
    /// As long as no cluster is made, the nodes are asked one by one: the guest that only one of them has is what the cluster's
    /// will be. That none has it is no answer then.
    pub async fn guest(&self, vmid: u32) -> Result<Option<Guest>, Error> {
        let numbered = |guests: &[Guest]| guests.iter().find(|guest| guest.vmid == vmid).cloned();
        let scattered = match self.guests().await {
            Ok(guests) => return Ok(numbered(&guests)),
            Err(error) => error,
        };
        let Error::NoCluster { single, silent, .. } = &scattered else { return Err(scattered) };
        if !silent.is_empty() {
            return Err(scattered);
        }
        let mut found = Vec::new();
        for node in single {
            let Some(alone) = self.client.alone(node)? else { return Err(scattered) };
            found.extend(numbered(&alone.cluster().guests().await?));
        }
        match &found[..] {
            [only] => Ok(Some(only.clone())),
            _ => Err(scattered),
        }
    }

    /// Members and quorum. `GET /cluster/status`
    ///
    /// A node that it shows offline is not asked for anything any more as long as that lasts.
    pub async fn status(&self) -> Result<Arc<ClusterStatus>, Error> {
        self.client.settle().await?;
        let request = Request::get("cluster/status").of_anyone();
        let status: Arc<ClusterStatus> = self.client.shared(Area::Nodes, request).await?;
        if status.quorate {
            status.offline().for_each(|node| self.client.saw_node(node, false));
        }
        Ok(status)
    }

    /// The lowest free guest number. PVE does not reserve it: a creation that finds it taken has to ask again.
    /// `GET /cluster/nextid`
    pub async fn next_id(&self) -> Result<u32, Error> {
        #[derive(Deserialize)]
        #[serde(transparent)]
        struct Vmid(#[serde(deserialize_with = "wire::number")] u32);
        Ok(self.client.call::<Vmid>(Request::get("cluster/nextid")).await?.0)
    }

    /// Running and lately finished tasks of all nodes, ours only without Sys.Audit on `/`. `GET /cluster/tasks`
    pub async fn tasks(&self) -> Result<Arc<Vec<TaskEntry>>, Error> {
        self.client.shared(Area::Tasks, Request::get("cluster/tasks")).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_recorded_status() {
        let answer = r#"[{"id":"cluster","nodes":3,"version":3,"type":"cluster","quorate":1,"name":"pvetest"},
            {"id":"node/pve2","online":1,"type":"node","nodeid":2,"name":"pve2","local":0,"level":"","ip":"127.0.0.12"},
            {"level":"","ip":"127.0.0.11","online":0,"id":"node/pve1","type":"node","nodeid":1,"name":"pve1","local":1}]"#;
        let status: ClusterStatus = serde_json::from_str(answer).unwrap();
        assert_eq!((status.name.as_deref(), status.quorate), (Some("pvetest"), true));
        assert_eq!(status.offline().collect::<Vec<_>>(), ["pve1"]);
        assert_eq!(status.member("pve2").unwrap().nodeid, 2);
    }

    #[test]
    fn a_single_node_is_quorate() {
        let answer =
            r#"[{"type":"node","id":"node/a","name":"a","ip":"192.0.2.1","local":1,"nodeid":0,"online":1,"level":""}]"#;
        let status: ClusterStatus = serde_json::from_str(answer).unwrap();
        assert_eq!((status.name, status.quorate, status.members.len()), (None, true, 1));
    }

    #[test]
    fn reads_guests_old_and_fresh() {
        let answer = r#"[{"id":"qemu/100","vmid":100,"node":"pve1","type":"qemu","name":"a","status":"running","template":0,
              "tags":"prod;web","lock":"backup","hastate":"started","cpu":0.1,"mem":1},
            {"id":"lxc/101","vmid":"101","node":"pve2","type":"lxc","status":"unknown"}]"#;
        let guests: Vec<Guest> = serde_json::from_str(answer).unwrap();
        assert_eq!(guests[0].tags, ["prod".to_owned(), "web".to_owned()].into());
        assert_eq!(guests[0].lock.as_deref(), Some("backup"));
        assert_eq!((guests[1].vmid, guests[1].kind, &guests[1].name), (101, GuestKind::Lxc, &None));
    }
}
