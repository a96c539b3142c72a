//! Nodes by themselves, from the first call to the cluster and out of it again.

use serde_json::{Value, json};

use crate::bed::Bed;
use crate::kernel::tasks::Upid;
use crate::shape::Shape;

const PASSWORD: &str = "riglab";
const PRINT: &str = "AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA";

fn lab(more: &str) -> Bed {
    let nodes = "{name: pve1, single: true}, {name: pve2, single: true}, {name: pve3, single: true}";
    let bed = Bed::new(Shape::from_yaml(&format!("{{nodes: [{nodes}]{more}}}")).unwrap());
    bed.world.with(|c| {
        c.set_root_password(PASSWORD);
        c.nodes.get_mut("pve1").unwrap().fingerprint = PRINT.to_owned();
    });
    bed
}

async fn found(bed: &Bed) {
    let upid = bed.ok("POST", "/cluster/config", &[("clustername", "lab")]).await;
    assert_eq!(bed.task(&upid), "OK");
    bed.pass(5);
}

async fn join(bed: &Bed, node: &str, more: &[(&str, &str)]) -> Upid {
    let mut params = vec![("hostname", "10.0.0.1"), ("fingerprint", PRINT), ("password", PASSWORD)];
    params.retain(|(name, _)| !more.iter().any(|(other, _)| other == name));
    params.extend(more);
    let (status, body) = bed.call_at(node, "POST", "/cluster/config/join", &params).await;
    assert_eq!(status, 200, "{body}");
    Upid::parse(body["data"].as_str().unwrap()).unwrap()
}

/// How the task has ended, wherever it is known, after so many seconds.
fn ended(bed: &Bed, upid: &Upid, seconds: u64) -> Option<String> {
    (0..seconds).for_each(|_| bed.pass(1));
    bed.world.with(|c| c.at(&upid.node, |c| Some(c.tasks.find(upid)?.end.clone()?.1)))
}

fn log(bed: &Bed, upid: &Upid) -> Vec<String> {
    bed.world.with(|c| c.at(&upid.node, |c| c.tasks.find(upid).unwrap().log.clone()))
}

async fn status(bed: &Bed, node: &str) -> Vec<Value> {
    bed.call_at(node, "GET", "/cluster/status", &[]).await.1["data"].as_array().unwrap().clone()
}

fn online(status: &[Value]) -> Vec<(&str, &Value)> {
    let nodes = status.iter().filter(|entry| entry["type"] == "node");
    nodes.map(|node| (node["name"].as_str().unwrap(), &node["online"])).collect()
}

#[tokio::test]
async fn single_nodes_know_nothing_of_each_other() {
    let bed = lab("");
    for node in ["pve1", "pve2", "pve3"] {
        let seen = status(&bed, node).await;
        assert_eq!((seen.len(), &seen[0]["name"], &seen[0]["nodeid"]), (1, &json!(node), &json!(0)));
    }
    assert_eq!(status(&bed, "pve2").await[0]["ip"], "10.0.0.2");
    let user = [("userid", "a@pve")];
    assert_eq!(bed.call_at("pve2", "POST", "/access/users", &user).await.0, 200);
    let has = |node| bed.world.with(|c| c.at(node, |c| c.access.users.contains_key("a@pve")));
    assert_eq!(["pve1", "pve2", "pve3"].map(has), [false, true, false]);
    // Nor do they take each other's tickets.
    assert_eq!(bed.send(bed.ticket("root@pam"), "GET", "/nodes/pve2/status", &[]).await.status, 500);
}

#[tokio::test]
async fn a_cluster_is_heard_of_some_seconds_after_its_task() {
    let bed = lab("");
    let upid = bed.ok("POST", "/cluster/config", &[("clustername", "lab")]).await;
    assert_eq!(bed.task(&upid), "OK");
    assert_eq!(status(&bed, "pve1").await.len(), 1);
    bed.pass(5);
    let seen = status(&bed, "pve1").await;
    assert_eq!((&seen[0]["name"], &seen[0]["quorate"], &seen[1]["nodeid"]), (&json!("lab"), &json!(1), &json!(1)));
    let refused = bed.refusal("POST", "/cluster/config", &[("clustername", "other")]).await;
    assert_eq!(refused, (500, "cluster config '/etc/pve/corosync.conf' already exists".to_owned()));
}

#[tokio::test]
async fn a_join_takes_the_votes_first_and_leaves_nothing_of_the_joiners() {
    let bed = lab("");
    found(&bed).await;
    bed.call_at("pve2", "POST", "/access/users", &[("userid", "a@pve")]).await;
    let old = bed.world.with(|c| c.at("pve2", |c| c.access.issue_ticket("root@pam", c.now)));
    let upid = join(&bed, "pve2", &[]).await;
    assert_eq!(ended(&bed, &upid, 1), None);
    // One vote of two.
    let seen = status(&bed, "pve1").await;
    assert_eq!((&seen[0]["quorate"], online(&seen)), (&json!(0), vec![("pve1", &json!(1)), ("pve2", &json!(0))]));
    let refused = bed.refusal("DELETE", "/cluster/config/nodes/pve2", &[]).await;
    assert_eq!(refused, (500, "cluster not ready - no quorum?".to_owned()));
    assert_eq!(bed.call_at("pve2", "GET", "/version", &[]).await.0, 401, "its /etc/pve is empty");

    assert_eq!(ended(&bed, &upid, 15).as_deref(), Some("OK"));
    let seen = status(&bed, "pve1").await;
    assert_eq!((&seen[0]["quorate"], online(&seen)), (&json!(1), vec![("pve1", &json!(1)), ("pve2", &json!(1))]));
    assert_eq!(seen[2]["nodeid"], 2);
    bed.world.with(|c| {
        assert!(!c.access.users.contains_key("a@pve") && c.access.check_ticket(&old, c.now).is_none());
        assert!(c.ha.lrm.contains_key("pve2"));
    });
    let lines = log(&bed, &upid);
    assert_eq!(lines[0], "Establishing API connection with host '10.0.0.1'");
    assert_eq!(lines.last().unwrap(), "TASK OK");
    let task = format!("/nodes/pve2/tasks/{upid}/status");
    assert_eq!(bed.ok("GET", &task, &[]).await["exitstatus"], "OK", "known through any member");
    // The third needs nobody's patience: two of three are there.
    let upid = join(&bed, "pve3", &[]).await;
    assert_eq!(ended(&bed, &upid, 1), None);
    assert_eq!(status(&bed, "pve2").await[0]["quorate"], 1);
    assert_eq!(ended(&bed, &upid, 15).as_deref(), Some("OK"));
    assert_eq!(bed.ok("GET", "/cluster/config/totem", &[]).await["config_version"], "3");
}

#[tokio::test]
async fn what_hinders_a_join_changes_nothing() {
    let bed = lab(", guests: [{vmid: 100, node: pve2}]");
    for (node, params, status, line) in [
        ("pve2", &[][..], "Check if node may join a cluster failed!", "* this host already contains virtual guests"),
        (
            "pve3",
            &[("fingerprint", &PRINT.replace('A', "0")[..])][..],
            &format!("fingerprint '{PRINT}' not verified, abort!"),
            "",
        ),
        ("pve3", &[("password", "wrong")], "401 authentication failure", ""),
        ("pve3", &[("hostname", "10.0.0.9")], "500 Can't connect to 10.0.0.9:8006 (No route to host)", ""),
        (
            "pve3",
            &[("link0", "10.9.9.9")],
            "Check if node may join a cluster failed!",
            "* link0: cannot use IP '10.9.9.9', not found on local node!",
        ),
        // Nobody has made a cluster yet.
        ("pve3", &[], "Cluster join aborted!", "An error occurred on the cluster node: invalid corosync.conf"),
        ("pve1", &[], "500 Can't connect to 10.0.0.1:8006 (No route to host)", ""),
    ] {
        let upid = join(&bed, node, params).await;
        assert_eq!(ended(&bed, &upid, 2).as_deref(), Some(status), "{node} {params:?}");
        assert!(line.is_empty() || log(&bed, &upid).iter().any(|l| l == line), "{:?}", log(&bed, &upid));
    }
    found(&bed).await;
    let upid = join(&bed, "pve3", &[]).await;
    assert_eq!(ended(&bed, &upid, 15).as_deref(), Some("OK"));
    let upid = join(&bed, "pve3", &[]).await;
    assert_eq!(ended(&bed, &upid, 2).as_deref(), Some("Check if node may join a cluster failed!"));
}

#[tokio::test]
async fn a_blocked_port_makes_a_join_wait_for_ever() {
    let bed = lab("");
    found(&bed).await;
    bed.world.control("POST", "/nodes/pve2/corosync", &json!({ "blocked": true })).unwrap();
    let upid = join(&bed, "pve2", &[]).await;
    assert_eq!(ended(&bed, &upid, 3600), None);
    assert_eq!(log(&bed, &upid).last().unwrap(), "waiting for quorum...");
    assert_eq!(status(&bed, "pve1").await[0]["quorate"], 0);
    bed.world.control("POST", "/nodes/pve2/corosync", &json!({ "blocked": false })).unwrap();
    assert_eq!(ended(&bed, &upid, 15).as_deref(), Some("OK"));
}

#[tokio::test]
async fn a_joiner_that_dies_on_the_way_comes_when_it_is_back() {
    let bed = lab("");
    found(&bed).await;
    let upid = join(&bed, "pve2", &[]).await;
    assert_eq!(ended(&bed, &upid, 1), None);
    bed.world.with(|c| c.set_power("pve2", false));
    bed.pass(600);
    assert_eq!(status(&bed, "pve1").await[0]["quorate"], 0);
    bed.world.with(|c| c.set_power("pve2", true));
    (0..10).for_each(|_| bed.pass(1));
    let seen = status(&bed, "pve1").await;
    assert_eq!((&seen[0]["quorate"], online(&seen)), (&json!(1), vec![("pve1", &json!(1)), ("pve2", &json!(1))]));
    assert_eq!(ended(&bed, &upid, 0).as_deref(), Some("unexpected status"));
}

#[tokio::test]
async fn a_removed_node_believes_on_and_has_to_be_installed_anew() {
    let bed = lab("");
    found(&bed).await;
    for node in ["pve2", "pve3"] {
        let upid = join(&bed, node, &[]).await;
        assert_eq!(ended(&bed, &upid, 15).as_deref(), Some("OK"));
    }
    let delete = async |node: &str| {
        let (status, body) = bed.call("DELETE", &format!("/cluster/config/nodes/{node}"), &[]).await;
        (status, body["message"].as_str().unwrap_or_default().trim_end().to_owned())
    };
    assert_eq!(delete("pve1").await, (500, "Cannot delete myself from cluster!".to_owned()));
    assert_eq!(delete("pve9").await, (500, "Node/IP: pve9 is not a known host of the cluster.".to_owned()));
    // While it is on: PVE does it all the same.
    assert_eq!(delete("pve3").await.0, 200);
    assert_eq!(online(&status(&bed, "pve1").await).len(), 2);
    let seen = status(&bed, "pve3").await;
    assert_eq!((&seen[0]["name"], &seen[0]["quorate"], seen.len()), (&json!("lab"), &json!(0), 4));
    let upid = join(&bed, "pve3", &[]).await;
    assert_eq!(ended(&bed, &upid, 2).as_deref(), Some("Check if node may join a cluster failed!"));

    assert!(bed.world.control("POST", "/nodes/pve2/reinstall", &Value::Null).unwrap_err().contains("is a member"));
    bed.world.control("POST", "/nodes/pve3/reinstall", &Value::Null).unwrap();
    assert_eq!(status(&bed, "pve3").await.len(), 1);
    let upid = join(&bed, "pve3", &[]).await;
    assert_eq!(ended(&bed, &upid, 15).as_deref(), Some("OK"));
    assert_eq!(online(&status(&bed, "pve1").await).len(), 3);
}
