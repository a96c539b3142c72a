//! Every example lived from beginning to end, judged as Terraform's core judges: applied, read, imported by id and by
//! identity, destroyed. One with a real Terraform is in the acceptance tests.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use acceptance_tests::{Beside, Web, data_may_send, difference};
use pve_sim::cluster::Cluster;
use pve_sim::kernel::record::Recorded;
use pve_sim::kernel::world::World;
use pve_sim::shape::{CephStage, GuestShape, NodeShape, Shape};
use pve_sim::{Options, Running, Sim};
use serde_json::{Value as Json, json};
use terraform_core::{Action, Config, Core, Process, Provider, Value};
use terraform_plugin::{Server, StopToken};
use tokio::task::JoinSet;

use crate::provider::PveProvider;

/// Terraform with the provider, and a cluster that has what the example assumes.
pub(super) struct Bench {
    pub(super) core: Core,
    pub(super) sim: Arc<Running>,
    /// Where Terraform would keep its data.
    pub(super) data: tempfile::TempDir,
    /// Whether the next commands have a provider that can be killed, and those that they had.
    pub(super) mortal: Mortal,
    /// Ends what the process does that was started last.
    pub(super) stop: Arc<Mutex<StopToken>>,
}

/// The simulated clock goes so many times as fast as a real one.
pub(super) const FACTOR: u32 = 600;

/// What the provider's block says to use this cluster.
pub(super) fn provider_block(sim: &Running) -> Json {
    let endpoints: Json = sim.endpoints.iter().map(|(name, url)| (name.clone(), Json::from(url.as_str()))).collect();
    json!({
        "endpoints": endpoints,
        "fingerprints": sim.fingerprints,
        "username": sim.username,
        "password": sim.password,
        "api_token": sim.api_token,
        "ssh": sim.ssh_block(),
    })
}

/// The processes that can be killed; none if they are not to be such.
pub(super) type Mortal = Arc<Mutex<Option<Vec<Process>>>>;

impl Bench {
    /// A cluster of this shape, and a provider that is configured for it.
    pub(super) async fn of(shape: Shape) -> Self {
        Self::started(shape, None).await
    }

    /// The same, of this version of PVE.
    pub(super) async fn of_version(shape: Shape, pve: &str) -> Self {
        Self::started(shape, Some(pve.to_owned())).await
    }

    async fn started(shape: Shape, pve: Option<String>) -> Self {
        let shape = Shape { web: Web::everywhere(), ..shape };
        let options = Options { shape, pve, factor: f64::from(FACTOR), seed: Some(1), ..Options::default() };
        Self::at(Sim::start(options).await.unwrap().into()).await
    }

    /// A provider that is configured for this cluster.
    pub(super) async fn at(sim: Arc<Running>) -> Self {
        let data = tempfile::tempdir().unwrap();
        let beside = data.path().to_owned();
        let config = provider_block(&sim);
        // Each command has a process of its own, as with Terraform; what is beside them stays.
        let mortal = Mortal::default();
        let stop = Arc::new(Mutex::new(StopToken::new()));
        let (processes, last) = (mortal.clone(), stop.clone());
        let launch = move || {
            let stop = StopToken::new();
            *last.lock().unwrap() = stop.clone();
            let server = Server::<PveProvider>::beside(stop, beside.clone());
            match &mut *processes.lock().unwrap() {
                None => Provider::in_process(server),
                Some(processes) => {
                    let (provider, process) = Process::start(server).unwrap();
                    processes.push(process);
                    provider
                }
            }
        };
        let core = Core::new(launch, config).await.unwrap().named(crate::ADDRESS);
        Self { core, sim, data, mortal, stop }
    }

    /// The same with Ceph and a machine, which most examples assume.
    pub(super) async fn with_ceph() -> Self {
        let mut shape = Shape::default();
        shape.ceph.stage = CephStage::Ready;
        shape.ceph.mdss.push("pve1".to_owned());
        shape.guests.push(GuestShape::ready(101, "pve1"));
        Self::of(shape).await
    }

    pub(super) fn cluster(&self) -> Json {
        self.sim.world.with(|cluster: &mut Cluster| cluster.canonical())
    }

    /// Runs a command whose provider is killed as soon as a fault holds one of its requests.
    pub(super) async fn killed<T>(&mut self, command: impl AsyncFnOnce(&mut Core) -> T) -> T {
        let held = |world: &World| world.control("GET", "/faults", &Json::Null).unwrap()[0]["held"] == true;
        self.killed_when(held, command).await
    }

    /// Runs a command whose provider is killed as soon as the cluster is so.
    pub(super) async fn killed_when<T>(
        &mut self,
        is_so: impl Fn(&World) -> bool + Send + 'static,
        command: impl AsyncFnOnce(&mut Core) -> T,
    ) -> T {
        let (world, mortal) = (self.sim.world.clone(), self.mortal.clone());
        *mortal.lock().unwrap() = Some(Vec::new());
        let killer = tokio::spawn({
            let mortal = mortal.clone();
            async move {
                while !is_so(&world) {
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
                let processes = mortal.lock().unwrap().replace(Vec::new()).unwrap_or_default();
                for process in &processes {
                    process.kill().await;
                }
            }
        });
        let end = command(&mut self.core).await;
        killer.abort();
        *mortal.lock().unwrap() = None;
        end
    }

    /// The requests that can have changed something.
    pub(super) fn writes(&self) -> Vec<String> {
        let writes = |seen: &&Recorded| seen.method != "GET" && !seen.path.starts_with("/access/ticket");
        self.sim.world.with(|cluster: &mut Cluster| {
            cluster.requests().iter().filter(writes).map(|seen| format!("{} {}", seen.method, seen.path)).collect()
        })
    }
}

pub(super) fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")
}

pub(super) fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The folders of a kind of example.
pub(super) fn named(kind: &str) -> Vec<String> {
    let folder = std::fs::read_dir(examples().join(kind)).unwrap();
    let mut names: Vec<String> = folder.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The example of a resource.
pub(super) struct Example {
    pub(super) text: String,
    /// The resource in it that is shown.
    pub(super) address: String,
    /// What it is imported by.
    pub(super) id: String,
}

pub(super) fn example_of(name: &str) -> Example {
    let folder = examples().join("resources").join(name);
    let import = read(&folder.join("import.sh"));
    let command = import.lines().find_map(|line| line.strip_prefix("terraform import ")).unwrap();
    let (address, id) = command.split_once(' ').unwrap();
    let id = id.trim_matches('\'').to_owned();
    Example { text: read(&folder.join("resource.tf")), address: address.to_owned(), id }
}

/// A cluster that has what the example of a resource assumes.
pub(super) async fn bench_of(name: &str) -> Bench {
    match Beside::of(name).unwrap().cluster {
        Some(cluster) => Bench::of(Shape::from_yaml(&cluster.to_string()).unwrap()).await,
        None => Bench::with_ceph().await,
    }
}

/// The life of a resource from its example.
async fn lives(name: String) {
    let name = name.as_str();
    let Example { text, address, id } = example_of(name);
    let (address, id) = (address.as_str(), id.as_str());
    let config = Config::from_hcl(&text).unwrap();
    let mut bench = bench_of(name).await;
    let before = bench.cluster();
    let core = &mut bench.core;
    core.apply(&config).await.unwrap_or_else(|said| panic!("{name}: {said}"));
    let plan = core.plan(&config).await.unwrap_or_else(|said| panic!("{name}: {said}"));
    assert_eq!(plan.actions(), [], "{name}: the plan after it");
    core.refresh().await.unwrap();
    let kept = core.state.get(address).unwrap_or_else(|| panic!("{name}: {address} is not kept")).clone();
    let beside = Beside::of(name).unwrap();
    let writes = |bench: &Bench| {
        let all = bench.writes().into_iter();
        all.filter(|sent| !beside.only_reads(sent)).collect::<Vec<_>>()
    };
    let written = writes(&bench);

    // By identity, in the plan; then by id, as the command does.
    let core = &mut bench.core;
    core.state.instances.remove(&address.into());
    let identity: Json = serde_json::from_str(&kept.identity.clone().unwrap().1).unwrap();
    let by_identity = config.clone().import_by_identity(address, identity.clone());
    core.apply(&by_identity).await.unwrap_or_else(|said| panic!("{name}: {said}"));
    assert_eq!(core.plan(&config).await.unwrap().actions(), [], "{name}: the plan after its import by identity");
    core.state.instances.remove(&address.into());
    // What PVE chooses may be another than the example says.
    let alone = identity.as_object().unwrap().values().next().filter(|_| identity.as_object().unwrap().len() == 1);
    let id =
        alone.map_or_else(|| id.to_owned(), |alone| alone.as_str().map_or_else(|| alone.to_string(), str::to_owned));
    core.import(address, &id).await.unwrap_or_else(|said| panic!("{name}: {said}"));
    let plan = core.plan(&config).await.unwrap();
    // What PVE does not know may have to be set, in the state.
    assert!(plan.actions().iter().all(|(_, action)| *action == Action::Update), "{name}: {:?}", plan.actions());
    core.apply_plan(plan).await.unwrap();
    assert_eq!(core.plan(&config).await.unwrap().actions(), [], "{name}: the plan after its import by id");
    // A secret is sent once more: nobody can tell whether what is there is another.
    if !text.contains("_version") {
        assert_eq!(writes(&bench), written, "{name}: an import writes nothing");
    }

    bench.core.destroy(&config).await.unwrap_or_else(|said| panic!("{name}: {said}"));
    assert!(bench.core.state.is_empty());
    let mut left = difference(&before, &bench.cluster());
    left.retain(|place| !beside.leaves(&place.path) && !beside.leaves_when_forgotten(&place.path));
    assert_eq!(left, [], "{name}: something is left behind");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_resource_lives_from_its_example() {
    // All at once: most of the time each waits for its cluster.
    let all: JoinSet<()> = named("resources").into_iter().map(lives).collect();
    all.join_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_data_source_tells_what_its_example_asks() {
    let mut with_ceph = Bench::with_ceph().await;
    for name in named("data-sources") {
        // What is looked up is what the example of the resource makes, but for what is there.
        let there = ["pve_ceph_manager", "pve_ceph_metadata_server", "pve_ceph_monitor", "pve_ceph_osd"];
        let is_there = there.contains(&name.as_str());
        // Where Ceph or the cluster is what the example makes, there is none before; what is reached by SSH is not reached elsewhere,
        // nor is there a storage of its kind; and what only PVE 8 has is on no other.
        let of_its_own = Beside::of(&name).unwrap().cluster.is_some_and(|cluster| {
            let no_ceph = ["none", "installed"].iter().any(|stage| cluster["ceph"]["stage"] == *stage);
            let singles =
                cluster["nodes"].as_array().is_some_and(|nodes| nodes.iter().any(|node| node["single"] == true));
            no_ceph || singles || cluster["ssh"] == true || cluster["storages"].is_array() || cluster["pve"].is_string()
        });
        let mut own = if of_its_own && !is_there { Some(bench_of(&name).await) } else { None };
        let bench = own.as_mut().unwrap_or(&mut with_ceph);
        let text = read(&examples().join("data-sources").join(&name).join("data-source.tf"));
        let config = Config::from_hcl(&text).unwrap();
        let made = named("resources").contains(&name) && !is_there;
        let resource = made.then(|| read(&examples().join("resources").join(&name).join("resource.tf")));
        let resource = resource.map(|text| Config::from_hcl(&text).unwrap());
        if let Some(resource) = &resource {
            bench.core.apply(resource).await.unwrap_or_else(|said| panic!("{name}: {said}"));
        }
        let writes = |bench: &Bench| bench.writes().iter().filter(|sent| !data_may_send(sent)).count();
        let (written, kept) = (writes(bench), std::mem::take(&mut bench.core.state));
        let plan = bench.core.plan(&config).await.unwrap_or_else(|said| panic!("{name}: {said}"));
        assert!(plan.is_empty() && !plan.outputs.is_empty(), "{name}: {:?}", plan.actions());
        assert!(plan.outputs.values().all(|output| *output != Value::Null), "{name}: {:?}", plan.outputs);
        bench.core.apply_plan(plan).await.unwrap();
        assert_eq!(writes(bench), written, "{name} writes");
        if let Some(resource) = &resource {
            bench.core.state = kept;
            bench.core.destroy(resource).await.unwrap_or_else(|said| panic!("{name}: {said}"));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_bare_disks_to_highly_available_machines() {
    let mut shape = Shape::default();
    shape.ceph.stage = CephStage::Monitors;
    shape.guests.push(GuestShape::ready(101, "pve1"));
    let disks: Json = shape.nodes.iter().map(|node| (node.name.clone(), serials(node))).collect();
    let mut bench = Bench::of(shape).await;
    let text = read(&examples().join("ha-vm-on-ceph").join("main.tf"));
    let config = Config::from_hcl(&text).unwrap().variable("osd_disks", disks.clone());
    bench.core.apply(&config).await.unwrap_or_else(|said| panic!("{said}"));
    let plan = bench.core.plan(&config).await.unwrap();
    assert_eq!(plan.actions(), []);
    let part = |address: &str, of: &str| bench.core.state.get(address).unwrap().get(of);
    assert_eq!(part("pve_ceph_pool.vm", "size"), 5.into());
    assert_eq!(part("pve_ha_resource.existing", "sid"), "vm:101".into());
    assert_eq!(part("pve_vm_disk_move.existing", "ready"), true.into());
    let refused = bench.core.destroy(&config).await.unwrap_err();
    assert!(refused.to_string().contains("allow_destroy"), "{refused}");
    let allowed = config.variable("allow_destroy", true);
    bench.core.apply(&allowed).await.unwrap_or_else(|said| panic!("{said}"));
    bench.core.destroy(&allowed).await.unwrap_or_else(|said| panic!("{said}"));
    assert!(bench.core.state.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_for_windows_is_made_installed_and_destroyed() {
    let mut bench = Bench::of(Shape::default()).await;
    for image in ["local:iso/windows-11.iso", "local:iso/virtio-win.iso"] {
        bench.sim.world.with(|cluster| {
            for node in cluster.nodes.names() {
                cluster.put_iso(&node, image, 1 << 30);
            }
        });
    }
    let text = read(&examples().join("windows-vm").join("main.tf"));
    let config = Config::from_hcl(&text).unwrap();
    bench.core.apply(&config).await.unwrap_or_else(|said| panic!("{said}"));
    assert_eq!(bench.core.plan(&config).await.unwrap().actions(), []);
    let setting = |bench: &Bench, key: &str| {
        let guests = bench.cluster()["guests"].clone();
        let (_, guest) = guests.as_object().unwrap().iter().next().unwrap();
        guest["config"][key].as_str().unwrap_or_default().to_owned()
    };
    for (key, part) in [
        ("efidisk0", "pre-enrolled-keys=1"),
        ("tpmstate0", "version=v2.0"),
        ("ide0", "virtio-win.iso"),
        ("ide2", "windows-11.iso"),
        ("machine", "q35"),
        ("bios", "ovmf"),
    ] {
        assert!(setting(&bench, key).contains(part), "{key}: {}", setting(&bench, key));
    }
    // Windows is there: the drives are emptied while it runs.
    let installed = config.variable("installed", true);
    bench.core.apply(&installed).await.unwrap_or_else(|said| panic!("{said}"));
    assert_eq!(bench.core.plan(&installed).await.unwrap().actions(), []);
    assert!(setting(&bench, "ide2").starts_with("none"), "{}", setting(&bench, "ide2"));
    let allowed = installed.variable("allow_destroy", true);
    bench.core.apply(&allowed).await.unwrap_or_else(|said| panic!("{said}"));
    bench.core.destroy(&allowed).await.unwrap_or_else(|said| panic!("{said}"));
    assert!(bench.core.state.is_empty());
}

/// The serial numbers of a node's disks.
pub(super) fn serials(node: &NodeShape) -> Json {
    node.disks.iter().map(|disk| Json::from(disk.serial.clone())).collect()
}
