data "pve_ceph_manager" "first" {
  name = "pve1"
}

output "runs_on" {
  value = data.pve_ceph_manager.first.node
}
