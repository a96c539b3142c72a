data "pve_ceph_metadata_server" "first" {
  name = "pve1"
}

output "runs_on" {
  value = data.pve_ceph_metadata_server.first.node
}
