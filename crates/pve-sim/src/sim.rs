//! Starting a simulated cluster.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::api;
use crate::cluster::access::{ROOT, Subject, Token, roles};
use crate::cluster::{Cluster, Profile};
use crate::kernel::Routes;
use crate::kernel::clock::{Clock, Time};
use crate::kernel::ids::Ids;
use crate::kernel::ssh::{self, HostKey, SshAt};
use crate::kernel::world::World;
use crate::kernel::{http, tls};
use crate::shape::Shape;

/// The version that is simulated where nobody says one.
const NEWEST: &str = "9.2";

/// What is simulated and how.
#[derive(Debug, Clone)]
pub struct Options {
    /// The cluster.
    pub shape: Shape,
    /// PVE's version: `8.4` or `9.2`, or with a third part. The shape's when unset.
    pub pve: Option<String>,
    /// Simulated seconds per real second, unless the shape says it; 0 stands still until it is put forward.
    pub factor: f64,
    /// What a disk move reaches, in bytes a second.
    pub bandwidth: Option<u64>,
    /// Real time added to each request.
    pub latency: Duration,
    /// Loopback address to listen on; with a port other than 0 the nodes take that one and those after it.
    pub listen: SocketAddr,
    /// Decides everything that a run hands out; a random one if absent.
    pub seed: Option<u64>,
    /// Password of `root@pam`; made up if absent.
    pub password: Option<String>,
    /// Further tokens of `root@pam`: the name, and the one role that each has on `/`.
    pub tokens: Vec<(String, String)>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            shape: Shape::default(),
            pve: None,
            factor: 60.0,
            bandwidth: None,
            latency: Duration::ZERO,
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
            seed: None,
            password: None,
            tokens: Vec::new(),
        }
    }
}

/// The simulator.
pub struct Sim;

/// A cluster that answers. It ends when this is dropped.
pub struct Running {
    /// Addresses by node, in the order of the nodes.
    pub endpoints: Vec<(String, String)>,
    /// SHA-256 fingerprints of the certificates by node, as they are at the start.
    pub fingerprints: BTreeMap<String, String>,
    /// `root@pam`.
    pub username: String,
    /// Its password.
    pub password: String,
    /// A token of `root@pam` that has all privileges that a token can have.
    pub api_token: String,
    /// The further tokens: those that were asked for by their names, those of the shape by their full ids (`ops@pve!ci`).
    pub tokens: BTreeMap<String, String>,
    /// Where the control address answers.
    pub control: String,
    /// Where the nodes are reached by SSH, by node; nowhere unless the shape says so.
    pub ssh: BTreeMap<String, SshAt>,
    /// The cluster itself, for tests in the same process.
    pub world: World,
    tasks: JoinSet<()>,
}

impl Sim {
    /// Starts a cluster; it answers when this returns.
    ///
    /// # Errors
    /// A version that is not simulated, an address that is none of this machine's loopback, a port that is taken.
    pub async fn start(options: Options) -> anyhow::Result<Running> {
        Self::start_with(options, api::routes()).await
    }

    async fn start_with(options: Options, routes: Routes) -> anyhow::Result<Running> {
        let profile = profile(&options)?;
        if !options.listen.ip().is_loopback() {
            bail!("{} is not a loopback address: the simulator serves this machine only", options.listen.ip());
        }
        let start = match &options.shape.clock.start {
            None => Time::from_unix(jiff::Timestamp::now().as_second().try_into().unwrap_or(0)),
            Some(text) => {
                let stamp: jiff::Timestamp = text.parse().with_context(|| format!("clock.start '{text}'"))?;
                Time::from_unix(u64::try_from(stamp.as_second()).context("clock.start lies before 1970")?)
            }
        };
        let seed = options.seed.unwrap_or_else(random_seed);
        let mut secrets = Ids::new(seed ^ 0x5eed);
        let password = options.password.clone().unwrap_or_else(|| secrets.hex(20));
        let mut cluster = Cluster::new(&options.shape, profile, start, seed);
        cluster.set_root_password(&password);
        let api_token = token_of_root(&mut cluster, "sim", false, secrets.uuid());
        let mut tokens = BTreeMap::new();
        for (name, role) in &options.tokens {
            let token = limited_token(&mut cluster, name, role, secrets.uuid())?;
            if tokens.insert(name.clone(), token).is_some() || name == "sim" {
                bail!("the token '{name}' is there twice");
            }
        }
        tokens.extend(tokens_of_users(&options.shape, &cluster));

        let (authority, somebody) = (tls::Authority::new()?, tls::Authority::new()?);
        let mut listeners = Vec::new();
        for (n, node) in (0u16..).zip(options.shape.nodes.iter().map(|node| node.name.clone())) {
            let mut address = options.listen;
            if address.port() != 0 {
                address.set_port(address.port().checked_add(n).context("too many nodes for that port")?);
            }
            let listener = TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
            let address = address.ip().to_string();
            let certificate = |authority: &tls::Authority| authority.for_node(&node, &address);
            let member = certificate(&authority)?;
            // A node by itself has signed its own.
            let own =
                if cluster.nodes.get(&node).is_some() { None } else { Some(certificate(&tls::Authority::new()?)?) };
            let shown = own.as_ref().unwrap_or(&member).fingerprint.clone();
            cluster.singles.know_certificates(&node, &shown, &member.fingerprint);
            if let Some(known) = cluster.nodes.get_mut(&node) {
                known.fingerprint.clone_from(&shown);
            }
            let acceptor = |tls: tls::Tls| TlsAcceptor::from(tls.config);
            let impostor = acceptor(certificate(&somebody)?);
            let member = acceptor(member);
            let own = own.map_or_else(|| member.clone(), acceptor);
            listeners.push((node, listener, shown, http::Acceptors { own, member, impostor }));
        }
        let control = TcpListener::bind(SocketAddr::new(options.listen.ip(), 0)).await?;

        let clock = Clock::new(start, options.shape.clock.factor.unwrap_or(options.factor));
        let world = World::new(cluster, clock, routes, options.latency);
        let mut running = Running {
            endpoints: Vec::new(),
            fingerprints: BTreeMap::new(),
            username: ROOT.to_owned(),
            password,
            api_token,
            tokens,
            control: format!("http://{}", control.local_addr()?),
            ssh: BTreeMap::new(),
            world: world.clone(),
            tasks: JoinSet::new(),
        };
        if options.shape.ssh {
            for (n, node) in (1u64..).zip(options.shape.nodes.iter().map(|node| node.name.clone())) {
                let (listener, key) = (TcpListener::bind((options.listen.ip(), 0)).await?, HostKey::new(seed ^ n));
                running.ssh.insert(node.clone(), SshAt::new(listener.local_addr()?, &key));
                running.tasks.spawn(ssh::serve(world.clone(), node, listener, key, running.password.clone()));
            }
        }
        running.tasks.spawn(world.clone().tick());
        running.tasks.spawn(http::serve_control(world.clone(), control));
        for (node, listener, fingerprint, acceptors) in listeners {
            running.endpoints.push((node.clone(), format!("https://{}", listener.local_addr()?)));
            running.fingerprints.insert(node.clone(), fingerprint);
            running.tasks.spawn(http::serve(world.clone(), node, listener, acceptors));
        }
        Ok(running)
    }
}

impl Running {
    /// The address of a node.
    pub fn endpoint(&self, node: &str) -> Option<&str> {
        self.endpoints.iter().find(|(name, _)| name == node).map(|(_, url)| url.as_str())
    }

    /// What the provider's `ssh` says to reach the nodes; null if they do not answer there.
    pub fn ssh_block(&self) -> Value {
        match self.ssh.is_empty() {
            true => Value::Null,
            false => json!({ "password": self.password, "agent": false, "nodes": self.ssh }),
        }
    }

    /// What `serve` prints when it answers.
    pub fn announcement(&self) -> Value {
        json!({
            "ssh": self.ssh_block(),
            "endpoints": self.endpoints.iter().cloned().collect::<BTreeMap<_, _>>(),
            "fingerprints": self.fingerprints,
            "username": self.username,
            "password": self.password,
            "api_token": self.api_token,
            "tokens": self.tokens,
            "control": self.control,
        })
    }

    /// What `run` puts into the environment of its command: what the provider reads, the control address, and each
    /// further token as `PVE_API_TOKEN_NAME` (`ops@pve!ci`: `PVE_API_TOKEN_OPS_PVE_CI`).
    pub fn environment(&self) -> Vec<(String, String)> {
        let pairs = |pairs: Vec<String>| pairs.join(",");
        let mut environment = vec![
            (
                "PVE_ENDPOINTS".to_owned(),
                pairs(self.endpoints.iter().map(|(node, url)| format!("{node}={url}")).collect()),
            ),
            (
                "PVE_FINGERPRINTS".to_owned(),
                pairs(self.fingerprints.iter().map(|(node, print)| format!("{node}={print}")).collect()),
            ),
            ("PVE_USERNAME".to_owned(), self.username.clone()),
            ("PVE_PASSWORD".to_owned(), self.password.clone()),
            ("PVE_API_TOKEN".to_owned(), self.api_token.clone()),
            ("PVE_SIM_CONTROL".to_owned(), self.control.clone()),
        ];
        if !self.ssh.is_empty() {
            let each = |of: fn(&SshAt) -> String| {
                pairs(self.ssh.iter().map(|(node, at)| format!("{node}={}", of(at))).collect())
            };
            environment.extend([
                ("PVE_SSH_PASSWORD".to_owned(), self.password.clone()),
                ("PVE_SSH_AGENT".to_owned(), "0".to_owned()),
                ("PVE_SSH_NODES".to_owned(), each(|at| format!("{}:{}", at.address, at.port))),
                ("PVE_SSH_HOST_KEYS".to_owned(), each(|at| at.host_key.clone())),
            ]);
        }
        environment.extend(self.tokens.iter().map(|(name, token)| {
            let name: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
            (format!("PVE_API_TOKEN_{}", name.to_ascii_uppercase()), token.clone())
        }));
        environment
    }

    /// Ends the cluster and waits until its ports are free.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}

fn profile(options: &Options) -> anyhow::Result<Profile> {
    let version = options.pve.as_ref().or(options.shape.pve.as_ref()).map_or(NEWEST, String::as_str);
    let Some(known) = Profile::of(version) else {
        bail!("PVE {version} is not simulated: known are 8.4 and 9.2");
    };
    let mut profile = Profile { bandwidth: options.bandwidth, ..known };
    match options.shape.ceph.release.as_deref() {
        None => {}
        Some(release @ ("16.2" | "18.2" | "20.2")) => profile.ceph = release.to_owned(),
        Some(other) => bail!("Ceph {other} is not simulated: known are 16.2, 18.2 and 20.2"),
    }
    Ok(profile)
}

fn token_of_root(cluster: &mut Cluster, name: &str, privsep: bool, value: String) -> String {
    let token = Token { privsep, expire: 0, comment: None, value: value.clone() };
    if let Some(root) = cluster.access.users.get_mut(ROOT) {
        root.tokens.insert(name.to_owned(), token);
    }
    format!("{ROOT}!{name}={value}")
}

/// A token that has one role on `/` and nothing else.
fn limited_token(cluster: &mut Cluster, name: &str, role: &str, value: String) -> anyhow::Result<String> {
    let letters = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if !(name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.len() > 1 && name.chars().all(letters)) {
        bail!("'{name}' is no token's name: a letter, then letters, digits, '.', '_' or '-'");
    }
    if cluster.access.role(role).is_none() {
        bail!("there is no role '{role}' for the token '{name}': PVE has {}", roles::BUILTIN.join(", "));
    }
    let subject = Subject::Token(format!("{ROOT}!{name}"));
    cluster.access.acl.insert(("/".to_owned(), subject, role.to_owned()), true);
    Ok(token_of_root(cluster, name, true, value))
}

/// The tokens of the shape's users, with their secrets: those that were made up are to be had nowhere else.
fn tokens_of_users(shape: &Shape, cluster: &Cluster) -> BTreeMap<String, String> {
    let made = |user: &str, id: &str| Some(cluster.access.users.get(user)?.tokens.get(id)?.value.clone());
    let all = shape.users.iter().flat_map(|user| user.tokens.iter().map(move |token| (&user.userid, &token.id)));
    let whole = all.filter_map(|(user, id)| {
        let full = format!("{user}!{id}");
        let token = format!("{full}={}", made(user, id)?);
        Some((full, token))
    });
    whole.collect()
}

fn random_seed() -> u64 {
    let bytes = uuid::Uuid::new_v4().into_bytes();
    bytes.iter().take(8).fold(0, |seed, byte| seed << 8 | u64::from(*byte))
}

#[cfg(test)]
mod fault_tests;
#[cfg(test)]
mod probes;
#[cfg(test)]
mod replay;
#[cfg(test)]
mod tests;
