data "pve_node_dns" "pve1" {
  node = "pve1"
}

output "name_server" {
  value = data.pve_node_dns.pve1.dns1
}
