//! `pve_container` when its creation goes wrong: lost answers, killed providers, other people. From a template, as a clone, and
//! from a backup.

use pve_sim::Options;
use pve_sim::shape::Shape;
use serde_json::json;

use super::containers::SHAPE;
use super::work::Work;

/// The ways in which a container is made, each with the call that does it.
const WAYS: [(&str, &str); 3] = [
    (
        "template_file = \"local:vztmpl/debian-13_amd64.tar.zst\"\nrootfs = { storage = \"local-lvm\", size = \"4G\" }\n",
        "/nodes/*/lxc",
    ),
    ("clone = { vmid = 200, full = true }\n", "/nodes/*/lxc/200/clone"),
    (
        "restore = { backup = \"local:backup/vzdump-lxc-300-2026_11_29-20_33_30.tar\", storage = \"local-lvm\" }\n",
        "/nodes/*/lxc",
    ),
];

fn ct(body: &str) -> String {
    format!("resource \"pve_container\" \"it\" {{\n{body}allow_destroy = true\n}}\n")
}

async fn cluster(factor: f64) -> Work {
    Work::with(Options { shape: Shape::from_yaml(SHAPE).unwrap(), factor, ..Options::default() }).await
}

/// The numbers of all containers, but for the one that is cloned.
fn made(work: &Work) -> Vec<u32> {
    work.site.by_hand(|cluster| cluster.guests.all.keys().copied().filter(|vmid| *vmid != 200).collect())
}

/// Somebody else's container.
fn theirs(vmid: u32) -> String {
    format!(
        "guests: [{{vmid: {vmid}, node: pve1, name: theirs, container: true, config: {{rootfs: 'local-lvm:1', net0: \
         'name=eth0,bridge=vmbr0'}}}}]"
    )
}

fn place(work: &Work, vmid: u32) {
    let theirs = Shape::from_yaml(&theirs(vmid)).unwrap().guests.remove(0);
    work.site.by_hand(|cluster| cluster.place_guest(&theirs));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_answers_make_nothing_twice() {
    for (body, path) in WAYS {
        for when in ["before", "after"] {
            let mut work = cluster(600.0).await;
            work.site.fault(&json!({
                "match": {"method": "POST", "path": path}, "when": when, "effect": {"drop": true}
            }));
            work.write(&ct(&format!("{body}memory = 256\n")));
            let said = work.apply().await;
            if when == "before" {
                said.failed("nothing was written");
                assert!(made(&work).is_empty());
                work.apply().await.succeeded();
            } else {
                let said = said.succeeded();
                assert!(!said.says("taken for ours"), "{}", said.told());
            }
            let plan = work.plan().await;
            assert!(plan.is_empty(), "{path}, {when}: {}", plan.told());
            assert_eq!(made(&work), [100], "{path}, {when}");
            assert_eq!(work.site.setting(100, "memory").as_deref(), Some("256"));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_was_killed_is_carried_on() {
    for (body, path) in WAYS {
        for (when, vmid) in [("before", ""), ("after", ""), ("after", "vmid = 150\n")] {
            let mut work = cluster(600.0).await;
            work.site.fault(&json!({
                "match": {"method": "POST", "path": path}, "when": when, "effect": {"hold": true}
            }));
            work.write(&ct(&format!("{vmid}{body}memory = 256\nstarted = true\n")));
            assert!(!work.apply_until_killed().await.ok);
            work.site.clear_faults();
            work.site.advance(60);
            let said = work.apply().await.succeeded();
            let number = if vmid.is_empty() { 100 } else { 150 };
            if when == "after" {
                assert!(said.says(&format!("ct:{number} on pve")), "{path}: {}", said.told());
            }
            let plan = work.plan().await;
            assert!(plan.is_empty(), "{path}, {when} {vmid}: {}", plan.told());
            assert_eq!(made(&work), [number], "{path}, {when} {vmid}");
            assert_eq!(work.site.setting(number, "memory").as_deref(), Some("256"));
            work.destroy().await.succeeded();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_was_killed_after_pve_had_made_it_is_carried_on() {
    for (body, path) in WAYS {
        let mut work = cluster(600.0).await;
        work.site.fault(&json!({
            "match": {"method": "POST", "path": "/nodes/*/lxc/100/status/start"}, "when": "before", "effect": {"hold": true}
        }));
        work.write(&ct(&format!("{body}memory = 256\nstarted = true\n")));
        assert!(!work.apply_until_killed().await.ok);
        work.site.clear_faults();
        work.apply().await.succeeded();
        let plan = work.plan().await;
        assert!(plan.is_empty(), "{path}: {}", plan.told());
        assert_eq!(made(&work), [100], "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_elses_container_is_never_taken_over() {
    for (body, path) in WAYS {
        for vmid in ["", "vmid = 100\n"] {
            // The run was killed before PVE had heard of it; then somebody else took the number.
            let mut work = cluster(600.0).await;
            work.site.fault(&json!({
                "match": {"method": "POST", "path": path}, "when": "before", "effect": {"hold": true}
            }));
            work.write(&ct(&format!("{vmid}{body}")));
            assert!(!work.apply_until_killed().await.ok);
            work.site.clear_faults();
            place(&work, 100);
            if vmid.is_empty() {
                work.apply().await.succeeded();
                assert_eq!(made(&work), [100, 101], "{path}");
                assert!(work.plan().await.is_empty());
                work.destroy().await.succeeded();
            } else {
                work.apply().await.failed("ct:100 on pve1 exists already");
            }
            assert_eq!(work.site.setting(100, "hostname").as_deref(), Some("theirs"), "{path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clone_is_told_from_its_sisters_and_from_somebody_elses() {
    // One of two clones was asked for; the other one was not, and its number was taken by somebody else.
    let mut work = cluster(600.0).await;
    let text = |n: u32| {
        format!(
            "resource \"pve_container\" \"c{n}\" {{\nvmid = {n}\nclone = {{ vmid = 200, full = true }}\nallow_destroy = true\n}}\n"
        )
    };
    work.site.fault(&json!({
        "match": {"method": "POST", "path": "/nodes/*/lxc/200/clone"}, "when": "after", "effect": {"hold": true}
    }));
    work.write(&(text(150) + &text(151)));
    assert!(!work.apply_until_killed().await.ok);
    work.site.clear_faults();
    work.site.advance(60);
    let [ours] = made(&work)[..] else { panic!("{:?}", made(&work)) };
    let other = if ours == 150 { 151 } else { 150 };
    place(&work, other);
    let said = work.apply().await.failed(&format!("ct:{other} on pve1 exists already"));
    assert!(said.says(&format!("ct:{ours} on pve2")), "{}", said.told());
    assert_eq!(work.site.setting(other, "hostname").as_deref(), Some("theirs"));
    assert_eq!(work.instance(&format!("pve_container.c{ours}"))["attributes"]["vmid"], ours);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_that_somebody_else_takes_is_asked_for_anew() {
    for (body, path) in WAYS {
        let mut work = cluster(600.0).await;
        work.site.fault(&json!({
            "match": {"method": "POST", "path": path},
            "effect": {"status": 500, "message": "CT 100 already exists on node 'pve2'"}
        }));
        work.write(&ct(body));
        work.apply().await.succeeded();
        assert_eq!(work.instance("pve_container.it")["attributes"]["vmid"], 101, "{path}");
        assert!(work.plan().await.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_creation_that_fails_leaves_nothing() {
    for (body, path) in WAYS {
        let mut work = cluster(600.0).await;
        let before = work.site.state();
        work.site.fault(&json!({
            "match": {"method": "POST", "path": path}, "effect": {"task": "fail", "message": "no space left"}
        }));
        work.write(&ct(body));
        let said = work.apply().await.failed("Cannot create ct:100");
        assert!(said.says("no space left") && work.instance("pve_container.it").is_null(), "{}", said.told());
        work.site.clear_faults();
        assert_eq!(work.site.state(), before, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_does_not_start_is_kept_and_started_by_the_next_apply() {
    let mut work = cluster(600.0).await;
    work.site.fault(&json!({
        "match": {"method": "POST", "path": "/nodes/*/lxc/*/status/start"},
        "effect": {"task": "fail", "message": "no bridge vmbr9"}
    }));
    work.write(&ct(&format!("{}started = true\n", WAYS[0].0)));
    let said = work.apply().await.succeeded();
    assert!(said.says("Cannot start ct:100") && said.says("no bridge vmbr9"), "{}", said.told());
    assert_eq!(work.instance("pve_container.it")["attributes"]["ready"], false);
    work.site.clear_faults();
    work.apply().await.succeeded();
    assert_eq!(work.instance("pve_container.it")["attributes"]["ready"], true);
    assert!(work.plan().await.is_empty());
    assert_eq!(made(&work), [100]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_was_made_by_half_is_told_and_not_waited_for() {
    let mut work = cluster(600.0).await;
    // Whoever makes it vanishes, as with its node's power.
    work.site.fault(&json!({"match": {"method": "POST", "path": "/nodes/*/lxc"}, "effect": {"task": "vanish"}}));
    work.write(&ct(WAYS[0].0));
    // It is looked at by the next run.
    let said = work.apply().await.succeeded();
    assert!(said.says("PVE lost the task"), "{}", said.told());
    work.site.clear_faults();
    let said = work.apply().await.failed("ct:100 was made by half");
    assert!(said.says("`pct unlock 100` and `pct destroy 100` on pve1"), "{}", said.told());
    work.site.by_hand(|cluster| cluster.guests.all.remove(&100));
    work.site.advance(60);
    work.apply().await.succeeded();
    assert!(work.plan().await.is_empty());
    assert_eq!(made(&work), [100]);
}
