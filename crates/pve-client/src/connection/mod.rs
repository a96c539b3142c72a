//! Getting a request to PVE and an answer back: which endpoint, which connection, and what may be tried again.

mod attempt;
mod dial;
mod endpoint;
mod failure;
mod lanes;
mod nodes;
mod proxy;
mod tls;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use tokio::io::{AsyncRead, AsyncWrite};

use dial::DialError;
pub(crate) use dial::{Dial, Network};
pub use endpoint::Endpoint;
pub(crate) use lanes::Answer;
use lanes::{Outgoing, SendError};
pub(crate) use nodes::Nodes;
pub use proxy::Proxies;

use crate::circle::Circle;
use crate::config::EndpointConfig;
use crate::upload::Form;
use crate::{Config, Error};

/// Both directions of an open connection.
pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// An open connection.
pub(crate) type BoxedIo = Box<dyn Io>;

/// Why a connection did not become something else than HTTP.
pub(crate) enum NotUpgraded {
    /// There was no connection.
    Unreachable(Error),
    /// The credential was refused, in these words.
    Unauthenticated(String),
    /// What was answered, if anything was.
    Refused(String),
}

/// All endpoints of the cluster.
pub(crate) struct Connections {
    endpoints: Vec<Arc<Endpoint>>,
    dial: Arc<dyn Dial>,
    nodes: Arc<Nodes>,
    /// The endpoint that worked last; reads and requests without a node stay with it, so that its connections are kept
    /// alive and there are no others.
    current: AtomicUsize,
    timeout: Duration,
    user_agent: http::HeaderValue,
    circle: Circle,
}

/// A request with everything that is needed to send it anywhere.
pub(crate) struct Message {
    pub(crate) method: http::Method,
    pub(crate) uri: String,
    pub(crate) headers: http::HeaderMap,
    pub(crate) form: Option<String>,
    /// In place of that: a form with a file.
    pub(crate) file: Option<Form>,
    /// The node it is for; a write goes to that node's own endpoint first.
    pub(crate) node: Option<String>,
    /// Whether sending it twice does no harm.
    pub(crate) repeatable: bool,
    /// Method and path, for errors.
    pub(crate) name: String,
}

impl Connections {
    pub(crate) fn new(config: &Config, dial: Arc<dyn Dial>, nodes: Arc<Nodes>) -> Result<Connections, Error> {
        let endpoints: Vec<_> = endpoint::endpoints(config)?.into_iter().map(Arc::new).collect();
        let circle = Circle::new(endpoints.len());
        let user_agent =
            config.user_agent.parse().map_err(|_| Error::Config("the user agent is not plain text".to_owned()))?;
        let (current, timeout) = (AtomicUsize::new(0), config.request_timeout);
        Ok(Connections { endpoints, dial, nodes, current, timeout, user_agent, circle })
    }

    /// Connects to every endpoint, if there is more than one, and tells of each whose certificate is not trusted. Requests
    /// pass over such an endpoint, so that nobody would hear of it before the others have failed.
    pub(crate) async fn untrusted(&self, told: impl Fn(Error) + Sync) {
        if self.endpoints.len() < 2 {
            return;
        }
        let (current, told) = (self.current.load(Ordering::Relaxed), &told);
        let looks = self.endpoints.iter().enumerate().map(async |(index, endpoint)| {
            // The connection to the one that is used first is not opened in vain.
            match endpoint.lanes.look(endpoint, &*self.dial, index == current).await {
                Ok(()) => {}
                Err(DialError::Config(_)) => {}
                Err(DialError::Connect(_)) => endpoint.failed(),
                Err(DialError::Tls { seen, message }) => {
                    endpoint.failed();
                    told(Error::Tls { endpoint: endpoint.named(), seen, message });
                }
            }
        });
        join_all(looks).await;
    }

    /// Who speaks for the cluster.
    pub(crate) fn circle(&self) -> &Circle {
        &self.circle
    }

    /// Whether every endpoint has shown a certificate by the authority of one cluster of PVE's.
    pub(crate) fn of_one_authority(&self) -> bool {
        let first = self.endpoints.first().and_then(|endpoint| endpoint.issuer.of_a_cluster());
        first.is_some() && self.endpoints.iter().all(|endpoint| endpoint.issuer.of_a_cluster() == first)
    }

    pub(crate) fn count(&self) -> usize {
        self.endpoints.len()
    }

    /// The endpoint that worked last.
    pub(crate) fn current(&self) -> usize {
        self.current.load(Ordering::Relaxed)
    }

    /// The endpoint that is configured for a node.
    pub(crate) fn endpoint_of(&self, node: &str) -> Option<usize> {
        self.endpoints.iter().position(|endpoint| endpoint.node.as_deref() == Some(node))
    }

    pub(crate) fn node_of(&self, index: usize) -> Option<&str> {
        self.endpoints[index].node.as_deref()
    }

    /// By its node's name, or else its URL.
    pub(crate) fn name_of(&self, index: usize) -> String {
        let endpoint = &self.endpoints[index];
        endpoint.node.clone().unwrap_or_else(|| endpoint.url())
    }

    /// What it was made from, and its pin.
    pub(crate) fn config_of(&self, index: usize) -> (EndpointConfig, Option<String>) {
        let endpoint = &self.endpoints[index];
        let config = EndpointConfig { node: endpoint.node.clone(), url: endpoint.url() };
        (config, endpoint.fingerprint.map(|pin| pin.to_string()))
    }

    /// Sends a request to the first endpoint that takes it.
    ///
    /// A connection that cannot be made moves any request to the next endpoint; once bytes were sent, only a
    /// repeatable request moves.
    pub(crate) async fn send(&self, message: &Message) -> Result<(Answer, Arc<Endpoint>), Error> {
        // A write is spared the way through another node. Reads go through the one that is connected already: with the
        // few connections it has, PVE passes them on to any other node.
        let own = message.node.as_deref().filter(|_| !message.repeatable);
        let mut order = self.order(own);
        let mut troubles = Troubles::default();
        let mut again = message.repeatable;
        while let Some(index) = order.pop_front() {
            let endpoint = &self.endpoints[index];
            let request = self.prepare(message, endpoint)?;
            let void = || message.node.as_deref().is_some_and(|node| self.nodes.silence(node).is_some());
            let sent = endpoint.lanes.exchange(endpoint, &*self.dial, &request, message.repeatable, self.timeout, void);
            match sent.await {
                // This node's own API daemon is down behind its proxy: nothing was processed, another node will do.
                Ok(answer) if answer.status == 595 && message.node.is_none() && !order.is_empty() => endpoint.failed(),
                Ok(answer) => {
                    endpoint.works();
                    if own.is_none() {
                        self.current.store(index, Ordering::Relaxed);
                    }
                    return Ok((answer, endpoint.clone()));
                }
                Err(SendError::Dial(DialError::Config(error))) => return Err(error),
                Err(SendError::Void) => return Err(self.void(message)),
                Err(SendError::Unusable(text)) => {
                    return Err(Error::Protocol {
                        request: message.name.clone(),
                        message: format!("{}: {text}", endpoint.named()),
                    });
                }
                Err(SendError::Lost(text)) => {
                    tracing::debug!(request = message.name, endpoint = endpoint.url(), text, "answer lost");
                    endpoint.failed();
                    troubles.lost.get_or_insert_with(|| format!("{}: {text}", endpoint.named()));
                    if !message.repeatable {
                        break;
                    }
                    // With nowhere else to go a read may knock once more.
                    if order.is_empty() && std::mem::take(&mut again) {
                        order.push_back(index);
                    }
                }
                Err(SendError::Dial(error)) => {
                    tracing::debug!(request = message.name, endpoint = endpoint.url(), ?error, "no connection");
                    endpoint.failed();
                    troubles.add(endpoint, error);
                }
            }
        }
        Err(troubles.error(message))
    }

    fn void(&self, message: &Message) -> Error {
        let node = message.node.as_deref().unwrap_or_default();
        match self.nodes.silence(node) {
            Some(silence) => silence.refusal(node),
            // It has come back in this very moment.
            None => {
                let message = "it did not answer a moment ago".to_owned();
                Error::NodeUnreachable { node: node.to_owned(), message, sent: false }
            }
        }
    }

    /// Opens a connection of its own to an endpoint and asks for it to become something else than HTTP.
    pub(crate) async fn upgrade(
        &self,
        endpoint: &Endpoint,
        message: &Message,
    ) -> Result<(http::HeaderMap, BoxedIo), NotUpgraded> {
        let request = self.prepare(message, endpoint).map_err(NotUpgraded::Unreachable)?;
        let answered =
            lanes::upgrade(endpoint, &*self.dial, &request, self.timeout).await.map_err(|error| match error {
                SendError::Dial(DialError::Config(error)) => NotUpgraded::Unreachable(error),
                SendError::Dial(error) => {
                    let mut troubles = Troubles::default();
                    troubles.add(endpoint, error);
                    NotUpgraded::Unreachable(troubles.connect_error())
                }
                SendError::Lost(text) | SendError::Unusable(text) => {
                    NotUpgraded::Refused(format!("{}: {text}", endpoint.named()))
                }
                SendError::Void => NotUpgraded::Refused("the node does not answer".to_owned()),
            })?;
        answered.map_err(|status| {
            let told = format!("{}: the answer was {status}", endpoint.named());
            match status {
                http::StatusCode::UNAUTHORIZED => NotUpgraded::Unauthenticated(told),
                _ => NotUpgraded::Refused(told),
            }
        })
    }

    /// The endpoints in the order in which to try them: the node's own, the one that worked last, the others; what
    /// failed a moment ago comes last.
    fn order(&self, node: Option<&str>) -> VecDeque<usize> {
        let current = self.current.load(Ordering::Relaxed);
        let mut order: Vec<usize> = (0..self.endpoints.len()).filter(|index| self.circle.may_speak(*index)).collect();
        order.sort_by_key(|&index| {
            let endpoint = &self.endpoints[index];
            let own = node.is_some() && endpoint.node.as_deref() == node;
            (endpoint.is_shunned(), !own, index != current)
        });
        order.into()
    }

    fn prepare(&self, message: &Message, endpoint: &Endpoint) -> Result<Outgoing, Error> {
        let mut headers = message.headers.clone();
        let host = endpoint.authority().parse();
        headers.insert(http::header::HOST, host.map_err(|_| Error::Config(format!("{}: no host", endpoint.url())))?);
        headers.insert(http::header::USER_AGENT, self.user_agent.clone());
        let mut body = Bytes::new();
        if let Some(form) = &message.form {
            let kind = http::HeaderValue::from_static("application/x-www-form-urlencoded");
            headers.insert(http::header::CONTENT_TYPE, kind);
            // An empty form has a length too; by itself hyper leaves it out.
            headers.insert(http::header::CONTENT_LENGTH, form.len().into());
            body = Bytes::from(form.clone());
        }
        if let Some(form) = &message.file {
            let kind = form.content_type().parse();
            headers.insert(http::header::CONTENT_TYPE, kind.map_err(|_| Error::Config("no content type".to_owned()))?);
            headers.insert(http::header::CONTENT_LENGTH, form.length().into());
        }
        let (method, uri, file) = (message.method.clone(), message.uri.clone(), message.file.clone());
        Ok(Outgoing { method, uri, headers, body, file })
    }
}

/// What went wrong on the way through the endpoints.
#[derive(Default)]
struct Troubles {
    lost: Option<String>,
    tls: Option<Error>,
    tried: Vec<(String, String)>,
}

impl Troubles {
    fn add(&mut self, endpoint: &Endpoint, error: DialError) {
        let text = match error {
            DialError::Connect(text) => text,
            DialError::Config(error) => error.to_string(),
            DialError::Tls { seen, message } => {
                let error = Error::Tls { endpoint: endpoint.named(), seen, message };
                tracing::warn!("{error}");
                let text = error.to_string();
                self.tls.get_or_insert(error);
                text
            }
        };
        self.tried.push((endpoint.named(), text));
    }

    /// A write whose answer was lost is told before all else: it may have been carried out. Of a read a wrong certificate
    /// tells more.
    fn error(self, message: &Message) -> Error {
        match self.lost {
            Some(_) if message.repeatable && self.tls.is_some() => self.connect_error(),
            Some(text) => Error::AnswerLost { request: message.name.clone(), message: text },
            None => self.connect_error(),
        }
    }

    /// A wrong certificate is told before refused connections: it is what has to be looked at.
    fn connect_error(self) -> Error {
        self.tls.unwrap_or(Error::Connect { tried: self.tried })
    }
}

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod tests;
