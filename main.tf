terraform {
  required_providers {
    pve = { source = "homelab/pve" }
  }
}
provider "pve" {}
resource "pve_ceph_pool" "vm" {
  name = "vm"
}
resource "pve_storage_rbd" "vm" {
  storage = "ceph-vm"
  pool = pve_ceph_pool.vm.name
}
resource "pve_vm_disk_move" "m" {
  vmid = 101
  disk = "scsi0"
  storage = pve_storage_rbd.vm.storage
  delete_source = true
}
resource "pve_ha_resource" "h" {
  sid = "vm:${pve_vm_disk_move.m.vmid}"
}
