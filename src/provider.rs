//! The provider: its configuration, and everything it offers.

mod environment;
mod ssh;
mod trust;

use std::collections::BTreeMap;

use pve_client::config::Ca;
use pve_client::{Client, Config, Proxies};
use terraform_plugin::{Attr, Error, Move, Path, Provider, ProviderConfig, Registry, Say, Secret, Start};

use crate::access;
use crate::acme;
use crate::ceph;
use crate::cluster;
use crate::ct;
use crate::firewall;
use crate::functions;
use crate::ground::ledger::Ledger;
use crate::ground::pve::Pve;
use crate::ha;
use crate::job;
use crate::mapping;
use crate::metrics;
use crate::node;
use crate::notification;
use crate::storage;
use crate::vm;
use environment::Environment;
use ssh::{Ssh, SshPlan};

/// The Proxmox VE provider takes three nodes from bare disks to highly available virtual machines on Ceph.
///
/// Every attribute can be left out and given in the environment instead; `provider "pve" {}` is then all there is.
///
/// An API token is enough to plan and for most of the work. PVE reserves making and destroying OSDs and its own
/// terminal (which CRUSH rules need) to `root@pam` with its password: give both, and the password is used for nothing
/// else. With `ssh` neither is needed: what is root's goes to the node as a command.
#[derive(ProviderConfig, Clone, Debug, PartialEq)]
pub struct PveConfig {
    /// The nodes' addresses by node name: `{ pve1 = "https://192.0.2.11:8006" }`. Any one of them answers for the whole
    /// cluster; with more than one the provider survives the death of a node. `https://HOST` is port 443, as everywhere; a
    /// bare `HOST` is PVE's own port 8006. `PVE_ENDPOINTS`: the same as `name=url,name=url`, or a list of urls. Without it
    /// `PROXMOX_VE_ENDPOINT` is read: one url.
    ///
    /// They may be nodes that are in no cluster yet: each is then asked only for what is its own, until `pve_cluster` has made
    /// one of them a cluster.
    #[attr(optional)]
    pub endpoints: Option<BTreeMap<String, String>>,
    /// SHA-256 fingerprints of the nodes' certificates by node name, as `pvenode cert info` shows them. Takes the place
    /// of every other check of that certificate. `PVE_FINGERPRINTS`: `name=AA:BB:..,name=..`, or one fingerprint alone for
    /// a single endpoint. An endpoint whose certificate is another is not used, which is warned about.
    #[attr(optional)]
    pub fingerprints: Option<BTreeMap<String, String>>,
    /// A file with the certificate authority to trust instead of the system's, in PEM; a node's own certificate will do.
    /// `PVE_CA_FILE`.
    #[attr(optional)]
    pub ca_file: Option<String>,
    /// Trusts any certificate: whoever is in between reads everything. Prefer `fingerprints`. `PVE_INSECURE`.
    #[attr(optional)]
    pub insecure: Option<bool>,
    /// The proxy that leads to the nodes: `http://HOST:PORT` or `socks5h://HOST:PORT`, with `USER:PASSWORD@` where it wants
    /// that, or `none`. `PVE_PROXY`. Without it `HTTPS_PROXY` or else `ALL_PROXY` is asked, and `NO_PROXY` for what is reached
    /// directly. Loopback addresses are never reached through a proxy.
    #[attr(optional, sensitive)]
    pub proxy: Option<Secret<String>>,
    /// API token, `USER@REALM!NAME=SECRET`. `PVE_API_TOKEN`.
    #[attr(optional, sensitive)]
    pub api_token: Option<Secret<String>>,
    /// User with its realm, such as `root@pam`. `PVE_USERNAME`.
    #[attr(optional)]
    pub username: Option<String>,
    /// The user's password. `PVE_PASSWORD`.
    #[attr(optional, sensitive)]
    pub password: Option<Secret<String>>,
    /// How the nodes are reached by SSH, for what PVE's API cannot do: files and services of nodes, partitions, CRUSH rules, device
    /// classes. Without it PVE's own terminal is used for all but files and services, which takes `root@pam` with its password.
    /// `PVE_SSH_PRIVATE_KEY`, `PVE_SSH_PASSWORD` or `PVE_SSH_AGENT` is enough to have it.
    #[attr(optional)]
    pub ssh: Option<Ssh>,
}

/// The provider.
#[derive(Debug)]
pub struct PveProvider;

impl Provider for PveProvider {
    const NAME: &'static str = "pve";
    type Config = PveConfig;
    type Api = Pve;

    const FILTERS: &'static [&'static str] = &[
        "content",
        "device_class",
        "name",
        "node",
        "nodes",
        "path",
        "place",
        "pool",
        "poolid",
        "realm",
        "roleid",
        "storage",
        "tags",
        "type",
        "userid",
        "vmid",
        "who",
    ];

    fn validate(config: &PveConfigPlan, say: &mut Say<PveConfig>) {
        if let Some(token) = config.api_token.known()
            && !(token.reveal().contains('!') && token.reveal().contains('='))
        {
            say.error("api_token", "Malformed API token", "A token reads USER@REALM!NAME=SECRET.");
        }
        if let Some(username) = config.username.known()
            && !username.contains('@')
        {
            say.error(
                "username",
                "User without a realm",
                format!("\"{username}\" names no realm; did you mean \"{username}@pam\"?"),
            );
        }
        if let Some(proxy) = config.proxy.known()
            && let Err(why) = proxies(proxy.reveal())
        {
            say.error("proxy", "Unusable proxy", why);
        }
        for (name, url) in config.endpoints.known().into_iter().flatten() {
            if let Some(url) = url.known()
                && url.starts_with("http://")
            {
                say.error(
                    Path::attr("endpoints").key(name),
                    "Endpoint without TLS",
                    format!("PVE speaks https only: write \"https{}\".", &url["http".len()..]),
                );
            }
        }
    }

    async fn configure(config: PveConfigPlan, start: Start) -> Result<Pve, Error> {
        let environment = Environment::read();
        let config = client_config(&config, &environment, &start)?;
        trust::unchecked(&config).into_iter().for_each(|warning| start.notices.warn(warning));
        let (way, proved) = (trust::way(&config), !config.insecure);
        let client =
            Client::new(config).map_err(|error| Error::new("Unusable provider configuration", error.to_string()))?;
        trust::look(&client, &start.notices, proved).await;
        Ok(Pve { client: client.with_stop(start.stop.token()), ledger: Ledger::default(), way })
    }

    async fn scope(api: &Pve) -> String {
        match api.client.cluster().status().await {
            Ok(status) => {
                status.name.clone().or_else(|| status.members.first().map(|node| node.name.clone())).unwrap_or_default()
            }
            Err(error) => {
                tracing::debug!(%error, "the cluster's name cannot be told");
                String::new()
            }
        }
    }

    fn way(api: &Pve) -> Option<String> {
        api.way.clone()
    }

    fn clock(api: &Pve) -> i64 {
        api.client.server_time().unwrap_or(0)
    }

    fn moves() -> &'static [Move] {
        crate::moves::all()
    }

    fn registry() -> Registry<Pve> {
        let areas = [
            access::offer,
            acme::offer,
            ceph::offer,
            cluster::offer,
            ct::offer,
            firewall::offer,
            functions::offer,
            ha::offer,
            job::offer,
            mapping::offer,
            metrics::offer,
            node::offer,
            notification::offer,
            storage::offer,
            vm::offer,
        ];
        areas.into_iter().fold(Registry::new(), |registry, offer| offer(registry))
    }
}

/// The configuration, with the environment where it says nothing.
fn client_config(config: &PveConfigPlan, environment: &Environment, start: &Start) -> Result<Config, Error> {
    let agent = format!("terraform-provider-pve/{} terraform/{}", env!("CARGO_PKG_VERSION"), start.terraform_version);
    let mut client = Config { user_agent: agent, ..Config::default() };
    match known("endpoints", &config.endpoints)? {
        Some(endpoints) => {
            for (name, url) in endpoints {
                client = client.endpoint(name, text(&Path::attr("endpoints").key(name), url)?);
            }
        }
        None => {
            for (name, url) in &environment.endpoints {
                client = match name {
                    Some(name) => client.endpoint(name, url),
                    None => client.url(url),
                };
            }
        }
    }
    if client.endpoints.is_empty() {
        return Err(Error::new(
            "No endpoint",
            "Where is the cluster? Set `endpoints = { NODE = \"https://ADDRESS:8006\" }` on the provider, or PVE_ENDPOINTS.",
        )
        .at("endpoints"));
    }
    match known("fingerprints", &config.fingerprints)? {
        Some(fingerprints) => {
            for (name, fingerprint) in fingerprints {
                client = client.fingerprint(name, text(&Path::attr("fingerprints").key(name), fingerprint)?);
            }
        }
        None => client = trust::pinned(client, &environment.fingerprints)?,
    }
    client.ca =
        known("ca_file", &config.ca_file)?.cloned().or_else(|| environment.ca_file.clone()).map(|f| Ca::File(f.into()));
    client.insecure = known("insecure", &config.insecure)?.copied().unwrap_or(environment.insecure);
    client.proxies = match known("proxy", &config.proxy)?.map(|proxy| proxy.reveal()).or(environment.proxy.as_ref()) {
        Some(proxy) => proxies(proxy).map_err(|why| Error::new("Unusable proxy", why).at("proxy"))?,
        None => environment.proxies.clone(),
    };
    let token = known("api_token", &config.api_token)?.map(|t| t.reveal().clone());
    let username = known("username", &config.username)?.cloned();
    let password = known("password", &config.password)?.map(|p| p.reveal().clone());
    // What is written down wins as a whole: a token in the configuration is not joined by a password from elsewhere
    // unless that is root's, which does what tokens cannot.
    if let Some(token) = token.or_else(|| environment.api_token.clone()) {
        client = client.token(token);
    }
    match (username.or_else(|| environment.username.clone()), password.or_else(|| environment.password.clone())) {
        (Some(username), Some(password)) => client = client.login(username, password),
        (Some(username), None) if client.token.is_none() => {
            return Err(Error::new(
                "No password",
                format!("User {username} needs `password` on the provider, or PVE_PASSWORD."),
            )
            .at("password"));
        }
        (None, Some(_)) if client.token.is_none() => {
            return Err(Error::new(
                "No user",
                "The password belongs to whom? Set `username` on the provider, or PVE_USERNAME.",
            )
            .at("username"));
        }
        _ => {}
    }
    client.ssh = match known("ssh", &config.ssh)? {
        Some(ssh) => Some(ssh::config(ssh, &environment.ssh)?),
        None if environment.ssh.is_given() => Some(ssh::config(&SshPlan::default(), &environment.ssh)?),
        None => None,
    };
    Ok(client)
}

/// What `proxy` means.
fn proxies(proxy: &str) -> Result<Proxies, String> {
    match proxy {
        "none" => Ok(Proxies::default()),
        address => Proxies::at(address).map_err(|why| format!("{why}, or none")),
    }
}

/// The value of a provider attribute, if it is set.
fn known<'a, T>(name: &str, attribute: &'a Attr<T>) -> Result<Option<&'a T>, Error> {
    match attribute {
        Attr::Known(value) => Ok(Some(value)),
        Attr::Null => Ok(None),
        Attr::Unknown => Err(Error::new(
            "The provider's configuration is not known yet",
            format!("`{name}` depends on something that is made in the same run. Apply that first (-target)."),
        )
        .at(name)),
    }
}

fn text<'a>(path: &Path, attribute: &'a Attr<String>) -> Result<&'a str, Error> {
    match known(&path.to_string(), attribute)? {
        Some(text) => Ok(text),
        None => Err(Error::new("Empty entry", "The entry has no value.").at(path.clone())),
    }
}
