resource "pve_ceph_pool" "vm" {
  name          = "vm"
  allow_destroy = true
}

resource "pve_storage_rbd" "vm" {
  storage = "ceph-vm"
  pool    = pve_ceph_pool.vm.name
  content = ["images"]
}
