//! The client against the simulated cluster, as users have it.

use std::time::Duration;

use pve_client::{Area, Client, Config, Error, Lock, Patience, Request, Task};
use pve_sim::kernel::locks::Lock as SimLock;
use pve_sim::kernel::tasks::Steps;
use pve_sim::{Options, Running, Sim};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

struct Rig {
    sim: Running,
}

impl Rig {
    /// A cluster whose clock stands still until it is put forward.
    async fn still() -> Rig {
        Rig::at_speed(0.0).await
    }

    async fn at_speed(factor: f64) -> Rig {
        Rig { sim: Sim::start(Options { factor, seed: Some(1), ..Options::default() }).await.unwrap() }
    }

    /// Endpoints and fingerprints, without credentials.
    fn config(&self) -> Config {
        let mut config = Config::default();
        for (node, url) in &self.sim.endpoints {
            config = config.endpoint(node, url).fingerprint(node, &self.sim.fingerprints[node]);
        }
        config
    }

    fn root(&self) -> Client {
        Client::new(self.config().login(&self.sim.username, self.sim.password.as_str())).unwrap()
    }

    fn token(&self) -> Client {
        Client::new(self.config().token(self.sim.api_token.as_str())).unwrap()
    }

    async fn control(&self, method: &str, path: &str, body: Value) -> Value {
        let address = self.sim.control.strip_prefix("http://").unwrap();
        let body = body.to_string();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut tcp = TcpStream::connect(address).await.unwrap();
        tcp.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        tcp.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{answer}");
        serde_json::from_str(body).unwrap()
    }

    async fn fault(&self, fault: Value) {
        self.control("POST", "/faults", fault).await;
    }

    async fn power(&self, node: &str, on: bool) {
        self.control("POST", &format!("/nodes/{node}/power"), json!({ "on": on })).await;
        // Corosync needs a moment to notice.
        self.advance(30).await;
    }

    async fn advance(&self, seconds: u64) {
        self.control("POST", "/clock/advance", json!({ "seconds": seconds })).await;
    }

    /// How often a path was asked for, whatever the answer.
    async fn asked(&self, method: &str, path: &str) -> usize {
        let requests = self.control("GET", "/requests", Value::Null).await;
        let asked = requests.as_array().unwrap().iter();
        asked.filter(|request| request["method"] == method && request["path"] == path).count()
    }

    /// A task that begins by itself, seen by the client that attaches to it.
    async fn task(&self, client: &Client, kind: &str, steps: Steps) -> Task {
        let upid = self.sim.world.with(|cluster| cluster.start_task("pve2", "root@pam", kind, "100", steps));
        client.attach(upid.to_string().parse().unwrap(), Lock::Vm(100), &[Area::Guests]).await.unwrap()
    }
}

async fn keyboard(client: &Client) -> Value {
    client.call::<Value>(Request::get("cluster/options")).await.unwrap()["keyboard"].clone()
}

async fn set_keyboard(client: &Client, layout: &str) -> Result<(), Error> {
    client
        .write(
            Lock::File("datacenter.cfg"),
            &[Area::Cluster],
            Request::put("cluster/options").param("keyboard", layout),
        )
        .await
}

#[tokio::test]
async fn ticket_and_token_read_and_write() {
    let rig = Rig::still().await;
    for (client, layout) in [(rig.root(), "de"), (rig.token(), "fr")] {
        let version: Value = client.call(Request::get("version")).await.unwrap();
        assert_eq!(version["release"], "9.2");
        set_keyboard(&client, layout).await.unwrap();
        assert_eq!(keyboard(&client).await, layout);
    }
}

#[tokio::test]
async fn tickets_are_renewed_by_the_clusters_clock() {
    let rig = Rig::still().await;
    let client = rig.root();
    for _ in 0..16 {
        keyboard(&client).await;
        rig.advance(900).await;
    }
    // The first read after more than 90 minutes still goes with the old ticket, and its answer tells the time.
    let requests = rig.control("GET", "/requests", Value::Null).await;
    let refused = requests.as_array().unwrap().iter().filter(|request| request["status"] == 401).count();
    assert_eq!((rig.asked("POST", "/access/ticket").await, refused), (3, 0));
}

#[tokio::test]
async fn a_ticket_that_died_costs_one_login() {
    let rig = Rig::still().await;
    let client = rig.root();
    keyboard(&client).await;
    rig.advance(9000).await;
    set_keyboard(&client, "de").await.unwrap();
    rig.fault(json!({ "match": { "method": "PUT" }, "effect": { "ticket": "expire" } })).await;
    set_keyboard(&client, "fr").await.unwrap();
    assert_eq!(keyboard(&client).await, "fr");
    assert_eq!(rig.asked("POST", "/access/ticket").await, 3);
}

#[tokio::test]
async fn who_is_refused_is_told_why() {
    let rig = Rig::still().await;
    let wrong = Client::new(rig.config().login("root@pam", "wrong")).unwrap();
    let error = set_keyboard(&wrong, "de").await.unwrap_err();
    assert!(error.to_string().contains("root@pam") && error.refused(), "{error}");
    let token = Client::new(rig.config().token("root@pam!none=00000000-0000-0000-0000-000000000000")).unwrap();
    assert!(matches!(set_keyboard(&token, "de").await, Err(Error::Unauthenticated(_))));
}

#[tokio::test]
async fn refused_parameters_come_by_name() {
    let rig = Rig::still().await;
    let Err(Error::Parameter(error)) = set_keyboard(&rig.root(), "klingon").await else { panic!() };
    assert!(error.fields["keyboard"].contains("enumeration"), "{error}");
}

#[tokio::test]
async fn another_certificate_is_not_talked_to() {
    let rig = Rig::still().await;
    let (node, url) = &rig.sim.endpoints[0];
    let config = Config::default().endpoint(node, url).fingerprint(node, "00".repeat(32));
    let client = Client::new(config.token(rig.sim.api_token.as_str())).unwrap();
    let error = client.call::<Value>(Request::get("version")).await.unwrap_err();
    let Error::Tls { seen, .. } = &error else { panic!("{error}") };
    assert_eq!(seen.as_ref(), rig.sim.fingerprints.get(node));
}

#[tokio::test]
async fn lost_answers_of_writes_are_told_and_nothing_is_sent_twice() {
    let rig = Rig::still().await;
    let client = rig.root();
    for (when, expected) in [("before", Value::Null), ("after", json!("de"))] {
        rig.fault(json!({ "match": { "method": "PUT" }, "when": when, "effect": { "drop": true } })).await;
        let error = set_keyboard(&client, "de").await.unwrap_err();
        assert!(error.answer_lost(), "{error}");
        assert_eq!(keyboard(&client).await, expected);
    }
    assert_eq!(rig.asked("PUT", "/cluster/options").await, 2);
    rig.fault(json!({ "match": { "method": "GET" }, "effect": { "drop": true } })).await;
    assert_eq!(keyboard(&client).await, "de", "reads are simply repeated");
}

#[tokio::test]
async fn a_page_of_html_is_told() {
    let rig = Rig::still().await;
    rig.fault(json!({ "match": { "path": "/version" }, "effect": { "body": "<html>Hello" } })).await;
    let error = rig.token().call::<Value>(Request::get("version")).await.unwrap_err();
    assert!(error.to_string().contains("HTML"), "{error}");
}

#[tokio::test]
async fn a_dead_node_leaves_the_cluster_in_reach() {
    let rig = Rig::still().await;
    let client = rig.root();
    keyboard(&client).await;
    rig.power("pve1", false).await;
    set_keyboard(&client, "de").await.unwrap();
    let status = || client.call::<Value>(Request::get("nodes/pve1/status").node("pve1"));
    for _ in 0..3 {
        let error = status().await.unwrap_err();
        assert!(matches!(&error, Error::NodeUnreachable { node, .. } if node == "pve1"), "{error}");
    }
    assert_eq!(rig.asked("GET", "/nodes/pve1/status").await, 1, "it is asked once");
}

#[tokio::test]
async fn without_a_majority_writes_are_refused() {
    // PVE tries for ten seconds of its time.
    let rig = Rig::at_speed(600.0).await;
    let client = rig.root();
    rig.power("pve2", false).await;
    rig.power("pve3", false).await;
    let error = set_keyboard(&client, "de").await.unwrap_err();
    assert!(matches!(error, Error::NoQuorum(_)) && error.refused(), "{error}");
}

#[tokio::test]
async fn a_hundred_readers_need_one_request() {
    let rig = Rig::still().await;
    let client = rig.token();
    let read = || client.shared::<Value>(Area::Guests, Request::get("cluster/resources"));
    let all = futures_util::future::join_all((0..100).map(|_| read())).await;
    assert!(all.iter().all(Result::is_ok));
    assert_eq!(rig.asked("GET", "/cluster/resources").await, 1);
}

#[tokio::test]
async fn tasks_are_followed_to_their_end() {
    let rig = Rig::at_speed(600.0).await;
    let client = rig.root();
    let work = Steps::new().wait(Duration::from_secs(60)).run(|t| {
        t.log("half way");
        Ok(())
    });
    let mut lines = Vec::new();
    let patience = Patience { stall: Some(Duration::from_secs(60)), ..Patience::default() };
    let mut task = rig.task(&client, "qmmove", work.wait(Duration::from_secs(60))).await;
    task.wait(&patience, |progress| lines.extend_from_slice(progress.lines)).await.unwrap();
    assert_eq!(lines, ["half way", "TASK OK"]);

    let failing = Steps::new().run(|t| {
        t.log("trying");
        Err("it does not work".to_owned())
    });
    let result = rig.task(&client, "qmstart", failing).await.wait(&Patience::default(), |_| {}).await;
    let Err(Error::TaskFailed(failure)) = result else { panic!("{result:?}") };
    assert_eq!(failure.status, "it does not work");
    assert_eq!(failure.log, ["trying", "TASK ERROR: it does not work"]);

    let warning = Steps::new().run(|t| {
        t.warn("hm");
        Ok(())
    });
    let mut task = rig.task(&client, "qmstart", warning).await;
    task.wait(&Patience::default(), |_| {}).await.unwrap();
    assert!(task.warnings().iter().any(|line| line.contains("hm")), "{:?}", task.warnings());
}

#[tokio::test]
async fn a_task_that_got_no_lock_is_contention() {
    let rig = Rig::at_speed(600.0).await;
    let client = rig.root();
    let lock = || SimLock::Vm(100);
    let _holder = rig.task(&client, "qmmove", Steps::new().lock(lock()).wait(Duration::from_secs(3600))).await.detach();
    let mut second = rig.task(&client, "qmstart", Steps::new().lock(lock())).await;
    let error = second.wait(&Patience::default(), |_| {}).await.unwrap_err();
    assert!(error.is_contention(), "{error}");
}

#[tokio::test]
async fn a_node_that_dies_under_a_task_ends_the_wait() {
    let rig = Rig::still().await;
    let client = rig.root();
    let mut task = rig.task(&client, "qmmove", Steps::new().wait(Duration::from_secs(3600))).await;
    let patience = Patience::default();
    let waiting = tokio::spawn(async move { task.wait(&patience, |_| {}).await });
    rig.power("pve2", false).await;
    let error = waiting.await.unwrap().unwrap_err();
    assert!(matches!(&error, Error::NodeUnreachable { node, .. } if node == "pve2"), "{error}");
}

#[tokio::test]
async fn an_old_ticket_does_not_end_a_wait() {
    let rig = Rig::still().await;
    let client = rig.root();
    let mut task = rig.task(&client, "qmmove", Steps::new().wait(Duration::from_secs(8 * 3600))).await;
    let patience = Patience::default();
    let waiting = tokio::spawn(async move { task.wait(&patience, |_| {}).await });
    for _ in 0..10 {
        rig.advance(3000).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    waiting.await.unwrap().unwrap();
}

#[tokio::test]
async fn cephs_commands_run_in_a_terminal_of_any_node_and_of_root_alone() {
    use pve_client::api::ceph::crush::ReplicatedShape;
    use pve_client::shell::NodeShell as _;
    use pve_client::shell::commands::CephCommands;
    let rig = Rig::at_speed(60.0).await;
    let client = rig.root();
    let shape = ReplicatedShape { root: "default".into(), failure_domain: "osd".into(), device_class: None };
    for (node, name) in [("pve1", "one"), ("pve2", "two")] {
        let shell = client.shell(node);
        let ceph = CephCommands::new(&client, &shell);
        ceph.create_replicated_rule(name, &shape).await.unwrap();
        assert_eq!(ceph.rule(name).await.unwrap().unwrap().replicated_shape().as_ref(), Some(&shape));
        assert!(client.ceph().via(node).crush().await.unwrap().rule(name).is_some());
    }
    let shell = client.shell("pve3");
    let ceph = CephCommands::new(&client, &shell);
    ceph.rename_rule("one", "three").await.unwrap();
    ceph.remove_rule("two").await.unwrap();
    assert!(ceph.rename_rule("none", "four").await.unwrap_err().is_absent());
    let rules = client.ceph().rules().await.unwrap();
    assert_eq!(rules, ["replicated_rule", "three"]);
    // One terminal a node, however many commands.
    assert_eq!(rig.asked("POST", "/nodes/pve3/termproxy").await, 1);

    let long: Vec<String> =
        ["printf", "%s|%s", &"x".repeat(9000), "it's\n\"é\""].iter().map(|w| (*w).to_owned()).collect();
    let out = shell.run(&long, Duration::from_secs(30)).await.unwrap();
    assert_eq!(out.stdout_text(), format!("{}|it's\n\"é\"", "x".repeat(9000)));
    let unknown = shell.run(&["ceph".to_owned(), "fly".to_owned()], Duration::from_secs(30)).await.unwrap();
    assert_eq!(unknown.status, 22);

    let token = rig.token();
    let refused = token.shell("pve1").run(&["true".to_owned()], Duration::from_secs(30)).await.unwrap_err();
    assert!(matches!(refused, Error::NeedsRootTicket(_)), "{refused}");
}
