data "pve_disk_partitions" "all" {}

output "partitions_for_osds" {
  value = [for id, partition in data.pve_disk_partitions.all.disk_partitions : id if startswith(partition.label, "osd-")]
}
