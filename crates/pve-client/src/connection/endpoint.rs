//! An address of the cluster and what we know about it.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use http::Uri;
use tokio::time::Instant;

use super::lanes::Lanes;
use super::proxy::Via;
use super::tls::{Fingerprint, Issuer};
use crate::{Config, Error};

/// For this long after a failure an endpoint is only tried when no other is left: at first, and at most. Each time that it
/// fails again after that, the time doubles.
const SHUNNED: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(120));

/// Where PVE listens: what a bare host name means.
const PORT: u16 = 8006;

/// What `https://` means by itself.
const HTTPS: u16 = 443;

/// One address of the cluster.
pub struct Endpoint {
    pub(crate) node: Option<String>,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) fingerprint: Option<Fingerprint>,
    /// The proxy on the way, if there is one.
    pub(crate) via: Option<Via>,
    pub(crate) lanes: Lanes,
    /// Who issued the certificate that it showed last.
    pub(crate) issuer: Issuer,
    failed: Mutex<Option<Failure>>,
}

/// When an endpoint failed last, and how often in a row.
struct Failure {
    at: Instant,
    times: u32,
}

impl Failure {
    fn is_fresh(&self) -> bool {
        let doubled = 2u32.saturating_pow(self.times.saturating_sub(1));
        self.at.elapsed() < SHUNNED.0.saturating_mul(doubled).min(SHUNNED.1)
    }
}

impl Endpoint {
    /// What stands in a URL and in the header `Host`: `HOST:PORT`, or `HOST` where https has its usual port. With brackets
    /// around an IPv6 address.
    pub fn authority(&self) -> String {
        if self.port == HTTPS { self.bracketed() } else { format!("{}:{}", self.bracketed(), self.port) }
    }

    /// `https://HOST:PORT`, the port always there: whoever reads it sees what was asked.
    pub fn url(&self) -> String {
        format!("https://{}:{}", self.bracketed(), self.port)
    }

    /// The URL, and the proxy on the way there: what errors name, since either may be at fault.
    pub(crate) fn named(&self) -> String {
        match &self.via {
            Some(via) => format!("{} through the proxy {via}", self.url()),
            None => self.url(),
        }
    }

    fn bracketed(&self) -> String {
        if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() }
    }

    pub(crate) fn is_shunned(&self) -> bool {
        self.failed.lock().unwrap_or_else(|broken| broken.into_inner()).as_ref().is_some_and(Failure::is_fresh)
    }

    pub(crate) fn failed(&self) {
        let mut failed = self.failed.lock().unwrap_or_else(|broken| broken.into_inner());
        let times = match &*failed {
            // Several that failed at the same time are one failure.
            Some(last) if last.is_fresh() => last.times,
            Some(last) => last.times.saturating_add(1),
            None => 1,
        };
        *failed = Some(Failure { at: Instant::now(), times });
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
        let fingerprint = match named.or_else(|| pin_of(&mut fingerprints, &wanted.url, &(host.clone(), port))) {
            Some(text) => {
                Some(text.parse().map_err(|why| Error::Config(format!("fingerprint of {}: {why}", wanted.url)))?)
            }
            None => None,
        };
        let via = config.proxies.to(&host);
        let via = via.map_err(|why| Error::Config(format!("the way to endpoint {:?}: {why}", wanted.url)))?;
        endpoints.push(Endpoint {
            node: wanted.node.clone(),
            host,
            port,
            fingerprint,
            via,
            lanes: Lanes::new(),
            issuer: Issuer::default(),
            failed: Mutex::new(None),
        });
    }
    // A pin that pins nothing would be a silent loss of safety.
    match fingerprints.into_keys().next() {
        Some(unknown) => Err(Error::Config(format!("fingerprint for {unknown:?}, which is no configured endpoint"))),
        None => Ok(endpoints),
    }
}

/// The fingerprint that was given by URL, however that is written.
fn pin_of(fingerprints: &mut BTreeMap<String, String>, url: &str, address: &(String, u16)) -> Option<String> {
    let same = |key: &&String| *key == url || (key.contains("://") && parse(key).as_ref() == Ok(address));
    let key = fingerprints.keys().find(same)?.clone();
    fingerprints.remove(&key)
}

/// Host and port. A URL means what URLs mean, so `https://HOST` is port 443; a bare `HOST` is a node of PVE.
fn parse(text: &str) -> Result<(String, u16), String> {
    let text = text.trim();
    let (text, port) = match text.contains("://") {
        true => (text.to_owned(), HTTPS),
        false => (format!("https://{text}"), PORT),
    };
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
    Ok((host.to_owned(), authority.port_u16().unwrap_or(port)))
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
            ("https://pve.example.com", "pve.example.com", 443),
            ("https://pve.example.com/api2/json", "pve.example.com", 443),
            ("192.0.2.1:443", "192.0.2.1", 443),
            ("[2001:db8::1]", "2001:db8::1", 8006),
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
            .url("https://c:8006/")
            .fingerprint("pve1", &pin)
            .fingerprint("https://b:443", &pin)
            .fingerprint("https://c:8006", &pin);
        assert!(endpoints(&config).unwrap().iter().all(|endpoint| endpoint.fingerprint.is_some()));
    }

    #[test]
    fn a_url_tells_its_port_and_a_host_header_only_an_unusual_one() {
        let config = Config::default().url("[2001:db8::1]").url("https://[2001:db8::1]").url("https://a:8443");
        let told = |endpoint: &Endpoint| (endpoint.url(), endpoint.authority());
        assert_eq!(
            endpoints(&config).unwrap().iter().map(told).collect::<Vec<_>>(),
            [
                ("https://[2001:db8::1]:8006".to_owned(), "[2001:db8::1]:8006".to_owned()),
                ("https://[2001:db8::1]:443".to_owned(), "[2001:db8::1]".to_owned()),
                ("https://a:8443".to_owned(), "a:8443".to_owned()),
            ]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_fails_again_is_left_alone_for_longer() {
        let endpoint = endpoints(&Config::default().url("a")).unwrap().remove(0);
        let mut shunned = Vec::new();
        for _ in 0..6 {
            endpoint.failed();
            // What was under way at the same time fails too, and counts for nothing.
            endpoint.failed();
            let begun = Instant::now();
            while endpoint.is_shunned() {
                tokio::time::advance(Duration::from_secs(1)).await;
            }
            shunned.push(begun.elapsed().as_secs());
        }
        assert_eq!(shunned, [10, 20, 40, 80, 120, 120]);
        endpoint.works();
        endpoint.failed();
        tokio::time::advance(SHUNNED.0).await;
        assert!(!endpoint.is_shunned(), "it has worked meanwhile");
    }
}
