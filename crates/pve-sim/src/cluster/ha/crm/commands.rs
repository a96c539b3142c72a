//! What is asked of the manager: moves, stops, laying HA to rest and waking it.

use super::{Command, Crm, Disarm, Service, State, wanted};
use crate::cluster::ha::{Resource, Sid, World, partners};

impl Crm {
    /// Looks at every request since the last round.
    pub(super) fn run_commands(&mut self, resources: &mut [Resource], world: &dyn World) {
        for command in std::mem::take(&mut self.commands) {
            match command {
                Command::Arm => self.arm(resources, world),
                Command::Disarm(how) => self.begin_disarm(how),
                // While HA is disarmed, requests are dropped.
                _ if self.disarm.is_some() => {}
                Command::Maintenance(node, true) => drop(self.maintenance.insert(node)),
                Command::Maintenance(node, false) => drop(self.maintenance.remove(&node)),
                Command::Migrate(sid, target) => self.request_move(sid, State::Migrate, target),
                Command::Relocate(sid, target) => self.request_move(sid, State::Relocate, target),
                Command::Stop(sid, timeout) => self.request_stop(sid, timeout, resources),
            }
        }
    }

    fn request_move(&mut self, sid: Sid, how: State, target: String) {
        let Some(service) = self.services.get(&sid) else { return };
        let there = |service: &Service| service.node == target || service.target.as_ref() == Some(&target);
        let apart = partners(&self.rules, sid, false);
        if there(service) || apart.iter().any(|other| self.services.get(other).is_some_and(there)) {
            return;
        }
        let together = partners(&self.rules, sid, true);
        let group = std::iter::once(sid).chain(together);
        let moving: Vec<Sid> = group.filter(|sid| self.services.get(sid).is_some_and(|s| !there(s))).collect();
        for sid in moving {
            self.move_one(sid, how, target.clone());
        }
    }

    fn move_one(&mut self, sid: Sid, how: State, target: String) {
        let Some(service) = self.services.get(&sid) else { return };
        let may = matches!(service.state, State::Started | State::Stopped);
        // From a node that is missed nothing is moved: it is fenced, or comes back.
        let from_here = service.state == State::Stopped || self.is_online(&service.node);
        if may && from_here && self.is_online(&target) {
            self.enter(sid, how, Some(target));
        }
    }

    /// A stop asked for at the guest, not at its resource: the manager writes the resource.
    fn request_stop(&mut self, sid: Sid, timeout: u32, resources: &mut [Resource]) {
        let Some(service) = self.services.get(&sid).filter(|s| s.state == State::Started) else { return };
        if !self.is_online(&service.node) {
            return;
        }
        if let Some(resource) = resources.iter_mut().find(|r| r.sid == sid) {
            resource.state = Some("stopped".to_owned());
        }
        self.enter(sid, State::RequestStop, None);
        if let Some(service) = self.services.get_mut(&sid) {
            service.stop_timeout = Some(timeout);
        }
    }

    fn begin_disarm(&mut self, how: Disarm) {
        if self.disarm.is_some() {
            return;
        }
        let moving = |s: &Service| matches!(s.state, State::Fence | State::Recovery | State::Migrate | State::Relocate);
        if self.services.values().any(moving) {
            self.commands.push_back(Command::Disarm(how));
            return;
        }
        (self.disarm, self.disarmed) = (Some(how), false);
        if how == Disarm::Freeze {
            for (sid, state) in self.services.iter().map(|(sid, s)| (*sid, s.state)).collect::<Vec<_>>() {
                if state != State::Error {
                    self.enter(sid, State::Freeze, None);
                }
            }
        }
    }

    fn arm(&mut self, resources: &[Resource], world: &dyn World) {
        (self.disarm, self.disarmed) = (None, false);
        for sid in self.services.keys().copied().collect::<Vec<_>>() {
            let Some(service) = self.services.get_mut(&sid) else { continue };
            // Guests may have been moved meanwhile.
            if let Some(guest) = world.guest(sid.0) {
                service.node = guest.node;
            }
            let resource = resources.iter().find(|r| r.sid == sid);
            if let (State::Freeze, Some(resource)) = (service.state, resource) {
                self.enter(sid, wanted(resource), None);
            }
        }
    }
}
