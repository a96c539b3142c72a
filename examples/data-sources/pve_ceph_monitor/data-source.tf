data "pve_ceph_monitor" "first" {
  name = "pve1"
}

output "address" {
  value = data.pve_ceph_monitor.first.address
}
