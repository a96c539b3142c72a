//! Nodes by themselves: those that have not joined yet, and those that were removed.
//!
//! Each has a state of its own, as if it were a cluster of one: its own users, keys, storages and tasks. To join means that the
//! node with its disks and tasks goes over to the founder's state, and that the rest of its own is lost.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::Cluster;
use super::access::ROOT;
use super::corosync::{Corosync, Membership, Newcomer};
use super::nodes::Node;
use crate::kernel::clock::Time;
use crate::kernel::faults::OutageKind;
use crate::kernel::tasks::Upid;
use crate::shape::Shape;

/// From `Join request OK` until corosync and the cluster's file system run again.
/// Belief: "seconds"; nobody has measured them.
const RESTART: Duration = Duration::from_secs(4);
/// From the first contact until the node counts as online.
const SYNC: Duration = Duration::from_secs(3);
/// New keys and certificates.
const CERTIFICATES: Duration = Duration::from_secs(2);
/// How long the API of a node does not answer while it takes its new certificate.
const RELOAD: Duration = Duration::from_secs(1);

/// What a node that is in a cluster finds when it looks whether it may join one.
const CLUSTERED: [&str; 3] = [
    "authentication key '/etc/corosync/authkey' already exists",
    "cluster config '/etc/pve/corosync.conf' already exists",
    "corosync is already running, is this node already in a cluster?!",
];

/// Belief: what Perl's HTTP client says of an address where nobody is.
fn nobody_at(host: &str) -> String {
    format!("500 Can't connect to {host}:8006 (No route to host)")
}

/// What a node by itself is about to do.
#[derive(Debug, Clone, Default)]
pub struct Joining {
    /// The peer, its fingerprint and its password for root@pam.
    pub hostname: String,
    /// As `AA:BB:..`.
    pub fingerprint: String,
    /// Of root@pam on the peer.
    pub password: String,
    /// What it brings along.
    pub newcomer: Newcomer,
    /// The task that waits for it.
    pub task: Option<Upid>,
}

/// The single nodes of a cluster's surroundings.
#[derive(Default)]
pub struct Singles {
    pub(super) nodes: BTreeMap<String, Box<Cluster>>,
    /// What every node is when it has just been installed.
    pub(super) installed: BTreeMap<String, Shape>,
    password: Option<String>,
    /// Fingerprints of the certificates that the nodes have as members.
    as_member: BTreeMap<String, String>,
    /// Fingerprints of those that they have by themselves.
    by_itself: BTreeMap<String, String>,
}

impl Singles {
    pub(super) fn canonical(&self) -> Value {
        self.nodes.iter().map(|(node, single)| (node.clone(), single.canonical())).collect()
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &String> {
        self.nodes.keys()
    }

    /// When something happens to one of them next.
    pub(crate) fn next_due(&self) -> Option<Time> {
        self.nodes.values().filter_map(|single| single.events.next_due()).min()
    }

    /// The certificates of a node: by itself, and as a member.
    pub(crate) fn know_certificates(&mut self, node: &str, by_itself: &str, as_member: &str) {
        self.by_itself.insert(node.to_owned(), by_itself.to_owned());
        self.as_member.insert(node.to_owned(), as_member.to_owned());
        if let Some(known) = self.nodes.get_mut(node).and_then(|single| single.nodes.get_mut(node)) {
            by_itself.clone_into(&mut known.fingerprint);
        }
    }

    fn run_until(&mut self, until: Time) {
        self.nodes.values_mut().for_each(|single| single.run_until(until));
    }
}

impl Cluster {
    /// Lets what is due happen at the nodes by themselves too.
    pub(crate) fn run_singles(&mut self, until: Time) {
        self.singles.run_until(until);
    }

    /// What a node sees, and what happens there: the cluster, or its own state if it is a node by itself.
    pub fn at<R>(&mut self, node: &str, work: impl FnOnce(&mut Cluster) -> R) -> R {
        let now = self.now;
        let Some(mut single) = self.singles.nodes.remove(node) else {
            let result = work(self);
            if let Some(joining) = self.joining.take() {
                self.cannot_join(joining);
            }
            return result;
        };
        single.run_until(now);
        let result = work(&mut single);
        let joining = single.joining.take();
        self.singles.nodes.insert(node.to_owned(), single);
        if let Some(joining) = joining {
            let node = node.to_owned();
            self.after(Duration::from_millis(100), move |cluster| cluster.ask_to_join(&node, joining));
        }
        result
    }

    /// The state of a node by itself.
    pub fn single(&mut self, node: &str) -> Option<&mut Cluster> {
        self.singles.nodes.get_mut(node).map(|single| &mut **single)
    }

    /// Whether the node is there, be it a member or not.
    pub fn knows(&self, node: &str) -> bool {
        self.nodes.get(node).is_some() || self.singles.nodes.contains_key(node)
    }

    /// Whether the node is on, be it a member or not.
    pub fn is_on(&self, node: &str) -> bool {
        match self.singles.nodes.get(node) {
            Some(single) => single.nodes.online(node),
            None => self.nodes.online(node),
        }
    }

    /// The password of root@pam, which is the same on every node.
    pub fn set_root_password(&mut self, password: &str) {
        self.access.set_password(ROOT, password);
        self.singles.nodes.values_mut().for_each(|single| single.access.set_password(ROOT, password));
        self.singles.password = Some(password.to_owned());
    }

    /// Nodes that are by themselves when all begins.
    pub(super) fn begin_singles(&mut self, shapes: BTreeMap<String, Shape>, installed: BTreeMap<String, Shape>) {
        self.singles.installed = installed;
        for (node, shape) in shapes {
            self.install(&node, &shape);
        }
    }

    fn install(&mut self, node: &str, shape: &Shape) {
        let seed = self.ids.below(u64::MAX);
        let mut single = Cluster::new(shape, self.profile.clone(), self.now, seed);
        if let Some(password) = &self.singles.password {
            single.access.set_password(ROOT, password);
        }
        if let Some(print) = self.singles.by_itself.get(node)
            && let Some(known) = single.nodes.get_mut(node)
        {
            known.fingerprint.clone_from(print);
        }
        self.singles.nodes.insert(node.to_owned(), Box::new(single));
    }

    /// Installs a node that is no member afresh, and switches it on.
    ///
    /// # Errors
    /// It is a member, or there is no such node.
    pub fn reinstall(&mut self, node: &str) -> Result<(), String> {
        if self.corosync.as_ref().is_some_and(|corosync| corosync.member(node).is_some()) {
            return Err(format!("'{node}' is a member of the cluster"));
        }
        let shape = self.singles.installed.get(node).cloned().ok_or_else(|| format!("no node '{node}'"))?;
        self.install(node, &shape);
        Ok(())
    }

    /// Lets nobody reach the corosync of a node, or lets it be reached again.
    ///
    /// # Errors
    /// It is not a node by itself.
    pub fn block_corosync(&mut self, node: &str, blocked: bool) -> Result<(), String> {
        let single = self.single(node).ok_or_else(|| format!("'{node}' is not a node by itself"))?;
        single.blocked = blocked;
        Ok(())
    }

    /// A member joins nobody, and the node that will found the cluster has nobody to join.
    fn cannot_join(&mut self, joining: Joining) {
        let Some(task) = joining.task else { return };
        let refused = match self.corosync {
            Some(_) => {
                self.log_to(&task, "detected the following error(s):");
                CLUSTERED.iter().for_each(|line| self.log_to(&task, &format!("* {line}")));
                "Check if node may join a cluster failed!".to_owned()
            }
            None => nobody_at(&joining.hostname),
        };
        self.end_task(&task, Err(refused));
    }

    /// The steps of a join that end where the member has answered.
    fn ask_to_join(&mut self, node: &str, joining: Joining) {
        let Some(task) = joining.task.clone() else { return };
        let asked = self.admit(node, &task, joining);
        let now = self.now;
        let Some(single) = self.single(node) else { return };
        match asked {
            Err(text) => single.end_task(&task, Err(text)),
            Ok(()) => {
                single.log_to(&task, "Join request OK, finishing setup locally");
                single.log_to(&task, "stopping pve-cluster service");
                let backup = format!("/var/lib/pve-cluster/backup/config-{}.sql.gz", now.unix());
                single.log_to(&task, &format!("backup old database to '{backup}'"));
                single.closed = true;
                let node = node.to_owned();
                self.after(RESTART, move |cluster| {
                    if let Some(single) = cluster.single(&node) {
                        single.log_to(&task, "waiting for quorum...");
                    }
                    cluster.await_quorum(&node, &task);
                });
            }
        }
    }

    fn admit(&mut self, node: &str, task: &Upid, joining: Joining) -> Result<(), String> {
        let Some(single) = self.single(node) else { return Err("received interrupt".to_owned()) };
        let ip = single.nodes.get(node).map(|node| node.ip.clone()).unwrap_or_default();
        let mut wrong = Vec::new();
        if !single.guests.all.is_empty() {
            wrong.push("this host already contains virtual guests".to_owned());
        }
        if single.corosync.is_some() {
            wrong.extend(CLUSTERED.map(str::to_owned));
        }
        for (link, address) in joining.newcomer.addresses.iter().filter(|(_, address)| **address != ip) {
            wrong.push(format!("link{link}: cannot use IP '{address}', not found on local node!"));
        }
        if !wrong.is_empty() {
            single.log_to(task, "detected the following error(s):");
            wrong.iter().for_each(|line| single.log_to(task, &format!("* {line}")));
            if !joining.newcomer.force {
                return Err("Check if node may join a cluster failed!".to_owned());
            }
            single.log_to(task, "WARNING : detected error but forced to continue!");
        }
        let host = &joining.hostname;
        single.log_to(task, &format!("Establishing API connection with host '{host}'"));
        let peer = self.nodes.iter().find(|peer| peer.on && (peer.ip == *host || peer.name == *host));
        let Some(peer) = peer else { return Err(nobody_at(host)) };
        let print = peer.fingerprint.clone();
        if !print.eq_ignore_ascii_case(&joining.fingerprint) {
            return Err(format!("fingerprint '{print}' not verified, abort!"));
        }
        if !self.access.password_is(ROOT, &joining.password) {
            return Err("401 authentication failure".to_owned());
        }
        let peer = peer.name.clone();
        let fallback = joining.newcomer.addresses.is_empty();
        let mut told = vec!["Login succeeded.".to_owned(), "check cluster join API version".to_owned()];
        if fallback {
            told.push(format!("No cluster network links passed explicitly, fallback to local node IP '{ip}'"));
        }
        told.push("Request addition of this node".to_owned());
        let quorate = self.nodes.quorate(&peer);
        let newcomer = Newcomer { fallback: fallback.then_some(ip), ..joining.newcomer };
        let added = match &mut self.corosync {
            _ if !quorate => Err("cluster not ready - no quorum?".to_owned()),
            None => Err("invalid corosync.conf".to_owned()),
            Some(corosync) => corosync.add(node, newcomer),
        };
        if let Err(text) = &added {
            told.push(format!("An error occurred on the cluster node: {text}"));
        } else {
            // From here on its vote is missed.
            self.nodes.awaited += 1;
            self.nodes.expected = None;
        }
        if let Some(single) = self.single(node) {
            told.iter().for_each(|line| single.log_to(task, line));
        }
        added.map_err(|_| "Cluster join aborted!".to_owned())
    }

    /// Looks once a second whether corosync finds the others, for as long as it takes.
    fn await_quorum(&mut self, node: &str, task: &Upid) {
        let (name, again) = (node.to_owned(), task.clone());
        let Some(single) = self.singles.nodes.get(node) else { return };
        let wanted = self.corosync.as_ref().is_some_and(|corosync| corosync.member(node).is_some());
        if !wanted {
            return;
        }
        // Quorum with its own vote.
        let there = self.nodes.iter().filter(|node| node.on).count() + 1;
        let expected = self.nodes.iter().count() + self.nodes.awaited;
        if single.blocked || !single.nodes.online(node) || 2 * there <= expected {
            self.after(Duration::from_secs(1), move |cluster| cluster.await_quorum(&name, &again));
        } else {
            self.after(SYNC, move |cluster| cluster.become_member(&name, &again));
        }
    }

    /// The node's state is that of the cluster from now on.
    fn become_member(&mut self, node: &str, task: &Upid) {
        let Some(mut single) = self.singles.nodes.remove(node) else { return };
        if !single.nodes.online(node) {
            self.singles.nodes.insert(node.to_owned(), single);
            return self.await_quorum(node, task);
        }
        // One that was started anew meanwhile has lost its task, and finds the others all the same.
        let running = single.tasks.find(task).is_some_and(|task| task.end.is_none());
        if running {
            for line in ["OK", "(re)generate node files", "generate new node certificate", "merge authorized SSH keys"]
            {
                single.log_to(task, line);
            }
        }
        if let Some(mut joined) = single.nodes.take(node) {
            let id = self.corosync.as_ref().and_then(|corosync| corosync.member(node)).map(|member| member.id);
            joined.id = id.unwrap_or(joined.id);
            if let Some(print) = self.singles.as_member.get(node) {
                joined.fingerprint.clone_from(print);
            }
            self.nodes.put(joined);
        }
        self.nodes.awaited = self.nodes.awaited.saturating_sub(1);
        self.tasks.adopt(&mut single.tasks);
        if let Some(ceph) = single.ceph.nodes.remove(node) {
            self.ceph.nodes.insert(node.to_owned(), ceph);
        }
        self.ha.node_joined(node, self.now.seconds());
        let (name, task) = (node.to_owned(), task.clone());
        self.after(CERTIFICATES, move |cluster| {
            if running {
                let last = "generated new node certificate, restart pveproxy and pvedaemon services";
                cluster.log_to(&task, last);
                cluster.log_to(&task, &format!("successfully added node '{name}' to cluster."));
                cluster.end_task(&task, Ok(()));
            }
            cluster.begin_outage(vec![name], OutageKind::Refused, RELOAD);
        });
    }

    /// A node is removed from the cluster. If it runs, it goes on believing that it is a member, without a majority.
    pub fn remove_member(&mut self, node: &str) {
        let before = self.corosync.clone();
        if let Some(corosync) = &mut self.corosync {
            corosync.remove(node);
        }
        let Some(removed) = self.nodes.take(node) else {
            // It was on its way.
            self.nodes.awaited = self.nodes.awaited.saturating_sub(1);
            if let Some(single) = self.single(node) {
                single.corosync = before;
                single.nodes.awaited = single.corosync.as_ref().map_or(0, |c| c.members.len().saturating_sub(1));
            }
            return;
        };
        self.ha.node_left(node);
        let Some(shape) = self.singles.installed.get(node).cloned() else { return };
        self.install(node, &shape);
        if let Some(single) = self.single(node) {
            single.nodes.take(node);
            single.nodes.put(removed);
            single.nodes.awaited = before.as_ref().map_or(0, |corosync| corosync.members.len().saturating_sub(1));
            single.corosync = before;
        }
    }

    /// Corosync's view of a shape's nodes, if they are in a cluster.
    pub(super) fn corosync_of(shape: &Shape, nodes: &[&Node]) -> Option<Corosync> {
        let member = |node: &&Node| Membership {
            node: node.name.clone(),
            id: node.id,
            votes: 1,
            addresses: BTreeMap::from([(0, node.ip.clone())]),
        };
        (nodes.len() > 1).then(|| Corosync::of(&shape.name, nodes.iter().map(member).collect()))
    }
}

#[cfg(test)]
mod tests;
