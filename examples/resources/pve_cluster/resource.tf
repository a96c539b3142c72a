# The first of three nodes that do not know each other yet.
resource "pve_cluster" "lab" {
  name = "lab"
  node = "pve1"
}
