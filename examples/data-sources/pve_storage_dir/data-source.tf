data "pve_storage_dir" "backup" {
  storage = "backup"
}

output "storage_dir_path" {
  value = data.pve_storage_dir.backup.path
}
