//! The way to an endpoint: a client that connects there and nowhere else.

use std::time::Duration;

use reqwest::ClientBuilder;

use super::Endpoint;
use super::attempt::Watch;
use super::tls::Trust;
use crate::{Config, Error};

/// PVE closes a connection that was idle for 5 s; one about to be closed must not get a request.
const IDLE: Duration = Duration::from_secs(4);

/// Why no connection came about. Nothing was sent.
#[derive(Debug)]
pub(crate) enum DialError {
    Connect(String),
    Tls { seen: Option<String>, message: String },
    Config(Error),
}

/// Whether a client's connection is for one request, or kept for the next.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Keep {
    One,
    Nothing,
}

/// Where endpoints are. Tests put servers of their own there.
pub(crate) trait Dial: Send + Sync {
    /// What connects to an endpoint, and how its URLs begin.
    fn way(&self, endpoint: &Endpoint) -> Result<(ClientBuilder, &'static str), Error>;

    /// How long connecting may take.
    fn patience(&self) -> Duration;
}

/// A client for one endpoint, which has one connection at most.
pub(super) fn client(dial: &dyn Dial, endpoint: &Endpoint, keep: Keep) -> Result<Way, DialError> {
    let (builder, scheme) = dial.way(endpoint).map_err(DialError::Config)?;
    let kept = match keep {
        Keep::One => 1,
        Keep::Nothing => 0,
    };
    let client = builder
        // What may be sent again is decided here, and where to.
        .retry(reqwest::retry::never())
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .connect_timeout(dial.patience())
        .pool_max_idle_per_host(kept)
        .pool_idle_timeout(IDLE)
        .connector_layer(Watch(IDLE))
        .build()
        .map_err(|error| DialError::Config(Error::Config(format!("the way to {}: {error}", endpoint.named()))))?;
    Ok(Way { client, base: format!("{scheme}://{}", endpoint.authority()), patience: dial.patience() })
}

/// A client, where its URLs begin, and how long connecting may take.
pub(super) struct Way {
    pub(super) client: reqwest::Client,
    pub(super) base: String,
    pub(super) patience: Duration,
}

/// The network.
pub(crate) struct Network {
    timeout: Duration,
    trust: Trust,
}

impl Network {
    pub(crate) fn new(config: &Config) -> Network {
        if config.insecure {
            tracing::warn!(
                "certificates without a fingerprint are not checked: whoever is in between can read everything"
            );
        }
        Network { timeout: config.connect_timeout, trust: Trust::new(config.ca.clone(), config.insecure) }
    }
}

impl Dial for Network {
    fn way(&self, endpoint: &Endpoint) -> Result<(ClientBuilder, &'static str), Error> {
        let tls = self.trust.config(endpoint.fingerprint, &endpoint.issuer)?;
        // By itself it would read the environment, and spare nothing.
        let mut builder = reqwest::Client::builder().no_proxy().tls_backend_preconfigured(tls).https_only(true);
        // How long an answer is waited for is decided here: a network that comes back in time has lost nothing.
        builder = builder.tcp_keepalive(None::<Duration>);
        #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
        {
            builder = builder.tcp_user_timeout(None::<Duration>);
        }
        if let Some(via) = &endpoint.via {
            builder = builder.proxy(via.proxy()?);
        }
        Ok((builder, "https"))
    }

    fn patience(&self) -> Duration {
        self.timeout
    }
}

#[cfg(test)]
mod proxied;
#[cfg(test)]
mod tests;
