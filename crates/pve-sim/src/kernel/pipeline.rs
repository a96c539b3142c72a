//! The way of a request: faults, login, route, token allowed, permission, right node, parameters, handler.

use std::time::Duration;

use http::HeaderMap;
use serde_json::{Map, Value, json};

use super::call::{Call, Talk};
use super::clock::Time;
use super::error::{PveError, Refusal};
use super::faults::{Fault, When, alter, strike, task_fault};
use super::kill::Ends;
use super::older;
use super::params::{self, decode_form, decode_json};
use super::permission;
use super::record::{Recorded, masked};
use super::routes::Route;
use super::tasks::TaskFault;
use super::world::World;
use crate::cluster::Cluster;
use crate::cluster::access::{Identity, ROOT};

/// Every 401 is this late, to slow down guessing.
const UNAUTHORISED_DELAY: Duration = Duration::from_secs(3);
/// How long a node tries to reach another one that is off; the first time the kernel looks for its address first.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const FIRST_CONNECT: Duration = Duration::from_secs(21);

/// The parameters that a request carries in its body.
pub(crate) enum Body {
    /// A form, or nothing.
    Form(String),
    /// A JSON object.
    Json(Vec<u8>),
}

impl Body {
    pub(crate) fn decoded(&self) -> params::Raw {
        match self {
            Body::Form(text) => decode_form(text),
            Body::Json(bytes) => decode_json(bytes).unwrap_or_default(),
        }
    }
}

/// A request to the API.
pub(crate) struct Request {
    /// The connection that it came by.
    pub(crate) ends: Ends,
    pub(crate) method: String,
    /// Below `/api2/json`, percent-decoded.
    pub(crate) path: String,
    pub(crate) query: String,
    /// `/api2/extjs` instead of `/api2/json`: always 200, with the status inside.
    pub(crate) extjs: bool,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Body,
}

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// `None`: the usual one of the status.
    pub(crate) reason: Option<String>,
    pub(crate) content_type: Option<String>,
    pub(crate) body: String,
    /// The simulated moment for the `Date` header.
    pub(crate) date: Time,
}

/// What becomes of a request.
pub(crate) enum Outcome {
    Reply(Reply),
    /// The same, and the connection closes after it without a word.
    LastReply(Reply),
    /// The connection becomes a websocket.
    Upgrade(Talk),
    /// The connection closes without an answer.
    Drop,
}

/// What a request has come to, before the faults after it.
struct Done {
    outcome: Outcome,
    /// Simulated time until it is sent.
    delay: Duration,
    user: Option<String>,
}

/// Answers a request that `node` has taken.
pub(crate) async fn answer(world: &World, node: &str, request: Request) -> Outcome {
    let write = world.with(|cluster| cluster.concurrency.arrives(node, &request.method, &request.path));
    if !world.latency().is_zero() {
        tokio::time::sleep(world.latency()).await;
    }
    let strikes = world.with(|cluster| cluster.faults.strike(&request.method, &request.path, node));
    let (before, after): (Vec<Fault>, Vec<Fault>) = strikes.into_iter().partition(|fault| fault.when == When::Before);
    let mut struck = None;
    for fault in &before {
        struck = struck.or(strike(world, node, &request, fault).await);
    }
    let done = match struck {
        Some(outcome) => Done { outcome, delay: Duration::ZERO, user: None },
        None => carry_out(world, node, &request, write, task_fault(&before, &after)).await,
    };
    let Done { mut outcome, delay, user } = done;
    if !delay.is_zero() && !world.stands_still() {
        let until = world.with(|cluster| cluster.now) + delay;
        world.sleep_until(until).await;
    }
    for fault in &after {
        if let Some(struck) = strike(world, node, &request, fault).await {
            outcome = struck;
        }
    }
    outcome = alter(alter(outcome, &before), &after);
    let status = match &outcome {
        Outcome::Reply(reply) | Outcome::LastReply(reply) => Some(reply.status),
        Outcome::Upgrade(_) => Some(101),
        Outcome::Drop => None,
    };
    let params = masked(&request.query, &request.body);
    world.with(|cluster| {
        let (node, method, path) = (node.to_owned(), request.method.clone(), request.path.clone());
        let peer = request.ends.peer.to_string();
        cluster.concurrency.leaves(&node, write);
        cluster.requests.push(Recorded { node, peer, method, path, params, status, user });
    });
    outcome
}

async fn carry_out(world: &World, node: &str, request: &Request, write: Option<u64>, fault: Option<TaskFault>) -> Done {
    let arrived = world.with(|cluster| cluster.now);
    let mut user = None;
    loop {
        let unlocked = world.unlocked();
        let result = world.with(|cluster| {
            let mut attempt =
                Attempt { routes: world.routes(), node, request, arrived, fault: fault.clone(), user: None };
            cluster.concurrency.handles(write);
            let result = cluster.at(node, |cluster| attempt.run(cluster));
            cluster.concurrency.handles(None);
            user = attempt.user.map(|user| user.full());
            result
        });
        let date = world.with(|cluster| cluster.clock_of(node));
        return match result {
            Ok(Success::Talk(talk)) => Done { outcome: Outcome::Upgrade(talk), delay: Duration::ZERO, user },
            Ok(Success::Data(data)) => {
                let reply =
                    Reply { status: 200, reason: None, content_type: json_type(), body: data.to_string(), date };
                Done { outcome: Outcome::Reply(reply), delay: Duration::ZERO, user }
            }
            Err(Failure::Off) => Done { outcome: Outcome::Drop, delay: Duration::ZERO, user },
            Err(Failure::Unauthorised(reason)) => {
                let reason = Some(reason.to_owned());
                let reply = Reply { status: 401, reason, content_type: None, body: String::new(), date };
                Done { outcome: Outcome::Reply(reply), delay: UNAUTHORISED_DELAY, user }
            }
            Err(Failure::Unreachable { refused, missed }) => {
                let (reason, delay) = match (refused, missed) {
                    (true, _) => ("Connection refused", Duration::ZERO),
                    (false, true) => ("No route to host", CONNECT_TIMEOUT),
                    (false, false) => ("No route to host", FIRST_CONNECT),
                };
                let reason = Some(reason.to_owned());
                let reply = Reply { status: 595, reason, content_type: None, body: String::new(), date };
                Done { outcome: Outcome::Reply(reply), delay, user }
            }
            Err(Failure::NotImplemented(message)) => {
                let body = json!({ "data": null, "message": message }).to_string();
                let reply = Reply { status: 501, reason: Some(message), content_type: json_type(), body, date };
                Done { outcome: Outcome::Reply(reply), delay: Duration::ZERO, user }
            }
            Err(Failure::Pve(error)) => match error.into_refusal() {
                Ok(refusal) => {
                    let delay = if refusal.status == 401 { UNAUTHORISED_DELAY } else { Duration::ZERO };
                    let reply = if request.extjs { in_extjs(&refusal, date) } else { refused(refusal, date) };
                    Done { outcome: Outcome::Reply(reply), delay, user }
                }
                Err((_, until)) => {
                    tokio::select! {
                        () = world.sleep_until(until) => {}
                        () = unlocked => {}
                    }
                    continue;
                }
            },
        };
    }
}

enum Success {
    Data(Value),
    Talk(Talk),
}

enum Failure {
    /// The node that took the request has been switched off meanwhile.
    Off,
    /// 401 with an empty body.
    Unauthorised(&'static str),
    /// The node in the path does not answer the node that took the request: its address refuses, or has been missed
    /// before.
    Unreachable {
        refused: bool,
        missed: bool,
    },
    NotImplemented(String),
    Pve(PveError),
}

impl From<PveError> for Failure {
    fn from(error: PveError) -> Self {
        Failure::Pve(error)
    }
}

struct Attempt<'a> {
    routes: &'a super::routes::Routes,
    node: &'a str,
    request: &'a Request,
    arrived: Time,
    fault: Option<TaskFault>,
    user: Option<Identity>,
}

impl Attempt<'_> {
    fn run(&mut self, cluster: &mut Cluster) -> Result<Success, Failure> {
        if !cluster.nodes.online(self.node) {
            return Err(Failure::Off);
        }
        if cluster.closed {
            // Neither keys nor users are to be found.
            return Err(Failure::Unauthorised("No ticket"));
        }
        let Request { method: verb, path, .. } = self.request;
        let found = self.routes.find(verb, path);
        let world_readable = found.as_ref().is_some_and(|(route, _)| route.method.for_the_world());
        self.user = self.identify(cluster, world_readable)?;
        let Some((route, bound)) = found else {
            return Err(Failure::NotImplemented(format!("Method '{verb} {path}' not implemented")));
        };
        let older = cluster.profile.is_8();
        if older && older::lacks(&route.method.path) {
            return Err(Failure::NotImplemented(format!("Method '{verb} {path}' not implemented")));
        }
        let Some(handler) = route.handler.filter(|_| !older || !older::is_otherwise(&route.method.path)) else {
            *cluster.unmodelled.entry(format!("{verb} {}", route.method.path)).or_default() += 1;
            return Err(Failure::NotImplemented(format!("Method '{verb} {path}' not implemented (not simulated)")));
        };
        let raw = self.parameters(&bound)?;
        let who = self.user.clone().unwrap_or_else(|| Identity::user(ROOT));
        self.may_call(cluster, route, &who, &raw)?;
        let node = self.node_of(cluster, route, &bound)?;
        if older {
            older::check(&route.method.path, &raw)?;
        }
        let params = params::check(route.method, raw)?;
        let mut call = Call {
            cluster,
            node,
            served_by: self.node.to_owned(),
            path: &route.method.path,
            params,
            user: who,
            total: None,
            arrived: self.arrived,
            task_fault: self.fault.take(),
            talk: None,
        };
        let mut data = handler(&mut call)?;
        if older {
            data = older::answer(&route.method.path, data);
        }
        let Call { total, talk, .. } = call;
        if let Some(talk) = talk {
            return Ok(Success::Talk(talk));
        }
        let mut answer = Map::from_iter([("data".to_owned(), data)]);
        if let Some(total) = total.filter(|total| *total > 0) {
            answer.insert("total".to_owned(), total.into());
        }
        if self.request.extjs {
            answer.insert("success".to_owned(), 1.into());
        }
        Ok(Success::Data(Value::Object(answer)))
    }

    /// Who calls; `None` where no login is needed.
    fn identify(&self, cluster: &Cluster, world_readable: bool) -> Result<Option<Identity>, Failure> {
        let headers = &self.request.headers;
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let authorization = header("authorization");
        let ticket = headers.get_all("cookie").iter().filter_map(|value| value.to_str().ok()).find_map(auth_cookie);
        let token = authorization
            .and_then(|text| text.strip_prefix("PVEAPIToken"))
            .map(|text| text.trim_start_matches(['=', ' ']));
        const REFUSED: Failure = Failure::Unauthorised("Authentication failed!");
        if let Some(ticket) = ticket.or_else(|| authorization.and_then(auth_cookie)).filter(|_| !world_readable) {
            let now = cluster.clock_of(self.node);
            let who = cluster.access.check_ticket(&ticket, now).ok_or(REFUSED)?;
            let csrf = header("csrfpreventiontoken").unwrap_or_default();
            if self.request.method != "GET" && !cluster.access.check_csrf(csrf, &who.userid, now) {
                return Err(Failure::Unauthorised("Permission denied - invalid csrf token"));
            }
            return Ok(Some(who));
        }
        if let Some(token) = token {
            let token = percent_encoding::percent_decode_str(token).decode_utf8_lossy().into_owned();
            let who =
                token.rsplit_once('=').and_then(|(id, secret)| cluster.access.check_token(id, secret, cluster.now));
            match who {
                Some(who) => return Ok(Some(who)),
                None if world_readable => {}
                None => return Err(REFUSED),
            }
        }
        if world_readable { Ok(None) } else { Err(Failure::Unauthorised("No ticket")) }
    }

    /// Parameters of path, query and body together; one that the path binds must not say anything else elsewhere.
    fn parameters(&self, bound: &[(&'static str, String)]) -> Result<params::Raw, PveError> {
        let mut raw = match &self.request.body {
            Body::Form(text) => decode_form(text),
            Body::Json(bytes) => {
                decode_json(bytes).map_err(|error| PveError::status(400, format!("invalid JSON: {error}")))?
            }
        };
        raw.extend(decode_form(&self.request.query));
        raw.remove("_dc");
        for (name, value) in bound {
            let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            if raw.get(*name).is_some_and(|other| text(other) != *value) {
                let why = "duplicate parameter (already defined in URI) with conflicting values!";
                return Err(PveError::param(*name, why));
            }
            raw.insert((*name).to_owned(), Value::String(value.clone()));
        }
        Ok(raw)
    }

    fn may_call(&self, cluster: &Cluster, route: &Route, who: &Identity, raw: &params::Raw) -> Result<(), PveError> {
        if who.token.is_some() && !route.method.allow_token {
            let uri = &self.request.path;
            let text = format!("URI '{uri}' not available with API token, need proper ticket.\n");
            return Err(PveError::status(403, format!("Permission check failed ({text})")));
        }
        let lookup = |name: &str| {
            raw.get(name)
                .filter(|value| !value.is_null())
                .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
        };
        if self.user.is_none() {
            return Ok(());
        }
        permission::demand(cluster, who, route.method.permissions.as_ref(), &lookup)
    }

    /// The node that carries out the call.
    fn node_of(
        &self,
        cluster: &mut Cluster,
        route: &Route,
        bound: &[(&'static str, String)],
    ) -> Result<String, Failure> {
        let target = bound.iter().find(|(name, _)| *name == "node").map(|(_, node)| node.as_str());
        match target {
            Some(target) if route.method.runs_on_its_node() && target != "localhost" && target != self.node => {
                let Some(known) = cluster.nodes.get_mut(target) else {
                    let why = format!("failed to get address info for: {target}: Name or service not known");
                    return Err(PveError::new(format!("hostname lookup '{target}' failed - {why}")).into());
                };
                if !known.on {
                    let missed = std::mem::replace(&mut known.missed, true);
                    return Err(Failure::Unreachable { refused: known.refuses, missed });
                }
                Ok(target.to_owned())
            }
            _ => Ok(self.node.to_owned()),
        }
    }
}

fn auth_cookie(text: &str) -> Option<String> {
    let value = text.split(';').find_map(|part| part.trim().strip_prefix("PVEAuthCookie="))?;
    Some(percent_encoding::percent_decode_str(value).decode_utf8_lossy().into_owned())
}

fn json_type() -> Option<String> {
    Some("application/json;charset=UTF-8".to_owned())
}

pub(super) fn refused(refusal: Refusal, date: Time) -> Reply {
    let Refusal { status, message, errors } = refusal;
    // What is refused with this status has no line end.
    let end = if status == 424 { "" } else { "\n" };
    let mut body = json!({ "data": null, "message": format!("{message}{end}") });
    if !errors.is_empty() {
        body["errors"] = json!(errors);
    }
    let reason = message.lines().next().map(str::to_owned);
    Reply { status, reason, content_type: json_type(), body: body.to_string(), date }
}

fn in_extjs(refusal: &Refusal, date: Time) -> Reply {
    let Refusal { status, message, errors } = refusal;
    let mut body = json!({ "data": null, "success": 0, "status": status, "message": format!("{message}\n") });
    if !errors.is_empty() {
        body["errors"] = json!(errors);
    }
    Reply { status: 200, reason: None, content_type: json_type(), body: body.to_string(), date }
}
