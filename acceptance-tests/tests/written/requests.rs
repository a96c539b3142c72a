//! How little a refresh asks of the cluster: what many objects share is read once, over few connections that are kept.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use acceptance_tests::{Program, Scene, Terraform, Workspace, or_skip};

/// A provider must not keep more of PVE's workers busy than this.
const CONNECTIONS: usize = 4;

fn asks_little(scene: Scene) -> anyhow::Result<()> {
    let Some(terraform) = or_skip(Terraform::find()) else { return Ok(()) };
    let sim = scene.start(Duration::ZERO)?;
    let work = Workspace::of(terraform, &Program::provider()?, &sim)?;
    scene.adopt(&work)?;
    sim.forget_requests()?;
    let took = Scene::refresh(&work)?;
    let seen = sim.requests()?;
    let told: Vec<String> = seen.iter().map(|seen| format!("{} {}", seen.method, seen.path)).collect();
    let mut times: BTreeMap<&String, usize> = BTreeMap::new();
    told.iter().for_each(|request| *times.entry(request).or_default() += 1);
    assert!(!told.is_empty() && times.len() <= scene.request_limit(), "{} requests: {told:#?}", times.len());
    // What is shared is read anew after two seconds, and a slow machine takes several of these for a refresh.
    let again = 1 + took.as_secs() as usize / 2;
    let allowed = |request: &str| if request.contains("/qemu/") { 1 } else { again };
    let too_often: Vec<_> = times.iter().filter(|(request, times)| **times > allowed(request)).collect();
    assert!(too_often.is_empty(), "asked too often: {too_often:?}");
    let connections: BTreeSet<(&str, &str)> =
        seen.iter().map(|seen| (seen.node.as_str(), seen.peer.as_str())).collect();
    // PVE closes a connection after 100 requests, and one that nobody used for 4 s is not used again.
    let allowed = CONNECTIONS * (1 + took.as_secs() as usize / 4) + seen.len() / 100;
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
