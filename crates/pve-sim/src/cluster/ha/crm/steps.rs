//! One round of one service: from state to state.

use std::collections::BTreeMap;

use super::{Crm, NodeState, State, wanted};
use crate::cluster::ha::{ExitCode, Lrm, Resource, Seconds, Sid, World};

impl Crm {
    /// Decides for one service.
    pub(super) fn step(
        &mut self,
        sid: Sid,
        now: Seconds,
        resources: &[Resource],
        lrm: &mut BTreeMap<String, Lrm>,
        world: &mut dyn World,
    ) {
        let Some(resource) = resources.iter().find(|r| r.sid == sid) else { return };
        let Some(service) = self.services.get(&sid) else { return };
        if service.is_fenced_with_node(resource) && self.lost(&service.node, now) {
            let node = service.node.clone();
            self.nodes.insert(node, NodeState::Fence);
            self.enter(sid, State::Fence, None);
        }
        let Some(service) = self.services.get(&sid) else { return };
        let result = lrm.get(&service.node).and_then(|l| l.results.get(&service.uid)).map(|outcome| outcome.exit);
        match service.state {
            // Nothing is decided for a node that is missed but not yet given up.
            State::Started if !self.is_online(&service.node) && !self.leaves(&service.node) => {}
            State::Started => self.step_started(sid, resource, result, world),
            State::RequestStop => match result {
                Some(ExitCode::Ok) => self.enter(sid, State::Stopped, None),
                Some(ExitCode::Error) => self.enter(sid, State::Error, None),
                None => {}
            },
            State::Stopped if resource.state() == "started" => self.enter(sid, State::Started, None),
            State::Migrate | State::Relocate => self.step_migrate(sid, resource, result),
            State::Fence => self.step_fence(sid, now, lrm, resource, world),
            State::Recovery => self.recover(sid, resource, world),
            State::Error if resource.state() == "disabled" => self.enter(sid, State::Stopped, None),
            State::Stopped | State::Error | State::Freeze => {}
        }
    }

    fn step_started(&mut self, sid: Sid, resource: &Resource, result: Option<ExitCode>, world: &dyn World) {
        if matches!(resource.state(), "stopped" | "disabled") {
            return self.enter(sid, State::RequestStop, None);
        }
        let Some(service) = self.services.get_mut(&sid) else { return };
        match result {
            Some(ExitCode::Ok) => {
                service.running = true;
                service.failed_nodes.clear();
            }
            Some(ExitCode::Error) => {
                service.running = false;
                let node = service.node.clone();
                service.failed_nodes.push(node.clone());
                if service.failed_nodes.len() > resource.max_relocate() as usize {
                    return self.enter(sid, State::Error, None);
                }
                let tried = service.failed_nodes.clone();
                match self.choose(sid, world, &tried, false, true) {
                    Some(target) if target != node => self.enter(sid, State::Migrate, Some(target)),
                    _ => self.enter(sid, State::Started, None),
                }
            }
            None => {}
        }
        let failback = resource.failback.unwrap_or(true);
        let Some(target) = self.choose(sid, world, &[], true, failback) else { return };
        let leaves = self.services.get(&sid).map(|s| s.node.clone()).filter(|node| *node != target);
        let Some(from) = leaves else { return };
        let away = self.leaves(&from);
        self.enter(sid, State::Migrate, Some(target));
        if let Some(service) = self.services.get_mut(&sid).filter(|_| away) {
            service.maintenance_node.get_or_insert(from);
        }
    }

    /// Whether the node's services are to be elsewhere.
    fn leaves(&self, node: &str) -> bool {
        self.nodes.get(node) == Some(&NodeState::Maintenance)
    }

    fn step_migrate(&mut self, sid: Sid, resource: &Resource, result: Option<ExitCode>) {
        let Some(service) = self.services.get_mut(&sid) else { return };
        let Some(exit) = result else { return };
        if let (ExitCode::Ok, Some(target)) = (exit, service.target.take()) {
            service.node = target;
        }
        // Back at home, it has none to go back to.
        service.maintenance_node.take_if(|home| *home == service.node);
        self.enter(sid, wanted(resource), None);
    }

    /// A fenced node is certain to be down once its own lock has run out and the master has taken it.
    fn step_fence(
        &mut self,
        sid: Sid,
        now: Seconds,
        lrm: &mut BTreeMap<String, Lrm>,
        resource: &Resource,
        world: &mut dyn World,
    ) {
        let Some(service) = self.services.get(&sid) else { return };
        if lrm.get(&service.node).is_some_and(|l| l.lock_until > now) {
            return;
        }
        self.enter(sid, State::Recovery, None);
        self.recover(sid, resource, world);
    }

    fn recover(&mut self, sid: Sid, resource: &Resource, world: &mut dyn World) {
        if resource.state() == "disabled" {
            return self.enter(sid, State::Stopped, None);
        }
        let Some(node) = self.choose(sid, world, &[], false, true) else { return };
        world.adopt(sid.0, &node);
        if let Some(service) = self.services.get_mut(&sid) {
            service.node = node;
        }
        self.enter(sid, wanted(resource), None);
    }
}
