data "pve_ceph_pools" "all" {}

output "ceph_pools_by_rule" {
  value = { for name, pool in data.pve_ceph_pools.all.ceph_pools : pool.crush_rule => name... }
}
