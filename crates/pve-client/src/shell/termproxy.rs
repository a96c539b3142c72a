//! The node shell over PVE's own terminal.
//!
//! `POST /nodes/{node}/termproxy` with the ticket of root@pam (anybody else gets a login prompt), then a websocket to
//! the same endpoint within ten seconds, `USER:TICKET` as the first line, `OK`, and a root shell. Each terminal is a task
//! of type `vncshell` in PVE's list; commands do not appear in it.
//!
//! Where it is known from: PVE's termproxy and the sources of its API; see [`super::framing`] for the rest.

use std::fmt;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{SinkExt, StreamExt};
use http::HeaderMap;
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, Message};

use super::framing::{self, Garbled};
use super::kept::{Kept, LOGIN, PerNode, named, no_command, no_shell};
use super::session::{Broken, Session, Wire};
use super::{NodeShell, Output, quote};
use crate::connection::NotUpgraded;
use crate::error::Refusal;
use crate::{BoxedIo, Client, Error, Request, Secret, segment, wire};

/// Wide enough that nothing on the way has a reason to wrap.
const COLUMNS: u16 = 500;
const ROWS: u16 = 50;

/// The largest message of a terminal that is read.
const LARGEST: usize = 1 << 20;

/// A root shell on one node. All shells of a client on the same node share one terminal; their commands queue.
#[derive(Clone)]
pub struct TermShell {
    client: Client,
    node: String,
    open: Kept<Session<Terminal>>,
}

/// The terminals of a client, by node.
#[derive(Default)]
pub(crate) struct Terminals(PerNode<Session<Terminal>>);

impl fmt::Debug for TermShell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TermShell({})", self.node)
    }
}

/// `POST termproxy`. The ticket is a password for this terminal.
#[derive(Deserialize)]
struct Invitation {
    user: String,
    ticket: String,
    #[serde(deserialize_with = "wire::number")]
    port: u16,
}

impl TermShell {
    pub(super) fn new(client: Client, node: String) -> Self {
        let open = client.inner.terminals.0.of(&node);
        Self { client, node, open }
    }

    fn path(&self) -> String {
        format!("nodes/{}", segment(&self.node))
    }

    async fn connect(&self, deadline: Instant) -> Result<Session<Terminal>, Error> {
        let deadline = deadline.min(Instant::now() + LOGIN);
        let terminal = self.terminal(None, deadline).await?;
        match timeout_at(deadline, Session::open(terminal, deadline)).await {
            Ok(opened) => opened.map_err(|why| self.failed(&why.to_string())),
            Err(_) => Err(self.failed("no shell in time")),
        }
    }

    /// A terminal, in which a program of PVE's runs, or root's login shell.
    pub(super) async fn terminal(&self, program: Option<(&str, &str)>, deadline: Instant) -> Result<Terminal, Error> {
        if !self.client.has_root() {
            let message = format!("a shell on {} takes the login of root@pam", self.node);
            let request = format!("POST /{}/termproxy", self.path());
            return Err(Error::NeedsRootTicket(Refusal { request, status: 0, message }));
        }
        let invite = Request::post(format!("{}/termproxy", self.path())).node(&self.node).root().secret_answer();
        let invite = match program {
            Some((program, options)) => invite.param("cmd", program).param("cmd-opts", options),
            None => invite,
        };
        match self.accept(&invite, deadline).await? {
            Ok(terminal) => Ok(terminal),
            // It waits for ten seconds only, and nothing was run in it.
            Err(Broken::Connection(why)) if Instant::now() < deadline => {
                tracing::debug!(node = self.node, why, "another terminal");
                self.accept(&invite, deadline).await?.map_err(|why| self.failed(&why.to_string()))
            }
            Err(why) => Err(self.failed(&why.to_string())),
        }
    }

    /// The inner error is that of a terminal that was there.
    async fn accept(&self, invite: &Request, deadline: Instant) -> Result<Result<Terminal, Broken>, Error> {
        // The terminal waits on the node that took this call, for ten seconds.
        let (invitation, endpoint) = self.client.call_at::<Invitation>(invite.clone()).await?;
        let path = format!("{}/vncwebsocket", self.path());
        let request = Request::get(&path)
            .node(&self.node)
            .root()
            .param("port", invitation.port)
            .secret("vncticket", &Secret::new(invitation.ticket.as_str()));
        let mut headers = HeaderMap::new();
        let key = generate_key();
        for (name, value) in [
            ("connection", "Upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-protocol", "binary"),
            ("sec-websocket-key", &key),
        ] {
            headers.insert(name, value.parse().map_err(|_| self.failed("the key is no header"))?);
        }

        let open = async {
            let (answered, io) = match self.client.upgrade(&endpoint, &request, headers).await {
                Ok(upgraded) => upgraded,
                Err(NotUpgraded::Unreachable(error)) => return Ok(Err(error)),
                Err(NotUpgraded::Unauthenticated(why) | NotUpgraded::Refused(why)) => {
                    return Err(Broken::Connection(format!("the terminal was not opened: {why}")));
                }
            };
            if answered.get("sec-websocket-accept").is_none_or(|accept| *accept != derive_accept_key(key.as_bytes())) {
                return Err(Broken::Connection("what answers for the terminal is no websocket".into()));
            }
            let socket = WebSocketStream::from_raw_socket(io, Role::Client, Some(limits())).await;
            Terminal::enter(socket, &invitation).await.map(Ok)
        };
        match timeout_at(deadline, open).await {
            Ok(Ok(opened)) => opened.map(Ok),
            Ok(Err(broken)) => Ok(Err(broken)),
            Err(_) => Err(self.failed("no shell in time")),
        }
    }

    /// The shell could not be had. No command was started.
    fn failed(&self, why: &str) -> Error {
        no_shell(&self.node, format!("POST /{}/termproxy", self.path()), why)
    }

    /// What a failure after the command was typed means.
    fn lost(&self, argv: &[String], why: Broken) -> Error {
        let request = named(argv, &self.node);
        match why {
            Broken::Garbled(Garbled::NoTemporaryDirectory) => self.failed(&Garbled::NoTemporaryDirectory.to_string()),
            Broken::Garbled(why) => Error::Protocol { request, message: why.to_string() },
            why => Error::AnswerLost { request, message: why.to_string() },
        }
    }
}

impl NodeShell for TermShell {
    fn node(&self) -> &str {
        &self.node
    }

    fn run<'a>(&'a self, argv: &'a [String], patience: Duration) -> BoxFuture<'a, Result<Output, Error>> {
        Box::pin(async move {
            if let Some(why) = no_command(argv) {
                return Err(self.failed(why));
            }
            let mut turn = self.open.turn().await;
            let deadline = Instant::now() + patience;
            let mut session = match turn.take() {
                Some(session) => session,
                None => self.connect(deadline).await?,
            };
            if Instant::now() >= deadline {
                return Err(self.failed("time was up when it was ready"));
            }
            tracing::debug!(node = self.node, command = quote::join(argv), "node shell");
            let output = session.run(argv, deadline).await.map_err(|why| self.lost(argv, why))?;
            turn.keep(session);
            Ok(output)
        })
    }
}

/// PVE's terminal behind a websocket.
pub(super) struct Terminal {
    socket: WebSocketStream<BoxedIo>,
    /// What came in one message with `OK`.
    first: Option<Vec<u8>>,
}

impl Terminal {
    /// Shows the ticket and sets the size.
    async fn enter(socket: WebSocketStream<BoxedIo>, invitation: &Invitation) -> Result<Self, Broken> {
        let mut terminal = Self { socket, first: None };
        terminal.message(format!("{}:{}\n", invitation.user, invitation.ticket).into_bytes()).await?;
        let mut seen = Vec::new();
        while seen.len() < 2 {
            match terminal.receive().await? {
                Some(bytes) => seen.extend(bytes),
                // The reason is in the task's log only.
                None => return Err(Broken::Connection("PVE did not accept the terminal's ticket".into())),
            }
        }
        if !seen.starts_with(b"OK") {
            return Err(Broken::Connection("PVE's terminal gave an unexpected answer".into()));
        }
        terminal.first = Some(seen.split_off(2)).filter(|rest| !rest.is_empty());
        terminal.message(framing::resize(COLUMNS, ROWS)).await?;
        Ok(terminal)
    }

    async fn message(&mut self, bytes: Vec<u8>) -> Result<(), Broken> {
        self.socket.send(Message::Binary(bytes.into())).await.map_err(broken)
    }
}

/// What a websocket of ours may carry: PVE sends what a terminal has printed, a few KiB at a time.
pub(crate) fn limits() -> WebSocketConfig {
    WebSocketConfig::default().max_message_size(Some(LARGEST)).max_frame_size(Some(LARGEST))
}

/// The next bytes that were printed; `None` when the terminal was closed.
pub(crate) async fn receive(socket: &mut WebSocketStream<BoxedIo>) -> Result<Option<Vec<u8>>, Broken> {
    loop {
        match socket.next().await {
            Some(Ok(Message::Binary(bytes))) => return Ok(Some(bytes.to_vec())),
            Some(Ok(Message::Text(text))) => return Ok(Some(text.as_bytes().to_vec())),
            Some(Ok(Message::Close(_))) | None => return Ok(None),
            // Pings are answered by the library.
            Some(Ok(_)) => {}
            Some(Err(tungstenite::Error::ConnectionClosed | tungstenite::Error::AlreadyClosed)) => return Ok(None),
            Some(Err(why)) => return Err(broken(why)),
        }
    }
}

fn broken(why: tungstenite::Error) -> Broken {
    Broken::Connection(why.to_string())
}

impl Wire for Terminal {
    fn send<'a>(&'a mut self, typed: &'a [u8]) -> BoxFuture<'a, Result<(), Broken>> {
        Box::pin(async move {
            for frame in framing::input(typed) {
                self.message(frame).await?;
            }
            Ok(())
        })
    }

    fn receive(&mut self) -> BoxFuture<'_, Result<Option<Vec<u8>>, Broken>> {
        Box::pin(async move {
            if let Some(first) = self.first.take() {
                return Ok(Some(first));
            }
            receive(&mut self.socket).await
        })
    }

    fn keep_alive(&mut self) -> BoxFuture<'_, Result<(), Broken>> {
        Box::pin(self.message(framing::PING.to_vec()))
    }
}

#[cfg(test)]
mod tests;
