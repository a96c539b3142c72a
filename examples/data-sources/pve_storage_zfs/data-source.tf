data "pve_storage_zfs" "store" {
  storage = "zfs-store"
}

output "storage_zfs_portal" {
  value = data.pve_storage_zfs.store.portal
}
