data "pve_ceph_erasure_pools" "all" {}

output "ceph_erasure_pools" {
  value = keys(data.pve_ceph_erasure_pools.all.ceph_erasure_pools)
}
