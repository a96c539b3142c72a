data "pve_ceph_pool" "vm" {
  name = "vm"
}

output "ceph_pool_copies" {
  value = "${data.pve_ceph_pool.vm.size}/${data.pve_ceph_pool.vm.min_size}"
}
