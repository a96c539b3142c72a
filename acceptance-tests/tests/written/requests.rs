//! How little a refresh asks of the cluster: what many objects share is read once, over few connections that are kept, also
//! where Terraform asks for several objects at once. With hundreds of them: `src/in_process/shared_reads.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use acceptance_tests::{Program, Scene, Terraform, Workspace, cluster_of, or_skip};

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
fn kinds_share_what_they_have_in_common() -> anyhow::Result<()> {
    asks_little(Scene::MIXED)
}

/// Six OSDs, rules, storages, and machines whose disks were moved.
const CEPH: &str = "
storages:
  - {storage: local, type: dir, path: /var/lib/vz, content: [iso]}
  - {storage: vm, type: rbd, pool: vm, content: [images]}
  - {storage: more, type: rbd, pool: more, content: [images]}
guests:
  - {vmid: 101, node: pve1, config: {scsi0: 'vm:1', scsihw: virtio-scsi-pci}}
  - {vmid: 102, node: pve2, config: {scsi0: 'vm:1', scsi1: 'more:1', scsihw: virtio-scsi-pci}}
ceph:
  stage: ready
  pools: [{name: vm, application: rbd}, {name: more, application: rbd}]
  rules: [{name: osd, failure_domain: osd}, {name: also, failure_domain: osd}]
";

const CEPH_HCL: &str = r#"
locals {
  osds  = { for n in range(6) : n => { node = "pve${1 + floor(n / 2)}", serial = "SIM0${1 + floor(n / 2)}0${1 + n % 2}" } }
  moves = { "101/scsi0" = "vm", "102/scsi0" = "vm", "102/scsi1" = "more" }
}

resource "pve_ceph_osd" "all" {
  for_each = local.osds
  node     = each.value.node
  device   = { serial = each.value.serial }
}

resource "pve_ceph_crush_rule" "all" {
  for_each       = toset(["osd", "also"])
  name           = each.key
  failure_domain = "osd"
}

resource "pve_storage_rbd" "all" {
  for_each = toset(["vm", "more"])
  storage  = each.key
  pool     = each.key
}

resource "pve_vm_disk_move" "all" {
  for_each = local.moves
  vmid     = split("/", each.key)[0]
  disk     = split("/", each.key)[1]
  storage  = each.value
}
"#;

const CEPH_IMPORTS: &str = r#"
import {
  for_each = local.osds
  to       = pve_ceph_osd.all[each.key]
  id       = each.key
}
import {
  for_each = toset(["osd", "also"])
  to       = pve_ceph_crush_rule.all[each.key]
  id       = each.key
}
import {
  for_each = toset(["vm", "more"])
  to       = pve_storage_rbd.all[each.key]
  id       = each.key
}
import {
  for_each = local.moves
  to       = pve_vm_disk_move.all[each.key]
  id       = each.key
}
"#;

/// All that a plan asks for which changes none of these.
const CEPH_REQUESTS: [&str; 6] = [
    "GET /cluster/resources",
    "GET /nodes/localhost/ceph/crush",
    "GET /nodes/localhost/ceph/osd",
    "GET /nodes/pve1/qemu/101/config",
    "GET /nodes/pve2/qemu/102/config",
    "GET /storage",
];

#[test]
fn osds_rules_storages_and_moves_have_their_few_requests() -> anyhow::Result<()> {
    let Some((sim, work)) = cluster_of(CEPH, &["--clock", "1"])? else { return Ok(()) };
    work.write("main.tf", CEPH_HCL)?;
    work.write("imports.tf", CEPH_IMPORTS)?;
    work.apply()?.succeeded()?;
    std::fs::remove_file(work.path().join("imports.tf"))?;
    sim.forget_requests()?;
    let took = Scene::refresh(&work)?;
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    sim.requests()?.iter().for_each(|seen| *times.entry(format!("{} {}", seen.method, seen.path)).or_default() += 1);
    assert!(times.keys().eq(&CEPH_REQUESTS), "{times:#?}");
    // Each once, but for what is shared, and read anew after two seconds.
    let most = 1 + took.as_secs() as usize / 2;
    assert!(times.values().all(|times| *times <= most), "{took:?}: {times:#?}");
    Ok(())
}
