data "pve_storage_esxi" "old" {
  storage = "esxi-old"
}

output "storage_esxi_server" {
  value = data.pve_storage_esxi.old.server
}
