//! Recorded exchanges against the handlers, in order, as far as their routes are served.

use serde_json::{Value, json};

use crate::bed::{Bed, Headers};
use crate::cluster::Profile;
use crate::cluster::access::ROOT;
use crate::kernel::clock::Time;
use crate::kernel::pipeline::{Body, Reply};
use crate::shape::{CephShape, Shape};

/// When the recordings were made.
const RECORDED: Time = Time::from_unix(0x6B03_2D84);

fn bed() -> Bed {
    let shape = Shape { name: "pvetest".into(), ceph: CephShape::default(), ..Shape::default() };
    let bed = Bed::at(shape, Profile::default(), RECORDED);
    bed.world.with(|c| c.access.set_password(ROOT, "testpass123"));
    bed
}

/// The credentials that a recording names in words; without a name it was `root@pam`.
fn credentials(bed: &Bed, user: Option<&Value>) -> Headers {
    match user.map(|user| user.as_str()) {
        None => bed.ticket(ROOT),
        Some(None) => vec![],
        Some(Some("root@pam(garbage ticket)")) => vec![("cookie", "PVEAuthCookie=PVE:garbage".into())],
        Some(Some("root@pam(no CSRF header)")) => bed.ticket(ROOT).into_iter().take(1).collect(),
        Some(Some("malformed token")) => vec![("authorization", "PVEAPIToken=garbage".into())],
        Some(Some(id)) if id.contains('!') => bed.token(id),
        Some(Some(other)) => panic!("unknown user '{other}'"),
    }
}

async fn send(bed: &Bed, recorded: &Value) -> Reply {
    let text = |key: &str| recorded[key].as_str().unwrap();
    let headers = credentials(bed, recorded.get("user"));
    if let Some(json) = recorded.get("json") {
        let body = Body::Json(json.to_string().into_bytes());
        return bed.send_body(headers, text("method"), text("path"), String::new(), body).await;
    }
    let value = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let params = recorded["params"].as_object().into_iter().flatten();
    let params: Vec<(&str, String)> = params.map(|(name, given)| (name.as_str(), value(given))).collect();
    let params: Vec<(&str, &str)> = params.iter().map(|(name, value)| (*name, value.as_str())).collect();
    bed.send(headers, text("method"), text("path"), &params).await
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
    let bed = bed();
    let exchanges: Vec<Value> = serde_json::from_str(recording).unwrap();
    let (mut served, mut differences) = (0, Vec::new());
    for (n, exchange) in exchanges.iter().enumerate() {
        let recorded = &exchange["request"];
        let (method, path) = (recorded["method"].as_str().unwrap(), recorded["path"].as_str().unwrap());
        let has_handler = match bed.world.routes().find(method, path) {
            Some((route, _)) => route.handler.is_some() && !skip.contains(&route.method.path.as_str()),
            // The list of the top folders is not part of the schema.
            None => path != "/",
        };
        if !has_handler {
            continue;
        }
        served += 1;
        let reply = send(&bed, recorded).await;
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
    let skip = [
        "/nodes/{node}/status",
        "/nodes/{node}/tasks",
        "/nodes/{node}/disks/list",
        "/nodes/{node}/storage",
        "/nodes/{node}/dns",
        "/nodes/{node}/hosts",
        // Digests of its file are sent. Both calls are replayed with the recording of the nodes' settings.
        "/nodes/{node}/config",
        "/cluster/tasks",
        "/cluster/resources",
    ];
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
