//! An address of the cluster and what we know about it.

use std::sync::Mutex;
use std::time::Duration;

use http::Uri;
use tokio::time::Instant;

use super::lanes::Lanes;
use super::tls::Fingerprint;
use crate::{Config, Error};

/// For this long after a failure an endpoint is only tried when no other is left.
const SHUNNED: Duration = Duration::from_secs(10);

/// PVE's port.
const PORT: u16 = 8006;

/// One address of the cluster.
pub struct Endpoint {
    pub(crate) node: Option<String>,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) fingerprint: Option<Fingerprint>,
    pub(crate) lanes: Lanes,
    failed: Mutex<Option<Instant>>,
}

impl Endpoint {
    /// `HOST:PORT`, with brackets around an IPv6 address.
    pub fn authority(&self) -> String {
        match self.host.contains(':') {
            true => format!("[{}]:{}", self.host, self.port),
            false => format!("{}:{}", self.host, self.port),
        }
    }

    /// `https://HOST:PORT`.
    pub fn url(&self) -> String {
        format!("https://{}", self.authority())
    }

    pub(crate) fn is_shunned(&self) -> bool {
        self.failed.lock().unwrap_or_else(|broken| broken.into_inner()).is_some_and(|at| at.elapsed() < SHUNNED)
    }

    pub(crate) fn failed(&self) {
        *self.failed.lock().unwrap_or_else(|broken| broken.into_inner()) = Some(Instant::now());
    }

    pub(crate) fn works(&self) {
        *self.failed.lock().unwrap_or_else(|broken| broken.into_inner()) = None;
    }
}

/// The endpoints of a configuration, or what is wrong with them.
pub(crate) fn endpoints(config: &Config) -> Result<Vec<Endpoint>, Error> {
    if config.endpoints.is_empty() {
        return Err(Error::Config("no endpoint is configured".to_owned()));
    }
    let mut fingerprints = config.fingerprints.clone();
    let mut endpoints: Vec<Endpoint> = Vec::new();
    for wanted in &config.endpoints {
        let (host, port) =
            parse(&wanted.url).map_err(|why| Error::Config(format!("endpoint {:?}: {why}", wanted.url)))?;
        if wanted.node.is_some() && endpoints.iter().any(|known| known.node == wanted.node) {
            let node = wanted.node.as_deref().unwrap_or_default();
            return Err(Error::Config(format!("node {node} has two endpoints")));
        }
        let named = wanted.node.as_ref().and_then(|node| fingerprints.remove(node));
        let fingerprint = match named.or_else(|| fingerprints.remove(&wanted.url)) {
            Some(text) => {
                Some(text.parse().map_err(|why| Error::Config(format!("fingerprint of {}: {why}", wanted.url)))?)
            }
            None => None,
        };
        endpoints.push(Endpoint {
            node: wanted.node.clone(),
            host,
            port,
            fingerprint,
            lanes: Lanes::new(),
            failed: Mutex::new(None),
        });
    }
    // A pin that pins nothing would be a silent loss of safety.
    match fingerprints.into_keys().next() {
        Some(unknown) => Err(Error::Config(format!("fingerprint for {unknown:?}, which is no configured endpoint"))),
        None => Ok(endpoints),
    }
}

fn parse(text: &str) -> Result<(String, u16), String> {
    let text = text.trim();
    let text = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
    let uri: Uri = text.parse().map_err(|error| format!("not a URL: {error}"))?;
    if uri.scheme_str() != Some("https") {
        return Err("PVE's API is reached by https".to_owned());
    }
    let path = uri.path().trim_end_matches('/');
    if !["", "/api2", "/api2/json"].contains(&path) {
        return Err(format!("the path {path} does not belong there"));
    }
    let authority = uri.authority().ok_or("there is no host")?;
    if authority.as_str().contains('@') {
        return Err("user and password do not belong there".to_owned());
    }
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    if host.is_empty() {
        return Err("there is no host".to_owned());
    }
    Ok((host.to_owned(), authority.port_u16().unwrap_or(PORT)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_in_all_the_ways_people_write_them() {
        for (text, host, port) in [
            ("https://pve1:8006", "pve1", 8006),
            ("https://pve1:8006/", "pve1", 8006),
            ("https://pve1:8006/api2/json", "pve1", 8006),
            ("pve1.example.com", "pve1.example.com", 8006),
            ("192.0.2.1:443", "192.0.2.1", 443),
            ("https://[2001:db8::1]:8006", "2001:db8::1", 8006),
        ] {
            assert_eq!(parse(text), Ok((host.to_owned(), port)), "{text}");
        }
        for text in ["", "http://pve1:8006", "https://", "https://a/b", "https://u:p@a", "a b"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_pin_must_belong_to_an_endpoint() {
        let pin = "00".repeat(32);
        let config = Config::default().endpoint("pve1", "https://a").fingerprint("pve2", &pin);
        assert!(endpoints(&config).err().unwrap().to_string().contains("pve2"));
        let config = Config::default()
            .endpoint("pve1", "https://a")
            .url("https://b")
            .fingerprint("pve1", &pin)
            .fingerprint("https://b", &pin);
        assert!(endpoints(&config).unwrap().iter().all(|endpoint| endpoint.fingerprint.is_some()));
    }

    #[test]
    fn ipv6_is_bracketed_again() {
        let config = Config::default().url("https://[2001:db8::1]");
        assert_eq!(endpoints(&config).unwrap()[0].url(), "https://[2001:db8::1]:8006");
    }
}
