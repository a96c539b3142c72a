//! Somebody else changes a virtual machine between our look at it and our write.

use serde_json::{Value as Json, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::Rig;
use crate::vm::vm::Vm;

impl Rig {
    /// Asks the cluster's control address.
    pub(super) async fn control(&self, method: &str, path: &str, body: &Json) -> Json {
        let address = self.sim.control.trim_start_matches("http://");
        let body = body.to_string();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{answer}");
        serde_json::from_str(body).unwrap()
    }

    /// Holds the next write of a VM's configuration up on its way, long enough for what a colleague does then.
    async fn hold_up_the_write(&self) {
        let fault = json!({"match": {"method": "POST", "path": "/nodes/*/qemu/*/config"}, "effect": {"delay": "900s"}});
        self.control("POST", "/faults", &fault).await;
    }

    /// When that write has come, and is held up.
    pub(super) async fn the_write_has_come(&self) {
        // Gone again, once it has struck.
        while self
            .control("GET", "/faults", &Json::Null)
            .await
            .as_array()
            .is_some_and(|all| all.iter().any(|fault| fault["seen"] == 0))
        {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }

    /// What a VM's configuration says, in force or waiting.
    pub(super) fn says(&self, vmid: u32, key: &str) -> String {
        let config = self.sim.world.with(|cluster| cluster.guests.get(vmid).unwrap().config.with_pending());
        config.get(key).cloned().unwrap_or_default()
    }

    /// A colleague says something in a VM's configuration.
    pub(super) fn colleague_says(&self, vmid: u32, key: &str, add: &str) {
        self.sim.world.with(|cluster| {
            let guest = cluster.guests.get_mut(vmid).unwrap();
            let values = if guest.config.pending.contains_key(key) {
                &mut guest.config.pending
            } else {
                &mut guest.config.values
            };
            values.entry(key.to_owned()).or_default().push_str(add);
        });
    }
}

fn one(running: bool) -> String {
    format!(
        "
guests:
  - vmid: 200
    node: pve1
    name: a
    running: {running}
    config: {{memory: '512', scsi0: 'local-lvm:8', net0: 'virtio=BC:24:11:00:00:01,bridge=vmbr0', scsihw: virtio-scsi-pci}}
"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_colleague_changes_in_the_same_line_is_not_overwritten() {
    for (config, key, theirs, ours) in [
        (json!({"vmid": 200, "disks": {"scsi0": {"discard": true}}}), "scsi0", ",serial=THEIRS", "discard=on"),
        (
            json!({"vmid": 200, "networks": {"net0": {"bridge": "vmbr0", "firewall": true}}}),
            "net0",
            ",mtu=1400",
            "firewall=1",
        ),
    ] {
        let rig = Rig::of(&one(false)).await;
        let found = rig.import::<Vm>("200").await.unwrap();
        let planned = rig.plan(Some(&found), &config).await.unwrap();
        assert!(!planned.is_empty(), "{key}");
        rig.hold_up_the_write().await;
        let (applied, ()) = tokio::join!(rig.apply(planned), async {
            rig.the_write_has_come().await;
            rig.colleague_says(200, key, theirs);
        });
        let line = rig.says(200, key);
        assert!(line.contains(theirs), "overwritten: {line}");
        // Told, or read again and written together with theirs.
        match applied {
            Ok(_) => assert!(line.contains(ours), "{line}"),
            Err(told) => assert!(told[0].contains("checksum mismatch"), "{told:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_waits_is_brought_up_to_date_with_what_a_colleague_makes_of_it() {
    let rig = Rig::of(&one(true)).await;
    // Changed while it runs: the whole line waits for its next stop, with the size of now.
    rig.sim.world.with(|cluster| {
        let config = &mut cluster.guests.get_mut(200).unwrap().config;
        let line = config.get("scsi0").unwrap().to_owned();
        config.pending.insert("scsi0".into(), format!("{line},iothread=1"));
    });
    let found = rig.import::<Vm>("200").await.unwrap();
    let planned = rig.plan(Some(&found), &json!({"vmid": 200, "disks": {"scsi0": {"size": "12G"}}})).await.unwrap();
    rig.hold_up_the_write().await;
    let (applied, ()) = tokio::join!(rig.apply(planned), async {
        rig.the_write_has_come().await;
        rig.colleague_says(200, "scsi0", ",serial=THEIRS");
    });
    applied.unwrap();
    let line = rig.says(200, "scsi0");
    assert!(["iothread=1", "size=12G", "serial=THEIRS"].iter().all(|part| line.contains(part)), "{line}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_was_second_by_the_words_of_a_task_reads_again_and_writes() {
    let found_out_in_the_task = [
        "detected modified configuration - file changed by other user? Try again.",
        "checksum mismatch (file change by other user?)",
        "can't lock file '/var/lock/qemu-server/lock-200.conf' - got timeout",
    ];
    for words in found_out_in_the_task {
        let rig = Rig::of(&one(false)).await;
        let found = rig.import::<Vm>("200").await.unwrap();
        let fault = json!({
            "match": {"method": "POST", "path": "/nodes/*/qemu/*/config"},
            "effect": {"task": "fail", "message": words}
        });
        rig.control("POST", "/faults", &fault).await;
        let (_, said) = rig.bring(Some(&found), &json!({"vmid": 200, "memory": 1024})).await.expect(words);
        assert!(said.is_empty(), "{said:?}");
        assert_eq!(rig.says(200, "memory"), "1024", "{words}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removal_is_taken_back_though_a_colleague_changes_something_else_at_that_moment() {
    let rig = Rig::of(&one(true)).await;
    let found = rig.import::<Vm>("200").await.unwrap();
    let disk = rig.says(200, "scsi0");
    // What it does not let go of while it runs waits for its next stop.
    rig.sim.world.with(|cluster| cluster.guests.get_mut(200).unwrap().refuses_unplug = true);
    let (without, _) = rig.bring(Some(&found), &json!({"vmid": 200, "disks": {}})).await.unwrap();
    assert_eq!(rig.says(200, "scsi0"), "", "the test does not try what it is meant to");
    let again = json!({"vmid": 200, "disks": {"scsi0": {"size": "8G", "storage": "local-lvm"}}});
    let planned = rig.plan(Some(&without), &again).await.unwrap();
    rig.hold_up_the_write().await;
    let (applied, ()) = tokio::join!(rig.apply(planned), async {
        rig.the_write_has_come().await;
        rig.colleague_says(200, "startup", "order=7");
    });
    applied.unwrap();
    assert_eq!((rig.says(200, "scsi0"), rig.says(200, "startup")), (disk, "order=7".to_owned()));
}
