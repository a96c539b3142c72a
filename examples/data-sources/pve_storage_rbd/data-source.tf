resource "pve_ceph_pool" "vm" {
  name          = "vm"
  allow_destroy = true
}

resource "pve_storage_rbd" "vm" {
  storage = "ceph-vm"
  pool    = pve_ceph_pool.vm.name
}

data "pve_storage_rbd" "vm" {
  storage = pve_storage_rbd.vm.storage
}

output "pool" {
  value = data.pve_storage_rbd.vm.pool
}
