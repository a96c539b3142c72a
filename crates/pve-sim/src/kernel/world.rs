//! The cluster and its clock, shared by everything that runs.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::clock::{Clock, Time};
use super::routes::Routes;
use crate::cluster::Cluster;

/// A handle on the simulated world; clones share it.
#[derive(Clone)]
pub struct World(Arc<Inner>);

struct Inner {
    cluster: Mutex<Cluster>,
    clock: Mutex<Clock>,
    /// Something may have become due earlier than the ticker thinks, or the clock was put forward.
    moved: Notify,
    /// A lock was released.
    unlocked: Notify,
    /// An endpoint is reached in another way than before: its node was switched on or off, or an outage began or ended.
    reach: Notify,
    routes: Routes,
    latency: Duration,
}

impl World {
    pub(crate) fn new(cluster: Cluster, clock: Clock, routes: Routes, latency: Duration) -> Self {
        World(Arc::new(Inner {
            cluster: Mutex::new(cluster),
            clock: Mutex::new(clock),
            moved: Notify::new(),
            unlocked: Notify::new(),
            reach: Notify::new(),
            routes,
            latency,
        }))
    }

    pub(crate) fn routes(&self) -> &Routes {
        &self.0.routes
    }

    /// Real time added to each request.
    pub(crate) fn latency(&self) -> Duration {
        self.0.latency
    }

    /// Looks at the cluster, or changes it, as it stands now: everything that is due has happened.
    pub fn with<R>(&self, work: impl FnOnce(&mut Cluster) -> R) -> R {
        // A handler that panicked leaves the cluster as it was then; the panic itself has been reported.
        let mut cluster = self.0.cluster.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock(|clock| clock.now());
        let before = cluster.reaches();
        cluster.run_until(now);
        let result = work(&mut cluster);
        if std::mem::take(&mut cluster.locks.released) {
            self.0.unlocked.notify_waiters();
        }
        if cluster.reaches() != before {
            self.0.reach.notify_waiters();
        }
        drop(cluster);
        self.0.moved.notify_one();
        result
    }

    fn clock<R>(&self, work: impl FnOnce(&mut Clock) -> R) -> R {
        work(&mut self.0.clock.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Simulated seconds per real second.
    pub fn factor(&self) -> f64 {
        self.clock(|clock| clock.factor())
    }

    /// Whether only [`World::advance`] moves the clock.
    pub fn stands_still(&self) -> bool {
        self.clock(|clock| clock.stands_still())
    }

    /// Puts the clock forward; everything that becomes due has happened, in order, when this returns.
    pub fn advance(&self, span: Duration) -> Time {
        self.clock(|clock| clock.advance(span));
        let now = self.with(|cluster| cluster.now);
        self.0.unlocked.notify_waiters();
        now
    }

    /// What the control address answers, without the way there: for tests in the same process.
    ///
    /// # Errors
    /// What is wrong with the request, in words.
    pub fn control(&self, method: &str, path: &str, body: &serde_json::Value) -> Result<serde_json::Value, String> {
        match super::control::answer(self, method, path, body.to_string().as_bytes()) {
            (200, answer) => Ok(answer),
            (_, refused) => Err(refused["error"].as_str().unwrap_or_default().to_owned()),
        }
    }

    /// Sleeps until the simulated clock shows `moment`.
    pub async fn sleep_until(&self, moment: Time) {
        loop {
            let advanced = self.0.unlocked.notified();
            match self.clock(|clock| clock.real_until(moment)) {
                Some(Duration::ZERO) => return,
                Some(span) => {
                    tokio::select! {
                        () = tokio::time::sleep(span) => {}
                        () = advanced => {}
                    }
                }
                None => advanced.await,
            }
        }
    }

    /// Returns when a lock has been released or the clock has been put forward.
    pub(crate) fn unlocked(&self) -> tokio::sync::futures::Notified<'_> {
        self.0.unlocked.notified()
    }

    /// Returns when an endpoint is reached in another way than before.
    pub(crate) fn reach_changed(&self) -> tokio::sync::futures::Notified<'_> {
        self.0.reach.notified()
    }

    /// Lets what is due happen at its time, also while nobody asks. Never returns.
    pub(crate) async fn tick(self) {
        loop {
            let due = {
                let cluster = self.0.cluster.lock().unwrap_or_else(PoisonError::into_inner);
                [cluster.events.next_due(), cluster.singles.next_due()].into_iter().flatten().min()
            };
            let span = due.and_then(|due| self.clock(|clock| clock.real_until(due)));
            match span {
                Some(span) => {
                    tokio::select! {
                        () = tokio::time::sleep(span) => {}
                        () = self.0.moved.notified() => continue,
                    }
                    self.with(|_| ());
                }
                None => self.0.moved.notified().await,
            }
        }
    }
}
