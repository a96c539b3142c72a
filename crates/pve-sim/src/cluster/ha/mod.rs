//! The HA manager: what `pve-ha-crm` and `pve-ha-lrm` do, on the simulated clock.
//!
//! One manager (CRM) is master and decides in rounds of 10 s; a local manager (LRM) per node carries out
//! in rounds of 10 s while it holds its lock and of 5 s while it does not. They talk through
//! [`Ha::crm`] and [`Lrm::results`], as PVE's do through `manager_status` and `lrm_status`.
//! Guests, tasks and power belong to the rest of the cluster and are reached through [`World`].
//!
//! Fencing and recovery are held to the recorded death of a node. Belief: what else there is of periods, counts and
//! transitions comes from reading pve-ha-manager 5.2 (`HA/Manager.pm`, `HA/LRM.pm`, `HA/CRM.pm`, `HA/NodeStatus.pm`,
//! `Env/PVE2.pm`).

mod config;
mod crm;
mod lrm;
mod requests;
mod rounds;
mod rules;
mod view;

#[cfg(test)]
mod life_tests;
#[cfg(test)]
mod local_tests;
#[cfg(test)]
mod rule_tests;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use config::{Group, Resource, Sid, digest};
pub use crm::{Command, Crm, Disarm, NodeState, Service, State};
pub use lrm::{ExitCode, Lrm, Mode, Outcome};
pub use rules::{Infeasible, Place, Rule, Says, digest_of_rules, in_force, infeasible, partners, purge};
pub use view::Armed;

/// Seconds of the simulated clock.
pub type Seconds = f64;

/// Period of the master's rounds and of an active LRM's.
pub const ROUND: Seconds = 10.0;
/// Period of an LRM that does not hold its lock.
pub const IDLE_ROUND: Seconds = 5.0;
/// How long a lock outlives its last refresh.
pub const LOCK_LIFE: Seconds = 120.0;
/// How long the master must have missed a node before its services are fenced.
pub const OFFLINE_DELAY: Seconds = 60.0;
/// Age from which a status says `old timestamp - dead?`.
pub const OLD_TIMESTAMP: Seconds = 30.0;
/// How long a node lives on without feeding its watchdog: `watchdog-mux` gives it up after 60 s, the device 10 s later.
pub const WATCHDOG: Seconds = 70.0;
/// Seconds that a stop may take before it is forced, if nobody said otherwise.
pub const STOP_TIMEOUT: u32 = 60;
/// How long the master and an LRM keep their lock without services.
const CRM_IDLE: Seconds = 900.0;
const LRM_IDLE: Seconds = 600.0;

/// Work that an LRM has done by a task of `root@pam` on its node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Job {
    /// `qmstart`
    Start,
    /// `qmshutdown` with a forced stop after that many seconds; `qmstop` for 0.
    Stop {
        /// Seconds until the stop is forced.
        timeout: u32,
    },
    /// `qmigrate` to that node.
    Migrate {
        /// The node to go to.
        target: String,
    },
}

/// Where a guest is and whether it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guest {
    /// The node that owns the configuration.
    pub node: String,
    /// Whether its process runs there.
    pub running: bool,
}

/// The rest of the cluster, as HA sees it.
pub trait World {
    /// All members of the cluster, sorted.
    fn nodes(&self) -> Vec<String>;
    /// Whether the node is up and in the partition that has the quorum.
    fn alive(&self, node: &str) -> bool;
    /// Whether the node is up.
    fn on(&self, node: &str) -> bool;
    /// The node's watchdog has run out: it starts anew.
    fn reset(&mut self, node: &str);
    /// The guest, if it exists.
    fn guest(&self, vmid: u32) -> Option<Guest>;
    /// Starts a task for the guest on the node; its UPID.
    fn begin(&mut self, node: &str, vmid: u32, job: &Job) -> String;
    /// Whether that task still runs.
    fn busy(&self, upid: &str) -> bool;
    /// Recovery: the configuration of a guest of a fenced node now belongs to `to`.
    fn adopt(&mut self, vmid: u32, to: &str);
}

/// All of HA: configuration, manager, local managers.
#[derive(Clone, Debug, Default)]
pub struct Ha {
    /// `/etc/pve/ha/resources.cfg`, in the order of the file.
    pub resources: Vec<Resource>,
    /// `/etc/pve/ha/rules.cfg`, likewise.
    pub rules: Vec<Rule>,
    /// `/etc/pve/ha/groups.cfg` of PVE 8.
    pub groups: BTreeMap<String, Group>,
    /// The manager.
    pub crm: Crm,
    /// The local managers by node.
    pub lrm: BTreeMap<String, Lrm>,
}

impl Ha {
    /// HA of a cluster of those nodes, in which nothing was ever managed. Rounds of the nodes are staggered,
    /// as they are where nodes boot one after the other.
    pub fn new(nodes: &[String], now: Seconds) -> Self {
        let first = |i: u32| now + 1.0 + f64::from(i % 5);
        let lrm = (0..).zip(nodes).map(|(i, node)| (node.clone(), Lrm::new(first(i)))).collect();
        Self { crm: Crm::new(now + 4.0), lrm, ..Self::default() }
    }

    /// The configured resource.
    pub fn resource(&self, sid: Sid) -> Option<&Resource> {
        self.resources.iter().find(|r| r.sid == sid)
    }

    /// The configured resource, to be changed.
    pub fn resource_mut(&mut self, sid: Sid) -> Option<&mut Resource> {
        self.resources.iter_mut().find(|r| r.sid == sid)
    }

    /// Whether HA owns the guest's power state: configured and not `ignored`.
    pub fn manages(&self, sid: Sid) -> bool {
        self.resource(sid).is_some_and(|r| r.state() != "ignored") && !self.crm.disarmed_and_ignoring()
    }

    /// When [`Ha::advance`] has something to do next.
    pub fn next_event(&self) -> Seconds {
        self.lrm.values().map(|l| l.next_round).fold(self.crm.next_round, f64::min)
    }

    /// Does every round that is due at `now`, in the order of their times.
    pub fn advance(&mut self, now: Seconds, world: &mut dyn World) {
        loop {
            let due = self.next_event();
            if due > now {
                return;
            }
            if self.crm.next_round <= due {
                self.crm.next_round = due + ROUND;
                self.crm.rules = self.holding();
                self.crm.round(due, &mut self.resources, &mut self.lrm, world);
                continue;
            }
            let Some(node) = self.lrm.iter().find(|(_, l)| l.next_round <= due).map(|(n, _)| n.clone()) else {
                return;
            };
            self.lrm_round(&node, due, world);
        }
    }

    /// The rules that hold, with PVE 8's groups among them.
    pub fn holding(&self) -> Vec<Rule> {
        let mut rules = in_force(&self.rules, self.crm.nodes.len());
        rules.extend(self.groups.iter().filter_map(|(name, group)| group.as_rule(name, &self.resources)));
        rules
    }

    /// A node has become a member.
    pub fn node_joined(&mut self, node: &str, now: Seconds) {
        self.lrm.insert(node.to_owned(), Lrm::new(now + 1.0));
    }

    /// A node is a member no longer.
    pub fn node_left(&mut self, node: &str) {
        self.node_died(node);
        self.lrm.remove(node);
    }

    /// A node has lost its power, and its managers with it.
    pub fn node_died(&mut self, node: &str) {
        self.crm.node_died(node);
        if let Some(lrm) = self.lrm.get_mut(node) {
            lrm.die();
        }
    }

    fn lrm_round(&mut self, node: &str, now: Seconds, world: &mut dyn World) {
        let Some(lrm) = self.lrm.get_mut(node) else { return };
        if world.alive(node) {
            lrm.round(node, now, &self.resources, &self.crm, world);
        } else if world.on(node) {
            // Without quorum nothing can be written: locks are not refreshed and watchdogs not fed.
            lrm.next_round = now + IDLE_ROUND;
            let fed = [lrm.fed_watchdog(), self.crm.fed_watchdog(node)];
            if fed.into_iter().flatten().any(|fed| now - fed >= WATCHDOG) {
                world.reset(node);
            }
        } else {
            lrm.dead_round(now);
        }
    }
}
