data "pve_storage_download" "debian" {
  node  = "pve1"
  volid = "local:import/debian-13.qcow2"
}

output "bytes" {
  value = data.pve_storage_download.debian.size
}
