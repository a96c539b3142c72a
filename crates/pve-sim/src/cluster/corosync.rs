//! `corosync.conf`: the cluster's name, its members and their votes.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use sha1::{Digest, Sha1};

use crate::kernel::clock::Time;

/// What corosync is told.
#[derive(Debug, Clone)]
pub struct Corosync {
    /// The cluster's name.
    pub name: String,
    /// Counts its changes.
    pub version: u64,
    /// `token_coefficient`.
    pub token_coefficient: u64,
    /// The links, with their priority.
    pub links: BTreeMap<u32, u32>,
    /// The members, in the order in which they came.
    pub members: Vec<Membership>,
    /// Since when `/cluster/status` tells of it.
    pub told_from: Time,
}

/// A node as corosync knows it.
#[derive(Debug, Clone)]
pub struct Membership {
    /// The node.
    pub node: String,
    /// Its number.
    pub id: u32,
    /// How many votes it has.
    pub votes: u32,
    /// Its address on each link.
    pub addresses: BTreeMap<u32, String>,
}

/// What a node brings along that is to become a member.
#[derive(Debug, Clone, Default)]
pub struct Newcomer {
    /// Its number, if it wants a certain one.
    pub id: Option<u32>,
    /// How many votes it wants.
    pub votes: Option<u32>,
    /// Its address on each link.
    pub addresses: BTreeMap<u32, String>,
    /// What stands for the only link, if none was named.
    pub fallback: Option<String>,
    /// Takes the place of a node of the same name, number and votes.
    pub force: bool,
}

impl Corosync {
    /// A cluster of one node.
    pub fn new(name: &str, founder: Membership, links: BTreeMap<u32, u32>, token_coefficient: u64, now: Time) -> Self {
        let (name, members) = (name.to_owned(), vec![founder]);
        Corosync { name, version: 1, token_coefficient, links, members, told_from: now }
    }

    /// A cluster that has been there for long: each member came by one change.
    pub fn of(name: &str, members: Vec<Membership>) -> Self {
        let version = members.len().try_into().unwrap_or(u64::MAX);
        let told_from = Time::from_unix(0);
        let links = BTreeMap::from([(0, 0)]);
        Corosync { name: name.to_owned(), version, token_coefficient: 125, links, members, told_from }
    }

    /// A member by the node's name.
    pub fn member(&self, node: &str) -> Option<&Membership> {
        self.members.iter().find(|member| member.node == node)
    }

    /// The member of this name or address.
    pub fn known_as(&self, name: &str) -> Option<&Membership> {
        let address = |member: &Membership| member.addresses.values().any(|address| address == name);
        self.members.iter().find(|member| member.node == name || address(member))
    }

    /// Makes a node a member.
    ///
    /// # Errors
    /// What PVE says of an address, a link or a name that does not fit.
    pub fn add(&mut self, node: &str, newcomer: Newcomer) -> Result<(), String> {
        let Newcomer { id, votes, mut addresses, fallback, force } = newcomer;
        if let Some(known) = self.member(node) {
            let same = id.is_none_or(|id| id == known.id) && votes.is_none_or(|votes| votes == known.votes);
            if !(force && same) {
                return Err(format!("can't add existing node '{node}'"));
            }
            self.members.retain(|member| member.node != node);
        }
        if addresses.is_empty() {
            let [link] = self.links.keys().copied().collect::<Vec<_>>()[..] else {
                return Err("no links given but multiple links found on other nodes, fallback only supported on \
                            single-link clusters"
                    .to_owned());
            };
            let Some(address) = fallback else {
                return Err("no links and no fallback ip (new_node_ip) given, cannot join cluster".to_owned());
            };
            addresses.insert(link, address);
        }
        for (link, address) in &addresses {
            if !self.links.contains_key(link) {
                return Err(format!("corosync: link {link} specified for new node doesn't exist in cluster config"));
            }
            let owner = self.members.iter().find(|member| member.addresses.get(link) == Some(address));
            if let Some(owner) = owner {
                let other = &owner.node;
                return Err(format!(
                    "corosync: address '{address}' already used on link ring{link}_addr by node '{other}'"
                ));
            }
        }
        if let Some(link) = self.links.keys().find(|link| !addresses.contains_key(link)) {
            return Err(format!("corosync: link {link} exists in cluster config but wasn't specified for new node"));
        }
        let free = (1..).find(|id| !self.members.iter().any(|member| member.id == *id));
        let id = id.or(free).unwrap_or(u32::MAX);
        self.members.push(Membership { node: node.to_owned(), id, votes: votes.unwrap_or(1), addresses });
        self.version += 1;
        Ok(())
    }

    /// A node is a member no longer.
    pub fn remove(&mut self, node: &str) {
        self.members.retain(|member| member.node != node);
        self.version += 1;
    }

    /// The section `totem`. Every value in it is text.
    pub fn totem(&self) -> Value {
        let interface = |(link, priority): (&u32, &u32)| {
            let mut entry = json!({ "linknumber": link.to_string() });
            if *priority > 0 {
                entry["knet_link_priority"] = priority.to_string().into();
            }
            (link.to_string(), entry)
        };
        json!({
            "version": "2",
            "secauth": "on",
            "cluster_name": self.name,
            "config_version": self.version.to_string(),
            "ip_version": "ipv4-6",
            "link_mode": "passive",
            "token_coefficient": self.token_coefficient.to_string(),
            "interface": self.links.iter().map(interface).collect::<Map<_, _>>(),
        })
    }

    /// SHA-1 of the file.
    pub fn digest(&self) -> String {
        let members: Vec<Value> = self.members.iter().map(Membership::entry).collect();
        hex::encode(Sha1::digest(json!([self.totem(), members]).to_string()))
    }
}

impl Membership {
    /// Its entry in the list of nodes. Every value in it is text.
    pub fn entry(&self) -> Value {
        let mut entry = json!({
            "name": self.node,
            "nodeid": self.id.to_string(),
            "quorum_votes": self.votes.to_string(),
        });
        for (link, address) in &self.addresses {
            entry[format!("ring{link}_addr")] = address.as_str().into();
        }
        entry
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lab() -> Corosync {
        let founder = Membership {
            node: "pve1".into(),
            id: 1,
            votes: 1,
            addresses: BTreeMap::from([(0, "10.0.0.1".to_owned())]),
        };
        Corosync::new("lab", founder, BTreeMap::from([(0, 10)]), 125, Time::from_unix(0))
    }

    fn at(address: &str) -> Newcomer {
        Newcomer { fallback: Some(address.to_owned()), ..Newcomer::default() }
    }

    #[test]
    fn each_newcomer_has_a_number_and_an_address_of_its_own() {
        let mut lab = lab();
        lab.add("pve2", at("10.0.0.2")).unwrap();
        lab.add("pve3", Newcomer { id: Some(7), ..at("10.0.0.3") }).unwrap();
        lab.remove("pve2");
        lab.add("pve4", at("10.0.0.4")).unwrap();
        assert_eq!(lab.members.iter().map(|m| m.id).collect::<Vec<_>>(), [1, 7, 2]);
        assert_eq!(lab.version, 5);
        assert_eq!(lab.known_as("10.0.0.3").unwrap().node, "pve3");
    }

    #[test]
    fn what_does_not_fit_is_told_in_pves_words() {
        let mut lab = lab();
        let on = |link: u32, address: &str| Newcomer {
            addresses: BTreeMap::from([(link, address.to_owned())]),
            ..Newcomer::default()
        };
        for (node, newcomer, words) in [
            ("pve1", at("10.0.0.2"), "can't add existing node 'pve1'"),
            ("pve2", at("10.0.0.1"), "address '10.0.0.1' already used on link ring0_addr by node 'pve1'"),
            ("pve2", on(1, "10.1.0.2"), "link 1 specified for new node doesn't exist"),
            ("pve2", Newcomer::default(), "no links and no fallback ip"),
        ] {
            let refused = lab.add(node, newcomer).unwrap_err();
            assert!(refused.contains(words), "{refused}");
        }
        lab.links.insert(1, 0);
        assert!(lab.add("pve2", at("10.0.0.2")).unwrap_err().contains("multiple links found"));
        assert!(lab.add("pve2", on(0, "10.0.0.2")).unwrap_err().contains("link 1 exists in cluster config"));
        assert_eq!(lab.version, 1);
    }
}
