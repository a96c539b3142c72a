//! HA in PVE's words: what `ha-manager status` says of services, local managers and master.

use super::{Disarm, Ha, Lrm, Mode, NodeState, OLD_TIMESTAMP, Resource, Seconds, Service, Sid, State};

/// Whether a manager is to be taken for dead by its last sign of life.
fn is_old(timestamp: Seconds, now: Seconds) -> bool {
    now - timestamp > OLD_TIMESTAMP
}

/// The state of fencing as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Armed {
    /// Nothing is managed.
    Standby,
    /// Watchdogs run.
    Armed,
    /// Local managers are letting go.
    Disarming(Disarm),
    /// All have let go.
    Disarmed(Disarm),
}

impl Armed {
    /// `armed-state`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Standby => "standby",
            Self::Armed => "armed",
            Self::Disarming(_) => "disarming",
            Self::Disarmed(_) => "disarmed",
        }
    }

    /// How services are treated meanwhile.
    pub fn mode(self) -> Option<Disarm> {
        match self {
            Self::Disarming(mode) | Self::Disarmed(mode) => Some(mode),
            Self::Standby | Self::Armed => None,
        }
    }
}

impl Ha {
    /// `active` or what is wrong with the master.
    pub fn master_status(&self, now: Seconds) -> &'static str {
        if is_old(self.crm.timestamp, now) { "old timestamp - dead?" } else { "active" }
    }

    /// The state of fencing.
    pub fn armed(&self, now: Seconds) -> Armed {
        match self.crm.disarm {
            Some(mode) if self.crm.disarmed => Armed::Disarmed(mode),
            Some(mode) => Armed::Disarming(mode),
            None if self.crm.master.is_none() || is_old(self.crm.timestamp, now) => Armed::Standby,
            None => Armed::Armed,
        }
    }

    /// A local manager's state and its watchdog's.
    pub fn lrm_status(&self, node: &str, lrm: &Lrm, now: Seconds) -> (&'static str, &'static str) {
        let watchdog = match lrm.shown {
            // Of a node that no longer tells, the watchdog is taken not to run.
            _ if is_old(lrm.timestamp, now) => "standby",
            Mode::Active => "active",
            Mode::Waiting => "standby",
            Mode::Disarmed => "released",
        };
        let state = match lrm.shown {
            _ if is_old(lrm.timestamp, now) => "old timestamp - dead?",
            // With nothing left to do there, it has let go.
            _ if self.crm.nodes.get(node) == Some(&NodeState::Maintenance)
                && !self.crm.services.values().any(|s| s.node == node && s.is_active()) =>
            {
                "maintenance mode"
            }
            Mode::Active => "active",
            Mode::Disarmed => "disarm mode",
            Mode::Waiting if self.crm.services.values().any(|s| s.node == node && s.is_active()) => {
                "wait_for_agent_lock"
            }
            Mode::Waiting => "idle",
        };
        (state, watchdog)
    }

    /// A service's state for people; `node` is where its guest is, if that exists.
    pub fn verbose_state(&self, sid: Sid, node: Option<&str>) -> &'static str {
        let Some(resource) = self.resource(sid) else { return "deleting" };
        if resource.state() == "ignored" {
            return "ignored";
        }
        if self.crm.disarmed_and_ignoring() {
            return "ignore";
        }
        match self.crm.services.get(&sid) {
            _ if node.is_none() => "not found",
            None => "queued",
            Some(service) => in_words(resource, service),
        }
    }
}

fn in_words(resource: &Resource, service: &Service) -> &'static str {
    match (resource.state(), service.state) {
        ("started", State::Stopped) => "starting",
        ("started", State::Started) if !service.running => "starting",
        ("stopped" | "disabled", State::Started) => "stopping",
        ("disabled", State::Stopped) => "disabled",
        ("disabled", State::Error) => "clearing error flag",
        (_, state) => state.name(),
    }
}
