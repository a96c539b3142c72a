data "pve_storage_cifs" "backup" {
  storage = "share-backup"
}

output "storage_cifs_share" {
  value = data.pve_storage_cifs.backup.share
}
