//! The local manager of a node: carries out what the master decided for the services on it.

use std::collections::BTreeMap;

use super::crm::{Crm, Service, State};
use super::{IDLE_ROUND, Job, LOCK_LIFE, LRM_IDLE, ROUND, Resource, STOP_TIMEOUT, Seconds, Sid, World};

/// How an order ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// Done.
    Ok = 0,
    /// Tried and failed.
    Error = 1,
}

/// Whether the LRM holds its lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// `wait_for_agent_lock`, shown as `idle` while there is nothing to do.
    Waiting,
    /// Holds its lock and feeds the watchdog.
    Active,
    /// Has let go of lock and watchdog while HA is disarmed.
    Disarmed,
}

/// The last result of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The service.
    pub sid: Sid,
    /// The state that was to be brought about.
    pub state: State,
    /// How that went.
    pub exit: ExitCode,
}

/// The local manager of one node.
#[derive(Clone, Debug)]
pub struct Lrm {
    /// Whether it holds its lock.
    pub mode: Mode,
    /// When its status was last written.
    pub timestamp: Seconds,
    /// The mode that stands in its status; a dead node's stays as it was.
    pub shown: Mode,
    /// When it acts next.
    pub next_round: Seconds,
    /// Results by the uid of the order.
    pub results: BTreeMap<u64, Outcome>,
    /// When its lock runs out; in the past when it has none. Read by the master, who fences by it.
    pub lock_until: Seconds,
    workers: BTreeMap<Sid, Worker>,
    tries: BTreeMap<Sid, u32>,
    busy_at: Seconds,
}

#[derive(Clone, Debug)]
struct Worker {
    uid: u64,
    state: State,
    job: Job,
    upid: String,
}

impl Lrm {
    pub(super) fn new(first_round: Seconds) -> Self {
        Self {
            mode: Mode::Waiting,
            timestamp: first_round,
            shown: Mode::Waiting,
            next_round: first_round,
            results: BTreeMap::new(),
            lock_until: f64::NEG_INFINITY,
            workers: BTreeMap::new(),
            tries: BTreeMap::new(),
            busy_at: first_round,
        }
    }

    /// The process is gone, and what it knew is forgotten. Its lock runs out by itself.
    pub(super) fn die(&mut self) {
        self.mode = Mode::Waiting;
        self.workers.clear();
        self.tries.clear();
        self.results.clear();
    }

    /// Nothing happens on a dead node.
    pub(super) fn dead_round(&mut self, now: Seconds) {
        self.die();
        self.next_round = now + IDLE_ROUND;
    }

    /// When it last fed the watchdog, if that runs.
    pub(super) fn fed_watchdog(&self) -> Option<Seconds> {
        (self.mode == Mode::Active).then_some(self.lock_until - LOCK_LIFE)
    }

    pub(super) fn round(&mut self, node: &str, now: Seconds, resources: &[Resource], crm: &Crm, world: &mut dyn World) {
        self.timestamp = now;
        let wanted = crm.services.values().any(|s| s.node == node && s.is_active());
        if wanted {
            self.busy_at = now;
        }
        if crm.disarm.is_some() && self.mode != Mode::Disarmed && !self.at_work(world) {
            self.mode = Mode::Disarmed;
            self.workers.clear();
            self.lock_until = now;
        }
        match self.mode {
            Mode::Disarmed => {
                if crm.disarm.is_none() {
                    self.mode = Mode::Waiting;
                    self.tries.clear();
                }
                self.next_round = now + IDLE_ROUND;
            }
            Mode::Waiting => {
                let fenced = crm.fences(node);
                if wanted && !fenced && self.lock_until <= now {
                    self.mode = Mode::Active;
                    self.lock_until = now + LOCK_LIFE;
                }
                self.next_round = now + IDLE_ROUND;
            }
            Mode::Active if !wanted && now - self.busy_at >= LRM_IDLE => {
                self.mode = Mode::Waiting;
                self.lock_until = now;
                self.next_round = now + IDLE_ROUND;
            }
            Mode::Active => {
                self.lock_until = now + LOCK_LIFE;
                self.next_round = now + ROUND;
                if crm.disarm.is_none() {
                    self.work(node, resources, crm, world);
                }
            }
        }
        self.shown = self.mode;
    }

    fn at_work(&self, world: &dyn World) -> bool {
        self.workers.values().any(|worker| world.busy(&worker.upid))
    }

    fn work(&mut self, node: &str, resources: &[Resource], crm: &Crm, world: &mut dyn World) {
        let known: Vec<u64> = crm.services.values().map(|s| s.uid).collect();
        self.results.retain(|uid, _| known.contains(uid));
        for (&sid, service) in crm.services.iter().filter(|(_, s)| s.node == node) {
            if let Some(worker) = self.workers.get(&sid) {
                if world.busy(&worker.upid) {
                    continue;
                }
                let worker = worker.clone();
                self.workers.remove(&sid);
                if worker.uid == service.uid {
                    let restarts = resources.iter().find(|r| r.sid == sid).map_or(1, Resource::max_restart);
                    self.judge(sid, &worker, node, restarts, world);
                }
            }
            // What is to run and what is to be stopped is looked after in every round.
            let kept = matches!(service.state, State::Started | State::Stopped);
            if kept || !self.results.contains_key(&service.uid) {
                self.order(sid, service, node, world);
            }
        }
    }

    /// The task's own result counts for nothing: what counts is whether the guest runs, and where.
    fn judge(&mut self, sid: Sid, worker: &Worker, node: &str, restarts: u32, world: &dyn World) {
        let guest = world.guest(sid.0);
        let running = guest.as_ref().is_some_and(|g| g.running);
        let exit = match &worker.job {
            Job::Start if running => {
                self.tries.remove(&sid);
                ExitCode::Ok
            }
            Job::Start => {
                let tries = self.tries.entry(sid).or_default();
                *tries += 1;
                if *tries <= restarts {
                    return;
                }
                self.tries.remove(&sid);
                ExitCode::Error
            }
            Job::Stop { .. } if running => ExitCode::Error,
            // The first half of it: the next round moves what is stopped now.
            Job::Stop { .. } if worker.state == State::Relocate => return,
            Job::Stop { .. } => ExitCode::Ok,
            Job::Migrate { .. } if guest.is_some_and(|g| g.node != node) => ExitCode::Ok,
            Job::Migrate { .. } => ExitCode::Error,
        };
        self.results.insert(worker.uid, Outcome { sid, state: worker.state, exit });
    }

    fn order(&mut self, sid: Sid, service: &Service, node: &str, world: &mut dyn World) {
        let (uid, state) = (service.uid, service.state);
        let running = world.guest(sid.0).is_some_and(|g| g.running && g.node == node);
        let done = Outcome { sid, state, exit: ExitCode::Ok };
        let job = match state {
            State::Started if running => {
                self.results.insert(uid, done);
                return;
            }
            // An error already told is the master's to act on.
            State::Started if self.results.get(&uid).is_some_and(|o| o.exit == ExitCode::Error) => return,
            State::Started => Job::Start,
            State::RequestStop | State::Stopped if !running => {
                self.results.insert(uid, done);
                return;
            }
            State::RequestStop | State::Stopped => Job::Stop { timeout: service.stop_timeout.unwrap_or(STOP_TIMEOUT) },
            State::Relocate if running => Job::Stop { timeout: STOP_TIMEOUT },
            State::Migrate | State::Relocate => match &service.target {
                Some(target) => Job::Migrate { target: target.clone() },
                None => return,
            },
            State::Fence | State::Recovery | State::Error | State::Freeze => return,
        };
        let upid = world.begin(node, sid.0, &job);
        self.workers.insert(sid, Worker { uid, state, job, upid });
    }
}
