# The way back of a disk, for the end of a test: the storage that it was moved to goes.

terraform {
  required_providers {
    pve = {
      source = "homelab/pve"
    }
  }
}

variable "vmid" {
  type = number
}

variable "disk" {
  type = string
}

variable "storage" {
  type = string
}

resource "pve_vm_disk_move" "back" {
  vmid          = var.vmid
  disk          = var.disk
  storage       = var.storage
  delete_source = true
}
