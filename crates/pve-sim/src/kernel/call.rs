//! What a handler works with.

use std::future::Future;
use std::pin::Pin;

use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio_tungstenite::WebSocketStream;

use super::clock::Time;
use super::error::PveError;
use super::locks::{LOCK_WAIT, Lock};
use super::params::Params;
use super::tasks::{Job, TaskFault, Upid};
use super::world::World;
use crate::cluster::Cluster;
use crate::cluster::access::Identity;

/// A websocket to a client.
pub type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// What talks over a websocket once the connection has been upgraded.
pub type Talk = Box<dyn FnOnce(World, Socket) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send>;

/// A call whose user may make it and whose parameters have been checked.
pub struct Call<'a> {
    /// The whole cluster.
    pub cluster: &'a mut Cluster,
    /// The node that carries it out.
    pub node: String,
    /// The node that took the request (another one if it was forwarded).
    pub served_by: String,
    /// The path as the schema has it: `/nodes/{node}/qemu`.
    pub path: &'static str,
    /// Parameters, those of the path included.
    pub params: Params,
    /// Who calls; `root@pam` for calls that need no login.
    pub user: Identity,
    /// Lists: how many there are in all, beside `data`.
    pub total: Option<usize>,
    pub(super) arrived: Time,
    pub(super) task_fault: Option<TaskFault>,
    pub(super) talk: Option<Talk>,
}

impl Call<'_> {
    /// The simulated time.
    pub fn now(&self) -> Time {
        self.cluster.now
    }

    /// The time that the clock of the node which took the request shows.
    pub fn clock(&self) -> Time {
        self.cluster.clock_of(&self.served_by)
    }

    /// Begins a task on the node that carries out the call; gives its UPID, as the answer has it.
    pub fn task(&mut self, kind: &str, id: impl Into<String>, job: impl Job) -> Value {
        let node = self.node.clone();
        self.task_on(&node, kind, id, job).to_string().into()
    }

    /// Begins a task on a certain node.
    pub fn task_on(&mut self, node: &str, kind: &str, id: impl Into<String>, job: impl Job) -> Upid {
        let (user, fault) = (self.user.full(), self.task_fault.take());
        self.cluster.start_task_with(node, &user, kind, id.into(), Box::new(job), fault)
    }

    /// Waits its turn for a lock, as calls that write at once do. Ask before changing anything: while the lock is
    /// held elsewhere, the call is carried out again from its beginning until ten seconds are over.
    ///
    /// # Errors
    /// PVE's text when the time is over.
    pub fn lock(&mut self, lock: Lock) -> Result<(), PveError> {
        self.cluster.concurrency.takes(&lock);
        let quorate = lock.no_quorum_text().is_none() || self.cluster.nodes.quorate(&self.node);
        if quorate && !self.cluster.locks.is_held(&lock) {
            return Ok(());
        }
        let until = self.arrived + LOCK_WAIT;
        if self.cluster.now < until {
            return Err(PveError::wait(lock, until));
        }
        let text = if quorate { lock.timeout_text() } else { lock.no_quorum_text().unwrap_or_default() };
        Err(PveError::new(text))
    }

    /// Demands quorum at once, as most calls that begin something do.
    pub fn need_quorum(&self) -> Result<(), PveError> {
        match self.cluster.nodes.quorate(&self.node) {
            true => Ok(()),
            false => Err(PveError::new("cluster not ready - no quorum?")),
        }
    }

    /// The answer to what PVE can do and the simulator cannot: 501, noted where `GET /unmodelled` shows it.
    pub fn left_out(&mut self, what: &str) -> PveError {
        *self.cluster.unmodelled.entry(what.to_owned()).or_default() += 1;
        PveError::status(501, format!("{what}: not simulated"))
    }

    /// Whether the user has all of the privileges: what lists are filtered by.
    pub fn may(&self, path: &str, privileges: &[&str]) -> bool {
        self.cluster.may(&self.user, path, privileges)
    }

    /// Whether the user has one of the privileges.
    pub fn may_any(&self, path: &str, privileges: &[&str]) -> bool {
        privileges.iter().any(|privilege| self.may(path, &[privilege]))
    }

    /// Demands all of the privileges, with PVE's 403.
    pub fn demand(&self, path: &str, privileges: &[&str]) -> Result<(), PveError> {
        self.cluster.demand_all(&self.user, path, privileges)
    }

    /// Demands one of the privileges, with PVE's 403.
    pub fn demand_any(&self, path: &str, privileges: &[&str]) -> Result<(), PveError> {
        self.cluster.demand_any(&self.user, path, privileges)
    }

    /// Turns the connection into a websocket, which `talk` then has for itself; the handler's value is not sent. The
    /// talk outlives the call: it reaches the cluster through [`World::with`].
    pub fn upgrade<F>(&mut self, talk: impl FnOnce(World, Socket) -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.talk = Some(Box::new(move |world, socket| Box::pin(talk(world, socket))));
    }
}
