//! The nodes' sshd: commands only, for root with its password, each with the faults that are in force.
//!
//! A command is recorded among the requests, as `POST /nodes/pve1/ssh/file` or `GET /nodes/pve1/ssh/systemctl/show`: what only
//! looks is a GET, so that tests count writes as they do elsewhere.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use http::HeaderMap;
use russh::keys::ssh_key::private::Ed25519Keypair;
use russh::keys::{HashAlg, PrivateKey};
use russh::server::{Auth, ChannelOpenHandle, Config, Handler, Msg, Session, run_stream};
use russh::{Channel, ChannelId, Error};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::faults::{Effect, Fault, When, strike};
use super::kill::Ends;
use super::pipeline::{Body, Request};
use super::pvesh;
use super::record::Recorded;
use super::world::World;
use crate::shell::{Said, command, words};

/// A node's host key.
pub(crate) struct HostKey(PrivateKey);

impl HostKey {
    /// Made of a number.
    pub(crate) fn new(seed: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_be_bytes());
        Self(PrivateKey::from(Ed25519Keypair::from_seed(&bytes)))
    }

    /// As `ssh-keygen -l` shows it.
    pub(crate) fn fingerprint(&self) -> String {
        self.0.public_key().fingerprint(HashAlg::Sha256).to_string()
    }
}

/// Serves a node. Never returns.
pub(crate) async fn serve(world: World, node: String, listener: TcpListener, key: HostKey, password: String) {
    let config = Config { keys: vec![key.0], nodelay: true, ..Config::default() };
    let config = Arc::new(config);
    let mut sessions = JoinSet::new();
    while let Ok((stream, peer)) = listener.accept().await {
        while sessions.try_join_next().is_some() {}
        // A node that is off answers nobody.
        if !world.with(|cluster| cluster.nodes.online(&node)) {
            continue;
        }
        let Ok(address) = stream.local_addr() else { continue };
        let ends = Ends { peer, node: address };
        let (world, node, password) = (world.clone(), node.clone(), password.clone());
        let handler = Login { world, node, ends, password, open: HashMap::new() };
        sessions.spawn(session(config.clone(), stream, handler));
    }
}

async fn session(config: Arc<Config>, stream: TcpStream, handler: Login) {
    // Whoever goes away in the middle is the client's affair.
    if let Ok(running) = run_stream(config, stream, handler).await {
        drop(running.await);
    }
}

/// One connection.
struct Login {
    world: World,
    node: String,
    ends: Ends,
    password: String,
    /// What each channel is to run, and what has come for it so far.
    open: HashMap<ChannelId, (String, Vec<u8>)>,
}

impl Handler for Login {
    type Error = Error;

    async fn auth_password(&mut self, user: &str, password: &str) -> Result<Auth, Error> {
        Ok(if user == "root" && password == self.password { Auth::Accept } else { Auth::reject() })
    }

    async fn channel_open_session(
        &mut self,
        _channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Error> {
        reply.accept().await;
        Ok(())
    }

    async fn exec_request(&mut self, id: ChannelId, line: &[u8], session: &mut Session) -> Result<(), Error> {
        self.open.insert(id, (String::from_utf8_lossy(line).into_owned(), Vec::new()));
        session.channel_success(id)
    }

    async fn data(&mut self, id: ChannelId, data: &[u8], _session: &mut Session) -> Result<(), Error> {
        if let Some((_, input)) = self.open.get_mut(&id) {
            input.extend(data);
        }
        Ok(())
    }

    async fn channel_eof(&mut self, id: ChannelId, session: &mut Session) -> Result<(), Error> {
        let Some((line, input)) = self.open.remove(&id) else { return Ok(()) };
        let Some(said) = self.run(&line, &input).await else { return Err(Error::Disconnect) };
        session.data(id, said.stdout)?;
        session.extended_data(id, 1, said.stderr)?;
        session.exit_status_request(id, u32::try_from(said.status).unwrap_or(255))?;
        session.eof(id)?;
        session.close(id)
    }
}

impl Login {
    /// Runs a command; none if the connection ends without a word.
    async fn run(&self, line: &str, input: &[u8]) -> Option<Said> {
        let (world, node) = (&self.world, self.node.as_str());
        let words = words(line);
        if let Some(arguments) = pvesh::arguments(&words) {
            return pvesh::run(world, node, self.ends, arguments).await;
        }
        let (method, what) = kind(&words);
        let path = format!("/nodes/{node}/ssh/{what}");
        let request = Request {
            ends: self.ends,
            method: method.to_owned(),
            path: path.clone(),
            query: String::new(),
            extjs: false,
            headers: HeaderMap::new(),
            body: Body::Form(String::new()),
        };
        let write = world.with(|cluster| cluster.concurrency.arrives(node, method, &path));
        // What is an answer of PVE's server is none of a program's.
        let is_ours = |fault: &Fault| {
            use Effect::{Delay, Drop, Hold, Kill, Outage, Power, Signal, Skew};
            matches!(
                fault.effect,
                Delay { .. }
                    | Drop { .. }
                    | Hold { .. }
                    | Kill { .. }
                    | Outage { .. }
                    | Power { .. }
                    | Signal { .. }
                    | Skew { .. }
            )
        };
        let mut strikes = world.with(|cluster| cluster.faults.strike(method, &path, node));
        strikes.retain(is_ours);
        let (before, after): (Vec<Fault>, Vec<Fault>) =
            strikes.into_iter().partition(|fault| fault.when == When::Before);
        let mut struck = None;
        for fault in &before {
            struck = struck.or(strike(world, node, &request, fault).await);
        }
        let mut end = match struck {
            Some(_) => None,
            None if world.with(|cluster| cluster.nodes.online(node)) => Some(carry_out(world, node, line, input)),
            None => None,
        };
        for fault in &after {
            if strike(world, node, &request, fault).await.is_some() {
                end = None;
            }
        }
        world.with(|cluster| {
            cluster.concurrency.leaves(node, write);
            cluster.requests.push(Recorded {
                node: node.to_owned(),
                peer: self.ends.peer.to_string(),
                method: method.to_owned(),
                path,
                params: serde_json::Map::new(),
                status: end.as_ref().map(|_| 200),
                user: Some("root".to_owned()),
            });
        });
        end.filter(|_| world.with(|cluster| cluster.nodes.online(node)))
    }
}

/// Runs a line on a node's files.
pub(crate) fn carry_out(world: &World, node: &str, line: &str, input: &[u8]) -> Said {
    let taken = world.with(|cluster| {
        let now = cluster.now.unix();
        let mut files = cluster.nodes.get(node)?.files.clone();
        files.at(now);
        Some(files)
    });
    let Some(mut files) = taken else { return Said::default() };
    let before = files.clone();
    let said = command(node, line, input, &mut files, &mut |argv| world.routes().program(world, node, argv));
    world.with(|cluster| {
        if let Some(node) = cluster.nodes.get_mut(node) {
            node.files.merge(&before, files);
        }
    });
    said
}

/// How a command is recorded: what only looks is a GET, what removes a DELETE.
fn kind(words: &[String]) -> (&'static str, String) {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match &words[..] {
        ["sh", "-c", script, ..] => {
            let writes = [" mv ", "chmod "].iter().any(|word| script.contains(word));
            let method = if writes {
                "POST"
            } else if script.contains("rm -f") {
                "DELETE"
            } else {
                "GET"
            };
            (method, "file".to_owned())
        }
        ["systemctl", verb, ..] => (if *verb == "show" { "GET" } else { "POST" }, format!("systemctl/{verb}")),
        ["journalctl", ..] => ("GET", "journalctl".to_owned()),
        [program, ..] => ("POST", program.rsplit('/').next().unwrap_or_default().to_owned()),
        [] => ("POST", String::new()),
    }
}

/// Where a node is reached by SSH.
#[derive(Debug, Clone, serde::Serialize)]
pub struct SshAt {
    /// Address.
    pub address: String,
    /// Port.
    pub port: u16,
    /// Fingerprint of its host key.
    pub host_key: String,
}

impl SshAt {
    pub(crate) fn new(address: SocketAddr, key: &HostKey) -> Self {
        Self { address: address.ip().to_string(), port: address.port(), host_key: key.fingerprint() }
    }
}
