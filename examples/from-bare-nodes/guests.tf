# The virtual machine that the founder has already comes under Terraform's care as it is ...
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
