//! What CRUSH has to place copies on: the members and rules of the cluster, with what this process has planned.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use pve_client::api::ceph::crush::{self as map, Bucket, CrushMap, ReplicatedShape};

use super::placement::{Member, Rule};
use crate::ground::error::{During, Problem};
use crate::ground::ledger::Planned;
use crate::ground::pve::Pve;

/// An OSD that is going to be made, by its node and device (`pve1 /dev/sdb`), until it exists.
impl Planned for Member {
    type Key = String;
}

/// What a rule is going to be, by its name.
impl Planned for Rule {
    type Key = String;
}

/// The bucket that a host is going to be in, by the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its level.
    pub kind: String,
    /// Its name.
    pub bucket: String,
}

impl Planned for Place {
    type Key = String;
}

/// Members, rules and possible hosts, as far as known.
#[derive(Clone, Debug, Default)]
pub struct Topology {
    /// OSDs in the CRUSH map, and planned ones.
    pub members: Vec<Member>,
    /// Replicated rules by name, and planned ones.
    pub rules: BTreeMap<String, Rule>,
    /// Rules of erasure coded pools by name.
    pub chunk_rules: BTreeMap<String, Rule>,
    /// Every host that could hold an OSD: the cluster's nodes. Empty where that is not known: CRUSH has hosts that are none.
    pub hosts: BTreeSet<String>,
}

impl Topology {
    /// What exists. Enough for an apply.
    pub async fn existing(pve: &Pve) -> Result<Self, Problem> {
        let map = crush_map(pve).await?;
        let nodes = pve.client.nodes().list().await.during("Cannot list the cluster's nodes")?;
        let nodes: BTreeSet<String> = nodes.iter().map(|node| node.node.clone()).collect();
        let named = |b: &&Bucket| b.kind == "host" && !nodes.contains(&b.name);
        // Hosts of one's own making and nodes cannot be counted together: which is which, CRUSH does not tell.
        let own_hosts = map.buckets.iter().any(|b| named(&b));
        Ok(Self {
            members: members(&map),
            rules: rules(&map, map::Rule::replicated_shape),
            chunk_rules: rules(&map, map::Rule::erasure_shape),
            hosts: if own_hosts { BTreeSet::new() } else { nodes },
        })
    }

    /// What exists and what this process has planned. Before there is a Ceph, or where it cannot be read, what is
    /// planned and the cluster's nodes are all there is to go by.
    pub async fn planned(pve: &Pve) -> Self {
        let mut topology = match Self::existing(pve).await {
            Ok(topology) => topology,
            Err(problem) => {
                tracing::debug!(?problem, "planning without the CRUSH map");
                let nodes = pve.client.nodes().list().await.map(|n| n.iter().map(|n| n.node.clone()).collect());
                Self { hosts: nodes.unwrap_or_default(), ..Self::default() }
            }
        };
        let planned = pve.ledger.all::<Member>();
        let placed: Vec<Member> = planned.into_iter().map(|member| topology.placed(member)).collect();
        topology.members.extend(placed);
        pve.ledger.with(|places: &mut BTreeMap<String, Place>| {
            for member in &mut topology.members {
                let place = places.get(&member.host);
                member.above.extend(place.map(|place| (place.kind.clone(), place.bucket.clone())));
            }
        });
        topology.rules.extend(pve.ledger.all::<Rule>().into_iter().map(|rule| (rule.name.clone(), rule)));
        topology
    }
}

impl Topology {
    /// The rule by which a pool of either kind is placed, if it is a plain one.
    pub fn rule(&self, name: &str) -> Option<&Rule> {
        self.rules.get(name).or_else(|| self.chunk_rules.get(name))
    }

    /// A planned OSD, below what its host is below already.
    fn placed(&self, member: Member) -> Member {
        match self.members.iter().find(|known| known.host == member.host) {
            Some(known) => Member { above: known.above.clone(), ..member },
            None => member,
        }
    }
}

/// The CRUSH map, shared by all who ask in the same moment.
pub async fn crush_map(pve: &Pve) -> Result<Arc<CrushMap>, Problem> {
    pve.client.ceph().crush().await.during("Cannot read the CRUSH map")
}

fn members(map: &CrushMap) -> Vec<Member> {
    let (mut all, hierarchy) = (Vec::new(), map.hierarchy());
    for device in &map.devices {
        let mut above = BTreeMap::new();
        for bucket in hierarchy.above(&device.name) {
            above.entry(bucket.kind.clone()).or_insert_with(|| bucket.name.clone());
        }
        // An OSD outside of every bucket holds nothing.
        if let Some(host) = above.get("host").cloned() {
            let osd = u32::try_from(device.id).ok();
            all.push(Member { osd, host, device_class: device.class.clone(), above });
        }
    }
    all
}

fn rules(map: &CrushMap, shape: fn(&map::Rule) -> Option<ReplicatedShape>) -> BTreeMap<String, Rule> {
    let known = map.rules.iter().filter_map(|rule| {
        let shape = shape(rule)?;
        let rule = Rule {
            name: rule.name.clone(),
            failure_domain: shape.failure_domain,
            root: shape.root,
            device_class: shape.device_class,
        };
        Some((rule.name.clone(), rule))
    });
    known.collect()
}
