//! The whole thing over HTTPS, as a client meets it.

use std::time::Duration;

use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

use super::*;
use crate::kernel::locks::Lock;
use crate::kernel::tasks::Steps;

/// A cluster whose clock stands still, and a client that trusts it.
pub(super) struct Rig {
    pub(super) running: Running,
    client: Client,
}

pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Value,
}

impl Rig {
    pub(super) async fn start() -> Rig {
        Self::with(Options { factor: 0.0, seed: Some(1), ..Options::default() }).await
    }

    async fn with(options: Options) -> Rig {
        Self::serving(options, api::routes()).await
    }

    async fn serving(options: Options, routes: Routes) -> Rig {
        // The second test of a process finds it installed.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let client = Client::builder().tls_danger_accept_invalid_certs(true).build().unwrap();
        Rig { running: Sim::start_with(options, routes).await.unwrap(), client }
    }

    pub(super) fn request(&self, node: &str, method: Method, path: &str) -> reqwest::RequestBuilder {
        let base = self.running.endpoint(node).unwrap();
        self.client.request(method, format!("{base}/api2/json{path}"))
    }

    pub(super) fn as_token(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let token = format!("PVEAPIToken={}", self.running.api_token);
        self.request("pve1", method, path).header("Authorization", token)
    }

    pub(super) async fn login(&self, username: &str, password: &str) -> Answer {
        let form = [("username", username), ("password", password)];
        send(self.request("pve1", Method::POST, "/access/ticket").form(&form)).await
    }

    async fn root(&self) -> Session<'_> {
        let answer = self.login("root@pam", &self.running.password).await;
        assert_eq!(answer.status, 200);
        let text = |key: &str| answer.body["data"][key].as_str().unwrap().to_owned();
        Session { rig: self, ticket: text("ticket"), csrf: text("CSRFPreventionToken") }
    }

    pub(super) async fn control(&self, method: Method, path: &str, body: Value) -> Answer {
        send(self.client.request(method, format!("{}{path}", self.running.control)).json(&body)).await
    }
}

struct Session<'a> {
    rig: &'a Rig,
    ticket: String,
    csrf: String,
}

impl Session<'_> {
    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.rig.request("pve1", method, path);
        request.header("Cookie", format!("PVEAuthCookie={}", self.ticket)).header("CSRFPreventionToken", &self.csrf)
    }

    async fn get(&self, path: &str) -> Answer {
        send(self.request(Method::GET, path)).await
    }
}

pub(super) async fn send(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let status = response.status();
    let text = response.text().await.unwrap();
    Answer { status, body: serde_json::from_str(&text).unwrap_or(Value::String(text)) }
}

#[tokio::test]
async fn who_has_no_ticket_gets_an_empty_401() {
    let rig = Rig::start().await;
    let answer = send(rig.request("pve1", Method::GET, "/version")).await;
    assert_eq!((answer.status.as_u16(), answer.body), (401, json!("")));
    let answer = send(rig.request("pve1", Method::GET, "/version").header("Cookie", "PVEAuthCookie=garbage")).await;
    assert_eq!((answer.status.as_u16(), answer.body), (401, json!("")));
    let answer = rig.login("root@pam", "wrong").await;
    assert_eq!((answer.status.as_u16(), answer.body["message"].as_str()), (401, Some("authentication failure\n")));
}

#[tokio::test]
async fn a_ticket_reads_and_with_the_csrf_token_writes() {
    let rig = Rig::start().await;
    let root = rig.root().await;
    assert_eq!(
        root.get("/version").await.body,
        json!({ "data": { "version": "9.2.11", "release": "9.2", "repoid": "14a22df3" } })
    );
    let form = [("keyboard", "de")];
    let bare = Session { rig: &rig, ticket: root.ticket.clone(), csrf: String::new() };
    let refused = send(bare.request(Method::PUT, "/cluster/options").form(&form)).await;
    assert_eq!(refused.status, 401);
    let done = send(root.request(Method::PUT, "/cluster/options").form(&form)).await;
    assert_eq!((done.status.as_u16(), done.body), (200, json!({ "data": null })));
    assert_eq!(root.get("/cluster/options").await.body["data"]["keyboard"], "de");
}

#[tokio::test]
async fn a_ticket_ends_after_two_simulated_hours_and_renews_itself_before() {
    let rig = Rig::start().await;
    let root = rig.root().await;
    rig.control(Method::POST, "/clock/advance", json!({ "seconds": 7000 })).await;
    let renewed = rig.login("root@pam", &root.ticket).await;
    assert_eq!(renewed.status, 200);
    rig.control(Method::POST, "/clock/advance", json!({ "seconds": 300 })).await;
    assert_eq!(root.get("/version").await.status, 401);
    assert_eq!(rig.login("root@pam", &root.ticket).await.status, 401);
    let ticket = renewed.body["data"]["ticket"].as_str().unwrap().to_owned();
    assert_eq!(Session { rig: &rig, ticket, csrf: String::new() }.get("/version").await.status, 200);
}

#[tokio::test]
async fn a_node_that_is_off_refuses_and_the_others_cannot_reach_it() {
    let rig = Rig::start().await;
    let root = rig.root().await;
    let on = |node: &'static str, on: bool| rig.control(Method::POST, node, json!({ "on": on }));
    assert_eq!(on("/nodes/pve2/power", false).await.status, 200);
    assert!(rig.request("pve2", Method::GET, "/version").send().await.unwrap_err().is_connect());
    assert_eq!(root.get("/nodes/pve2/status").await.status.as_u16(), 595);
    let status = root.get("/cluster/status").await.body["data"].clone();
    assert_eq!((status[0]["quorate"].clone(), status[2]["online"].clone()), (json!(1), json!(0)));
    on("/nodes/pve2/power", true).await;
    let mut tries = 0;
    while rig.request("pve2", Method::GET, "/version").send().await.is_err() {
        tries += 1;
        assert!(tries < 500, "the node does not come back");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let error = rig.control(Method::POST, "/nodes/nowhere/power", json!({ "on": true })).await;
    assert_eq!(error.status, 400);
}

#[tokio::test]
async fn without_quorum_a_locked_write_fails_after_ten_seconds_and_reads_go_on() {
    let rig = Rig::start().await;
    for node in ["pve2", "pve3"] {
        rig.control(Method::POST, &format!("/nodes/{node}/power"), json!({ "on": false })).await;
    }
    let write = send(rig.as_token(Method::PUT, "/cluster/options").form(&[("keyboard", "de")]));
    let advance = async {
        // The write waits by now, or will find the ten seconds over when it comes.
        tokio::time::sleep(Duration::from_millis(50)).await;
        for _ in 0..20 {
            rig.control(Method::POST, "/clock/advance", json!({ "seconds": 11 })).await;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let (answer, ()) = tokio::join!(write, advance);
    assert_eq!(answer.body["message"], "cfs-lock 'file-datacenter_cfg' error: no quorum!\n");
    assert_eq!(send(rig.as_token(Method::GET, "/cluster/options")).await.body["data"]["keyboard"], Value::Null);
}

#[tokio::test]
async fn what_is_not_there_is_said_in_pves_words() {
    let rig = Rig::start().await;
    for (method, path, status, message) in [
        (Method::GET, "/nosuchpath", 501, "Method 'GET /nosuchpath' not implemented"),
        (Method::POST, "/version", 501, "Method 'POST /version' not implemented"),
        (
            Method::GET,
            "/nodes/bad_node!/status",
            500,
            "hostname lookup 'bad_node!' failed - failed to get address info for: bad_node!: Name or service not known\n",
        ),
        (Method::GET, "/version?foo=1", 400, "Parameter verification failed.\n"),
        (Method::POST, "/nodes/pve1/execute", 501, "Method 'POST /nodes/pve1/execute' not implemented (not simulated)"),
    ] {
        let answer = send(rig.as_token(method, path)).await;
        assert_eq!((answer.status.as_u16(), answer.body["message"].as_str()), (status, Some(message)), "{path}");
    }
    let unmodelled = rig.control(Method::GET, "/unmodelled", Value::Null).await.body;
    assert_eq!(unmodelled, json!([{ "call": "POST /nodes/{node}/execute", "count": 1 }]));
}

#[tokio::test]
async fn writes_that_meet_at_a_lock_are_told() {
    let rig = rig_with_task().await;
    let begin = async || send(rig.as_token(Method::POST, "/nodes/pve2/startall")).await;
    begin().await;
    assert_eq!(rig.control(Method::GET, "/concurrency", Value::Null).await.body["at_once"], json!({}));
    // The first has its lock when its worker has been forked; its request is long answered when the second comes.
    rig.control(Method::POST, "/clock/advance", json!({ "seconds": 1 })).await;
    begin().await;
    rig.control(Method::POST, "/clock/advance", json!({ "seconds": 1 })).await;
    let told = rig.control(Method::GET, "/concurrency", Value::Null).await.body;
    let call = "POST /nodes/pve2/startall";
    assert_eq!(told["overlaps"], json!([{ "lock": "file-lamps_cfg", "first": call, "second": call }]));
    assert_eq!(told["at_once"], json!({ "file-lamps_cfg": 2 }));
    assert_eq!(told["in_flight"], json!({ "pve1": 1 }));
    rig.control(Method::POST, "/clock/advance", json!({ "seconds": 30 })).await;
    rig.control(Method::DELETE, "/concurrency", Value::Null).await;
    begin().await;
    rig.control(Method::POST, "/clock/advance", json!({ "seconds": 1 })).await;
    let told = rig.control(Method::GET, "/concurrency", Value::Null).await.body;
    assert_eq!((&told["at_once"], &told["overlaps"]), (&json!({ "file-lamps_cfg": 1 }), &json!([])));
}

#[tokio::test]
async fn the_habits_of_the_http_server() {
    let rig = Rig::start().await;
    let response = rig.as_token(Method::GET, "/version").send().await.unwrap();
    let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("server"), "pve-api-daemon/3.0");
    assert_eq!(header("connection"), "Keep-Alive");
    assert!(header("date").ends_with(" GMT") && header("date") == header("expires"));
    let refused = rig.as_token(Method::GET, "/version?foo=1").send().await.unwrap();
    assert_eq!(refused.headers()["connection"], "Close");
    for (method, body, text) in [
        (Method::PATCH, "", "method 'PATCH' not available"),
        (Method::DELETE, "a=1", "Unexpected content for method 'DELETE'"),
        (Method::POST, &"x".repeat(600_000), "for data too large"),
    ] {
        let answer = rig.as_token(method, "/version").body(body.to_owned()).send().await;
        // The server closes without reading the rest of a large body: a client may see that instead.
        let Ok(answer) = answer else { continue };
        assert_eq!(answer.status(), 501);
        assert_eq!(answer.text().await.unwrap(), text);
    }
}

#[tokio::test]
async fn faults_strike_where_they_are_told_to() {
    let rig = Rig::start().await;
    let fault = |fault: Value| rig.control(Method::POST, "/faults", fault);
    fault(json!({ "match": { "path": "/version" }, "effect": { "status": 500, "message": "oops" } })).await;
    let struck = send(rig.as_token(Method::GET, "/version")).await;
    assert_eq!((struck.status.as_u16(), struck.body["message"].as_str()), (500, Some("oops\n")));
    assert_eq!(send(rig.as_token(Method::GET, "/version")).await.status, 200);

    fault(json!({ "match": { "method": "PUT" }, "when": "after", "effect": { "drop": true } })).await;
    let write = rig.as_token(Method::PUT, "/cluster/options").form(&[("keyboard", "fr")]);
    assert!(write.send().await.is_err());
    assert_eq!(send(rig.as_token(Method::GET, "/cluster/options")).await.body["data"]["keyboard"], "fr");

    let root = rig.root().await;
    fault(json!({ "match": { "path": "/nodes" }, "effect": { "ticket": "expire" } })).await;
    assert_eq!(root.get("/nodes").await.status, 401);

    assert_eq!(fault(json!({ "effect": { "explode": 1 } })).await.status, 400);
    assert_eq!(rig.control(Method::GET, "/faults", Value::Null).await.body.as_array().unwrap().len(), 3);
}

/// A cluster where `POST /nodes/{node}/startall` begins a task of ten seconds, and which runs fast.
async fn rig_with_task() -> Rig {
    let mut routes = api::routes();
    routes.post("/nodes/{node}/startall", |call| {
        let steps = Steps::new().lock(Lock::file("lamps.cfg")).run(|t| {
            t.log("one\ntwo");
            Ok(())
        });
        Ok(call.task("startall", "", steps.wait(Duration::from_secs(10))))
    });
    Rig::serving(Options { factor: 0.0, seed: Some(1), ..Options::default() }, routes).await
}

#[tokio::test]
async fn a_task_is_followed_to_its_end() {
    let rig = rig_with_task().await;
    let upid = send(rig.as_token(Method::POST, "/nodes/pve2/startall")).await.body["data"].as_str().unwrap().to_owned();
    assert!(upid.starts_with("UPID:pve2:") && upid.ends_with(":startall::root@pam!sim:"), "{upid}");
    let task = format!("/nodes/pve2/tasks/{upid}");
    let status = async || send(rig.as_token(Method::GET, &format!("{task}/status"))).await.body["data"].clone();
    let running = status().await;
    assert_eq!((running["status"].as_str(), running.get("exitstatus")), (Some("running"), None));
    assert_eq!((running["user"].as_str(), running["tokenid"].as_str()), (Some("root@pam"), Some("sim")));
    let list = |source: &str| rig.as_token(Method::GET, &format!("/nodes/pve2/tasks?source={source}"));
    assert_eq!(send(list("active")).await.body["data"][0]["status"], "RUNNING");
    assert_eq!(send(list("archive")).await.body["data"], json!([]));

    rig.control(Method::POST, "/clock/advance", json!({ "seconds": 11 })).await;
    let ended = status().await;
    assert_eq!((ended["status"].as_str(), ended["exitstatus"].as_str()), (Some("stopped"), Some("OK")));
    let log = send(rig.as_token(Method::GET, &format!("{task}/log?start=1&limit=1"))).await.body;
    assert_eq!(log, json!({ "data": [{ "n": 2, "t": "two" }], "total": 3 }));
    assert_eq!(send(list("archive")).await.body["data"][0]["status"], "OK");
    assert_eq!(send(rig.as_token(Method::GET, "/cluster/tasks")).await.body["data"][0]["saved"], "1");

    let elsewhere = send(rig.as_token(Method::GET, &format!("/nodes/pve1/tasks/{upid}/status"))).await;
    assert_eq!(elsewhere.body["errors"], json!({ "upid": "no such task" }));
}

#[tokio::test]
async fn a_task_is_its_owners_business() {
    let rig = rig_with_task().await;
    let root = rig.root().await;
    let make = |path: &'static str, form: &'static [(&'static str, &'static str)]| {
        send(root.request(Method::POST, path).form(form))
    };
    make("/access/users", &[("userid", "a@pve"), ("password", "secret12345")]).await;
    let upid = make("/nodes/pve1/startall", &[]).await.body["data"].as_str().unwrap().to_owned();
    let login = rig.login("a@pve", "secret12345").await.body["data"].clone();
    let text = |key: &str| login[key].as_str().unwrap().to_owned();
    let other = Session { rig: &rig, ticket: text("ticket"), csrf: text("CSRFPreventionToken") };
    let refused = other.get(&format!("/nodes/pve1/tasks/{upid}/status")).await;
    let message = "Permission check failed (/nodes/pve1, Sys.Audit)\n";
    assert_eq!((refused.status.as_u16(), refused.body["message"].as_str()), (403, Some(message)));
    assert_eq!(other.get("/nodes/pve1/tasks?source=all").await.body["data"], json!([]));
    let stop = send(other.request(Method::DELETE, &format!("/nodes/pve1/tasks/{upid}"))).await;
    assert_eq!(stop.body["message"], "Permission check failed (/nodes/pve1, Sys.Modify)\n");
    let stop = send(root.request(Method::DELETE, &format!("/nodes/pve1/tasks/{upid}"))).await;
    assert_eq!((stop.status.as_u16(), stop.body), (200, json!({ "data": null })));
    let status = root.get(&format!("/nodes/pve1/tasks/{upid}/status")).await.body["data"].clone();
    assert_eq!(status["exitstatus"], "received interrupt");
}

#[tokio::test]
async fn a_fault_reaches_the_task_that_the_request_begins() {
    let rig = rig_with_task().await;
    for (effect, exit) in [
        (json!({ "task": "fail", "message": "out of paper" }), "out of paper"),
        (json!({ "task": "vanish" }), "unexpected status"),
    ] {
        rig.control(Method::POST, "/faults", json!({ "match": { "method": "POST" }, "effect": effect })).await;
        let upid =
            send(rig.as_token(Method::POST, "/nodes/pve1/startall")).await.body["data"].as_str().unwrap().to_owned();
        rig.control(Method::POST, "/clock/advance", json!({ "seconds": 1 })).await;
        let status = send(rig.as_token(Method::GET, &format!("/nodes/pve1/tasks/{upid}/status"))).await;
        assert_eq!(status.body["data"]["exitstatus"], exit);
        rig.control(Method::DELETE, "/faults", Value::Null).await;
    }
}

#[tokio::test]
async fn a_fault_kills_a_process_of_ours() {
    let rig = Rig::start().await;
    let mut child = tokio::process::Command::new("sleep").arg("600").kill_on_drop(true).spawn().unwrap();
    rig.control(Method::POST, "/faults", json!({ "effect": { "kill": child.id().unwrap() } })).await;
    assert!(rig.as_token(Method::GET, "/version").send().await.is_err());
    let status = child.wait().await.unwrap();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9));
}

#[tokio::test]
async fn the_hundredth_answer_closes_the_connection() {
    let rig = Rig::start().await;
    let mut closed = Vec::new();
    for n in 1..=101 {
        let response = rig.as_token(Method::GET, "/version").send().await.unwrap();
        if response.headers()["connection"] == "Close" {
            closed.push(n);
        }
        response.bytes().await.unwrap();
    }
    assert_eq!(closed, [100]);
}

#[tokio::test]
async fn a_handler_may_take_the_connection_for_a_websocket() {
    use futures_util::{SinkExt as _, StreamExt as _};
    use tokio_tungstenite::tungstenite::Message;
    let mut routes = api::routes();
    routes.get("/nodes/{node}/vncwebsocket", |call| {
        call.upgrade(async |world, mut socket| {
            while let Some(Ok(message)) = socket.next().await {
                let name = world.with(|cluster| cluster.name.clone());
                let text = format!("{name}: {}", message.into_text().unwrap_or_default());
                let _ = socket.send(Message::binary(text.into_bytes())).await;
            }
        });
        Ok(Value::Null)
    });
    let rig = Rig::serving(Options { factor: 0.0, ..Options::default() }, routes).await;
    let request = rig.as_token(Method::GET, "/nodes/pve1/vncwebsocket?port=5900&vncticket=x");
    let request = request
        .header("Connection", "Upgrade")
        .header("Upgrade", "websocket")
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 101);
    assert_eq!(response.headers()["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    let stream = response.upgrade().await.unwrap();
    let role = tokio_tungstenite::tungstenite::protocol::Role::Client;
    let mut socket = tokio_tungstenite::WebSocketStream::from_raw_socket(stream, role, None).await;
    socket.send(Message::text("hello")).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap().into_data().as_ref(), b"sim: hello");
    rig.control(Method::POST, "/nodes/pve1/power", json!({ "on": false })).await;
    assert!(!matches!(socket.next().await, Some(Ok(Message::Binary(_)))));
}

#[tokio::test]
async fn requests_are_recorded_without_secrets() {
    let rig = Rig::start().await;
    rig.root().await;
    send(rig.as_token(Method::GET, "/nodes/pve3/status")).await;
    let recorded = rig.control(Method::GET, "/requests", Value::Null).await.body;
    assert_eq!(recorded[0]["path"], "/access/ticket");
    assert_eq!(recorded[0]["params"], json!({ "username": "root@pam", "password": "***" }));
    let mut second = recorded[1].clone();
    let peer = second.as_object_mut().and_then(|fields| fields.remove("peer"));
    assert!(peer.is_some_and(|peer| peer.as_str().is_some_and(|peer| peer.starts_with("127.0.0.1:"))));
    assert_eq!(
        second,
        json!({ "node": "pve1", "method": "GET", "path": "/nodes/pve3/status", "params": {},
        "status": 200, "user": "root@pam!sim" })
    );
    rig.control(Method::DELETE, "/requests", Value::Null).await;
    assert_eq!(rig.control(Method::GET, "/requests", Value::Null).await.body, json!([]));
}

#[tokio::test]
async fn only_loopback_is_served() {
    let listen = "192.0.2.1:0".parse().unwrap();
    assert!(Sim::start(Options { listen, ..Options::default() }).await.is_err());
    assert!(Sim::start(Options { pve: Some("7.4".into()), ..Options::default() }).await.is_err());
}
