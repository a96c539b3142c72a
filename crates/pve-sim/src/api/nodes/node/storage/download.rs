//! What a node fetches to a storage: by URL, and as an appliance of the index.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use super::may_be_called;
use crate::cluster::storage::files::{checksum, tidy};
use crate::cluster::web::{Silence, Url};
use crate::kernel::tasks::{Steps, TaskCx};
use crate::kernel::{Call, PveError, Routes};

pub(super) fn routes(r: &mut Routes) {
    r.post("/nodes/{node}/storage/{storage}/download-url", download);
    r.get("/nodes/{node}/query-url-metadata", metadata);
    r.get("/nodes/{node}/aplinfo", appliances);
    r.post("/nodes/{node}/aplinfo", appliance);
}

/// Bytes a second that the outer world sends.
const RATE: u64 = 100 << 20;

/// What is fetched, and what came.
type Fetched = (Download, Vec<u8>);

/// What is to be fetched.
struct Download {
    node: String,
    storage: String,
    content: String,
    name: String,
    /// Where it comes to lie, as the log tells.
    path: String,
    url: String,
    checksum: Option<(String, String)>,
    compression: Option<String>,
    verify: bool,
    pid: String,
}

fn download(call: &mut Call<'_>) -> Result<Value, PveError> {
    let params = &call.params;
    let (content, id) = (params.need("content").to_owned(), params.need("storage").to_owned());
    let name = tidy(params.need("filename"));
    may_be_called(&content, &name)?;
    let storage = call.cluster.storage.usable(&id, &call.node).map_err(PveError::new)?;
    if !storage.holds(&content) {
        return Err(PveError::new(format!("storage '{id}' is not configured for content-type '{content}'")));
    }
    let path = storage.volume_path(&format!("{content}/{name}"));
    let text = |name: &str| params.text(name).map(str::to_owned);
    let job = Download {
        node: call.node.clone(),
        url: params.need("url").to_owned(),
        checksum: text("checksum-algorithm").zip(text("checksum")),
        compression: text("compression"),
        verify: params.flag("verify-certificates") != Some(false),
        pid: String::new(),
        storage: id,
        content,
        path,
        name: name.clone(),
    };
    Ok(call.task("download", name, job.steps()))
}

impl Download {
    fn steps(mut self) -> Steps {
        let fetched: Arc<Mutex<Option<Fetched>>> = Arc::default();
        let (first, second) = (fetched.clone(), fetched);
        // How long it takes by the simulated clock is known once the length is.
        Steps::new()
            .run(move |t| {
                self.pid = t
                    .upid()
                    .split(':')
                    .nth(2)
                    .and_then(|hex| u64::from_str_radix(hex, 16).ok())
                    .unwrap_or(0)
                    .to_string();
                if let Some(bytes) = self.fetch(t)? {
                    *first.lock().unwrap_or_else(PoisonError::into_inner) = Some((self, bytes));
                }
                Ok(())
            })
            .wait(Duration::from_millis(400))
            .run(move |t| match second.lock().unwrap_or_else(PoisonError::into_inner).take() {
                Some((job, bytes)) => job.put(t, bytes),
                None => Ok(()),
            })
            // Belief: what was begun is removed, and the text is that of any task.
            .on_stop(|_| "received interrupt".to_owned())
    }

    /// The bytes; none if they are there already.
    fn fetch(&self, t: &mut TaskCx<'_>) -> Result<Option<Vec<u8>>, String> {
        let Download { node, storage, content, name, path, url, .. } = self;
        t.log(format!("downloading {url} to {path}"));
        let volid = format!("{storage}:{content}/{name}");
        if t.cluster.volume(node, &volid).is_some() {
            let Some((algorithm, expected)) = &self.checksum else {
                return Err(format!("refusing to override existing file '{path}'"));
            };
            let is = t.cluster.file(node, &volid).and_then(|bytes| checksum(algorithm, &bytes)).unwrap_or_default();
            if !is.eq_ignore_ascii_case(expected) {
                return Err(format!("checksum mismatch: got '{is}' != expect '{expected}', aborting"));
            }
            // Belief: the words. That it succeeds is known.
            t.log("OK, got correct file already, no need to download");
            return Ok(None);
        }
        if self.compression.is_some() && content != "iso" {
            return Err(format!("decompression not supported for {content}"));
        }
        let now = t.now();
        t.log(format!("--{}--  {url}", now.format("%Y-%m-%d %H:%M:%S")));
        let failed = |code: u8| format!("download failed: exit code {code}");
        let parsed = Url::parse(url).ok_or_else(|| failed(1))?;
        let port = if parsed.secure { 443 } else { 80 };
        let with_port = match parsed.authority.contains(':') {
            true => parsed.authority.clone(),
            false => format!("{}:{port}", parsed.authority),
        };
        let answer = match t.cluster.web.ask("GET", &parsed, self.verify, &[]) {
            Ok(answer) => answer,
            Err(Silence::Refused(to)) => {
                return Err(format!("download failed: Connecting to {to}... failed: Connection refused."));
            }
            // Belief: wget's words and codes, as PVE passes them on.
            Err(Silence::Unknown(host)) => {
                return Err(format!("download failed: wget: unable to resolve host address '{host}'"));
            }
            Err(Silence::Untrusted(host)) => {
                t.log(format!("ERROR: cannot verify {host}'s certificate"));
                return Err(failed(5));
            }
            Err(Silence::Broken) => return Err(failed(4)),
        };
        t.log(format!("Connecting to {with_port}... connected."));
        t.log(format!("HTTP request sent, awaiting response... {}", answer.line()));
        if answer.status != 200 {
            let at = now.format("%Y-%m-%d %H:%M:%S");
            t.log(format!("{at} ERROR {}: {}.", answer.status, answer.reason));
            return Err(failed(8));
        }
        let bytes = answer.body.len() as u64;
        let kind = answer.kind.map(|kind| format!(" [{kind}]")).unwrap_or_default();
        t.log(format!("Length: {bytes} ({}){kind}", human(bytes)));
        t.log(format!("Saving to: '{}'", self.partial()));
        let usable = t.cluster.storage.usable(storage, node)?.clone();
        t.cluster.activate(&usable)?;
        if !t.cluster.has_room(&usable, node, bytes) {
            // Belief: wget's code for what cannot be written.
            t.log(format!("Cannot write to '{}' (No space left on device).", self.partial()));
            return Err(failed(3));
        }
        Ok(Some(answer.body))
    }

    /// Where it lies until it is complete. It is listed nowhere.
    fn partial(&self) -> String {
        format!("{}.tmp_dwnl.{}", self.path, self.pid)
    }

    fn put(self, t: &mut TaskCx<'_>, bytes: Vec<u8>) -> Result<(), String> {
        let length = bytes.len();
        t.log("     0K                                    100%  652M=0s");
        let at = t.now().format("%Y-%m-%d %H:%M:%S");
        t.log(format!("{at} ({} MB/s) - '{}' saved [{length}/{length}]", RATE >> 20, self.partial()));
        if let Some((algorithm, expected)) = &self.checksum {
            let is = checksum(algorithm, &bytes).unwrap_or_default();
            if !is.eq_ignore_ascii_case(expected) {
                t.log("calculating checksum...");
                return Err(format!("checksum mismatch: got '{is}' != expect '{expected}'"));
            }
            t.log("calculating checksum...OK, checksum verified");
        }
        let bytes = match self.compression.as_deref() {
            None => bytes,
            Some("gz") => gunzip(&bytes).ok_or("decompression failed: exit code 1")?,
            Some(other) => return Err(format!("decompressing {other} is not simulated")),
        };
        let usable = t.cluster.storage.usable(&self.storage, &self.node)?.clone();
        if !t.cluster.has_room(&usable, &self.node, bytes.len() as u64) {
            return Err("decompression failed: No space left on device".to_owned());
        }
        t.cluster.put_file(&self.node, &self.storage, &self.content, &self.name, bytes)?;
        t.log(format!("download of '{}' to '{}' finished", self.url, self.path));
        Ok(())
    }
}

/// As wget rounds.
fn human(bytes: u64) -> String {
    let (mut value, mut units) = (bytes as f64, ["", "K", "M", "G", "T"].iter());
    let mut unit = units.next();
    while value >= 1024.0 {
        value /= 1024.0;
        unit = units.next();
    }
    match unit.copied().unwrap_or("T") {
        "" => bytes.to_string(),
        unit if value < 10.0 => format!("{value:.1}{unit}"),
        unit => format!("{value:.0}{unit}"),
    }
}

fn gunzip(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::MultiGzDecoder::new(bytes), &mut out).ok()?;
    Some(out)
}

fn metadata(call: &mut Call<'_>) -> Result<Value, PveError> {
    let text = call.params.need("url");
    let verify = call.params.flag("verify-certificates") != Some(false);
    let url = Url::parse(text).ok_or_else(|| PveError::param("url", "value does not match the regex pattern"))?;
    let answer = match call.cluster.web.ask("HEAD", &url, verify, &[]) {
        Ok(answer) => answer,
        // Belief: the words of Perl's library, as PVE passes them on.
        Err(silence) => {
            let why = match silence {
                Silence::Unknown(host) => format!("500 Can't connect to {host} (Name or service not known)"),
                Silence::Refused(to) => format!("500 Can't connect to {to} (Connection refused)"),
                Silence::Untrusted(host) => format!("500 Can't connect to {host} (certificate verify failed)"),
                Silence::Broken => "500 read failed".to_owned(),
            };
            return Err(PveError::new(format!("invalid server response: '{why}'")));
        }
    };
    if answer.status != 200 {
        return Err(PveError::new(format!("invalid server response: '{}'", answer.line())));
    }
    let mut told = json!({});
    let last = url.path.split('?').next().and_then(|path| path.rsplit('/').next()).filter(|name| !name.is_empty());
    if let Some(name) = answer.name.as_deref().or(last) {
        told["filename"] = name.into();
    }
    if let Some(size) = answer.length {
        told["size"] = size.into();
    }
    if let Some(kind) = answer.kind {
        told["mimetype"] = kind.split(';').next().unwrap_or_default().trim().into();
    }
    Ok(told)
}

fn appliances(call: &mut Call<'_>) -> Result<Value, PveError> {
    Ok(json!(call.cluster.web.appliances))
}

fn appliance(call: &mut Call<'_>) -> Result<Value, PveError> {
    let (id, name) = (call.params.need("storage").to_owned(), call.params.need("template").to_owned());
    let known = call.cluster.web.appliances.iter().find(|one| one.get("template") == Some(&name));
    let known = known.ok_or_else(|| PveError::param("template", "no such template"))?.clone();
    let storage = call.cluster.storage.usable(&id, &call.node).map_err(PveError::new)?;
    if !storage.holds("vztmpl") {
        return Err(PveError::new(format!("storage '{id}' does not support templates")));
    }
    let of = |algorithm: &str| Some((algorithm.to_owned(), known.get(&format!("{algorithm}sum"))?.clone()));
    let job = Download {
        node: call.node.clone(),
        path: storage.volume_path(&format!("vztmpl/{name}")),
        storage: id,
        content: "vztmpl".to_owned(),
        url: known.get("location").cloned().unwrap_or_default(),
        checksum: of("sha512").or_else(|| of("md5")),
        compression: None,
        verify: true,
        pid: String::new(),
        name: name.clone(),
    };
    Ok(call.task("download", name, job.steps()))
}
