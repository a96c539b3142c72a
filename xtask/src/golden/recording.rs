//! The recordings: what real PVE answered, call by call.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::Value;

/// One file of recorded exchanges, in the order in which they were written down.
pub(crate) struct Recording {
    /// The file's name without `.json`, as in `02-ha`.
    pub(crate) name: String,
    pub(crate) exchanges: Vec<Exchange>,
}

/// One request and what PVE answered.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Exchange {
    pub(crate) request: Request,
    pub(crate) status: u16,
    /// The reason phrase of the status line; PVE puts the first line of its message there.
    pub(crate) reason: String,
    /// The decoded JSON body; the empty string when there was no body.
    pub(crate) response: Value,
    /// What whoever recorded it wanted to find out.
    #[serde(default)]
    pub(crate) note: Option<String>,
}

/// A recorded request.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Below `/api2/json`, not percent-encoded.
    pub(crate) path: String,
    /// Sent in the query (GET, DELETE) or as a form (POST, PUT).
    #[serde(default)]
    params: Option<Value>,
    /// Sent as a JSON body instead of `params`.
    #[serde(default)]
    pub(crate) json: Option<Value>,
    /// Absent: root@pam with a ticket. Null: nobody.
    #[serde(default, deserialize_with = "present")]
    user: Option<Option<String>>,
    /// The file that went along, as the note beside the exchange tells.
    #[serde(skip)]
    pub(crate) file: Option<SentFile>,
}

/// A file in a form. What the recorder's held is not known; its length is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SentFile {
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) name: String,
    pub(crate) length: usize,
}

impl SentFile {
    /// Of a note such as `(multipart: content=iso {'checksum': 'a'}, file name up.iso, 9000 bytes)`.
    fn of(note: &str) -> Option<Self> {
        let (_, rest) = note.split_once("(multipart: content=")?;
        let (content, rest) = rest.split_once(" {")?;
        let (more, rest) = rest.split_once("}, file name ")?;
        let (name, length) = rest.strip_suffix(" bytes)")?.rsplit_once(", ")?;
        let quoted: Vec<&str> = more.split('\'').skip(1).step_by(2).collect();
        let more = quoted.chunks_exact(2).map(|pair| (pair[0].to_owned(), pair[1].to_owned()));
        let fields = [("content".to_owned(), content.to_owned())].into_iter().chain(more).collect();
        Some(Self { fields, name: name.to_owned(), length: length.parse().ok()? })
    }

    /// As it is sent: its type, and its bytes.
    pub(crate) fn form(&self) -> (String, Vec<u8>) {
        let part = |name: &str, content: &str| {
            format!("--B--B\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{content}\r\n")
        };
        let mut body: String = self.fields.iter().map(|(name, value)| part(name, value)).collect();
        body +=
            &format!("--B--B\r\nContent-Disposition: form-data; name=\"filename\"; filename=\"{}\"\r\n\r\n", self.name);
        let bytes = [body.as_bytes(), &vec![0; self.length], b"\r\n--B--B--\r\n"].concat();
        ("multipart/form-data; boundary=B--B".to_owned(), bytes)
    }
}

/// Who made a recorded request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum User<'a> {
    /// root@pam, with a ticket and, for writes, the CSRF token.
    Root,
    /// Without any credentials.
    Nobody,
    /// With an API token, by its full name `user@realm!name`.
    Token(&'a str),
    /// Another user than root, with a ticket.
    Ticket(&'a str),
    /// With a ticket that no server ever made.
    GarbageTicket,
    /// With root's ticket, but without the CSRF token.
    RootWithoutCsrf,
    /// With an authorization header that is no token.
    MalformedToken,
}

/// Tells an absent field from a null: both mean something in `user`.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::<String>::deserialize(deserializer).map(Some)
}

impl Request {
    pub(crate) fn user(&self) -> User<'_> {
        match self.user.as_ref().map(Option::as_deref) {
            None => User::Root,
            Some(None) => User::Nobody,
            Some(Some("root@pam(garbage ticket)")) => User::GarbageTicket,
            Some(Some("root@pam(no CSRF header)")) => User::RootWithoutCsrf,
            Some(Some("malformed token")) => User::MalformedToken,
            Some(Some(token)) if token.contains('!') => User::Token(token),
            Some(Some(user)) => User::Ticket(user),
        }
    }

    /// The parameters as they were sent, in order.
    pub(crate) fn params(&self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        match &self.params {
            // A list is a name that is repeated.
            Some(Value::Object(map)) => {
                let several = |value: &Value| {
                    value.as_array().map_or_else(|| vec![text(value)], |all| all.iter().map(text).collect())
                };
                map.iter()
                    .flat_map(|(name, value)| several(value).into_iter().map(|text| (name.clone(), text)))
                    .collect()
            }
            // The form of a recorder that allows one name several times.
            Some(Value::Array(pairs)) => {
                pairs.iter().filter_map(|pair| Some((pair[0].as_str()?.to_owned(), text(&pair[1])))).collect()
            }
            _ => Vec::new(),
        }
    }

    /// A request that a script makes by itself.
    pub(crate) fn scripted(method: &str, path: &str, params: Value) -> Self {
        Request { method: method.into(), path: path.into(), params: Some(params), json: None, user: None, file: None }
    }
}

impl Recording {
    /// Reads one recording.
    pub(crate) fn load(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        let mut exchanges: Vec<Exchange> =
            serde_json::from_str(&text).with_context(|| format!("{} is not a recording", path.display()))?;
        ensure!(!exchanges.is_empty(), "{} has no exchanges", path.display());
        for exchange in &mut exchanges {
            let request = &mut exchange.request;
            request.file = exchange.note.as_deref().and_then(SentFile::of);
            // One recorder wrote down the paths of tasks and of volumes as they went over the wire.
            if request.path.contains("/tasks/UPID%3A") || request.path.contains("/content/local%3A") {
                request.path = percent_decode_str(&request.path).decode_utf8_lossy().into_owned();
            }
        }
        let name = path.file_stem().and_then(|stem| stem.to_str()).context("a recording without a name")?.to_owned();
        Ok(Recording { name, exchanges })
    }

    /// Every string of three characters or more that a request carries: what whoever made the recording chose, which
    /// therefore has to come back as it was.
    pub(crate) fn configured(&self) -> Vec<String> {
        let mut strings = Vec::new();
        for exchange in &self.exchanges {
            strings.extend(exchange.request.params().into_iter().map(|(_, value)| value));
            if let Some(body) = &exchange.request.json {
                collect_strings(body, &mut strings);
            }
        }
        strings.retain(|text| text.len() > 2);
        strings
    }
}

fn collect_strings(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::String(text) => into.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| collect_strings(item, into)),
        Value::Object(map) => map.values().for_each(|item| collect_strings(item, into)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn request(value: Value) -> Request {
        serde_json::from_value(value).expect("a request")
    }

    #[test]
    fn files_are_told_by_notes() {
        let note = "wrong (multipart: content=iso {'checksum-algorithm': 'md5', 'checksum': '0'}, file name a b.iso, 12 bytes)";
        let file = SentFile::of(note).expect("a file");
        let pairs: Vec<_> = file.fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(pairs, ["content=iso", "checksum-algorithm=md5", "checksum=0"]);
        assert_eq!((file.name.as_str(), file.length), ("a b.iso", 12));
        assert_eq!(SentFile::of("file exists"), None);
    }

    #[test]
    fn an_absent_user_is_root_and_a_null_is_nobody() {
        assert_eq!(request(json!({"method": "GET", "path": "/version"})).user(), User::Root);
        assert_eq!(request(json!({"method": "GET", "path": "/version", "user": null})).user(), User::Nobody);
        let token = request(json!({"method": "GET", "path": "/version", "user": "a@pve!t"}));
        assert_eq!(token.user(), User::Token("a@pve!t"));
    }

    #[test]
    fn parameters_may_be_an_object_or_pairs() {
        let object = request(json!({"method": "GET", "path": "/", "params": {"vmid": 110, "name": "x"}}));
        let mut params = object.params();
        params.sort();
        assert_eq!(params, [("name".into(), "x".into()), ("vmid".into(), "110".into())]);
        for twice in [json!([["a", "1"], ["a", "2"]]), json!({"a": ["1", "2"]})] {
            let pairs = request(json!({"method": "GET", "path": "/", "params": twice}));
            assert_eq!(pairs.params(), [("a".into(), "1".into()), ("a".into(), "2".into())]);
        }
    }
}
