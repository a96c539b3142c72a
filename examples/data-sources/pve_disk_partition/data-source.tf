data "pve_disk_partition" "osd" {
  node  = "pve1"
  disk  = "S5GX09"
  label = "osd-system"
}

output "partition_number" {
  value = data.pve_disk_partition.osd.number
}
