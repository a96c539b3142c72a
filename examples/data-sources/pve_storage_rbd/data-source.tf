data "pve_storage_rbd" "vm" {
  storage = "ceph-vm"
}

output "pool" {
  value = data.pve_storage_rbd.vm.pool
}
