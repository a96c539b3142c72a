//! What a client needs to know. Nothing is read from the environment here.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::shell::ssh::SshConfig;
use crate::{Proxies, Secret};

/// The settings of a [`crate::Client`]. They are checked by [`crate::Client::new`].
///
/// ```
/// use pve_client::Config;
/// let config = Config::default()
///     .endpoint("pve1", "https://192.0.2.11:8006")
///     .endpoint("pve2", "https://192.0.2.12:8006")
///     .fingerprint("pve1", "AA:BB:...")
///     .token("terraform@pve!ci=00000000-0000-0000-0000-000000000000")
///     .login("root@pam", "secret");
/// ```
#[derive(Clone)]
pub struct Config {
    /// Where PVE answers. Any node answers for the whole cluster.
    pub endpoints: Vec<EndpointConfig>,
    /// SHA-256 of an endpoint's certificate, by the endpoint's node name or URL; hex with or without colons. Replaces
    /// every other check for that endpoint.
    pub fingerprints: BTreeMap<String, String>,
    /// Trusts this CA instead of the system's.
    pub ca: Option<Ca>,
    /// Trusts any certificate that has no fingerprint given. Whoever is in between can read everything.
    pub insecure: bool,
    /// API token, `USER@REALM!ID=SECRET`.
    pub token: Option<Secret>,
    /// User and password. With a token as well, this is used only for what PVE reserves to root@pam.
    pub login: Option<Login>,
    /// The way to a shell on the nodes by SSH. Default: none, PVE's terminal is used.
    pub ssh: Option<SshConfig>,
    /// The proxies that lead there. Default: none, whatever the environment says.
    pub proxies: Proxies,
    /// For TCP and TLS together, and the proxy on the way. Default 10 s.
    pub connect_timeout: Duration,
    /// For one request, from the first byte to the last of the answer. PVE's own proxy gives up after 30 s; what runs
    /// longer are tasks. Default 60 s.
    pub request_timeout: Duration,
    /// How long a write that is refused because somebody else holds the lock is tried again. Default 2 min.
    pub lock_patience: Duration,
    /// Sent as `User-Agent`.
    pub user_agent: String,
}

/// One address of the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointConfig {
    /// The node that answers there, if known: its own requests then go straight to it.
    pub node: Option<String>,
    /// `https://HOST:PORT`. Without a port `https://HOST` is 443, as everywhere; a bare `HOST` is 8006, PVE's own.
    pub url: String,
}

/// A certificate authority.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ca {
    /// A file with PEM certificates, read at the first connection.
    File(PathBuf),
    /// PEM certificates.
    Pem(String),
}

/// A user and its password.
#[derive(Clone)]
pub struct Login {
    /// `USER@REALM`.
    pub username: String,
    /// The password.
    pub password: Secret,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            endpoints: Vec::new(),
            fingerprints: BTreeMap::new(),
            ca: None,
            insecure: false,
            token: None,
            login: None,
            ssh: None,
            proxies: Proxies::default(),
            connect_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(60),
            lock_patience: Duration::from_secs(120),
            user_agent: concat!("pve-client/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

impl Config {
    /// Adds the endpoint of a node.
    #[must_use]
    pub fn endpoint(mut self, node: impl Into<String>, url: impl Into<String>) -> Config {
        self.endpoints.push(EndpointConfig { node: Some(node.into()), url: url.into() });
        self
    }

    /// Adds an endpoint without saying which node it is.
    #[must_use]
    pub fn url(mut self, url: impl Into<String>) -> Config {
        self.endpoints.push(EndpointConfig { node: None, url: url.into() });
        self
    }

    /// Pins the certificate of the endpoint with this node name or URL.
    #[must_use]
    pub fn fingerprint(mut self, endpoint: impl Into<String>, fingerprint: impl Into<String>) -> Config {
        self.fingerprints.insert(endpoint.into(), fingerprint.into());
        self
    }

    /// Trusts this CA instead of the system's.
    #[must_use]
    pub fn ca(mut self, ca: Ca) -> Config {
        self.ca = Some(ca);
        self
    }

    /// Trusts any certificate.
    #[must_use]
    pub fn insecure(mut self, insecure: bool) -> Config {
        self.insecure = insecure;
        self
    }

    /// Goes through proxies.
    #[must_use]
    pub fn proxies(mut self, proxies: Proxies) -> Config {
        self.proxies = proxies;
        self
    }

    /// Sets the API token.
    #[must_use]
    pub fn token(mut self, token: impl Into<Secret>) -> Config {
        self.token = Some(token.into());
        self
    }

    /// Sets user and password.
    #[must_use]
    pub fn login(mut self, username: impl Into<String>, password: impl Into<Secret>) -> Config {
        self.login = Some(Login { username: username.into(), password: password.into() });
        self
    }
}
