//! Nodes that know nothing of each other become a cluster, and come apart again.

use pve_sim::cluster::Cluster as Simulated;
use pve_sim::shape::Shape;
use serde_json::json;
use terraform_core::Config;

use super::lives::{Bench, bench_of};

async fn bench() -> Bench {
    bench_of("pve_cluster").await
}

fn cluster(name: &str, node: &str) -> Config {
    Config::from_hcl(&format!("resource \"pve_cluster\" \"lab\" {{\n  name = \"{name}\"\n  node = \"{node}\"\n}}\n"))
        .unwrap()
}

/// A cluster, and further nodes that join it.
fn members(nodes: &[&str], more: &str) -> Config {
    Config::from_hcl(&text_of(nodes, more)).unwrap()
}

fn text_of(nodes: &[&str], more: &str) -> String {
    let mut text = "resource \"pve_cluster\" \"lab\" {\n  name = \"lab\"\n  node = \"pve1\"\n}\n".to_owned();
    for node in nodes {
        text += &format!(
            "resource \"pve_cluster_member\" \"{node}\" {{\n  node = \"{node}\"\n{more}  depends_on = [pve_cluster.lab]\n}}\n"
        );
    }
    text
}

fn at<T>(bench: &Bench, node: &str, look: impl FnOnce(&mut Simulated) -> T) -> T {
    bench.sim.world.with(|cluster| cluster.at(node, look))
}

fn warned(warnings: &[terraform_core::Diagnostic], words: &str) -> usize {
    warnings.iter().filter(|said| format!("{} {}", said.summary, said.detail).contains(words)).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn single_nodes_have_no_cluster_to_speak_for() {
    let mut bench = bench().await;
    let role = "resource \"pve_role\" \"x\" {\n  roleid = \"X\"\n  privs = [\"VM.Audit\"]\n}\n";
    let role = Config::from_hcl(role).unwrap();
    let refused = bench.core.apply(&role).await.unwrap_err().to_string();
    assert!(refused.contains("none is in a cluster: pve1, pve2, pve3"), "{refused}");
    assert!(refused.contains("`pve_cluster`") && refused.contains("Nothing was written"), "{refused}");
    assert_eq!(bench.writes(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_is_in_one_cluster() {
    let mut bench = bench().await;
    bench.core.apply(&cluster("lab", "pve1")).await.unwrap();
    // The next command sees that it has arrived in the state.
    assert_eq!(bench.core.plan(&cluster("lab", "pve1")).await.unwrap().actions(), []);
    // The same again, by somebody who does not know of it.
    let state = std::mem::take(&mut bench.core.state);
    let refused = bench.core.apply(&cluster("lab", "pve1")).await.unwrap_err().to_string();
    assert!(refused.contains("to = pve_cluster.this") && refused.contains("id = \"lab\""), "{refused}");
    let refused = bench.core.apply(&cluster("attic", "pve1")).await.unwrap_err().to_string();
    assert!(refused.contains("Node pve1 is in cluster \"lab\" already"), "{refused}");
    let refused = bench.core.apply(&cluster("attic", "pve9")).await.unwrap_err().to_string();
    assert!(refused.contains("calls itself \"pve1\""), "{refused}");
    assert_eq!(bench.writes(), ["POST /cluster/config"]);
    bench.core.state = state;
    // It has no other members: it is forgotten, and stays.
    bench.core.destroy(&cluster("lab", "pve1")).await.unwrap();
    assert!(at(&bench, "pve1", |c| c.corosync.is_some()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_nodes_become_a_cluster_and_come_apart() {
    let mut bench = bench().await;
    at(&bench, "pve2", |c| {
        let user = pve_sim::cluster::access::User { enable: true, ..Default::default() };
        c.access.users.insert("ops@pve".to_owned(), user)
    });
    let config = members(&["pve2", "pve3"], "");
    let plan = bench.core.plan(&config).await.unwrap();
    assert_eq!(warned(&plan.warnings, "users ops@pve"), 1, "{:?}", plan.warnings);
    assert_eq!(warned(&plan.warnings, "Node pve3 has"), 0, "{:?}", plan.warnings);
    let said = bench.core.apply_plan(plan).await.unwrap();
    assert_eq!(warned(&said.warnings, "shows another certificate since it has joined"), 2, "{:?}", said.warnings);
    let seen = at(&bench, "pve1", |c| (c.nodes.names(), c.nodes.quorate("pve1")));
    assert_eq!(seen, (["pve1", "pve2", "pve3"].map(str::to_owned).to_vec(), true));
    assert_eq!(bench.core.plan(&config).await.unwrap().actions(), []);

    // While they are on nobody takes their votes.
    let refused = bench.core.destroy(&config).await.unwrap_err().to_string();
    assert!(refused.contains("Node \"pve2\" is on") && refused.contains("Nothing was written"), "{refused}");
    assert_eq!(at(&bench, "pve1", |c| c.nodes.names().len()), 3);
    bench.sim.world.with(|c| c.set_power("pve3", false));
    let said = bench.core.apply(&members(&["pve2"], "")).await.unwrap();
    assert_eq!(warned(&said.warnings, "has to be installed anew"), 1, "{:?}", said.warnings);
    assert_eq!(at(&bench, "pve1", |c| c.nodes.names()), ["pve1", "pve2"]);
    // One that was removed and runs as it was is not taken back.
    bench.sim.world.with(|c| c.set_power("pve3", true));
    let refused = bench.core.apply(&members(&["pve2", "pve3"], "")).await.unwrap_err().to_string();
    assert!(refused.contains("was a member of this cluster, and was removed"), "{refused}");
    bench.sim.world.control("POST", "/nodes/pve3/reinstall", &json!(null)).unwrap();
    // Its pin holds again, as that of a node by itself.
    bench.core.apply(&members(&["pve2", "pve3"], "")).await.unwrap();
    assert_eq!(at(&bench, "pve1", |c| c.nodes.names()), ["pve1", "pve2", "pve3"]);

    // The last of two takes the majority along when it is switched off.
    bench.sim.world.with(|c| c.set_power("pve3", false));
    bench.core.apply(&members(&["pve2"], "")).await.unwrap();
    bench.sim.world.with(|c| c.set_power("pve2", false));
    let refused = bench.core.apply(&members(&[], "")).await.unwrap_err().to_string();
    assert!(refused.contains("`pvecm expected 1`"), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_join_that_waits_for_quorum_is_told_and_carried_on() {
    let mut bench = bench().await;
    bench.sim.world.control("POST", "/nodes/pve2/corosync", &json!({ "blocked": true })).unwrap();
    let config = members(&["pve2"], "  timeouts = { create = \"6s\", update = \"60s\" }\n");
    let said = bench.core.apply(&config).await.unwrap();
    assert_eq!(warned(&said.warnings, "UDP 5405"), 1, "{:?}", said.warnings);
    let plan = bench.core.plan(&config).await.unwrap();
    assert_eq!(plan.actions().len(), 1);
    bench.sim.world.control("POST", "/nodes/pve2/corosync", &json!({ "blocked": false })).unwrap();
    bench.core.apply(&config).await.unwrap();
    assert_eq!(bench.core.plan(&config).await.unwrap().actions(), []);
    let joins = bench.writes().iter().filter(|write| write.ends_with("/config/join")).count();
    assert_eq!(joins, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_hinders_a_join_is_said_before_anything_is_sent() {
    let nodes =
        "{name: lab, nodes: [{name: pve1, single: true}, {name: pve2, single: true}, {name: pve3, single: true}],
        guests: [{vmid: 100, node: pve2}]}";
    let mut bench = Bench::of(Shape::from_yaml(nodes).unwrap()).await;
    let refused = bench.core.apply(&members(&["pve2"], "")).await.unwrap_err().to_string();
    assert!(refused.contains("Node \"pve2\" has guests") && refused.contains("100"), "{refused}");
    let wrong = members(&["pve3"], "  password = \"wrong\"\n");
    let refused = bench.core.apply(&wrong).await.unwrap_err().to_string();
    assert!(refused.contains("401 authentication failure") && refused.contains("`password`"), "{refused}");
    assert!(bench.core.state.get("pve_cluster_member.pve3").is_none());
    bench.core.apply(&members(&["pve3"], "")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_dead_for_good_goes_with_what_was_on_it() {
    let mut bench = bench().await;
    bench.core.apply(&members(&["pve2", "pve3"], "")).await.unwrap();
    bench.sim.world.with(|c| c.place_guest(&pve_sim::shape::GuestShape::ready(300, "pve3")));
    bench.sim.world.with(|c| c.set_power("pve3", false));
    let refused = bench.core.apply(&members(&["pve2"], "")).await.unwrap_err().to_string();
    assert!(refused.contains("guests 300") && refused.contains("`gone = true`"), "{refused}");
    bench.core.apply(&members(&["pve2", "pve3"], "  gone = true\n")).await.unwrap();
    let said = bench.core.apply(&members(&["pve2"], "")).await.unwrap();
    // In the plan, and when it is done.
    assert_eq!(warned(&said.warnings, "rm -r /etc/pve/nodes/pve3"), 2, "{:?}", said.warnings);
    assert_eq!(at(&bench, "pve1", |c| c.nodes.names()), ["pve1", "pve2"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_cluster_comes_apart_in_one_run_where_nodes_may_be_shut_down() {
    let mut bench = bench().await;
    // What is beside the members waits while there is no majority.
    let beside = "resource \"pve_role\" \"x\" {\n  roleid = \"X\"\n  privs = [\"VM.Audit\"]\n  depends_on = [pve_cluster.lab]\n}\n";
    let config = Config::from_hcl(&(text_of(&["pve2", "pve3"], "  shut_down = true\n") + beside)).unwrap();
    bench.core.apply(&config).await.unwrap_or_else(|said| panic!("{said}"));
    assert_eq!(bench.core.plan(&config).await.unwrap().actions(), []);
    let said = bench.core.destroy(&config).await.unwrap_or_else(|said| panic!("{said}"));
    assert!(bench.core.state.is_empty());
    assert_eq!(warned(&said.warnings, "is no member any more, and does not know that"), 2, "{:?}", said.warnings);
    assert_eq!(warned(&said.warnings, "stays, with one node"), 1, "{:?}", said.warnings);
    let left = at(&bench, "pve1", |c| (c.nodes.names(), c.nodes.quorate("pve1"), c.access.roles.contains_key("X")));
    assert_eq!(left, (vec!["pve1".to_owned()], true, false));
    for node in ["pve2", "pve3"] {
        assert!(!bench.sim.world.with(|c| c.is_on(node)), "{node} is off");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_somebody_has_removed_by_hand_is_told_to_be_installed_anew() {
    let mut bench = bench().await;
    let config = members(&["pve2", "pve3"], "");
    bench.core.apply(&config).await.unwrap();
    bench.sim.world.with(|c| c.remove_member("pve3"));
    let refused = bench.core.apply(&config).await.unwrap_err().to_string();
    assert!(refused.contains("was a member of this cluster, and was removed from it"), "{refused}");
    assert!(refused.contains("install it anew, then apply again"), "{refused}");
    // It is forgotten by taking its block away: nothing is sent.
    let written = bench.writes();
    bench.core.apply(&members(&["pve2"], "")).await.unwrap();
    assert!(bench.core.state.get("pve_cluster_member.pve3").is_none());
    assert_eq!(bench.writes(), written);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_has_one_name() {
    let mut bench = bench().await;
    bench.core.apply(&members(&["pve2"], "")).await.unwrap();
    let renamed = |nodes: &[&str]| Config::from_hcl(&text_of(nodes, "").replace("\"lab\"\n", "\"attic\"\n")).unwrap();
    let written = bench.writes();
    for (nodes, why) in [(&["pve2"][..], "Cluster \"lab\" has other members"), (&[], "Node \"pve2\" is on")] {
        let refused = bench.core.apply(&renamed(nodes)).await.unwrap_err().to_string();
        assert!(refused.contains(why), "{refused}");
    }
    assert_eq!(bench.writes(), written);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_node_loses_is_told_before_it_joins_where_the_plan_could_not_ask() {
    let mut bench = bench().await;
    bench.core.apply(&members(&[], "")).await.unwrap();
    at(&bench, "pve2", |c| {
        let user = pve_sim::cluster::access::User { enable: true, ..Default::default() };
        c.access.users.insert("ops@pve".to_owned(), user)
    });
    bench.sim.world.with(|c| c.set_power("pve2", false));
    let config = members(&["pve2"], "");
    let plan = bench.core.plan(&config).await.unwrap();
    assert_eq!(warned(&plan.warnings, "users ops@pve"), 0, "{:?}", plan.warnings);
    assert_eq!(warned(&plan.warnings, "Cannot ask node"), 1, "{:?}", plan.warnings);
    let refused = bench.core.apply(&config).await.unwrap_err().to_string();
    assert!(refused.contains("Cannot ask node \"pve2\" whether it can join"), "{refused}");
    bench.sim.world.with(|c| c.set_power("pve2", true));
    let said = bench.core.apply_plan(plan).await.unwrap();
    assert_eq!(warned(&said.warnings, "users ops@pve"), 1, "{:?}", said.warnings);
}

/// The provider's block with one endpoint.
fn one_endpoint(bench: &Bench) -> serde_json::Value {
    let mut block = super::lives::provider_block(&bench.sim);
    for part in ["endpoints", "fingerprints"] {
        block[part] = json!({ "pve1": block[part]["pve1"] });
    }
    block
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_only_endpoint_makes_a_cluster_and_has_others_join_at_addresses_of_their_own() {
    let mut bench = bench().await;
    let whole = super::lives::provider_block(&bench.sim);
    bench.core.configure(one_endpoint(&bench));
    // Of the node that answers there.
    let member = |node: &str, there: &str| {
        format!(
            "resource \"pve_cluster_member\" \"{node}\" {{\n  node = \"{node}\"\n  endpoint = {}\n  fingerprint = {}\n  password = {}\n  \
             depends_on = [pve_cluster.lab]\n}}\n",
            whole["endpoints"][there], whole["fingerprints"][there], whole["password"]
        )
    };
    let founder = "resource \"pve_cluster\" \"lab\" {\n  name = \"lab\"\n}\n".to_owned();
    let config = Config::from_hcl(&(founder.clone() + &member("pve2", "pve2"))).unwrap();
    bench.core.apply(&config).await.unwrap_or_else(|said| panic!("{said}"));
    assert_eq!(bench.core.plan(&config).await.unwrap().actions(), []);
    assert_eq!(at(&bench, "pve1", |c| c.nodes.names()), ["pve1", "pve2"]);
    let other = Config::from_hcl(&(founder + &member("pve2", "pve2") + &member("pve9", "pve3"))).unwrap();
    let refused = bench.core.plan(&other).await.unwrap_err().to_string();
    assert!(refused.contains("The endpoint leads to another node than \"pve9\""), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_alone_makes_no_cluster() {
    let mut bench = bench().await;
    let mut block = one_endpoint(&bench);
    (block["username"], block["password"]) = (json!(null), json!(null));
    bench.core.configure(block);
    let plan = bench.core.plan(&members(&[], "")).await.unwrap();
    assert_eq!(warned(&plan.warnings, "Making a cluster takes the login of root@pam"), 1, "{:?}", plan.warnings);
    let refused = bench.core.apply_plan(plan).await.unwrap_err().to_string();
    assert!(refused.contains("root@pam"), "{refused}");
    assert_eq!(bench.writes(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_dies_while_it_joins_is_waited_for_by_the_next_apply() {
    let mut bench = bench().await;
    let config = members(&["pve2"], "  timeouts = { create = \"8s\", update = \"60s\" }\n");
    let world = bench.sim.world.clone();
    let dies = async move {
        let begun = |c: &mut Simulated| c.corosync.as_ref().is_some_and(|corosync| corosync.member("pve2").is_some());
        while !world.with(begun) {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        world.with(|c| c.set_power("pve2", false));
    };
    let (said, ()) = tokio::join!(bench.core.apply(&config), dies);
    let said = said.unwrap();
    assert_eq!(warned(&said.warnings, "it is listed as a member, and is not online"), 1, "{:?}", said.warnings);
    bench.sim.world.with(|c| c.set_power("pve2", true));
    bench.core.apply(&config).await.unwrap();
    assert_eq!(bench.core.plan(&config).await.unwrap().actions(), []);
    assert_eq!(bench.writes().iter().filter(|write| write.ends_with("/config/join")).count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_with_settings_of_its_own_is_told_what_it_loses() {
    let bench = bench().await;
    at(&bench, "pve2", |c| {
        c.access.groups.insert("admins".to_owned(), Default::default());
        c.pools.all.insert("web".to_owned(), Default::default());
    });
    let plan = bench.core.plan(&members(&["pve2"], "")).await.unwrap();
    assert_eq!(warned(&plan.warnings, "groups admins; resource pools web"), 1, "{:?}", plan.warnings);
}

/// What the cluster says of something that the simulator has none of.
fn answered(bench: &Bench, path: &str, data: &serde_json::Value) {
    let body = json!({ "data": data }).to_string();
    let effect = json!({ "body": body, "content_type": "application/json" });
    let fault = json!({ "match": { "method": "GET", "path": path }, "times": 1000, "effect": effect });
    bench.sim.world.control("POST", "/faults", &fault).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_stays_as_long_as_anything_is_on_it_or_names_it() {
    let shape = "{name: lab, nodes: [{name: pve1}, {name: pve2}, {name: pve3, disks: [{path: /dev/sdb, size: 64G}]}],
        ceph: {stage: ready, osds: [{node: pve3, device: /dev/sdb}]}}";
    let mut bench = Bench::of(Shape::from_yaml(shape).unwrap()).await;
    let member = |more: &str| {
        let text = format!("resource \"pve_cluster_member\" \"pve3\" {{\n  node = \"pve3\"\n{more}}}\n");
        Config::from_hcl(&text).unwrap()
    };
    bench.core.apply(&member("").import("pve_cluster_member.pve3", json!("pve3"))).await.unwrap();
    answered(
        &bench,
        "/cluster/ha/rules",
        &json!([{ "rule": "here", "nodes": "pve1,pve3:2" }, { "rule": "there", "nodes": "pve1" }]),
    );
    answered(&bench, "/cluster/replication", &json!([{ "id": "100-0", "source": "pve1", "target": "pve3" }]));
    let storage =
        "resource \"pve_storage_dir\" \"x\" {\n  storage = \"xx\"\n  path = \"/x\"\n  nodes = [\"pve3\"]\n}\n";
    let mut beside = Bench::at(bench.sim.clone()).await;
    beside.core.apply(&Config::from_hcl(storage).unwrap()).await.unwrap();
    bench.sim.world.with(|c| c.place_guest(&pve_sim::shape::GuestShape::ready(300, "pve3")));
    bench.sim.world.with(|c| c.set_power("pve3", false));
    let of_it = ["rules of HA here;", "replication jobs 100-0;", "storages that are on it alone xx"];
    let on_it = ["guests 300;", "OSDs osd.", "mon.pve3"];
    let refused = bench.core.destroy(&member("")).await.unwrap_err().to_string();
    assert!(of_it.iter().chain(&on_it).all(|words| refused.contains(words)), "{refused}");
    // Dead for good: what can be changed still hinders.
    bench.core.apply(&member("  gone = true\n")).await.unwrap();
    let refused = bench.core.destroy(&member("  gone = true\n")).await.unwrap_err().to_string();
    assert!(of_it.iter().all(|words| refused.contains(words)) && !refused.contains(on_it[0]), "{refused}");
    assert!(!bench.writes().iter().any(|write| write.contains("/cluster/config")), "{:?}", bench.writes());
}

/// The configurations of the guide.
fn guide() -> Vec<String> {
    let text = super::lives::read(&super::lives::examples().join("../docs/guides/clusters.md"));
    let blocks = text.split("```hcl\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    blocks.map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_guide_is_followed() {
    let mut bench = bench().await;
    let [all, prints, leaving, gone] = &guide()[..] else { panic!("the guide has other configurations") };
    let (read, all) = (|text: &str| Config::from_hcl(text).unwrap(), all.as_str());
    bench.core.apply(&read(all)).await.unwrap();
    assert_eq!(bench.core.plan(&read(all)).await.unwrap().actions(), []);
    let told = bench.core.plan(&read(&format!("{all}{prints}"))).await.unwrap();
    let as_joined = at(&bench, "pve1", |c| c.nodes.get("pve3").unwrap().fingerprint.clone());
    assert!(format!("{:?}", told.outputs).contains(&as_joined), "{:?}", told.outputs);

    // It dies, with a machine on it.
    bench.sim.world.with(|c| c.place_guest(&pve_sim::shape::GuestShape::ready(300, "pve3")));
    bench.sim.world.with(|c| c.set_power("pve3", false));
    assert_eq!(bench.core.plan(&read(all)).await.unwrap().actions(), []);
    bench.core.apply(&read(gone)).await.unwrap();
    let two = text_of(&[], "")
        + "resource \"pve_cluster_member\" \"others\" {\n  for_each = toset([\"pve2\"])\n  node = each.key\n  depends_on = \
           [pve_cluster.lab]\n}\n";
    let said = bench.core.apply(&read(&two)).await.unwrap();
    assert_eq!(warned(&said.warnings, "rm -r /etc/pve/nodes/pve3"), 2, "{:?}", said.warnings);

    // As `rm -r /etc/pve/nodes/pve3` does.
    at(&bench, "pve1", |c| c.guests.all.remove(&300).unwrap());
    // Another machine has its name: it joins, and leaves again as the guide says.
    bench.sim.world.control("POST", "/nodes/pve3/reinstall", &json!(null)).unwrap();
    bench.core.apply(&read(&format!("{two}{leaving}"))).await.unwrap();
    assert_eq!(at(&bench, "pve1", |c| c.nodes.names()), ["pve1", "pve2", "pve3"]);
    bench.core.apply(&read(&two)).await.unwrap();
    assert_eq!(
        at(&bench, "pve1", |c| (c.nodes.names(), c.nodes.quorate("pve1"))),
        (vec!["pve1".into(), "pve2".into()], true)
    );
    assert!(!bench.sim.world.with(|c| c.is_on("pve3")));
}
