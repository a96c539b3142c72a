# Guests that survive the death of their node: disks moved to shared storage while they run, then HA.

terraform {
  required_providers {
    pve = {
      source = "homelab/pve"
    }
  }
}

locals {
  moves = merge([
    for name, guest in var.guests : {
      for disk in guest.disks : "${name}-${disk}" => { guest = name, vmid = guest.vmid, disk = disk }
    }
  ]...)
}

resource "pve_vm_disk_move" "this" {
  for_each = local.moves

  vmid            = each.value.vmid
  disk            = each.value.disk
  storage         = var.storage
  bandwidth_limit = var.bandwidth_limit
  detach_after    = var.detach_after

  # A volume that stays on the old node is dragged along by every migration.
  delete_source = var.delete_source

  lifecycle {
    postcondition {
      condition     = self.ready
      error_message = "${each.value.disk} of ${each.value.guest} is still moving; apply again to watch it finish."
    }
  }
}

# HA starts a guest elsewhere only with its disks there: each waits for all the moves.
resource "pve_ha_resource" "this" {
  for_each = var.guests

  sid          = "vm:${each.value.vmid}"
  state        = each.value.state
  max_restart  = each.value.max_restart
  max_relocate = each.value.max_relocate
  comment      = each.value.comment

  depends_on = [pve_vm_disk_move.this]
}
