//! Monitors, managers and metadata servers: one after the other, counted by Ceph, and gone only where that is safe.

use std::time::Duration;

use serde_json::{Value as Json, json};
use terraform_plugin::value::Value;

use super::Rig;
use crate::ceph::daemon::manager::CephManager;
use crate::ceph::daemon::metadata_server::CephMetadataServer;
use crate::ceph::daemon::monitor::CephMonitor;
use crate::ceph::flags::CephFlags;

fn on(node: &str) -> Json {
    json!({ "node": node })
}

fn ceph(rig: &Rig) -> Json {
    rig.sim.world.advance(Duration::from_secs(60));
    rig.sim.world.with(|cluster| cluster.canonical()["ceph"].clone())
}

async fn dies(rig: &Rig, node: &str) {
    rig.control("POST", &format!("/nodes/{node}/power"), &json!({"on": false})).await;
    rig.sim.world.advance(Duration::from_secs(60));
    rig.configure().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_monitors_are_made_at_once_and_the_first_ones_manager_is_taken_over() {
    let rig = Rig::of("ceph: {stage: initialised}").await;
    let mut plans = Vec::new();
    for node in ["pve1", "pve2", "pve3"] {
        plans.push(rig.plan::<CephMonitor>(None, &on(node)).await.unwrap());
    }
    let names: Vec<_> = plans.iter().map(|plan| plan.planned.attribute("name").cloned()).collect();
    assert_eq!(names, ["pve1", "pve2", "pve3"].map(|name| Some(Value::from(name))), "the id is known at plan");
    let [third, second, first] = [plans.pop().unwrap(), plans.pop().unwrap(), plans.pop().unwrap()];
    let (first, second, third) = tokio::join!(rig.apply(first), rig.apply(second), rig.apply(third));
    for (made, said) in [first, second, third].map(Result::unwrap) {
        assert_eq!(said, [""; 0]);
        assert_eq!(made.state.attribute("ready"), Some(&Value::Bool(true)));
        let read = rig.read(&made).await.unwrap();
        let node = read.state.attribute("node").and_then(Value::as_str).unwrap();
        assert!(rig.plan(Some(&read), &on(node)).await.unwrap().is_empty());
    }
    assert_eq!(ceph(&rig)["mons"], json!({"pve1": true, "pve2": true, "pve3": true}));
    let managers = ceph(&rig)["mgrs"].clone();
    let [brought] = &managers.as_array().unwrap()[..] else { panic!("{managers}") };
    let brought = brought.as_str().unwrap();
    rig.configure().await;
    rig.forget_requests().await;
    let (manager, said) = rig.bring::<CephManager>(None, &on(brought)).await.unwrap();
    assert_eq!(said, [""; 0]);
    assert!(rig.asked().await.iter().all(|asked| asked.starts_with("GET ")), "{:?}", rig.asked().await);
    // Nothing that could need figures is there yet.
    rig.destroy(&manager).await.unwrap();
    assert_eq!(ceph(&rig)["mgrs"], json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_rewrites_the_configuration_takes_its_turn() {
    let rig = Rig::of("ceph: {stage: ready, mons: [pve1], mgrs: [pve1]}").await;
    let servers = [
        rig.plan::<CephMetadataServer>(None, &on("pve1")).await.unwrap(),
        rig.plan::<CephMetadataServer>(None, &on("pve2")).await.unwrap(),
        rig.plan::<CephMetadataServer>(None, &on("pve3")).await.unwrap(),
    ];
    let monitor = rig.plan::<CephMonitor>(None, &on("pve2")).await.unwrap();
    let [one, two, three] = servers.map(|plan| rig.apply(plan));
    let (one, two, three, monitor) = tokio::join!(one, two, three, rig.apply(monitor));
    assert!(one.is_ok() && two.is_ok() && three.is_ok() && monitor.is_ok());
    let sections = ceph(&rig)["conf"].clone();
    assert_eq!(sections, json!(["client.crash", "mds.pve1", "mds.pve2", "mds.pve3", "mon.pve1", "mon.pve2"]));
    let (one, two) = (one.unwrap().0, two.unwrap().0);
    let (one, two) = tokio::join!(rig.destroy(&one), rig.destroy(&two));
    assert!(one.is_ok() && two.is_ok());
    assert_eq!(ceph(&rig)["conf"], json!(["client.crash", "mds.pve3", "mon.pve1", "mon.pve2"]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_monitor_goes_that_the_majority_needs() {
    let rig = Rig::of("ceph: {stage: monitors}").await;
    let [one, two, three] = ["pve1", "pve2", "pve3"];
    let [one, two, three] = [rig.import(one).await, rig.import(two).await, rig.import(three).await]
        .map(Result::<super::Kept<CephMonitor>, _>::unwrap);
    dies(&rig, "pve3").await;
    let told = rig.destroy(&two).await.unwrap_err().join("\n");
    assert!(told.contains("There are 3 monitors, of which 2 agree"), "{told}");
    assert!(told.contains("2 are left, of which 2 have to agree, and 1 do"), "{told}");
    // That of the dead node is nobody's majority; PVE has no way to it.
    let told = rig.destroy(&three).await.unwrap_err().join("\n");
    assert!(told.contains("`ceph mon remove pve3`") && told.contains("Nothing was written"), "{told}");
    let (read, said) = rig.refresh(&three).await.unwrap();
    assert_eq!(read.state, three.state, "a dead node changes nothing: {said:?}");
    rig.control("POST", "/nodes/pve3/power", &json!({"on": true})).await;
    rig.sim.world.advance(Duration::from_secs(60));
    rig.configure().await;
    rig.destroy(&three).await.unwrap();
    rig.destroy(&two).await.unwrap();
    let told = rig.destroy(&one).await.unwrap_err().join("\n");
    assert!(told.contains("Monitor \"pve1\" is the last one") && told.contains("pveceph purge"), "{told}");
    assert_eq!(ceph(&rig)["mons"], json!({"pve1": true}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_monitor_goes_for_one_whose_address_its_node_does_not_have() {
    let rig = Rig::of("ceph: {stage: ready, mons: [pve1, pve2]}").await;
    let at = |node: &str, address: &str| json!({"node": node, "address": address});
    // Nothing is lost by a try where none is there: PVE looks itself.
    let planned = rig.plan::<CephMonitor>(None, &at("pve3", "10.9.9.9")).await.unwrap();
    let told = planned.warnings.join("\n");
    assert!(told.contains("10.9.9.9 is not among the addresses") && told.contains("10.0.0.3"), "{told}");
    assert!(rig.apply(planned).await.unwrap_err()[0].contains("not configured or up"));
    assert_eq!(rig.plan::<CephMonitor>(None, &at("pve3", "10.0.0.3")).await.unwrap().warnings, [""; 0]);

    let kept = rig.import::<CephMonitor>("pve2").await.unwrap();
    let first = rig.plan(Some(&kept), &at("pve2", "10.9.9.9")).await.unwrap();
    assert!(first.replaces, "it is planned once more, as a creation");
    let told = rig.plan::<CephMonitor>(None, &at("pve2", "10.9.9.9")).await.unwrap_err().join("\n");
    assert!(told.contains("would be destroyed first") && told.contains("take the monitor out"), "{told}");
    // One that is to be made anew as it is has its address.
    rig.plan::<CephMonitor>(None, &at("pve2", "10.0.0.2")).await.unwrap();
    rig.plan::<CephMonitor>(None, &on("pve2")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_manager_stays_as_long_as_there_are_osds() {
    let rig = Rig::of("ceph: {stage: ready, mgrs: [pve1, pve2]}").await;
    let first = rig.import::<CephManager>("pve1").await.unwrap();
    let second = rig.import::<CephManager>("pve2").await.unwrap();
    rig.destroy(&first).await.unwrap();
    let told = rig.destroy(&second).await.unwrap_err().join("\n");
    assert!(told.contains("Of 1 managers 1 work") && told.contains("6 OSDs"), "{told}");
    assert_eq!(ceph(&rig)["mgrs"], json!(["pve2"]));
    // Nothing that somebody else has made is taken over.
    let theirs = rig.another().await;
    let planned = super::plan::<CephManager>(&theirs, None, &on("pve2")).await.unwrap();
    assert!(planned.warnings.iter().any(|told| told.contains("exists already")), "{:?}", planned.warnings);
    let told = super::apply(&theirs, planned).await.unwrap_err().join("\n");
    assert!(told.contains("to = pve_ceph_manager.this") && told.contains("id = \"pve2\""), "{told}");
}

const FILES: &str = "
ceph:
  stage: ready
  mdss: [pve1, pve3]
  pools: [{name: files_data, pg_num: 8}, {name: files_metadata, pg_num: 8}]
  filesystems: [{name: files, data_pool: files_data, metadata_pool: files_metadata}]
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_system_keeps_its_metadata_server_and_a_dead_nodes_one_goes_through_another() {
    let rig = Rig::of(FILES).await;
    let first = rig.import::<CephMetadataServer>("pve1").await.unwrap();
    let third = rig.import::<CephMetadataServer>("pve3").await.unwrap();
    dies(&rig, "pve3").await;
    let told = rig.destroy(&first).await.unwrap_err().join("\n");
    assert!(told.contains("Metadata server \"pve1\" is needed") && told.contains("1 (files)"), "{told}");
    assert!(told.contains("Without this one 0 would run"), "{told}");
    rig.forget_requests().await;
    rig.destroy(&third).await.unwrap();
    let asked = rig.asked().await;
    assert!(asked.contains(&"DELETE /nodes/pve1/ceph/mds/pve3".to_owned()), "{asked:?}");
    assert_eq!(ceph(&rig)["mdss"], json!({"pve1": "pve1"}));
    let planned = rig.plan::<CephMetadataServer>(None, &on("pve3")).await.unwrap();
    assert!(planned.warnings.iter().any(|told| told.contains("Node pve3 is offline")), "{:?}", planned.warnings);
    let told = rig.apply(planned).await.unwrap_err();
    assert!(told[0].contains("Nothing was written"), "{told:?}");
    let named = json!({"node": "1pve"});
    assert!(rig.validate::<CephMetadataServer>(&named).await.unwrap_err()[0].contains("begins with a digit"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_that_failed_leaves_nothing_and_the_next_one_makes_it() {
    let rig = Rig::of("ceph: {stage: ready, mons: [pve1], mgrs: [pve1]}").await;
    let before = ceph(&rig);
    let fails = json!({"match": {"method": "POST", "path": "/nodes/*/ceph/mgr/*"}, "effect": {"task": "fail", "message": "no key"}});
    rig.control("POST", "/faults", &fails).await;
    let told = rig.bring::<CephManager>(None, &on("pve2")).await.unwrap_err().join("\n");
    assert!(told.contains("no key"), "{told}");
    assert_eq!(ceph(&rig), before);
    rig.configure().await;
    rig.bring::<CephManager>(None, &on("pve2")).await.unwrap();
    assert_eq!(ceph(&rig)["mgrs"], json!(["pve1", "pve2"]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_lost_is_looked_for_and_nothing_is_sent_twice() {
    let rig = Rig::of("ceph: {stage: ready, mons: [pve1], mgrs: [pve1]}").await;
    for when in ["before", "after"] {
        let lost =
            json!({"match": {"method": "POST", "path": "/nodes/*/ceph/mon/*"}, "when": when, "effect": {"drop": true}});
        rig.control("POST", "/faults", &lost).await;
        let made = rig.bring::<CephMonitor>(None, &on("pve2")).await;
        match when {
            "before" => assert!(made.unwrap_err()[0].contains("nothing was written"), "it never arrived"),
            _ => assert_eq!(made.unwrap().0.state.attribute("ready"), Some(&Value::Bool(true))),
        }
        rig.configure().await;
    }
    let made = rig.import::<CephMonitor>("pve2").await.unwrap();
    let lost = json!({"match": {"method": "DELETE", "path": "/nodes/*/ceph/mon/*"}, "when": "after", "effect": {"drop": true}});
    rig.control("POST", "/faults", &lost).await;
    rig.destroy(&made).await.unwrap();
    assert_eq!(ceph(&rig)["mons"], json!({"pve1": true}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flags_that_are_not_ours_are_left_alone() {
    let rig = Rig::of("ceph: {stage: ready}").await;
    let set = |name: &str, on: bool| rig.sim.world.with(|cluster| cluster.ceph.set_flag(name, on));
    set("noscrub", true);
    let (made, said) = rig.bring::<CephFlags>(None, &json!({"noout": true, "norebalance": true})).await.unwrap();
    assert_eq!(said, [""; 0]);
    assert_eq!(ceph(&rig)["flags"], json!(["noout", "norebalance", "noscrub"]));
    let (changed, _) =
        rig.bring(Some(&rig.read(&made).await.unwrap()), &json!({"noout": true, "norebalance": false})).await.unwrap();
    assert_eq!(ceph(&rig)["flags"], json!(["noout", "noscrub"]));
    // Somebody sets one for an hour, and takes one away that is ours.
    set("nodeep-scrub", true);
    set("noout", false);
    rig.configure().await;
    let read = rig.read(&changed).await.unwrap();
    let again = rig.plan(Some(&read), &json!({"noout": true})).await.unwrap();
    assert_eq!(again.planned.attribute("nodeep_scrub"), Some(&Value::Bool(true)), "left alone");
    let (again, _) = rig.apply(again).await.unwrap();
    assert_eq!(ceph(&rig)["flags"], json!(["noout", "noscrub", "nodeep-scrub"]));
    rig.destroy(&again).await.unwrap();
    assert_eq!(ceph(&rig)["flags"], json!(["noscrub", "nodeep-scrub"]));
    let planned = rig.plan::<CephFlags>(None, &json!({"pause": true})).await.unwrap();
    assert!(planned.warnings.iter().any(|told| told.contains("every guest")), "{:?}", planned.warnings);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_about_flags_is_looked_for() {
    let rig = Rig::of("ceph: {stage: ready}").await;
    let lost =
        json!({"match": {"method": "PUT", "path": "/cluster/ceph/flags"}, "when": "after", "effect": {"drop": true}});
    rig.control("POST", "/faults", &lost).await;
    let (made, _) = rig.bring::<CephFlags>(None, &json!({"noout": true})).await.unwrap();
    assert_eq!(ceph(&rig)["flags"], json!(["noout"]));
    rig.destroy(&made).await.unwrap();
    assert_eq!(ceph(&rig)["flags"], json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_option_that_the_file_has_is_refused_and_any_other_is_set_and_unset() {
    use crate::ceph::config::CephConfig;

    let rig = Rig::of("ceph: {stage: ready}").await;
    let stored = || rig.sim.world.with(|cluster| cluster.canonical()["ceph"]["config"].clone());
    let before = stored();
    let of = |who: &str, option: &str, value: &str| json!({ "who": who, "option": option, "value": value });
    for who in ["global", "mon", "osd.1"] {
        let told = rig.plan::<CephConfig>(None, &of(who, "osd_pool_default_size", "2")).await.unwrap_err().join("\n");
        assert!(
            told.contains("`osd_pool_default_size = 3` in its section [global]") && told.contains("no effect"),
            "{told}"
        );
    }
    // What PVE has set with the first monitor is not taken over.
    let theirs = of("mon", "auth_allow_insecure_global_id_reclaim", "false");
    let told = rig.bring::<CephConfig>(None, &theirs).await.unwrap_err().join("\n");
    assert!(told.contains("id = \"mon/auth_allow_insecure_global_id_reclaim\""), "{told}");

    let memory = of("osd/host:pve1", "osd_memory_target", "2G");
    let (made, _) = rig.bring::<CephConfig>(None, &memory).await.unwrap();
    let read = rig.read(&made).await.unwrap();
    assert!(rig.plan(Some(&read), &memory).await.unwrap().is_empty(), "2147483648 is 2G");
    let told = rig.bring(Some(&read), &of("osd/host:pve1", "osd_memory_target", "much")).await.unwrap_err().join("\n");
    assert!(told.contains("Cannot set option") && told.contains("Nothing was changed"), "{told}");
    let (changed, _) = rig.bring(Some(&read), &of("osd/host:pve1", "osd_memory_target", "3G")).await.unwrap();
    assert!(stored().as_array().unwrap().iter().any(|row| row["value"] == "3221225472" && row["mask"] == "host:pve1"));
    rig.destroy(&changed).await.unwrap();
    assert_eq!(stored(), before);
    assert!(rig.validate::<CephConfig>(&of("everybody", "osd_max_backfills", "1")).await.is_err());
    assert!(rig.validate::<CephConfig>(&of("osd", "osd_max_backfills", "--help")).await.is_err());
}
