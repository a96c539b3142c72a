//! The client: calls, and writes in their queues.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::auth::Auth;
use crate::connection::{Answer, BoxedIo, Connections, Dial, Endpoint, Message, Network, Nodes};
use crate::locks::{Locks, Slot};
use crate::shared::SharedReads;
use crate::shell::termproxy::Terminals;
use crate::{Area, Config, Error, Lock, Request, answer};

/// First pause before a write that met a held lock is tried again, and the longest.
const LOCK_PAUSE: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(10));

/// A PVE cluster. Cheap to clone; clones share connections, ticket, queues and shared reads.
#[derive(Clone)]
pub struct Client {
    pub(crate) inner: Arc<Inner>,
    pub(crate) stop: CancellationToken,
}

pub(crate) struct Inner {
    pub(crate) shared: SharedReads,
    pub(crate) lock_patience: Duration,
    pub(crate) terminals: Terminals,
    connections: Connections,
    auth: Auth,
    nodes: Nodes,
    locks: Locks,
}

/// A write under way: the head of a lock's queue. When it is dropped, shared reads of the areas it touches are fetched
/// anew, and the next write in the queue follows.
pub struct Writing {
    client: Client,
    areas: Vec<Area>,
    _slot: Slot,
}

impl Drop for Writing {
    fn drop(&mut self) {
        self.client.inner.shared.bump(&self.areas);
    }
}

impl Client {
    /// Checks the configuration. Nothing is read, connected or logged in before the first call.
    pub fn new(config: Config) -> Result<Client, Error> {
        let network = Box::new(Network::new(&config));
        Client::over(config, network)
    }

    pub(crate) fn over(config: Config, dial: Box<dyn Dial>) -> Result<Client, Error> {
        let inner = Inner {
            shared: SharedReads::default(),
            lock_patience: config.lock_patience,
            terminals: Terminals::default(),
            connections: Connections::new(&config, dial)?,
            auth: Auth::new(&config)?,
            nodes: Nodes::default(),
            locks: Locks::default(),
        };
        Ok(Client { inner: Arc::new(inner), stop: CancellationToken::new() })
    }

    /// The same client, which begins no write any more once the token is cancelled. Requests already sent are waited
    /// for: giving them up would only lose their answers.
    #[must_use]
    pub fn with_stop(&self, stop: CancellationToken) -> Client {
        Client { inner: self.inner.clone(), stop }
    }

    /// Makes one call and reads its `data`. A `T` without content, such as `()`, takes any answer.
    ///
    /// Writes that others may compete with, or whose effects are read by [`Client::shared`], go through
    /// [`Client::write`] or [`Client::write_task`] instead.
    pub async fn call<T: DeserializeOwned>(&self, request: Request) -> Result<T, Error> {
        Ok(self.call_at(request).await?.0)
    }

    /// Like [`Client::call`], and says which endpoint answered, for what has to go on there (a terminal).
    pub async fn call_at<T: DeserializeOwned>(&self, request: Request) -> Result<(T, Arc<Endpoint>), Error> {
        let (answer, endpoint) = self.exchange(&request).await?;
        let parsed = answer::parse(&answer, &request);
        if let Some(node) = request.target() {
            match &parsed {
                Ok(_) => self.inner.nodes.saw(node, true),
                // Only a failure to connect; a slow answer says nothing about the node.
                Err(Error::NodeUnreachable { sent: false, .. }) => self.inner.nodes.saw(node, false),
                Err(_) => {}
            }
        }
        Ok((parsed?, endpoint))
    }

    /// A write: waits in the lock's queue, sends the request, reads its answer. Shared reads of the areas begin anew
    /// at its start and at its end. If somebody else holds PVE's lock, the write is tried again for
    /// [`Config::lock_patience`]; the time in the queue does not count.
    pub async fn write<T: DeserializeOwned>(&self, lock: Lock, areas: &[Area], request: Request) -> Result<T, Error> {
        let _writing = self.begin_write(lock, areas).await?;
        self.submit(&request, &self.stop).await
    }

    /// Takes its place in a lock's queue for a write that is more than one request, or none (the node shell). Requests
    /// within go through [`Client::call`]: another write with the same lock would wait for this one for ever.
    pub async fn begin_write(&self, lock: Lock, areas: &[Area]) -> Result<Writing, Error> {
        let slot = self.inner.locks.acquire(lock, &self.stop).await?;
        self.inner.shared.bump(areas);
        Ok(Writing { client: self.clone(), areas: areas.to_vec(), _slot: slot })
    }

    /// Sends a write, again and again while the refusal is contention for a lock and nobody says stop.
    pub(crate) async fn submit<T: DeserializeOwned>(
        &self,
        request: &Request,
        stop: &CancellationToken,
    ) -> Result<T, Error> {
        let begun = Instant::now();
        let mut pause = LOCK_PAUSE.0;
        loop {
            let error = match self.call(request.clone()).await {
                Err(error) if error.is_contention() && begun.elapsed() + pause <= self.inner.lock_patience => error,
                other => return other,
            };
            tracing::info!(request = request.describe(), %error, "waiting for a lock held by somebody else");
            tokio::select! {
                biased;
                () = stop.cancelled() => return Err(error),
                () = sleep(pause) => {}
            }
            pause = (pause * 2).min(LOCK_PAUSE.1);
        }
    }

    /// Tells the client that a node was seen online or offline, so that it need not find out by waiting.
    pub fn saw_node(&self, node: &str, online: bool) {
        self.inner.nodes.saw(node, online);
    }

    /// Opens a connection of its own to an endpoint, TLS done: for a websocket.
    pub async fn dial(&self, endpoint: &Endpoint) -> Result<BoxedIo, Error> {
        self.inner.connections.dial(endpoint).await
    }

    /// The headers that authenticate a request which is not sent by [`Client::call`]; `request` decides between token
    /// and ticket.
    pub async fn authentication(&self, request: &Request) -> Result<HeaderMap, Error> {
        let credential = self.inner.auth.credential(&self.inner.connections, request).await?;
        Ok(credential.headers(!request.is_read()))
    }

    /// Whether there is a login of root@pam, so that requests with [`Request::root`] can be sent.
    pub fn has_root(&self) -> bool {
        self.inner.auth.has_root()
    }

    /// Whether a task of this user (`user@realm`, `user@realm!token`) was begun with one of our credentials.
    pub fn is_us(&self, user: &str) -> bool {
        self.inner.auth.is_us(user)
    }

    /// The time by the clock of the server that answered last, if any has; Unix seconds.
    pub fn server_time(&self) -> Option<i64> {
        self.inner.auth.server_time()
    }

    async fn exchange(&self, request: &Request) -> Result<(Answer, Arc<Endpoint>), Error> {
        let Inner { connections, auth, nodes, .. } = &*self.inner;
        if !request.is_read() && self.stop.is_cancelled() {
            return Err(Error::Stopped { upid: None });
        }
        if let Some(node) = request.target()
            && nodes.is_offline(node)
        {
            let message = "it was found offline a moment ago; nothing was sent".to_owned();
            return Err(Error::NodeUnreachable { node: node.to_owned(), message, sent: false });
        }
        let mut credential = auth.credential(connections, request).await?;
        let mut again = false;
        loop {
            let message = Message {
                method: request.method().clone(),
                uri: request.uri(),
                headers: credential.headers(!request.is_read()),
                form: request.form(),
                node: request.target().map(str::to_owned),
                repeatable: request.is_read(),
                name: request.describe(),
            };
            let begun = Instant::now();
            let (answer, endpoint) = connections.send(&message).await?;
            auth.heard(&answer);
            tracing::debug!(
                request = message.name,
                endpoint = endpoint.url(),
                status = answer.status,
                ms = begun.elapsed().as_millis(),
                "answered"
            );
            if answer.status != 401 {
                return Ok((answer, endpoint));
            }
            // Credentials are looked at before anything else, so any refused request may be sent again.
            credential = auth.after_refusal(connections, &credential, again, &answer::message(&answer)).await?;
            again = true;
        }
    }
}

#[cfg(test)]
mod tests;
