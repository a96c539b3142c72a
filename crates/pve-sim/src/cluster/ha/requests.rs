//! What other parts of the cluster ask of HA: who is managed, and in which state; start and stop by way of HA.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Command, Ha, Resource, Sid, State, partners};
use crate::kernel::locks::Lock;
use crate::kernel::tasks::{Steps, TaskCx};

/// How long the `ha-manager` command takes.
const COMMAND: Duration = Duration::from_millis(700);

impl Ha {
    /// Whether a guest stands in HA's configuration, in whatever state.
    pub fn is_configured(&self, vmid: u32) -> bool {
        self.resource(Sid::vm(vmid)).is_some()
    }

    /// Puts a guest under HA, as `ha-managed` at its creation does.
    ///
    /// # Errors
    /// PVE's text, if it is there already.
    pub fn add(&mut self, resource: Resource) -> Result<(), String> {
        if self.resource(resource.sid).is_some() {
            return Err(format!("resource ID '{}' already defined", resource.sid));
        }
        self.resources.push(resource);
        Ok(())
    }

    /// Takes a guest out of HA and, as `purge` does, out of all rules; whether it was there.
    pub fn remove(&mut self, vmid: u32, purge: bool) -> bool {
        let before = self.resources.len();
        self.resources.retain(|resource| resource.sid != Sid::vm(vmid));
        if purge {
            super::purge(&mut self.rules, Sid::vm(vmid));
        }
        self.resources.len() < before
    }

    /// Who would move along with it, and who keeps it away from the node.
    // Belief: read from pve-ha-manager's `API2/HA/Resources.pm`; no answer with rules was recorded.
    pub fn affected(&self, sid: Sid, node: &str) -> (Vec<Sid>, Vec<Sid>) {
        let rules = self.holding();
        let known = |sid: &Sid| self.crm.services.contains_key(sid) && self.manages(*sid);
        let there =
            |sid: &Sid| self.crm.services.get(sid).is_some_and(|s| s.node == node || s.target.as_deref() == Some(node));
        let together = partners(&rules, sid, true).into_iter().filter(known).collect();
        (together, partners(&rules, sid, false).into_iter().filter(there).collect())
    }

    /// `ha` of a guest's `status/current`: `{managed: 0}` or `{managed: 1, state}`.
    pub fn of_guest(&self, vmid: u32) -> Value {
        if !self.manages(Sid::vm(vmid)) {
            return json!({ "managed": 0 });
        }
        match self.crm.services.get(&Sid::vm(vmid)) {
            Some(service) => json!({ "managed": 1, "state": service.state.name() }),
            None => json!({ "managed": 1 }),
        }
    }

    /// `hastate` of a guest in `/cluster/resources`: the manager's state, before that the one asked for.
    pub fn hastate(&self, vmid: u32) -> Option<&str> {
        let resource = self.resource(Sid::vm(vmid))?;
        let service = self.crm.services.get(&resource.sid);
        Some(service.map_or(resource.state(), |service| service.state.name()))
    }

    /// `hastate` of a node: what the manager last thought of it.
    pub fn node_hastate(&self, node: &str) -> Option<&'static str> {
        self.crm.nodes.get(node).map(|state| state.name())
    }

    /// The refusal of everything but `disabled` for a service in `error`.
    ///
    /// # Errors
    /// PVE's text.
    pub fn must_not_be_in_error(&self, sid: Sid, asked: Option<&str>) -> Result<(), String> {
        let service = self.crm.services.get(&sid).filter(|_| self.manages(sid));
        match service {
            Some(service) if service.state == State::Error && asked != Some("disabled") => {
                Err(format!("service '{sid}' in error state, must be disabled and fixed first"))
            }
            _ => Ok(()),
        }
    }

    /// The work of `hastart`: the resource is asked to be started. The guest runs some rounds later.
    pub fn start_request(sid: Sid) -> Steps {
        command(sid, "start", format!("ha-manager set {sid} --state started"), move |ha| {
            ha.must_not_be_in_error(sid, Some("started"))?;
            let resource = ha.resource_mut(sid).ok_or_else(|| format!("no such resource '{sid}'"))?;
            resource.state = Some("started".to_owned());
            Ok(())
        })
    }

    /// The work of `hamigrate`: the manager is asked to move the guest.
    pub fn migrate_request(vmid: u32, target: String) -> Steps {
        let sid = Sid::vm(vmid);
        // Belief: the verb of the first line, after those of the two others.
        command(sid, "migrate", format!("ha-manager migrate {sid} {target}"), move |ha| {
            ha.must_not_be_in_error(sid, None)?;
            ha.crm.commands.push_back(Command::Migrate(sid, target));
            Ok(())
        })
    }

    /// The work of `hastop`: the manager is asked to stop the guest, by force after `timeout` seconds (0: at once).
    pub fn stop_request(sid: Sid, timeout: u32) -> Steps {
        command(sid, "stop", format!("ha-manager crm-command stop {sid} {timeout}"), move |ha| {
            ha.must_not_be_in_error(sid, None)?;
            ha.crm.commands.push_back(Command::Stop(sid, timeout));
            Ok(())
        })
    }
}

/// A task that runs `ha-manager`; its own words are in the log only.
fn command(
    sid: Sid,
    verb: &'static str,
    line: String,
    work: impl FnOnce(&mut Ha) -> Result<(), String> + Send + 'static,
) -> Steps {
    let begin = move |task: &mut TaskCx<'_>| {
        task.log(format!("Requesting HA {verb} for {} {}", sid.1.word(), sid.0));
        Ok(())
    };
    Steps::new().run(begin).wait(COMMAND).lock(Lock::domain("ha")).run(move |task| {
        work(&mut task.cluster.ha).map_err(|text| {
            task.log(text);
            // Belief: the exit code of a PVE command that dies.
            format!("command '{line}' failed: exit code 255")
        })
    })
}
