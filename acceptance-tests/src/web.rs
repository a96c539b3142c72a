//! A file server and a registry of container images on a loopback address: what simulated nodes take for the internet.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{LazyLock, Mutex, PoisonError};

use serde_json::{Value, json};

/// One for the whole process: whoever downloads waits in another thread.
static WEB: LazyLock<Option<Web>> = LazyLock::new(Web::start);
/// How often each path was fetched.
static FETCHED: Mutex<BTreeMap<String, usize>> = Mutex::new(BTreeMap::new());

/// What answers there:
///
/// | path | answer |
/// |---|---|
/// | `/v2/...` | a registry in which every repository has the tags of [`Web::TAGS`], for two kinds of processors |
/// | with `/missing/` in it | 404 |
/// | `/moved/PATH` | elsewhere: `/PATH` |
/// | with `/changing/` in it | something longer each time that it is fetched |
/// | that ends with `.gz` | what is at the path without that, compressed |
/// | any other | [`Web::content`] |
#[derive(Clone, Copy, Debug)]
pub struct Web {
    address: SocketAddr,
}

impl Web {
    /// The tags of every repository.
    pub const TAGS: [&'static str; 3] = ["1.28", "1.29", "latest"];

    /// What a path holds.
    #[must_use]
    pub fn content(path: &str) -> Vec<u8> {
        format!("{path}\n").repeat(64).into_bytes()
    }

    /// What stands for all hosts of the internet; it runs as long as this process.
    ///
    /// # Panics
    /// There is no port left on this machine.
    #[must_use]
    pub fn everywhere() -> BTreeMap<String, SocketAddr> {
        let web = WEB.expect("a port of the loopback address");
        BTreeMap::from([("*".to_owned(), web.address)])
    }

    /// How often a path was fetched so far.
    #[must_use]
    pub fn fetched(path: &str) -> usize {
        FETCHED.lock().unwrap_or_else(PoisonError::into_inner).get(path).copied().unwrap_or(0)
    }

    fn start() -> Option<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).ok()?;
        let address = listener.local_addr().ok()?;
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                std::thread::spawn(move || answer(stream));
            }
        });
        Some(Self { address })
    }
}

/// Answers one request, and hangs up.
fn answer(stream: TcpStream) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first).ok()?;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        if line.trim().is_empty() {
            break;
        }
    }
    let mut words = first.split_whitespace();
    let (verb, path) = (words.next()?, words.next()?);
    let times = {
        let mut all = FETCHED.lock().unwrap_or_else(PoisonError::into_inner);
        let times = all.entry(path.to_owned()).or_default();
        *times += usize::from(verb == "GET");
        *times
    };
    let (status, field, body) = found(path, times);
    let body = if verb == "HEAD" { (body.len(), Vec::new()) } else { (body.len(), body) };
    let head = format!("HTTP/1.1 {status}\r\n{field}Content-Length: {}\r\nConnection: close\r\n\r\n", body.0);
    let mut stream = reader.into_inner();
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(&body.1).ok()
}

const OK: &str = "200 OK";

/// Status, a further field, body.
fn found(path: &str, times: usize) -> (&'static str, String, Vec<u8>) {
    let nothing = || ("404 Not Found", String::new(), Vec::new());
    if path.contains("/missing/") {
        return nothing();
    }
    if let Some(to) = path.strip_prefix("/moved") {
        return ("302 Found", format!("Location: {to}\r\n"), Vec::new());
    }
    if let Some(below) = path.strip_prefix("/v2/") {
        return registry(below).map_or_else(nothing, |(kind, body)| (OK, format!("Content-Type: {kind}\r\n"), body));
    }
    if path.contains("/changing/") {
        return (OK, String::new(), Web::content(path).repeat(times.max(1)));
    }
    let kind = "Content-Type: application/octet-stream\r\n".to_owned();
    match path.strip_suffix(".gz").filter(|path| !path.ends_with(".tar")) {
        Some(inner) => {
            let content = Web::content(inner);
            let mut compressed = Vec::new();
            let mut encoder = flate2::read::GzEncoder::new(&content[..], flate2::Compression::fast());
            let _ = encoder.read_to_end(&mut compressed);
            (OK, kind, compressed)
        }
        None => (OK, kind, Web::content(path)),
    }
}

/// The distribution protocol, as far as pulling takes it.
fn registry(below: &str) -> Option<(&'static str, Vec<u8>)> {
    const INDEX: &str = "application/vnd.oci.image.index.v1+json";
    const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
    let json = |value: &Value| value.to_string().into_bytes();
    if let Some(name) = below.strip_suffix("/tags/list") {
        return Some(("application/json", json(&json!({ "name": name, "tags": Web::TAGS }))));
    }
    let (name, what) = below.split_once("/manifests/").or_else(|| below.split_once("/blobs/"))?;
    let layer = Web::content(name);
    let config = json(&json!({
        "architecture": "amd64",
        "os": "linux",
        "config": { "Entrypoint": ["/entry"], "Cmd": ["serve"], "Env": ["PATH=/usr/bin", "MODE=image"] },
        "rootfs": { "type": "layers", "diff_ids": [digest(&layer)] },
    }));
    let part = |kind: &str, of: &[u8]| json!({ "mediaType": kind, "digest": digest(of), "size": of.len() });
    let manifest = json(&json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": part("application/vnd.oci.image.config.v1+json", &config),
        "layers": [part("application/vnd.oci.image.layer.v1.tar", &layer)],
    }));
    let platform = |architecture: &str, digest: String| {
        json!({ "mediaType": MANIFEST, "digest": digest, "size": manifest.len(),
                "platform": { "architecture": architecture, "os": "linux" } })
    };
    let others = format!("sha256:{}", "0".repeat(64));
    let index = json(&json!({
        "schemaVersion": 2,
        "mediaType": INDEX,
        "manifests": [platform("arm64", others), platform("amd64", digest(&manifest))],
    }));
    match what {
        tag if Web::TAGS.contains(&tag) => Some((INDEX, index)),
        is if is == digest(&manifest) => Some((MANIFEST, manifest)),
        is if is == digest(&config) => Some(("application/octet-stream", config)),
        is if is == digest(&layer) => Some(("application/octet-stream", layer)),
        _ => None,
    }
}

fn digest(of: &[u8]) -> String {
    use sha2::Digest as _;
    let hash = sha2::Sha256::digest(of);
    format!("sha256:{}", hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}
