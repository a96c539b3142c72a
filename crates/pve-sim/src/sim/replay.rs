//! Recorded exchanges against the handlers, in order, as far as their routes are served.

use serde_json::{Value, json};

use crate::api;
use crate::cluster::access::ROOT;
use crate::cluster::{Cluster, Profile};
use crate::kernel::clock::{Clock, Time};
use crate::kernel::pipeline::{self, Body, Outcome, Request};
use crate::kernel::world::World;
use crate::shape::{CephShape, Shape};

/// When the recordings were made.
const RECORDED: Time = Time::from_unix(0x6B03_2D84);

pub(super) fn world() -> World {
    let shape = Shape { name: "pvetest".into(), ceph: CephShape::default(), ..Shape::default() };
    let mut cluster = Cluster::new(&shape, Profile::default(), RECORDED, 1);
    cluster.access.set_password(ROOT, "testpass123");
    World::new(cluster, Clock::new(RECORDED, 0.0), api::routes(), std::time::Duration::ZERO)
}

/// The credentials that a recording names in words.
fn credentials(world: &World, user: &Value) -> Vec<(&'static str, String)> {
    let root = || world.with(|c| (c.access.issue_ticket(ROOT, c.now), c.access.issue_csrf(ROOT, c.now)));
    let cookie = |ticket: String| ("cookie", format!("PVEAuthCookie={ticket}"));
    let token = |text: String| ("authorization", format!("PVEAPIToken={text}"));
    match user.as_str() {
        None if user["named"] == "nobody" => vec![],
        None => vec![cookie(root().0), ("csrfpreventiontoken", root().1)],
        Some("root@pam(garbage ticket)") => vec![cookie("PVE:garbage".into())],
        Some("root@pam(no CSRF header)") => vec![cookie(root().0)],
        Some("malformed token") => vec![token("garbage".into())],
        Some(id) if id.contains('!') => {
            let (user, token_id) = id.split_once('!').unwrap();
            let secret = world.with(|c| Some(c.access.users.get(user)?.tokens.get(token_id)?.value.clone()));
            vec![token(format!("{id}={}", secret.unwrap_or_else(|| "gone".into())))]
        }
        Some(other) => panic!("unknown user '{other}'"),
    }
}

/// A request of `root@pam`, parameters in query or form.
pub(super) fn root_request(world: &World, verb: &str, path: &str, params: &[(&str, &str)]) -> Request {
    let params: serde_json::Map<_, _> = params.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    request(world, &json!({ "method": verb, "path": path, "params": params }))
}

fn request(world: &World, recorded: &Value) -> Request {
    let mut user = recorded.get("user").cloned().unwrap_or(Value::Null);
    if recorded.get("user").is_some() && user.is_null() {
        user = json!({ "named": "nobody" });
    }
    let mut headers = http::HeaderMap::new();
    for (name, value) in credentials(world, &user) {
        headers.append(name, value.parse().unwrap());
    }
    let method = recorded["method"].as_str().unwrap().to_owned();
    let mut encoded = Vec::new();
    for (name, value) in recorded["params"].as_object().into_iter().flatten() {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let text = percent_encoding::utf8_percent_encode(&text, percent_encoding::NON_ALPHANUMERIC).to_string();
        encoded.push(format!("{name}={text}"));
    }
    let encoded = encoded.join("&");
    let in_query = method == "GET" || method == "DELETE";
    let body = match recorded.get("json") {
        Some(json) => Body::Json(json.to_string().into_bytes()),
        None => Body::Form(if in_query { String::new() } else { encoded.clone() }),
    };
    let query = if in_query { encoded } else { String::new() };
    let path = recorded["path"].as_str().unwrap().to_owned();
    Request { method, path, query, extjs: false, headers, body }
}

/// What a run hands out or measures, and the order of lists, which PVE leaves to chance.
fn normalised(value: &Value) -> Value {
    const GIVEN: &[&str] = &["ticket", "CSRFPreventionToken", "value", "digest", "ssl_fingerprint", "ip"];
    const MEASURED: &[&str] =
        &["cpu", "maxcpu", "mem", "maxmem", "disk", "maxdisk", "uptime", "cgroup-mode", "localtime", "time"];
    match value {
        Value::Object(fields) => {
            let one = |(key, value): (&String, &Value)| {
                let known = GIVEN.contains(&key.as_str()) || MEASURED.contains(&key.as_str());
                (key.clone(), if known { "...".into() } else { normalised(value) })
            };
            fields.iter().map(one).collect()
        }
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(normalised).collect();
            items.sort_by_key(Value::to_string);
            items.into()
        }
        other => other.clone(),
    }
}

/// Replays a recording; gives how many exchanges were served and what differed.
async fn replay(recording: &str, skip: &[&str]) -> (usize, Vec<String>) {
    let world = world();
    let exchanges: Vec<Value> = serde_json::from_str(recording).unwrap();
    let (mut served, mut differences) = (0, Vec::new());
    for (n, exchange) in exchanges.iter().enumerate() {
        let recorded = &exchange["request"];
        let (method, path) = (recorded["method"].as_str().unwrap(), recorded["path"].as_str().unwrap());
        let has_handler = match world.routes().find(method, path) {
            Some((route, _)) => route.handler.is_some() && !skip.contains(&route.method.path.as_str()),
            // The list of the top folders is not part of the schema.
            None => path != "/",
        };
        if !has_handler {
            continue;
        }
        served += 1;
        let Outcome::Reply(reply) = pipeline::answer(&world, "pve1", request(&world, recorded)).await else {
            panic!("no answer to {n}");
        };
        let body: Value = serde_json::from_str(&reply.body).unwrap_or(Value::String(reply.body.clone()));
        let reason = reply.reason.unwrap_or_else(|| "OK".into());
        let ours = json!([reply.status, reason, normalised(&body)]);
        let theirs = json!([exchange["status"], exchange["reason"], normalised(&exchange["response"])]);
        if ours != theirs {
            differences.push(format!("{n} {method} {path}\n  ours   {ours}\n  theirs {theirs}"));
        }
    }
    (served, differences)
}

#[tokio::test]
async fn the_base_is_as_recorded() {
    // Lists and values of the machine that was recorded, and its storages.
    let skip = ["/nodes/{node}/status", "/nodes/{node}/tasks", "/cluster/tasks", "/cluster/resources"];
    let (served, differences) = replay(crate::truth::PVE_BASE, &skip).await;
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert!(served >= 40, "{served}");
}

#[tokio::test]
async fn access_is_as_recorded() {
    let (served, differences) = replay(crate::truth::PVE_ACCESS, &[]).await;
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert!(served >= 185, "{served}");
}
