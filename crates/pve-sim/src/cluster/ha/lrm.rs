//! The local manager of a node: carries out what the master decided for the services on it.

use std::collections::BTreeMap;

use super::crm::{Crm, State};
use super::{IDLE_ROUND, Job, LOCK_LIFE, LRM_IDLE, ROUND, Resource, Seconds, Sid, World};

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
}

/// The local manager of one node.
#[derive(Clone, Debug)]
pub struct Lrm {
    /// Whether it holds its lock.
    pub mode: Mode,
    /// When its status was last written.
    pub timestamp: Seconds,
    /// When it acts next.
    pub next_round: Seconds,
    /// Results by the uid of the order.
    pub results: BTreeMap<u64, (Sid, ExitCode)>,
    /// When its lock runs out; in the past when it has none. Read by the master, who fences by it.
    pub lock_until: Seconds,
    workers: BTreeMap<Sid, Worker>,
    tries: BTreeMap<Sid, u32>,
    busy_at: Seconds,
}

#[derive(Clone, Debug)]
struct Worker {
    uid: u64,
    job: Job,
    upid: String,
}

impl Lrm {
    pub(super) fn new(first_round: Seconds) -> Self {
        Self {
            mode: Mode::Waiting,
            timestamp: first_round,
            next_round: first_round,
            results: BTreeMap::new(),
            lock_until: f64::NEG_INFINITY,
            workers: BTreeMap::new(),
            tries: BTreeMap::new(),
            busy_at: first_round,
        }
    }

    /// Nothing happens on a dead node, and what ran there is forgotten. Its lock runs out by itself.
    pub(super) fn dead_round(&mut self, now: Seconds) {
        self.mode = Mode::Waiting;
        self.workers.clear();
        self.tries.clear();
        self.results.clear();
        self.next_round = now + IDLE_ROUND;
    }

    pub(super) fn round(&mut self, node: &str, now: Seconds, resources: &[Resource], crm: &Crm, world: &mut dyn World) {
        self.timestamp = now;
        let wanted = crm.services.values().any(|s| s.node == node && s.is_active());
        if wanted {
            self.busy_at = now;
        }
        match self.mode {
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
                self.work(node, resources, crm, world);
            }
        }
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
            if self.results.contains_key(&service.uid) && service.state != State::Started {
                continue;
            }
            self.order(sid, service.uid, &service.state, service.target.as_deref(), node, world);
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
            Job::Stop { .. } => ExitCode::Ok,
            Job::Migrate { .. } if guest.is_some_and(|g| g.node != node) => ExitCode::Ok,
            Job::Migrate { .. } => ExitCode::Error,
        };
        self.results.insert(worker.uid, (sid, exit));
    }

    fn order(&mut self, sid: Sid, uid: u64, state: &State, target: Option<&str>, node: &str, world: &mut dyn World) {
        let running = world.guest(sid.0).is_some_and(|g| g.running && g.node == node);
        let job = match state {
            State::Started if running => {
                self.results.insert(uid, (sid, ExitCode::Ok));
                return;
            }
            // An error already told is the master's to act on.
            State::Started if self.results.get(&uid).is_some_and(|(_, e)| *e == ExitCode::Error) => return,
            State::Started => Job::Start,
            State::RequestStop | State::Stopped if !running => {
                self.results.insert(uid, (sid, ExitCode::Ok));
                return;
            }
            State::RequestStop => Job::Stop { timeout: 60 },
            State::Stopped => Job::Stop { timeout: 60 },
            State::Migrate => match target {
                Some(target) => Job::Migrate { target: target.to_owned() },
                None => return,
            },
            State::Fence | State::Recovery | State::Error | State::Freeze => return,
        };
        let upid = world.begin(node, sid.0, &job);
        self.workers.insert(sid, Worker { uid, job, upid });
    }
}
