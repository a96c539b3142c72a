data "pve_node_file" "conntrack" {
  node = "pve1"
  path = "/etc/sysctl.d/70-conntrack.conf"
}

output "conntrack" {
  value = data.pve_node_file.conntrack.content
}
