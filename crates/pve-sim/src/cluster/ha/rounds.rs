//! HA's rounds on the cluster's event queue, and the cluster as HA sees it.

use std::time::Duration;

use super::{Guest, Ha, Job, Seconds, World};
use crate::cluster::access::ROOT;
use crate::cluster::guests::migrate::Order;
use crate::cluster::{Cluster, containers};
use crate::kernel::tasks::Upid;

/// How long a node takes from a reset to its services.
// Belief: a server's firmware and boot take about a minute.
const BOOT: Duration = Duration::from_secs(60);

/// Config locks that recovery takes away; `create` and `import` stay.
const STALE_LOCKS: [&str; 9] =
    ["backup", "mounted", "migrate", "clone", "rollback", "snapshot", "snapshot-delete", "suspending", "suspended"];

impl Cluster {
    /// Lets the managers' rounds happen, from now on and for as long as the cluster exists.
    pub(in crate::cluster) fn begin_ha(&mut self) {
        let span = (self.ha.next_event() - self.now.seconds()).max(0.0);
        self.after(Duration::from_secs_f64(span), |cluster| {
            let due = cluster.ha.next_event().max(cluster.now.seconds());
            cluster.ha_until(due);
            cluster.begin_ha();
        });
    }

    fn ha_until(&mut self, now: Seconds) {
        let mut ha = std::mem::take(&mut self.ha);
        let mut view = View { cluster: self, reset: Vec::new() };
        ha.advance(now, &mut view);
        let reset = view.reset;
        self.ha = ha;
        for node in reset {
            self.reset_node(&node);
        }
    }

    /// `ha-manager crm-command node-maintenance`, given on a node: queued for the manager, as all its commands are.
    // Belief: the refusals, read from pve-ha-manager's `CLI/ha_manager.pm`.
    pub(crate) fn ask_for_maintenance(&mut self, on: &str, node: &str, enable: bool) -> Result<(), String> {
        if !self.nodes.quorate(on) {
            return Err("cluster not ready - no quorum?".to_owned());
        }
        if !self.nodes.names().iter().any(|name| name == node) {
            return Err(format!("node '{node}' does not exist"));
        }
        self.ha.crm.commands.push_back(super::Command::Maintenance(node.to_owned(), enable));
        Ok(())
    }

    /// A node's watchdog bites: its power is gone for a moment, and it boots.
    pub fn reset_node(&mut self, node: &str) {
        self.set_power(node, false);
        let Some(known) = self.nodes.get_mut(node) else { return };
        known.booting = true;
        let (off, node) = (known.off_since, node.to_owned());
        self.after(BOOT, move |cluster| {
            if cluster.nodes.get(&node).is_some_and(|n| n.booting && n.off_since == off) {
                cluster.set_power(&node, true);
            }
        });
    }
}

/// The cluster, without its HA.
struct View<'a> {
    cluster: &'a mut Cluster,
    /// Nodes whose watchdog has run out in this round.
    reset: Vec<String>,
}

impl World for View<'_> {
    fn nodes(&self) -> Vec<String> {
        let mut nodes = self.cluster.nodes.names();
        nodes.sort();
        nodes
    }

    fn alive(&self, node: &str) -> bool {
        self.cluster.nodes.quorate(node)
    }

    fn on(&self, node: &str) -> bool {
        self.cluster.nodes.online(node)
    }

    fn reset(&mut self, node: &str) {
        self.reset.push(node.to_owned());
    }

    fn guest(&self, vmid: u32) -> Option<Guest> {
        let guest = self.cluster.guests.get(vmid)?;
        Some(Guest { node: guest.node.clone(), running: guest.is_running() })
    }

    fn begin(&mut self, node: &str, vmid: u32, job: &Job) -> String {
        let upid = match job {
            Job::Start => self.cluster.ha_start(node, vmid),
            Job::Stop { timeout } => self.cluster.ha_stop(node, vmid, u64::from(*timeout)),
            Job::Migrate { target } => {
                if self.cluster.guests.get(vmid).is_some_and(|guest| guest.is_container()) {
                    let steps = containers::migrate::by_ha(vmid, target.clone());
                    return self.cluster.start_task(node, ROOT, "vzmigrate", vmid.to_string(), steps).to_string();
                }
                let steps = Order::of_ha(vmid, target.clone()).steps();
                self.cluster.start_task(node, ROOT, "qmigrate", vmid.to_string(), steps)
            }
        };
        upid.to_string()
    }

    fn busy(&self, upid: &str) -> bool {
        let upid = Upid::parse(upid);
        upid.and_then(|upid| self.cluster.tasks.find(&upid)).is_some_and(|task| task.end.is_none())
    }

    fn adopt(&mut self, vmid: u32, to: &str) {
        self.cluster.guests.adopt(vmid, to);
        let Some(guest) = self.cluster.guests.get_mut(vmid) else { return };
        if guest.config.lock().is_some_and(|lock| STALE_LOCKS.contains(&lock)) {
            guest.config.values.remove("lock");
        }
    }
}

impl Ha {
    /// HA in a form for comparing two runs.
    pub(crate) fn canonical(&self) -> serde_json::Value {
        let resource = |r: &super::Resource| {
            serde_json::json!({
                "sid": r.sid.to_string(),
                "state": r.state,
                "max_restart": r.max_restart,
                "max_relocate": r.max_relocate,
                "failback": r.failback,
                "group": r.group,
                "comment": r.comment,
            })
        };
        let mut resources: Vec<_> = self.resources.iter().collect();
        resources.sort_by_key(|r| r.sid);
        let services = self.crm.services.iter().map(|(sid, s)| (sid.to_string(), s.state.name().into()));
        let rule = |r: &super::Rule| {
            serde_json::json!({
                "rule": r.id,
                "type": r.kind(),
                "resources": r.resources(),
                "nodes": r.nodes(),
                "says": format!("{:?}", r.says),
                "disable": r.disable,
                "comment": r.comment,
            })
        };
        let mut rules: Vec<_> = self.rules.iter().collect();
        rules.sort_by_key(|r| r.id.clone());
        serde_json::json!({
            "rules": rules.into_iter().map(rule).collect::<Vec<_>>(),
            "groups": format!("{:?}", self.groups),
            "resources": resources.into_iter().map(resource).collect::<Vec<_>>(),
            "services": services.collect::<serde_json::Map<_, _>>(),
        })
    }
}
