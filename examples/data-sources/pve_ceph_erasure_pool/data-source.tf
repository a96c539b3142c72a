data "pve_ceph_erasure_pool" "cold" {
  name = "cold"
}

output "ceph_erasure_pool_chunks" {
  value = data.pve_ceph_erasure_pool.cold.k + data.pve_ceph_erasure_pool.cold.m
}
