data "pve_node_config" "pve1" {
  node = "pve1"
}

output "node_description" {
  value = data.pve_node_config.pve1.description
}
