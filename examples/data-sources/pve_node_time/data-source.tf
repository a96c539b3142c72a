data "pve_node_time" "pve1" {
  node = "pve1"
}

output "timezone" {
  value = data.pve_node_time.pve1.timezone
}
