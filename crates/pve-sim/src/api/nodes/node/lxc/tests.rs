//! Containers, from their making to their end.

use serde_json::{Value, json};

use crate::bed::Bed;
use crate::shape::Shape;

const SHAPE: &str = "
storages:
  - storage: local
    type: dir
    path: /var/lib/vz
    content: [vztmpl, rootdir, backup]
    volumes:
      - {name: vztmpl/debian-13_amd64.tar.zst, size: 120M}
      - {name: vztmpl/nginx_latest.tar, size: 60M}
      - name: backup/vzdump-lxc-300-2026_11_29-20_33_30.tar
        size: 10M
        config: {hostname: old, memory: '256', swap: '0', arch: amd64, ostype: debian, rootfs: 'local:300/vm-300-disk-0.raw,size=2G', net0: 'name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:00:09,type=veth'}
  - {storage: thin, type: lvmthin, vgname: pve, thinpool: data, content: [rootdir, images]}
";
const TEMPLATE: &str = "local:vztmpl/debian-13_amd64.tar.zst";

fn bed() -> Bed {
    Bed::new(Shape::from_yaml(SHAPE).unwrap())
}

async fn made(bed: &Bed, more: &[(&str, &str)]) {
    let mut params = vec![("vmid", "100"), ("ostemplate", TEMPLATE), ("rootfs", "thin:4")];
    params.extend(more);
    let upid = bed.ok("POST", "/nodes/pve1/lxc", &params).await;
    assert_eq!(bed.task(&upid), "OK");
}

async fn config(bed: &Bed) -> Value {
    bed.ok("GET", "/nodes/pve1/lxc/100/config", &[]).await
}

#[tokio::test]
async fn the_number_is_taken_when_the_call_answers() {
    let bed = bed();
    let upid = bed.ok("POST", "/nodes/pve1/lxc", &[("vmid", "100"), ("ostemplate", TEMPLATE)]).await;
    assert_eq!(config(&bed).await["lock"], "create");
    let refusal = bed.refusal("POST", "/nodes/pve1/lxc", &[("vmid", "100"), ("ostemplate", TEMPLATE)]).await;
    assert_eq!(refusal, (500, "CT 100 already exists on node 'pve1'".into()));
    assert_eq!(bed.task(&upid), "OK");
    assert_eq!(config(&bed).await.get("lock"), None);
}

#[tokio::test]
async fn images_have_their_own_mind_about_env_and_entrypoint() {
    let bed = bed();
    let own = [
        ("vmid", "100"),
        ("ostemplate", "local:vztmpl/nginx_latest.tar"),
        ("rootfs", "thin:1"),
        ("net0", "name=eth0,bridge=vmbr0"),
        ("env", "A=1"),
        ("entrypoint", "/mine"),
    ];
    let upid = bed.ok("POST", "/nodes/pve1/lxc", &own).await;
    assert_eq!(bed.task(&upid), "OK");
    let there = config(&bed).await;
    assert_eq!(there["entrypoint"], "/docker-entrypoint.sh nginx -g daemon off;");
    assert!(there["env"].as_str().unwrap().starts_with("PATH="), "{there}");
    assert!(there["net0"].as_str().unwrap().contains(",host-managed=1,"), "{there}");
    bed.ok("PUT", "/nodes/pve1/lxc/100/config", &[("env", "A=1\0B=2"), ("entrypoint", "/mine")]).await;
    assert_eq!(config(&bed).await["env"], "A=1\0B=2");
}

#[tokio::test]
async fn a_change_is_made_as_a_whole_or_not_at_all() {
    let bed = bed();
    made(&bed, &[]).await;
    let (status, _) =
        bed.call("PUT", "/nodes/pve1/lxc/100/config", &[("cores", "2"), ("mp0", "local:100/none.raw,mp=/x")]).await;
    assert_eq!(status, 400);
    assert_eq!(config(&bed).await.get("cores"), None);
}

#[tokio::test]
async fn what_a_running_one_does_not_take_waits_for_its_next_start() {
    let bed = bed();
    made(&bed, &[("net0", "name=eth0,bridge=vmbr0,ip=dhcp")]).await;
    assert_eq!(bed.task(&bed.ok("POST", "/nodes/pve1/lxc/100/status/start", &[]).await), "OK");
    bed.pass(6);
    let addresses = bed.ok("GET", "/nodes/pve1/lxc/100/interfaces", &[]).await;
    assert_eq!(addresses[1]["ip-addresses"][0]["ip-address-type"], "inet", "{addresses}");
    let change = [("memory", "1024"), ("features", "nesting=1"), ("mp0", "thin:1,mp=/data")];
    bed.ok("PUT", "/nodes/pve1/lxc/100/config", &change).await;
    let now = bed.ok("GET", "/nodes/pve1/lxc/100/config", &[("current", "1")]).await;
    assert_eq!((&now["memory"], now.get("features")), (&json!(1024), None));
    assert_eq!(now["mp0"], "thin:vm-100-disk-1,mp=/data,size=1G");
    // Taken away while it runs: later.
    bed.ok("PUT", "/nodes/pve1/lxc/100/config", &[("delete", "mp0")]).await;
    assert_eq!(bed.task(&bed.ok("POST", "/nodes/pve1/lxc/100/status/stop", &[]).await), "OK");
    assert_eq!(bed.ok("GET", "/nodes/pve1/lxc/100/config", &[("current", "1")]).await.get("features"), None);
    assert_eq!(bed.task(&bed.ok("POST", "/nodes/pve1/lxc/100/status/start", &[]).await), "OK");
    let now = bed.ok("GET", "/nodes/pve1/lxc/100/config", &[("current", "1")]).await;
    assert_eq!((&now["features"], &now["unused0"]), (&json!("nesting=1"), &json!("thin:vm-100-disk-1")));
}

#[tokio::test]
async fn a_new_root_destroys_the_reference_to_the_old_one() {
    let bed = bed();
    made(&bed, &[]).await;
    bed.ok("PUT", "/nodes/pve1/lxc/100/config", &[("rootfs", "thin:8")]).await;
    assert_eq!(config(&bed).await["rootfs"], "thin:8");
    let end = bed.task(&bed.ok("POST", "/nodes/pve1/lxc/100/status/start", &[]).await);
    assert!(end.starts_with("startup for container '100' failed"), "{end}");
}

#[tokio::test]
async fn backups_come_back_under_another_number() {
    let bed = bed();
    let backup = "local:backup/vzdump-lxc-300-2026_11_29-20_33_30.tar";
    let params = [("vmid", "100"), ("ostemplate", backup), ("restore", "1"), ("storage", "thin"), ("memory", "512")];
    assert_eq!(bed.task(&bed.ok("POST", "/nodes/pve1/lxc", &params).await), "OK");
    let there = config(&bed).await;
    assert_eq!((&there["hostname"], &there["memory"]), (&json!("old"), &json!(512)));
    assert_eq!(there["rootfs"], "thin:vm-100-disk-0,size=2G");
}

#[tokio::test]
async fn who_runs_moves_by_being_started_anew() {
    let bed = bed();
    made(&bed, &[]).await;
    assert_eq!(bed.task(&bed.ok("POST", "/nodes/pve1/lxc/100/status/start", &[]).await), "OK");
    let refusal = bed.refusal("POST", "/nodes/pve1/lxc/100/migrate", &[("target", "pve2")]).await;
    assert_eq!(refusal.1, "can't migrate running container without --online or --restart");
    let upid = bed.ok("POST", "/nodes/pve1/lxc/100/migrate", &[("target", "pve2"), ("restart", "1")]).await;
    assert_eq!(bed.task(&upid), "OK");
    assert_eq!(bed.ok("GET", "/nodes/pve2/lxc/100/status/current", &[]).await["status"], "running");
}

#[tokio::test]
async fn ha_keeps_containers_too() {
    let bed = bed();
    made(&bed, &[]).await;
    bed.ok("POST", "/cluster/ha/resources", &[("sid", "ct:100")]).await;
    bed.pass(60);
    assert_eq!(bed.ok("GET", "/nodes/pve1/lxc/100/status/current", &[]).await["status"], "running");
    bed.ok("POST", "/cluster/ha/resources/ct:100/migrate", &[("node", "pve2")]).await;
    bed.pass(120);
    assert_eq!(bed.ok("GET", "/nodes/pve2/lxc/100/status/current", &[]).await["status"], "running");
    let refusal = bed.refusal("POST", "/cluster/ha/resources", &[("sid", "vm:100")]).await;
    assert!(refusal.1.contains("is not a VM"), "{refusal:?}");
}

#[tokio::test]
async fn what_only_root_may_is_refused_to_others() {
    let bed = bed();
    made(&bed, &[]).await;
    bed.ok("POST", "/access/users", &[("userid", "a@pve")]).await;
    bed.ok("PUT", "/access/acl", &[("path", "/"), ("roles", "Administrator"), ("users", "a@pve")]).await;
    for (key, value, why) in [
        ("features", "keyctl=1", "changing feature flags (except nesting) is only allowed for root@pam"),
        ("dev0", "/dev/fuse", "configuring device passthrough is only allowed for root@pam"),
        ("mp0", "/srv,mp=/srv", "mount point type bind is only allowed for root@pam"),
    ] {
        let reply = bed.send(bed.ticket("a@pve"), "PUT", "/nodes/pve1/lxc/100/config", &[(key, value)]).await;
        assert_eq!(reply.status, 403, "{key}");
        assert!(reply.body.contains(why), "{key}: {}", reply.body);
    }
    let reply = bed.send(bed.ticket("a@pve"), "PUT", "/nodes/pve1/lxc/100/config", &[("features", "nesting=1")]).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
}
