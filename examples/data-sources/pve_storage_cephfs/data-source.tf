data "pve_storage_cephfs" "files" {
  storage = "ceph-files"
}

output "storage_cephfs_fs" {
  value = data.pve_storage_cephfs.files.fs_name
}
