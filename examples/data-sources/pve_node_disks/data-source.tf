data "pve_node_disks" "pve1" {
  node = "pve1"
}

output "free" {
  description = "Serial numbers of the disks that hold nothing."
  value       = [for disk in data.pve_node_disks.pve1.disks : disk.serial if disk.used == null]
}
