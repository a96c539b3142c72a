//! Single nodes, members and strangers among the endpoints.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::*;
use crate::testing::{Call, Reply, World};

fn member(name: &str, local: bool) -> Value {
    json!({ "type": "node", "name": name, "online": 1, "local": u8::from(local) })
}

/// A node that is in no cluster.
fn single(name: &str) -> Reply {
    Reply::Data(json!([member(name, true)]))
}

/// What a member says.
fn clustered(cluster: &str, quorate: u8, members: &[&str], local: &str) -> Reply {
    let mut list = vec![json!({ "type": "cluster", "name": cluster, "quorate": quorate })];
    list.extend(members.iter().map(|name| member(name, *name == local)));
    Reply::Data(list.into())
}

/// Endpoints `a`, `b` and `c`, the nodes `pve1` to `pve3`, which say of themselves what `status` says of the host, and answer all
/// else with their host's name.
fn world(status: impl Fn(&str) -> Reply + Send + 'static) -> World {
    World::new(move |call: &Call| match call.line.as_str() {
        "GET /cluster/status" => status(&call.host),
        _ => Reply::Data(json!(call.host)),
    })
}

fn three() -> Config {
    Config::default().endpoint("pve1", "a").endpoint("pve2", "b").endpoint("pve3", "c").token("u@pve!t=secret")
}

async fn users(client: &Client) -> Result<Value, Error> {
    client.call(Request::get("access/users")).await
}

fn at_node(node: &str) -> Request {
    Request::get(format!("nodes/{node}/dns")).node(node)
}

#[tokio::test(start_paused = true)]
async fn members_are_asked_for_once() {
    let world = world(|host| {
        let local = match host {
            "a" => "pve1",
            "b" => "pve2",
            _ => "pve3",
        };
        clustered("lab", 1, &["pve1", "pve2", "pve3"], local)
    });
    let client = world.stranger(three());
    let cluster = client.cluster();
    let (one, two) = tokio::join!(users(&client), cluster.status());
    assert_eq!((one.unwrap(), two.unwrap().members.len()), (json!("a"), 3));
    world.power("a", false);
    world.cut().await;
    assert_eq!(users(&client).await.unwrap(), "b", "another member does as well");
    assert_eq!(world.lines(), ["a GET /cluster/status", "a GET /access/users", "b GET /access/users"]);
}

#[tokio::test(start_paused = true)]
async fn a_single_endpoint_is_never_asked_who_it_is() {
    let world = world(|_| panic!("nobody asks"));
    let client = world.stranger(Config::default().endpoint("x", "a").token("u@pve!t=secret"));
    assert_eq!(users(&client).await.unwrap(), "a");
    assert_eq!(client.call::<Value>(at_node("pve9")).await.unwrap(), "a");
}

#[tokio::test(start_paused = true)]
async fn a_lonely_node_never_speaks_for_the_cluster() {
    // The first endpoint is no member, and answers first.
    let world = world(|host| match host {
        "a" => single("pve1"),
        "b" => clustered("lab", 1, &["pve2", "pve3"], "pve2"),
        _ => clustered("lab", 1, &["pve2", "pve3"], "pve3"),
    });
    let client = world.stranger(three());
    assert_eq!(users(&client).await.unwrap(), "b");
    let status = client.cluster().status().await.unwrap();
    assert_eq!((status.name.as_deref(), status.members.len()), (Some("lab"), 2));
    // What is meant for it alone it is asked; what is meant for members goes to a member.
    assert_eq!(client.call::<Value>(at_node("pve1")).await.unwrap(), "a");
    assert_eq!(client.call::<Value>(at_node("pve3")).await.unwrap(), "b");
    // Not even when no member is left.
    world.power("b", false);
    world.power("c", false);
    world.cut().await;
    let error = users(&client).await.unwrap_err();
    assert!(matches!(&error, Error::Connect { tried } if tried.len() == 2), "{error}");
}

#[tokio::test(start_paused = true)]
async fn single_nodes_are_asked_for_themselves_only() {
    let world = world(|host| match host {
        "a" => single("pve1"),
        "b" => single("pve2"),
        _ => single("pve3"),
    });
    world.power("c", false);
    world.cut().await;
    let client = world.stranger(three());
    let error = users(&client).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the endpoints are nodes of which none is in a cluster: pve1, pve2; pve3 does not answer"
    );
    assert!(error.refused() && error.is_unreachable() && !error.answer_lost());
    assert_eq!(client.cluster().status().await.unwrap_err().to_string(), error.to_string());
    assert!(!world.lines().iter().any(|line| line.ends_with("/access/users")), "{:?}", world.lines());
    for (node, host) in [("pve1", "a"), ("pve2", "b")] {
        assert_eq!(client.call::<Value>(at_node(node)).await.unwrap(), host);
        // Whoever asks does not always say that it runs there.
        assert_eq!(client.call::<Value>(Request::get(format!("nodes/{node}/dns"))).await.unwrap(), host);
    }
    let status = client.alone("pve2").unwrap().unwrap().cluster().status().await.unwrap();
    assert_eq!((status.name.as_deref(), status.members[0].name.as_str()), (None, "pve2"));
    assert!(client.alone("pve9").unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn before_there_is_a_cluster_a_guest_is_the_only_one_of_its_number() {
    let world = World::new(|call: &Call| {
        let (node, vmids): (_, &[u32]) = match call.host.as_str() {
            "a" => ("pve1", &[101, 102]),
            "b" => ("pve2", &[102]),
            _ => ("pve3", &[]),
        };
        let guest = |vmid: &u32| json!({ "type": "qemu", "vmid": vmid, "node": node, "status": "running" });
        match call.line.split('?').next() {
            Some("GET /cluster/status") => single(node),
            _ => Reply::Data(vmids.iter().map(guest).collect()),
        }
    });
    let client = world.stranger(three());
    let cluster = client.cluster();
    assert_eq!(cluster.guest(101).await.unwrap().unwrap().node, "pve1");
    for vmid in [102, 103] {
        assert!(matches!(cluster.guest(vmid).await, Err(Error::NoCluster { .. })), "{vmid}");
    }
    // A node that is silent may have one, too.
    world.power("c", false);
    world.cut().await;
    client.regroup();
    assert!(matches!(cluster.guest(101).await, Err(Error::NoCluster { .. })));
}

#[tokio::test(start_paused = true)]
async fn one_that_is_alone_may_not_be_all_there_is() {
    let world = world(|_| single("pve1"));
    ["b", "c"].into_iter().for_each(|host| world.power(host, false));
    let error = users(&world.stranger(three())).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "of the endpoints only pve1 answers, which is in no cluster; pve2, pve3 do not answer"
    );
    ["b", "c"].into_iter().for_each(|host| world.power(host, true));
    // Three addresses of one node are no riddle.
    let urls = Config::default().url("a").url("b").url("c").token("u@pve!t=secret");
    assert_eq!(users(&world.stranger(urls)).await.unwrap(), "a");
}

#[tokio::test(start_paused = true)]
async fn a_join_changes_who_speaks() {
    let joined = Arc::new(Mutex::new(false));
    let world = world({
        let joined = joined.clone();
        move |host| match (host, *joined.lock().unwrap()) {
            ("a", false) => single("pve1"),
            ("b", false) => single("pve2"),
            ("a", true) => clustered("lab", 1, &["pve1", "pve2"], "pve1"),
            ("b", true) => clustered("lab", 1, &["pve1", "pve2"], "pve2"),
            _ => single("pve3"),
        }
    });
    let client = world.stranger(three());
    users(&client).await.unwrap_err();
    *joined.lock().unwrap() = true;
    client.regroup();
    assert_eq!(users(&client).await.unwrap(), "a");
    world.power("a", false);
    world.cut().await;
    assert_eq!(users(&client).await.unwrap(), "b");
    world.power("b", false);
    world.cut().await;
    users(&client).await.unwrap_err();
    assert!(!world.lines().contains(&"c GET /access/users".to_owned()), "{:?}", world.lines());
}

#[tokio::test(start_paused = true)]
async fn two_clusters_are_told() {
    let world = world(|host| match host {
        "a" => single("pve1"),
        "b" => clustered("lab", 1, &["pve2"], "pve2"),
        _ => clustered("attic", 1, &["pve3"], "pve3"),
    });
    let error = users(&world.stranger(three())).await.unwrap_err();
    assert_eq!(error.to_string(), "the endpoints lead to different clusters: pve2 (lab), pve3 (attic)");
}

#[tokio::test(start_paused = true)]
async fn one_without_quorum_speaks_when_nobody_has_it() {
    // A node that was removed still believes that it is a member.
    let removed = || clustered("lab", 0, &["pve1", "pve2", "pve3"], "pve1");
    let others = world(move |host| match host {
        "a" => removed(),
        "b" => clustered("lab", 1, &["pve2", "pve3"], "pve2"),
        _ => clustered("lab", 1, &["pve2", "pve3"], "pve3"),
    });
    let client = others.stranger(three());
    assert_eq!(users(&client).await.unwrap(), "b");
    assert_eq!(client.call::<Value>(at_node("pve1")).await.unwrap(), "a");

    let alone = world(move |host| match host {
        "a" => removed(),
        host => panic!("{host} is off"),
    });
    ["b", "c"].into_iter().for_each(|host| alone.power(host, false));
    let client = alone.stranger(three());
    assert!(!client.cluster().status().await.unwrap().quorate);
    assert_eq!(users(&client).await.unwrap(), "a");
}

#[tokio::test(start_paused = true)]
async fn credentials_that_one_node_does_not_know_may_be_the_clusters() {
    let world = World::new(|call: &Call| match (call.host.as_str(), call.line.as_str()) {
        ("a", _) => Reply::Error(401, "authentication failure"),
        ("b", "GET /cluster/status") => clustered("lab", 1, &["pve2"], "pve2"),
        (_, "GET /cluster/status") => single("pve3"),
        (host, _) => Reply::Data(json!(host)),
    });
    assert_eq!(users(&world.stranger(three())).await.unwrap(), "b");
}

#[tokio::test(start_paused = true)]
async fn who_may_not_ask_takes_it_as_it_comes() {
    let world = world(|_| Reply::Error(403, "Permission check failed (/, Sys.Audit)"));
    let client = world.stranger(three());
    assert_eq!(users(&client).await.unwrap(), "a");
    world.power("a", false);
    world.cut().await;
    assert_eq!(users(&client).await.unwrap(), "b");
    assert_eq!(world.lines().iter().filter(|line| line.ends_with("/cluster/status")).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_by_another_name_is_asked_when_no_other_is_left() {
    let world = world(|host| match host {
        "a" => clustered("lab", 1, &["pve1", "pve2"], "pve1"),
        "b" => clustered("lab", 1, &["pve1", "pve2"], "pve2"),
        _ => single("pve3"),
    });
    let client = world.stranger(Config::default().url("c").url("b").url("a").token("u@pve!t=secret"));
    assert_eq!(users(&client).await.unwrap(), "b");
    world.power("b", false);
    world.cut().await;
    assert_eq!(users(&client).await.unwrap(), "a");
    world.power("a", false);
    world.cut().await;
    users(&client).await.unwrap_err();
    assert!(!world.lines().contains(&"c GET /access/users".to_owned()), "{:?}", world.lines());
}

#[tokio::test(start_paused = true)]
async fn a_node_by_itself_is_logged_in_to_by_itself() {
    let world = World::new(|call: &Call| match call.line.as_str() {
        "POST /access/ticket" => {
            let ticket = format!("PVE:root@pam:6B032D7F::{}", call.host);
            Reply::Data(json!({ "ticket": ticket, "CSRFPreventionToken": "x" }))
        }
        "GET /cluster/status" if call.host == "a" => clustered("lab", 1, &["pve1"], "pve1"),
        "GET /cluster/status" => single("pve2"),
        _ => Reply::Data(json!(call.header("cookie").map(|cookie| cookie.chars().last()))),
    });
    let config = Config::default().endpoint("pve1", "a").endpoint("pve2", "b").login("root@pam", "secret");
    let client = world.stranger(config.clone());
    assert_eq!(users(&client).await.unwrap(), "a");
    assert_eq!(client.call::<Value>(at_node("pve2")).await.unwrap(), "b", "the ticket of that node");
    // A token is the cluster's: with a login beside it, that is what a node by itself is asked with.
    let client = world.stranger(config.token("u@pve!t=secret"));
    assert_eq!(users(&client).await.unwrap(), Value::Null);
    assert_eq!(client.call::<Value>(at_node("pve2")).await.unwrap(), "b");
}

#[tokio::test(start_paused = true)]
async fn while_a_node_joins_no_write_begins() {
    let world = world(|host| match host {
        "a" => clustered("lab", 1, &["pve1"], "pve1"),
        _ => single("pve2"),
    });
    world.power("c", false);
    let client = world.stranger(three());
    users(&client).await.unwrap();
    let quiet = client.quiet().await;
    let other = client.clone();
    let writing = tokio::spawn(async move { other.call::<Value>(Request::post("pools")).await });
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(!writing.is_finished());
    // What the joiner itself is told is what the others wait for; and reads go on.
    client.call::<Value>(Request::post("nodes/pve2/x").node("pve2")).await.unwrap();
    users(&client).await.unwrap();
    drop(quiet);
    assert_eq!(writing.await.unwrap().unwrap(), "a");
}
