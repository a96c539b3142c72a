//! The node shell over SSH: for clusters whose root@pam has no password that a program may know, or a second factor.
//!
//! Each command is a channel of its own, so exit status and both streams come as the node has them. A connection serves
//! the commands of one node, one after the other, and is closed when nobody has used it for a while.

mod host_key;
mod login;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use russh::client::{Handle, Msg};
use russh::{Channel, ChannelMsg, Sig, client};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use super::kept::{Kept, LOGIN, PerNode, named, no_command, no_shell};
use super::{NodeShell, Output, quote};
use crate::{Client, Error, Secret};
use host_key::{HostKey, Verdict};

/// The most that a command may say.
const LARGEST: usize = 64 << 20;

/// How to get a shell on the nodes by SSH.
#[derive(Clone)]
pub struct SshConfig {
    /// Who logs in. Anybody but root runs each command by `sudo`, which must not ask for a password. Default `root`.
    pub username: String,
    /// The port, where a node has none of its own. Default 22.
    pub port: u16,
    /// The ways to log in, tried in this order: a private key in OpenSSH's or PEM's form, the agent that listens on this
    /// socket, a password.
    pub private_key: Option<Secret>,
    /// The agent's socket.
    pub agent: Option<PathBuf>,
    /// The password.
    pub password: Option<Secret>,
    /// The host keys that are trusted, in OpenSSH's form, where a node has none of its own.
    pub known_hosts: Option<PathBuf>,
    /// What is known of single nodes.
    pub nodes: BTreeMap<String, SshNode>,
}

/// What is known of a node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SshNode {
    /// Its address; else what the cluster says.
    pub address: Option<String>,
    /// Its port.
    pub port: Option<u16>,
    /// The fingerprint of its host key, `SHA256:...`, as `ssh-keygen -l` shows it. Takes the place of `known_hosts`.
    pub host_key: Option<String>,
}

impl Default for SshConfig {
    fn default() -> Self {
        Self {
            username: "root".to_owned(),
            port: 22,
            private_key: None,
            agent: None,
            password: None,
            known_hosts: None,
            nodes: BTreeMap::new(),
        }
    }
}

impl SshConfig {
    /// Finds what could never work before anything is connected: a key that is none, a fingerprint that is none.
    pub fn check(&self) -> Result<(), String> {
        self.private_key.as_ref().map_or(Ok(()), |key| login::private_key(key).map(drop))?;
        for (node, known) in &self.nodes {
            if let Some(pin) = &known.host_key {
                host_key::fingerprint(pin).map_err(|why| format!("the host key of {node}: {why}"))?;
            }
        }
        if self.private_key.is_none() && self.agent.is_none() && self.password.is_none() {
            return Err("no way to log in: give a private key, an agent or a password".to_owned());
        }
        Ok(())
    }
}

/// The connections of a client, and how they are made.
pub(crate) struct Connections {
    config: SshConfig,
    open: PerNode<Handle<HostKey>>,
}

impl Connections {
    pub(crate) fn new(config: SshConfig) -> Self {
        Self { config, open: PerNode::default() }
    }
}

/// A shell on one node. All shells of a client on the same node share a connection.
#[derive(Clone)]
pub struct SshShell {
    client: Client,
    ssh: Arc<Connections>,
    node: String,
    open: Kept<Handle<HostKey>>,
}

impl fmt::Debug for SshShell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SshShell({})", self.node)
    }
}

impl SshShell {
    pub(super) fn new(client: Client, ssh: Arc<Connections>, node: String) -> Self {
        let open = ssh.open.of(&node);
        Self { client, ssh, node, open }
    }

    /// Host and port of the node.
    async fn place(&self) -> Result<(String, u16), Error> {
        let known = self.ssh.config.nodes.get(&self.node);
        let port = known.and_then(|node| node.port).unwrap_or(self.ssh.config.port);
        if let Some(address) = known.and_then(|node| node.address.clone()) {
            return Ok((address, port));
        }
        let status = self.client.cluster().status().await?;
        let member = status.members.iter().find(|member| member.name == self.node);
        match member.and_then(|member| member.ip.clone()) {
            Some(address) => Ok((address, port)),
            None => Err(self.failed("the cluster does not tell its address; give it in the provider's `ssh`")),
        }
    }

    async fn connect(&self, deadline: Instant) -> Result<Handle<HostKey>, Error> {
        let deadline = deadline.min(Instant::now() + LOGIN);
        let (host, port) = self.place().await?;
        let config = &self.ssh.config;
        let pin = config.nodes.get(&self.node).and_then(|node| node.host_key.clone());
        let trust = HostKey::new(&host, port, pin, config.known_hosts.clone());
        let preferred = trust.preferred();
        let told = trust.told();
        let open = async {
            let socket = TcpStream::connect((host.as_str(), port)).await.map_err(|error| error.to_string())?;
            let settings = client::Config { preferred, nodelay: true, ..client::Config::default() };
            let connected = client::connect_stream(Arc::new(settings), socket, trust).await;
            let mut handle = connected.map_err(|error| match told.lock().map(|told| told.clone()) {
                Ok(Some(Verdict::Trusted) | None) | Err(_) => error.to_string(),
                Ok(Some(verdict)) => verdict.to_string(),
            })?;
            login::log_in(&mut handle, config).await?;
            Ok(handle)
        };
        let told = |why: String| self.failed(&format!("SSH to {host}:{port}: {why}"));
        match timeout_at(deadline, open).await {
            Ok(opened) => opened.map_err(told),
            Err(_) => Err(told("no shell in time".to_owned())),
        }
    }

    /// The shell could not be had. No command was started.
    fn failed(&self, why: &str) -> Error {
        no_shell(&self.node, format!("SSH to {}", self.node), why)
    }

    /// Runs a program as [`NodeShell::run`] does, with this as its standard input: what nobody may read in the list of
    /// processes goes this way. `called` is what errors call it.
    pub async fn feed(&self, argv: &[String], input: &[u8], called: &str, patience: Duration) -> Result<Output, Error> {
        if let Some(why) = no_command(argv) {
            return Err(self.failed(why));
        }
        let mut turn = self.open.turn().await;
        let deadline = Instant::now() + patience;
        let handle = match turn.take().filter(|handle| !handle.is_closed()) {
            Some(handle) => handle,
            None => self.connect(deadline).await?,
        };
        let channel = match timeout_at(deadline, handle.channel_open_session()).await {
            Ok(opened) => opened.map_err(|error| self.failed(&error.to_string()))?,
            Err(_) => return Err(self.failed("time was up when it was ready")),
        };
        tracing::debug!(node = self.node, command = quote::join(argv), "node shell by SSH");
        let lost = |message: String| Error::AnswerLost { request: called.to_owned(), message };
        match timeout_at(deadline, exchange(channel, self.line(argv), input)).await {
            Ok(Ok(output)) => {
                turn.keep(handle);
                Ok(output)
            }
            Ok(Err(Broken::Refused)) => Err(self.failed("the server runs no commands for this login")),
            Ok(Err(Broken::Lost(why))) => Err(lost(why)),
            Err(_) => Err(lost("no answer in time".to_owned())),
        }
    }

    /// The command as the node's shell is given it.
    fn line(&self, argv: &[String]) -> String {
        match self.ssh.config.username.as_str() {
            "root" => quote::join(argv),
            _ => format!("sudo -n -- {}", quote::join(argv)),
        }
    }
}

impl NodeShell for SshShell {
    fn node(&self) -> &str {
        &self.node
    }

    fn run<'a>(&'a self, argv: &'a [String], patience: Duration) -> BoxFuture<'a, Result<Output, Error>> {
        Box::pin(async move { self.feed(argv, &[], &named(argv, &self.node), patience).await })
    }
}

/// Why a command has no result.
enum Broken {
    /// It was not started.
    Refused,
    Lost(String),
}

/// Runs a command on a channel, to its end.
async fn exchange(mut channel: Channel<Msg>, line: String, input: &[u8]) -> Result<Output, Broken> {
    let lost = |error: russh::Error| Broken::Lost(error.to_string());
    channel.exec(true, line).await.map_err(lost)?;
    // A program that ends before it has read everything says so by its status.
    if channel.data(input).await.is_ok() {
        drop(channel.eof().await);
    }
    let (mut output, mut status) = (Output::default(), None);
    while let Some(message) = channel.wait().await {
        match message {
            ChannelMsg::Failure => return Err(Broken::Refused),
            ChannelMsg::Data { data } => output.stdout.extend_from_slice(&data),
            ChannelMsg::ExtendedData { data, ext: 1 } => output.stderr.extend_from_slice(&data),
            ChannelMsg::ExitStatus { exit_status } => status = i32::try_from(exit_status).ok(),
            ChannelMsg::ExitSignal { signal_name, .. } => status = Some(128 + number(&signal_name)),
            _ => {}
        }
        if output.stdout.len() + output.stderr.len() > LARGEST {
            return Err(Broken::Lost(format!("it said more than {} MiB", LARGEST >> 20)));
        }
    }
    match status {
        Some(status) => Ok(Output { status, ..output }),
        None => Err(Broken::Lost("the connection was closed before its end".to_owned())),
    }
}

/// Linux's number of a signal.
fn number(signal: &Sig) -> i32 {
    match signal {
        Sig::HUP => 1,
        Sig::INT => 2,
        Sig::QUIT => 3,
        Sig::ILL => 4,
        Sig::ABRT => 6,
        Sig::FPE => 8,
        Sig::KILL => 9,
        Sig::USR1 => 10,
        Sig::SEGV => 11,
        Sig::PIPE => 13,
        Sig::ALRM => 14,
        Sig::TERM => 15,
        Sig::Custom(_) => 0,
    }
}

#[cfg(test)]
mod tests;
