data "pve_storage_pbs" "backup" {
  storage = "pbs"
}

output "storage_pbs_datastore" {
  value = data.pve_storage_pbs.backup.datastore
}
