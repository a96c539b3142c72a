//! What is offered beside resources, judged as Terraform's core judges: actions, what becomes of them when they are
//! interrupted, a ticket; and the verbs of the program that do the same.

mod actions;
mod guests;
mod nodes;
mod snapshots;
mod ticket;

use std::sync::Mutex;

use serde_json::Value as Json;
use terraform_core::Invoked;
use terraform_core::conformance::offers;

use super::work::Work;

/// The action with this in its `config`: it must go well.
pub(super) async fn done(work: &Work, action: &str, config: Json) -> Invoked {
    let invoked = work.bench.core.invoke(&format!("pve_{action}"), config.clone()).await;
    assert!(!invoked.said.failed(), "{action} {config}: {}", invoked.said);
    invoked
}

/// The same, where it must fail and say why; nothing of it is held against the provider.
pub(super) async fn refused(work: &Work, action: &str, config: Json, why: &str) -> String {
    let invoked = work.bench.core.invoke(&format!("pve_{action}"), config.clone()).await;
    let told = invoked.said.to_string();
    assert!(invoked.said.failed() && told.contains(why), "{action} {config}, no word of {why}: {told}");
    assert!(invoked.said.rules().is_empty(), "{told}");
    told
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_offered_is_answered_as_the_protocol_wants() {
    let work = Work::of("{}").await;
    assert_eq!(offers(&work.bench.core).await, vec![]);
    let schemas = work.bench.core.schemas();
    let actions: Vec<&str> = schemas.actions.keys().map(String::as_str).collect();
    let expected = [
        "backup_now",
        "ceph_service",
        "disk_wipe",
        "guest_migrate",
        "guest_power",
        "guest_snapshot_rollback",
        "node_maintenance",
        "node_power",
        "notification_test",
        "osd_state",
        "task_stop",
    ];
    assert_eq!(actions, expected.map(|name| format!("pve_{name}")));
    let functions: Vec<&str> = schemas.functions.keys().map(String::as_str).collect();
    assert_eq!(functions, ["disk_object", "disk_string", "survives", "upid", "volume"]);
    assert!(schemas.ephemeral.keys().eq(["pve_ticket"]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn functions_say_the_same_over_the_wire() {
    let work = Work::of("{}").await;
    let call = async |name: &str, arguments: Json| {
        let arguments: Vec<_> = arguments.as_array().unwrap().iter().map(terraform_core::Value::from).collect();
        work.bench.core.call(name, &arguments).await
    };
    let survives = async |per_host: Json| call("survives", serde_json::json!([5, 3, per_host])).await;
    assert_eq!(survives(serde_json::json!([2, 2, 1])).await, Ok(true.into()));
    assert_eq!(survives(serde_json::json!(3)).await, Ok(false.into()));
    assert_eq!(survives(serde_json::json!([1])).await.unwrap_err().argument, Some(2));
    let volume = call("volume", serde_json::json!(["nas:100/vm-100-disk-0.qcow2"])).await.unwrap();
    assert_eq!((volume.get("vmid"), volume.get("parent").is_null()), (100.into(), true));
    let disk = call("disk_object", serde_json::json!(["ceph:vm-100-disk-0,iothread=1,serial=x"])).await.unwrap();
    let text = work.bench.core.call("disk_string", &[disk]).await.unwrap();
    assert_eq!(text, "ceph:vm-100-disk-0,iothread=1,serial=x".into());
    assert_eq!(call("upid", serde_json::json!(["nonsense"])).await.unwrap_err().argument, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_runs_from_a_shell_and_what_runs_is_told_with_percent_and_time_left() {
    use crate::provider::PveProvider;
    use crate::verbs::tasks::Board;
    use pve_client::Client;
    use terraform_plugin::{Act, Progress, StopToken};

    let guest = "guests:\n  - {vmid: 101, node: pve1, running: true, config: {memory: '512', scsi0: 'local-lvm:32'}}\nstorages:\n  \
                 - {storage: local-lvm, type: lvmthin, vgname: pve, thinpool: data, content: [images, rootdir]}\n  \
                 - {storage: nas, type: dir, path: /mnt/nas, shared: true, content: [images]}\n";
    let shape = pve_sim::shape::Shape::from_yaml(guest).unwrap();
    let options = pve_sim::Options { shape, factor: 60.0, bandwidth: Some(5 << 20), ..Default::default() };
    let work = Work::with(options).await;
    let client = || {
        let sim = &work.bench.sim;
        let mut config = pve_client::Config::default().token(sim.api_token.clone());
        for (name, url) in &sim.endpoints {
            config = config.endpoint(name, url);
        }
        for (name, fingerprint) in &sim.fingerprints {
            config = config.fingerprint(name, fingerprint.as_str());
        }
        Client::new(config).unwrap()
    };
    let client_of_board = client();
    let mut board = Board::new(false);
    assert_eq!(board.look(&client_of_board).await.unwrap(), ["Nothing of ours runs."]);

    let to = pve_client::api::qemu::DiskMove { storage: "nas".to_owned(), ..Default::default() };
    let mover = client();
    let task = mover.qemu("pve1", 101).move_disk("scsi0".parse().unwrap(), &to).await.unwrap();
    let upid = task.detach().to_string();
    work.site.advance(600);
    let lines = board.look(&client_of_board).await.unwrap();
    assert!(lines.len() == 1 && lines[0].starts_with("pve1 qmmove 101: "), "{lines:?}");
    for part in [" %, ", " of 32 GiB, ", " MiB/s, ", " left"] {
        assert!(lines[0].contains(part), "no {part}: {lines:?}");
    }

    let ended = async || {
        let act = Act::<PveProvider>::parse("task_stop", &[format!("upid={upid}")]).unwrap();
        let pve = crate::ground::pve::Pve { client: client(), ledger: Default::default(), way: None };
        let told = std::sync::Arc::new(Mutex::new(Vec::new()));
        let heard = told.clone();
        let progress = Progress::to(move |line| heard.lock().unwrap().push(line));
        let said = act.invoke(pve, StopToken::new(), progress).await;
        assert!(!said.has_errors(), "{said:?}");
        told.lock().unwrap()[0].clone()
    };
    assert_eq!(ended().await, "Task qmmove 101 on pve1 is told to end");
    assert!(ended().await.starts_with("Task qmmove 101 has ended already: "));
    let lines = board.look(&client_of_board).await.unwrap();
    assert!(lines.len() == 1 && lines[0].starts_with("pve1 qmmove 101: ended: "), "{lines:?}");
    assert!(board.is_empty() && board.failed);
}
