data "pve_storage_lvmthin" "fast" {
  storage = "thin-fast"
}

output "storage_lvmthin_pool" {
  value = data.pve_storage_lvmthin.fast.thinpool
}
