# A machine that exists already, moved to Ceph and under HA, beside a second one that never runs on the same node: whichever node
# dies, one of them goes on, and the other starts elsewhere.

terraform {
  required_providers {
    pve = {
      source = "homelab/pve"
    }
  }
}

# Endpoints and credentials come from the environment (PVE_ENDPOINTS, PVE_USERNAME, ...).
provider "pve" {}

variable "vmid" {
  description = "A virtual machine that exists already, on local storage."
  type        = number
  default     = 101
}

variable "nodes" {
  description = "The nodes for both, a higher number preferred. All the same: rules among guests want no priorities."
  type        = map(number)
  default     = { pve1 = 1, pve2 = 1, pve3 = 1 }
}

variable "allow_destroy" {
  description = "Must be true, and applied, before `terraform destroy` may take pool and machines away."
  type        = bool
  default     = false
}

resource "pve_ceph_pool" "vm" {
  name          = "vm"
  allow_destroy = var.allow_destroy
}

resource "pve_storage_rbd" "vm" {
  storage = "ceph-vm"
  pool    = pve_ceph_pool.vm.name
  content = ["images"]
}

import {
  to = pve_vm.existing
  id = var.vmid
}

resource "pve_vm" "existing" {
  vmid          = var.vmid
  allow_destroy = var.allow_destroy
  depends_on    = [pve_storage_rbd.vm]
}

resource "pve_vm_disk_move" "existing" {
  vmid          = pve_vm.existing.vmid
  disk          = "scsi0"
  storage       = pve_storage_rbd.vm.storage
  delete_source = true
}

resource "pve_ha_resource" "existing" {
  sid        = "vm:${pve_vm.existing.vmid}"
  depends_on = [pve_vm_disk_move.existing]
}

resource "pve_vm" "second" {
  name          = "second"
  memory        = 512
  disks         = { scsi0 = { size = "4G", storage = pve_storage_rbd.vm.storage } }
  allow_destroy = var.allow_destroy
}

resource "pve_ha_resource" "second" {
  sid = "vm:${pve_vm.second.vmid}"
}

resource "pve_ha_rule_resource_affinity" "apart" {
  rule      = "apart"
  resources = [pve_ha_resource.existing.sid, pve_ha_resource.second.sid]
  affinity  = "negative"
}

resource "pve_ha_rule_node_affinity" "home" {
  rule      = "home"
  resources = [pve_ha_resource.second.sid]
  nodes     = var.nodes
}
