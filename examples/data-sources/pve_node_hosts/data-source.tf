data "pve_node_hosts" "pve1" {
  node = "pve1"
}

output "hosts" {
  value = data.pve_node_hosts.pve1.data
}
