//! A cluster full of objects, with the configuration that manages them: what a refresh has to go through.

use std::time::{Duration, Instant};

use anyhow::ensure;
use serde_json::{Value, json};

use crate::{HEAD, Sim, Workspace};

/// How many objects of each kind there are.
///
/// They exist from the start, so that a large state is a matter of seconds: nothing is created, all is imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scene {
    /// `pve_vm`, each with a disk, a cloud-init drive and a network card, spread over the nodes.
    pub vms: u32,
    /// `pve_ceph_pool`.
    pub ceph_pools: u32,
    /// `pve_ha_resource`, each on a guest that runs.
    pub ha_resources: u32,
}

/// The number of the first guest; the others follow.
const FIRST: u32 = 1000;
const NODES: u32 = 3;

impl Scene {
    /// 500 HA resources and 50 pools: two lists hold everything.
    pub const LISTED: Self = Self { vms: 0, ceph_pools: 50, ha_resources: 500 };
    /// 100 virtual machines: each has a configuration of its own to read.
    pub const MACHINES: Self = Self { vms: 100, ceph_pools: 0, ha_resources: 0 };
    /// 1,000 virtual machines: a provider's cost for each of them shows.
    pub const FLEET: Self = Self { vms: 1000, ceph_pools: 0, ha_resources: 0 };
    /// 20 virtual machines, 5 pools, 50 HA resources.
    pub const MIXED: Self = Self { vms: 20, ceph_pools: 5, ha_resources: 50 };

    /// The kinds in it, without the prefix, joined by `+`: `ha_resource+ceph_pool`.
    pub fn kinds(&self) -> String {
        let all = [("vm", self.vms), ("ha_resource", self.ha_resources), ("ceph_pool", self.ceph_pools)];
        let there: Vec<&str> = all.into_iter().filter(|(_, n)| *n > 0).map(|(kind, _)| kind).collect();
        there.join("+")
    }

    /// How many objects Terraform manages.
    pub fn objects(&self) -> u32 {
        self.vms + self.ceph_pools + self.ha_resources
    }

    /// The most requests that a plan with a refresh may need: a request for each machine, and a few for everything else.
    pub fn request_limit(&self) -> usize {
        match *self {
            Self::LISTED => 10,
            _ => self.vms as usize + 6,
        }
    }

    /// Starts a cluster that holds all of it.
    ///
    /// `latency` is added to each request. Simulated time passes as fast as real time, so that HA's rounds do not compete
    /// with what is measured.
    pub fn start(&self, latency: Duration) -> anyhow::Result<Sim> {
        let latency = format!("{}ms", latency.as_millis());
        Sim::of(self.cluster(), &["--latency", &latency, "--clock", "1"])
    }

    /// The cluster's shape, as `pve-sim --cluster` takes it.
    pub fn cluster(&self) -> Value {
        let guests = self.vms.max(self.ha_resources);
        let guest = |n: u32| {
            json!({
                "vmid": FIRST + n, "node": format!("pve{}", 1 + n % NODES), "name": format!("vm{}", FIRST + n), "running": true,
                "config": {
                    "cores": "2", "memory": "2048", "scsihw": "virtio-scsi-single", "boot": "order=scsi0",
                    "scsi0": "local-lvm:1,discard=on,iothread=1", "ide2": "local-lvm:cloudinit", "net0": "virtio,bridge=vmbr0",
                    "ipconfig0": "ip=dhcp",
                },
            })
        };
        let pools =
            (0..self.ceph_pools).map(|n| json!({ "name": format!("pool{n}"), "pg_num": 4, "application": "rbd" }));
        let disk = |node: u32| json!([{ "path": "/dev/sdb", "size": "64G", "serial": format!("SIM{node}") }]);
        json!({
            "nodes": (1..=NODES).map(|n| json!({ "name": format!("pve{n}"), "disks": disk(n) })).collect::<Vec<_>>(),
            "storages": [
                { "storage": "local", "type": "dir", "path": "/var/lib/vz", "content": ["iso"] },
                {
                    "storage": "local-lvm", "type": "lvmthin", "vgname": "pve", "thinpool": "data", "content": ["images"],
                    "size": "4T",
                },
            ],
            "guests": (0..guests).map(guest).collect::<Vec<_>>(),
            "ha": { "resources": (0..self.ha_resources).map(|n| json!({ "vmid": FIRST + n })).collect::<Vec<_>>() },
            "ceph": { "stage": "ready", "pools": pools.collect::<Vec<_>>() },
        })
    }

    /// The configuration: every object with nothing but its name, so that everything else is read and nothing planned.
    pub fn configuration(&self) -> String {
        let mut text = HEAD.to_owned();
        for Kind { kind, attribute, keys } in self.all() {
            let keys = keys.join("\", \"");
            text += &format!(
                "\nlocals {{\n  {kind} = toset([\"{keys}\"])\n}}\n\nresource \"pve_{kind}\" \"all\" {{\n  \
                 for_each  = local.{kind}\n  {attribute} = each.key\n}}\n"
            );
        }
        text
    }

    /// The blocks that import every object.
    fn imports(&self) -> String {
        let block = |kind| {
            format!("import {{\n  for_each = local.{kind}\n  to = pve_{kind}.all[each.key]\n  id = each.key\n}}\n")
        };
        self.all().map(|Kind { kind, .. }| block(kind)).collect()
    }

    /// Every object's address, and the id that it is imported by.
    pub fn ids(&self) -> Vec<(String, String)> {
        let of = |Kind { kind, keys, .. }: Kind| {
            keys.into_iter().map(move |key| (format!("pve_{kind}.all[\"{key}\"]"), key))
        };
        self.all().flat_map(of).collect()
    }

    fn all(&self) -> impl Iterator<Item = Kind> {
        let guests =
            move |n: u32, prefix: &'static str| (FIRST..FIRST + n).map(move |id| format!("{prefix}{id}")).collect();
        let pools = (0..self.ceph_pools).map(|n| format!("pool{n}")).collect();
        let kinds = [
            Kind { kind: "vm", attribute: "vmid", keys: guests(self.vms, "") },
            Kind { kind: "ha_resource", attribute: "sid", keys: guests(self.ha_resources, "vm:") },
            Kind { kind: "ceph_pool", attribute: "name", keys: pools },
        ];
        kinds.into_iter().filter(|kind: &Kind| !kind.keys.is_empty())
    }

    /// Brings every object into the workspace's state by import, and makes sure that nothing is left to plan then.
    pub fn adopt(&self, work: &Workspace) -> anyhow::Result<()> {
        work.write("main.tf", &self.configuration())?;
        work.write("imports.tf", &self.imports())?;
        work.init()?.succeeded()?;
        work.apply()?.succeeded()?;
        std::fs::remove_file(work.path().join("imports.tf"))?;
        let plan = work.try_plan(&[])?;
        ensure!(plan.code == Some(0), "nothing should be planned after the import: {}", plan.told());
        Ok(())
    }

    /// A plan with a refresh, as users make it: nothing is written to a file. Gives the time it took.
    pub fn refresh(work: &Workspace) -> anyhow::Result<Duration> {
        let begun = Instant::now();
        let plan = work.run(&["plan", "-no-color", "-input=false", "-detailed-exitcode"])?;
        let took = begun.elapsed();
        ensure!(plan.code == Some(0), "nothing should be planned: {}", plan.told());
        Ok(took)
    }
}

/// All objects of a kind.
struct Kind {
    /// Type, without the provider's prefix.
    kind: &'static str,
    /// The attribute that names it.
    attribute: &'static str,
    /// The names, which are the import ids.
    keys: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scene_is_told_in_kinds_and_numbers() {
        assert_eq!(Scene::LISTED.kinds(), "ha_resource+ceph_pool");
        assert_eq!((Scene::MIXED.kinds().as_str(), Scene::MIXED.objects()), ("vm+ha_resource+ceph_pool", 75));
        assert_eq!((Scene::LISTED.request_limit(), Scene::MACHINES.request_limit()), (10, 106));
        assert_eq!(Scene::MIXED.request_limit(), 26);
        let text = Scene { vms: 2, ceph_pools: 1, ha_resources: 0 }.configuration();
        assert!(text.contains("vm = toset([\"1000\", \"1001\"])") && text.contains("ceph_pool = toset([\"pool0\"])"));
        assert!(!text.contains("ha_resource"), "{text}");
    }
}
