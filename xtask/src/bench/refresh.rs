//! Plans over many objects, by a real Terraform: requests, connections, time, and the time Terraform needs by itself.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use acceptance_tests::{Program, Scene, Sim, Terraform, Workspace};
use anyhow::{Context as _, Result};
use prost::Message as _;
use serde::Serialize;
use serde_json::Value;
use tempfile::TempDir;
use tfplugin6::provider_client::ProviderClient;
use tfplugin6::{get_provider_schema, get_resource_identity_schemas};

use super::host::{Identity, MESSAGE_LIMIT, Plugin};
use super::{median, memory, milliseconds};

/// How often each plan is made.
const RUNS: usize = 5;
const LATENCIES: [Duration; 2] = [Duration::ZERO, Duration::from_millis(5)];
pub(super) const SCENES: [Scene; 4] = [Scene::LISTED, Scene::MACHINES, Scene::FLEET, Scene::MIXED];

/// A plan with a refresh.
#[derive(Serialize)]
pub(super) struct Refresh {
    #[serde(skip)]
    pub(super) scene: Scene,
    pub(super) objects: String,
    pub(super) n: u32,
    pub(super) latency_ms: u64,
    pub(super) requests: usize,
    pub(super) connections: usize,
    pub(super) wall_ms: f64,
    /// The same plan with a provider that gives back what it is sent.
    pub(super) floor_ms: f64,
}

/// All plans.
pub(super) struct Refreshed {
    pub(super) plans: Vec<Refresh>,
    /// MiB resident after all objects of a scene were read.
    memory: Vec<(Scene, f64)>,
}

impl Refreshed {
    /// MiB resident after all objects of the first scene were read.
    pub(super) fn memory_mib(&self) -> f64 {
        self.memory.first().map_or(f64::NAN, |(_, mib)| *mib)
    }

    /// KiB more for each further machine; none for who knows no machines.
    pub(super) fn kib_a_machine(&self) -> Option<f64> {
        let of = |scene: Scene| self.memory.iter().find(|(of, _)| *of == scene).map(|(_, mib)| *mib);
        let more = of(Scene::FLEET)? - of(Scene::MACHINES)?;
        Some(more * 1024.0 / f64::from(Scene::FLEET.vms - Scene::MACHINES.vms))
    }

    #[cfg(test)]
    pub(super) fn of(plans: Vec<Refresh>, memory: Vec<(Scene, f64)>) -> Self {
        Self { plans, memory }
    }
}

/// The replies of a provider that describe what it offers, kept in files for the one that does nothing.
pub(super) struct Schemas {
    directory: TempDir,
    /// The types of its resources.
    pub(super) resources: BTreeSet<String>,
}

impl Schemas {
    /// Asks the provider; none if it speaks an older protocol.
    pub(super) async fn of(program: &Path) -> Result<Option<Self>> {
        let identity = Identity::new()?;
        let plugin = Plugin::start(program, &identity, &[])?;
        let connection = plugin.connect(&identity).await?;
        if connection.protocol != 6 {
            return Ok(None);
        }
        let mut client = ProviderClient::new(connection.channel).max_decoding_message_size(MESSAGE_LIMIT);
        let schema = client.get_provider_schema(get_provider_schema::Request {}).await?.into_inner();
        let identities = client.get_resource_identity_schemas(get_resource_identity_schemas::Request {}).await;
        // A provider may have none.
        let identities = identities.map(tonic::Response::into_inner).unwrap_or_default();
        let directory = TempDir::new()?;
        std::fs::write(directory.path().join("schema"), schema.encode_to_vec())?;
        std::fs::write(directory.path().join("identities"), identities.encode_to_vec())?;
        Ok(Some(Self { directory, resources: schema.resource_schemas.into_keys().collect() }))
    }

    /// Whether there is a scene that the provider can manage.
    pub(super) fn know_a_scene(&self) -> bool {
        SCENES.iter().any(|scene| self.offer(scene))
    }

    /// Whether every kind of object of the scene is among them.
    fn offer(&self, scene: &Scene) -> bool {
        scene.kinds().split('+').all(|kind| self.resources.contains(&format!("pve_{kind}")))
    }

    fn path(&self, file: &str) -> String {
        self.directory.path().join(file).display().to_string()
    }
}

/// A provider whose plans are measured, and what has been measured so far.
pub(super) struct Candidate<'a> {
    pub(super) program: &'a Path,
    pub(super) schemas: &'a Schemas,
    plans: Vec<Refresh>,
    memory: Vec<(Scene, f64)>,
}

impl<'a> Candidate<'a> {
    pub(super) fn new(program: &'a Path, schemas: &'a Schemas) -> Self {
        Self { program, schemas, plans: Vec::new(), memory: Vec::new() }
    }

    /// None if there was no scene that it can manage.
    pub(super) fn measured(self) -> Option<Refreshed> {
        (!self.memory.is_empty()).then_some(Refreshed { plans: self.plans, memory: self.memory })
    }
}

/// A scene set up for one candidate, with what its plans have taken.
struct Stage {
    sim: Sim,
    work: Workspace,
    floor_ms: f64,
    wall: Vec<f64>,
    requests: usize,
    connections: usize,
}

impl Stage {
    fn run(&mut self) -> Result<()> {
        self.sim.forget_requests()?;
        self.wall.push(milliseconds(Scene::refresh(&self.work)?));
        let seen = self.sim.requests()?;
        let peers: BTreeSet<_> = seen.iter().map(|seen| (&seen.node, &seen.peer)).collect();
        // Of counts the largest: they have limits, not averages.
        self.connections = self.connections.max(peers.len());
        self.requests = self.requests.max(seen.len());
        Ok(())
    }
}

/// Makes the plans over every scene that a candidate can manage, the candidates in turn.
pub(super) async fn measure(candidates: &mut [Candidate<'_>], idle: &Path) -> Result<()> {
    let terraform = Terraform::find()?;
    let program = |path: &Path| Program { path: path.to_owned(), source: "homelab/pve" };
    for scene in SCENES {
        let mut able: Vec<&mut Candidate<'_>> =
            candidates.iter_mut().filter(|candidate| candidate.schemas.offer(&scene)).collect();
        let mut floors = vec![None; able.len()];
        for latency in LATENCIES {
            let mut stages = Vec::new();
            for (candidate, floor) in able.iter().zip(&mut floors) {
                let sim = scene.start(latency)?;
                let work = Workspace::of(terraform, &program(candidate.program), &sim)?;
                scene.adopt(&work)?;
                let floor_ms = match *floor {
                    Some(floor) => floor,
                    None => *floor.insert(without_work(terraform, &program(idle), candidate.schemas, &work)?),
                };
                stages.push(Stage { sim, work, floor_ms, wall: Vec::new(), requests: 0, connections: 0 });
            }
            for _ in 0..RUNS {
                stages.iter_mut().try_for_each(Stage::run)?;
            }
            for (candidate, stage) in able.iter_mut().zip(stages) {
                if latency.is_zero() {
                    let environment: Vec<_> =
                        stage.sim.environment().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
                    let state = stage.work.state()?;
                    let resident = memory::after_refresh(candidate.program, &environment, &state).await?;
                    candidate.memory.push((scene, resident));
                }
                candidate.plans.push(Refresh {
                    scene,
                    objects: scene.kinds(),
                    n: scene.objects(),
                    latency_ms: latency.as_millis() as u64,
                    requests: stage.requests,
                    connections: stage.connections,
                    wall_ms: median(stage.wall),
                    floor_ms: stage.floor_ms,
                });
            }
        }
    }
    Ok(())
}

/// The time of the same plan with the provider that does nothing.
fn without_work(terraform: &'static Terraform, idle: &Program, schemas: &Schemas, like: &Workspace) -> Result<f64> {
    let mut work = Workspace::new(terraform, idle)?;
    work.set("ECHO_SCHEMA", &schemas.path("schema"));
    work.set("ECHO_IDENTITIES", &schemas.path("identities"));
    for file in ["main.tf", "terraform.tfstate"] {
        std::fs::copy(like.path().join(file), work.path().join(file)).with_context(|| file.to_owned())?;
    }
    work.init()?.succeeded()?;
    let walls = (0..RUNS).map(|_| Ok(milliseconds(Scene::refresh(&work)?))).collect::<Result<Vec<f64>>>()?;
    Ok(median(walls))
}

/// As the JSON of the report has them.
pub(super) fn json(refreshed: Option<&Refreshed>) -> Result<Value> {
    Ok(serde_json::to_value(refreshed.map_or(&[][..], |refreshed| &refreshed.plans))?)
}
