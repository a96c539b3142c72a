resource "pve_ceph_pool" "vm" {
  name          = "vm"
  allow_destroy = true
}

resource "pve_storage_rbd" "vm" {
  storage = "ceph-vm"
  pool    = pve_ceph_pool.vm.name
}

resource "pve_vm" "web" {
  vmid          = 120
  name          = "web"
  memory        = 512
  disks         = { scsi0 = { size = "4G", storage = pve_storage_rbd.vm.storage } }
  allow_destroy = true
}

resource "pve_ha_resource" "web" {
  sid          = "vm:${pve_vm.web.vmid}"
  state        = "started"
  max_restart  = 2
  max_relocate = 2
}
