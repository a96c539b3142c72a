resource "pve_vm" "web" {
  vmid          = 131
  name          = "web"
  node          = "pve1"
  os_type       = "l26"
  cores         = 2
  memory        = 1024
  scsi_hardware = "virtio-scsi-single"
  tags          = ["web"]
  started       = true

  disks = {
    # Made on `local-lvm`; where it lies later is left to `pve_vm_disk_move`.
    scsi0 = { size = "8G", initial_storage = "local-lvm", discard = true, iothread = true }
  }

  networks = {
    net0 = { bridge = "vmbr0", tag = 20 }
  }

  cloud_init = {
    storage   = "local-lvm"
    user      = "ops"
    ssh_keys  = ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAhLwvtjKRGnNn7jxMRbrVIdFNJN0F3cg2AQ0YqqAd2y ops@example"]
    ip_config = { net0 = { ip = "192.0.2.10/24", gw = "192.0.2.1" } }
    dns       = { servers = ["192.0.2.53"] }
  }

  allow_destroy = true

  lifecycle {
    # Whatever depends on the machine waits until it is complete.
    postcondition {
      condition     = self.ready
      error_message = "The machine is not complete yet; apply again to carry on."
    }
  }
}
