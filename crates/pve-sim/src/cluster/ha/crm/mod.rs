//! The manager: decides where services run and what happens when something fails.

mod commands;
mod steps;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::lrm::{Lrm, Mode};
use super::{CRM_IDLE, LOCK_LIFE, OFFLINE_DELAY, Place, Resource, Rule, Seconds, Sid, World};

/// A service's state in the manager (`crm_state`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// To be running. Confirmed when [`Service::running`] is set.
    Started,
    /// To be stopped, not confirmed yet.
    RequestStop,
    /// Stopped, and kept so.
    Stopped,
    /// On its way to [`Service::target`].
    Migrate,
    /// The same, stopped before and started afterwards.
    Relocate,
    /// Its node is lost; waiting for its lock.
    Fence,
    /// Its node is fenced; looking for another.
    Recovery,
    /// Given up on until it is disabled.
    Error,
    /// Left alone while HA is disarmed.
    Freeze,
}

impl State {
    /// As PVE spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::RequestStop => "request_stop",
            Self::Stopped => "stopped",
            Self::Migrate => "migrate",
            Self::Relocate => "relocate",
            Self::Fence => "fence",
            Self::Recovery => "recovery",
            Self::Error => "error",
            Self::Freeze => "freeze",
        }
    }
}

/// What the manager knows of a service.
#[derive(Clone, Debug)]
pub struct Service {
    /// Its state.
    pub state: State,
    /// Where it is.
    pub node: String,
    /// Identifies the present order to the LRM; a new one for each decision.
    pub uid: u64,
    /// Where it migrates to.
    pub target: Option<String>,
    /// Its start was confirmed.
    pub running: bool,
    /// Nodes on which it could not be started, in the order tried.
    pub failed_nodes: Vec<String>,
    /// Seconds that a requested stop may take; HA's own if nobody said.
    pub stop_timeout: Option<u32>,
    /// The node that it left for maintenance, and to which it goes back.
    pub maintenance_node: Option<String>,
}

impl Service {
    /// Whether an LRM must hold its lock for it.
    pub fn is_active(&self) -> bool {
        !matches!(self.state, State::Stopped | State::Error | State::Freeze)
    }

    /// Whether it is fenced when its node is lost. What is disabled stays where it is.
    fn is_fenced_with_node(&self, resource: &Resource) -> bool {
        match self.state {
            State::Started | State::RequestStop | State::Migrate | State::Relocate => true,
            State::Stopped => resource.state() != "disabled",
            State::Fence | State::Recovery | State::Error | State::Freeze => false,
        }
    }
}

/// A node's state in the manager.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeState {
    /// Seen in the last round.
    Online,
    /// Missed, not long enough to act.
    Unknown,
    /// Missed for a minute: being fenced.
    Fence,
    /// Alive, and its services are to be elsewhere.
    Maintenance,
}

impl NodeState {
    /// As PVE spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::Unknown => "unknown",
            Self::Fence => "fence",
            Self::Maintenance => "maintenance",
        }
    }
}

/// A queued request of `ha-manager`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Move the service to that node as it is.
    Migrate(Sid, String),
    /// Stop it, move it, start it.
    Relocate(Sid, String),
    /// Stop the service within so many seconds, and keep it stopped.
    Stop(Sid, u32),
    /// Take a node's services elsewhere, or back: `node-maintenance`.
    // Belief: what becomes of it is read from `Manager.pm`; maintenance was not recorded.
    Maintenance(String, bool),
    /// Let go of all services.
    Disarm(Disarm),
    /// Take them up again.
    Arm,
}

/// How disarmed HA treats its services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disarm {
    /// Kept as they are.
    Freeze,
    /// As if not managed.
    Ignore,
}

impl Disarm {
    /// As PVE spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Freeze => "freeze",
            Self::Ignore => "ignore",
        }
    }
}

/// Where a service goes when it is taken up: what is not to run has to be seen stopped.
fn wanted(resource: &Resource) -> State {
    if resource.state() == "started" { State::Started } else { State::RequestStop }
}

/// The manager of the cluster.
#[derive(Clone, Debug, Default)]
pub struct Crm {
    /// The node whose CRM is, or last was, master.
    pub master: Option<String>,
    /// Whether that master holds the lock.
    pub active: bool,
    /// When the manager's status was last written.
    pub timestamp: Seconds,
    /// When it acts next.
    pub next_round: Seconds,
    /// By service.
    pub services: BTreeMap<Sid, Service>,
    /// By node.
    pub nodes: BTreeMap<String, NodeState>,
    /// Requests not yet looked at.
    pub commands: VecDeque<Command>,
    /// Set while HA is disarmed or disarming.
    pub disarm: Option<Disarm>,
    /// Whether all local managers have let go.
    pub disarmed: bool,
    /// Who wins the next elections, in turn. PVE's lock goes to whichever node asks first once it is free; with nothing
    /// here, that is the first node alive.
    pub elections: VecDeque<String>,
    /// The rules that hold, as of the last round.
    pub rules: Vec<Rule>,
    /// The nodes for which maintenance was asked.
    pub maintenance: BTreeSet<String>,
    last_seen: BTreeMap<String, Seconds>,
    /// The master is there but has lost the quorum.
    interrupted: bool,
    lock_until: Seconds,
    busy_at: Seconds,
    next_uid: u64,
}

impl Crm {
    pub(super) fn new(first_round: Seconds) -> Self {
        Self { next_round: first_round, lock_until: f64::NEG_INFINITY, ..Self::default() }
    }

    /// Whether the node is being fenced: its LRM must not take its lock.
    pub fn fences(&self, node: &str) -> bool {
        self.nodes.get(node) == Some(&NodeState::Fence)
    }

    pub(super) fn disarmed_and_ignoring(&self) -> bool {
        self.disarm == Some(Disarm::Ignore)
    }

    /// The node has lost its power: a master there is none any more. Its lock runs out by itself.
    pub(super) fn node_died(&mut self, node: &str) {
        if self.master.as_deref() == Some(node) {
            self.active = false;
        }
    }

    /// When the master on this node last fed the watchdog; `None` if it is not master.
    pub(super) fn fed_watchdog(&self, node: &str) -> Option<Seconds> {
        let master = self.active && self.master.as_deref() == Some(node);
        master.then_some(self.lock_until - LOCK_LIFE)
    }

    pub(super) fn round(
        &mut self,
        now: Seconds,
        resources: &mut [Resource],
        lrm: &mut BTreeMap<String, Lrm>,
        world: &mut dyn World,
    ) {
        if !self.hold_lock(now, resources, world) {
            return;
        }
        self.timestamp = now;
        self.watch_nodes(now, world);
        self.sync_services(resources, world);
        self.run_commands(resources, world);
        if self.disarm.is_some() {
            let let_go = |(node, lrm): (&String, &Lrm)| lrm.mode == Mode::Disarmed || !world.alive(node);
            self.disarmed = lrm.iter().all(let_go);
            return;
        }
        for sid in self.services.keys().copied().collect::<Vec<_>>() {
            self.step(sid, now, resources, lrm, world);
        }
        for (node, state) in &mut self.nodes {
            let fencing = self.services.values().any(|s| s.node == *node && s.state == State::Fence);
            if *state == NodeState::Fence && !fencing {
                *state = NodeState::Unknown;
            }
        }
    }

    /// Whether there is a master in this round, electing one where the old one's lock has run out.
    fn hold_lock(&mut self, now: Seconds, resources: &[Resource], world: &dyn World) -> bool {
        let busy =
            !resources.is_empty() || !self.services.is_empty() || !self.commands.is_empty() || self.disarm.is_some();
        if busy {
            self.busy_at = now;
        }
        let alive = self.active && self.master.as_deref().is_some_and(|m| world.alive(m));
        if alive {
            if !busy && now - self.busy_at >= CRM_IDLE {
                self.active = false;
                self.lock_until = now;
                return false;
            }
            if std::mem::take(&mut self.interrupted) {
                self.saw_all(now, world);
            }
            self.lock_until = now + LOCK_LIFE;
            return true;
        }
        self.interrupted = self.active;
        if !busy || now < self.lock_until {
            return false;
        }
        let winner = self.elections.pop_front().filter(|n| world.alive(n));
        let Some(node) = winner.or_else(|| world.nodes().into_iter().find(|n| world.alive(n))) else { return false };
        self.master = Some(node);
        self.active = true;
        self.interrupted = false;
        self.lock_until = now + LOCK_LIFE;
        self.saw_all(now, world);
        true
    }

    /// A new master has seen nobody yet: it counts from its own first round.
    fn saw_all(&mut self, now: Seconds, world: &dyn World) {
        self.last_seen = world.nodes().into_iter().map(|n| (n, now)).collect();
    }

    fn watch_nodes(&mut self, now: Seconds, world: &dyn World) {
        for node in world.nodes() {
            let state = self.nodes.entry(node.clone()).or_insert(NodeState::Unknown);
            if world.alive(&node) {
                self.last_seen.insert(node.clone(), now);
                let asked = self.maintenance.contains(&node);
                *state = match *state {
                    NodeState::Unknown | NodeState::Online if asked => NodeState::Maintenance,
                    NodeState::Unknown => NodeState::Online,
                    NodeState::Maintenance if !asked => NodeState::Online,
                    other => other,
                };
            } else if matches!(*state, NodeState::Online | NodeState::Maintenance) {
                *state = NodeState::Unknown;
            }
        }
    }

    /// Takes up what was configured since and drops what was taken out; not while HA is disarmed.
    fn sync_services(&mut self, resources: &[Resource], world: &dyn World) {
        if self.disarm.is_some() {
            return;
        }
        self.services.retain(|sid, _| resources.iter().any(|r| r.sid == *sid && r.state() != "ignored"));
        for resource in resources.iter().filter(|r| r.state() != "ignored") {
            if self.services.contains_key(&resource.sid) {
                continue;
            }
            let Some(guest) = world.guest(resource.sid.0) else { continue };
            let (state, uid) = (wanted(resource), self.uid());
            let service = Service {
                state,
                node: guest.node,
                uid,
                target: None,
                running: false,
                failed_nodes: Vec::new(),
                stop_timeout: None,
                maintenance_node: None,
            };
            self.services.insert(resource.sid, service);
        }
    }

    /// The best node for a service by the rules that hold, among equals the one with the fewest services, the first by name
    /// (scheduler `basic`); none of those that were tried. `stay`: it stays where it is if that is as good.
    fn choose(&self, sid: Sid, world: &dyn World, tried: &[String], stay: bool, failback: bool) -> Option<String> {
        let online: BTreeSet<String> =
            world.nodes().into_iter().filter(|n| self.is_online(n) && world.alive(n)).collect();
        let at = |s: &Service| std::iter::once(s.node.clone()).chain(s.target.clone()).collect::<Vec<_>>();
        let others = self.services.iter().map(|(sid, s)| (*sid, at(s))).collect();
        let place = Place { rules: &self.rules, online: &online, others: &others };
        let service = self.services.get(&sid)?;
        let best = place.best(sid, tried);
        if stay {
            // Whoever left for maintenance goes back, whatever failback says.
            if let Some(home) = service.maintenance_node.as_ref().filter(|home| best.contains(*home)) {
                return Some(home.clone());
            }
            if best.contains(&service.node) || (!failback && place.may_stay(sid, &service.node)) {
                return Some(service.node.clone());
            }
        }
        let load = |n: &String| self.services.values().filter(|s| s.node == *n && s.is_active()).count();
        best.into_iter().min_by_key(load)
    }

    fn is_online(&self, node: &str) -> bool {
        self.nodes.get(node) == Some(&NodeState::Online)
    }

    fn lost(&self, node: &str, now: Seconds) -> bool {
        self.nodes.get(node).is_some_and(|s| *s != NodeState::Online)
            && self.nodes.get(node) != Some(&NodeState::Maintenance)
            && self.last_seen.get(node).is_none_or(|seen| now - seen >= OFFLINE_DELAY)
    }

    fn enter(&mut self, sid: Sid, state: State, target: Option<String>) {
        let uid = self.uid();
        let Some(service) = self.services.get_mut(&sid) else { return };
        if matches!(state, State::Stopped | State::RequestStop | State::Fence | State::Freeze) {
            service.failed_nodes.clear();
        }
        service.stop_timeout = None;
        service.running = false;
        service.state = state;
        service.target = target;
        service.uid = uid;
    }

    fn uid(&mut self) -> u64 {
        self.next_uid += 1;
        self.next_uid
    }
}
