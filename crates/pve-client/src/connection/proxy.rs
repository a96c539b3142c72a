//! Which endpoints are reached through a proxy, and which one.

use std::fmt;
use std::net::IpAddr;

use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;

use crate::Error;

/// The proxies that lead to the endpoints. Loopback addresses are never reached through one.
///
/// ```
/// use pve_client::Proxies;
/// let environment = Proxies::of_environment(|name| std::env::var(name).ok());
/// let one = Proxies::at("http://proxy.example.com:3128").unwrap();
/// assert!(Proxies::at("https://proxy.example.com").is_err(), "it would be held to PVE's certificate");
/// # let _ = (environment, one);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies(Rule);

#[derive(Clone, Default, PartialEq, Eq)]
enum Rule {
    #[default]
    None,
    /// All but loopback.
    All(Via),
    /// A proxy that a variable of this name holds, as it stands there, and for what it is not.
    Variable { name: &'static str, value: String, not_for: String },
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rule::None => f.write_str("none"),
            Rule::All(via) => write!(f, "{via}"),
            // There may be a password in it.
            Rule::Variable { name, not_for, .. } => write!(f, "{name} but for {not_for:?}"),
        }
    }
}

/// The proxy on the way to an endpoint.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Via {
    /// With user and password, where it has them.
    address: String,
    /// Without.
    shown: String,
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl Proxies {
    /// The same proxy for everything.
    ///
    /// # Errors
    /// What is wrong with the address: `http://HOST:PORT` or `socks5h://HOST:PORT`, with `USER:PASSWORD@` where needed.
    pub fn at(address: &str) -> Result<Proxies, String> {
        Via::new(address, &["http", "socks5h"]).map(|via| Proxies(Rule::All(via)))
    }

    /// As the environment says, looked up by this: `HTTPS_PROXY` or else `ALL_PROXY`, and `NO_PROXY`; in small letters too.
    /// What is wrong with them is told by [`crate::Client::new`], if an endpoint needs them.
    pub fn of_environment(look: impl Fn(&str) -> Option<String>) -> Proxies {
        let first = |names: [&'static str; 2]| {
            names
                .into_iter()
                .find_map(|name| look(name).filter(|value| !value.trim().is_empty()).map(|value| (name, value)))
        };
        let Some((name, value)) = first(["HTTPS_PROXY", "https_proxy"]).or_else(|| first(["ALL_PROXY", "all_proxy"]))
        else {
            return Proxies::default();
        };
        let not_for = first(["NO_PROXY", "no_proxy"]).map(|(_, value)| value).unwrap_or_default();
        Proxies(Rule::Variable { name, value, not_for })
    }

    /// The proxy on the way to a host.
    pub(crate) fn to(&self, host: &str) -> Result<Option<Via>, String> {
        if is_loopback(host) {
            return Ok(None);
        }
        let (via, spare) = match &self.0 {
            Rule::None => return Ok(None),
            Rule::All(via) => (via.clone(), "set `proxy = \"none\"`"),
            Rule::Variable { not_for, .. } if spares(not_for, host) => return Ok(None),
            // Others take SOCKS without the h as well, and a host alone for http.
            Rule::Variable { name, value, .. } => {
                let value = value.trim();
                let whole = if value.contains("://") { value.to_owned() } else { format!("http://{value}") };
                let via = Via::new(&whole, &["http", "socks5h", "socks5"]).map_err(|why| format!("{name}: {why}"))?;
                (via, "add it to NO_PROXY")
            }
        };
        // What connects takes the brackets for a part of the certificate's name.
        if host.contains(':') {
            return Err(format!(
                "through the proxy {via} an IPv6 address cannot be reached; name the endpoint by a host name, or {spare} if \
                 the way there is direct"
            ));
        }
        Ok(Some(via))
    }
}

impl Via {
    fn new(address: &str, schemes: &[&str]) -> Result<Via, String> {
        let expected = "expected http://HOST:PORT or socks5h://HOST:PORT";
        let uri: Uri =
            address.trim().parse().map_err(|error| format!("not an address of a proxy ({error}); {expected}"))?;
        let scheme = uri.scheme_str().ok_or_else(|| format!("the address of the proxy has no scheme; {expected}"))?;
        if scheme == "https" {
            return Err(format!(
                "a proxy cannot be reached by https: it would be held to PVE's certificate; {expected}"
            ));
        }
        if !schemes.contains(&scheme) {
            return Err(format!("a proxy cannot be reached by {scheme}; {expected}"));
        }
        let authority = uri.authority().ok_or_else(|| format!("the address of the proxy has no host; {expected}"))?;
        let place = authority.as_str().rsplit('@').next().unwrap_or_default();
        if place.is_empty() || place.starts_with(':') {
            return Err(format!("the address of the proxy has no host; {expected}"));
        }
        if !uri.path().trim_end_matches('/').is_empty() || uri.query().is_some() {
            return Err(format!("the address of a proxy has no path; {expected}"));
        }
        Ok(Via { address: format!("{scheme}://{authority}"), shown: format!("{scheme}://{place}") })
    }

    pub(super) fn proxy(&self) -> Result<reqwest::Proxy, Error> {
        reqwest::Proxy::all(&self.address)
            .map_err(|error| Error::Config(format!("the proxy {self}: {}", error.without_url())))
    }
}

/// Whether a list such as `NO_PROXY` holds a host: names with all below them, addresses, networks, or `*`.
fn spares(list: &str, host: &str) -> bool {
    let anything = Matcher::builder().all("http://proxy.invalid").no(list.to_owned()).build();
    as_url(host).parse().is_ok_and(|uri: Uri| anything.intercept(&uri).is_none())
}

fn as_url(host: &str) -> String {
    if host.contains(':') { format!("https://[{host}]/") } else { format!("https://{host}/") }
}

/// Whether a host is this very machine, for which no proxy can speak.
fn is_loopback(host: &str) -> bool {
    // As what connects reads it: 127.1 is an address too.
    let url = reqwest::Url::parse(&as_url(host)).ok();
    let name = url.as_ref().and_then(|url| url.host_str()).unwrap_or(host);
    if let Ok(address) = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
        return address.to_canonical().is_loopback();
    }
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

#[cfg(test)]
mod tests;
