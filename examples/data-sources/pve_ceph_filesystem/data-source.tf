data "pve_ceph_filesystem" "files" {
  name = "files"
}

output "ceph_filesystem_data_pool" {
  value = data.pve_ceph_filesystem.files.data_pool
}
