//! `pve_guest_power`: started and stopped by PVE, or by HA where that has the guest.

use pve_sim::Options;
use pve_sim::shape::{GuestShape, Shape};
use serde_json::json;

use super::super::work::Work;
use super::{done, refused};

async fn one_guest() -> Work {
    let shape = Shape { guests: vec![GuestShape::ready(101, "pve1")], ..Shape::default() };
    Work::with(Options { shape, factor: 600.0, ..Options::default() }).await
}

/// Who was asked, after that was forgotten.
fn asked(work: &Work) -> Vec<String> {
    let sent = work.site.sent();
    work.site.forget_requests();
    sent
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_is_stopped_started_and_rebooted_and_what_is_so_is_left_alone() {
    let work = one_guest().await;
    work.site.forget_requests();
    let power = |operation: &str| json!({"vmid": 101, "operation": operation});
    for (operation, call, line) in [
        ("start", None, "vm:101 runs already"),
        ("reboot", Some("reboot"), "Rebooting vm:101: task qmreboot on pve1"),
        ("shutdown", Some("shutdown"), "Shutting down vm:101: task qmshutdown on pve1"),
        ("stop", None, "vm:101 is stopped already"),
        ("start", Some("start"), "Starting vm:101: task qmstart on pve1"),
        ("stop", Some("stop"), "Stopping vm:101: task qmstop on pve1"),
    ] {
        let invoked = done(&work, "guest_power", power(operation)).await;
        assert_eq!(invoked.progress.first().map(String::as_str), Some(line), "{operation}");
        let call = call.map(|call| format!("POST /nodes/pve1/qemu/101/status/{call}"));
        assert_eq!(asked(&work), Vec::from_iter(call), "{operation}");
    }
    refused(&work, "guest_power", power("reboot"), "vm:101 does not run").await;
    refused(&work, "guest_power", json!({"vmid": 999, "operation": "start"}), "vm:999 does not exist").await;
    refused(&work, "guest_power", json!({"vmid": 101, "operation": "explode"}), "operation").await;
    for (operation, more) in [("start", "timeout"), ("reboot", "force")] {
        let more = if more == "force" { json!({"force": true}) } else { json!({"timeout": "1m"}) };
        let mut config = power(operation);
        config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        refused(&work, "guest_power", config, "for nothing").await;
    }
    assert!(asked(&work).is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_ha_it_is_ha_that_is_asked() {
    let mut work = one_guest().await;
    work.write("resource \"pve_ha_resource\" \"vm\" {\n  sid = \"vm:101\"\n  allow_local = true\n}\n");
    work.apply().await.succeeded();
    asked(&work);
    for (operation, states) in [("reboot", 2), ("stop", 1), ("shutdown", 0), ("start", 1), ("start", 0)] {
        let invoked = done(&work, "guest_power", json!({"vmid": 101, "operation": operation})).await;
        assert_eq!(asked(&work), vec!["PUT /cluster/ha/resources/vm:101"; states], "{operation}");
        let warned = invoked.said.warnings.iter().any(|said| said.detail.contains("pve_ha_resource"));
        // A reboot leaves HA with what it had.
        assert_eq!(warned, states == 1, "{operation}: {}", invoked.said);
        assert!(
            invoked.progress.last().is_some_and(|line| line.starts_with("vm:101: HA says")),
            "{:?}",
            invoked.progress
        );
    }
    assert!(work.plan().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn interrupted_it_says_that_pve_carries_on() {
    let shape = Shape { guests: vec![GuestShape::ready(101, "pve1")], ..Shape::default() };
    // So slow that nothing ends by itself.
    let work = Work::with(Options { shape, factor: 0.01, ..Options::default() }).await;
    let config = json!({"vmid": 101, "operation": "stop"});
    let invoked = work.bench.core.invoke_until("pve_guest_power", config, |line| line.contains("task qmstop")).await;
    let told = invoked.said.to_string();
    assert!(told.contains("PVE carries on") && told.contains("act task_stop upid=UPID:pve1:"), "{told}");
    assert!(invoked.said.rules().is_empty(), "{told}");
}
