data "pve_nodes" "all" {}

output "online" {
  value = [for name, node in data.pve_nodes.all.nodes : name if node.online]
}
