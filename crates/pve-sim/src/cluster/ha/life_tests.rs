//! HA in the whole cluster, seen through its API, with simulated times.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::bed::Bed;
use crate::shape::{GuestShape, Shape};

/// Three nodes; VM 100 on the first, with this configuration.
fn bed(config: &[(&str, &str)]) -> Bed {
    bed_on("pve1", config)
}

pub(super) fn bed_on(node: &str, config: &[(&str, &str)]) -> Bed {
    let config: BTreeMap<_, _> = config.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    let guest = GuestShape {
        vmid: 100,
        node: node.into(),
        name: None,
        container: false,
        running: false,
        refuses_unplug: false,
        config,
    };
    let mut shape = Shape { guests: vec![guest], ..Shape::default() };
    let shared =
        json!({ "storage": "shared", "type": "dir", "path": "/mnt/shared", "content": ["images"], "shared": 1 });
    shape.storages.push(serde_json::from_value(shared).unwrap());
    Bed::new(shape)
}

/// A guest with a system in it, which obeys.
const OBEDIENT: &[(&str, &str)] = &[("ostype", "l26")];

pub(super) async fn manage(bed: &Bed, params: &[(&str, &str)]) {
    let params: Vec<_> = [("sid", "vm:100")].iter().chain(params).copied().collect();
    bed.ok("POST", "/cluster/ha/resources", &params).await;
}

async fn ask(bed: &Bed, state: &str) {
    bed.ok("PUT", "/cluster/ha/resources/vm:100", &[("state", state)]).await;
}

/// An entry of the status by its id.
pub(super) async fn entry(bed: &Bed, id: &str) -> Value {
    let list = bed.ok("GET", "/cluster/ha/status/current", &[]).await;
    list.as_array().unwrap().iter().find(|entry| entry["id"] == id).cloned().unwrap_or(Value::Null)
}

/// State and node of the service.
pub(super) async fn service(bed: &Bed) -> (String, String) {
    let entry = entry(bed, "service:vm:100").await;
    let text = |key: &str| entry[key].as_str().unwrap_or_default().to_owned();
    (text("state"), text("node"))
}

/// Seconds until the service is in that state; each state on the way, once.
pub(super) async fn until(bed: &Bed, state: &str, limit: u64) -> (u64, Vec<String>) {
    let mut seen: Vec<String> = Vec::new();
    for seconds in 0..=limit {
        let (now, _) = service(bed).await;
        if seen.last() != Some(&now) {
            seen.push(now.clone());
        }
        if now == state {
            return (seconds, seen);
        }
        bed.pass(1);
    }
    panic!("not {state} after {limit} s, but {seen:?}");
}

pub(super) async fn running(bed: &Bed) -> Option<String> {
    let list = bed.ok("GET", "/cluster/resources", &[("type", "vm")]).await;
    (list[0]["status"] == "running").then(|| list[0]["node"].as_str().unwrap().to_owned())
}

/// The tasks of a kind on all nodes, newest first: node and exit status.
pub(super) fn tasks(bed: &Bed, kind: &str) -> Vec<(String, String)> {
    bed.world.with(|c| {
        let of_kind = c.tasks.iter().filter(|t| t.upid.kind == kind);
        of_kind.map(|t| (t.upid.node.clone(), t.end.clone().map(|(_, s)| s).unwrap_or_default())).collect()
    })
}

pub(super) fn power(bed: &Bed, node: &str, on: bool) {
    bed.world.with(|c| c.set_power(node, on));
}

#[tokio::test]
async fn a_resource_is_queued_then_starting_then_started() {
    let bed = bed(OBEDIENT);
    manage(&bed, &[]).await;
    let (seconds, seen) = until(&bed, "started", 60).await;
    assert_eq!(seen, ["queued", "starting", "started"]);
    assert!((10..=35).contains(&seconds), "{seconds}");
    assert_eq!(running(&bed).await.as_deref(), Some("pve1"));
    assert_eq!(tasks(&bed, "qmstart"), [("pve1".to_owned(), "OK".to_owned())]);
    let log = bed.world.with(|c| c.tasks.iter().find(|t| t.upid.kind == "qmstart").unwrap().log.clone());
    assert_eq!(log[0], "task started by HA resource agent");
    assert_eq!(entry(&bed, "fencing").await["armed-state"], "armed");
}

#[tokio::test]
async fn starts_that_fail_are_retried_moved_and_given_up() {
    // A machine that an unfinished backup locked cannot be started.
    for (restarts, moves) in [(1, 1), (0, 0), (2, 0), (1, 2)] {
        let bed = bed(&[("lock", "backup")]);
        manage(&bed, &[("max_restart", &restarts.to_string()), ("max_relocate", &moves.to_string())]).await;
        // The move of a locked machine fails as well, so that every attempt is on pve1.
        let (seconds, seen) = until(&bed, "error", 400).await;
        let tries = tasks(&bed, "qmstart");
        assert_eq!(tries.len(), (1 + restarts) * (1 + moves), "max_restart {restarts}, max_relocate {moves}");
        assert!(tries.iter().all(|(_, status)| status == "VM is locked (backup)"), "{tries:?}");
        assert_eq!(tasks(&bed, "qmigrate").len(), moves, "{seen:?}");
        if (restarts, moves) == (1, 1) {
            assert!((60..=120).contains(&seconds), "{seconds}");
            assert_eq!(seen, ["queued", "starting", "migrate", "starting", "error"]);
        }
        let raw = bed.ok("GET", "/cluster/ha/status/manager_status", &[]).await;
        let failed = raw["manager_status"]["service_status"]["vm:100"]["failed_nodes"].as_array().unwrap().len();
        assert_eq!(failed, 1 + moves);
    }
}

#[tokio::test]
async fn the_way_out_of_error_leads_through_disabled() {
    let bed = bed(&[("lock", "backup"), ("ostype", "l26")]);
    manage(&bed, &[("max_restart", "0"), ("max_relocate", "0")]).await;
    until(&bed, "error", 100).await;
    let refusal = bed.refusal("PUT", "/cluster/ha/resources/vm:100", &[("state", "started")]).await;
    assert_eq!(refusal, (500, "service 'vm:100' in error state, must be disabled and fixed first".into()));
    bed.world.with(|c| c.guests.get_mut(100).unwrap().config.values.remove("lock"));
    ask(&bed, "disabled").await;
    let (_, seen) = until(&bed, "disabled", 30).await;
    assert_eq!(seen, ["clearing error flag", "disabled"]);
    ask(&bed, "started").await;
    until(&bed, "started", 60).await;
    assert_eq!(running(&bed).await.as_deref(), Some("pve1"));
}

#[tokio::test]
async fn a_dead_node_is_fenced_after_a_minute_and_its_guest_runs_elsewhere_a_minute_later() {
    let bed = bed_on("pve2", OBEDIENT);
    manage(&bed, &[]).await;
    until(&bed, "started", 60).await;
    bed.pass(30);
    power(&bed, "pve2", false);
    let (fence, _) = until(&bed, "fence", 100).await;
    assert!((50..=75).contains(&fence), "{fence}");
    let lrm = entry(&bed, "lrm:pve2").await;
    assert!(lrm["status"].as_str().unwrap().starts_with("pve2 (old timestamp - dead?, watchdog standby, "), "{lrm}");
    assert_eq!(bed.ok("GET", "/cluster/resources", &[("type", "vm")]).await[0]["hastate"], "fence");
    let (more, seen) = until(&bed, "started", 150).await;
    assert_eq!(seen, ["fence", "starting", "started"]);
    let total = fence + more;
    assert!((115..=165).contains(&total), "{total}");
    let (_, node) = service(&bed).await;
    assert_ne!(node, "pve2");
    assert_eq!(running(&bed).await, Some(node.clone()));
    // It stays there when its node returns: without rules all nodes are equal.
    power(&bed, "pve2", true);
    bed.pass(120);
    assert_eq!(service(&bed).await, ("started".to_owned(), node));
    assert!(entry(&bed, "lrm:pve2").await["status"].as_str().unwrap().starts_with("pve2 (idle, watchdog standby"));
}

#[tokio::test]
async fn a_dead_master_is_replaced_before_its_guests_are_recovered() {
    let bed = bed(OBEDIENT);
    manage(&bed, &[]).await;
    until(&bed, "started", 60).await;
    assert_eq!(entry(&bed, "master").await["node"], "pve1");
    power(&bed, "pve1", false);
    // Seen from a node that lives: pve1 itself does not answer any more.
    let look = || bed.world.with(|c| c.ha.crm.services.values().next().map(|s| (s.state, s.node.clone())).unwrap());
    let mut seconds = 0;
    while look().1 == "pve1" && seconds < 300 {
        bed.pass(1);
        seconds += 1;
    }
    assert!((165..=215).contains(&seconds), "{seconds}");
    bed.pass(30);
    let (master, guest) = bed.world.with(|c| (c.ha.crm.master.clone(), c.guests.all[&100].clone()));
    assert_eq!((master.as_deref(), guest.is_running()), (Some("pve2"), true));
    assert_ne!(guest.node, "pve1");
}

#[tokio::test]
async fn a_node_that_is_back_in_time_starts_its_guest_when_its_old_lock_has_run_out() {
    let bed = bed_on("pve2", OBEDIENT);
    manage(&bed, &[]).await;
    until(&bed, "started", 60).await;
    power(&bed, "pve2", false);
    bed.pass(20);
    power(&bed, "pve2", true);
    bed.pass(60);
    assert_eq!((service(&bed).await.1.as_str(), running(&bed).await), ("pve2", None));
    bed.pass(60);
    assert_eq!(running(&bed).await.as_deref(), Some("pve2"));
}

#[tokio::test]
async fn without_quorum_nothing_is_recovered_and_what_has_services_resets_itself() {
    let bed = bed(OBEDIENT);
    manage(&bed, &[]).await;
    until(&bed, "started", 60).await;
    power(&bed, "pve2", false);
    power(&bed, "pve3", false);
    assert_eq!(entry(&bed, "quorum").await["status"], "No quorum on node 'pve1'!");
    let refusal = bed.refusal("POST", "/cluster/ha/resources", &[("sid", "vm:100")]).await;
    assert_eq!(refusal, (500, "cluster not ready - no quorum?".into()));
    bed.pass(50);
    assert_eq!(running(&bed).await.as_deref(), Some("pve1"));
    let on = || bed.world.with(|c| c.nodes.online("pve1"));
    bed.pass(30);
    assert!(!on());
    bed.pass(60);
    assert!(on());
    assert_eq!(running(&bed).await, None);
    // With the majority back, HA goes on where it was.
    power(&bed, "pve2", true);
    bed.pass(200);
    assert_eq!(service(&bed).await.0, "started");
    assert!(running(&bed).await.is_some());
}

#[tokio::test]
async fn a_node_switched_off_while_it_boots_stays_off() {
    let bed = bed(OBEDIENT);
    bed.world.with(|c| c.reset_node("pve2"));
    bed.pass(20);
    power(&bed, "pve2", false);
    bed.pass(600);
    assert!(!bed.world.with(|c| c.nodes.online("pve2")));
}

#[tokio::test]
async fn a_change_without_quorum_is_refused_after_ten_seconds() {
    let bed = bed(OBEDIENT);
    manage(&bed, &[("state", "ignored")]).await;
    power(&bed, "pve2", false);
    power(&bed, "pve3", false);
    let (refusal, ()) =
        tokio::join!(bed.refusal("PUT", "/cluster/ha/resources/vm:100", &[("state", "disabled")]), async {
            bed.pass(10)
        });
    assert_eq!(refusal, (500, "update resources config failed: cfs-lock 'domain-ha' error: no quorum!".into()));
}

#[tokio::test]
async fn what_a_dead_node_said_of_its_guests_stands_for_five_minutes() {
    let bed = bed_on("pve2", OBEDIENT);
    manage(&bed, &[]).await;
    until(&bed, "started", 60).await;
    ask(&bed, "ignored").await;
    bed.pass(10);
    power(&bed, "pve2", false);
    bed.pass(299);
    assert_eq!(running(&bed).await.as_deref(), Some("pve2"));
    bed.pass(2);
    assert_eq!(bed.ok("GET", "/cluster/resources", &[("type", "vm")]).await[0]["status"], "unknown");
    assert_eq!(service(&bed).await, ("ignored".to_owned(), "pve2".to_owned()));
}

#[tokio::test]
async fn stopped_is_recovered_and_disabled_is_left() {
    for (state, shown, node) in [("stopped", "stopped", "pve1"), ("disabled", "disabled", "pve2")] {
        let bed = bed_on("pve2", OBEDIENT);
        manage(&bed, &[("state", state)]).await;
        until(&bed, shown, 60).await;
        power(&bed, "pve2", false);
        bed.pass(300);
        assert_eq!(service(&bed).await, (shown.to_owned(), node.to_owned()));
    }
}

#[tokio::test]
async fn a_guest_that_does_not_listen_is_stopped_by_force_after_a_minute() {
    let bed = bed(&[]);
    manage(&bed, &[]).await;
    until(&bed, "started", 60).await;
    ask(&bed, "stopped").await;
    let (seconds, seen) = until(&bed, "stopped", 120).await;
    assert_eq!(seen, ["stopping", "request_stop", "stopped"]);
    assert!((60..=95).contains(&seconds), "{seconds}");
    assert_eq!(tasks(&bed, "qmshutdown"), [("pve1".to_owned(), "OK".to_owned())]);
}

#[tokio::test]
async fn moves_are_requested_and_unknown_targets_dropped() {
    let bed = bed(OBEDIENT);
    manage(&bed, &[]).await;
    until(&bed, "started", 60).await;
    let answer = bed.ok("POST", "/cluster/ha/resources/100/migrate", &[("node", "nowhere")]).await;
    assert_eq!(answer, json!({ "sid": "vm:100", "requested-node": "nowhere" }));
    bed.pass(60);
    assert_eq!(running(&bed).await.as_deref(), Some("pve1"));
    for (verb, node, stops) in [("migrate", "pve2", 0), ("relocate", "pve3", 1)] {
        bed.ok("POST", &format!("/cluster/ha/resources/vm:100/{verb}"), &[("node", node)]).await;
        until(&bed, verb, 15).await;
        until(&bed, "started", 60).await;
        assert_eq!(running(&bed).await.as_deref(), Some(node));
        assert_eq!(tasks(&bed, "qmshutdown").len(), stops, "{verb}");
    }
}

#[tokio::test]
async fn start_and_stop_of_a_managed_guest_go_through_its_resource() {
    let bed = bed(OBEDIENT);
    manage(&bed, &[("state", "stopped")]).await;
    until(&bed, "stopped", 60).await;
    let begin = |kind: &'static str, steps| {
        json!(bed.world.with(|c| c.start_task("pve1", "root@pam", kind, "100", steps).to_string()))
    };
    assert_eq!(bed.task(&begin("hastart", super::Ha::start_request(super::Sid::vm(100)))), "OK");
    until(&bed, "started", 60).await;
    assert_eq!(bed.task(&begin("hastop", super::Ha::stop_request(super::Sid::vm(100), 0))), "OK");
    until(&bed, "stopped", 60).await;
    assert_eq!(bed.ok("GET", "/cluster/ha/resources/vm:100", &[]).await["state"], "stopped");
    assert_eq!(tasks(&bed, "qmstop").len(), 1);
}

#[tokio::test]
async fn in_error_a_start_fails_and_says_why_in_its_log() {
    let bed = bed(&[("lock", "backup")]);
    manage(&bed, &[("max_restart", "0"), ("max_relocate", "0")]).await;
    until(&bed, "error", 100).await;
    let steps = super::Ha::start_request(super::Sid::vm(100));
    let upid = json!(bed.world.with(|c| c.start_task("pve1", "root@pam", "hastart", "100", steps).to_string()));
    assert_eq!(bed.task(&upid), "command 'ha-manager set vm:100 --state started' failed: exit code 255");
    assert_eq!(bed.log(&upid)[1], "service 'vm:100' in error state, must be disabled and fixed first");
}

#[tokio::test]
async fn disarmed_ha_leaves_everything_alone_until_it_is_armed() {
    let bed = bed(OBEDIENT);
    manage(&bed, &[]).await;
    until(&bed, "started", 60).await;
    bed.ok("POST", "/cluster/ha/status/disarm-ha", &[("resource-mode", "freeze")]).await;
    bed.pass(30);
    let fencing = entry(&bed, "fencing").await;
    assert_eq!((&fencing["armed-state"], &fencing["resource_mode"]), (&json!("disarmed"), &json!("freeze")));
    assert_eq!(service(&bed).await.0, "freeze");
    bed.world.with(|c| c.guests.get_mut(100).unwrap().running = None);
    power(&bed, "pve3", false);
    bed.pass(300);
    assert_eq!(running(&bed).await, None);
    bed.ok("POST", "/cluster/ha/status/arm-ha", &[]).await;
    until(&bed, "started", 60).await;
    assert_eq!(running(&bed).await.as_deref(), Some("pve1"));
}

#[tokio::test]
async fn what_is_taken_out_is_deleting_until_the_manager_has_let_go_and_runs_on() {
    let bed = bed(OBEDIENT);
    manage(&bed, &[]).await;
    until(&bed, "started", 60).await;
    bed.ok("DELETE", "/cluster/ha/resources/vm:100", &[]).await;
    assert_eq!(service(&bed).await.0, "deleting");
    bed.pass(11);
    assert_eq!(entry(&bed, "service:vm:100").await, Value::Null);
    assert_eq!(running(&bed).await.as_deref(), Some("pve1"));
    assert_eq!(bed.ok("GET", "/cluster/ha/resources", &[]).await, json!([]));
}

#[tokio::test]
async fn nothing_is_decided_for_a_node_that_is_missed_but_not_given_up() {
    let bed = bed_on("pve2", OBEDIENT);
    manage(&bed, &[]).await;
    until(&bed, "started", 60).await;
    power(&bed, "pve2", false);
    bed.pass(15);
    ask(&bed, "stopped").await;
    bed.pass(20);
    let waiting = entry(&bed, "service:vm:100").await;
    assert_eq!((&waiting["state"], &waiting["crm_state"]), (&json!("stopping"), &json!("started")));
    let (_, seen) = until(&bed, "stopped", 200).await;
    assert_eq!(seen, ["stopping", "fence", "request_stop", "stopped"]);
}
