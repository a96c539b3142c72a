data "pve_storage_btrfs" "data" {
  storage = "btrfs-data"
}

output "storage_btrfs_path" {
  value = data.pve_storage_btrfs.data.path
}
