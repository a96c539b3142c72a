data "pve_node_network" "all" {}

output "without_ceph_network" {
  description = "Nodes that have no address in the network that Ceph is to use."
  value = [
    for name, node in data.pve_node_network.all.nodes : name
    if node.networks != null && !contains(node.networks, "10.0.0.0/24")
  ]
}
