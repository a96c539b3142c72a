//! Removals of OSDs on partitions that end before the partition is free: PVE's own removal leaves LVM's type there, and
//! nothing else tells that there was an OSD.

use pve_sim::cluster::Cluster;
use pve_sim::shape::{PartitionShape, Shape};
use serde_json::{Value as Json, json};
use terraform_core::{Action, Applied, Config, Diagnostics};

use super::super::lives::Bench;

const DISKS: &str = "
nodes:
  - {name: pve1, disks: [{path: /dev/sdb, size: 64G, serial: P, partitions: [{number: 1, size: 32G, used: ext4}]}]}
  - {name: pve2, disks: [{path: /dev/sdb, size: 64G, serial: B}]}
ceph: {stage: monitors}
";

const TEXT: &str = r#"
resource "pve_ceph_osd" "o" {
  node          = "pve1"
  device        = { serial = "P", partition = 1 }
  wipe_if       = ["ext4"]
  allow_destroy = true
}
"#;

fn on_a_partition() -> Config {
    Config::from_hcl(TEXT).unwrap()
}

const OSD: &str = "pve_ceph_osd.o";

impl Bench {
    /// A cluster with that OSD.
    async fn with_one() -> Self {
        let mut bench = Self::of(Shape::from_yaml(DISKS).unwrap()).await;
        bench.core.apply(&on_a_partition()).await.unwrap();
        bench
    }

    /// Destroys it, and is cut off.
    async fn destroyed_until(&mut self, Cut { mishap, method, path, when }: Cut) -> Result<Applied, Diagnostics> {
        let effect = if mishap == Mishap::Killed { json!({ "hold": true }) } else { json!({ "drop": true }) };
        let fault = json!({
            "match": { "method": method, "path": path }, "nth": 1, "times": 1, "when": when, "effect": effect,
        });
        self.sim.world.control("POST", "/faults", &fault).unwrap();
        let config = on_a_partition();
        let end = match mishap {
            Mishap::Killed => self.killed(async |core| core.destroy(&config).await).await,
            Mishap::Lost => self.core.destroy(&config).await,
        };
        self.sim.world.control("DELETE", "/faults", &Json::Null).unwrap();
        end
    }

    /// What PVE says is on the partition.
    fn on_it(&self) -> Json {
        self.sim.world.with(|cluster| Json::from(partition(cluster).used.clone()))
    }
}

fn partition(cluster: &mut Cluster) -> &mut PartitionShape {
    let disks = &mut cluster.nodes.get_mut("pve1").unwrap().disks;
    let disk = disks.iter_mut().find(|disk| disk.path == "/dev/sdb").unwrap();
    &mut disk.partitions[0]
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mishap {
    Killed,
    Lost,
}

/// Where a removal ends.
#[derive(Clone, Copy, Debug)]
struct Cut {
    mishap: Mishap,
    method: &'static str,
    path: &'static str,
    when: &'static str,
}

/// From the destruction of the OSD on.
fn cuts() -> Vec<Cut> {
    let at = |mishap, (method, path, when)| Cut { mishap, method, path, when };
    let points = [
        ("DELETE", "/nodes/*/ceph/osd/*", "after"),
        ("GET", "/nodes/*/disks/lvm", "before"),
        ("PUT", "/nodes/*/disks/wipedisk", "before"),
        ("PUT", "/nodes/*/disks/wipedisk", "after"),
    ];
    let both = [Mishap::Killed, Mishap::Lost];
    both.into_iter().flat_map(|mishap| points.map(|point| at(mishap, point))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_destroy_frees_the_partition() {
    for cut in cuts() {
        let mut bench = Bench::with_one().await;
        let first = bench.destroyed_until(cut).await;
        if let Err(said) = &first {
            let said = said.to_string();
            assert!(cut.mishap == Mishap::Killed || said.contains("Destroy again"), "{cut:?}: {said}");
            assert!(bench.core.state.get(OSD).is_some(), "{cut:?}: {said}");
            bench.core.destroy(&on_a_partition()).await.unwrap();
        }
        assert!(bench.core.state.is_empty(), "{cut:?}");
        assert_eq!(bench.on_it(), Json::Null, "{cut:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_it_is_still_configured_the_partition_is_freed_and_used_again() {
    for cut in cuts() {
        let mut bench = Bench::with_one().await;
        let first = bench.destroyed_until(cut).await;
        bench.core.refresh().await.unwrap();
        let plan = bench.core.plan(&on_a_partition()).await.unwrap();
        // The answer alone may have been lost: then the partition is free already.
        if first.is_err() && bench.on_it() == "LVM" {
            assert!(plan.action(OSD).is_replace(), "{cut:?}: {:?}", plan.action(OSD));
            let said: Vec<_> = plan.warnings.iter().map(ToString::to_string).collect();
            let said = said.join("\n");
            assert!(said.contains("was cut off before /dev/sdb1 of pve1 was free again"), "{cut:?}: {said}");
            assert!(!said.contains("Refusing to wipe"), "{cut:?}: {said}");
        } else {
            assert_eq!(plan.action(OSD), Action::Create, "{cut:?}");
        }
        bench.core.apply_plan(plan).await.unwrap_or_else(|said| panic!("{cut:?}: {said}"));
        assert!(bench.core.plan(&on_a_partition()).await.unwrap().is_empty(), "{cut:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_somebody_has_made_there_meanwhile_stays() {
    let mut bench = Bench::with_one().await;
    let cut = Cut { mishap: Mishap::Lost, method: "PUT", path: "/nodes/*/disks/wipedisk", when: "before" };
    bench.destroyed_until(cut).await.unwrap_err();
    // A volume group, with something of its own.
    bench.sim.world.with(|cluster| partition(cluster).held = true);
    bench.core.apply(&Config::from_hcl("").unwrap()).await.unwrap();
    assert_eq!((bench.core.state.is_empty(), bench.on_it()), (true, Json::from("LVM")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_journal_it_is_only_erased_where_that_is_said() {
    let mut bench = Bench::with_one().await;
    let cut = Cut { mishap: Mishap::Killed, method: "PUT", path: "/nodes/*/disks/wipedisk", when: "before" };
    let wiped = |bench: &Bench| bench.writes().iter().filter(|write| write.ends_with("/wipedisk")).count();
    // What was there before the OSD was erased as well.
    let before = wiped(&bench);
    bench.destroyed_until(cut).await.unwrap_err();
    // What was held is recorded when it has been let go.
    while wiped(&bench) == before {
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    std::fs::remove_dir_all(bench.data.path().join("pve-journal")).unwrap();
    let written = bench.writes().len();
    // Nothing that can be asked tells this from a partition with data.
    let said = bench.core.apply(&on_a_partition()).await.unwrap_err().to_string();
    assert!(said.contains("wipe_if") && said.contains("\"LVM\""), "{said}");
    assert_eq!(bench.writes().len(), written);
    let said_so = Config::from_hcl(&TEXT.replace("\"ext4\"", "\"LVM\"")).unwrap();
    bench.core.apply(&said_so).await.unwrap();
    assert_eq!(bench.core.state.get(OSD).unwrap().get("ready"), true.into());
    assert!(bench.core.plan(&said_so).await.unwrap().is_empty());
}
