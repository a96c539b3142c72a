//! `pve_guest_snapshot_rollback` and `pve_backup_now`, and what `pve_backups` tells of it.

use pve_sim::Options;
use pve_sim::cluster::guests::vzdump::{Dump, Order};
use pve_sim::shape::{GuestShape, Shape};
use serde_json::{Value as Json, json};

use super::super::work::Work;
use super::{done, refused};

const SNAPSHOTS: &str = "resource \"pve_snapshot\" \"plain\" {\nvmid = 101\nname = \"plain\"\n}\nresource \"pve_snapshot\" \"memory\" \
                         {\nvmid = 101\nname = \"memory\"\nvmstate = true\ndepends_on = [pve_snapshot.plain]\n}\n";

async fn guests() -> Work {
    let guests = vec![GuestShape::ready(101, "pve1"), GuestShape::ready(102, "pve2")];
    let shape = Shape { guests, ..Shape::default() };
    Work::with(Options { shape, factor: 600.0, ..Options::default() }).await
}

fn guest(work: &Work) -> Json {
    work.site.state()["guests"]["101"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_goes_back_and_runs_if_it_was_told_to_or_had_its_memory_kept() {
    let mut work = guests().await;
    work.write(SNAPSHOTS);
    work.apply().await.succeeded();
    let back = |name: &str, start: bool| json!({"vmid": 101, "name": name, "start": start});
    for (name, start, runs) in [("plain", false, false), ("plain", true, true), ("memory", false, true)] {
        work.site.by_hand(|cluster| {
            cluster.guests.get_mut(101).unwrap().config.values.insert("cores".to_owned(), "7".to_owned());
        });
        let invoked = done(&work, "guest_snapshot_rollback", back(name, start)).await;
        assert!(invoked.progress[0].contains("what was written since is lost"), "{:?}", invoked.progress);
        let now = guest(&work);
        assert_eq!(
            (now["running"].clone(), now["config"]["parent"].clone()),
            (json!(runs), json!(name)),
            "{name} {start}"
        );
        assert_ne!(now["config"]["cores"], "7", "{name}");
        assert!(now["config"]["lock"].is_null());
    }
    // It is no change of the snapshots.
    assert!(work.plan().await.is_empty());
    let told = refused(&work, "guest_snapshot_rollback", back("nope", false), "has no snapshot \"nope\"").await;
    assert!(told.contains("It has: memory, plain") || told.contains("It has: plain, memory"), "{told}");
    refused(&work, "guest_snapshot_rollback", json!({"vmid": 999, "name": "plain"}), "999 does not exist").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_ha_it_goes_back_without_ha_starting_it_meanwhile() {
    let mut work = guests().await;
    let ha =
        "resource \"pve_ha_resource\" \"vm\" {\n  sid = \"vm:101\"\n  state = \"started\"\n  allow_local = true\n}\n";
    work.write(&format!("{SNAPSHOTS}{ha}"));
    work.apply().await.succeeded();
    work.site.forget_requests();
    let invoked = done(&work, "guest_snapshot_rollback", json!({"vmid": 101, "name": "plain"})).await;
    let sent = work.site.sent();
    let state = "PUT /cluster/ha/resources/vm:101";
    assert_eq!(sent, [state, "POST /nodes/pve1/qemu/101/snapshot/plain/rollback", state], "{:?}", invoked.progress);
    let now = guest(&work);
    assert_eq!((now["running"].clone(), now["config"]["parent"].clone()), (json!(true), json!("plain")));
    assert!(work.plan().await.is_empty(), "HA has its state back");
    // Whatever comes of the rollback.
    work.site.fault(&json!({
        "match": {"method": "POST", "path": "/nodes/*/qemu/*/snapshot/*/rollback"}, "effect": {"task": "fail", "message": "storage is on fire"}
    }));
    refused(&work, "guest_snapshot_rollback", json!({"vmid": 101, "name": "plain"}), "storage is on fire").await;
    work.site.clear_faults();
    assert!(work.plan().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn backups_are_made_where_the_guests_are_and_their_names_are_told() {
    let mut work = guests().await;
    let config =
        json!({"vmid": [101, 102], "storage": "local", "notes_template": "{{guestname}} {{vmid}}", "protected": true});
    let invoked = done(&work, "backup_now", config).await;
    let made: Vec<&String> = invoked.progress.iter().filter(|line| line.starts_with("Made: ")).collect();
    assert_eq!(made.len(), 2, "{:?}", invoked.progress);
    assert!(made[0].contains("local:backup/vzdump-qemu-101-") && made[0].ends_with(".vma.zst"), "{made:?}");
    work.write("data \"pve_backups\" \"one\" {\n  vmid = 102\n}\noutput \"all\" {\n  value = data.pve_backups.one.backups\n}\n");
    let plan = work.bench.core.plan(&work.config()).await.unwrap_or_else(|said| panic!("{said}"));
    let text = format!("{:?}", plan.outputs["all"]);
    for part in ["vzdump-qemu-102-", "pve2", "102"] {
        assert!(text.contains(part), "no {part}: {text}");
    }
    assert!(guest(&work)["config"]["lock"].is_null());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_backed_up_is_named_and_the_others_are_all_the_same() {
    let work = guests().await;
    let some = |vmids: Json| json!({"vmid": vmids, "storage": "local"});
    refused(&work, "backup_now", some(json!([101, 999])), "There is no guest 999").await;
    refused(&work, "backup_now", json!({"node": "pve3", "storage": "local"}), "Node pve3 has no guests").await;
    refused(&work, "backup_now", json!({"vmid": [101], "storage": "nope"}), "does not exist").await;
    refused(&work, "backup_now", json!({"vmid": [101], "storage": "local-lvm"}), "is not for backups").await;
    assert!(work.site.sent().is_empty());
    work.site.by_hand(|cluster| {
        cluster.guests.get_mut(101).unwrap().config.values.insert("lock".to_owned(), "migrate".to_owned());
    });
    let told = refused(&work, "backup_now", some(json!([101, 102])), "101 failed - VM is locked (migrate)").await;
    assert!(told.contains("vzdump-qemu-102-"), "the other one was made: {told}");
}

/// PVE answers that all is well, and has done nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_without_a_task_is_no_success() {
    let work = guests().await;
    work.site.fault(&json!({
        "match": {"method": "POST", "path": "/nodes/*/vzdump"}, "effect": {"body": "{\"data\":\"OK\"}", "content_type": "application/json;charset=UTF-8"}
    }));
    refused(&work, "backup_now", json!({"vmid": [101], "storage": "local"}), "Nothing was backed up on pve1").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_waits_for_the_one_that_runs_on_its_node() {
    let work = guests().await;
    let order = Order {
        vmids: vec![101],
        storage: Some("local".to_owned()),
        mode: "snapshot".to_owned(),
        compress: "0".to_owned(),
        lockwait: std::time::Duration::from_secs(3600),
        ..Order::default()
    };
    let other = work.site.by_hand(|cluster| cluster.start_task("pve1", "root@pam", "vzdump", "101", Dump::new(order)));
    done(&work, "backup_now", json!({"node": "pve1", "storage": "local", "compress": "0"})).await;
    work.site.by_hand(|cluster| {
        assert_eq!(cluster.tasks.find(&other).unwrap().end.as_ref().unwrap().1, "OK");
        let log = |task: &pve_sim::kernel::tasks::Task| task.log.join("\n");
        let ours = cluster.tasks.iter().filter(|task| task.upid.kind == "vzdump" && task.upid != other);
        assert!(ours.map(log).all(|log| log.contains("waiting...") && log.contains("got global lock")));
    });
}
