resource "pve_ceph_pool" "vm" {
  name          = "vm"
  allow_destroy = true
}

resource "pve_storage_rbd" "vm" {
  storage = "ceph-vm"
  pool    = pve_ceph_pool.vm.name
}

resource "pve_vm" "db" {
  vmid = 132
  name = "db"

  # Where the disk lies is left to the move: no `storage` here.
  disks         = { scsi0 = { size = "4G", initial_storage = "local-lvm" } }
  allow_destroy = true

  # Its disk will lie there: on the way down, the machine goes first.
  depends_on = [pve_storage_rbd.vm]
}

resource "pve_vm_disk_move" "db" {
  vmid          = pve_vm.db.vmid
  disk          = "scsi0"
  storage       = pve_storage_rbd.vm.storage
  delete_source = true

  # In a pipeline with a time limit of an hour: the next run takes the move up again.
  detach_after = "50m"

  lifecycle {
    # HA and whatever else needs the disk to have arrived waits for it.
    postcondition {
      condition     = self.ready
      error_message = "The disk is still moving; apply again to watch it finish."
    }
  }
}
