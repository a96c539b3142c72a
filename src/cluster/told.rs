//! `pve_cluster`, `pve_cluster_member` and `pve_cluster_members`, as data sources: what corosync is told, and what it sees.

use std::collections::BTreeMap;

use pve_client::{Area, Request, wire};
use serde::Deserialize;
use serde_json::{Map, Value};
use terraform_plugin::{Cx, DataSource, Error, Model, Need, Nested};

use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;

/// The cluster: its name, the networks that its members talk over, and its members.
///
/// On a node that is in no cluster, `name` is null, and there are no links and no members. As long as none of several endpoints
/// is in a cluster this is an error.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "cluster", area = "Cluster")]
pub struct ClusterFacts {
    /// Its name; null on a node that is in none.
    #[attr(computed)]
    pub name: Option<String>,
    /// Whether a majority of the votes is there. A node that is in no cluster needs nobody's consent.
    #[attr(computed)]
    pub quorate: Option<bool>,
    /// How often `corosync.conf` was changed.
    #[attr(computed)]
    pub config_version: Option<u64>,
    /// The networks by number, from `"0"` to `"7"`.
    #[attr(computed)]
    pub links: Option<BTreeMap<String, LinkFacts>>,
    /// The members by name.
    #[attr(computed)]
    pub members: Option<BTreeMap<String, MemberFacts>>,
}

/// One of the networks.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct LinkFacts {
    /// The link with the highest one is used as long as it works.
    #[attr(computed)]
    pub priority: Option<u8>,
}

/// A member of the cluster.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct MemberFacts {
    /// Its number in corosync.
    #[attr(computed)]
    pub id: Option<u32>,
    /// How many votes it has.
    #[attr(computed)]
    pub votes: Option<u32>,
    /// Its addresses in the networks by the number of the link.
    #[attr(computed)]
    pub links: Option<BTreeMap<String, String>>,
    /// The address that its name stands for; null as long as it was never seen.
    #[attr(computed)]
    pub address: Option<String>,
    /// Whether corosync sees it.
    #[attr(computed)]
    pub online: Option<bool>,
    /// SHA-256 fingerprint of its certificate, as the cluster tells it.
    #[attr(computed)]
    pub ssl_fingerprint: Option<String>,
}

/// A member of the cluster.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "cluster_member", area = "Cluster")]
pub struct OneMember {
    /// The node's name.
    #[attr(required, length = 1..)]
    pub node: String,
    /// What there is to tell of it.
    #[attr(computed)]
    pub member: Option<MemberFacts>,
}

/// The members of the cluster, online or not.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "cluster_members", area = "Cluster")]
pub struct AllMembers {
    /// The members by name. None on a node that is in no cluster.
    #[attr(computed)]
    pub members: Option<BTreeMap<String, MemberFacts>>,
}

/// An entry of `GET /cluster/config/nodes`: a section of `corosync.conf`, all of it text.
#[derive(Clone, Debug, Deserialize)]
struct Section {
    node: String,
    #[serde(default, deserialize_with = "wire::opt_number")]
    nodeid: Option<u32>,
    #[serde(default, deserialize_with = "wire::opt_number")]
    quorum_votes: Option<u32>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

impl Section {
    fn links(&self) -> BTreeMap<String, String> {
        let link = |(key, value): (&String, &Value)| {
            let number = key.strip_prefix("ring")?.strip_suffix("_addr")?;
            Some((number.to_owned(), value.as_str()?.to_owned()))
        };
        self.rest.iter().filter_map(link).collect()
    }
}

/// `GET /cluster/config/totem`; nothing on a node that is in no cluster.
#[derive(Clone, Debug, Default, Deserialize)]
struct Totem {
    #[serde(default, deserialize_with = "wire::opt_number")]
    config_version: Option<u64>,
    #[serde(default)]
    interface: BTreeMap<String, Interface>,
}

#[derive(Clone, Debug, Deserialize)]
struct Interface {
    #[serde(default, deserialize_with = "wire::opt_number")]
    knet_link_priority: Option<u8>,
}

async fn members(cx: &Cx<Pve>) -> Result<BTreeMap<String, MemberFacts>, Problem> {
    let doing = "Cannot list the cluster's members";
    let status = cx.client.cluster().status().await.during(doing)?;
    if status.name.is_none() {
        return Ok(BTreeMap::new());
    }
    let sections = cx.client.shared::<Vec<Section>>(Area::Nodes, Request::get("cluster/config/nodes"));
    let sections = sections.await.during(doing)?;
    let nodes = cx.client.nodes().list().await.during(doing)?;
    let of = |section: &Section| {
        let seen = status.member(&section.node);
        let node = nodes.iter().find(|entry| entry.node == section.node);
        let facts = MemberFacts {
            id: section.nodeid,
            votes: section.quorum_votes,
            links: Some(section.links()),
            address: seen.and_then(|member| member.ip.clone()),
            online: Some(seen.is_some_and(|member| member.online)),
            ssl_fingerprint: node.and_then(|entry| entry.ssl_fingerprint.clone()),
        };
        (section.node.clone(), facts)
    };
    Ok(sections.iter().map(of).collect())
}

impl DataSource<Pve> for ClusterFacts {
    fn needs() -> Vec<Need> {
        vec![Need::to_plan("/", &["Sys.Audit"])]
    }

    async fn read(cx: &Cx<Pve>, _config: Self) -> Result<Self, Error> {
        let doing = "Cannot look at the cluster";
        let status = cx.client.cluster().status().await.during(doing)?;
        let totem = match status.name {
            Some(_) => cx.client.call::<Option<Totem>>(Request::get("cluster/config/totem")).await.during(doing)?,
            None => None,
        }
        .unwrap_or_default();
        let links = totem.interface.into_iter();
        let links = links.map(|(number, one)| (number, LinkFacts { priority: one.knet_link_priority.or(Some(0)) }));
        Ok(Self {
            name: status.name.clone(),
            quorate: Some(status.quorate),
            config_version: totem.config_version,
            links: Some(links.collect()),
            members: Some(members(cx).await?),
        })
    }
}

impl DataSource<Pve> for OneMember {
    fn needs() -> Vec<Need> {
        vec![Need::to_plan("/", &["Sys.Audit"])]
    }

    async fn read(cx: &Cx<Pve>, config: Self) -> Result<Self, Error> {
        let mut all = members(cx).await?;
        match all.remove(&config.node) {
            Some(member) => Ok(Self { member: Some(member), ..config }),
            None => {
                let summary = format!("Node \"{}\" is no member of the cluster", config.node);
                Err(Error::new(
                    summary,
                    format!("Its members: {}.", all.keys().cloned().collect::<Vec<_>>().join(", ")),
                )
                .at("node"))
            }
        }
    }
}

impl DataSource<Pve> for AllMembers {
    fn needs() -> Vec<Need> {
        vec![Need::to_plan("/", &["Sys.Audit"])]
    }

    async fn read(cx: &Cx<Pve>, _config: Self) -> Result<Self, Error> {
        Ok(Self { members: Some(members(cx).await?) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_of_corosyncs_configuration_is_read_as_it_was_recorded() {
        let recorded = r#"{"nodeid":"1","name":"pve1","quorum_votes":"1","ring0_addr":"10.98.76.11","ring1_addr":"fd00::1","node":"pve1"}"#;
        let section: Section = serde_json::from_str(recorded).unwrap();
        assert_eq!((section.node.as_str(), section.nodeid, section.quorum_votes), ("pve1", Some(1), Some(1)));
        let links = [("0", "10.98.76.11"), ("1", "fd00::1")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        assert_eq!(section.links(), links.into());
        let totem = r#"{"cluster_name":"lab","version":"2","config_version":"1","interface":{"0":{"linknumber":"0","knet_link_priority":"10"},
            "1":{"linknumber":"1"}},"link_mode":"passive","secauth":"on"}"#;
        let totem: Totem = serde_json::from_str(totem).unwrap();
        assert_eq!((totem.config_version, totem.interface["0"].knet_link_priority), (Some(1), Some(10)));
        assert_eq!(totem.interface["1"].knet_link_priority, None);
    }
}
