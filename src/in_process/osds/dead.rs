//! Dead disks: their OSDs are replaced in one apply, and stay where copies may be lost with them.

use acceptance_tests::given::OSDS_IN_USE;
use pve_sim::cluster::ceph::{Leftover, OsdDevice};
use serde_json::json;

use super::super::work::{Site, Work};

const NODES: [&str; 3] = ["pve1", "pve2", "pve3"];

/// Every OSD of the cluster by import, without anything that would let one go. Each by its number.
async fn all_held() -> Work {
    let mut work = Work::at(OSDS_IN_USE, 120.0).await;
    let imports = (0..6).map(|id| format!("import {{\n  to = pve_ceph_osd.o{id}\n  id = \"{id}\"\n}}\n"));
    let blocks = text(&[]);
    work.write(&(imports.collect::<String>() + &blocks));
    work.apply().await.succeeded();
    work.write(&blocks);
    assert!(work.plan().await.is_empty());
    work.site.forget_requests();
    work
}

/// The OSDs, some of them on another disk and with further attributes: (number, serial, attributes).
fn text(other: &[(u32, &str, &str)]) -> String {
    let one = |id: u32| {
        let (node, own) = place(id);
        let (serial, more) =
            other.iter().find(|(of, ..)| *of == id).map_or((own.as_str(), ""), |(_, serial, more)| (*serial, *more));
        format!(
            "resource \"pve_ceph_osd\" \"o{id}\" {{\nnode = \"{node}\"\ndevice = {{ serial = \"{serial}\" }}\n{more}\n}}\n"
        )
    };
    (0..6).map(one).collect()
}

/// Node and serial number of the disk.
fn place(id: u32) -> (&'static str, String) {
    (NODES[id as usize / 2], format!("SIM{:02}{:02}", id / 2 + 1, id % 2 + 1))
}

impl Site {
    /// The disks of these OSDs die, and another one is put in their node.
    fn swap(&self, dead: &[u32], new: &str) {
        for id in dead {
            let (node, serial) = place(*id);
            self.kill_disk(node, &serial);
        }
        let disk = json!({ "path": "/dev/sdx", "size": "64G", "serial": new });
        self.put_in(place(dead[0]).0, &disk);
        self.advance(60);
    }

    fn osds(&self) -> usize {
        self.state()["ceph"]["osds"].as_object().unwrap().len()
    }
}

const FREE: &str = "allow_destroy = true";
const FORCED: &str = "allow_destroy = true\nforce = true";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_was_carried_to_another_node_is_not_dead() {
    let mut work = all_held().await;
    work.write(&text(&[(0, "SIM0101", FREE)]));
    work.apply().await.succeeded();
    let (uuid, lay) = work.bench.sim.world.with(|cluster| {
        let osd = &cluster.ceph.osds[&0];
        (osd.uuid.clone(), osd.device.clone().unwrap())
    });
    work.site.swap(&[0], "NEW");
    work.site.put_in("pve2", &json!({ "path": "/dev/sdy", "size": "64G", "serial": "SIM0101" }));
    let device = OsdDevice { path: "/dev/sdy".to_owned(), dead: false, ..lay };
    let carried = Leftover { id: 0, uuid, node: "pve2".to_owned(), device };
    work.bench.sim.world.with(|cluster| cluster.ceph_now().leftovers.push(carried));
    work.site.forget_requests();
    work.write(&text(&[(0, "NEW", FREE)]));
    let output = work.apply().await;
    assert!(!output.ok && output.says("osd.0 is down, and its disk is on pve2"), "{}", output.told());
    assert!(!output.says("OSDs with dead disks are replaced"), "{}", output.told());
    assert_eq!((work.site.osds(), work.site.sent().len()), (6, 0), "{:?}", work.site.sent());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_serial_number_replaces_what_has_died_in_one_apply() {
    let mut work = all_held().await;
    work.site.swap(&[0], "NEW");
    // What the disk held was protected; that it is to go has to be said, and counts at once.
    work.write(&text(&[(0, "NEW", "")]));
    let output = work.try_plan().await.failed("OSDs are protected");
    assert!(output.says("since the disk is dead, that counts at once"), "{}", output.told());
    work.write(&text(&[(0, "NEW", FREE)]));
    let plan = work.plan().await;
    assert_eq!(plan.actions("pve_ceph_osd.o0"), ["delete", "create"]);
    for said in [
        "OSDs with dead disks are replaced",
        "osd.0 lies on no disk that pve1 lists",
        "Pool \"vm\" 3/2 has 5 OSDs on 3 hosts left.",
        "What lay on its dead disk is lost already",
    ] {
        assert!(plan.says(said), "no word of {said}: {}", plan.told());
    }
    assert!(!plan.says("would fail"), "{}", plan.told());
    assert!(work.site.sent().is_empty());
    let before = work.instance("pve_ceph_osd.o0")["attributes"]["osd_fsid"].clone();
    work.apply().await.succeeded();
    assert!(work.plan().await.is_empty());
    assert_eq!(work.site.osds(), 6);
    let now = &work.instance("pve_ceph_osd.o0")["attributes"];
    assert!(now["osd_fsid"] != before && now["device"]["serial"] == "NEW", "{now}");
    // Copies had nowhere to go but there: nothing waited for them.
    let drained = work.site.requests().iter().any(|seen| seen.path.ends_with("/cmd-safety"));
    assert!(!drained);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_hold_the_last_copies_stays_unless_the_configuration_forces_it() {
    let mut work = all_held().await;
    // All that two hosts had is dead, and the third is off: nobody has a copy.
    work.site.power("pve3", false);
    work.site.swap(&[0, 1], "NEW");
    work.site.kill_disk("pve2", "SIM0201");
    work.site.kill_disk("pve2", "SIM0202");
    work.site.advance(120);
    work.write(&text(&[(0, "NEW", FREE)]));
    let plan = work.plan().await;
    let last = "OSDs with dead disks may hold the last copies";
    assert!(
        plan.says("The removal of a pve_ceph_osd would fail as things are now") && plan.says(last),
        "{}",
        plan.told()
    );
    let output = work.apply().await.failed(last);
    assert!(output.says("Nothing was written."), "{}", output.told());
    assert!(work.site.sent().is_empty(), "{:?}", work.site.sent());
    work.write(&text(&[(0, "NEW", FORCED)]));
    assert!(!work.plan().await.says(last));
    work.apply().await;
    let gone = work.site.sent().iter().any(|sent| sent == "DELETE /nodes/pve1/ceph/osd/0");
    assert!(gone, "{:?}", work.site.sent());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_is_back_by_the_time_of_the_apply_stays() {
    let mut work = all_held().await;
    work.site.swap(&[0], "NEW");
    work.write(&text(&[(0, "NEW", FORCED)]));
    let plan = work.bench.core.plan(&work.config()).await.unwrap();
    // The cable was loose.
    work.bench.sim.world.with(|cluster| {
        let now = cluster.ceph.now();
        cluster.ceph_now().osds.get_mut(&0).unwrap().device.as_mut().unwrap().dead = false;
        cluster.ceph_now().start_osd(0, now);
    });
    work.site.advance(30);
    let said = work.bench.core.apply_plan(plan).await.unwrap_err().to_string();
    assert!(said.contains("osd.0 is not dead any more"), "{said}");
    assert!(work.site.sent().is_empty(), "{:?}", work.site.sent());
    // Planned anew, it is one that is protected like any other.
    work.try_plan().await.failed("OSDs are protected");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_plan_has_allowed_no_later_one_finds() {
    let mut work = all_held().await;
    work.site.swap(&[0], "NEW");
    work.write(&text(&[(0, "NEW", FREE)]));
    work.site.fault(&json!({
        "match": { "method": "POST", "path": "/nodes/*/ceph/osd/0/out" }, "times": 9, "effect": { "status": 500, "message": "no luck" },
    }));
    work.apply().await.failed("no luck");
    work.site.clear_faults();
    assert!(!work.instance("pve_ceph_osd.o0").is_null());
    // Without the words that allowed it.
    work.destroy().await.failed("OSDs are protected");
    assert_eq!(work.site.osds(), 6);
    work.apply().await.succeeded();
    assert!(work.plan().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_disk_with_something_on_it_takes_wipe_if() {
    let mut work = all_held().await;
    work.site.kill_disk("pve1", "SIM0101");
    work.site.put_in("pve1", &json!({ "path": "/dev/sdx", "size": "64G", "serial": "USED", "used": "ext4" }));
    work.site.advance(60);
    work.write(&text(&[(0, "USED", &format!("{FREE}\nwipe_if = [\"ext4\"]"))]));
    assert_eq!(work.plan().await.actions("pve_ceph_osd.o0"), ["delete", "create"]);
    work.apply().await.succeeded();
    assert!(work.plan().await.is_empty());
}
