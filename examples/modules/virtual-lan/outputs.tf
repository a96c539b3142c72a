output "addresses" {
  description = "Node => its address in the new network, once that is up there."
  value       = { for name, service in pve_node_service.this : name => split("/", var.nodes[service.node].address)[0] }
}

output "networks" {
  description = "The networks, as Ceph and migrations are told of them."
  value       = distinct([for node in var.nodes : "${cidrhost(node.address, 0)}/${split("/", node.address)[1]}"])
}
