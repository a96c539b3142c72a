//! The simulated cluster: one struct of parts, one file (or folder) a part.
//!
//! A part owns its data, its behaviour over time and its canonical form. To add one: a struct in a file of its own with
//! `fn new(&Shape) -> Self` and `fn canonical(&self) -> Value`; a field here; a line in [`Cluster::new`] (also for its
//! rounds: `cluster.every(..)`), one in [`Cluster::canonical`], and one in [`Cluster::set_power`] if it cares for that.

pub mod access;
pub mod acme;
pub mod apt;
pub mod ceph;
pub mod containers;
pub mod corosync;
mod dead_disks;
pub mod firewall;
pub mod guests;
pub mod ha;
pub mod nodes;
pub mod options;
pub(crate) mod partitions;
pub mod pools;
pub mod sections;
pub mod singles;
pub mod storage;
pub(crate) mod terminals;
pub mod units;
pub(crate) mod volume_groups;
pub mod web;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use guests::Kind;

use crate::kernel::clock::Time;
use crate::kernel::concurrency::Concurrency;
use crate::kernel::events::Events;
use crate::kernel::faults::{Faults, Lasting};
use crate::kernel::ids::Ids;
use crate::kernel::locks::Locks;
use crate::kernel::record::Recorded;
use crate::kernel::tasks::Tasks;
use crate::shape::Shape;

/// What differs between the versions that can be simulated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// PVE's version, as `9.2.11`.
    pub pve: String,
    /// PVE's commit, as `14a22df3`.
    pub repoid: String,
    /// Ceph's release, as `20.2`.
    pub ceph: String,
    /// What a disk move reaches, in bytes a second.
    pub bandwidth: Option<u64>,
}

impl Profile {
    /// Whether a container of which nobody says it is unprivileged: since 9.0.
    pub fn unprivileged(&self) -> bool {
        !self.pve.starts_with("8.")
    }

    /// That of a version, as `8.4` or `9.2`, with a third part or without; none if it is not simulated.
    pub fn of(version: &str) -> Option<Self> {
        // Belief: the commit of 8.4.0; Ceph's releases there are Quincy, Reef and Squid.
        let old = Self {
            pve: "8.4.0".to_owned(),
            repoid: "ec58e45e1bcdf2ac".to_owned(),
            ceph: "18.2".to_owned(),
            bandwidth: None,
        };
        [Self::default(), old].into_iter().find(|known| version == known.pve_release() || version == known.pve)
    }

    /// Whether it is one of PVE 8.
    pub fn is_8(&self) -> bool {
        self.pve.starts_with("8.")
    }

    /// The release part of the version: `9.2`.
    pub fn pve_release(&self) -> &str {
        release_of(&self.pve)
    }
}

/// The release part of a version of PVE.
pub(crate) fn release_of(version: &str) -> &str {
    match version.match_indices('.').nth(1) {
        Some((dot, _)) => &version[..dot],
        None => version,
    }
}

impl Default for Profile {
    fn default() -> Self {
        let (pve, repoid) = ("9.2.11".to_owned(), "14a22df3".to_owned());
        Profile { pve, repoid, ceph: "20.2".to_owned(), bandwidth: None }
    }
}

/// The whole state.
pub struct Cluster {
    /// The simulated moment.
    pub now: Time,
    /// The version it plays.
    pub profile: Profile,
    /// Its name.
    pub name: String,
    /// What corosync is told; a node by itself has none.
    pub corosync: Option<corosync::Corosync>,
    /// The nodes around it that are no members.
    pub singles: singles::Singles,
    /// Of a node by itself: the join that was asked for.
    pub(crate) joining: Option<singles::Joining>,
    /// Of a node by itself: its `/etc/pve` is empty, so that it knows nobody.
    pub(crate) closed: bool,
    /// Of a node by itself: nobody reaches its corosync.
    pub(crate) blocked: bool,
    /// Tasks, running and past.
    pub tasks: Tasks,
    /// Who holds which lock.
    pub locks: Locks,
    /// What this run hands out.
    pub ids: Ids,
    /// The nodes with their disks.
    pub nodes: nodes::Nodes,
    /// Users, tokens, roles, access control.
    pub access: access::Access,
    /// Accounts with certificate authorities, and the authorities.
    pub acme: acme::Acme,
    /// `datacenter.cfg`.
    pub options: options::Options,
    /// Resource pools.
    pub pools: pools::Pools,
    /// Plain sections of configuration files.
    pub sections: sections::Sections,
    /// Ceph, as far as it has got; [`Cluster::ceph_now`] brings it up to date.
    pub ceph: ceph::Ceph,
    /// The firewall's rules and groups.
    pub firewall: firewall::Firewall,
    /// `storage.cfg` and the volumes.
    pub storage: storage::Storages,
    /// What nodes reach outside.
    pub web: web::Web,
    /// High availability.
    pub ha: ha::Ha,
    /// Virtual machines.
    pub guests: guests::Guests,
    /// Who takes backups.
    pub dumping: guests::vzdump::Dumping,
    /// What lies in archives that containers are made from.
    pub archives: containers::Archives,
    /// What their agents have in common.
    pub agents: crate::shape::AgentShape,
    /// Terminals that wait for their client, or have one.
    pub(crate) terminals: terminals::Terminals,
    pub(crate) events: Events,
    pub(crate) faults: Faults,
    pub(crate) lasting: Lasting,
    pub(crate) requests: Vec<Recorded>,
    pub(crate) concurrency: Concurrency,
    pub(crate) unmodelled: BTreeMap<String, u64>,
}

impl Cluster {
    /// The cluster of this shape at `now`. `seed` decides what it hands out.
    pub fn new(shape: &Shape, profile: Profile, now: Time, seed: u64) -> Cluster {
        let (shape, singles, installed) = shape.apart();
        let shape = &shape;
        let mut ids = Ids::new(seed);
        let mut nodes = nodes::Nodes::new(shape, now);
        let corosync = Cluster::corosync_of(shape, &nodes.iter().collect::<Vec<_>>());
        let mut ha = ha::Ha::new(&nodes.names(), now.seconds());
        ha.crm.elections = shape.ha.masters.iter().cloned().collect();
        let kind = |vmid: u32| shape.guests.iter().find(|guest| guest.vmid == vmid).map_or(Kind::Qemu, |g| g.kind());
        ha.resources = shape.ha.resources.iter().map(|resource| resource.section(kind(resource.vmid))).collect();
        let access = access::Access::new(shape, &mut ids);
        let ceph = ceph::Ceph::new(&shape.ceph, nodes.all_mut(), &profile.ceph, now.seconds(), &mut ids);
        let mut cluster = Cluster {
            now,
            profile,
            name: shape.name.clone(),
            corosync,
            singles: singles::Singles::default(),
            joining: None,
            closed: false,
            blocked: false,
            tasks: Tasks::default(),
            locks: Locks::default(),
            nodes,
            access,
            acme: acme::Acme::new(&shape.authorities),
            ceph,
            options: options::Options::default(),
            pools: pools::Pools::default(),
            sections: sections::Sections::of_shape(shape),
            firewall: firewall::Firewall::default(),
            storage: storage::Storages::new(shape, now),
            web: web::Web::new(shape),
            ha,
            guests: guests::Guests::default(),
            dumping: guests::vzdump::Dumping::default(),
            archives: containers::Archives::default(),
            agents: shape.agents.clone(),
            terminals: terminals::Terminals::default(),
            ids,
            events: Events::default(),
            faults: Faults::default(),
            lasting: Lasting::default(),
            requests: Vec::new(),
            concurrency: Concurrency::default(),
            unmodelled: BTreeMap::new(),
        };
        // Ceph is brought up to date whenever it is asked; the round keeps its own history short.
        cluster.every(Duration::from_secs(5), |cluster| {
            cluster.ceph_now();
        });
        for guest in &shape.guests {
            cluster.place_guest(guest);
        }
        cluster.begin_ha();
        cluster.begin_singles(singles, installed);
        cluster
    }

    /// Ceph as it is at this moment.
    pub fn ceph_now(&mut self) -> &mut ceph::Ceph {
        self.ceph.advance(self.now.seconds());
        &mut self.ceph
    }

    /// Switches a node on or off. Off means at once, as if its plug were pulled.
    pub fn set_power(&mut self, node: &str, on: bool) {
        let now = self.now;
        if let Some(single) = self.single(node) {
            return single.set_power(node, on);
        }
        if self.nodes.set_power(node, on, now) {
            self.ceph.set_power(node, on, now.seconds());
            if !on {
                self.lose_tasks_of(node);
                let ran = self.guests.lose(node);
                if let Some(node) = self.nodes.get_mut(node) {
                    node.ran = ran;
                }
                self.ha.node_died(node);
            }
        }
    }

    /// Every request that was taken, in order.
    pub fn requests(&self) -> &[Recorded] {
        &self.requests
    }

    /// The state in a form for comparing two runs: stable order, without what a run hands out (ids, uuids, times).
    pub fn canonical(&self) -> Value {
        let singles = self.singles.canonical();
        let mut canonical = json!({
            "name": self.name,
            "nodes": self.nodes.canonical(),
            "access": self.access.canonical(),
            "acme": self.acme.canonical(),
            "options": self.options.canonical(),
            "pools": self.pools.canonical(),
            "sections": self.sections.canonical(),
            "firewall": self.firewall.canonical(),
            "ha": self.ha.canonical(),
            "ceph": self.ceph.canonical(),
            "storage": self.storage.canonical(),
            "guests": self.guests.canonical(),
        });
        if singles != json!({}) {
            canonical["singles"] = singles;
        }
        canonical
    }

    /// Three nodes `pve1`..`pve3`, clock at 2026-11-22T10:00:00Z.
    #[cfg(test)]
    pub(crate) fn for_tests() -> Cluster {
        Cluster::new(&Shape::default(), Profile::default(), Time::from_unix(1_795_341_600), 1)
    }
}
