resource "pve_node_dns" "pve1" {
  node   = "pve1"
  search = "lab.example"
  dns1   = "10.98.76.254"
}
