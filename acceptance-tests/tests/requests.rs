//! How little a refresh asks of the cluster: what many objects share is read once, over few connections that are kept.

use std::collections::BTreeSet;
use std::time::Duration;

use acceptance_tests::{Program, Scene, Terraform, Workspace, or_skip};

/// A provider must not keep more of PVE's workers busy than this.
const CONNECTIONS: usize = 4;
/// So many lists are shared by the objects of a scene.
const SHARED: usize = 3;

fn asks_little(scene: Scene) -> anyhow::Result<()> {
    let Some(terraform) = or_skip(Terraform::find()) else { return Ok(()) };
    let sim = scene.start(Duration::ZERO)?;
    let work = Workspace::of(terraform, &Program::provider()?, &sim)?;
    scene.adopt(&work)?;
    sim.forget_requests()?;
    let took = Scene::refresh(&work)?;
    let seen = sim.requests()?;
    let told: Vec<String> = seen.iter().map(|seen| format!("{} {}", seen.method, seen.path)).collect();
    // What is shared is read anew after two seconds: on a slow machine a refresh takes several of these.
    let limit = scene.request_limit() + SHARED * (took.as_secs() as usize / 2);
    assert!(!told.is_empty() && told.len() <= limit, "{} requests: {told:#?}", told.len());
    let connections: BTreeSet<(&str, &str)> =
        seen.iter().map(|seen| (seen.node.as_str(), seen.peer.as_str())).collect();
    // PVE closes a connection after 100 requests, and another takes its place.
    let allowed = CONNECTIONS + seen.len() / 100;
    assert!(connections.len() <= allowed, "{} connections: {connections:?}", connections.len());
    Ok(())
}

#[test]
fn lists_are_read_once_for_all_their_objects() -> anyhow::Result<()> {
    asks_little(Scene::LISTED)
}

#[test]
fn a_machine_costs_one_request() -> anyhow::Result<()> {
    asks_little(Scene::MACHINES)
}

#[test]
fn kinds_share_what_they_have_in_common() -> anyhow::Result<()> {
    asks_little(Scene::MIXED)
}
