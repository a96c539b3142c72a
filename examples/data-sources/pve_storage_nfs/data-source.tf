data "pve_storage_nfs" "iso" {
  storage = "nas-iso"
}

output "storage_nfs_server" {
  value = data.pve_storage_nfs.iso.server
}
