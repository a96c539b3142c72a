//! A cluster for the tests of handlers: calls without a network, a clock that is put forward by hand.

use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::api;
use crate::cluster::access::ROOT;
use crate::cluster::{Cluster, Profile};
use crate::kernel::clock::{Clock, Time};
use crate::kernel::kill::Ends;
use crate::kernel::pipeline::{self, Body, Outcome, Reply, Request};
use crate::kernel::tasks::Upid;
use crate::kernel::world::World;
use crate::shape::Shape;

/// The cluster and who calls it.
///
/// ```ignore
/// let bed = Bed::new(Shape::default());
/// let upid = bed.ok("POST", "/nodes/pve1/qemu", &[("vmid", "100")]).await;
/// assert_eq!(bed.task(&upid), "OK");
/// assert_eq!(bed.refusal("GET", "/nodes/pve1/qemu/999/config", &[]).await, (500, "Configuration file ...".into()));
/// ```
pub(crate) struct Bed {
    pub(crate) world: World,
}

/// Headers of a request.
pub(crate) type Headers = Vec<(&'static str, String)>;

impl Bed {
    /// A cluster of this shape at 2026-11-22T10:00:00Z whose clock stands still.
    pub(crate) fn new(shape: Shape) -> Bed {
        Self::at(shape, Profile::default(), Time::from_unix(1_795_341_600))
    }

    /// A cluster of that version at that time.
    pub(crate) fn at(shape: Shape, profile: Profile, start: Time) -> Bed {
        let cluster = Cluster::new(&shape, profile, start, 1);
        Bed { world: World::new(cluster, Clock::new(start, 0.0), api::routes(), Duration::ZERO) }
    }

    /// The headers of a fresh ticket for a user.
    pub(crate) fn ticket(&self, userid: &str) -> Headers {
        let (ticket, csrf) =
            self.world.with(|c| (c.access.issue_ticket(userid, c.now), c.access.issue_csrf(userid, c.now)));
        vec![("cookie", format!("PVEAuthCookie={ticket}")), ("csrfpreventiontoken", csrf)]
    }

    /// The header of an API token (`a@pve!t`); a token that does not exist has a wrong secret.
    pub(crate) fn token(&self, full_id: &str) -> Headers {
        let secret = full_id
            .split_once('!')
            .and_then(|(user, id)| self.world.with(|c| Some(c.access.users.get(user)?.tokens.get(id)?.value.clone())));
        vec![("authorization", format!("PVEAPIToken={full_id}={}", secret.unwrap_or_else(|| "gone".into())))]
    }

    /// Sends a request to pve1; parameters go into the query or a form, as the verb wants it.
    pub(crate) async fn send(&self, headers: Headers, verb: &str, path: &str, params: &[(&str, &str)]) -> Reply {
        let escape = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let pairs: Vec<String> =
            params.iter().map(|(name, value)| format!("{}={}", escape(name), escape(value))).collect();
        let text = pairs.join("&");
        let (query, form) =
            if verb == "GET" || verb == "DELETE" { (text, String::new()) } else { (String::new(), text) };
        self.send_body(headers, verb, path, query, Body::Form(form)).await
    }

    /// `root@pam` calls a certain node, which gives the ticket: status and body.
    pub(crate) async fn call_at(&self, node: &str, verb: &str, path: &str, params: &[(&str, &str)]) -> (u16, Value) {
        let ticket =
            self.world.with(|c| c.at(node, |c| (c.access.issue_ticket(ROOT, c.now), c.access.issue_csrf(ROOT, c.now))));
        let headers = vec![("cookie", format!("PVEAuthCookie={}", ticket.0)), ("csrfpreventiontoken", ticket.1)];
        let form =
            params.iter().map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)));
        let text = form.collect::<Vec<_>>().join("&");
        let (query, form) = if verb == "POST" { (String::new(), text) } else { (text, String::new()) };
        let reply = self.send_to(node, headers, verb, path, query, Body::Form(form)).await;
        (reply.status, serde_json::from_str(&reply.body).unwrap_or(Value::String(reply.body)))
    }

    /// Sends a request with a body as it is.
    pub(crate) async fn send_body(&self, headers: Headers, verb: &str, path: &str, query: String, body: Body) -> Reply {
        self.send_to("pve1", headers, verb, path, query, body).await
    }

    async fn send_to(&self, node: &str, headers: Headers, verb: &str, path: &str, query: String, body: Body) -> Reply {
        let mut map = http::HeaderMap::new();
        for (name, value) in headers {
            map.append(name, value.parse().unwrap());
        }
        let (method, path) = (verb.to_owned(), path.to_owned());
        let nowhere = ([127, 0, 0, 1], 1).into();
        let ends = Ends { peer: nowhere, node: nowhere };
        let request = Request { ends, method, path, query, extjs: false, headers: map, body };
        match pipeline::answer(&self.world, node, request).await {
            Outcome::Reply(reply) => reply,
            _ => panic!("{verb} has no plain answer"),
        }
    }

    /// `root@pam` calls: status and body.
    pub(crate) async fn call(&self, verb: &str, path: &str, params: &[(&str, &str)]) -> (u16, Value) {
        let reply = self.send(self.ticket(ROOT), verb, path, params).await;
        (reply.status, serde_json::from_str(&reply.body).unwrap_or(Value::String(reply.body)))
    }

    /// `root@pam` calls, and it must succeed: `data`.
    pub(crate) async fn ok(&self, verb: &str, path: &str, params: &[(&str, &str)]) -> Value {
        let (status, mut body) = self.call(verb, path, params).await;
        assert_eq!(status, 200, "{verb} {path} {params:?}: {body}");
        body["data"].take()
    }

    /// `root@pam` calls, and it must be refused: status and message.
    pub(crate) async fn refusal(&self, verb: &str, path: &str, params: &[(&str, &str)]) -> (u16, String) {
        let (status, body) = self.call(verb, path, params).await;
        assert!(status >= 400, "{verb} {path} {params:?}: {body}");
        (status, body["message"].as_str().unwrap_or_default().trim_end().to_owned())
    }

    /// Lets simulated seconds pass.
    pub(crate) fn pass(&self, seconds: u64) {
        self.world.advance(Duration::from_secs(seconds));
    }

    /// Lets time pass until the task has ended; its exit status.
    pub(crate) fn task(&self, upid: &Value) -> String {
        let upid = Upid::parse(upid.as_str().unwrap()).unwrap();
        for _ in 0..24 * 3600 {
            let end = self.world.with(|c| c.tasks.find(&upid).unwrap().end.clone());
            if let Some((_, status)) = end {
                return status;
            }
            self.pass(1);
        }
        panic!("{upid} has not ended within a day")
    }

    /// The log of a task.
    pub(crate) fn log(&self, upid: &Value) -> Vec<String> {
        let upid = Upid::parse(upid.as_str().unwrap()).unwrap();
        self.world.with(|c| c.tasks.find(&upid).unwrap().log.clone())
    }
}
