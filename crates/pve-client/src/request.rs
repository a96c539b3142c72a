//! One call to PVE's API, before it is sent.

use std::fmt;

use http::Method;
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::Secret;
use crate::upload::{Form, Upload};

/// PVE splits forms at `;` as well as at `&`, cuts values at a second raw `=` and reads `+` as a space, so everything
/// but the unreserved characters is encoded.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What may not stand in a path at all. `%` stays: callers encode single components with [`segment`].
const PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'`')
    .add(b'{')
    .add(b'}')
    .add(b'\\')
    .add(b'^')
    .add(b'|');

/// A path component in which nothing can be mistaken for a separator (`local:iso/a.iso`, a UPID).
pub fn segment(text: &str) -> String {
    const SEGMENT: &AsciiSet = &VALUE.remove(b'@').remove(b':').remove(b'!').remove(b',');
    utf8_percent_encode(text, SEGMENT).to_string()
}

/// A call: method, path below `/api2/json`, parameters, and what it needs of the connection.
///
/// Parameters travel as PVE wants them: in the query for GET and DELETE, as a form otherwise. Booleans are `1` and
/// `0` ([`Request::flag`]); the words are refused by PVE.
#[derive(Clone)]
pub struct Request {
    method: Method,
    path: String,
    params: Vec<(String, String)>,
    node: Option<String>,
    root: bool,
    secret_answer: bool,
    secret: bool,
    of_anyone: bool,
    upload: Option<Upload>,
}

impl Request {
    /// Reads; may be repeated at will.
    pub fn get(path: impl Into<String>) -> Request {
        Request::new(Method::GET, path.into())
    }

    /// Creates or acts.
    pub fn post(path: impl Into<String>) -> Request {
        Request::new(Method::POST, path.into())
    }

    /// Changes.
    pub fn put(path: impl Into<String>) -> Request {
        Request::new(Method::PUT, path.into())
    }

    /// Removes.
    pub fn delete(path: impl Into<String>) -> Request {
        Request::new(Method::DELETE, path.into())
    }

    fn new(method: Method, path: String) -> Request {
        let path = utf8_percent_encode(path.trim_matches('/'), PATH).to_string();
        Request {
            method,
            path,
            params: Vec::new(),
            node: None,
            root: false,
            secret_answer: false,
            secret: false,
            of_anyone: false,
            upload: None,
        }
    }

    /// Adds a parameter. Repeating a key makes an array.
    #[must_use]
    pub fn param(mut self, key: impl Into<String>, value: impl ToString) -> Request {
        self.params.push((key.into(), value.to_string()));
        self
    }

    /// Adds a parameter if there is a value.
    #[must_use]
    pub fn opt(self, key: impl Into<String>, value: Option<impl ToString>) -> Request {
        match value {
            Some(value) => self.param(key, value),
            None => self,
        }
    }

    /// Adds a boolean in the only spelling that PVE's schema accepts.
    #[must_use]
    pub fn flag(self, key: impl Into<String>, value: bool) -> Request {
        self.param(key, u8::from(value))
    }

    /// Adds a parameter whose value nobody may see.
    #[must_use]
    pub fn secret(mut self, key: impl Into<String>, value: &Secret) -> Request {
        self.secret = true;
        self.param(key, value.expose())
    }

    /// What comes back is a ticket or a token: an error does not quote from it.
    #[must_use]
    pub fn secret_answer(mut self) -> Request {
        self.secret_answer = true;
        self
    }

    /// Sends a local file along; the parameters become fields before it.
    #[must_use]
    pub fn upload(mut self, file: Upload) -> Request {
        self.upload = Some(file);
        self
    }

    /// The call runs on this node: its own endpoint is preferred, and if the node is known to be offline the call is
    /// refused at once as [`crate::Error::NodeUnreachable`].
    #[must_use]
    pub fn node(mut self, node: &str) -> Request {
        self.node = Some(node.to_owned());
        self
    }

    /// The call needs the ticket of root@pam; PVE refuses every token for it. Without that login it goes to its node by SSH,
    /// as `pvesh`, if there is SSH.
    #[must_use]
    pub fn root(mut self) -> Request {
        self.root = true;
        self
    }

    /// Whoever answers may do so for itself: the question is who that is.
    #[must_use]
    pub(crate) fn of_anyone(mut self) -> Request {
        self.of_anyone = true;
        self
    }

    pub(crate) fn is_for_anyone(&self) -> bool {
        self.of_anyone
    }

    pub(crate) fn method(&self) -> &Method {
        &self.method
    }

    /// The node that the call runs on, if it is bound to one.
    pub(crate) fn target(&self) -> Option<&str> {
        self.node.as_deref()
    }

    /// The node that it is about: the one it runs on, or else the one in its path.
    pub(crate) fn about(&self) -> Option<&str> {
        self.target().or_else(|| self.path.strip_prefix("nodes/")?.split('/').next())
    }

    pub(crate) fn needs_root(&self) -> bool {
        self.root
    }

    pub(crate) fn holds_a_secret(&self) -> bool {
        self.secret
    }

    pub(crate) fn answers_a_secret(&self) -> bool {
        self.secret_answer
    }

    pub(crate) fn is_read(&self) -> bool {
        self.method == Method::GET
    }

    /// Whether PVE has to ask Ceph for it.
    pub(crate) fn is_about_ceph(&self) -> bool {
        self.path.split('/').any(|part| part == "ceph")
    }

    /// `/api2/json/...` with the query, if parameters go there.
    pub(crate) fn uri(&self) -> String {
        let query = if self.has_body() { String::new() } else { self.encoded() };
        let separator = if query.is_empty() { "" } else { "?" };
        format!("/api2/json/{}{separator}{query}", self.path)
    }

    /// The form for POST and PUT; `None` for the methods that may not have a body, and where a file goes along.
    pub(crate) fn form(&self) -> Option<String> {
        (self.has_body() && self.upload.is_none()).then(|| self.encoded())
    }

    /// The form with a file, if there is one.
    pub(crate) fn form_with_file(&self) -> Option<Form> {
        self.upload.as_ref().map(|file| Form::new(&self.params, file))
    }

    fn has_body(&self) -> bool {
        self.method == Method::POST || self.method == Method::PUT
    }

    fn encoded(&self) -> String {
        let pairs = self
            .params
            .iter()
            .map(|(key, value)| format!("{}={}", utf8_percent_encode(key, VALUE), utf8_percent_encode(value, VALUE)));
        pairs.collect::<Vec<_>>().join("&")
    }

    /// Method with path, and the parameters as they stand, secrets included: for tests of what is sent.
    pub fn spelt(&self) -> (String, Vec<(String, String)>) {
        (self.describe(), self.params.clone())
    }

    /// Method and path, as errors and logs name the call. Parameters are left out: some are secret.
    pub(crate) fn describe(&self) -> String {
        format!("{} /{}", self.method, self.path)
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<&str> = self.params.iter().map(|(key, _)| key.as_str()).collect();
        write!(f, "{} {keys:?}", self.describe())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_survive_pves_decoder() {
        let request =
            Request::post("/nodes/pve1/qemu").param("name", "a;b=c&d+e %ü").opt("no", None::<u8>).flag("on", true);
        assert_eq!(request.form().as_deref(), Some("name=a%3Bb%3Dc%26d%2Be%20%25%C3%BC&on=1"));
        assert_eq!(request.uri(), "/api2/json/nodes/pve1/qemu");
    }

    #[test]
    fn delete_and_get_have_no_body() {
        let request = Request::delete("storage/x").param("a", "1/2").param("a", 3);
        assert_eq!(request.form(), None);
        assert_eq!(request.uri(), "/api2/json/storage/x?a=1%2F2&a=3");
        let sent = [("a", "1/2"), ("a", "3")].map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(request.spelt(), ("DELETE /storage/x".to_owned(), sent.to_vec()));
    }

    #[test]
    fn a_segment_stays_one_component() {
        assert_eq!(segment("local:iso/a b?.iso"), "local:iso%2Fa%20b%3F.iso");
        assert_eq!(Request::get(format!("x/{}", segment("1>2%"))).uri(), "/api2/json/x/1%3E2%25");
    }

    #[test]
    fn values_are_not_debugged() {
        let request = Request::post("access/ticket").secret("password", &Secret::new("hunter2"));
        assert_eq!(format!("{request:?}"), "POST /access/ticket [\"password\"]");
    }
}
