//! What nodes reach outside: servers on loopback addresses that stand for hosts of the internet, asked for real.
//!
//! The simulated clock stands while a server is asked: what comes after happens after it. So the server has to be in another
//! thread or process than whoever waits for the simulator.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::shape::Shape;

/// A server that says nothing for so long is given up.
const PATIENCE: Duration = Duration::from_secs(10);
/// The largest answer.
const LARGEST: u64 = 256 << 20;
/// How often somebody is sent elsewhere.
const REDIRECTS: usize = 20;

/// Hosts that show a certificate of their own making. Belief: such a name stands for any server with one.
const UNTRUSTED: &str = "self-signed.";

/// Who is where.
#[derive(Debug, Clone, Default)]
pub struct Web {
    hosts: BTreeMap<String, SocketAddr>,
    /// The index of appliances.
    pub appliances: Vec<BTreeMap<String, String>>,
    /// Whether the nodes have the program that talks to registries.
    pub skopeo: bool,
}

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) reason: String,
    pub(crate) kind: Option<String>,
    pub(crate) length: Option<u64>,
    /// The name that the server gives the file.
    pub(crate) name: Option<String>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// `404 Not Found`
    pub(crate) fn line(&self) -> String {
        format!("{} {}", self.status, self.reason)
    }
}

/// Why there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Silence {
    /// Nobody knows the host.
    Unknown(String),
    /// Nobody listens there.
    Refused(String),
    /// The certificate is its own.
    Untrusted(String),
    /// It broke off.
    Broken,
}

/// A URL in its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Url {
    pub(crate) secure: bool,
    /// `HOST` or `HOST:PORT`, as it stands there.
    pub(crate) authority: String,
    pub(crate) path: String,
}

impl Url {
    pub(crate) fn parse(text: &str) -> Option<Url> {
        let (scheme, rest) = text.split_once("://")?;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let path = path.split('#').next().filter(|path| !path.is_empty()).unwrap_or("/");
        let authority = authority.rsplit('@').next().unwrap_or(authority).to_owned();
        Some(Url { secure: scheme == "https", authority, path: path.to_owned() })
    }

    fn host(&self) -> &str {
        self.authority.split(':').next().unwrap_or_default()
    }

    fn joined(&self, location: &str) -> Option<Url> {
        if location.contains("://") {
            return Url::parse(location);
        }
        Some(Url { path: location.to_owned(), ..self.clone() })
    }
}

impl Web {
    pub(super) fn new(shape: &Shape) -> Self {
        Self { hosts: shape.web.clone(), appliances: shape.appliances.clone(), skopeo: shape.skopeo }
    }

    /// Where a host answers: what is on this machine by itself, all others where the shape says so.
    fn address(&self, url: &Url) -> Option<SocketAddr> {
        let told = [&*url.authority, url.host(), "*"].into_iter().find_map(|name| self.hosts.get(name)).copied();
        let own = || {
            let with_port =
                if url.authority.contains(':') { url.authority.clone() } else { format!("{}:80", url.authority) };
            with_port.replace("localhost", "127.0.0.1").parse::<SocketAddr>().ok().filter(|own| own.ip().is_loopback())
        };
        own().or(told)
    }

    /// Asks for a URL. `wants`: the kinds of answers that are taken.
    pub(crate) fn ask(&self, verb: &str, url: &Url, verify: bool, wants: &[&str]) -> Result<Answer, Silence> {
        let mut url = url.clone();
        for _ in 0..REDIRECTS {
            if url.secure && verify && url.host().starts_with(UNTRUSTED) {
                return Err(Silence::Untrusted(url.host().to_owned()));
            }
            let address = self.address(&url).ok_or_else(|| Silence::Unknown(url.host().to_owned()))?;
            let (answer, elsewhere) = exchange(verb, address, &url, wants)?;
            match elsewhere.filter(|_| (300..400).contains(&answer.status)).and_then(|to| url.joined(&to)) {
                Some(next) => url = next,
                None => return Ok(answer),
            }
        }
        Err(Silence::Broken)
    }
}

/// One request; the answer, and where it sends us.
fn exchange(verb: &str, to: SocketAddr, url: &Url, wants: &[&str]) -> Result<(Answer, Option<String>), Silence> {
    let mut stream = TcpStream::connect_timeout(&to, PATIENCE).map_err(|_| Silence::Refused(url.authority.clone()))?;
    let broken = |_| Silence::Broken;
    stream.set_read_timeout(Some(PATIENCE)).map_err(broken)?;
    let accept = if wants.is_empty() { "*/*".to_owned() } else { wants.join(", ") };
    let Url { authority, path, .. } = url;
    // Of this version, so that the body ends with the connection.
    let head = format!("{verb} {path} HTTP/1.0\r\nHost: {authority}\r\nAccept: {accept}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).map_err(broken)?;
    let mut bytes = Vec::new();
    stream.take(LARGEST).read_to_end(&mut bytes).map_err(broken)?;
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").ok_or(Silence::Broken)?;
    let body = bytes.split_off(end + 4);
    let head = String::from_utf8_lossy(&bytes).into_owned();
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split_once(' ')).ok_or(Silence::Broken)?.1;
    let (status, reason) = status.split_once(' ').unwrap_or((status, ""));
    let field = |name: &str| {
        let fields = lines.clone().filter_map(|line| line.split_once(':'));
        let mut of = fields.filter(|(key, _)| key.eq_ignore_ascii_case(name));
        of.next().map(|(_, value)| value.trim().to_owned())
    };
    let length = field("content-length").and_then(|text| text.parse::<u64>().ok());
    if verb != "HEAD" && length.is_some_and(|length| length > body.len() as u64) {
        return Err(Silence::Broken);
    }
    let name = field("content-disposition")
        .and_then(|text| Some(text.split_once("filename=")?.1.trim_matches('"').to_owned()));
    let answer = Answer {
        status: status.parse().map_err(|_| Silence::Broken)?,
        reason: reason.to_owned(),
        kind: field("content-type"),
        length,
        name,
        body,
    };
    Ok((answer, field("location")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_come_apart_and_lead_elsewhere() {
        let url = Url::parse("https://a.example:8443/b/c.iso?x=1").unwrap();
        assert_eq!((url.secure, &*url.authority, &*url.path), (true, "a.example:8443", "/b/c.iso?x=1"));
        assert_eq!(url.joined("/d").unwrap().authority, "a.example:8443");
        assert_eq!(url.joined("http://b/e").unwrap(), Url::parse("http://b/e").unwrap());
        assert_eq!(Url::parse("http://a").unwrap().path, "/");
        assert_eq!(Url::parse("nothing"), None);
    }

    #[test]
    fn nobody_outside_of_this_machine_is_asked() {
        let web = Web::default();
        for url in ["http://example.com/x", "https://192.0.2.1/x"] {
            let url = Url::parse(url).unwrap();
            assert_eq!(web.ask("GET", &url, true, &[]).err(), Some(Silence::Unknown(url.host().to_owned())));
        }
        let here = Url::parse("http://127.0.0.1:1/x").unwrap();
        assert_eq!(web.ask("GET", &here, true, &[]).err(), Some(Silence::Refused("127.0.0.1:1".to_owned())));
    }
}
