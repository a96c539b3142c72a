//! Mount points of a running container, which takes some changes of them at its next start only. Until then PVE has made no
//! volume: `mp0: local-lvm:8`.

use pve_sim::Options;
use pve_sim::shape::Shape;
use serde_json::{Value as Json, json};

use super::containers::SHAPE;
use super::work::Work;

const LVM: &str = "mp0 = { path = \"/a\", storage = \"local-lvm\", size = \"8G\" }\n";
const NAS: &str = "mp0 = { path = \"/a\", storage = \"nas\", size = \"2G\" }\n";
const LARGER: &str = "mp0 = { path = \"/a\", storage = \"nas\", size = \"3G\" }\n";
const SMALLER: &str = "mp0 = { path = \"/a\", storage = \"nas\", size = \"1G\" }\n";
const OTHER: &str = "mp1 = { path = \"/b\", storage = \"local-lvm\", size = \"1G\", when_removed = \"destroy\" }\n";

/// A container that runs, with these mount points.
fn running(mounts: &str, rest: &str) -> String {
    format!(
        "resource \"pve_container\" \"it\" {{\nvmid = 100\ntemplate_file = \"local:vztmpl/debian-13_amd64.tar.zst\"\n\
         rootfs = {{ storage = \"local-lvm\", size = \"4G\" }}\nstarted = true\nallow_destroy = true\n\
         mount_points = {{\n{mounts}}}\n{rest}\n}}\n"
    )
}

const IF_NEEDED: &str = "reboot = \"if_needed\"";

async fn with(mounts: &str) -> Work {
    let mut work =
        Work::with(Options { shape: Shape::from_yaml(SHAPE).unwrap(), factor: 600.0, ..Options::default() }).await;
    work.write(&running(mounts, ""));
    work.apply().await.succeeded();
    work
}

/// Applied, and nothing is planned then; what was told.
async fn becomes(work: &mut Work, mounts: &str, rest: &str) -> String {
    work.write(&running(mounts, rest));
    let told = work.apply().await.succeeded().told().to_owned();
    let plan = work.plan().await;
    assert!(plan.is_empty(), "{mounts}: {}", plan.told());
    told
}

fn mount(work: &Work, name: &str) -> Json {
    work.instance("pve_container.it")["attributes"]["mount_points"][name].clone()
}

/// The volumes that stay with the container and are mounted nowhere.
fn left(work: &Work) -> Vec<String> {
    let name = |n: u32| work.site.setting(100, &format!("unused{n}"));
    (0..9).filter_map(name).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_volume_that_is_not_made_yet_is_none() {
    let mut work = with(LVM).await;
    let first = mount(&work, "mp0")["volume"].clone();
    let told = becomes(&mut work, "", "").await;
    assert!(told.contains("mp0 of ct:100 is mounted until the next start"), "{told}");
    // Another one in its place waits, too: of the first one nothing is lost.
    let told = becomes(&mut work, NAS, "").await;
    assert!(told.contains("mp0 take effect at its next start"), "{told}");
    assert!(told.contains("runs, and takes some of this only at its next start"), "the plan says so: {told}");
    assert_eq!(work.site.waiting(100), ["mp0"]);
    let now = mount(&work, "mp0");
    assert_eq!((&now["volume"], &now["storage"], &now["size"]), (&Json::Null, &json!("nas"), &json!("2G")));
    // What is asked for can be asked for otherwise, smaller as well; a second one is mounted at once.
    for (larger, size) in [(LARGER, "3G"), (SMALLER, "1G")] {
        becomes(&mut work, &format!("{larger}{OTHER}"), "").await;
        assert_eq!(mount(&work, "mp0")["size"], size);
    }
    assert!(mount(&work, "mp1")["volume"].as_str().unwrap().starts_with("local-lvm:vm-100-"));
    // An import sees the same.
    work.forget("pve_container.it");
    work.import("pve_container.it", "100").await.succeeded();
    assert_eq!(mount(&work, "mp0")["volume"], Json::Null);
    work.site.forget_requests();
    work.apply().await.succeeded();
    assert_eq!(work.site.sent(), [""; 0]);
    // A restart makes it, and nothing is planned for that.
    becomes(&mut work, &format!("{SMALLER}{OTHER}"), IF_NEEDED).await;
    assert!(work.site.waiting(100).is_empty());
    // The next apply sees it, and has nothing to do.
    work.apply().await.succeeded();
    let now = mount(&work, "mp0");
    assert!(now["volume"].as_str().unwrap().starts_with("nas:"), "{now}");
    assert_eq!(now["size"], "1G");
    assert_eq!(left(&work), [first.as_str().unwrap()]);
    // It is there now: it grows in place, and never shrinks.
    becomes(&mut work, &format!("{NAS}{OTHER}"), IF_NEEDED).await;
    assert_eq!(mount(&work, "mp0")["size"], "2G");
    work.write(&running(&format!("{SMALLER}{OTHER}"), ""));
    work.try_plan().await.failed("PVE cannot shrink a volume");
    work.write(&running(&format!("{NAS}{OTHER}"), ""));
    work.destroy().await.succeeded();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_was_never_made_goes_without_a_trace() {
    let mut work = with(LVM).await;
    becomes(&mut work, "", "").await;
    becomes(&mut work, NAS, "").await;
    work.write(&running("", ""));
    let plan = work.plan().await;
    assert!(plan.says("was not made yet, and will not be made"), "{}", plan.told());
    becomes(&mut work, "", IF_NEEDED).await;
    assert!(work.site.waiting(100).is_empty() && work.site.setting(100, "mp0").is_none());
    assert_eq!(left(&work).len(), 1, "the first one's volume alone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removal_that_waits_is_taken_back_with_what_is_in_it() {
    let mut work = with(LVM).await;
    let first = mount(&work, "mp0")["volume"].clone();
    becomes(&mut work, "", "").await;
    work.write(&running(LVM, ""));
    let plan = work.plan().await;
    assert!(plan.says("A removal that waits is taken back"), "{}", plan.told());
    let told = becomes(&mut work, LVM, "").await;
    assert!(told.contains("mp0 had not gone yet, and stays as it is"), "{told}");
    assert!(work.site.waiting(100).is_empty());
    becomes(&mut work, LVM, IF_NEEDED).await;
    assert_eq!((mount(&work, "mp0")["volume"].clone(), left(&work)), (first, Vec::new()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_volume_is_destroyed_when_it_has_gone_and_told_of_when_it_has_not() {
    let mut work = with(OTHER).await;
    let told = becomes(&mut work, "", "").await;
    assert!(told.contains("is not destroyed: do that in PVE"), "{told}");
    assert_eq!(work.site.waiting(100), ["mp1"]);
    let mut work = with(OTHER).await;
    becomes(&mut work, "", IF_NEEDED).await;
    assert!(work.site.waiting(100).is_empty());
    assert!(left(&work).is_empty(), "{:?}", left(&work));
    // One that is stopped by the same apply takes everything at once.
    let mut work = with(OTHER).await;
    work.write(&running("", "").replace("started = true", "started = false"));
    work.apply().await.succeeded();
    assert!(work.plan().await.is_empty() && work.site.waiting(100).is_empty() && left(&work).is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_to_what_waits_is_settled_by_looking() {
    for when in ["before", "after"] {
        for (from, to) in [("", NAS), (LVM, "")] {
            let mut work = with(LVM).await;
            becomes(&mut work, from, "").await;
            work.site.fault(&json!({
                "match": {"method": "PUT", "path": "/nodes/*/lxc/100/config"}, "when": when, "effect": {"drop": true}
            }));
            work.write(&running(to, ""));
            let said = work.apply().await;
            assert!(said.ok || when == "before", "{when}: {}", said.told());
            work.site.clear_faults();
            becomes(&mut work, to, "").await;
            assert_eq!(work.site.waiting(100), ["mp0"], "{when}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_root_without_a_volume_is_told_and_left_alone() {
    let mut work = with("").await;
    work.bench.sim.world.with(|cluster| {
        let guest = cluster.guests.all.get_mut(&100).unwrap();
        guest.config.values.insert("rootfs".to_owned(), "local-lvm:8".to_owned());
    });
    work.write(&running("", "cores = 2"));
    work.try_plan().await.failed("The root of ct:100 names no volume");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_volume_to_be_made_is_no_volume_that_exists() {
    let mut work = with("").await;
    work.write(&running("mp0 = { path = \"/a\", volume = \"local-lvm:8\" }\n", ""));
    work.try_plan().await.failed("a new volume takes `storage` and `size`");
}
