data "pve_ceph_metadata_servers" "all" {}

output "servers" {
  value = keys(data.pve_ceph_metadata_servers.all.ceph_metadata_servers)
}
