//! One simulated cluster and the recorded users' ways of talking to it.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{AUTHORIZATION, COOKIE};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;

use super::compare::Reply;
use super::names::{Class, Names};
use super::recording::{Request, User};
use super::script::{Part, Step};

/// The node that recorded calls went to unless the script says otherwise.
const NODE: &str = "pve1";

/// What may stand in a path as it is; PVE's own clients send these unescaped.
const PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b':')
    .remove(b'@')
    .remove(b'!');

/// A simulator with a clock that moves only when told to.
pub(crate) struct Session {
    sim: pve_sim::Running,
    http: Client,
    /// Ticket and CSRF token of root@pam by the node that gave them: of nodes by themselves each knows only its own.
    tickets: HashMap<String, (String, String)>,
    /// The simulated moment, in seconds since 1970.
    now: f64,
    /// Secrets of the recorded tokens, by their full names.
    tokens: HashMap<String, String>,
}

impl Session {
    /// Starts the cluster of a part and logs root in.
    pub(crate) async fn start(part: &Part, tokens: HashMap<String, String>) -> Result<Self> {
        let mut shape = pve_sim::shape::Shape::from_yaml(&part.start.to_string())
            .map_err(anyhow::Error::msg)
            .context("in `start`")?;
        shape.web.insert(super::web::RECORDERS.to_owned(), super::web::start()?);
        let start =
            shape.clock.start.clone().context("`start.clock.start` is missing: when was the first call made?")?;
        let factor = shape.clock.factor.context("`start.clock.factor` is missing")?;
        ensure!(factor == 0.0, "the clock has to stand still (factor 0), so that each replay is the same");
        let now = seconds_of(&start)?;
        // The same ids and secrets in each replay, and the password that the recorded root had.
        let options =
            pve_sim::Options { shape, seed: Some(1), password: part.root_password.clone(), ..Default::default() };
        let sim = pve_sim::Sim::start(options).await.context("starting the simulator")?;
        let http = Client::builder()
            // The simulator's own certificate, on a loopback address.
            .danger_accept_invalid_certs(true)
            // PVE closes after each answer above 399: without reuse there is no race to lose.
            .pool_max_idle_per_host(0)
            .no_proxy()
            .build()
            .context("building the HTTP client")?;
        let mut session = Session { sim, http, tickets: HashMap::new(), now, tokens };
        let nodes: BTreeSet<&str> = part.through.values().map(String::as_str).chain([NODE]).collect();
        for node in nodes {
            session.log_in(node).await?;
        }
        Ok(session)
    }

    async fn log_in(&mut self, node: &str) -> Result<()> {
        let request = self
            .request(node, "POST", "/access/ticket")?
            .form(&[("username", "root@pam"), ("password", self.sim.password.as_str())]);
        let reply = send(request).await?;
        let secret = |name: &str| reply.body["data"][name].as_str().map(str::to_owned);
        let ticket = secret("ticket").with_context(|| format!("root@pam cannot log in at {node}: {}", reply.reason))?;
        let csrf = secret("CSRFPreventionToken").context("a ticket without a CSRF token")?;
        self.tickets.insert(node.to_owned(), (ticket, csrf));
        Ok(())
    }

    fn request(&self, node: &str, method: &str, path: &str) -> Result<RequestBuilder> {
        let named = self.sim.endpoints.iter().find(|(name, _)| name == node);
        let (_, endpoint) = named.with_context(|| format!("there is no node {node}"))?;
        let method = Method::from_bytes(method.as_bytes()).context("a method")?;
        Ok(self.http.request(method, format!("{endpoint}/api2/json{}", utf8_percent_encode(path, PATH))))
    }

    /// Makes a recorded call: as its user, with what the recording calls by other names translated.
    pub(crate) async fn call(&self, request: &Request, names: &Names, through: Option<&str>) -> Result<Reply> {
        let path = names.translate(&request.path);
        let node = through.unwrap_or(NODE);
        let mut call = self.request(node, &request.method, &path)?;
        let (ticket, csrf) = self.tickets.get(node).with_context(|| format!("nobody has logged in at {node}"))?;
        let writes = request.method != "GET";
        call = match request.user() {
            User::Root if writes => call.header(COOKIE, auth_cookie(ticket)).header("CSRFPreventionToken", csrf),
            User::Root | User::RootWithoutCsrf => call.header(COOKIE, auth_cookie(ticket)),
            User::Nobody => call,
            User::GarbageTicket => call.header(COOKIE, "PVEAuthCookie=PVE:root@pam:00000000::garbage"),
            User::Ticket(user) => {
                let (ticket, csrf) = self.sim.world.with(|cluster| {
                    (cluster.access.issue_ticket(user, cluster.now), cluster.access.issue_csrf(user, cluster.now))
                });
                let call = call.header(COOKIE, auth_cookie(&ticket));
                if writes { call.header("CSRFPreventionToken", csrf) } else { call }
            }
            User::MalformedToken => call.header(AUTHORIZATION, "PVEAPIToken=garbage"),
            User::Token(token) => {
                let recorded = self.tokens.get(token).map_or("00000000-0000-0000-0000-000000000000", String::as_str);
                let secret = names.live(Class::Uuid, recorded).unwrap_or(recorded);
                call.header(AUTHORIZATION, format!("PVEAPIToken={token}={secret}"))
            }
        };
        if let Some(file) = &request.file {
            let (kind, body) = file.form();
            return send(call.header(reqwest::header::CONTENT_TYPE, kind).body(body)).await;
        }
        if let Some(body) = &request.json {
            return send(call.json(body)).await;
        }
        let params: Vec<(String, String)> =
            request.params().into_iter().map(|(name, value)| (name, names.translate(&value))).collect();
        let in_query = matches!(request.method.as_str(), "GET" | "DELETE");
        send(match params.is_empty() {
            true => call,
            false if in_query => call.query(&params),
            false => call.form(&params),
        })
        .await
    }

    /// Lets simulated time pass.
    pub(crate) fn advance(&mut self, span: Duration) {
        self.sim.world.advance(span);
        self.now += span.as_secs_f64();
    }

    /// Lets time pass until a moment in seconds since 1970, if that lies ahead.
    pub(crate) fn advance_to(&mut self, moment: f64) {
        if let Ok(span) = Duration::try_from_secs_f64(moment - self.now) {
            self.advance(span);
        }
    }

    /// Does what a script says between the recorded calls.
    pub(crate) async fn step(&mut self, step: &Step, names: &Names) -> Result<()> {
        match step {
            Step::Advance { advance } => {
                self.advance(advance.0);
                Ok(())
            }
            Step::SwitchOff { switch_off: node, refuses } => {
                let known = self.sim.world.with(|cluster| {
                    cluster.set_power(node, false);
                    cluster.nodes.get_mut(node).map(|node| node.refuses = *refuses).is_some()
                });
                ensure!(known, "there is no node {node} to switch");
                Ok(())
            }
            Step::Call { call, params } => {
                let (method, path) = call.split_once(' ').with_context(|| format!("{call:?} is no call"))?;
                let reply = self.call(&Request::scripted(method, path, params.clone()), names, None).await?;
                ensure!(reply.status == 200, "the scripted {call} failed: {} {}", reply.status, reply.reason);
                match reply.body["data"].as_str().filter(|upid| upid.starts_with("UPID:")) {
                    Some(upid) => self.finish(upid, call).await,
                    None => Ok(()),
                }
            }
        }
    }

    /// Waits for a scripted call's task, which has to succeed.
    async fn finish(&mut self, upid: &str, call: &str) -> Result<()> {
        let node = upid.split(':').nth(1).unwrap_or(NODE).to_owned();
        let status = Request::scripted("GET", &format!("/nodes/{node}/tasks/{upid}/status"), Value::Null);
        let reply = self.until_stopped(&status, &Names::default(), None).await?;
        let exit = &reply.body["data"]["exitstatus"];
        ensure!(exit == "OK", "the task of the scripted {call} ended with {exit}");
        Ok(())
    }

    /// Makes a call that is answered late, letting a second pass again and again meanwhile.
    pub(crate) async fn until_answered(
        &mut self,
        request: &Request,
        names: &Names,
        through: Option<&str>,
    ) -> Result<Reply> {
        let mut passed = 0.0;
        let reply = {
            let answer = self.call(request, names, through);
            tokio::pin!(answer);
            loop {
                tokio::select! {
                    reply = &mut answer => break reply,
                    // Long enough for the call to have arrived; if it has not, it waits that much longer.
                    () = tokio::time::sleep(Duration::from_millis(20)) => {
                        self.sim.world.advance(Duration::from_secs(1));
                        passed += 1.0;
                    }
                }
            }
        };
        self.now += passed;
        reply
    }

    /// Asks for a task's status until it has stopped, letting a second pass each time; after ten minutes it is given up, and
    /// the answer says that it still runs.
    pub(crate) async fn until_stopped(
        &mut self,
        status: &Request,
        names: &Names,
        through: Option<&str>,
    ) -> Result<Reply> {
        let mut reply = self.call(status, names, through).await?;
        for _ in 0..600 {
            if reply.body["data"]["status"] != "running" {
                break;
            }
            self.advance(Duration::from_secs(1));
            reply = self.call(status, names, through).await?;
        }
        Ok(reply)
    }
}

fn auth_cookie(ticket: &str) -> String {
    format!("PVEAuthCookie={}", utf8_percent_encode(ticket, NON_ALPHANUMERIC))
}

/// Seconds since 1970 of an RFC 3339 moment.
fn seconds_of(text: &str) -> Result<f64> {
    let moment: jiff::Timestamp = text.parse().with_context(|| format!("{text:?} is no moment"))?;
    Ok(moment.as_second() as f64)
}

async fn send(request: RequestBuilder) -> Result<Reply> {
    let response = request.send().await.context("the simulator does not answer")?;
    let status = response.status();
    // PVE puts its message into the reason phrase; hyper hands it on where it is not the usual one.
    let reason = match response.extensions().get::<hyper::ext::ReasonPhrase>() {
        Some(phrase) => String::from_utf8_lossy(phrase.as_bytes()).into_owned(),
        None => status.canonical_reason().unwrap_or_default().to_owned(),
    };
    let text = response.text().await.context("reading an answer")?;
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    Ok(Reply { status: status.as_u16(), reason, body })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_keep_what_pve_keeps() {
        let path = "/nodes/pve1/tasks/UPID:pve1:1:2:3:qmmove:200-virtio0>201-virtio0:root@pam:/status";
        assert_eq!(utf8_percent_encode(path, PATH).to_string(), path.replace('>', "%3E"));
        assert_eq!(utf8_percent_encode("/token/bad token", PATH).to_string(), "/token/bad%20token");
    }

    #[test]
    fn moments_are_seconds() {
        assert_eq!(seconds_of("1970-01-01T00:01:00Z").expect("a moment"), 60.0);
        assert!(seconds_of("yesterday").is_err());
    }
}
