resource "pve_node_time" "pve1" {
  node     = "pve1"
  timezone = "Etc/UTC"
}
