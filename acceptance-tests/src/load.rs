//! A large configuration in one apply.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::json;

use crate::{Concurrency, HEAD, Program, Sim, Terraform, Workspace};

const NODES: u32 = 4;
/// The first guest that is there already.
const FIRST: u32 = 2000;

/// Added to each request: answers that come at once are never in flight together.
const LATENCY: &str = "10ms";

/// How much is made at once.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// OSDs, spread over the nodes.
    pub osds: u32,
    /// Ceph pools, the first of them with a storage.
    pub pools: u32,
    /// Virtual machines on that storage.
    pub vms: u32,
    /// Guests under HA: those machines, and others that are there already.
    pub ha_resources: u32,
}

/// What it took.
#[derive(Debug)]
pub struct Borne {
    /// Objects made.
    pub objects: u32,
    /// Requests answered.
    pub requests: usize,
    /// From start to end.
    pub took: Duration,
    /// What went on at once.
    pub concurrency: Concurrency,
}

impl Load {
    /// What a large cluster is set up with.
    pub const FULL: Self = Self { osds: 24, pools: 50, vms: 30, ha_resources: 500 };
    /// The same in small.
    pub const SMALL: Self = Self { osds: 8, pools: 8, vms: 6, ha_resources: 40 };

    /// Applies it to a cluster of its own.
    ///
    /// # Errors
    /// The apply failed, left something to be planned, told of a lock, or was not orderly.
    pub fn bear(&self, terraform: &'static Terraform, provider: &Program, parallelism: u32) -> anyhow::Result<Borne> {
        let sim = Sim::of(self.cluster(), &["--clock", "120", "--latency", LATENCY])?;
        let work = Workspace::of(terraform, provider, &sim)?;
        work.write("head.tf", HEAD)?;
        work.write("main.tf", &self.configuration())?;
        work.init()?.succeeded()?;
        sim.forget_concurrency()?;
        let begun = Instant::now();
        let parallel = format!("-parallelism={parallelism}");
        let output = work.run(&["apply", "-no-color", "-input=false", "-auto-approve", &parallel])?.succeeded()?;
        let took = begun.elapsed();
        let objects = self.osds + self.pools + 1 + self.vms + self.ha_resources;
        ensure!(output.says(&format!("{objects} added, 0 changed, 0 destroyed")), "{}", output.told());
        for word in ["got timeout", "lock request"] {
            ensure!(!output.says(word), "it said {word:?}: {}", output.told());
        }
        let told = output.stdout.matches("Warning: ").count();
        let of_watchdogs = output.stdout.matches("Warning: The first guest under HA arms").count();
        ensure!(told == of_watchdogs, "it warned: {}", output.told());
        let concurrency = sim.concurrency()?;
        concurrency.must_be_orderly()?;
        ensure!(!concurrency.at_once.is_empty(), "no write took a lock");
        let requests = sim.requests()?.len();
        let plan = work.try_plan(&[])?;
        ensure!(plan.code == Some(0), "something is planned: {}", plan.told());
        self.is_there(&sim).context("the cluster afterwards")?;
        Ok(Borne { objects, requests, took, concurrency })
    }

    /// Everything that was asked for, and running.
    fn is_there(&self, sim: &Sim) -> anyhow::Result<()> {
        let state = sim.state()?;
        let count = |pointer: &str| match state.pointer(pointer) {
            Some(serde_json::Value::Object(all)) => all.len(),
            Some(serde_json::Value::Array(all)) => all.len(),
            _ => 0,
        };
        let found = [count("/ceph/osds"), count("/ceph/pools"), count("/ha/resources")];
        // Ceph makes a pool of its own.
        let wanted = [self.osds, self.pools + 1, self.ha_resources].map(|n| n as usize);
        ensure!(found == wanted, "OSDs, pools, HA resources: {found:?} instead of {wanted:?}");
        let guests = state["guests"].as_object().context("no guests")?;
        let stopped: Vec<&String> = guests.iter().filter(|(_, g)| g["running"] != true).map(|(id, _)| id).collect();
        ensure!(stopped.is_empty(), "guests that do not run: {stopped:?}");
        Ok(())
    }

    /// The cluster's shape, as `pve-sim --cluster` takes it.
    fn cluster(&self) -> serde_json::Value {
        // The number 0 is the system disk's.
        let disk = |node: u32, letter: char, n: u32| json!({ "path": format!("/dev/sd{letter}"), "size": "64G", "serial": format!("SIM{node:02}{n:02}") });
        let disks = |node: u32| {
            let each = ('b'..='z').zip(1..=self.osds.div_ceil(NODES));
            each.map(|(letter, n)| disk(node, letter, n)).collect::<Vec<_>>()
        };
        let there = self.ha_resources.saturating_sub(self.vms);
        // Nothing of them is local to a node.
        let guest = |n: u32| {
            json!({
                "vmid": FIRST + n, "node": format!("pve{}", 1 + n % NODES), "running": true,
                "config": { "cores": "1", "memory": "512", "net0": "virtio,bridge=vmbr0" },
            })
        };
        json!({
            "nodes": (1..=NODES).map(|n| json!({ "name": format!("pve{n}"), "disks": disks(n) })).collect::<Vec<_>>(),
            "guests": (0..there).map(guest).collect::<Vec<_>>(),
            "ceph": { "stage": "monitors" },
        })
    }

    fn configuration(&self) -> String {
        let Self { osds, pools, vms, ha_resources } = self;
        let there = ha_resources.saturating_sub(*vms);
        format!(
            r#"
resource "pve_ceph_osd" "disk" {{
  count  = {osds}
  node   = "pve${{1 + count.index % {NODES}}}"
  device = {{ serial = format("SIM%02d%02d", 1 + count.index % {NODES}, 1 + floor(count.index / {NODES})) }}
}}

resource "pve_ceph_pool" "pool" {{
  count      = {pools}
  name       = "pool${{count.index}}"
  pg_num     = 8
  depends_on = [pve_ceph_osd.disk]
}}

resource "pve_storage_rbd" "vm" {{
  storage = "ceph-vm"
  pool    = pve_ceph_pool.pool[0].name
}}

resource "pve_vm" "made" {{
  count  = {vms}
  vmid   = 1000 + count.index
  node   = "pve${{1 + count.index % {NODES}}}"
  memory = 512
  disks  = {{ scsi0 = {{ size = "1G", storage = pve_storage_rbd.vm.storage }} }}
}}

resource "pve_ha_resource" "made" {{
  count = {vms}
  sid   = "vm:${{pve_vm.made[count.index].vmid}}"
}}

resource "pve_ha_resource" "there" {{
  count = {there}
  sid   = "vm:${{{FIRST} + count.index}}"
}}
"#
        )
    }
}
