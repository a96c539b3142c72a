//! What is on the nodes and in none of PVE's calls: files and services, by SSH.

use pve_sim::cluster::units::Unit;
use serde_json::{Value as Json, json};

use super::Rig;
use super::work::Work;
use crate::node::file::NodeFile;
use crate::node::service::NodeService;

const NODES: &str = "ssh: true";
const PATH: &str = "/etc/wireguard/wg0.conf";

fn file(attributes: &str) -> String {
    format!("resource \"pve_node_file\" \"wg\" {{\nnode = \"pve1\"\npath = \"{PATH}\"\n{attributes}\n}}\n")
}

fn service(unit: &str, attributes: &str) -> String {
    format!("resource \"pve_node_service\" \"s\" {{\nnode = \"pve1\"\nunit = \"{unit}\"\n{attributes}\n}}\n")
}

/// The file as the node has it; null if it has none.
fn there(work: &Work, path: &str) -> Json {
    work.site.state()["nodes"][0]["files"][path].clone()
}

fn unit(work: &Work, name: &str) -> Unit {
    work.bench.sim.world.with(|cluster| cluster.nodes.get("pve1").unwrap().units.get(name).cloned().unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_somebody_changes_in_a_file_is_seen_and_written_again() {
    let mut work = Work::of(NODES).await;
    work.write(&file("content = \"[Interface]\\n\""));
    work.apply().await.succeeded();
    assert_eq!(there(&work, PATH)["mode"], "0644");
    work.site.file("pve1", &json!({ "path": PATH, "content": "theirs" }));
    assert_eq!(work.plan().await.actions("pve_node_file.wg"), ["update"]);
    work.apply().await.succeeded();
    assert_eq!(there(&work, PATH)["content"], "[Interface]\n");
    // The same content, written by somebody else, is no change; another one is theirs, also when the state has seen it.
    work.site.file("pve1", &json!({ "path": PATH, "content": "[Interface]\n" }));
    assert!(work.plan().await.is_empty());
    work.site.file("pve1", &json!({ "path": PATH, "content": "theirs" }));
    let refused = work.destroy().await.failed("Somebody has changed it since");
    assert!(refused.says("Nothing was removed"), "{}", refused.told());
    assert_eq!(there(&work, PATH)["content"], "theirs");
    work.write(&file("content = \"theirs\""));
    assert_eq!(work.plan().await.actions("pve_node_file.wg"), ["update"], "it becomes ours by being written");
    work.apply().await.succeeded();
    assert!(work.plan().await.is_empty());
    work.write(&file("content = \"[Interface]\\n#\\n\"\nmode = \"0600\""));
    work.apply().await.succeeded();
    assert_eq!(
        work.instance("pve_node_file.wg")["attributes"]["content"],
        "[Interface]\n#\n",
        "what was shown stays so"
    );
    work.destroy().await.succeeded();
    assert_eq!(there(&work, PATH), Json::Null);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_is_in_the_file_and_nowhere_else() {
    let mut work = Work::of(NODES).await;
    let with = |key: &str, version: u32| file(&format!("content_wo = \"{key}\"\ncontent_wo_version = {version}"));
    work.write(&with("hunter2", 1));
    work.apply().await.succeeded();
    assert_eq!((&there(&work, PATH)["content"], &there(&work, PATH)["mode"]), (&"hunter2".into(), &"0600".into()));
    assert!(work.plan().await.is_empty());
    let nowhere = |work: &Work| {
        let kept = work.bench.core.state.get("pve_node_file.wg").unwrap();
        let private = String::from_utf8_lossy(&kept.private).into_owned();
        assert!(!kept.attributes.contains("hunter") && !private.contains("hunter"), "{} {private}", kept.attributes);
    };
    nowhere(&work);
    // Whoever changes it is noticed, though nobody looks into it.
    work.site.file("pve1", &json!({ "path": PATH, "content": "theirs" }));
    assert_eq!(work.plan().await.actions("pve_node_file.wg"), ["update"]);
    work.apply().await.succeeded();
    assert_eq!(there(&work, PATH)["content"], "hunter2");
    assert!(work.plan().await.is_empty());
    // Another mode alone sends no content; a version does.
    work.write(&with("hunter3", 1).replace("content_wo ", "mode = \"0640\"\ncontent_wo "));
    work.apply().await.succeeded();
    assert_eq!((&there(&work, PATH)["content"], &there(&work, PATH)["mode"]), (&"hunter2".into(), &"0640".into()));
    work.write(&with("hunter3", 2));
    work.apply().await.succeeded();
    assert_eq!(there(&work, PATH)["content"], "hunter3");
    // Taken over by its address, it is not read into the state.
    work.forget("pve_node_file.wg");
    work.import("pve_node_file.wg", &format!("pve1/{PATH}")).await.succeeded();
    nowhere(&work);
    work.apply().await.succeeded();
    nowhere(&work);
    work.destroy().await.succeeded();
    assert_eq!(there(&work, PATH), Json::Null);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_there_is_nobodys_to_overwrite() {
    let mut work = Work::of(NODES).await;
    work.site.file("pve1", &json!({ "path": PATH, "content": "theirs" }));
    work.site.file("pve1", &json!({ "path": "/etc/link", "link": "/etc/pve" }));
    work.site.file("pve1", &json!({ "path": "/etc/motd.d", "link": "/etc/sysctl.d" }));
    let of = |attributes: &str| {
        format!("resource \"pve_node_file\" \"f\" {{\nnode = \"pve1\"\ncontent = \"x\"\n{attributes}\n}}\n")
    };
    let rows = [
        ("path = \"/etc/wireguard/wg0.conf\"", "exists already", "id = \"pve1//etc/wireguard/wg0.conf\""),
        ("path = \"/etc/sysctl.d\"", "/etc/sysctl.d on pve1 is a directory", "Choose another path"),
        ("path = \"/etc/ceph/ceph.confx\"\nowner = \"nosuch\"", "Cannot write file", "invalid user"),
        ("path = \"/etc/link/storage.cfg\"", "A symbolic link is on the way", "PVE's API changes"),
        ("path = \"/etc/motd.d/lan\"", "A symbolic link is on the way", "Behind it is /etc/sysctl.d/lan"),
        ("path = \"/opt/no/such\"", "The folder of /opt/no/such does not exist", "Make it on the node"),
        ("path = \"/etc/pve/storage.cfg\"", "must not be /etc/pve/storage.cfg", "PVE's API changes"),
        ("path = \"/etc/hosts\"", "must not be /etc/hosts", "`pve_node_hosts` is for it"),
        ("path = \"/etc/motd.new\"\ncontent_wo = \"y\"", "Two contents", "not both"),
    ];
    for (attributes, summary, cure) in rows {
        work.write(&of(attributes));
        let said = work.apply().await;
        assert!(!said.told().is_empty() && said.says(summary) && said.says(cure), "{attributes}: {}", said.told());
        assert!(work.bench.core.state.is_empty(), "{attributes}");
    }
    assert_eq!(there(&work, PATH)["content"], "theirs");
    assert_eq!(there(&work, "/etc/ceph/ceph.confx"), Json::Null);
    assert_eq!(there(&work, "/etc/ceph/.ceph.confx.terraform"), Json::Null);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_ssh_the_plan_says_so_and_nothing_is_written() {
    let rig = Rig::of("{}").await;
    let config = json!({ "node": "pve1", "path": PATH, "content": "x" });
    let planned = rig.plan::<NodeFile>(None, &config).await.unwrap();
    assert!(planned.warnings.iter().any(|told| told.contains("need SSH")), "{:?}", planned.warnings);
    let told = rig.apply(planned).await.unwrap_err().join("\n");
    assert!(told.contains("Set `ssh` on the provider"), "{told}");
    let planned = rig.plan::<NodeService>(None, &json!({ "node": "pve1", "unit": "rsync.service" })).await.unwrap();
    assert!(planned.warnings.iter().any(|told| told.contains("need SSH")), "{:?}", planned.warnings);
    rig.apply(planned).await.unwrap_err();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_node_has_that_is_off_stays_in_the_state() {
    let mut work = Work::of(NODES).await;
    work.write(&format!("{}{}", file("content = \"x\""), service("rsync.service", "running = true")));
    work.apply().await.succeeded();
    work.site.power("pve1", false);
    let plan = work.plan().await;
    assert!(plan.is_empty() && plan.says("Node pve1 is unreachable"), "{}", plan.told());
    work.site.power("pve1", true);
    work.destroy().await.succeeded();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_is_put_back_to_how_it_was_found() {
    let mut work = Work::of(NODES).await;
    work.write(&service("rsync.service", "enabled = true\nrunning = true\nrestarted_by = { config = \"1\" }"));
    work.apply().await.succeeded();
    let now = unit(&work, "rsync.service");
    assert_eq!((now.enabled, now.active, now.starts), (true, "active", 1));
    work.write(&service("rsync.service", "enabled = true\nrunning = true\nrestarted_by = { config = \"2\" }"));
    work.apply().await.succeeded();
    assert_eq!(unit(&work, "rsync.service").starts, 2);
    assert!(work.plan().await.is_empty());
    // One that has died by itself is started again.
    work.bench.sim.world.with(|cluster| {
        cluster.nodes.get_mut("pve1").unwrap().units.get_mut("rsync.service").unwrap().active = "failed";
    });
    assert_eq!(work.plan().await.actions("pve_node_service.s"), ["update"]);
    work.apply().await.succeeded();
    work.destroy().await.succeeded();
    let now = unit(&work, "rsync.service");
    assert_eq!((now.enabled, now.active), (false, "inactive"));
    // What ran before goes on.
    work.write(&service("chrony.service", "running = false"));
    work.apply().await.succeeded();
    assert_eq!(unit(&work, "chrony.service").active, "inactive");
    work.destroy().await.succeeded();
    assert_eq!((unit(&work, "chrony.service").active, unit(&work, "chrony.service").enabled), ("active", true));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_unit_of_ones_own_is_read_before_it_is_started_and_told_when_it_fails() {
    let mut work = Work::of(NODES).await;
    let unit_file = |program: &str| {
        let text = format!("[Service]\\nExecStart={program}\\n[Install]\\nWantedBy=multi-user.target\\n");
        format!(
            "resource \"pve_node_file\" \"u\" {{\nnode = \"pve1\"\npath = \"/etc/systemd/system/lan.service\"\n\
             content = \"{text}\"\n}}\n{}",
            service("lan.service", "enabled = true\nrunning = true\nrestarted_by = { unit = pve_node_file.u.content }")
        )
    };
    work.write(&service("lan.service", "running = true"));
    let refused = work.apply().await.failed("lan.service on pve1 cannot be used (not-found)");
    assert!(refused.says("`pve_node_file` in /etc/systemd/system"), "{}", refused.told());
    work.write(&unit_file("/bin/false"));
    let plan = work.plan().await;
    assert!(!plan.says("Warning"), "{}", plan.told());
    let refused = work.apply().await.failed("Cannot start lan.service on pve1");
    assert!(refused.says("Main process exited, status=1/FAILURE"), "{}", refused.told());
    assert_eq!(work.instance("pve_node_service.s"), Json::Null);
    assert!(!unit(&work, "lan.service").enabled, "what was done on the way is taken back");
    work.write(&unit_file("/usr/bin/lan"));
    work.apply().await.succeeded();
    assert!(work.plan().await.is_empty());
    let starts = unit(&work, "lan.service").starts;
    work.write(&unit_file("/usr/bin/lan --more"));
    work.apply().await.succeeded();
    assert_eq!(unit(&work, "lan.service").starts, starts + 1);
    assert!(
        work.site.sent().iter().any(|sent| sent.ends_with("/ssh/systemctl/daemon-reload")),
        "{:?}",
        work.site.sent()
    );
    work.destroy().await.succeeded();
    assert_eq!(
        (unit(&work, "lan.service").active, there(&work, "/etc/systemd/system/lan.service")),
        ("inactive", Json::Null)
    );
    // What cuts off the branch that we sit on, and what can be neither.
    for (name, attributes, why) in [
        ("ssh.service", "running = false", "ssh.service has to run"),
        ("pveproxy.service", "enabled = false", "pveproxy.service has to run"),
        ("systemd-tmpfiles-clean.service", "enabled = true", "can be neither enabled nor disabled"),
    ] {
        work.write(&service(name, attributes));
        work.apply().await.failed(why);
    }
}
