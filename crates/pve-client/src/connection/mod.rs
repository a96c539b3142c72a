//! Getting a request to PVE and an answer back: which endpoint, which connection, and what may be tried again.

mod dial;
mod endpoint;
mod lanes;
mod nodes;
mod tls;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use http_body_util::Full;

#[cfg(test)]
pub(crate) use dial::Dialled;
pub use dial::{BoxedIo, Io};
pub(crate) use dial::{Dial, DialError, Network};
pub use endpoint::Endpoint;
pub(crate) use lanes::Answer;
use lanes::SendError;
pub(crate) use nodes::Nodes;

use crate::{Config, Error};

/// All endpoints of the cluster.
pub(crate) struct Connections {
    endpoints: Vec<Arc<Endpoint>>,
    dial: Box<dyn Dial>,
    nodes: Arc<Nodes>,
    /// The endpoint that worked last; reads and requests without a node stay with it, so that its connections are kept
    /// alive and there are no others.
    current: AtomicUsize,
    timeout: Duration,
    user_agent: http::HeaderValue,
}

/// A request with everything that is needed to send it anywhere.
pub(crate) struct Message {
    pub(crate) method: http::Method,
    pub(crate) uri: String,
    pub(crate) headers: http::HeaderMap,
    pub(crate) form: Option<String>,
    /// The node it is for; a write goes to that node's own endpoint first.
    pub(crate) node: Option<String>,
    /// Whether sending it twice does no harm.
    pub(crate) repeatable: bool,
    /// Method and path, for errors.
    pub(crate) name: String,
}

impl Connections {
    pub(crate) fn new(config: &Config, dial: Box<dyn Dial>, nodes: Arc<Nodes>) -> Result<Connections, Error> {
        let endpoints = endpoint::endpoints(config)?.into_iter().map(Arc::new).collect();
        let user_agent =
            config.user_agent.parse().map_err(|_| Error::Config("the user agent is not plain text".to_owned()))?;
        let (current, timeout) = (AtomicUsize::new(0), config.request_timeout);
        Ok(Connections { endpoints, dial, nodes, current, timeout, user_agent })
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
            let opened = match index == current {
                true => endpoint.lanes.prepare(endpoint, &*self.dial).await,
                false => self.dial.dial(endpoint).await.map(drop),
            };
            match opened {
                Ok(()) => {}
                Err(DialError::Config(_)) => {}
                Err(DialError::Connect(_)) => endpoint.failed(),
                Err(DialError::Tls { seen, message }) => {
                    endpoint.failed();
                    told(Error::Tls { endpoint: endpoint.url(), seen, message });
                }
            }
        });
        join_all(looks).await;
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
                        message: format!("{}: {text}", endpoint.url()),
                    });
                }
                Err(SendError::Lost(text)) => {
                    tracing::debug!(request = message.name, endpoint = endpoint.url(), text, "answer lost");
                    endpoint.failed();
                    troubles.lost.get_or_insert_with(|| format!("{}: {text}", endpoint.url()));
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

    /// Opens a connection of its own to an endpoint, for what is not request and answer.
    pub(crate) async fn dial(&self, endpoint: &Endpoint) -> Result<BoxedIo, Error> {
        self.dial.dial(endpoint).await.map_err(|error| {
            let mut troubles = Troubles::default();
            if let DialError::Config(error) = error {
                return error;
            }
            troubles.add(endpoint, error);
            troubles.connect_error()
        })
    }

    /// The endpoints in the order in which to try them: the node's own, the one that worked last, the others; what
    /// failed a moment ago comes last.
    fn order(&self, node: Option<&str>) -> VecDeque<usize> {
        let current = self.current.load(Ordering::Relaxed);
        let mut order: Vec<usize> = (0..self.endpoints.len()).collect();
        order.sort_by_key(|&index| {
            let endpoint = &self.endpoints[index];
            let own = node.is_some() && endpoint.node.as_deref() == node;
            (endpoint.is_shunned(), !own, index != current)
        });
        order.into()
    }

    fn prepare(&self, message: &Message, endpoint: &Endpoint) -> Result<http::Request<Full<Bytes>>, Error> {
        let body = Bytes::from(message.form.clone().unwrap_or_default());
        let mut request = http::Request::builder()
            .method(message.method.clone())
            .uri(&message.uri)
            .header(http::header::HOST, endpoint.authority())
            .header(http::header::USER_AGENT, &self.user_agent)
            .body(Full::new(body))
            .map_err(|error| Error::Config(format!("{}: {error}", message.name)))?;
        let headers = request.headers_mut();
        headers.extend(message.headers.iter().map(|(name, value)| (name.clone(), value.clone())));
        if let Some(form) = &message.form {
            let kind = http::HeaderValue::from_static("application/x-www-form-urlencoded");
            headers.insert(http::header::CONTENT_TYPE, kind);
            // An empty form has a length too; by itself hyper leaves it out.
            headers.insert(http::header::CONTENT_LENGTH, form.len().into());
        }
        Ok(request)
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
                let error = Error::Tls { endpoint: endpoint.url(), seen, message };
                tracing::warn!("{error}");
                let text = error.to_string();
                self.tls.get_or_insert(error);
                text
            }
        };
        self.tried.push((endpoint.url(), text));
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
