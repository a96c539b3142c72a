//! Containers, from an archive to their end.

use std::fmt::Write as _;
use std::sync::Arc;

use acceptance_tests::lots::{number, seed};
use fastrand::Rng;
use pve_sim::Options;
use pve_sim::shape::Shape;
use serde_json::json;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::random_machines::Lots;
use super::work::Work;

pub(super) const SHAPE: &str = "
storages:
  - storage: local
    type: dir
    path: /var/lib/vz
    content: [vztmpl, backup, iso]
    volumes:
      - {name: vztmpl/debian-13_amd64.tar.zst, size: 120M}
      - {name: vztmpl/nginx_latest.tar, size: 60M}
      - name: backup/vzdump-lxc-300-2026_11_29-20_33_30.tar
        size: 10M
        config: {hostname: old, memory: '256', swap: '0', arch: amd64, ostype: debian, unprivileged: '1', rootfs: 'local-lvm:vm-300-disk-0,size=2G', net0: 'name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:00:09,type=veth'}
  - {storage: local-lvm, type: lvmthin, vgname: pve, thinpool: data, content: [images, rootdir]}
  - {storage: nas, type: nfs, server: 192.168.7.7, export: /ct, content: [rootdir, images]}
guests:
  - {vmid: 200, node: pve2, name: base, container: true, config: {rootfs: 'local-lvm:4', net0: 'name=eth0,bridge=vmbr0'}}
";
const TEMPLATE: &str = "template_file = \"local:vztmpl/debian-13_amd64.tar.zst\"\n";
const ROOT: &str = "rootfs = { storage = \"local-lvm\", size = \"4G\" }\n";

async fn work() -> Work {
    Work::with(Options { shape: Shape::from_yaml(SHAPE).unwrap(), factor: 600.0, ..Options::default() }).await
}

/// The container of all these tests.
fn ct(body: &str) -> String {
    format!("resource \"pve_container\" \"it\" {{\n{body}\nallow_destroy = true\n}}\n")
}

fn from_template(body: &str) -> String {
    ct(&format!("vmid = 100\n{TEMPLATE}{ROOT}{body}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_does_not_have_its_own_way_with_env_and_entrypoint() {
    let mut work = work().await;
    let body = "vmid = 100\ntemplate_file = \"local:vztmpl/nginx_latest.tar\"\nrootfs = { storage = \"local-lvm\", size = \"1G\" }\n\
                entrypoint = \"/usr/bin/caddy run\"\nenv = { A = \"1\", B = \"x y\" }\nstarted = true\n\
                networks = { net0 = { name = \"eth0\", bridge = \"vmbr0\", ip = \"dhcp\" } }";
    work.write(&ct(body));
    work.apply().await.succeeded();
    assert!(work.plan().await.is_empty());
    let now = work.instance("pve_container.it");
    assert_eq!(now["attributes"]["env"], json!({ "A": "1", "B": "x y" }));
    assert_eq!(now["attributes"]["entrypoint"], "/usr/bin/caddy run");
    assert_eq!(now["attributes"]["networks"]["net0"]["host_managed"], true);
    // Before the first start: nothing waits for another one.
    let writes: Vec<String> = work.site.mutations().into_iter().map(|seen| seen.path).collect();
    let at = |part: &str| writes.iter().position(|path| path.ends_with(part));
    assert!(at("/lxc/100/config") < at("/lxc/100/status/start") && at("/lxc/100/config").is_some(), "{writes:?}");
    work.destroy().await.succeeded();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clones_and_restores_bring_what_is_no_drift() {
    let mut work = work().await;
    work.write(&ct("clone = { vmid = 200, full = true }\nhostname = \"copy\"\nmemory = 256"));
    work.apply().await.succeeded();
    assert!(work.plan().await.is_empty());
    let now = work.instance("pve_container.it");
    assert_eq!((&now["attributes"]["vmid"], &now["attributes"]["node"]), (&json!(100), &json!("pve2")));
    assert_eq!(now["attributes"]["memory"], 256);
    work.destroy().await.succeeded();
    let backup = "local:backup/vzdump-lxc-300-2026_11_29-20_33_30.tar";
    work.write(&ct(&format!("restore = {{ backup = \"{backup}\", storage = \"local-lvm\" }}\nmemory = 512")));
    work.apply().await.succeeded();
    assert!(work.plan().await.is_empty());
    assert_eq!(work.instance("pve_container.it")["attributes"]["hostname"], "old");
    work.destroy().await.succeeded();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relocated_container_is_not_dropped_from_the_state() {
    let mut work = work().await;
    let on_nas = |body: &str| from_template(body).replace("\"local-lvm\"", "\"nas\"");
    work.write(&on_nas("node = \"pve1\""));
    work.apply().await.succeeded();
    work.bench.sim.world.with(|cluster| cluster.guests.adopt(100, "pve2"));
    work.site.advance(60);
    assert!(work.plan().await.is_empty(), "where it is now is nobody's drift");
    // Pinned, it is brought back.
    work.write(&on_nas("node = \"pve1\"\nplacement = \"pinned\""));
    work.apply().await.succeeded();
    assert!(work.plan().await.is_empty());
    let node = work.bench.sim.world.with(|cluster| cluster.guests.get(100).unwrap().node.clone());
    assert_eq!(node, "pve1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_forces_no_replacement() {
    let mut work = work().await;
    let once = format!(
        "vmid = 200\n{TEMPLATE}password = \"secret\"\npassword_version = 1\nssh_keys = \"ssh-ed25519 AAAA a@x\"\nnode = \"pve1\""
    );
    work.write(&ct(&once));
    work.import("pve_container.it", "200").await.succeeded();
    let actions = work.plan().await.actions("pve_container.it");
    assert!(actions.iter().all(|action| *action == "update" || *action == "no-op"), "{actions:?}");
    let before = work.site.setting(200, "rootfs");
    work.site.forget_requests();
    work.apply().await.succeeded();
    assert!(work.plan().await.is_empty());
    assert_eq!((work.site.sent(), work.site.setting(200, "rootfs")), (Vec::new(), before));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_that_was_used_again_is_another_container() {
    let mut work = work().await;
    work.write(&from_template("hostname = \"mine\"\nnetworks = { net0 = { name = \"eth0\", bridge = \"vmbr0\" } }"));
    work.apply().await.succeeded();
    let theirs = "guests: [{vmid: 100, node: pve1, name: theirs, container: true, config: {rootfs: 'local-lvm:1', net0: 'name=eth0,bridge=vmbr0'}}]";
    let theirs = Shape::from_yaml(theirs).unwrap().guests.remove(0);
    work.bench.sim.world.with(|cluster| {
        cluster.guests.all.remove(&100);
        cluster.place_guest(&theirs);
    });
    work.destroy().await.failed("ct:100 is another container now");
    assert_eq!(work.site.setting(100, "hostname").as_deref(), Some("theirs"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mount_points_grow_move_and_go_as_told() {
    let mut work = work().await;
    let mounts = |inner: &str| from_template(&format!("mount_points = {{ {inner} }}"));
    work.write(&mounts("mp0 = { path = \"/a\", storage = \"local-lvm\", size = \"1G\" }\nmp1 = { path = \"/b\", storage = \"local-lvm\", size = \"1G\", when_removed = \"destroy\" }"));
    work.apply().await.succeeded();
    assert!(work.plan().await.is_empty());
    work.write(&mounts("mp0 = { path = \"/a2\", storage = \"nas\", size = \"2G\" }\nmp1 = { path = \"/b\", storage = \"local-lvm\", size = \"1G\", when_removed = \"destroy\" }"));
    work.apply().await.succeeded();
    assert!(work.plan().await.is_empty());
    let now = work.instance("pve_container.it");
    assert_eq!(now["attributes"]["mount_points"]["mp0"]["size"], "2G");
    assert!(now["attributes"]["mount_points"]["mp0"]["volume"].as_str().unwrap().starts_with("nas:"));
    work.write(&mounts(""));
    work.apply().await.succeeded();
    assert!(work.plan().await.is_empty());
    let unused = |n: u32| work.site.setting(100, &format!("unused{n}"));
    let left: Vec<String> = (0..4).filter_map(unused).collect();
    assert!(left.len() == 1 && left[0].starts_with("nas:"), "mp0's volume is kept, mp1's is gone: {left:?}");
    // The root of one that exists is never made anew.
    work.write(&from_template("").replace("4G", "6G"));
    work.apply().await.succeeded();
    assert_eq!(work.site.setting(100, "rootfs").as_deref(), Some("local-lvm:vm-100-disk-0,size=6G"));
    work.write(&from_template("").replace("4G", "2G"));
    work.try_plan().await.failed("PVE cannot shrink a volume");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_is_told_or_the_container_is_restarted() {
    let mut work = work().await;
    work.write(&from_template("started = true"));
    work.apply().await.succeeded();
    work.write(&from_template("started = true\nfeatures = { nesting = true }"));
    let said = work.apply().await.succeeded();
    assert!(said.says("features take effect at its next start"), "{}", said.told());
    assert!(work.plan().await.is_empty());
    work.write(&from_template("started = true\nfeatures = { nesting = true }\nreboot = \"if_needed\""));
    work.apply().await.succeeded();
    assert_eq!(work.site.setting(100, "features").as_deref(), Some("nesting=1"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ha_takes_containers_that_can_go_elsewhere() {
    let mut work = work().await;
    let ha = "resource \"pve_ha_resource\" \"it\" {\n sid = \"ct:${pve_container.it.vmid}\"\n}\n";
    work.write(&from_template(""));
    work.apply().await.succeeded();
    work.write(&format!("{}{ha}", from_template("")));
    work.apply().await.failed("ct:100 cannot be started on another node");
    work.destroy().await.succeeded();
    let shared = from_template("").replace("\"local-lvm\"", "\"nas\"");
    work.write(&format!("{shared}{ha}"));
    work.apply().await.succeeded();
    assert!(work.plan().await.is_empty());
    work.destroy().await.succeeded();
}

const BOOLEANS: &[&str] = &["true", "false"];

/// What can be changed in place, and back.
fn settings(lots: &mut Lots) {
    lots.maybe("hostname", &["\"web\"", "\"web.example\""]);
    lots.maybe("cores", &["1", "2"]);
    lots.maybe("cpu_limit", &["0", "1.5"]);
    lots.maybe("cpu_units", &["100", "512"]);
    lots.maybe("memory", &["256", "1024"]);
    lots.maybe("swap", &["0", "512"]);
    lots.maybe("on_boot", BOOLEANS);
    lots.maybe("description", &["\"one\\ntwo\"", "\"end \\n\"", "\"\""]);
    lots.maybe("tags", &["[\"Web\", \"db\"]", "[]", "[\"a\"]"]);
    lots.maybe("os_type", &["\"debian\"", "\"unmanaged\""]);
    lots.maybe("timezone", &["\"Europe/Vienna\"", "\"host\"", "\"\""]);
    lots.maybe("console", BOOLEANS);
    lots.maybe("tty", &["0", "2"]);
    lots.maybe("console_mode", &["\"tty\"", "\"shell\""]);
    lots.maybe("entrypoint", &["\"/sbin/init\"", "\"/bin/sh -c x\""]);
    lots.maybe("env", &["{ A = \"1\" }", "{}", "{ A = \"1=2\", B = \"\" }"]);
    lots.maybe("protection", &["false"]);
    lots.nested("startup", &[("order", &["0", "7"]), ("up", &["30"]), ("down", &["60"])]);
    lots.nested("features", &[("nesting", BOOLEANS), ("keyctl", BOOLEANS), ("mount", &["\"nfs;cifs\"", "\"\""])]);
    lots.nested("dns", &[("servers", &["[\"192.0.2.53\"]"]), ("domain", &["\"example.com\"", "\"a.b c.d\"", "\"\""])]);
    lots.map(
        "networks",
        &["net0", "net12"],
        &[
            "{ name = \"eth0\", bridge = \"vmbr0\", ip = \"dhcp\", firewall = true }",
            "{ name = \"eth1\", bridge = \"vmbr0\", ip = \"192.0.2.5/24\", gw = \"192.0.2.1\", tag = 5, mtu = 1400 }",
            "{ name = \"lan\", mac = \"bc:24:11:00:00:0a\", rate = 2.5, trunks = \"5;7\", link_down = true }",
        ],
    );
    lots.map(
        "devices",
        &["dev0"],
        &["{ path = \"/dev/net/tun\" }", "{ path = \"/dev/fuse\", mode = \"0666\", uid = 5 }"],
    );
    lots.map(
        "mount_points",
        &["mp0", "mp7"],
        &[
            "{ path = \"/data\", storage = \"local-lvm\", size = \"1G\", backup = true }",
            "{ path = \"/srv\", storage = \"local-lvm\", size = \"1G\", read_only = true, mount_options = \"noatime;nodev\" }",
            "{ path = \"/srv\", volume = \"/srv/data\", shared = true }",
        ],
    );
}

/// Whether one of these lives as it should; what is wrong, if not.
async fn lives(seed: u64) {
    let mut rng = Rng::with_seed(seed);
    let mut work = work().await;
    for round in ["made", "changed"] {
        let mut lots = Lots::begin(rng.fork());
        let _ = writeln!(lots.text, "vmid = 100\n{TEMPLATE}{ROOT}");
        settings(&mut lots);
        let text = ct(&lots.text);
        work.write(&text);
        let said = work.apply().await;
        assert!(said.ok, "seed {seed}, {round}: {}\n{text}", said.told());
        let said = work.plan().await;
        assert!(said.is_empty(), "seed {seed}, {round}, then: {}\n{text}", said.told());
        work.forget("pve_container.it");
        work.import("pve_container.it", "100").await.succeeded();
        // What PVE is told once, and what it is never told, is noted by an apply that writes nothing.
        work.site.forget_requests();
        let said = work.apply().await;
        assert!(said.ok, "seed {seed}, {round}, imported: {}\n{text}", said.told());
        assert_eq!(work.site.sent(), [""; 0], "seed {seed}, {round}, imported\n{text}");
        let said = work.plan().await;
        assert!(said.is_empty(), "seed {seed}, {round}, imported, then: {}\n{text}", said.told());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_container_is_made_as_it_is_written_and_plans_nothing_then() {
    let first = seed("RANDOM_CONTAINERS_SEED");
    let count = number("RANDOM_CONTAINERS").unwrap_or(24);
    let gate = Arc::new(Semaphore::new(4));
    let mut all = JoinSet::new();
    for seed in first..first + count {
        let gate = gate.clone();
        all.spawn(async move {
            let _turn = gate.acquire_owned().await.unwrap();
            lives(seed).await;
        });
    }
    while let Some(ended) = all.join_next().await {
        if let Err(error) = ended {
            std::panic::resume_unwind(error.into_panic());
        }
    }
}
