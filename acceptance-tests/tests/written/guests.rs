//! The examples of guests, all on one cluster: made, relocated, found by `terraform query`, and taken over from an empty folder.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use acceptance_tests::{Program, Sim, Terraform, Workspace, or_skip};
use anyhow::{Context as _, ensure};
use serde_json::json;

use crate::query::{EMPTY, elsewhere, held, query_all};

/// Ceph with OSDs, the machine from before, a template, a cloud's image, both images for Windows, and a container's template.
const CLUSTER: &str = "
guests:
  - {vmid: 101, node: pve1, name: existing, config: {memory: '1024', scsi0: 'local-lvm:8', net0: 'virtio,bridge=vmbr0'}}
  - vmid: 9000
    node: pve1
    name: golden
    config: {template: 1, cores: 1, memory: '512', ostype: l26, agent: '1', scsi0: 'local-lvm:2', ide2: 'local-lvm:cloudinit',
             net0: 'virtio,bridge=vmbr0', boot: 'order=scsi0'}
storages:
  - storage: local
    type: dir
    path: /var/lib/vz
    content: [iso, import, vztmpl]
    volumes:
      - {name: import/debian-13.qcow2, size: 2G}
      - {name: iso/windows-11.iso, size: 6G}
      - {name: iso/virtio-win.iso, size: 1G}
      - {name: vztmpl/debian-13.tar.zst, size: 120M}
  - {storage: local-lvm, type: lvmthin, vgname: pve, thinpool: data, content: [images, rootdir], size: 4T}
ceph: {stage: ready}
";

const CONTAINER: &str = r#"
terraform {
  required_providers {
    pve = { source = "homelab/pve" }
  }
}

provider "pve" {}

resource "pve_container" "proxy" {
  hostname      = "proxy"
  template_file = "local:vztmpl/debian-13.tar.zst"
  memory        = 256
  started       = true

  rootfs   = { storage = "local-lvm", size = "4G" }
  networks = { net0 = { name = "eth0", bridge = "vmbr0", ip = "dhcp" } }

  allow_destroy = true
}
"#;

/// The node on which a guest is now.
fn node_of(sim: &Sim, vmid: &str) -> anyhow::Result<String> {
    let state = sim.state()?;
    Ok(state["guests"][vmid]["node"].as_str().with_context(|| format!("no guest {vmid}"))?.to_owned())
}

#[test]
fn every_example_of_guests_is_made_relocated_found_and_taken_over() -> anyhow::Result<()> {
    let Some(terraform) = or_skip(Terraform::find()) else { return Ok(()) };
    let sim = Sim::of(CLUSTER, &["--clock", "120", "--bandwidth", "1GiB/s"])?;
    let before = sim.state()?["guests"].clone();
    let mut works = Vec::new();
    for example in ["cloud-image-vm", "fleet", "windows-vm", "ha-affinity", ""] {
        let work = Workspace::of(terraform, &Program::provider()?, &sim)?;
        if example.is_empty() {
            work.write("main.tf", CONTAINER)?;
        } else {
            work.copy_example(example)?;
        }
        work.init()?.succeeded()?;
        work.apply()?.succeeded().with_context(|| example.to_owned())?;
        work.plans_nothing().with_context(|| example.to_owned())?;
        works.push((example, work));
    }
    ensure!(
        sim.state()?["guests"].as_object().is_some_and(|all| all.len() == 2 + 30 + 4),
        "{:#}",
        sim.state()?["guests"]
    );

    // The node dies on which the old machine is; HA starts it elsewhere.
    let home = node_of(&sim, "101")?;
    sim.power(&home, false)?;
    let begun = Instant::now();
    while node_of(&sim, "101")? == home {
        ensure!(begun.elapsed() < Duration::from_secs(120), "it is not relocated");
        sim.advance(60)?;
    }
    for (example, work) in works.iter().filter(|(example, _)| *example == "ha-affinity") {
        work.plans_nothing().with_context(|| format!("{example}, relocated"))?;
    }
    sim.power(&home, true)?;
    sim.advance(600)?;

    let fresh = elsewhere(&sim, EMPTY)?;
    fresh.init()?.succeeded()?;
    if query_all(&sim, &fresh)? {
        let found = held(&fresh.state()?);
        for (example, work) in &works {
            let made: BTreeSet<_> = held(&work.state()?);
            let missing: Vec<_> = made.difference(&found).collect();
            ensure!(missing.is_empty(), "{example}: not taken over: {missing:?}");
        }
    }

    for (example, work) in works.iter().rev() {
        if ["windows-vm", "ha-affinity"].contains(example) {
            work.write("allow.auto.tfvars", "allow_destroy = true\n")?;
            work.apply()?.succeeded()?;
        }
        // The machine from before would go with its Terraform.
        if *example == "ha-affinity" {
            work.run(&[
                "apply",
                "-no-color",
                "-input=false",
                "-auto-approve",
                "-destroy",
                "-target=pve_ha_rule_resource_affinity.apart",
                "-target=pve_ha_rule_node_affinity.home",
                "-target=pve_vm.second",
            ])?
            .succeeded()?;
            continue;
        }
        work.destroy()?.succeeded().with_context(|| (*example).to_owned())?;
    }
    let left: BTreeSet<String> =
        sim.state()?["guests"].as_object().into_iter().flatten().map(|(id, _)| id.clone()).collect();
    let expected: BTreeSet<String> = before.as_object().into_iter().flatten().map(|(id, _)| id.clone()).collect();
    ensure!(left == expected, "left: {left:?}");
    ensure!(sim.unmodelled()? == json!([]), "asked for what the simulator does not know: {}", sim.unmodelled()?);
    Ok(())
}
