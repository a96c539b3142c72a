//! The client: calls, and writes in their queues.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::HeaderMap;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::auth::Auth;
use crate::connection::{Answer, BoxedIo, Connections, Dial, Endpoint, Message, Network, Nodes, NotUpgraded};
use crate::error::AuthReason;
use crate::locks::{Locks, Slot};
use crate::shared::SharedReads;
use crate::shell::ssh::{self, SshShell};
use crate::shell::termproxy::Terminals;
use crate::shell::{NodeShell as _, pvesh};
use crate::{Area, Config, Error, Lock, Request, answer};

/// First pause before a write that met a held lock is tried again, and the longest.
const LOCK_PAUSE: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(10));

/// How long a node that was found silent is left alone whatever is said of it: the cluster itself needs 5 s to notice that
/// one is gone. After that the cluster is asked whether it is back; where that cannot be told, it is tried after the second.
const SILENT: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(60));

/// Pause before a read at which Ceph stumbled is tried once more.
const STUMBLE: Duration = Duration::from_secs(1);

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
    /// The way to the nodes by SSH, where that is configured.
    pub(crate) ssh: Option<Arc<ssh::Connections>>,
    pub(crate) connections: Connections,
    /// What a client for another address is made from.
    pub(crate) config: Config,
    pub(crate) dial: Arc<dyn Dial>,
    auth: Auth,
    nodes: Arc<Nodes>,
    locks: Locks,
    /// Held by each write under way, and by whoever lets none begin.
    gate: Arc<tokio::sync::RwLock<()>>,
}

/// A write under way: the head of a lock's queue. When it is dropped, shared reads of the areas it touches are fetched
/// anew, and the next write in the queue follows.
pub struct Writing {
    client: Client,
    areas: Vec<Area>,
    _slot: Slot,
}

impl Writing {
    /// Sends a write of this turn and reads its answer; if somebody else holds PVE's lock, as [`Client::write`].
    pub async fn send<T: DeserializeOwned>(&self, request: Request) -> Result<T, Error> {
        self.client.submit(&request, &self.client.stop).await
    }
}

/// As long as this is there, no write begins.
pub struct Quiet(#[allow(dead_code, reason = "held for its end alone")] tokio::sync::OwnedRwLockWriteGuard<()>);

impl Drop for Writing {
    fn drop(&mut self) {
        self.client.inner.shared.bump(&self.areas);
    }
}

impl Client {
    /// Checks the configuration. Nothing is read, connected or logged in before the first call.
    pub fn new(config: Config) -> Result<Client, Error> {
        let network = Arc::new(Network::new(&config));
        Client::over(config, network)
    }

    pub(crate) fn over(config: Config, dial: Arc<dyn Dial>) -> Result<Client, Error> {
        let nodes = Arc::new(Nodes::default());
        if let Some(ssh) = &config.ssh {
            ssh.check().map_err(|why| Error::Config(format!("SSH: {why}")))?;
        }
        let ssh = config.ssh.clone().map(|ssh| Arc::new(ssh::Connections::new(ssh)));
        let inner = Inner {
            shared: SharedReads::default(),
            lock_patience: config.lock_patience,
            terminals: Terminals::default(),
            ssh,
            connections: Connections::new(&config, dial.clone(), nodes.clone())?,
            auth: Auth::new(&config)?,
            nodes,
            locks: Locks::default(),
            gate: Arc::default(),
            dial,
            config,
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
        let by_ssh = self.root_by_ssh(&request);
        if let Some(shell) = by_ssh.as_ref().filter(|_| !self.has_root()) {
            return self.call_by(shell, &request).await;
        }
        match (self.call_at(request.clone()).await, by_ssh) {
            // Nothing was sent but the login.
            (Err(Error::Unauthenticated(why)), Some(shell)) if why.reason == AuthReason::SecondFactorOfRoot => {
                self.call_by(&shell, &request).await
            }
            (answered, _) => Ok(answered?.0),
        }
    }

    /// The same by a shell of root.
    async fn call_by<T: DeserializeOwned>(&self, shell: &SshShell, request: &Request) -> Result<T, Error> {
        if !request.is_read() && self.stop.is_cancelled() {
            return Err(Error::Stopped { upid: None });
        }
        self.may_answer(shell.node()).await?;
        pvesh::call(shell, request).await
    }

    /// Like [`Client::call`], and says which endpoint answered, for what has to go on there (a terminal).
    pub async fn call_at<T: DeserializeOwned>(&self, request: Request) -> Result<(T, Arc<Endpoint>), Error> {
        match self.ask(&request).await {
            // Ceph's monitors and manager do so now and then, and a second later all is well.
            Err(error) if request.is_read() && request.is_about_ceph() && error.is_stumble_of_ceph() => {
                tracing::debug!(request = request.describe(), %error, "asking once more");
                sleep(STUMBLE).await;
                self.ask(&request).await
            }
            answered => answered,
        }
    }

    /// Asks whom it concerns: the cluster, or a node by itself that is not a member of it.
    async fn ask<T: DeserializeOwned>(&self, request: &Request) -> Result<(T, Arc<Endpoint>), Error> {
        let apart = match request.about() {
            _ if request.is_for_anyone() => None,
            Some(node) => self.apart(node).await?,
            None => {
                self.settle().await?;
                None
            }
        };
        apart.as_ref().unwrap_or(self).ask_here(request).await
    }

    async fn ask_here<T: DeserializeOwned>(&self, request: &Request) -> Result<(T, Arc<Endpoint>), Error> {
        let nodes = &self.inner.nodes;
        let _open = if request.is_read() { None } else { Some(self.inner.gate.read().await) };
        let Some(node) = request.target() else {
            let (answer, endpoint) = self.exchange(request).await?;
            return Ok((answer::parse(&answer, request)?, endpoint));
        };
        self.may_answer(node).await?;
        let first = nodes.first(node).await;
        if let Some(silence) = nodes.silence(node) {
            return Err(silence.refusal(node));
        }
        let answered = match self.exchange(request).await {
            Ok((answer, endpoint)) => answer::parse(&answer, request).map(|parsed| (parsed, endpoint)),
            Err(error) => Err(error),
        };
        match &answered {
            // Only a failure to connect; a slow answer says nothing about the node.
            Err(Error::NodeUnreachable { sent: false, message, .. }) if nodes.silence(node).is_none() => {
                nodes.silent(node, message);
            }
            Err(Error::NodeUnreachable { sent: false, .. }) => {}
            _ => nodes.answers(node),
        }
        drop(first);
        answered
    }

    /// An error, if a node was found silent and is not back.
    async fn may_answer(&self, node: &str) -> Result<(), Error> {
        let Some(silence) = self.inner.nodes.silence(node) else { return Ok(()) };
        let quiet = silence.since.elapsed();
        if quiet >= SILENT.0 && self.is_back(node).await.unwrap_or(quiet >= SILENT.1) {
            self.inner.nodes.forget(node);
            return Ok(());
        }
        Err(silence.refusal(node))
    }

    /// Whether the cluster sees a node online; `None` if it does not say so.
    fn is_back<'a>(&'a self, node: &'a str) -> BoxFuture<'a, Option<bool>> {
        async move {
            let status = self.cluster().status().await.ok().filter(|status| status.quorate)?;
            Some(status.member(node)?.online)
        }
        .boxed()
    }

    /// A write: waits in the lock's queue, sends the request, reads its answer. Shared reads of the areas begin anew
    /// at its start and at its end. If somebody else holds PVE's lock, the write is tried again for
    /// [`Config::lock_patience`]; the time in the queue does not count.
    pub async fn write<T: DeserializeOwned>(&self, lock: Lock, areas: &[Area], request: Request) -> Result<T, Error> {
        self.begin_write(lock, areas).await?.send(request).await
    }

    /// Takes its place in a lock's queue for a write that is more than one request, or none (the node shell). Requests
    /// within go through [`Writing::send`] or [`Client::call`]: another write with the same lock would wait for this one for ever.
    pub async fn begin_write(&self, lock: Lock, areas: &[Area]) -> Result<Writing, Error> {
        let slot = self.inner.locks.acquire(lock, &self.stop).await?;
        self.inner.shared.bump(areas);
        Ok(Writing { client: self.clone(), areas: areas.to_vec(), _slot: slot })
    }

    /// Says that something in these areas has changed since the task that set it in motion ended, such as an OSD that has come
    /// up: shared reads begin anew.
    pub fn changed(&self, areas: &[Area]) {
        self.inner.shared.bump(areas);
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

    /// Lets no write begin until what is returned is dropped, as while a node joins: the cluster may be without quorum then,
    /// which each of them would fail for. Returns when those under way are answered. Nodes asked for themselves
    /// ([`Client::alone`], [`Client::beside`]) are free.
    pub async fn quiet(&self) -> Quiet {
        Quiet(self.inner.gate.clone().write_owned().await)
    }

    /// The password of root@pam, if that is who we log in as.
    pub fn root_password(&self) -> Option<&crate::Secret> {
        self.inner.config.login.as_ref().filter(|_| self.has_root()).map(|login| &login.password)
    }

    /// Tells the client that a node was seen online or offline, so that it need not find out by waiting.
    pub fn saw_node(&self, node: &str, online: bool) {
        let nodes = &self.inner.nodes;
        match (online, nodes.silence(node)) {
            (true, Some(_)) => nodes.forget(node),
            (false, None) => nodes.silent(node, "the cluster sees it offline"),
            _ => {}
        }
    }

    /// With more than one endpoint: connects to each, and tells of those whose certificate is not trusted
    /// ([`Error::Tls`]). Requests pass over them silently as long as another endpoint answers. No request is sent.
    pub async fn untrusted_endpoints(&self, told: impl Fn(Error) + Sync) {
        self.inner.connections.untrusted(told).await;
    }

    /// Opens a connection of its own to an endpoint, which becomes something else than HTTP: for a websocket. Returns what
    /// was answered besides.
    pub(crate) async fn upgrade(
        &self,
        endpoint: &Endpoint,
        request: &Request,
        headers: HeaderMap,
    ) -> Result<(HeaderMap, BoxedIo), NotUpgraded> {
        let Inner { connections, auth, .. } = &*self.inner;
        let mut credential = auth.credential(connections, request).await.map_err(NotUpgraded::Unreachable)?;
        let mut again = false;
        loop {
            let mut headers = headers.clone();
            headers.extend(credential.headers(!request.is_read()));
            let message = Message {
                method: request.method().clone(),
                uri: request.uri(),
                headers,
                form: request.form(),
                file: None,
                node: request.target().map(str::to_owned),
                repeatable: false,
                name: request.describe(),
            };
            match connections.upgrade(endpoint, &message).await {
                // What the path is given may be refused so, too: the answer to a fresh ticket tells.
                Err(NotUpgraded::Unauthenticated(told)) if !again => {
                    let fresh = auth.after_refusal(connections, &credential, again, &told).await;
                    credential = fresh.map_err(NotUpgraded::Unreachable)?;
                    again = true;
                }
                end => return end,
            }
        }
    }

    /// Logs somebody in, whoever that is, and answers with the ticket. What this client itself comes as stays as it is.
    /// `POST /access/ticket`
    pub async fn log_in(&self, username: &str, password: &crate::Secret) -> Result<crate::Session, Error> {
        self.inner.auth.session(&self.inner.connections, username, password).await
    }

    /// Whether there is a login of root@pam, so that requests with [`Request::root`] can be sent.
    pub fn has_root(&self) -> bool {
        self.inner.auth.has_root()
    }

    /// Whether a task of this user (`user@realm`, `user@realm!token`) was begun with one of our credentials.
    pub fn is_us(&self, user: &str) -> bool {
        self.inner.auth.is_us(user)
    }

    /// Whether requests that anybody may send go as this user, by its password or by one of its tokens.
    pub fn comes_as(&self, userid: &str) -> bool {
        self.inner.auth.comes_as(userid)
    }

    /// The time by the clock of the server that answered last, if any has; Unix seconds.
    pub fn server_time(&self) -> Option<i64> {
        self.inner.auth.server_time()
    }

    async fn exchange(&self, request: &Request) -> Result<(Answer, Arc<Endpoint>), Error> {
        let elsewhere = |error: &Error| match error {
            Error::Connect { .. } | Error::Tls { .. } => true,
            Error::AnswerLost { .. } => request.is_read(),
            _ => false,
        };
        match self.exchange_with_members(request).await {
            Err(error) if elsewhere(&error) && self.ask_the_others().await => {
                tracing::debug!(request = request.describe(), %error, "there is another member");
                self.exchange_with_members(request).await
            }
            other => other,
        }
    }

    async fn exchange_with_members(&self, request: &Request) -> Result<(Answer, Arc<Endpoint>), Error> {
        let Inner { connections, auth, .. } = &*self.inner;
        if !request.is_read() && self.stop.is_cancelled() {
            return Err(Error::Stopped { upid: None });
        }
        let mut credential = auth.credential(connections, request).await?;
        let mut again = false;
        loop {
            let message = Message {
                method: request.method().clone(),
                uri: request.uri(),
                headers: credential.headers(!request.is_read()),
                form: request.form(),
                file: request.form_with_file(),
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
