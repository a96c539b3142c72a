//! Small configurations which together have every type of resource, and every data source.

/// A configuration and the cluster that it is applied to.
#[derive(Clone, Copy, Debug)]
pub struct Scene {
    /// What it is called in reports.
    pub name: &'static str,
    /// Options of `pve-sim serve`.
    pub cluster: &'static [&'static str],
    /// The resources. `var.other` chooses between two ways of configuring them, which an update goes between.
    pub text: &'static str,
    /// Their addresses and import ids.
    pub imports: &'static [(&'static str, &'static str)],
    /// Data sources.
    pub data: &'static str,
}

/// All of them.
pub const SCENES: &[Scene] = &[
    Scene {
        name: "pool, storage, machine, move, HA",
        cluster: &["--ceph", "ready", "--bandwidth", "1GiB/s"],
        text: r#"
resource "pve_ceph_pool" "vm" {
  name              = "vm"
  pg_autoscale_mode = var.other ? "warn" : "on"
  allow_destroy     = true
}
resource "pve_storage_rbd" "vm" {
  storage = "ceph-vm"
  pool    = pve_ceph_pool.vm.name
  content = var.other ? ["images", "rootdir"] : ["images"]
}
resource "pve_vm" "db" {
  vmid          = 132
  node          = "pve1"
  name          = "db"
  memory        = var.other ? 1024 : 512
  disks         = { scsi0 = { size = "4G", initial_storage = "local-lvm" } }
  allow_destroy = true
  depends_on    = [pve_storage_rbd.vm]
}
resource "pve_vm_disk_move" "db" {
  vmid          = pve_vm.db.vmid
  disk          = "scsi0"
  storage       = pve_storage_rbd.vm.storage
  delete_source = true
  lifecycle {
    postcondition {
      condition     = self.ready
      error_message = "The disk is still moving; apply again to watch it finish."
    }
  }
}
resource "pve_ha_resource" "db" {
  sid         = "vm:${pve_vm.db.vmid}"
  max_restart = var.other ? 3 : 2
  depends_on  = [pve_vm_disk_move.db]
}
"#,
        imports: &[
            ("pve_ceph_pool.vm", "vm"),
            ("pve_storage_rbd.vm", "ceph-vm"),
            ("pve_vm.db", "132"),
            ("pve_vm_disk_move.db", "132/scsi0"),
            ("pve_ha_resource.db", "vm:132"),
        ],
        data: r#"
data "pve_version" "it" {}
data "pve_nodes" "it" {}
data "pve_ceph_status" "it" {}
data "pve_ha_status" "it" {}
data "pve_node_disks" "it" { node = "pve2" }
data "pve_vm" "it" { vmid = 132 }
"#,
    },
    Scene {
        name: "OSD",
        cluster: &["--ceph", "monitors"],
        text: r#"
resource "pve_ceph_osd" "one" {
  node               = "pve2"
  device             = { serial = "SIM0201" }
  crush_device_class = var.other ? "nvme" : "ssd"
  allow_destroy      = true
}
"#,
        imports: &[("pve_ceph_osd.one", "0")],
        data: "data \"pve_node_disks\" \"it\" { node = \"pve2\" }\n",
    },
    Scene {
        name: "CRUSH rule, resource pool",
        cluster: &["--ceph", "ready"],
        text: r#"
resource "pve_ceph_crush_rule" "spread" {
  name           = "spread"
  failure_domain = var.other ? "host" : "osd"
}
resource "pve_pool" "team" {
  poolid  = "team"
  comment = var.other ? "Others" : "Team"
}
"#,
        imports: &[("pve_ceph_crush_rule.spread", "spread"), ("pve_pool.team", "team")],
        data: "data \"pve_ceph_status\" \"it\" {}\n",
    },
];

impl Scene {
    /// The blocks that import everything.
    pub(super) fn import_blocks(&self) -> String {
        let block = |(to, id): &(&str, &str)| format!("import {{\n  to = {to}\n  id = \"{id}\"\n}}\n");
        self.imports.iter().map(block).collect()
    }
}
