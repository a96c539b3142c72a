//! Clusters and configurations of deep objects that tests with a real Terraform begin with, and those in the process.

use serde_json::{Value, json};

/// So many freshly installed nodes that do not know each other, each with so many empty disks, and on the first a machine that runs,
/// with a disk of so many GiB on local-lvm.
#[must_use]
pub fn bare_nodes(nodes: usize, disks: usize, vmid: u32, gib: u32) -> Value {
    let node = |n: usize| {
        let disk = |d: usize| {
            let letter = char::from(b"bcdefgh"[d - 1]);
            json!({ "path": format!("/dev/sd{letter}"), "size": "64G", "serial": bare_serial(n, d) })
        };
        json!({ "name": format!("pve{n}"), "single": true, "disks": (1..=disks).map(disk).collect::<Vec<_>>() })
    };
    let config = json!({
        "memory": "2048", "ostype": "l26", "scsi0": format!("local-lvm:{gib}"), "net0": "virtio,bridge=vmbr0",
    });
    json!({
        "nodes": (1..=nodes).map(node).collect::<Vec<_>>(),
        "ceph": { "stage": "none" },
        "guests": [{ "vmid": vmid, "node": "pve1", "running": true, "config": config }],
    })
}

/// The serial number of a disk of [`bare_nodes`]; both count from 1.
#[must_use]
pub fn bare_serial(node: usize, disk: usize) -> String {
    format!("SIM{node:02}{disk:02}")
}

/// Three nodes; on the first a disk of every kind that an OSD may find.
pub const OSD_DISKS: &str = r#"
nodes:
  - name: pve1
    disks:
      - {path: /dev/sdb, size: 64G, serial: FREE1}
      - {path: /dev/sdc, size: 64G, serial: EXT4, used: ext4}
      - path: /dev/sdd
        size: 128G
        serial: PARTS
        partitions:
          - {number: 1, size: 1G, used: ext4, mounted: true}
          - {number: 2, size: 32G}
          - {number: 3, size: 32G, used: xfs}
      - {path: /dev/sde, size: 64G, serial: TWIN}
      - {path: /dev/sdf, size: 64G, serial: TWIN}
      - {path: /dev/sdg, size: 64G, serial: unknown}
      - path: /dev/sdh
        size: 64G
        serial: OLD
        partitions:
          - {number: 1, size: 10G, used: ext4}
          - {number: 2, size: 10G}
      - {path: /dev/sdi, size: 64G, serial: TAKEN}
      - path: /dev/sdj
        size: 64G
        serial: HELD
        partitions: [{number: 1, size: 32G, used: LVM, held: true}, {number: 2, size: 16G, used: ext4, held: true}]
  - name: pve2
    disks: [{path: /dev/sdb, size: 64G, serial: FREE2}]
  - name: pve3
    disks: [{path: /dev/sdb, size: 64G, serial: FREE3}]
ceph:
  stage: monitors
  osds: [{node: pve1, device: /dev/sdi}]
"#;

/// `pve_ceph_osd.o` on a device of the first node, with these further attributes.
#[must_use]
pub fn osd(device: &str, more: &str) -> String {
    format!(
        "resource \"pve_ceph_osd\" \"o\" {{\nnode = \"pve1\"\ndevice = {{ {device} }}\nallow_destroy = true\n{more}\n}}\n"
    )
}

/// Every attribute of a VM.
pub const FULL_VM: &str = r#"
vmid          = 131
name          = "web"
cores         = 2
memory        = 1024
scsi_hardware = "virtio-scsi-single"
description   = "line one\nline two"
tags          = ["web", "Prod"]
on_boot       = true
started       = true
disks = {
  scsi0 = { size = "8G", initial_storage = "local-lvm", discard = true, iothread = true }
  scsi1 = { size = "1536M", storage = "local-lvm", cache = "none" }
}
networks = {
  net0 = { bridge = "vmbr0", tag = 20, firewall = true }
}
cloud_init = {
  storage   = "local-lvm"
  user      = "ops"
  ssh_keys  = ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAhLwvtjKRGnNn7jxMRbrVIdFNJN0F3cg2AQ0YqqAd2y ops@example\n"]
  ip_config = { net0 = { ip = "192.0.2.10/24", gw = "192.0.2.1" } }
  dns       = { servers = ["192.0.2.53", "192.0.2.54"], domain = "example.com" }
}
allow_destroy = true
"#;

/// `pve_vm.web` with these attributes.
#[must_use]
pub fn vm(attributes: &str) -> String {
    format!("resource \"pve_vm\" \"web\" {{\n{attributes}\n}}\n")
}

/// A storage on Ceph, for disks to move to.
pub const CEPH_STORAGE: &str = r#"
resource "pve_ceph_pool" "vm" {
  name          = "vm"
  allow_destroy = true
}
resource "pve_storage_rbd" "vm" {
  storage = "ceph-vm"
  pool    = pve_ceph_pool.vm.name
}
"#;

/// [`CEPH_STORAGE`], a VM with two disks on local-lvm, and their moves with these attributes; without that of a disk whose are
/// `none`.
#[must_use]
pub fn two_disks(first: &str, second: &str) -> String {
    let one = |disk: &str, attributes: &str| {
        format!(
            "resource \"pve_vm_disk_move\" \"{disk}\" {{\nvmid = pve_vm.two.vmid\ndisk = \"{disk}\"\n\
             storage = pve_storage_rbd.vm.storage\n{attributes}\n}}\n"
        )
    };
    let vm = "resource \"pve_vm\" \"two\" {\nvmid = 102\nstarted = true\nallow_destroy = true\ndisks = {\n\
              scsi0 = { size = \"4G\", initial_storage = \"local-lvm\" }\n\
              scsi1 = { size = \"32G\", initial_storage = \"local-lvm\" }\n}\ndepends_on = [pve_storage_rbd.vm]\n}\n";
    let moves = [("scsi0", first), ("scsi1", second)].into_iter().filter(|(_, attributes)| *attributes != "none");
    format!("{CEPH_STORAGE}\n{vm}{}", moves.map(|(disk, attributes)| one(disk, attributes)).collect::<String>())
}

/// Two OSDs on each of three nodes, and a pool with three copies of a machine's disk.
pub const OSDS_IN_USE: &str = r#"
storages:
  - {storage: local, type: dir, path: /var/lib/vz, content: [iso]}
  - {storage: vm, type: rbd, pool: vm, content: [images]}
guests:
  - {vmid: 101, node: pve2, config: {scsi0: "vm:8"}}
ceph:
  stage: ready
  pools: [{name: vm, size: 3, application: rbd}]
"#;

/// The OSDs of these nodes and disks, with these further attributes.
#[must_use]
pub fn osds(which: &[(&str, &str)], more: &str) -> String {
    let block = |(node, serial): &(&str, &str)| {
        format!(
            "resource \"pve_ceph_osd\" \"{serial}\" {{\nnode = \"{node}\"\ndevice = {{ serial = \"{serial}\" }}\n{more}\n}}\n"
        )
    };
    which.iter().map(block).collect()
}
