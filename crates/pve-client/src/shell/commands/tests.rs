use std::collections::VecDeque;
use std::sync::Mutex;

use futures_util::future::BoxFuture;

use super::*;
use crate::Config;
use crate::shell::Output;

/// Answers the commands it expects, as they were recorded.
struct Script(Mutex<VecDeque<(&'static str, i32, &'static str, &'static str)>>);

impl Script {
    fn new(steps: &[(&'static str, i32, &'static str, &'static str)]) -> Self {
        Self(Mutex::new(steps.iter().copied().collect()))
    }

    fn is_done(&self) -> bool {
        self.0.lock().unwrap().is_empty()
    }
}

impl NodeShell for Script {
    fn node(&self) -> &str {
        "pve1"
    }

    fn run<'a>(&'a self, argv: &'a [String], _patience: Duration) -> BoxFuture<'a, Result<Output, Error>> {
        let (command, status, stdout, stderr) = self.0.lock().unwrap().pop_front().expect("one command too many");
        assert_eq!(argv.join(" "), command);
        Box::pin(async move { Ok(Output { status, stdout: stdout.into(), stderr: stderr.into() }) })
    }
}

fn client() -> Client {
    Client::new(Config::default().endpoint("pve1", "https://127.0.0.1:1").login("root@pam", "x")).unwrap()
}

fn shape(domain: &str, class: Option<&str>) -> ReplicatedShape {
    ReplicatedShape { root: "default".into(), failure_domain: domain.into(), device_class: class.map(str::to_owned) }
}

#[tokio::test]
async fn makes_and_reads_rules_as_recorded() {
    let client = client();
    let script = Script::new(&[
        ("ceph osd crush rule create-replicated r_host_ssd default host ssd", 0, "", ""),
        (
            "ceph osd crush rule dump r_host_ssd -f json",
            0,
            "\n{\"rule_id\":3,\"rule_name\":\"r_host_ssd\",\"ruleset\":3,\"type\":1,\"min_size\":1,\"max_size\":10,\"steps\":[{\"op\":\"take\",\"item\":-15,\"item_name\":\"default~ssd\"},{\"op\":\"chooseleaf_firstn\",\"num\":0,\"type\":\"host\"},{\"op\":\"emit\"}]}\n",
            "",
        ),
        ("ceph osd crush rule dump nope -f json", 2, "\n", "Error ENOENT: unknown crush rule 'nope'\n"),
        ("ceph osd crush rule create-replicated r_x nope host", 2, "", "Error ENOENT: root item nope does not exist\n"),
        ("ceph osd crush rule rm r_osd_hdd", 16, "", "Error EBUSY: crush ruleset r_osd_hdd 4 is in use\n"),
        ("ceph osd crush rule rename a b", 17, "", "Error EEXIST: destination rule name 'b' already exists\n"),
    ]);
    let ceph = CephCommands::new(&client, &script);
    ceph.create_replicated_rule("r_host_ssd", &shape("host", Some("ssd"))).await.unwrap();
    let rule = ceph.rule("r_host_ssd").await.unwrap().unwrap();
    assert_eq!((rule.rule_id, rule.replicated_shape()), (3, Some(shape("host", Some("ssd")))));
    assert_eq!(ceph.rule("nope").await.unwrap(), None);
    let nowhere = ReplicatedShape { root: "nope".into(), ..shape("host", None) };
    let error = ceph.create_replicated_rule("r_x", &nowhere).await.unwrap_err();
    assert!(
        error.is_absent() && error.refused() && error.to_string().contains("root item nope does not exist"),
        "{error}"
    );
    let busy = ceph.remove_rule("r_osd_hdd").await.unwrap_err();
    assert!(busy.is_busy() && busy.to_string().contains("in use"), "{busy}");
    assert!(ceph.rename_rule("a", "b").await.unwrap_err().to_string().contains("EEXIST"));
    assert!(script.is_done());
}

#[tokio::test]
async fn an_osds_class_is_taken_away_before_another_is_set() {
    let client = client();
    let script = Script::new(&[
        (
            "ceph osd crush set-device-class ssd osd.0",
            16,
            "",
            "Error EBUSY: osd.0 has already bound to class 'hdd', can not reset class to 'ssd'\n",
        ),
        ("ceph osd crush rm-device-class osd.0", 0, "", "done removing class of osd(s): 0\n"),
        ("ceph osd crush set-device-class ssd osd.0", 0, "", "set osd(s) 0 to class 'ssd'\n"),
        ("ceph osd crush set-device-class hdd osd.1", 0, "", ""),
    ]);
    let ceph = CephCommands::new(&client, &script);
    ceph.set_device_class(0, "ssd").await.unwrap();
    ceph.set_device_class(1, "hdd").await.unwrap();
    assert!(script.is_done());
}

#[test]
fn names_that_ceph_refuses_or_dies_of_are_never_sent() {
    for bad in ["", "a b", "a/b", "a:b", "a+b", "règle", "-dash", "default~ssd", "$(id)"] {
        assert!(matches!(rule_rm(bad), Err(CommandError::Name(_))), "{bad}");
        assert!(rule_create_replicated("r", &shape(bad, None)).is_err(), "{bad}");
        assert!(rule_rename("a", bad).is_err() && set_device_class(0, bad).is_err(), "{bad}");
    }
    assert!(rule_rm("a.b-c_d1").is_ok());
}

#[tokio::test]
async fn an_exit_status_alone_says_nothing() {
    let client = client();
    let script = Script::new(&[
        ("ceph osd crush rule dump r -f json", 2, "", "usage: ceph [-h]"),
        ("ceph osd crush rule rm r", 1, "", "[errno 110] RADOS timed out (error connecting to the cluster)"),
        ("ceph osd crush rule rm r", 127, "", "ceph: not found"),
        ("ceph osd crush rule dump r -f json", 0, "nonsense", ""),
    ]);
    let ceph = CephCommands::new(&client, &script);
    assert!(!ceph.rule("r").await.unwrap_err().is_absent());
    assert!(!ceph.remove_rule("r").await.unwrap_err().refused());
    assert!(ceph.remove_rule("r").await.unwrap_err().refused());
    assert!(matches!(ceph.rule("r").await, Err(CommandError::Unreadable { .. })));
}

#[tokio::test]
async fn an_osd_is_known_and_purged_without_its_node() {
    let client = client();
    let script = Script::new(&[
        (
            "ceph osd dump -f json",
            0,
            "\n{\"epoch\":394,\"osds\":[{\"osd\":0,\"uuid\":\"fd5e13e3-2fdd-46be-a184-7bd2b1542d6f\",\"up\":0,\"in\":1}]}\n",
            "",
        ),
        ("ceph osd dump -f json", 0, "{\"osds\":[]}", ""),
        ("ceph osd purge 0 --yes-i-really-mean-it", 16, "", "Error EBUSY: osd.0 is not `down`.\n"),
        ("ceph osd purge 0 --yes-i-really-mean-it", 0, "", "purged osd.0\n"),
        ("ceph-volume lvm zap --destroy ceph-1/osd-db-2", 0, "", "--> Zapping successful\n"),
    ]);
    let ceph = CephCommands::new(&client, &script);
    assert_eq!(ceph.osd_fsid(0).await.unwrap().as_deref(), Some("fd5e13e3-2fdd-46be-a184-7bd2b1542d6f"));
    assert_eq!(ceph.osd_fsid(0).await.unwrap(), None);
    assert!(ceph.purge_osd(0).await.unwrap_err().is_busy());
    ceph.purge_osd(0).await.unwrap();
    assert!(matches!(ceph.zap_volume("ceph-1", "-x").await, Err(CommandError::Name(_))));
    ceph.zap_volume("ceph-1", "osd-db-2").await.unwrap();
    assert!(script.is_done());
}
