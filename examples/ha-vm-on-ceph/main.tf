# Three nodes, two small disks each: from bare disks to virtual machines that survive the death of a node.

terraform {
  required_providers {
    pve = {
      source = "homelab/pve"
    }
  }
}

# Endpoints and credentials come from the environment (PVE_ENDPOINTS, PVE_USERNAME, ...).
provider "pve" {}

variable "osd_disks" {
  description = "The disks to give to Ceph: node => serial numbers. `pve_node_disks` lists them."
  type        = map(list(string))
}

variable "vmid" {
  description = "A virtual machine that exists already, on local storage."
  type        = number
  default     = 101
}

variable "copies" {
  description = "Copies kept of everything, and how many must be there for I/O to go on."
  type        = object({ size = number, min_size = number })
  default     = { size = 5, min_size = 3 }
}

variable "max_relocate" {
  description = "How many other nodes HA tries before it gives up."
  type        = number
  default     = 1
}

variable "allow_destroy" {
  description = "Must be true, and applied, before `terraform destroy` may take the OSDs, the pool and the machines away."
  type        = bool
  default     = false
}

locals {
  osds = merge([
    for node, serials in var.osd_disks : {
      for serial in serials : "${node}-${serial}" => { node = node, serial = serial }
    }
  ]...)
}

# One OSD a disk. Nothing that holds data is ever erased: a disk in use stops the apply.
resource "pve_ceph_osd" "disk" {
  for_each = local.osds

  node   = each.value.node
  device = { serial = each.value.serial }

  allow_destroy = var.allow_destroy

  lifecycle {
    postcondition {
      condition     = self.ready
      error_message = "The OSD is not up and in yet; apply again to carry on."
    }
  }
}

# Five copies cannot lie on five different hosts when there are three: spread them over OSDs.
resource "pve_ceph_crush_rule" "osd" {
  name           = "replicated_rule_osd"
  failure_domain = "osd"
}

# Two hosts hold two copies, one holds one: three are left whichever host dies, and I/O goes on.
resource "pve_ceph_pool" "vm" {
  name       = "vm"
  size       = var.copies.size
  min_size   = var.copies.min_size
  crush_rule = pve_ceph_crush_rule.osd.name

  allow_destroy = var.allow_destroy

  depends_on = [pve_ceph_osd.disk]
}

resource "pve_storage_rbd" "vm" {
  storage = "ceph-vm"
  pool    = pve_ceph_pool.vm.name
  content = ["images"]
}

# The virtual machine that is there already comes under Terraform's care as it is ...
import {
  to = pve_vm.existing
  id = var.vmid
}

resource "pve_vm" "existing" {
  vmid = var.vmid

  allow_destroy = var.allow_destroy

  # Its disk will lie there: on the way down, the machine goes first.
  depends_on = [pve_storage_rbd.vm]
}

# ... its disk moves to Ceph while it runs ...
resource "pve_vm_disk_move" "existing" {
  vmid         = pve_vm.existing.vmid
  disk         = "scsi0"
  storage      = pve_storage_rbd.vm.storage
  detach_after = "50m"

  # HA cannot start a machine elsewhere that still names a volume on the old node.
  delete_source = true

  lifecycle {
    postcondition {
      condition     = self.ready
      error_message = "The disk is still moving; apply again to watch it finish."
    }
  }
}

# ... and HA starts it elsewhere when its node dies.
resource "pve_ha_resource" "existing" {
  sid          = "vm:${pve_vm.existing.vmid}"
  state        = "started"
  max_restart  = 2
  max_relocate = var.max_relocate

  depends_on = [pve_vm_disk_move.existing]
}

# A second one, made from nothing.
resource "pve_vm" "fresh" {
  name    = "fresh"
  node    = sort(keys(var.osd_disks))[0]
  cores   = 2
  memory  = 1024
  started = true

  disks = {
    scsi0 = { size = "8G", storage = pve_storage_rbd.vm.storage }
  }

  networks = {
    net0 = { bridge = "vmbr0" }
  }

  allow_destroy = var.allow_destroy
}

resource "pve_ha_resource" "fresh" {
  sid   = "vm:${pve_vm.fresh.vmid}"
  state = "started"
}
