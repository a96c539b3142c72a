resource "pve_vm" "shop" {
  vmid          = 141
  name          = "shop"
  disks         = { scsi0 = { size = "4G", initial_storage = "local-lvm" } }
  allow_destroy = true
}

resource "pve_snapshot" "before_upgrade" {
  vmid        = pve_vm.shop.vmid
  name        = "before-upgrade"
  description = "Release 7, as it was in production"
}
